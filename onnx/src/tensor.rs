//! Constants of a model: initializers, `Constant` nodes, and what is folded from them.
//!
//! Elements are kept exactly, with the type that the model gives them, for what is folded; the graph computes in `f32`.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::TensorProto;

use crate::error::{ExternalDataProblem, OnnxError};
use crate::memory::Memory;

/// A constant, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Data,
    /// The type of the elements, as the model has it.
    pub(crate) kind: DataType,
}

/// Elements of a [`Tensor`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    /// `float`, `float16` and `bfloat16`.
    Float(Vec<f32>),
    /// `double`.
    Double(Vec<f64>),
    /// Any integer type.
    Int(Vec<i64>),
    /// Booleans.
    Bool(Vec<bool>),
}

impl Tensor {
    /// A tensor of the widest type that its elements may have.
    pub(crate) fn new(shape: Vec<usize>, data: Data) -> Self {
        let kind = match data {
            Data::Float(_) => DataType::Float,
            Data::Double(_) => DataType::Double,
            Data::Int(_) => DataType::Int64,
            Data::Bool(_) => DataType::Bool,
        };
        Self { shape, data, kind }
    }

    /// A tensor of a float type.
    pub(crate) fn of_kind(shape: Vec<usize>, values: Vec<f32>, kind: DataType) -> Self {
        let data = match kind {
            DataType::Double => Data::Double(values.iter().map(|&v| f64::from(v)).collect()),
            _ => Data::Float(values),
        };
        Self { shape, data, kind }
    }

    /// A vector of integers.
    pub(crate) fn vector(values: Vec<i64>) -> Self {
        Self::new(vec![values.len()], Data::Int(values))
    }

    /// The elements, if they are of a float type.
    pub(crate) fn floats(&self) -> Option<Cow<'_, [f32]>> {
        match &self.data {
            Data::Float(values) => Some(Cow::Borrowed(values)),
            Data::Double(values) => Some(values.iter().map(|&v| v as f32).collect()),
            Data::Int(_) | Data::Bool(_) => None,
        }
    }

    /// The only element, if it is of a float type.
    pub(crate) fn scalar(&self) -> Option<f32> {
        self.floats().filter(|v| v.len() == 1).map(|v| v[0])
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        match &self.data {
            Data::Float(v) => v.len(),
            Data::Double(v) => v.len(),
            Data::Int(v) => v.len(),
            Data::Bool(v) => v.len(),
        }
    }

    /// Whether no element is NaN.
    pub(crate) fn is_number(&self) -> bool {
        match &self.data {
            Data::Float(v) => !v.iter().any(|v| v.is_nan()),
            Data::Double(v) => !v.iter().any(|v| v.is_nan()),
            Data::Int(_) | Data::Bool(_) => true,
        }
    }

    /// Reads a tensor of the file; `folder` is where external data lies.
    pub(crate) fn read(proto: &TensorProto, name: &str, folder: Option<&Folder>, memory: &Memory) -> Result<Self, OnnxError> {
        let malformed = |rule| OnnxError::Tensor { tensor: name.to_string(), rule };
        let shape: Vec<usize> =
            proto.dims.iter().map(|&d| usize::try_from(d).map_err(|_| malformed("a dimension is negative"))).collect::<Result<_, _>>()?;
        let expected = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or_else(|| malformed("its shape is too large"))?;
        if proto.segment.is_some() {
            return Err(malformed("segments are not supported"));
        }
        let kind = DataType::try_from(proto.data_type).unwrap_or(DataType::Undefined);
        memory.allot::<f64>(expected.min(stated(proto)))?;
        let data = match size_of_element(kind) {
            None => {
                let actual = if kind == DataType::Undefined { format!("{}", proto.data_type) } else { format!("{kind:?}") };
                let expected = "float, double, float16, bfloat16, an integer type or bool";
                return Err(OnnxError::ElementType { tensor: name.to_string(), expected, actual });
            }
            Some(size) if proto.data_location == Some(DataLocation::External as i32) => {
                let bytes = (expected as u64).checked_mul(size as u64).ok_or_else(|| malformed("its shape is too large"))?;
                memory.bytes(bytes)?;
                decode_raw(kind, &read_external(proto, name, folder, bytes)?)
            }
            Some(_) if !proto.raw_data.is_empty() => decode_raw(kind, &proto.raw_data),
            Some(_) => decode_fields(kind, proto),
        };
        let data = data.ok_or_else(|| malformed("it holds integers above 2^63 − 1, which are not supported"))?;
        let tensor = Self { shape, data, kind };
        if tensor.len() != expected {
            return Err(OnnxError::TensorLength { tensor: name.to_string(), expected, actual: tensor.len() });
        }
        tensor.check_finite(name)?;
        Ok(tensor)
    }

    /// Refuses NaN anywhere, and infinities but in scalars, where they stand for "no bound", and −∞ but in masks: matrices of it and 0.
    fn check_finite(&self, name: &str) -> Result<(), OnnxError> {
        let Some(values) = self.floats() else { return Ok(()) };
        let is_mask = self.shape.len() > 1 && values.iter().all(|&v| v == 0.0 || v == f32::NEG_INFINITY);
        let refused = |v: &f32| v.is_nan() || (v.is_infinite() && values.len() > 1 && !is_mask);
        match values.iter().position(refused) {
            Some(index) => Err(OnnxError::NonFinite { tensor: name.to_string(), index, value: values[index].to_string() }),
            None => Ok(()),
        }
    }
}

