//! Errors of the command line.

use std::path::PathBuf;

use sworn::{Error, FileError, InputError, Rejection, SrsError};

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Sworn(#[from] Error),
    /// An option that only a compilation reads.
    #[error("`{option}` cannot change a compiled model")]
    OptionNeedsModel { option: &'static str },
    /// A benchmark's folder lacks a file.
    #[error("`{}` has no {file}", folder.display())]
    BenchFile { folder: PathBuf, file: &'static str },
    /// A process of a benchmark failed.
    #[error("the step `{step}` of the benchmark failed")]
    BenchStep { step: &'static str },
    /// An SRS that does not pass its check.
    #[error("rejected: {0}")]
    SrsRejected(SrsError),
    /// Some of several receipts are rejected.
    #[error("{rejected} of {of} receipts are rejected")]
    Receipts { rejected: usize, of: usize, answer: Box<super::Answer> },
    /// The cache of reference strings has no place.
    #[error("there is no cache folder")]
    NoCache,
    /// The variable that chooses instructions.
    #[error("SWORN_SIMD is `{value}`")]
    Simd { value: String },
}

impl CliError {
    pub(crate) fn is_rejection(&self) -> bool {
        matches!(self, Self::Receipts { .. } | Self::SrsRejected(_) | Self::Sworn(Error::Rejected(_)))
    }

    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Sworn(e) => e.hint(),
            Self::OptionNeedsModel { .. } => Some("give the .onnx file instead of the folder; the model is then compiled again"),
            Self::BenchFile { .. } => Some("a folder of a benchmark holds network.onnx and input.json"),
            Self::BenchStep { .. } => Some("its own message is above"),
            Self::SrsRejected(e) => Some(e.hint()),
            Self::Receipts { .. } => Some("do not rely on those"),
            Self::NoCache => Some("name one with `--srs-cache DIR`, or a file with `-o`"),
            Self::Simd { .. } => {
                Some("set it to `auto`, `adx` (no vector instructions) or `portable` (no mulx, adcx and adox either), or unset it")
            }
        }
    }
}

macro_rules! through_sworn {
    ($($error:ty),*) => {
        $(impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                Self::Sworn(error.into())
            }
        })*
    };
}

through_sworn!(FileError, InputError, Rejection, SrsError);
