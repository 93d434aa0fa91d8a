//! Flatten: a matrix whose rows are the axes before `axis`.

use crate::error::Problem;
use crate::operator::{elements, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let shape = op.shape(0)?;
    elements(&shape)?;
    let axis = op.int("axis", 1)?;
    if axis < 0 && op.opset < 11 {
        return Err(Problem::Malformed { rule: "an axis that counts from the end, before opset 11" });
    }
    let from_start = if axis < 0 { axis + shape.len() as i64 } else { axis };
    let split = usize::try_from(from_start).ok().filter(|&a| a <= shape.len());
    let split = split.ok_or(Problem::Malformed { rule: "an axis is outside the rank of its tensor" })?;
    let (rows, cols) = shape.split_at(split);
    let x = op.node(0)?;
    let y = op.reshaped(x, vec![rows.iter().product(), cols.iter().product()])?;
    Ok(vec![Value::Node(y)])
}
