//! Identity, Dropout in inference, and Cast between float types: the tensor itself.

use tract_onnx::pb::tensor_proto::DataType;

use crate::error::Problem;
use crate::operator::{Operator, Value};
use crate::ops::Lowered;
use crate::tensor::{Data, Tensor};

/// The input itself.
pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    Ok(vec![op.value(0)?])
}

/// Dropout passes its input on, unless it is told to train.
pub(super) fn dropout(op: &mut Operator<'_>) -> Lowered {
    if op.has(2) && op.constant(2)?.data == Data::Bool(vec![true]) {
        return Err(Problem::Feature { feature: "training mode" });
    }
    if op.opset < 7 && op.int("is_test", 0) == 0 {
        return Err(Problem::Feature { feature: "training mode" });
    }
    lower(op)
}

/// Cast of a computed tensor to another float type; constants may go to integers and booleans.
pub(super) fn cast(op: &mut Operator<'_>) -> Lowered {
    let to = i32::try_from(op.int("to", 0)).ok().and_then(|t| DataType::try_from(t).ok()).unwrap_or(DataType::Undefined);
    let value = op.value(0)?;
    let data = match (to, &value) {
        (DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16, Value::Constant(t)) => Data::Float(floats(&t.data)),
        (DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16, Value::Node(_)) => return Ok(vec![value]),
        (DataType::Int64 | DataType::Int32, Value::Constant(t)) => Data::Int(floats_or_ints(&t.data)),
        (DataType::Bool, Value::Constant(t)) => Data::Bool(floats(&t.data).iter().map(|&v| v != 0.0).collect()),
        _ => return Err(Problem::Attribute { attribute: "to", value: format!("{to:?}") }),
    };
    Ok(match value {
        Value::Constant(t) => vec![Value::Constant(Tensor { shape: t.shape.clone(), data }.into())],
        Value::Node(_) => vec![value],
    })
}

fn floats(data: &Data) -> Vec<f32> {
    match data {
        Data::Float(v) => v.clone(),
        Data::Int(v) => v.iter().map(|&v| v as f32).collect(),
        Data::Bool(v) => v.iter().map(|&v| f32::from(u8::from(v))).collect(),
    }
}

fn floats_or_ints(data: &Data) -> Vec<i64> {
    match data {
        Data::Float(v) => v.iter().map(|&v| v as i64).collect(),
        Data::Int(v) => v.clone(),
        Data::Bool(v) => v.iter().map(|&v| i64::from(v)).collect(),
    }
}
