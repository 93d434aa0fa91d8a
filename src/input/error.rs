//! Why an input is refused.

use std::path::PathBuf;

/// An input file that cannot be read, or does not fit the model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The file's extension is none that is known.
    #[error("`{}` is not a .json, .npy or .npz file", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The file is not JSON of the form that is read.
    #[error("`{}` is not an input file: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The file has `NaN` or `Infinity`, which JSON does not know.
    #[error("`{}`: a value is not finite ({source})", path.display())]
    JsonNonFinite {
        /// The file.
        path: PathBuf,
        /// Where.
        source: serde_json::Error,
    },
    /// The file is not of numpy's format, or of an element type that is not read.
    #[error("`{}` is not a numpy file that can be read: {source}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An element is not a number.
    #[error("`{}`: an element of tensor {tensor} is {actual}, expected a number", path.display())]
    ElementType {
        /// The file.
        path: PathBuf,
        /// Which tensor.
        tensor: usize,
        /// What was found.
        actual: &'static str,
    },
    /// Lists of different lengths side by side.
    #[error("`{}`: tensor {tensor} has lists of different lengths side by side", path.display())]
    Ragged {
        /// The file.
        path: PathBuf,
        /// Which tensor.
        tensor: usize,
    },
    /// Another number of tensors than the model has inputs.
    #[error("{}: {actual} tensors, expected {expected}", place(path))]
    TensorCount {
        /// The file, if it comes from one.
        path: Option<PathBuf>,
        /// Inputs of the model.
        expected: usize,
        /// Tensors given.
        actual: usize,
    },
    /// Another number of elements.
    #[error("{}: `{tensor}` has {actual} elements, expected {expected}", place(path))]
    Length {
        /// The file, if it comes from one.
        path: Option<PathBuf>,
        /// The input.
        tensor: String,
        /// Elements of the input.
        expected: usize,
        /// Elements given.
        actual: usize,
    },
    /// As many elements in another shape.
    #[error("{}: `{tensor}` has the shape {actual:?}, expected {expected:?}", place(path))]
    Shape {
        /// The file, if it comes from one.
        path: Option<PathBuf>,
        /// The input.
        tensor: String,
        /// Shape of the input.
        expected: Vec<usize>,
        /// Shape given.
        actual: Vec<usize>,
    },
    /// Another number of samples than is wanted, or than another tensor has.
    #[error("{}: {actual} samples, expected {expected}", place(path))]
    SampleCount {
        /// The file, if it comes from one.
        path: Option<PathBuf>,
        /// Samples wanted.
        expected: usize,
        /// Samples given.
        actual: usize,
    },
    /// More samples than there is memory for.
    #[error("{}: {actual} samples, there is memory for {most}", place(path))]
    TooManySamples {
        /// The file, if it comes from one.
        path: Option<PathBuf>,
        /// The most that are read.
        most: usize,
        /// Samples given.
        actual: usize,
    },
    /// A value is NaN or infinite.
    #[error("{}: element {index} of `{tensor}` is not finite", place(path))]
    NonFinite {
        /// The file, if it comes from one.
        path: Option<PathBuf>,
        /// The input.
        tensor: String,
        /// Flat index of the element.
        index: usize,
    },
    /// No array has the name of an input.
    #[error("{}: no array is named `{}`; there is {}", place(path), tensor.escape_debug(), list(available))]
    Missing {
        /// The file, if it comes from one.
        path: Option<PathBuf>,
        /// The input.
        tensor: String,
        /// Names of the arrays.
        available: Vec<String>,
    },
    /// More than an input of the model's size takes.
    #[error("`{}` has more than the {limit} bytes that an input for this model may have", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit: u64,
    },
    /// A folder without files of a known extension.
    #[error("`{}` holds no .json, .npy or .npz file", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
}

fn place(path: &Option<PathBuf>) -> String {
    match path {
        Some(path) => format!("`{}`", path.display()),
        None => "input".into(),
    }
}

/// Some of the names.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{}`", name.escape_debug())).collect();
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

impl InputError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "check the path and its permissions",
            Self::Format { .. } | Self::EmptyFolder { .. } => "give a .json, .npy or .npz file",
            Self::Json { .. } => r#"the form is {"input_data": [[…], …]} with a list for each input of the model"#,
            Self::Npy { .. } => "save it with numpy.save or numpy.savez as float32",
            Self::Missing { .. } => "name the arrays as the model's inputs: `numpy.savez(file, NAME=array)`; `sworn inspect` lists them",
            Self::TooLong { .. } => "leave out what is no input, or save it as .npy",
            Self::TooManySamples { .. } => "some hundred samples are enough to calibrate",
            Self::SampleCount { .. } => "one proof is for one sample, or for those of a batch of a model that was compiled with `--batch N`; samples go to `--calibrate`",
            Self::JsonNonFinite { .. } | Self::NonFinite { .. } => "replace NaN and infinite values",
            _ => "`sworn inspect` lists the model's inputs and their shapes",
        }
    }
}
