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
    #[error("the receipt's {field}: tensor `{}` does not agree with the verifying key", .name.escape_debug())]
    Tensor {
        /// Inputs or outputs.
        field: Field,
        /// Name of the tensor in the key.
        name: String,
    },
    /// The reference string is the development one.
    #[error("the receipt was made with the insecure development SRS: anyone can forge such a proof")]
    InsecureSrs,
    /// The reference string is of no known ceremony.
    #[error("the SRS is of unknown origin, {identity}: whoever made it may be able to forge proofs")]
    UnknownSrs {
        /// Its identity.
        identity: Digest,
    },
    /// The reference string is not the one that was asked for.
    #[error("the SRS is {actual}, expected {expected}")]
    Ceremony {
        /// The identity that was asked for.
        expected: Digest,
        /// That of the key's.
        actual: Digest,
    },
    /// The proof is bound to another context than the one that was asked for.
    #[error("the receipt is for the context {actual}, expected {expected}")]
    Context {
        /// What was asked for.
        expected: Digest,
        /// What the proof is bound to.
        actual: Digest,
    },
    /// The proof is not accepted.
    #[error(transparent)]
    Proof(VerifyError),
}

/// A field of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Name of the model.
    Model,
    /// Digest of the ONNX graph.
    Source,
    /// Bits of an activation.
    Bits,
    /// Number of samples.
    Samples,
    /// The error over them.
    RelativeError,
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
}

impl Field {
    fn verb(self) -> &'static str {
        match self {
            Self::Bits | Self::Samples | Self::Tensors | Self::Inputs | Self::Outputs | Self::Instances => "do",
            Self::Model | Self::Source | Self::RelativeError | Self::Srs | Self::Visibility => "does",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::Source => "source",
            Self::Bits => "bits",
            Self::Samples => "samples",
            Self::RelativeError => "relative_error",
            Self::Srs => "srs",
            Self::Visibility => "visibility",
            Self::Tensors => "tensors",
            Self::Inputs => "inputs",
            Self::Outputs => "outputs",
            Self::Instances => "instances",
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
            Self::UnknownSrs { .. } => "unknown-srs",
            Self::Ceremony { .. } => "ceremony",
            Self::Context { .. } => "context",
            Self::Proof(_) => "proof",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InsecureSrs => "for a test, pass `--allow-insecure-srs`; else have it proved with the SRS of a ceremony",
            Self::UnknownSrs { .. } => {
                "if you know where that SRS comes from, pass its identity by `--ceremony`; `--allow-unknown-srs` takes any"
            }
            Self::Ceremony { .. } => "get a receipt that was proved with the SRS that you trust",
            Self::Context { .. } => "the proof is good, but not for what you asked: have it proved with `--context`",
            Self::VerifyingKey { .. } => "get the verifying key of this model from whom you trust, not from the prover",
            Self::Version { .. } => "use the version of sworn that wrote the receipt",
            _ => "the receipt was changed after it was made, or is not one: do not rely on it",
        }
    }
}
