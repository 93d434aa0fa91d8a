//! ReduceSum, ReduceMean, ReduceMax and the other reductions over some axes.
//!
//! ```text
//! the reduced axes are moved innermost: [outer, inner]
//! sum: Σ x     mean: Σ x / inner     L1: Σ |x|     L2: √Σ x²     sum of squares: Σ x²     log sum: ln Σ x
//! max: windows of inner elements     min: −max(−x)
//! ```

use sworn_circuits::graph::{Max, NodeId};

use crate::error::Problem;
use crate::graph::Op;
use crate::operator::{axes, elements, Operator, Value};
use crate::ops::Lowered;
use crate::unary::Unary;

/// `Σ x`.
pub(super) fn sum(op: &mut Operator<'_>) -> Lowered {
    reduced(op, 13, |_, x| Ok(x), |op, x, axes| total(op, x, axes, 1.0), |_, y| Ok(y))
}

/// `Σ x / inner`.
pub(super) fn mean(op: &mut Operator<'_>) -> Lowered {
    reduced(op, 18, |_, x| Ok(x), |op, x, axes| total(op, x, axes, 1.0 / axes.inner as f32), |_, y| Ok(y))
}

/// `Σ |x|`.
pub(super) fn l1(op: &mut Operator<'_>) -> Lowered {
    reduced(op, 18, |op, x| op.unary(Unary::Abs, x), |op, x, axes| total(op, x, axes, 1.0), |_, y| Ok(y))
}

/// `√Σ x²`.
pub(super) fn l2(op: &mut Operator<'_>) -> Lowered {
    reduced(op, 18, |op, x| op.product(x, x), |op, x, axes| total(op, x, axes, 1.0), |op, y| op.unary(Unary::Sqrt, y))
}

/// `Σ x²`.
pub(super) fn sum_square(op: &mut Operator<'_>) -> Lowered {
    reduced(op, 18, |op, x| op.product(x, x), |op, x, axes| total(op, x, axes, 1.0), |_, y| Ok(y))
}

/// `ln Σ x`.
pub(super) fn log_sum(op: &mut Operator<'_>) -> Lowered {
    reduced(op, 18, |_, x| Ok(x), |op, x, axes| total(op, x, axes, 1.0), |op, y| op.unary(Unary::Log, y))
}

/// The largest element.
pub(super) fn max(op: &mut Operator<'_>) -> Lowered {
    reduced(op, 18, |_, x| Ok(x), largest, |_, y| Ok(y))
}

/// The smallest element.
pub(super) fn min(op: &mut Operator<'_>) -> Lowered {
    let negated = |op: &mut Operator<'_>, x| op.affine(x, vec![-1.0], vec![0.0]);
    reduced(op, 18, negated, largest, negated)
}

/// What is reduced.
struct Axes {
    /// Elements for each output.
    inner: usize,
    /// Shape of the output.
    shape: Vec<usize>,
}

/// `after(reduce(before(x)))`; `since` is the opset from which the axes are an input.
fn reduced(
    op: &mut Operator<'_>,
    since: i64,
    before: impl Fn(&mut Operator<'_>, NodeId) -> Result<NodeId, Problem>,
    reduce: impl Fn(&mut Operator<'_>, NodeId, &Axes) -> Result<NodeId, Problem>,
    after: impl Fn(&mut Operator<'_>, NodeId) -> Result<NodeId, Problem>,
) -> Lowered {
    let from = op.shape(0)?;
    elements(&from)?;
    let list = op.ints_or_input("axes", 1, since)?.unwrap_or_default();
    let noop = op.flag_since("noop_with_empty_axes", since)?;
    let over = match list.is_empty() {
        true if noop => vec![],
        true => (0..from.len()).collect(),
        false => axes(&list, from.len())?,
    };
    let keep = op.flag("keepdims", true)?;
    let kept: Vec<usize> = (0..from.len()).filter(|i| !over.contains(i)).collect();
    let shape = (0..from.len()).filter(|i| keep || kept.contains(i)).map(|i| if kept.contains(&i) { from[i] } else { 1 }).collect();
    let inner = over.iter().map(|&i| from[i]).product();
    let x = op.node(0)?;
    let x = before(op, x)?;
    // Axes of length 1 stay in their place: they do not change the order of the elements.
    let long = |axes: &[usize]| axes.iter().copied().filter(|&i| from[i] > 1).collect::<Vec<_>>();
    let order = [long(&kept), long(&over)].concat();
    let x = if order.is_sorted() { x } else { op.transposed(x, &[kept, over].concat())? };
    let y = reduce(op, x, &Axes { inner, shape })?;
    Ok(vec![Value::Node(after(op, y)?)])
}

fn total(op: &mut Operator<'_>, x: NodeId, axes: &Axes, factor: f32) -> Result<NodeId, Problem> {
    if axes.inner == 1 {
        return op.reshaped(x, axes.shape.clone());
    }
    op.push(Op::Reduce { inner: axes.inner, factor }, vec![x], axes.shape.clone())
}

fn largest(op: &mut Operator<'_>, x: NodeId, axes: &Axes) -> Result<NodeId, Problem> {
    let count = op.graph.node(x).elements();
    op.allot::<u32>(count)?;
    let windows = (0..count as u32).collect();
    op.push(Op::Max(Max { window: axes.inner, windows }), vec![x], axes.shape.clone())
}
