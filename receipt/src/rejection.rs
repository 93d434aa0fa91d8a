//! Why a receipt is not accepted.

use alloc::string::String;
use core::fmt;

use sworn_verifier::VerifyError;

use crate::Digest;

/// The reason why a receipt is rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The receipt is not JSON, or a field is missing, unknown, repeated or of the wrong type.
    #[error("the receipt cannot be read: {0}")]
    Json(#[source] serde_json::Error),
    /// The receipt is of another format or version.
    #[error("the receipt has the format version {actual}, expected {expected}")]
    Version {
        /// The version that is read here.
        expected: u32,
        /// The receipt's.
        actual: u32,
    },
    /// The receipt is about another verifying key.
    #[error("the receipt names the verifying key {actual}, expected {expected}")]
    VerifyingKey {
        /// Digest of the key at hand.
        expected: Digest,
        /// What the receipt names.
        actual: Digest,
    },
    /// A field does not agree with the verifying key and the other fields.
    #[error("the receipt's {field} {verb} not agree with its other fields and the verifying key", verb = field.verb())]
    Mismatch {
        /// The field.
        field: Field,
    },
    /// A public tensor does not agree with the verifying key, or its reals with its integers.
    #[error("the receipt's {field}: tensor `{name}` does not agree with the verifying key")]
    Tensor {
        /// Inputs or outputs.
        field: Field,
        /// Name of the tensor in the key.
        name: String,
    },
    /// The reference string is the development one.
    #[error("the receipt was made with the insecure development SRS: anyone can forge such a proof")]
    InsecureSrs,
    /// The proof is not accepted.
    #[error(transparent)]
    Proof(VerifyError),
}

/// A field of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Name of the model.
    Model,
    /// The reference string.
    Srs,
    /// Which tensors are public.
    Visibility,
    /// The number of public tensors.
    Tensors,
    /// Public inputs.
    Inputs,
    /// Public outputs.
    Outputs,
    /// The field elements.
    Instances,
    /// The proof's text.
    Proof,
}

impl Field {
    fn verb(self) -> &'static str {
        match self {
            Self::Tensors | Self::Inputs | Self::Outputs | Self::Instances => "do",
            Self::Model | Self::Srs | Self::Visibility | Self::Proof => "does",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::Srs => "srs",
            Self::Visibility => "visibility",
            Self::Tensors => "tensors",
            Self::Inputs => "inputs",
            Self::Outputs => "outputs",
            Self::Instances => "instances",
            Self::Proof => "proof",
        })
    }
}

impl Rejection {
    /// A name for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Json(_) => "json",
            Self::Version { .. } => "version",
            Self::VerifyingKey { .. } => "verifying-key",
            Self::Mismatch { .. } => "mismatch",
            Self::Tensor { .. } => "tensor",
            Self::InsecureSrs => "insecure-srs",
            Self::Proof(_) => "proof",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InsecureSrs => "for a test, pass `--allow-insecure-srs`; else have it proved with the SRS of a ceremony",
            Self::VerifyingKey { .. } => "get the verifying key of this model from whom you trust, not from the prover",
            Self::Version { .. } => "use the version of sworn that wrote the receipt",
            _ => "the receipt was changed after it was made, or is not one: do not rely on it",
        }
    }
}
