//! Constant, ConstantOfShape, EyeLike, Range, Shape and Size: values that are known when the model is compiled. So are IsInf and
//! IsNaN: what is computed is finite, or there is no proof of it.

use tract_onnx::pb::tensor_proto::DataType;

use crate::error::Problem;
use crate::operator::{elements, Operator, Value, MAX_ELEMENTS};
use crate::ops::identity::convert;
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

/// A matrix of the shape of another, 1 on the `k`-th diagonal and 0 elsewhere.
pub(super) fn eye_like(op: &mut Operator<'_>) -> Lowered {
    let shape = op.shape(0)?;
    let [rows, columns] = shape[..] else {
        return Err(Problem::Rank { input: 0, expected: "2", actual: shape.len() });
    };
    let own = match op.value(0)? {
        Value::Constant(tensor) => tensor.kind,
        Value::Node(_) => DataType::Float,
    };
    let kind = match op.optional_int("dtype")? {
        Some(kind) => i32::try_from(kind).ok().and_then(|k| DataType::try_from(k).ok()).unwrap_or(DataType::Undefined),
        None => own,
    };
    let k = op.int("k", 0)?;
    op.allot::<[i64; 2]>(elements(&shape)?)?;
    let is_one = |i: usize, j: usize| (j as i64).checked_sub(i as i64) == Some(k);
    let ones = Data::Bool((0..rows).flat_map(|i| (0..columns).map(move |j| is_one(i, j))).collect());
    let data = convert(&ones, kind).ok_or_else(|| Problem::Attribute { attribute: "dtype", value: format!("{kind:?}").to_lowercase() })?;
    Ok(vec![Value::Constant(Tensor { shape, data, kind }.into())])
}

/// IsInf.
pub(super) fn is_inf(op: &mut Operator<'_>) -> Lowered {
    let (negative, positive) = (op.flag("detect_negative", true)?, op.flag("detect_positive", true)?);
    answers(op, |v| v.is_infinite() && if v > 0.0 { positive } else { negative })
}

/// IsNaN.
pub(super) fn is_nan(op: &mut Operator<'_>) -> Lowered {
    answers(op, f32::is_nan)
}

/// What is asked of each element, which is no of any finite one.
fn answers(op: &mut Operator<'_>, yes: impl Fn(f32) -> bool) -> Lowered {
    let shape = op.shape(0)?;
    op.allot::<bool>(shape.iter().product())?;
    let all = match op.value(0)? {
        Value::Node(_) => vec![false; shape.iter().product()],
        Value::Constant(_) => op.constant_floats(0)?.1.into_iter().map(yes).collect(),
    };
    Ok(vec![Value::Constant(Tensor::new(shape, Data::Bool(all)).into())])
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
