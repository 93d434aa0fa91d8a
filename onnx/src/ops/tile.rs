//! Tile: a tensor repeated along each axis.

use crate::error::Problem;
use crate::operator::{strides, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let from = op.shape(0)?;
    let repeats = op.constant_ints(1)?;
    if repeats.len() != from.len() {
        return Err(Problem::Malformed { rule: "one number of repeats for each axis" });
    }
    let shape = from
        .iter()
        .zip(&repeats)
        .map(|(&d, &r)| usize::try_from(r).ok().and_then(|r| d.checked_mul(r)).ok_or(Problem::Malformed { rule: "a number of repeats" }))
        .collect::<Result<Vec<_>, _>>()?;
    let steps = strides(&from);
    let x = op.node(0)?;
    let y = op.moved(x, shape, |index| index.iter().zip(&from).zip(&steps).map(|((&i, &d), &s)| i % d * s).sum())?;
    Ok(vec![Value::Node(y)])
}
