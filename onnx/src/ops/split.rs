//! Split: consecutive parts of an axis, equal ones unless lengths are given.

use crate::error::Problem;
use crate::operator::{axis, dot, elements, strides, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let from = op.shape(0)?;
    elements(&from)?;
    let at = axis(op.int("axis", 0)?, from.len())?;
    let lengths = match op.ints_or_input("split", 1, 13)? {
        Some(list) => list
            .iter()
            .map(|&d| usize::try_from(d).map_err(|_| Problem::Malformed { rule: "a part has a negative length" }))
            .collect::<Result<Vec<_>, _>>()?,
        None => {
            let parts = op.num_outputs();
            let named = if op.opset >= 18 { op.optional_int("num_outputs")? } else { None };
            if named.is_some_and(|n| usize::try_from(n) != Ok(parts)) {
                return Err(Problem::Malformed { rule: "num_outputs is not the number of outputs" });
            }
            if named.is_none() && !from[at].is_multiple_of(parts.max(1)) {
                return Err(Problem::Malformed { rule: "the axis has no equal parts" });
            }
            equal_parts(from[at], parts)
        }
    };
    let total = lengths.iter().try_fold(0usize, |n, &d| n.checked_add(d));
    if total != Some(from[at]) || lengths.len() != op.num_outputs() {
        return Err(Problem::Malformed { rule: "the parts do not add up to the axis" });
    }
    let steps = strides(&from);
    let x = op.node(0)?;
    let mut start = 0;
    let mut parts = Vec::with_capacity(lengths.len());
    for length in lengths {
        let mut shape = from.clone();
        shape[at] = length;
        parts.push(Value::Node(op.moved(x, shape, |index| dot(index, &steps) + start * steps[at])?));
        start += length;
    }
    Ok(parts)
}

/// Parts of one length; the last one may be shorter.
fn equal_parts(length: usize, parts: usize) -> Vec<usize> {
    let part = length.div_ceil(parts.max(1));
    (0..parts).map(|i| part.min(length.saturating_sub(i * part))).collect()
}
