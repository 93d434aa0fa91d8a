//! GatherND: slices of a tensor at constant tuples of indices.
//!
//! ```text
//! y[…batch, …k, …rest] = x[…batch, …indices[…batch, …k, :], …rest]
//! ```

use crate::error::Problem;
use crate::operator::{axis, dot, strides, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let from = op.shape(0)?;
    let batch = if op.opset < 12 { 0 } else { op.int("batch_dims", 0)? };
    let batch = usize::try_from(batch).ok().filter(|&b| b < from.len());
    let batch = batch.ok_or(Problem::Malformed { rule: "batch_dims is outside the rank of the tensor" })?;
    let (outer, tuple, offsets) = tuples(op, batch)?;
    if outer.get(..batch) != Some(&from[..batch]) {
        return Err(Problem::Malformed { rule: "the batches of tensor and indices differ" });
    }
    let (steps, outer_steps) = (strides(&from), strides(&outer));
    let shape = [&outer, &from[batch + tuple..]].concat();
    let x = op.node(0)?;
    let y = op.moved(x, shape, |index| {
        let (before, rest) = index.split_at(outer.len());
        dot(&before[..batch], &steps) + offsets[dot(before, &outer_steps)] + dot(rest, &steps[batch + tuple..])
    })?;
    Ok(vec![Value::Node(y)])
}

/// The tuples of input 1, indices of the axes of input 0 from `batch` on: their shape, their length, and the offset of each.
pub(super) fn tuples(op: &Operator<'_>, batch: usize) -> Result<(Vec<usize>, usize, Vec<usize>), Problem> {
    let of = op.shape(0)?;
    let steps = strides(&of);
    let (mut outer, all) = (op.constant(1)?.shape.clone(), op.constant_ints(1)?);
    let tuple = outer.pop().filter(|n| (1..=of.len() - batch).contains(n));
    let tuple = tuple.ok_or(Problem::Malformed { rule: "a tuple of indices has one for each of some axes" })?;
    op.allot::<usize>(all.len() / tuple)?;
    let offset = |indices: &[i64]| (batch..).zip(indices).map(|(a, &i)| Ok(axis(i, of[a])? * steps[a])).sum::<Result<usize, Problem>>();
    let offsets = all.chunks(tuple).map(offset).collect::<Result<_, _>>();
    Ok((outer, tuple, offsets.map_err(|_| Problem::Malformed { rule: "an index is outside its axis" })?))
}
