//! Why a structured reference string is refused.

use std::io;
use std::path::PathBuf;

use sworn_circuits::memory::MemoryError;

/// An error of [`Srs`](super::Srs).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SrsError {
    /// The file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// It takes more memory than there is.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The file is of no known format.
    #[error("{path}: not an SRS file (.ptau, halo2 ParamsKZG or Sworn cache)", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file's length is not what its header says.
    #[error("{path}: {actual} bytes, expected {expected}", path = path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes that the header calls for.
        expected: u64,
        /// Bytes in the file.
        actual: u64,
    },
    /// The format's version is not one that is read here.
    #[error("{path}: format version {actual}, expected {expected}", path = path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that is read here.
        expected: u32,
        /// The file's.
        actual: u32,
    },
    /// The `.ptau` file is of another curve than BN254.
    #[error("{path}: the points are on {actual}, expected BN254", path = path.display())]
    Curve {
        /// The file.
        path: PathBuf,
        /// The file's curve.
        actual: &'static str,
    },
    /// Nobody contributed to the `.ptau` file: its secret is 1, as `snarkjs powersoftau new` writes it.
    #[error("{path}: nobody has contributed to it", path = path.display())]
    NoContributions {
        /// The file.
        path: PathBuf,
    },
    /// The contributions of a `.ptau` file cannot be read, or the last one is not that to the powers.
    #[error("{path}: contribution {index} does not belong to the powers", path = path.display())]
    Contribution {
        /// The file.
        path: PathBuf,
        /// The contribution, from 1 on.
        index: u32,
    },
    /// A section of a `.ptau` file is missing, or there twice.
    #[error("{path}: section {section} occurs {actual} times, expected once", path = path.display())]
    SectionCount {
        /// The file.
        path: PathBuf,
        /// Type number of the section.
        section: u32,
        /// How often it occurs.
        actual: usize,
    },
    /// A section of a `.ptau` file has the wrong size.
    #[error("{path}: section {section} has {actual} bytes, expected {expected}", path = path.display())]
    SectionSize {
        /// The file.
        path: PathBuf,
        /// Type number of the section.
        section: u32,
        /// Bytes that the file's power calls for.
        expected: u64,
        /// Bytes that it has.
        actual: u64,
    },
    /// `log2` of the size is above what the field's roots of unity allow.
    #[error("k is {actual}, expected at most {expected}")]
    LogSize {
        /// The largest one.
        expected: u32,
        /// The one found or asked for.
        actual: u32,
    },
    /// More powers are needed than there are.
    #[error("the SRS has k = {actual}, expected at least {expected}")]
    TooSmall {
        /// The `k` that is needed.
        expected: u32,
        /// The `k` that there is.
        actual: u32,
    },
    /// Coordinates that are no point of the curve.
    #[error("{array}[{index}] is not a point of the curve")]
    OffCurve {
        /// Which array.
        array: Array,
        /// Where in it.
        index: usize,
    },
    /// The point at infinity, where none may be.
    #[error("{array}[{index}] is the point at infinity")]
    Infinity {
        /// Which array.
        array: Array,
        /// Where in it.
        index: usize,
    },
    /// A point of the curve that is not in the subgroup of prime order.
    #[error("{array}[{index}] is not in the subgroup of prime order")]
    Subgroup {
        /// Which array.
        array: Array,
        /// Where in it.
        index: usize,
    },
    /// The zeroth power is not the generator.
    #[error("{array}[0] is not the generator")]
    Generator {
        /// Which array.
        array: Array,
    },
    /// `powers[index]` is not `s` times the power before it.
    #[error("{array}[{index}] is not s times the power before it", array = Array::PowersG1)]
    Power {
        /// The first wrong one.
        index: usize,
    },
    /// The secret is a root of unity of small order: whoever knows it can read private values from commitments.
    #[error("the secret is a root of unity, of an order that divides 2^28·{odd_part}: commitments would show private values")]
    Order {
        /// What the order divides, without its powers of 2.
        odd_part: usize,
    },
    /// Only a string that was checked is kept in a cache.
    #[error("the SRS was not checked")]
    Unchecked,
    /// The Lagrange basis is not that of the powers.
    #[error("the Lagrange basis does not belong to the powers")]
    Lagrange,
    /// The contents do not have the digest that the file states.
    #[error("{path}: digest {actual}, expected {expected}", path = path.display(), actual = hex::encode(actual), expected = hex::encode(expected))]
    Digest {
        /// The file.
        path: PathBuf,
        /// What the header states.
        expected: [u8; 32],
        /// What the contents hash to.
        actual: [u8; 32],
    },
}

/// An array of points in an SRS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Array {
    /// `s^i · G1`.
    PowersG1,
    /// `L_i(s) · G1`.
    LagrangeG1,
    /// `s^i · G2`, for i = 0 and 1.
    PowersG2,
}

impl std::fmt::Display for Array {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PowersG1 => "powers of s in G1",
            Self::LagrangeG1 => "Lagrange basis in G1",
            Self::PowersG2 => "powers of s in G2",
        })
    }
}

impl SrsError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooSmall { .. } => {
                "import a larger file of the same ceremony with `sworn srs import`; `--profile plain` needs the fewest powers"
            }
            Self::Io { .. } => "check the path, its permissions and the free space",
            Self::Memory(_) => "raise the limits of this process, or use a machine with more memory",
            Self::LogSize { .. } => "truncate with `--k`",
            Self::Foreign { .. } | Self::Version { .. } | Self::Curve { .. } => {
                "use a BN254 .ptau file of snarkjs or a kzgK.srs file of halo2"
            }
            Self::NoContributions { .. } | Self::Order { .. } => {
                "anyone can forge proofs with it: use the file of a ceremony, such as powersOfTau28_hez_final_20.ptau of snarkjs"
            }
            Self::Unchecked => "check it with `sworn srs import`",
            _ => "download the file again and compare its hash with the one that was published",
        }
    }
}
