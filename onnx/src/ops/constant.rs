//! Constant, ConstantOfShape, Shape and Size: values that are known when the model is compiled.

use crate::error::Problem;
use crate::operator::{elements, Operator, Value};
use crate::ops::Lowered;
use crate::tensor::{Data, Tensor};

/// The value of an attribute.
pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let tensor = if let Some(proto) = op.tensor_attribute("value") {
        Tensor::read(proto, op.name, None).map_err(|e| Problem::Tensor(Box::new(e)))?
    } else if let Some(values) = op.floats("value_floats") {
        Tensor { shape: vec![values.len()], data: Data::Float(values.to_vec()) }
    } else if let Some(values) = op.ints("value_ints") {
        Tensor::ints(values.to_vec())
    } else if op.proto.attribute.iter().any(|a| a.name == "value_float") {
        Tensor { shape: vec![], data: Data::Float(vec![op.float("value_float", 0.0)]) }
    } else if op.proto.attribute.iter().any(|a| a.name == "value_int") {
        Tensor { shape: vec![], data: Data::Int(vec![op.int("value_int", 0)]) }
    } else {
        return Err(Problem::Feature { feature: "constants of strings or sparse tensors" });
    };
    Ok(vec![Value::Constant(tensor.into())])
}

/// One value in every place of a shape; 0 when none is given.
pub(super) fn of_shape(op: &mut Operator<'_>) -> Lowered {
    let dims = op.constant_ints(0)?;
    let dims = dims.iter().map(|&d| usize::try_from(d).map_err(|_| Problem::Malformed { rule: "a dimension is negative" }));
    let shape: Vec<usize> = dims.collect::<Result<_, _>>()?;
    let count = if shape.contains(&0) { 0 } else { elements(&shape)? };
    let value = match op.tensor_attribute("value") {
        Some(proto) => Tensor::read(proto, op.name, None).map_err(|e| Problem::Tensor(Box::new(e)))?.data,
        None => Data::Float(vec![0.0]),
    };
    let data = match value {
        Data::Float(v) if v.len() == 1 => Data::Float(vec![v[0]; count]),
        Data::Int(v) if v.len() == 1 => Data::Int(vec![v[0]; count]),
        Data::Bool(v) if v.len() == 1 => Data::Bool(vec![v[0]; count]),
        _ => return Err(Problem::Malformed { rule: "value has one element" }),
    };
    Ok(vec![Value::Constant(Tensor { shape, data }.into())])
}

/// The dimensions from `start` to `end`.
pub(super) fn shape(op: &mut Operator<'_>) -> Lowered {
    let shape = op.shape(0)?;
    let rank = shape.len() as i64;
    let place = |a: i64| (if a < 0 { a.saturating_add(rank) } else { a }).clamp(0, rank) as usize;
    let (start, end) = (place(op.int("start", 0)), place(op.int("end", rank)));
    let dims = shape[start..end.max(start)].iter().map(|&d| d as i64).collect();
    Ok(vec![Value::Constant(Tensor::ints(dims).into())])
}

/// The number of elements.
pub(super) fn size(op: &mut Operator<'_>) -> Lowered {
    let size = op.shape(0)?.iter().product::<usize>() as i64;
    Ok(vec![Value::Constant(Tensor { shape: vec![], data: Data::Int(vec![size]) }.into())])
}
