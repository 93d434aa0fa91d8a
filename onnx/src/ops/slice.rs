//! Slice: ranges of some axes, with steps; negative positions count from the end.
//!
//! ```text
//! y[…, i, …] = x[…, start + i·step, …]
//! ```

use crate::error::Problem;
use crate::operator::{distinct_axes, strides, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let from = op.shape(0)?;
    let missing = |input| Problem::MissingInput { input };
    let starts = op.ints_or_input("starts", 1, 10)?.ok_or(missing(1))?;
    let ends = op.ints_or_input("ends", 2, 10)?.ok_or(missing(2))?;
    let axes = op.ints_or_input("axes", 3, 10)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = if op.opset >= 10 && op.has(4) { op.constant_ints(4)? } else { vec![1; starts.len()] };
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(Problem::Malformed { rule: "starts, ends, axes and steps have one value for each axis" });
    }
    let mut shape = from.clone();
    let mut first = vec![0i64; from.len()];
    let mut step = vec![1i64; from.len()];
    for (i, a) in distinct_axes(&axes, from.len())?.into_iter().enumerate() {
        (first[a], step[a]) = (start(starts[i], from[a], steps[i]), steps[i]);
        shape[a] = count(first[a], ends[i], from[a], steps[i])?;
    }
    let strides = strides(&from);
    let x = op.node(0)?;
    let y =
        op.moved(x, shape, |index| index.iter().enumerate().map(|(a, &i)| (first[a] + i as i64 * step[a]) as usize * strides[a]).sum())?;
    Ok(vec![Value::Node(y)])
}

fn from_start(position: i64, length: i64) -> i64 {
    if position < 0 {
        position.saturating_add(length)
    } else {
        position
    }
}

fn start(position: i64, length: usize, step: i64) -> i64 {
    let length = length as i64;
    let last = if step < 0 { length - 1 } else { length };
    from_start(position, length).clamp(0, last.max(0))
}

fn count(first: i64, end: i64, length: usize, step: i64) -> Result<usize, Problem> {
    let length = length as i64;
    let end = from_start(end, length);
    let span = match step {
        0 => return Err(Problem::Malformed { rule: "a step is 0" }),
        1.. => end.clamp(0, length) - first,
        _ => first - end.clamp(-1, length - 1),
    };
    Ok((span.max(0) as u64).div_ceil(step.unsigned_abs()) as usize)
}
