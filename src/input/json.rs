//! Input files of EZKL: `{"input_data": [[…], …], "input_shapes": [[…], …]}`.
//!
//! A tensor is a flat list or lists in lists; `input_shapes` may be left out, other fields are not looked at. Values beyond those that are
//! wanted are counted and not kept.

use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Array, InputError};

/// Reads the tensors, of each at most as many values as its place in `limits` says.
pub(super) fn read(path: &Path, bytes: &[u8], limits: &[usize]) -> Result<Vec<Array<'static>>, InputError> {
    let mut problem = None;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = File { limits, problem: &mut problem }.deserialize(&mut deserializer).and_then(|file| deserializer.end().map(|()| file));
    let path = || path.to_owned();
    let (mut tensors, shapes) = read.map_err(|source| match problem {
        Some(Problem::ElementType { tensor, actual }) => InputError::ElementType { path: path(), tensor, actual },
        Some(Problem::Ragged { tensor }) => InputError::Ragged { path: path(), tensor },
        None if is_non_finite(bytes, &source) => InputError::JsonNonFinite { path: path(), source },
        None => InputError::Json { path: path(), source },
    })?;
    let Some(shapes) = shapes else { return Ok(tensors) };
    if shapes.len() != tensors.len() {
        return Err(InputError::TensorCount { path: Some(path()), expected: shapes.len(), actual: tensors.len() });
    }
    for (index, (tensor, shape)) in tensors.iter_mut().zip(shapes).enumerate() {
        let expected = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).unwrap_or(usize::MAX);
        if expected != tensor.count {
            return Err(InputError::Length { path: Some(path()), tensor: format!("tensor {index}"), expected, actual: tensor.count });
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

/// What serde's errors cannot carry.
enum Problem {
    ElementType { tensor: usize, actual: &'static str },
    Ragged { tensor: usize },
}

type Tensors = Vec<Array<'static>>;

struct File<'a> {
    limits: &'a [usize],
    problem: &'a mut Option<Problem>,
}

impl<'de> DeserializeSeed<'de> for File<'_> {
    type Value = (Tensors, Option<Vec<Vec<usize>>>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for File<'_> {
    type Value = (Tensors, Option<Vec<Vec<usize>>>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `input_data`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut data, mut shapes) = (None, None);
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "input_data" if data.is_some() => return Err(A::Error::duplicate_field("input_data")),
                "input_shapes" if shapes.is_some() => return Err(A::Error::duplicate_field("input_shapes")),
                "input_data" => data = Some(map.next_value_seed(Data { limits: self.limits, problem: &mut *self.problem })?),
                "input_shapes" => shapes = map.next_value::<Option<_>>()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok((data.ok_or_else(|| A::Error::missing_field("input_data"))?, shapes))
    }
}

struct Data<'a> {
    limits: &'a [usize],
    problem: &'a mut Option<Problem>,
}

impl<'de> DeserializeSeed<'de> for Data<'_> {
    type Value = Tensors;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tensors, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Data<'_> {
    type Value = Tensors;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tensors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tensors, A::Error> {
        let mut tensors = Vec::new();
        loop {
            let limit = self.limits.get(tensors.len()).copied().unwrap_or(0);
            let mut reader = Reader { tensor: tensors.len(), limit, count: 0, values: Vec::new(), problem: &mut *self.problem };
            let Some(shape) = list.next_element_seed(Element(&mut reader))? else { return Ok(tensors) };
            tensors.push(Array { shape, count: reader.count, values: reader.values.into() });
        }
    }
}

struct Reader<'a> {
    tensor: usize,
    limit: usize,
    count: usize,
    values: Vec<f32>,
    problem: &'a mut Option<Problem>,
}

impl Reader<'_> {
    fn push<E>(&mut self, value: f64) -> Result<Vec<usize>, E> {
        self.count += 1;
        if self.values.len() < self.limit {
            self.values.push(value as f32);
        }
        Ok(Vec::new())
    }

    fn wrong<E: Error>(&mut self, actual: &'static str) -> Result<Vec<usize>, E> {
        *self.problem = Some(Problem::ElementType { tensor: self.tensor, actual });
        Err(E::custom(actual))
    }
}

/// A number, or a list of such, whose shape is answered. serde_json bounds how deep they are nested.
struct Element<'r, 'a>(&'r mut Reader<'a>);

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = Vec<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<usize>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_> {
    type Value = Vec<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a list")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Vec<usize>, E> {
        self.0.push(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Vec<usize>, E> {
        self.0.push(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Vec<usize>, E> {
        self.0.push(value as f64)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Vec<usize>, E> {
        self.0.push(f64::from(u8::from(value)))
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<usize>, E> {
        self.0.wrong("null")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Vec<usize>, E> {
        self.0.wrong("a string")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Vec<usize>, A::Error> {
        self.0.wrong("an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<usize>, A::Error> {
        let (mut inner, mut length) = (None::<Vec<usize>>, 0);
        while let Some(shape) = list.next_element_seed(Element(&mut *self.0))? {
            length += 1;
            match &inner {
                None => inner = Some(shape),
                Some(inner) if *inner == shape => {}
                Some(_) => {
                    *self.0.problem = Some(Problem::Ragged { tensor: self.0.tensor });
                    return Err(A::Error::custom("lists of different lengths"));
                }
            }
        }
        Ok([vec![length], inner.unwrap_or_default()].concat())
    }
}
