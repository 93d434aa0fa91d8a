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
    /// The proof is shorter or longer than the proofs of the key.
    #[error("the proof has {actual} bytes, the key asks for {expected}")]
    ProofLength {
        /// Bytes of a proof for this key.
        expected: usize,
        /// Bytes given.
        actual: usize,
    },
    /// A scalar is not below the modulus.
    #[error("scalar {index} of the proof is not canonical")]
    Scalar {
        /// Its index among the scalars of the proof.
        index: usize,
    },
    /// A point has a coordinate that is not below the modulus, or is not on the curve.
    #[error("point {index} of the proof is not on the curve")]
    Point {
        /// Its index among the points of the proof.
        index: usize,
    },
    /// A point is the identity, which no honest prover sends.
    #[error("point {index} of the proof is the identity")]
    Identity {
        /// Its index among the points of the proof.
        index: usize,
    },
    /// The pairing does not hold: the evaluations do not satisfy the gates, or are not those of the commitments.
    #[error("the proof is rejected")]
    Rejected,
}

/// Why integers have no instance, or an instance no integers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError {
    /// The integers are not as many as the public tensors' elements.
    #[error("there are {actual} integers, the public tensors have {expected} elements")]
    ElementCount {
        /// Elements of the public tensors.
        expected: usize,
        /// Integers given.
        actual: usize,
    },
    /// The public values are not as many as the key asks for.
    #[error("the instance has {actual} values, the key asks for {expected}")]
    ValueCount {
        /// Public values of the key.
        expected: usize,
        /// Values given.
        actual: usize,
    },
    /// An integer is outside of the range in which its tensor is packed.
    #[error("element {element} of public tensor {tensor} is outside of the range in which it is packed")]
    OutOfRange {
        /// Index of the tensor in the key.
        tensor: usize,
        /// Its index in the tensor, row-major.
        element: usize,
    },
    /// A public value is not of integers in their range.
    #[error("public value {index} is not of integers in their range")]
    NotCanonical {
        /// Its index in the instance.
        index: usize,
    },
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
    /// A commitment is not on the curve, or a point of G2 is not in the group or the identity.
    #[error("point {index} of the key is not in the group")]
    Point {
        /// Its index among the points of the key.
        index: usize,
    },
    /// The reference string's secret is 1 or −1.
    #[error("the key's reference string has a secret that everybody knows: anyone can forge proofs")]
    KnownSecret,
    /// An expression is not well formed, or of too high a degree.
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
