//! Constants of a model: initializers, `Constant` nodes, and what is folded from them.
//!
//! All float types become `f32` and all integer types `i64`: the graph computes in reals, and integers are only shapes,
//! axes and indices.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};

use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::TensorProto;

use crate::error::{ExternalDataProblem, OnnxError};

/// A constant, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Data,
}

/// Elements of a [`Tensor`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    /// Any float type.
    Float(Vec<f32>),
    /// Any integer type.
    Int(Vec<i64>),
    /// Booleans.
    Bool(Vec<bool>),
}

impl Tensor {
    /// A vector of integers.
    pub(crate) fn ints(values: Vec<i64>) -> Self {
        Self { shape: vec![values.len()], data: Data::Int(values) }
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        match &self.data {
            Data::Float(v) => v.len(),
            Data::Int(v) => v.len(),
            Data::Bool(v) => v.len(),
        }
    }

    /// Reads a tensor of the file; `folder` is where external data lies.
    pub(crate) fn read(proto: &TensorProto, name: &str, folder: Option<&Path>) -> Result<Self, OnnxError> {
        let malformed = |rule| OnnxError::Tensor { tensor: name.to_string(), rule };
        let shape: Vec<usize> =
            proto.dims.iter().map(|&d| usize::try_from(d).map_err(|_| malformed("a dimension is negative"))).collect::<Result<_, _>>()?;
        let expected = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or_else(|| malformed("its shape is too large"))?;
        if proto.segment.is_some() {
            return Err(malformed("segments are not supported"));
        }
        let kind = DataType::try_from(proto.data_type).unwrap_or(DataType::Undefined);
        let data = match size_of_element(kind) {
            None => {
                let actual = if kind == DataType::Undefined { format!("{}", proto.data_type) } else { format!("{kind:?}") };
                let expected = "float, double, float16, bfloat16, an integer type or bool";
                return Err(OnnxError::ElementType { tensor: name.to_string(), expected, actual });
            }
            Some(size) if proto.data_location == Some(DataLocation::External as i32) => {
                decode_raw(kind, &read_external(proto, name, folder, expected as u64 * size as u64)?)
            }
            Some(_) if !proto.raw_data.is_empty() => decode_raw(kind, &proto.raw_data),
            Some(_) => decode_fields(kind, proto),
        };
        let tensor = Self { shape, data };
        if tensor.len() != expected {
            return Err(OnnxError::TensorLength { tensor: name.to_string(), expected, actual: tensor.len() });
        }
        tensor.check_finite(name)?;
        Ok(tensor)
    }

    /// Refuses NaN anywhere, and infinities but in scalars, where they stand for "no bound".
    fn check_finite(&self, name: &str) -> Result<(), OnnxError> {
        let Data::Float(values) = &self.data else { return Ok(()) };
        let refused = |v: &f32| v.is_nan() || (v.is_infinite() && values.len() > 1);
        match values.iter().position(refused) {
            Some(index) => Err(OnnxError::NonFinite { tensor: name.to_string(), index, value: values[index].to_string() }),
            None => Ok(()),
        }
    }
}

fn size_of_element(kind: DataType) -> Option<usize> {
    match kind {
        DataType::Bool | DataType::Int8 | DataType::Uint8 => Some(1),
        DataType::Int16 | DataType::Uint16 | DataType::Float16 | DataType::Bfloat16 => Some(2),
        DataType::Int32 | DataType::Uint32 | DataType::Float => Some(4),
        DataType::Int64 | DataType::Uint64 | DataType::Double => Some(8),
        _ => None,
    }
}

