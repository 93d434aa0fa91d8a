//! Transpose: axes in another order; reversed when no order is given.

use crate::error::Problem;
use crate::operator::{distinct_axes, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let rank = op.shape(0)?.len();
    let order: Vec<usize> = match op.ints("perm")? {
        None => (0..rank).rev().collect(),
        Some(order) if order.len() == rank => distinct_axes(order, rank)?,
        Some(_) => return Err(Problem::Malformed { rule: "perm is not a permutation of the axes" }),
    };
    let x = op.node(0)?;
    Ok(vec![Value::Node(op.transposed(x, &order)?)])
}
