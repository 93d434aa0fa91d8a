//! Why a key or a proof cannot be made.

use sworn_circuits::error::{LayoutError, WitnessError};

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
    /// The bytes are no proving key.
    #[error("the bytes are no proving key of this version")]
    Encoding,
    /// The verifying key in it is refused.
    #[error(transparent)]
    Verifying(#[from] sworn_verifier::KeyError),
    /// The constraint system of the model is not the verifying key's.
    #[error("the proving key and its verifying key do not belong together")]
    Mismatch,
    /// The graph cannot be laid out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// halo2 refused the circuit.
    #[error("halo2 refused the circuit: {0:?}")]
    Halo2(halo2_proofs::plonk::Error),
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
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// halo2 refused the witness.
    #[error("halo2 refused the witness: {0:?}")]
    Halo2(halo2_proofs::plonk::Error),
}
