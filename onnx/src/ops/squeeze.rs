//! Squeeze and Unsqueeze: take out or put in axes of length 1.

use crate::error::Problem;
use crate::operator::{axes, Operator, Value};
use crate::ops::Lowered;

/// Takes out the given axes of length 1, or all of them.
pub(super) fn squeeze(op: &mut Operator<'_>) -> Lowered {
    let from = op.shape(0)?;
    let removed = match op.ints_or_input("axes", 1, 13)? {
        Some(list) => axes(&list, from.len())?,
        None => (0..from.len()).filter(|&i| from[i] == 1).collect(),
    };
    if removed.iter().any(|&i| from[i] != 1) {
        return Err(Problem::Malformed { rule: "an axis that is squeezed is longer than 1" });
    }
    let shape = (0..from.len()).filter(|i| !removed.contains(i)).map(|i| from[i]).collect();
    let x = op.node(0)?;
    Ok(vec![Value::Node(op.reshaped(x, shape)?)])
}

/// Puts in axes; they are positions in the result.
pub(super) fn unsqueeze(op: &mut Operator<'_>) -> Lowered {
    let from = op.shape(0)?;
    let list = op.ints_or_input("axes", 1, 13)?.ok_or(Problem::MissingInput { input: 1 })?;
    let rank = from.len() + list.len();
    let added = axes(&list, rank)?;
    let mut old = from.iter();
    let shape = (0..rank).map(|i| if added.contains(&i) { 1 } else { old.next().copied().unwrap_or(1) }).collect();
    let x = op.node(0)?;
    Ok(vec![Value::Node(op.reshaped(x, shape)?)])
}
