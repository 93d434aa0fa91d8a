//! Inputs of a model, and the files that hold them.
//!
//! | file                | holds                                                                                     |
//! |---------------------|-------------------------------------------------------------------------------------------|
//! | `.json`             | `{"input_data": [[…], …], "input_shapes": [[…], …]}`: a list for each input of the model  |
//! | `.npy`              | one array: the only input                                                                 |
//! | `.npz`              | an array for each input, by name or else in order                                         |
//! | a folder (samples)  | such files, read in the order of their names                                              |
//!
//! An array fits an input when its shape does, dimensions of 1 aside, or when it is flat and has as many elements.
//! Where several samples are wanted, one more axis in front counts them.

use std::path::{Path, PathBuf};

mod error;
mod json;
mod npy;

pub use error::InputError;

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

/// The tensors of a file: one inference, or several samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    tensors: Vec<Tensor>,
    path: Option<PathBuf>,
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
        Self { tensors, path: None }
    }
}

impl Input {
    /// Reads a `.json`, `.npy` or `.npz` file.
    ///
    /// # Errors
    /// The file cannot be read, or is not of its format.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, InputError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| InputError::Read { path: path.into(), source })?;
        let tensors = match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("json") => json::read(path, &bytes)?,
            Some("npy") => vec![npy::read(path, &bytes)?],
            Some("npz") => npy::read_archive(path, bytes)?,
            _ => return Err(InputError::Format { path: path.into() }),
        };
        Ok(Self { tensors, path: Some(path.into()) })
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
            let known = |e: &std::ffi::OsStr| ["json", "npy", "npz"].iter().any(|k| e.eq_ignore_ascii_case(k));
            if file.is_file() && file.extension().is_some_and(known) {
                files.push(file);
            }
        }
        files.sort();
        if files.is_empty() {
            return Err(InputError::EmptyFolder { path: path.into() });
        }
        files.iter().map(Self::read).collect()
    }

    /// The tensors.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The values for a model's inputs, in their order. There must be one sample.
    ///
    /// # Errors
    /// The tensors do not fit, or a value is not finite.
    pub fn fit(&self, specs: &[InputSpec]) -> Result<Vec<Vec<f32>>, InputError> {
        let mut samples = self.fit_samples(specs)?;
        match (samples.len(), samples.pop()) {
            (1, Some(sample)) => Ok(sample),
            (actual, _) => Err(InputError::SampleCount { path: self.path.clone(), expected: 1, actual }),
        }
    }

    /// As [`Input::fit`], for one sample or more: `[sample][input][element]`.
    ///
    /// # Errors
    /// The tensors do not fit, or a value is not finite.
    pub fn fit_samples(&self, specs: &[InputSpec]) -> Result<Vec<Vec<Vec<f32>>>, InputError> {
        let tensors = self.in_order(specs)?;
        let mut count = None;
        for (tensor, spec) in tensors.iter().zip(specs) {
            let samples = self.samples_of(tensor, spec)?;
            let expected = *count.get_or_insert(samples);
            if expected != samples {
                return Err(InputError::SampleCount { path: self.path.clone(), expected, actual: samples });
            }
            if let Some(index) = tensor.values.iter().position(|v| !v.is_finite()) {
                return Err(InputError::NonFinite { path: self.path.clone(), tensor: spec.name.clone(), index });
            }
        }
        let element = |(tensor, spec): (&&Tensor, &InputSpec), sample: usize| {
            let n = spec.elements();
            tensor.values[sample * n..(sample + 1) * n].to_vec()
        };
        Ok((0..count.unwrap_or(1)).map(|s| tensors.iter().zip(specs).map(|pair| element(pair, s)).collect()).collect())
    }

    /// By name, if every input has a tensor of its name; else by place.
    fn in_order(&self, specs: &[InputSpec]) -> Result<Vec<&Tensor>, InputError> {
        let named = |spec: &InputSpec| self.tensors.iter().find(|t| t.name.as_deref() == Some(&spec.name));
        if let Some(tensors) = specs.iter().map(named).collect() {
            return Ok(tensors);
        }
        match self.tensors.len() == specs.len() {
            true => Ok(self.tensors.iter().collect()),
            false => {
                let (expected, actual) = (specs.len(), self.tensors.len());
                Err(InputError::TensorCount { path: self.path.clone(), expected, actual })
            }
        }
    }

    /// How many samples of `spec` the tensor holds.
    fn samples_of(&self, tensor: &Tensor, spec: &InputSpec) -> Result<usize, InputError> {
        let n = spec.elements();
        let actual = tensor.values.len();
        if n == 0 || actual == 0 || !actual.is_multiple_of(n) {
            return Err(InputError::Length { path: self.path.clone(), tensor: spec.name.clone(), expected: n, actual });
        }
        let squeeze = |shape: &[usize]| shape.iter().copied().filter(|d| *d != 1).collect::<Vec<_>>();
        let (shape, wanted, count) = (squeeze(&tensor.shape), squeeze(&spec.shape), actual / n);
        let per_sample = |tail: &[usize]| shape.split_first().is_some_and(|(first, rest)| *first == count && rest == tail);
        if shape.len() <= 1 || shape == wanted || per_sample(&wanted) || per_sample(&[n]) {
            return Ok(count);
        }
        let (expected, actual) = (spec.shape.clone(), tensor.shape.clone());
        Err(InputError::Shape { path: self.path.clone(), tensor: spec.name.clone(), expected, actual })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec(name: &str, shape: &[usize]) -> InputSpec {
        InputSpec { name: name.into(), shape: shape.into() }
    }

    fn tensor(shape: &[usize]) -> Tensor {
        let values = (0..shape.iter().product()).map(|i: usize| i as f32).collect();
        Tensor { name: None, shape: shape.into(), values }
    }

    fn read(name: &str, bytes: &[u8]) -> Result<Input, InputError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Input::read(&path)
    }

    #[test]
    fn shapes_that_fit() {
        let specs = [spec("x", &[1, 2, 3])];
        for shape in [&[6][..], &[1, 6], &[2, 3], &[1, 2, 3], &[1, 1, 2, 3]] {
            assert_eq!(Input::from(vec![tensor(shape)]).fit(&specs).unwrap(), [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]);
        }
        for shape in [&[4, 6][..], &[24], &[4, 2, 3], &[4, 1, 2, 3]] {
            let samples = Input::from(vec![tensor(shape)]).fit_samples(&specs).unwrap();
            assert_eq!((samples.len(), samples[3][0][0]), (4, 18.0));
        }
    }

    #[test]
    fn tensors_that_do_not_fit_are_refused() {
        let specs = [spec("x", &[1, 2, 3])];
        let fit = |tensors: Vec<Tensor>| Input::from(tensors).fit(&specs).expect_err("it fits");
        assert!(matches!(fit(vec![tensor(&[3, 2])]), InputError::Shape { .. }));
        assert!(matches!(fit(vec![tensor(&[5])]), InputError::Length { expected: 6, actual: 5, .. }));
        assert!(matches!(fit(vec![tensor(&[0])]), InputError::Length { expected: 6, actual: 0, .. }));
        assert!(matches!(fit(vec![tensor(&[2, 6])]), InputError::SampleCount { expected: 1, actual: 2, .. }));
        assert!(matches!(fit(vec![]), InputError::TensorCount { expected: 1, actual: 0, .. }));
        assert!(matches!(fit(vec![tensor(&[6]); 2]), InputError::TensorCount { expected: 1, actual: 2, .. }));
        let mut bad = tensor(&[6]);
        bad.values[4] = f32::NAN;
        assert!(matches!(fit(vec![bad]), InputError::NonFinite { index: 4, .. }));
    }

    #[test]
    fn names_go_before_places() {
        let specs = [spec("a", &[1]), spec("b", &[2])];
        let named = |name: &str, shape: &[usize]| Tensor { name: Some(name.into()), ..tensor(shape) };
        let input = Input::from(vec![named("b", &[2]), named("labels", &[9]), named("a", &[1])]);
        assert_eq!(input.fit(&specs).unwrap(), [vec![0.0], vec![0.0, 1.0]]);
        assert!(Input::from(vec![named("x", &[1]), named("y", &[2])]).fit(&specs).is_ok());
    }

    #[test]
    fn json_files() {
        let specs = [spec("x", &[1, 2, 2])];
        let good = [
            r#"{"input_data": [[1, 2.5, -3e0, 4]]}"#,
            r#"{"input_data": [[[1, 2.5], [-3, 4]]], "output_data": [[7]]}"#,
            r#"{"input_data": [[1, 2.5, -3, 4]], "input_shapes": [[2, 2]]}"#,
        ];
        for text in good {
            assert_eq!(read("i.json", text.as_bytes()).unwrap().fit(&specs).unwrap(), [[1.0, 2.5, -3.0, 4.0]]);
        }
        let bools = read("i.json", br#"{"input_data": [[true, false]]}"#).unwrap();
        assert_eq!(bools.tensors()[0].values, [1.0, 0.0]);

        let bad = |text: &str| read("i.json", text.as_bytes()).expect_err("it was read");
        assert!(matches!(bad("{"), InputError::Json { .. }));
        assert!(matches!(bad("{}"), InputError::Json { .. }));
        assert!(matches!(bad(r#"{"input_data": 1}"#), InputError::Json { .. }));
        assert!(matches!(bad(r#"{"input_data": [["a"]]}"#), InputError::ElementType { .. }));
        assert!(matches!(bad(r#"{"input_data": [[null]]}"#), InputError::ElementType { .. }));
        assert!(matches!(bad(r#"{"input_data": [[[1, 2], [3]]]}"#), InputError::Ragged { .. }));
        assert!(matches!(bad(r#"{"input_data": [[NaN]]}"#), InputError::JsonNonFinite { .. }));
        assert!(matches!(bad(r#"{"input_data": [[-Infinity]]}"#), InputError::JsonNonFinite { .. }));
        assert!(matches!(bad(r#"{"input_data": [[1]], "input_shapes": [[2]]}"#), InputError::Length { expected: 2, actual: 1, .. }));
        assert!(matches!(bad(r#"{"input_data": [[1]], "input_shapes": []}"#), InputError::TensorCount { .. }));
        let huge = read("i.json", br#"{"input_data": [[1e39]]}"#).unwrap().fit(&[spec("x", &[1])]);
        assert!(matches!(huge, Err(InputError::NonFinite { index: 0, .. })));
    }

    fn npy<T: npyz::AutoSerialize + Copy>(values: &[T], shape: &[u64], order: npyz::Order) -> Vec<u8> {
        use npyz::WriterBuilder;
        let mut bytes = Vec::new();
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).order(order).writer(&mut bytes).begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn npy_files() {
        let row_major = read("i.npy", &npy(&[1f64, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3], npyz::Order::C)).unwrap();
        let column_major = read("i.npy", &npy(&[1u8, 4, 2, 5, 3, 6], &[2, 3], npyz::Order::Fortran)).unwrap();
        assert_eq!(row_major.tensors(), column_major.tensors());
        assert_eq!(row_major.tensors()[0].shape, [2, 3]);

        let good = npy(&[1f32, 2.0], &[2], npyz::Order::C);
        assert!(matches!(read("i.npy", &good[..good.len() - 1]), Err(InputError::Npy { .. })));
        assert!(matches!(read("i.npy", b"not numpy"), Err(InputError::Npy { .. })));
        assert!(matches!(read("i.npz", &good), Err(InputError::Npy { .. })));
        assert!(matches!(read("i.txt", &good), Err(InputError::Format { .. })));
        let complex = String::from_utf8_lossy(&good).replace("<f4", "<c8").into_bytes();
        assert!(read("i.npy", &complex).is_err());
    }

    #[test]
    fn folders_of_samples() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Input::read_samples(dir.path()), Err(InputError::EmptyFolder { .. })));
        std::fs::write(dir.path().join("b.json"), r#"{"input_data": [[2]]}"#).unwrap();
        std::fs::write(dir.path().join("a.npy"), npy(&[1f32], &[1], npyz::Order::C)).unwrap();
        std::fs::write(dir.path().join("README"), "").unwrap();
        let samples = Input::read_samples(dir.path()).unwrap();
        assert_eq!(samples.iter().map(|s| s.tensors()[0].values[0]).collect::<Vec<_>>(), [1.0, 2.0]);
        assert!(matches!(Input::read_samples("/nowhere"), Err(InputError::Read { .. })));
    }

    proptest! {
        #[test]
        fn damaged_npy_files_do_not_panic(at in 0usize..128, byte in any::<u8>(), cut in 0usize..144) {
            let mut bytes = npy(&[1f32, 2.0, 3.0, 4.0], &[2, 2], npyz::Order::C);
            bytes[at] = byte;
            bytes.truncate(cut.max(1));
            let _ = read("i.npy", &bytes);
        }
    }
}
