//! Reshape: the same elements under another shape. One −1 is inferred; a 0 keeps its dimension.

use crate::error::Problem;
use crate::operator::{elements, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let from = op.shape(0)?;
    let target = op.ints_or_input("shape", 1, 5)?.ok_or(Problem::MissingInput { input: 1 })?;
    let shape = target_shape(&from, &target, op.flag_since("allowzero", 14)?)?;
    let x = op.node(0)?;
    Ok(vec![Value::Node(op.reshaped(x, shape)?)])
}

fn target_shape(from: &[usize], target: &[i64], allow_zero: bool) -> Result<Vec<usize>, Problem> {
    let malformed = |rule| Problem::Malformed { rule };
    let mut shape = Vec::with_capacity(target.len());
    let mut inferred = None;
    for (i, &d) in target.iter().enumerate() {
        shape.push(match d {
            0 if !allow_zero => *from.get(i).ok_or_else(|| malformed("a 0 has no dimension to keep"))?,
            -1 if inferred.is_none() => {
                inferred = Some(i);
                1
            }
            d => usize::try_from(d).map_err(|_| malformed("a dimension is negative"))?,
        });
    }
    if let Some(i) = inferred {
        let (all, others) = (elements(from)?, elements(&shape)?);
        if all % others != 0 {
            return Err(malformed("a reshape must keep the number of elements"));
        }
        shape[i] = all / others;
    }
    Ok(shape)
}
