//! Identity, Dropout in inference, Cast and CastLike between float types: the tensor itself.
//!
//! A computed tensor stands for real numbers, so that it stays what it is in any float type. Integers and booleans would
//! round it, which is not the identity: only constants are cast to them.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::f16;

use crate::error::Problem;
use crate::operator::{Operator, Value};
use crate::ops::Lowered;
use crate::tensor::{Data, Tensor};

/// The input itself.
pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    Ok(vec![op.value(0)?])
}

/// Dropout passes its input on, unless it is told to train. The ratio is for training.
pub(super) fn dropout(op: &mut Operator<'_>) -> Lowered {
    let training = match op.opset {
        ..7 => !op.flag("is_test", false)?,
        7..12 => false,
        _ if op.has(2) => op.constant(2)?.data != Data::Bool(vec![false]),
        _ => false,
    };
    if training {
        return Err(Problem::Feature { feature: "training mode" });
    }
    if op.opset < 12 {
        op.ignore_attributes(&["ratio"]);
    } else {
        op.ignore_attributes(&["seed"]);
        op.ignore_input(1);
    }
    // The mask, which drops nothing.
    op.ignore_output(1);
    lower(op)
}

/// Cast to the type of an attribute.
pub(super) fn cast(op: &mut Operator<'_>) -> Lowered {
    let to = op.required_int("to")?;
    let kind = i32::try_from(to).ok().and_then(|t| DataType::try_from(t).ok()).unwrap_or(DataType::Undefined);
    ignore_rounding(op);
    converted(op, kind, || Problem::Attribute { attribute: "to", value: name(kind) })
}

/// Cast to the type of a second tensor.
pub(super) fn cast_like(op: &mut Operator<'_>) -> Lowered {
    let kind = match op.value(1)? {
        Value::Constant(tensor) => tensor.kind,
        Value::Node(_) => DataType::Float,
    };
    ignore_rounding(op);
    converted(op, kind, || Problem::InputType { input: 1, expected: "floats, since input 0 is computed" })
}

/// How to round to 8 bits, which no type here has.
fn ignore_rounding(op: &Operator<'_>) {
    if op.opset >= 19 {
        op.ignore_attributes(&["saturate"]);
    }
    if op.opset >= 24 {
        op.ignore_attributes(&["round_mode"]);
    }
}

fn name(kind: DataType) -> String {
    format!("{kind:?}").to_lowercase()
}

fn converted(op: &Operator<'_>, kind: DataType, refused: impl Fn() -> Problem) -> Lowered {
    let float = matches!(kind, DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16);
    match op.value(0)? {
        Value::Node(_) if !float => Err(refused()),
        Value::Node(id) => Ok(vec![Value::Node(id)]),
        Value::Constant(tensor) => {
            op.allot::<[f64; 2]>(tensor.len())?;
            let data = convert(&tensor.data, kind).ok_or_else(refused)?;
            Ok(vec![Value::Constant(Tensor { shape: tensor.shape.clone(), data, kind }.into())])
        }
    }
}

/// The elements in another type; none if one has no value there.
pub(super) fn convert(data: &Data, kind: DataType) -> Option<Data> {
    let range = match kind {
        DataType::Float => return Some(Data::Float(singles(data))),
        DataType::Float16 => return Some(Data::Float(singles(data).iter().map(|&v| f16::from_f32(v).to_f32()).collect())),
        DataType::Bfloat16 => return Some(Data::Float(singles(data).iter().map(|&v| to_bfloat16(v)).collect())),
        DataType::Double => return Some(Data::Double(doubles(data))),
        DataType::Bool => return Some(Data::Bool(doubles(data).iter().map(|&v| v != 0.0).collect())),
        DataType::Int8 => i64::from(i8::MIN)..=i64::from(i8::MAX),
        DataType::Uint8 => 0..=i64::from(u8::MAX),
        DataType::Int16 => i64::from(i16::MIN)..=i64::from(i16::MAX),
        DataType::Uint16 => 0..=i64::from(u16::MAX),
        DataType::Int32 => i64::from(i32::MIN)..=i64::from(i32::MAX),
        DataType::Uint32 => 0..=i64::from(u32::MAX),
        DataType::Int64 => i64::MIN..=i64::MAX,
        DataType::Uint64 => 0..=i64::MAX,
        _ => return None,
    };
    let integer = |v: f64| {
        let truncated = v.trunc();
        // 2^63 itself is no integer of 64 bits.
        (truncated >= i64::MIN as f64 && truncated < i64::MAX as f64).then_some(truncated as i64)
    };
    let integers: Option<Vec<i64>> = match data {
        Data::Int(values) => Some(values.clone()),
        Data::Bool(values) => Some(values.iter().map(|&v| i64::from(v)).collect()),
        Data::Float(values) => values.iter().map(|&v| integer(f64::from(v))).collect(),
        Data::Double(values) => values.iter().map(|&v| integer(v)).collect(),
    };
    integers.filter(|values| values.iter().all(|v| range.contains(v))).map(Data::Int)
}

fn singles(data: &Data) -> Vec<f32> {
    match data {
        Data::Float(v) => v.clone(),
        Data::Double(v) => v.iter().map(|&v| v as f32).collect(),
        Data::Int(v) => v.iter().map(|&v| v as f32).collect(),
        Data::Bool(v) => v.iter().map(|&v| f32::from(u8::from(v))).collect(),
    }
}

/// The elements as 64-bit floats.
pub(super) fn doubles(data: &Data) -> Vec<f64> {
    match data {
        Data::Float(v) => v.iter().map(|&v| f64::from(v)).collect(),
        Data::Double(v) => v.clone(),
        Data::Int(v) => v.iter().map(|&v| v as f64).collect(),
        Data::Bool(v) => v.iter().map(|&v| f64::from(u8::from(v))).collect(),
    }
}

/// The upper half of the bits, rounded to the nearest, halves to the even one.
fn to_bfloat16(v: f32) -> f32 {
    let bits = v.to_bits();
    let half = 0x7fff + (bits >> 16 & 1);
    f32::from_bits(if v.is_nan() { bits } else { bits.wrapping_add(half) & 0xffff_0000 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfloat16_rounds_to_the_even_one() {
        let cases = [(1.0, 1.0), (1.003_906_3, 1.0), (1.011_718_8, 1.015_625), (-1.004, -1.007_812_5), (0.0, 0.0)];
        for (v, expected) in cases {
            assert_eq!(to_bfloat16(v), expected);
        }
    }

    #[test]
    fn integers_that_do_not_fit_are_refused() {
        let floats = |v: f32| Data::Float(vec![v]);
        assert_eq!(convert(&floats(-1.9), DataType::Int8), Some(Data::Int(vec![-1])));
        assert_eq!(convert(&floats(128.0), DataType::Int8), None);
        assert_eq!(convert(&floats(-1.0), DataType::Uint8), None);
        assert_eq!(convert(&floats(9.3e18), DataType::Int64), None);
        assert_eq!(convert(&floats(f32::NAN), DataType::Int64), None);
        assert_eq!(convert(&Data::Double(vec![16_777_217.0]), DataType::Int64), Some(Data::Int(vec![16_777_217])));
    }
}
