//! CumSum: sums of all elements before each along a constant axis, a product with a triangular matrix of ones.
//!
//! ```text
//! y[i] = Σ x[j]     j ≤ i, or j < i if exclusive;  j ≥ i, or j > i in reverse
//! ```

use crate::error::Problem;
use crate::operator::{axis, elements, Operator, Value};
use crate::ops::matmul::dense;
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let shape = op.shape(0)?;
    let at = match op.constant_ints(1)?[..] {
        [at] => axis(at, shape.len())?,
        _ => return Err(Problem::InputType { input: 1, expected: "one integer" }),
    };
    let (exclusive, reverse) = (op.flag("exclusive", false)?, op.flag("reverse", false)?);
    let length = shape[at];
    op.allot::<f32>(elements(&[length, length])?)?;
    let is_summed = |i: usize, j: usize| if reverse { j > i } else { j < i } || j == i && !exclusive;
    let weights = (0..length).flat_map(|i| (0..length).map(move |j| f32::from(u8::from(is_summed(i, j))))).collect();
    // The axis comes last, and goes back to its place.
    let mut order: Vec<usize> = (0..shape.len()).collect();
    order.swap(at, shape.len() - 1);
    let x = op.node(0)?;
    let x = op.transposed(x, &order)?;
    let swapped = op.graph.node(x).shape.clone();
    let y = dense(op, x, weights, vec![0.0; length])?;
    let y = op.reshaped(y, swapped)?;
    Ok(vec![Value::Node(op.transposed(y, &order)?)])
}
