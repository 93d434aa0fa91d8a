//! Concat: tensors one after the other along an axis.

use crate::error::Problem;
use crate::graph::{Op, Source};
use crate::operator::{axis, dot, elements, indices, strides, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let mut shape = op.shape(0)?;
    let axis = match op.required_int("axis")? {
        ..0 if op.opset < 11 => return Err(Problem::Malformed { rule: "an axis that counts from the end, before opset 11" }),
        at => axis(at, shape.len())?,
    };
    let mut ends = Vec::with_capacity(op.num_inputs());
    let mut parts = Vec::with_capacity(op.num_inputs());
    let mut length = 0usize;
    for i in 0..op.num_inputs() {
        let part = op.shape(i)?;
        let others = |s: &[usize]| s.iter().enumerate().filter(|&(i, _)| i != axis).map(|(_, &d)| d).collect::<Vec<_>>();
        if part.len() != shape.len() || others(&part) != others(&shape) {
            return Err(Problem::Malformed { rule: "the shapes differ outside the axis" });
        }
        if part[axis] == 0 {
            op.ignore_input(i);
            continue;
        }
        length = length.saturating_add(part[axis]);
        ends.push(length);
        parts.push((op.node(i)?, strides(&part)));
    }
    shape[axis] = length;
    op.allot::<Source>(elements(&shape)?)?;
    if let [(only, _)] = parts[..] {
        return Ok(vec![Value::Node(only)]);
    }
    let sources = indices(&shape, |index| {
        let input = ends.partition_point(|&end| end <= index[axis]);
        let start = if input == 0 { 0 } else { ends[input - 1] };
        let steps = &parts[input].1;
        Source::Element { input: input as u32, index: (dot(index, steps) - start * steps[axis]) as u32 }
    });
    let inputs = parts.iter().map(|&(id, _)| id).collect();
    Ok(vec![Value::Node(op.push(Op::Gather(sources), inputs, shape)?)])
}
