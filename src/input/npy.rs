//! Arrays of numpy: `.npy`, and `.npz` archives of them. Floats, integers and booleans of either byte order.
//!
//! What a header or an archive says of sizes is not believed: of an array that is wanted at most as many values are read as are wanted,
//! and of the others nothing.

use std::io::{self, Cursor, ErrorKind, Read, Seek};

use npyz::npz::{array_name_from_file_name, file_name_from_array_name, NpzArchive};
use npyz::{DType, NpyFile, Order, TypeChar};

use super::Array;

/// Of a longer header numpy says that it may be hostile.
const MAX_HEADER_BYTES: usize = 10_000;
/// Brackets in brackets: a tuple in a dictionary is two.
const MAX_HEADER_DEPTH: usize = 8;
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Whether bytes begin an array.
pub(super) fn is_array(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Whether bytes begin an archive.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK")
}

/// An archive whose arrays are read one by one.
pub(super) struct Archive<R: Read + Seek>(NpzArchive<R>);

impl<R: Read + Seek> Archive<R> {
    pub(super) fn open(reader: R) -> io::Result<Self> {
        NpzArchive::new(reader).map(Self)
    }

    /// Names of the arrays.
    pub(super) fn names(&mut self) -> Vec<String> {
        let names = self.0.zip_archive().file_names();
        let mut names: Vec<String> = names.filter_map(array_name_from_file_name).map(Into::into).collect();
        names.sort();
        names
    }

    pub(super) fn read(&mut self, name: &str, limit: usize) -> io::Result<Array<'static>> {
        read(self.0.zip_archive().by_name(&file_name_from_array_name(name))?, limit)
    }
}

fn invalid(rule: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, rule)
}

/// Reads an array, or its shape alone if it has more than `limit` values.
pub(super) fn read(mut reader: impl Read, limit: usize) -> io::Result<Array<'static>> {
    let header = header(&mut reader)?;
    let mut reader = Cursor::new(header).chain(reader);
    let file = NpyFile::new(&mut reader)?;
    let DType::Plain(kind) = file.dtype() else { return Err(invalid("structured arrays are not supported")) };
    let shape: Option<Vec<usize>> = file.shape().iter().map(|d| usize::try_from(*d).ok()).collect();
    let shape = shape.ok_or(invalid("the array is too large"))?;
    let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).ok_or(invalid("the array is too large"))?;
    if count > limit {
        return Ok(Array { shape, count, values: Vec::new().into() });
    }
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
    if reader.read(&mut [0])? != 0 {
        return Err(invalid("there is more behind the array"));
    }
    let values = match order {
        Order::C => values,
        Order::Fortran => row_major(&values, &shape),
    };
    Ok(Array { shape, count, values: values.into() })
}

/// The header's bytes, once they are known to be few and flat: their reader takes its memory and its stack from them.
///
/// ```text
/// magic | major u8 | minor u8 | length u16, or u32 from version 2 on | a dictionary as Python writes it
/// ```
fn header(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 10];
    reader.read_exact(&mut bytes).map_err(|_| invalid("it ends before its header"))?;
    if !is_array(&bytes) {
        return Err(invalid("it does not begin like an array"));
    }
    let mut length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    if bytes[6] > 1 {
        bytes.resize(12, 0);
        reader.read_exact(&mut bytes[10..]).map_err(|_| invalid("it ends before its header"))?;
        length |= usize::from(u16::from_le_bytes([bytes[10], bytes[11]])) << 16;
    }
    if length > MAX_HEADER_BYTES {
        return Err(invalid("the header is too long"));
    }
    let start = bytes.len();
    bytes.resize(start + length, 0);
    reader.read_exact(&mut bytes[start..]).map_err(|_| invalid("it ends in its header"))?;
    let mut depth = 0usize;
    for byte in &bytes[start..] {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_HEADER_DEPTH {
            return Err(invalid("the header is nested too deep"));
        }
    }
    Ok(bytes)
}

fn values<T: npyz::Deserialize, R: Read>(file: NpyFile<R>, count: usize, convert: impl Fn(T) -> f32) -> io::Result<Vec<f32>> {
    let data = file.data::<T>().map_err(|e| io::Error::new(ErrorKind::InvalidData, e.to_string()))?;
    let mut values = Vec::new();
    for value in data.take(count) {
        values.push(convert(value.map_err(|e| if e.kind() == ErrorKind::UnexpectedEof { invalid("the array ends early") } else { e })?));
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
