//! GatherElements: elements of a tensor at constant indices along one axis, one for each element.
//!
//! ```text
//! y[…before, i, …after] = x[…before, indices[…before, i, …after], …after]
//! ```

use crate::error::Problem;
use crate::operator::{axis, dot, indices, strides, Operator, Value};
use crate::ops::gather::places;
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let (shape, all) = targets(op)?;
    let mut all = all.into_iter();
    let x = op.node(0)?;
    Ok(vec![Value::Node(op.moved(x, shape, |_| all.next().unwrap_or(0))?)])
}

/// The shape of the indices, input 1, and for each the flat index of input 0 that it stands for.
pub(super) fn targets(op: &Operator<'_>) -> Result<(Vec<usize>, Vec<usize>), Problem> {
    let of = op.shape(0)?;
    let at = axis(op.int("axis", 0)?, of.len())?;
    let shape = op.constant(1)?.shape.clone();
    if shape.len() != of.len() || (0..of.len()).any(|i| i != at && shape[i] > of[i]) {
        return Err(Problem::Malformed { rule: "the shape of the indices leaves that of the tensor" });
    }
    op.allot::<[usize; 2]>(shape.iter().product())?;
    let mut places = places(op, 1, of[at])?.into_iter();
    let mut steps = strides(&of);
    let step = std::mem::replace(&mut steps[at], 0);
    let all = indices(&shape, |index| dot(index, &steps) + places.next().unwrap_or(0) * step);
    Ok((shape, all))
}
