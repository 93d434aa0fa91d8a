//! Trilu: the upper or lower triangle of each matrix, and 0 elsewhere.
//!
//! ```text
//! y[…, i, j] = x[…, i, j] if j − i ≥ k (upper) or j − i ≤ k (lower), else 0
//! ```

use crate::error::Problem;
use crate::graph::{Op, Source};
use crate::operator::{dot, elements, indices, strides, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let shape = op.shape(0)?;
    let upper = op.flag("upper", true)?;
    let k = match op.has(1) {
        false => 0,
        true => match op.constant_ints(1)?[..] {
            [k] => k,
            _ => return Err(Problem::InputType { input: 1, expected: "one integer" }),
        },
    };
    if shape.len() < 2 {
        return Err(Problem::Rank { input: 0, expected: "2 or more", actual: shape.len() });
    }
    op.allot::<Source>(elements(&shape)?)?;
    let steps = strides(&shape);
    let sources = indices(&shape, |index| {
        let diagonal = index[shape.len() - 1] as i64 - index[shape.len() - 2] as i64;
        match if upper { diagonal >= k } else { diagonal <= k } {
            true => Source::Element { input: 0, index: dot(index, &steps) as u32 },
            false => Source::Constant(0.0),
        }
    });
    let x = op.node(0)?;
    Ok(vec![Value::Node(op.push(Op::Gather(sources), vec![x], shape)?)])
}
