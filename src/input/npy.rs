//! Arrays of numpy: `.npy`, and `.npz` archives of them. Floats, integers and booleans of either byte order.

use std::io::{self, Cursor, Read};
use std::path::Path;

use npyz::{DType, NpyFile, Order, TypeChar};

use super::{InputError, Tensor};

/// More elements than any model takes: a bound on what a damaged or hostile header can ask for.
const MAX_ELEMENTS: u64 = 1 << 30;

pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Tensor, InputError> {
    array(None, NpyFile::new(bytes)).map_err(|source| InputError::Npy { path: path.into(), source })
}

pub(super) fn read_archive(path: &Path, bytes: Vec<u8>) -> Result<Vec<Tensor>, InputError> {
    let npy = |source| InputError::Npy { path: path.into(), source };
    let mut archive = npyz::npz::NpzArchive::new(Cursor::new(bytes)).map_err(npy)?;
    let mut names: Vec<String> = archive.array_names().map(Into::into).collect();
    // arr_2 before arr_10
    names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    let mut tensors = Vec::new();
    for name in names {
        if let Some(file) = archive.by_name(&name).map_err(npy)? {
            tensors.push(array(Some(name), Ok(file)).map_err(npy)?);
        }
    }
    Ok(tensors)
}

fn invalid(rule: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, rule)
}

fn array<R: Read>(name: Option<String>, file: io::Result<NpyFile<R>>) -> io::Result<Tensor> {
    let file = file?;
    let DType::Plain(kind) = file.dtype() else { return Err(invalid("structured arrays are not supported")) };
    let count = file.shape().iter().try_fold(1u64, |n, d| n.checked_mul(*d)).filter(|n| *n <= MAX_ELEMENTS);
    let count = count.ok_or(invalid("the array is too large"))? as usize;
    let shape: Vec<usize> = file.shape().iter().map(|d| *d as usize).collect();
    let order = file.order();
    let values: Vec<f32> = match (kind.type_char(), kind.num_bytes()) {
        (TypeChar::Float, Some(4)) => values(file, count, |v: f32| v)?,
        (TypeChar::Float, Some(8)) => values(file, count, |v: f64| v as f32)?,
        (TypeChar::Int, Some(1)) => values(file, count, |v: i8| f32::from(v))?,
        (TypeChar::Int, Some(2)) => values(file, count, |v: i16| f32::from(v))?,
        (TypeChar::Int, Some(4)) => values(file, count, |v: i32| v as f32)?,
        (TypeChar::Int, Some(8)) => values(file, count, |v: i64| v as f32)?,
        (TypeChar::Uint, Some(1)) => values(file, count, |v: u8| f32::from(v))?,
        (TypeChar::Uint, Some(2)) => values(file, count, |v: u16| f32::from(v))?,
        (TypeChar::Uint, Some(4)) => values(file, count, |v: u32| v as f32)?,
        (TypeChar::Uint, Some(8)) => values(file, count, |v: u64| v as f32)?,
        (TypeChar::Bool, _) => values(file, count, |v: bool| f32::from(u8::from(v)))?,
        _ => return Err(invalid("the element type is none of float32, float64, integers and bool")),
    };
    let values = match order {
        Order::C => values,
        Order::Fortran => row_major(&values, &shape),
    };
    Ok(Tensor { name, shape, values })
}

fn values<T: npyz::Deserialize, R: Read>(file: NpyFile<R>, count: usize, convert: impl Fn(T) -> f32) -> io::Result<Vec<f32>> {
    let data = file.data::<T>().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
    let mut values = Vec::new();
    for value in data.take(count) {
        values.push(convert(value?));
    }
    match values.len() == count {
        true => Ok(values),
        false => Err(invalid("the array ends early")),
    }
}

/// From the order in which the first index is fastest.
fn row_major(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..values.len() {
        let at = index.iter().zip(shape).rev().fold(0, |at, (i, d)| at * d + i);
        out.push(values[at]);
        for (i, d) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < *d {
                break;
            }
            *i = 0;
        }
    }
    out
}
