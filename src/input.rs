//! Inputs of a model, and the files that hold them.
//!
//! | file                | holds                                                                                     |
//! |---------------------|-------------------------------------------------------------------------------------------|
//! | `.json`             | `{"input_data": [[…], …], "input_shapes": [[…], …]}`: a list for each input of the model  |
//! | `.npy`              | one array: the only input                                                                 |
//! | `.npz`              | an array for each input, by name; in order if numpy named them all, `arr_0` and so on      |
//! | stdin, a FIFO       | one of these, known by its first bytes                                                    |
//! | a folder (samples)  | such files, read in the order of their names                                              |
//!
//! An array fits an input when its shape does, dimensions of 1 aside, or when it is flat and has as many elements.
//! Where several samples are wanted, one more axis in front counts them.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sworn_circuits::memory::Budget;

mod error;
mod json;
mod npy;
mod source;

pub use error::InputError;
use source::{Array, Format, Source, Stream};

/// Bytes that a value of a sample takes at most while it is read: itself, its copy, and the room that growing lists have.
const BYTES_PER_VALUE: u64 = 16;

/// The values of one input tensor, or of several samples of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The input that it is for; without a name, its place among the tensors decides.
    pub name: Option<String>,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
}

/// Tensors for one inference, or for several samples. A file is read when it is fitted to what a model takes.
#[derive(Clone, Debug)]
pub struct Input {
    source: Source,
}

/// What a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSpec {
    /// Name of the input.
    pub name: String,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
}

impl InputSpec {
    fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

impl From<Vec<Tensor>> for Input {
    fn from(tensors: Vec<Tensor>) -> Self {
        Self { source: Source::Tensors(tensors) }
    }
}

impl Input {
    /// The input in a `.json`, `.npy` or `.npz` file. What is in it is read, and may be refused, by [`Input::fit`].
    ///
    /// # Errors
    /// There is no such file, or it has another extension.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, InputError> {
        let path = path.as_ref();
        let io = |source| InputError::Read { path: path.into(), source };
        let metadata = std::fs::metadata(path).map_err(io)?;
        if metadata.is_dir() {
            return Err(io(ErrorKind::IsADirectory.into()));
        }
        if !metadata.is_file() {
            return Ok(Self::from_reader(path, File::open(path).map_err(io)?));
        }
        match Format::of(path) {
            Some(format) => Ok(Self { source: Source::File(path.into(), format) }),
            None => Err(InputError::Format { path: path.into() }),
        }
    }

    /// The input that a reader answers, which is not read beyond it; errors call it `name`.
    pub fn from_reader(name: impl Into<PathBuf>, reader: impl Read + Send + 'static) -> Self {
        Self { source: Source::Stream(Arc::new(Stream::new(name.into(), Box::new(reader)))) }
    }

    /// Reads every sample of a file, or of a folder of files.
    ///
    /// # Errors
    /// A file cannot be read, or the folder holds none.
    pub fn read_samples(path: impl AsRef<Path>) -> Result<Vec<Self>, InputError> {
        let path = path.as_ref();
        if !path.is_dir() {
            return Ok(vec![Self::read(path)?]);
        }
        let io = |source| InputError::Read { path: path.into(), source };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(io)? {
            let file = entry.map_err(io)?.path();
            if file.is_file() && Format::of(&file).is_some() {
                files.push(file);
            }
        }
        files.sort();
        if files.is_empty() {
            return Err(InputError::EmptyFolder { path: path.into() });
        }
        files.iter().map(Self::read).collect()
    }

    /// The values for a model's inputs, in their order. There must be one sample.
    ///
    /// # Errors
    /// The file cannot be read or is not of its format, the tensors do not fit, or a value is not finite.
    pub fn fit(&self, specs: &[InputSpec]) -> Result<Vec<Vec<f32>>, InputError> {
        let mut samples = self.fit_at_most(specs, 1)?;
        match (samples.len(), samples.pop()) {
            (1, Some(sample)) => Ok(sample),
            (actual, _) => Err(InputError::SampleCount { path: self.source.path(), expected: 1, actual }),
        }
    }

    /// As [`Input::fit`], for one sample or more: `[sample][input][element]`.
    ///
    /// # Errors
    /// As [`Input::fit`], or there are more samples than are read.
    pub fn fit_samples(&self, specs: &[InputSpec]) -> Result<Vec<Vec<Vec<f32>>>, InputError> {
        let elements = specs.iter().map(InputSpec::elements).fold(1, usize::saturating_add);
        let room = usize::try_from(Budget::SYSTEM.remaining() / BYTES_PER_VALUE).unwrap_or(usize::MAX);
        self.fit_at_most(specs, (room / elements).max(1))
    }

    fn fit_at_most(&self, specs: &[InputSpec], most: usize) -> Result<Vec<Vec<Vec<f32>>>, InputError> {
        let path = || self.source.path();
        let arrays = self.source.arrays(specs, most)?;
        let mut count = None;
        for (array, spec) in arrays.iter().zip(specs) {
            let samples = self.samples_of(array, spec)?;
            let expected = *count.get_or_insert(samples);
            if expected != samples {
                return Err(InputError::SampleCount { path: path(), expected, actual: samples });
            }
            if samples > most {
                return Err(match most {
                    1 => InputError::SampleCount { path: path(), expected: most, actual: samples },
                    _ => InputError::TooManySamples { path: path(), most, actual: samples },
                });
            }
            if let Some(index) = array.values.iter().position(|v| !v.is_finite()) {
                return Err(InputError::NonFinite { path: path(), tensor: spec.name.clone(), index });
            }
        }
        let element = |(array, spec): (&Array<'_>, &InputSpec), sample: usize| {
            let n = spec.elements();
            array.values[sample * n..(sample + 1) * n].to_vec()
        };
        Ok((0..count.unwrap_or(1)).map(|s| arrays.iter().zip(specs).map(|pair| element(pair, s)).collect()).collect())
    }

    /// How many samples of `spec` the array holds.
    fn samples_of(&self, array: &Array<'_>, spec: &InputSpec) -> Result<usize, InputError> {
        let (n, actual) = (spec.elements(), array.count);
        if n == 0 || actual == 0 || !actual.is_multiple_of(n) {
            return Err(InputError::Length { path: self.source.path(), tensor: spec.name.clone(), expected: n, actual });
        }
        let squeeze = |shape: &[usize]| shape.iter().copied().filter(|d| *d != 1).collect::<Vec<_>>();
        let (shape, wanted, count) = (squeeze(&array.shape), squeeze(&spec.shape), actual / n);
        let per_sample = |tail: &[usize]| shape.split_first().is_some_and(|(first, rest)| *first == count && rest == tail);
        if shape.len() <= 1 || shape == wanted || per_sample(&wanted) || per_sample(&[n]) {
            return Ok(count);
        }
        let (expected, actual) = (spec.shape.clone(), array.shape.clone());
        Err(InputError::Shape { path: self.source.path(), tensor: spec.name.clone(), expected, actual })
    }
}

#[cfg(test)]
mod tests;