/// The most elements that the message can hold: all that there are, if they are elsewhere.
fn stated(proto: &TensorProto) -> usize {
    if proto.data_location == Some(DataLocation::External as i32) {
        return usize::MAX;
    }
    let fields = [proto.float_data.len(), proto.double_data.len(), proto.int32_data.len(), proto.int64_data.len(), proto.uint64_data.len()];
    fields.into_iter().fold(proto.raw_data.len(), usize::max)
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
fn decode_raw(kind: DataType, bytes: &[u8]) -> Option<Data> {
    macro_rules! elements {
        ($type:ty, $map:expr) => {
            bytes.as_chunks::<{ size_of::<$type>() }>().0.iter().map(|&c| $map(<$type>::from_le_bytes(c))).collect()
        };
    }
    Some(match kind {
        DataType::Float => Data::Float(elements!(f32, |v| v)),
        DataType::Double => Data::Double(elements!(f64, |v| v)),
        DataType::Float16 => Data::Float(elements!(u16, half_to_float)),
        DataType::Bfloat16 => Data::Float(elements!(u16, |v| f32::from_bits(u32::from(v) << 16))),
        DataType::Int8 => Data::Int(elements!(i8, i64::from)),
        DataType::Uint8 => Data::Int(elements!(u8, i64::from)),
        DataType::Int16 => Data::Int(elements!(i16, i64::from)),
        DataType::Uint16 => Data::Int(elements!(u16, i64::from)),
        DataType::Int32 => Data::Int(elements!(i32, i64::from)),
        DataType::Uint32 => Data::Int(elements!(u32, i64::from)),
        DataType::Uint64 => {
            let values: Vec<u64> = elements!(u64, |v| v);
            Data::Int(signed(&values)?)
        }
        DataType::Bool => Data::Bool(elements!(u8, |v| v != 0)),
        _ => Data::Int(elements!(i64, |v| v)),
    })
}

fn signed(values: &[u64]) -> Option<Vec<i64>> {
    values.iter().map(|&v| i64::try_from(v).ok()).collect()
}

/// Elements in the typed fields of the message.
fn decode_fields(kind: DataType, proto: &TensorProto) -> Option<Data> {
    let small = || proto.int32_data.iter();
    Some(match kind {
        DataType::Float => Data::Float(proto.float_data.clone()),
        DataType::Double => Data::Double(proto.double_data.clone()),
        DataType::Float16 => Data::Float(small().map(|&v| half_to_float(v as u16)).collect()),
        DataType::Bfloat16 => Data::Float(small().map(|&v| f32::from_bits(u32::from(v as u16) << 16)).collect()),
        DataType::Bool => Data::Bool(small().map(|&v| v != 0).collect()),
        DataType::Int64 => Data::Int(proto.int64_data.clone()),
        DataType::Uint32 | DataType::Uint64 => Data::Int(signed(&proto.uint64_data)?),
        _ => Data::Int(small().map(|&v| i64::from(v)).collect()),
    })
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

/// Where the external data of a model lies.
pub(crate) struct Folder {
    /// The folder of the model, as it is named.
    path: PathBuf,
    /// Where files may really be: that folder, and the one that the model's file is in once links are followed. A cache keeps
    /// the files of a model in one folder, and gives them their names by links in another.
    real: Vec<PathBuf>,
}

impl Folder {
    /// The folder of the model in a file.
    pub(crate) fn of(model: &Path) -> Self {
        let path = model.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
        let linked = model.canonicalize().ok().and_then(|real| real.parent().map(Path::to_path_buf));
        let real = path.canonicalize().ok().into_iter().chain(linked).collect();
        Self { path, real }
    }
}

/// The bytes of a tensor that lie in a file of their own.
fn read_external(proto: &TensorProto, name: &str, folder: Option<&Folder>, bytes: u64) -> Result<Vec<u8>, OnnxError> {
    let entry = |key: &str| proto.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let location = entry("location").unwrap_or_default();
    let refuse = |problem| OnnxError::ExternalData { tensor: name.to_string(), location: location.to_string(), problem };
    let number =
        |key: &str, default: u64| entry(key).map_or(Ok(default), |v| v.trim().parse().map_err(|_| refuse(ExternalDataProblem::Malformed)));
    let (offset, length) = (number("offset", 0)?, number("length", bytes)?);
    let inside = Path::new(location).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    let folder = folder.filter(|_| inside && !location.is_empty()).ok_or_else(|| refuse(ExternalDataProblem::Outside))?;
    let read = |e: std::io::Error| refuse(ExternalDataProblem::Read(e.kind()));
    let real = folder.path.join(location).canonicalize().map_err(read)?;
    if !folder.real.iter().any(|root| real.starts_with(root)) {
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
    // One element more than there should be is enough to tell.
    file.take(length.min(bytes.saturating_add(8))).read_to_end(&mut data).map_err(read)?;
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
