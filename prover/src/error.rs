//! Why a key or a proof cannot be made.

use sworn_circuits::error::{LayoutError, WitnessError};
use sworn_circuits::graph::DecodeError;
use sworn_circuits::memory::MemoryError;

use crate::backend::Failure;

/// A key that cannot be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The reference string has another size.
    #[error("the model needs a reference string of 2^{expected} powers, this one has 2^{actual}")]
    SrsSize {
        /// log₂ of the powers that are needed.
        expected: u32,
        /// log₂ of the powers that are there.
        actual: u32,
    },
    /// The key was made with another reference string.
    #[error("the key was made with another reference string")]
    SrsMismatch,
    /// The reference string was not checked: its commitments may show what they are of.
    #[error("the reference string was not checked")]
    SrsUnchecked,
    /// The bytes are no proving key.
    #[error("the bytes are no proving key of this version")]
    Encoding,
    /// The verifying key in it is refused.
    #[error(transparent)]
    Verifying(#[from] sworn_verifier::KeyError),
    /// The constraint system of the model is not the verifying key's.
    #[error("the proving key and its verifying key do not belong together")]
    Mismatch,
    /// The permutation or a copy is too large for the encoding of its cells.
    #[error("the circuit has 2^32 cells under copy constraints or more: split the model")]
    TooLarge,
    /// The reference string has no power beside those of the circuit's size.
    #[error("the reference string has exactly 2^{k} powers and the proof needs one more, which blinds the quotient: take a file of 2^{} powers or more", k + 1)]
    SrsNextPower {
        /// log₂ of the powers that are there.
        k: u32,
    },
    /// The graph cannot be laid out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The key, or a proof with it, takes more memory than there is.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The backend could not take the key over.
    #[error(transparent)]
    Backend(Failure),
}

impl From<DecodeError> for KeyError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Memory(error) => Self::Memory(error),
            DecodeError::Graph(error) => Self::Layout(error.into()),
            _ => Self::Encoding,
        }
    }
}

/// A proof that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The witness cannot be made from these inputs.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// Key and reference string do not fit.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A public tensor leaves the range in which it is packed: the layout and the interpreter disagree.
    #[error(transparent)]
    Instance(#[from] sworn_verifier::InstanceError),
    /// The backend failed; there is no proof.
    #[error(transparent)]
    Backend(Failure),
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A commitment is the identity, which has no encoding: a broken source of randomness.
    #[error("the proof cannot be written: a commitment is the identity, which a working source of randomness makes impossible")]
    Identity,
    /// The columns do not satisfy the constraints: a fault of this program or of the machine.
    #[error("the witness does not satisfy the circuit: no proof was made; this is a fault of Sworn or of this machine, please report it")]
    Unsatisfied,
    /// The proof needs more memory than it may take.
    #[error("the proof needs about {} MB of memory and may take {} MB: raise the limit, or use a machine with more memory", needed / 1_000_000, budget / 1_000_000)]
    Memory {
        /// Bytes that it needs at least.
        needed: u64,
        /// Bytes that it may take.
        budget: u64,
    },
}
