//! Input files of EZKL: `{"input_data": [[…], …], "input_shapes": [[…], …]}`.
//!
//! A tensor is a flat list or lists in lists; `input_shapes` may be left out, other fields are not looked at.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{InputError, Tensor};

#[derive(Deserialize)]
struct File {
    input_data: Vec<Value>,
    input_shapes: Option<Vec<Vec<usize>>>,
}

pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Vec<Tensor>, InputError> {
    let file: File = serde_json::from_slice(bytes).map_err(|source| {
        let path = path.to_owned();
        match is_non_finite(bytes, &source) {
            true => InputError::JsonNonFinite { path, source },
            false => InputError::Json { path, source },
        }
    })?;
    let mut tensors = Vec::new();
    for (index, value) in file.input_data.iter().enumerate() {
        let mut reader = Reader { path, tensor: index, values: Vec::new() };
        let shape = reader.read(value)?;
        tensors.push(Tensor { name: None, shape, values: reader.values });
    }
    let Some(shapes) = file.input_shapes else { return Ok(tensors) };
    if shapes.len() != tensors.len() {
        return Err(InputError::TensorCount { path: Some(path.into()), expected: shapes.len(), actual: tensors.len() });
    }
    for (index, (tensor, shape)) in tensors.iter_mut().zip(shapes).enumerate() {
        let expected = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).unwrap_or(usize::MAX);
        let actual = tensor.values.len();
        if expected != actual {
            return Err(InputError::Length { path: Some(path.into()), tensor: format!("tensor {index}"), expected, actual });
        }
        tensor.shape = shape;
    }
    Ok(tensors)
}

/// Whether the reader stopped at one of the words that Python writes for such numbers.
fn is_non_finite(bytes: &[u8], error: &serde_json::Error) -> bool {
    let line = bytes.split(|b| *b == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let from = error.column().saturating_sub(2).min(line.len());
    let rest = line[from..].trim_ascii_start();
    error.to_string().starts_with("number out of range")
        || ["NaN", "Infinity", "-Infinity", "[NaN", "[Infinity"].iter().any(|word| rest.starts_with(word.as_bytes()))
}

struct Reader<'p> {
    path: &'p Path,
    tensor: usize,
    values: Vec<f32>,
}

impl Reader<'_> {
    /// Appends the values of `value` and answers its shape.
    fn read(&mut self, value: &Value) -> Result<Vec<usize>, InputError> {
        let wrong = |actual| Err(InputError::ElementType { path: self.path.into(), tensor: self.tensor, actual });
        match value {
            Value::Number(number) => self.values.push(number.as_f64().unwrap_or(f64::NAN) as f32),
            Value::Bool(bit) => self.values.push(f32::from(u8::from(*bit))),
            Value::Null => return wrong("null"),
            Value::String(_) => return wrong("a string"),
            Value::Object(_) => return wrong("an object"),
            Value::Array(items) => {
                let mut inner: Option<Vec<usize>> = None;
                for item in items {
                    let shape = self.read(item)?;
                    if *inner.get_or_insert_with(|| shape.clone()) != shape {
                        return Err(InputError::Ragged { path: self.path.into(), tensor: self.tensor });
                    }
                }
                return Ok([vec![items.len()], inner.unwrap_or_default()].concat());
            }
        }
        Ok(Vec::new())
    }
}
