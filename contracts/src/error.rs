//! Why a key cannot be exported or a call not encoded.

use std::path::PathBuf;

/// Why there is no package, or no calldata.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The contract evaluates the instance at the point of the evaluations only.
    #[error("the key reads the instance {rotation} rows away, the contract reads it at the current row")]
    InstanceRotation {
        /// The rotation.
        rotation: i32,
    },
    /// A gate is not well formed.
    #[error("gate {gate} of the key is not well formed")]
    Gate {
        /// Its index.
        gate: usize,
    },
    /// A column under copy constraints is never read at the current row.
    #[error("column {column} of the permutation has no evaluation")]
    Permutation {
        /// Its index in the permutation.
        column: usize,
    },
    /// A contract of data would be larger than the EVM allows.
    #[error("the key's programs take {actual} bytes, a contract has at most {limit}")]
    TooLarge {
        /// Bytes that the programs take.
        actual: usize,
        /// Bytes that a contract has.
        limit: usize,
    },
    /// The model's contract would be larger than the EVM allows.
    #[error("the key has {actual} public tensors, a contract takes at most {limit}")]
    TensorCount {
        /// Public tensors of the key.
        actual: usize,
        /// The most that a contract takes.
        limit: usize,
    },
    /// The instance has another length than the key's.
    #[error("the instance has {actual} values, the key asks for {expected}")]
    InstanceCount {
        /// Public values of the key.
        expected: usize,
        /// Values given.
        actual: usize,
    },
    /// The tensors have other elements than the key's public tensors.
    #[error("{actual} elements are given, the public tensors have {expected}")]
    ElementCount {
        /// Elements of the public tensors.
        expected: usize,
        /// Elements given.
        actual: usize,
    },
    /// The proof has another length than every proof of the key.
    #[error("the proof has {actual} bytes, proofs of this key have {expected}")]
    ProofLength {
        /// Bytes of a proof of the key.
        expected: usize,
        /// Bytes given.
        actual: usize,
    },
    /// The folder of the package is there already.
    #[error("`{}` exists; a package is written to a new folder", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the package cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
