//! ReverseSequence: the first steps of each sequence of a batch in reverse, as many as its constant length.
//!
//! ```text
//! y[b, t, …] = x[b, length[b] − 1 − t, …] if t < length[b], else x[b, t, …]          or with [t, b, …]
//! ```

use crate::error::Problem;
use crate::operator::{dot, strides, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let shape = op.shape(0)?;
    if shape.len() < 2 {
        return Err(Problem::Rank { input: 0, expected: "2 or more", actual: shape.len() });
    }
    let (batch, time) = match (op.int("batch_axis", 1)?, op.int("time_axis", 0)?) {
        (1, 0) => (1, 0),
        (0, 1) => (0, 1),
        _ => return Err(Problem::Malformed { rule: "batch_axis and time_axis are 0 and 1" }),
    };
    let lengths = op.constant_ints(1)?.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>();
    let lengths = lengths.ok().filter(|l| l.len() == shape[batch] && l.iter().all(|&n| n <= shape[time]));
    let lengths = lengths.ok_or(Problem::Malformed { rule: "each sequence of the batch has a length within the time axis" })?;
    let steps = strides(&shape);
    let x = op.node(0)?;
    let y = op.moved(x, shape, |index| {
        let (t, length) = (index[time], lengths[index[batch]]);
        let from = if t < length { length - 1 - t } else { t };
        dot(index, &steps) - t * steps[time] + from * steps[time]
    })?;
    Ok(vec![Value::Node(y)])
}
