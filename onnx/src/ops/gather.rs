//! Gather: slices of a tensor at constant indices of one axis.
//!
//! ```text
//! y[…before, …index, …after] = x[…before, indices[…index], …after]
//! ```

use crate::error::Problem;
use crate::operator::{axis, dot, strides, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let from = op.shape(0)?;
    let at = axis(op.int("axis", 0)?, from.len())?;
    let index_shape = op.constant(1)?.shape.clone();
    let places = places(op, 1, from[at])?;
    let end = at + index_shape.len();
    let shape = [&from[..at], &index_shape, &from[at + 1..]].concat();
    let (steps, index_steps) = (strides(&from), strides(&index_shape));
    let x = op.node(0)?;
    let y = op.moved(x, shape, |index| {
        let place = places[dot(&index[at..end], &index_steps)];
        dot(&index[..at], &steps) + place * steps[at] + dot(&index[end..], &steps[at + 1..])
    })?;
    Ok(vec![Value::Node(y)])
}

/// The indices that input `i` holds, of an axis of that length.
pub(super) fn places(op: &Operator<'_>, i: usize, length: usize) -> Result<Vec<usize>, Problem> {
    let places = op.constant_ints(i)?.iter().map(|&i| axis(i, length)).collect::<Result<Vec<_>, _>>();
    places.map_err(|_| Problem::Malformed { rule: "an index is outside its axis" })
}