/// Little-endian elements. A length that is no multiple of the element's gives the elements that are complete, and the
/// caller compares their number with the shape.
fn decode_raw(kind: DataType, bytes: &[u8]) -> Data {
    macro_rules! elements {
        ($type:ty, $map:expr) => {
            bytes.as_chunks::<{ size_of::<$type>() }>().0.iter().map(|&c| $map(<$type>::from_le_bytes(c))).collect()
        };
    }
    match kind {
        DataType::Float => Data::Float(elements!(f32, |v| v)),
        DataType::Double => Data::Float(elements!(f64, |v| v as f32)),
        DataType::Float16 => Data::Float(elements!(u16, half_to_float)),
        DataType::Bfloat16 => Data::Float(elements!(u16, |v| f32::from_bits(u32::from(v) << 16))),
        DataType::Int8 => Data::Int(elements!(i8, i64::from)),
        DataType::Uint8 => Data::Int(elements!(u8, i64::from)),
        DataType::Int16 => Data::Int(elements!(i16, i64::from)),
        DataType::Uint16 => Data::Int(elements!(u16, i64::from)),
        DataType::Int32 => Data::Int(elements!(i32, i64::from)),
        DataType::Uint32 => Data::Int(elements!(u32, i64::from)),
        DataType::Uint64 => Data::Int(elements!(u64, |v| i64::try_from(v).unwrap_or(i64::MAX))),
        DataType::Bool => Data::Bool(elements!(u8, |v| v != 0)),
        _ => Data::Int(elements!(i64, |v| v)),
    }
}

/// Elements in the typed fields of the message.
fn decode_fields(kind: DataType, proto: &TensorProto) -> Data {
    let small = || proto.int32_data.iter();
    match kind {
        DataType::Float => Data::Float(proto.float_data.clone()),
        DataType::Double => Data::Float(proto.double_data.iter().map(|&v| v as f32).collect()),
        DataType::Float16 => Data::Float(small().map(|&v| half_to_float(v as u16)).collect()),
        DataType::Bfloat16 => Data::Float(small().map(|&v| f32::from_bits(u32::from(v as u16) << 16)).collect()),
        DataType::Bool => Data::Bool(small().map(|&v| v != 0).collect()),
        DataType::Int64 => Data::Int(proto.int64_data.clone()),
        DataType::Uint32 | DataType::Uint64 => Data::Int(proto.uint64_data.iter().map(|&v| i64::try_from(v).unwrap_or(i64::MAX)).collect()),
        _ => Data::Int(small().map(|&v| i64::from(v)).collect()),
    }
}

/// IEEE 754 half precision: 1 sign, 5 exponent and 10 mantissa bits.
fn half_to_float(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 31);
    let mantissa = f32::from(bits & 1023);
    sign * match exponent {
        0 => mantissa * 2f32.powi(-24),
        31 if mantissa == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + mantissa) * 2f32.powi(exponent - 25),
    }
}

/// The bytes of a tensor that lie in a file of their own.
fn read_external(proto: &TensorProto, name: &str, folder: Option<&Path>, bytes: u64) -> Result<Vec<u8>, OnnxError> {
    let entry = |key: &str| proto.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let location = entry("location").unwrap_or_default();
    let refuse = |problem| OnnxError::ExternalData { tensor: name.to_string(), location: location.to_string(), problem };
    let number =
        |key: &str, default: u64| entry(key).map_or(Ok(default), |v| v.trim().parse().map_err(|_| refuse(ExternalDataProblem::Malformed)));
    let (offset, length) = (number("offset", 0)?, number("length", bytes)?);
    let inside = Path::new(location).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    let folder = folder.filter(|_| inside && !location.is_empty()).ok_or_else(|| refuse(ExternalDataProblem::Outside))?;
    let path = folder.join(location);
    let read = |e: std::io::Error| refuse(ExternalDataProblem::Read(e.kind()));
    let (root, real) = (folder.canonicalize().map_err(read)?, path.canonicalize().map_err(read)?);
    if !real.starts_with(root) {
        return Err(refuse(ExternalDataProblem::Outside));
    }
    let mut file = File::open(real).map_err(read)?;
    let actual = file.metadata().map_err(read)?.len();
    let expected = offset.checked_add(length).ok_or_else(|| refuse(ExternalDataProblem::Malformed))?;
    if expected > actual {
        return Err(refuse(ExternalDataProblem::TooShort { expected, actual }));
    }
    file.seek(SeekFrom::Start(offset)).map_err(read)?;
    let mut data = Vec::new();
    file.take(length).read_to_end(&mut data).map_err(read)?;
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision() {
        let cases =
            [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65504.0), (0x0001, 2f32.powi(-24)), (0x0400, 2f32.powi(-14)), (0x3555, 0.333_251_95)];
        for (bits, value) in cases {
            assert_eq!(half_to_float(bits), value);
        }
        assert!(half_to_float(0x7e00).is_nan());
        assert_eq!(half_to_float(0xfc00), f32::NEG_INFINITY);
    }
}
