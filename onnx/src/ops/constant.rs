//! Constant, ConstantOfShape, Range, Shape and Size: values that are known when the model is compiled.

use crate::error::Problem;
use crate::operator::{elements, Operator, Value, MAX_ELEMENTS};
use crate::ops::Lowered;
use crate::tensor::{Data, Tensor};

/// The value of an attribute.
pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let feature = "constants of strings or sparse tensors";
    let tensor = if let Some(proto) = op.tensor_attribute("value")? {
        op.read_tensor(proto)?
    } else if op.opset < 12 {
        return Err(Problem::Feature { feature });
    } else if let Some(values) = op.floats("value_floats")? {
        Tensor::new(vec![values.len()], Data::Float(values.to_vec()))
    } else if let Some(values) = op.ints("value_ints")? {
        Tensor::vector(values.to_vec())
    } else if let Some(value) = op.optional_float("value_float")? {
        Tensor::new(vec![], Data::Float(vec![value]))
    } else if let Some(value) = op.optional_int("value_int")? {
        Tensor::new(vec![], Data::Int(vec![value]))
    } else {
        return Err(Problem::Feature { feature });
    };
    Ok(vec![Value::Constant(tensor.into())])
}

/// One value in every place of a shape; 0 when none is given.
pub(super) fn of_shape(op: &mut Operator<'_>) -> Lowered {
    let dims = op.constant_ints(0)?;
    let dims = dims.iter().map(|&d| usize::try_from(d).map_err(|_| Problem::Malformed { rule: "a dimension is negative" }));
    let shape: Vec<usize> = dims.collect::<Result<_, _>>()?;
    let count = if shape.contains(&0) { 0 } else { elements(&shape)? };
    let value = match op.tensor_attribute("value")? {
        Some(proto) => op.read_tensor(proto)?,
        None => Tensor::new(vec![1], Data::Float(vec![0.0])),
    };
    op.allot::<i64>(count)?;
    if value.len() != 1 {
        return Err(Problem::Malformed { rule: "value has one element" });
    }
    let data = match value.data {
        Data::Float(v) => Data::Float(vec![v[0]; count]),
        Data::Double(v) => Data::Double(vec![v[0]; count]),
        Data::Int(v) => Data::Int(vec![v[0]; count]),
        Data::Bool(v) => Data::Bool(vec![v[0]; count]),
    };
    Ok(vec![Value::Constant(Tensor { shape, data, kind: value.kind }.into())])
}

/// The dimensions from `start` to `end`.
pub(super) fn shape(op: &mut Operator<'_>) -> Lowered {
    let shape = op.shape(0)?;
    op.ignore_input(0);
    let rank = shape.len() as i64;
    let place = |a: i64| (if a < 0 { a.saturating_add(rank) } else { a }).clamp(0, rank) as usize;
    let (start, end) = match op.opset {
        ..15 => (0, shape.len()),
        _ => (place(op.int("start", 0)?), place(op.int("end", rank)?)),
    };
    let dims = shape[start..end.max(start)].iter().map(|&d| d as i64).collect();
    Ok(vec![Value::Constant(Tensor::vector(dims).into())])
}

/// The number of elements.
pub(super) fn size(op: &mut Operator<'_>) -> Lowered {
    op.ignore_input(0);
    let size = op.shape(0)?.iter().product::<usize>() as i64;
    Ok(vec![Value::Constant(Tensor::new(vec![], Data::Int(vec![size])).into())])
}

/// `start`, `start + step`, … up to `limit`, which is not reached. Each is the one before plus the step, in their own type.
pub(super) fn range(op: &mut Operator<'_>) -> Lowered {
    let kind = op.constant(0)?.kind;
    let data = match (&op.constant(0)?.data, &op.constant(1)?.data, &op.constant(2)?.data) {
        (Data::Float(a), Data::Float(b), Data::Float(c)) => {
            let [start, limit, step] = single([a, b, c])?;
            let count = steps(op, (f64::from(limit) - f64::from(start)) / f64::from(step))?;
            Data::Float(std::iter::successors(Some(start), |v| Some(v + step)).take(count).collect())
        }
        (Data::Double(a), Data::Double(b), Data::Double(c)) => {
            let [start, limit, step] = single([a, b, c])?;
            let count = steps(op, (limit - start) / step)?;
            Data::Double(std::iter::successors(Some(start), |v| Some(v + step)).take(count).collect())
        }
        (Data::Int(a), Data::Int(b), Data::Int(c)) => {
            let [start, limit, step] = single([a, b, c])?;
            let count = steps(op, (limit as f64 - start as f64) / step as f64)?;
            Data::Int(std::iter::successors(Some(start), |v| v.checked_add(step)).take(count).collect())
        }
        _ => return Err(Problem::InputType { input: 1, expected: "a number of the type of input 0" }),
    };
    let tensor = Tensor { shape: Vec::new(), data, kind };
    Ok(vec![Value::Constant(Tensor { shape: vec![tensor.len()], ..tensor }.into())])
}

/// The only element of each.
fn single<T: Copy>(tensors: [&Vec<T>; 3]) -> Result<[T; 3], Problem> {
    match tensors.map(Vec::as_slice) {
        [[a], [b], [c]] => Ok([*a, *b, *c]),
        _ => Err(Problem::Malformed { rule: "start, limit and step have one element each" }),
    }
}

/// Number of elements: infinite for a step of 0.
fn steps(op: &Operator<'_>, count: f64) -> Result<usize, Problem> {
    let count = if count.is_nan() { f64::INFINITY } else { count.ceil().max(0.0) };
    if count > MAX_ELEMENTS as f64 {
        return Err(Problem::TooLarge { expected: MAX_ELEMENTS });
    }
    op.allot::<i64>(count as usize)?;
    Ok(count as usize)
}
