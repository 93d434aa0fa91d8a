//! Errors of the command line.

use std::path::{Path, PathBuf};

use sworn::{Difference, Error, FileError, InputError, Rejection, SrsError};

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Sworn(Box<Error>),
    /// A key would have to be made of the input.
    #[error("`{}` needs samples or ranges to be compiled for: its keys and receipts would reveal the input{}", model.display(), ways(model))]
    NoCalibration { model: PathBuf },
    /// Samples of a folder are not kept.
    #[error("`{}` needs samples or ranges to be compiled for{}", model.display(), ways(model))]
    NoSamples { model: PathBuf },
    /// A folder that is not what was asked for.
    #[error("`{}` is not what is asked for: {}\nhint: {hint}", folder.display(), list(differences))]
    Differs { folder: PathBuf, differences: Vec<Difference>, hint: String },
    /// A folder that cannot be read.
    #[error("{error}\nhint: compile again with `{command}`")]
    Damaged { error: Box<Error>, command: String },
    /// A folder whose receipts show what is thought to be private.
    #[error("`{}` was compiled to show the input in its receipts", folder.display())]
    ShowsInput { folder: PathBuf },
    /// A folder whose receipts do not show what they are asked to.
    #[error("`{}` was compiled to keep the input private", folder.display())]
    HidesInput { folder: PathBuf },
    /// An option that only a compilation reads.
    #[error("`{option}` cannot change a compiled model")]
    OptionNeedsModel { option: &'static str },
    /// An option that the chosen backend does not read.
    #[error("`{option}` says nothing to this backend")]
    OptionNeedsBackend { option: &'static str },
    /// The trace is no result.
    #[error("`--trace -`: stdout is for the result")]
    TraceToStdout,
    /// A benchmark's folder lacks a file.
    #[error("`{}` has no {file}", folder.display())]
    BenchFile { folder: PathBuf, file: &'static str },
    /// Some models could not be measured.
    #[error("{error}")]
    Bench { error: Box<CliError>, models: Vec<serde_json::Value> },
    /// A process of a benchmark failed.
    #[error("the step `{step}` of the benchmark failed")]
    BenchStep { step: &'static str },
    /// Keys that are not the model's.
    #[error("rejected: {0}")]
    AuditRejected(Box<Error>),
    /// Keys that are the model's, and too coarse or too narrow for the samples.
    #[error("rejected: {0}")]
    AuditError(String),
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
        match self {
            Self::Receipts { .. } | Self::SrsRejected(_) | Self::AuditRejected(_) | Self::AuditError(_) => true,
            Self::Sworn(error) => match &**error {
                Error::Rejected(_) => true,
                Error::Package(error) => error.is_rejection(),
                _ => false,
            },
            _ => false,
        }
    }

    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Sworn(e) => e.hint(),
            // These bring their own.
            Self::NoCalibration { .. } | Self::NoSamples { .. } | Self::Differs { .. } | Self::Damaged { .. } => None,
            Self::ShowsInput { .. } => Some("pass `--public-input` to agree, or compile with `--public-input=false`"),
            Self::HidesInput { .. } => Some("leave out `--public-input`, or compile with it"),
            Self::OptionNeedsModel { .. } => Some("compile the .onnx file with it, `sworn compile MODEL.onnx`, or leave it out"),
            Self::AuditRejected(_) => Some("do not trust these keys: compile the model yourself with `sworn compile`"),
            Self::AuditError(_) => Some("ask for keys of more bits and of ranges like these, or allow more with `--max-error`"),
            Self::OptionNeedsBackend { .. } => Some("leave it out, or choose the device with `--backend cuda` or `--backend auto`"),
            Self::TraceToStdout => Some("name a file, or a FIFO"),
            Self::BenchFile { .. } => Some("a folder of a benchmark holds network.onnx and input.json"),
            Self::Bench { error, .. } => error.hint(),
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

/// The three ways to a key that shows no private input.
fn ways(model: &Path) -> String {
    let model = quoted(model);
    format!(
        "\nhint: name samples with `--calibrate SAMPLES`, or the values of an input with `--input-range NAME=LOW..HIGH`, or compile it \
         first with `sworn compile {model} --calibrate SAMPLES`; `--calibrate-on-input` gives the input away"
    )
}

fn list(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// As a shell reads it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+,:@%=".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        Self::Sworn(Box::new(error))
    }
}

macro_rules! through_sworn {
    ($($error:ty),*) => {
        $(impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                Error::from(error).into()
            }
        })*
    };
}

through_sworn!(FileError, InputError, Rejection, SrsError);
