//! Why a proof or a key is refused.

/// Why a proof is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The instance has another length than the public tensors.
    #[error("the instance has {actual} values, the key asks for {expected}")]
    InstanceCount {
        /// Elements of the public tensors.
        expected: usize,
        /// Values given.
        actual: usize,
    },
    /// The proof has bytes behind its end.
    #[error("the proof has {count} bytes behind its end")]
    TrailingBytes {
        /// Number of bytes.
        count: usize,
    },
    /// The proof does not satisfy the protocol: a point or scalar is not canonical, an evaluation or opening is wrong.
    #[error("the proof is rejected")]
    Rejected,
    /// The key is not well formed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Why a verifying key is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are no verifying key.
    #[error("the bytes are no verifying key")]
    Encoding,
    /// The key is of another version.
    #[error("the key has version {actual}, this verifier reads version {expected}")]
    Version {
        /// The version of this crate.
        expected: u32,
        /// The version of the key.
        actual: u32,
    },
    /// Another encoding of the key is the canonical one.
    #[error("the encoding of the key is not canonical")]
    NotCanonical,
    /// A commitment is no point of the curve, or the identity.
    #[error("point {index} of the key is not on the curve")]
    Point {
        /// Its index among the points of the key.
        index: usize,
    },
    /// An expression is not well formed.
    #[error("gate {gate} of the key is not well formed")]
    Expression {
        /// Its index.
        gate: usize,
    },
    /// A number is outside its range.
    #[error("the key's {what} is out of range: {actual}")]
    Range {
        /// What it counts.
        what: &'static str,
        /// Its value.
        actual: usize,
    },
}
