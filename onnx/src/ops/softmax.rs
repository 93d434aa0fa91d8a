//! Softmax over an axis, with the mask that is added to its scores or put in their place.
//!
//! ```text
//! y = exp(x) / Σ exp(x)         over one axis; before opset 13 over all axes from one on
//! ```
//!
//! An element of the scores that is a constant of at most −10^4, or has one added, is *hidden*: its probability is 0, whatever the score.
//! Exporters write −∞, the smallest number of a type, or −10^4 there.

use sworn_circuits::graph::NodeId;

use crate::error::Problem;
use crate::graph::{Op, Source};
use crate::operator::{axis, Operator, Value};
use crate::ops::Lowered;

/// Constants of scores that hide an element, at most.
const HIDING: f32 = -1e4;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let shape = op.shape(0)?;
    let before_13 = op.opset < 13;
    let given = op.int("axis", if before_13 { 1 } else { -1 })?;
    let x = op.node(0)?;
    if shape.is_empty() {
        return Err(Problem::Rank { input: 0, expected: "1 or more", actual: 0 });
    }
    if before_13 {
        let at = if given == shape.len() as i64 { shape.len() } else { axis(given, shape.len())? };
        let inner = shape[at..].iter().product();
        let y = over_last(op, x, inner)?;
        return Ok(vec![Value::Node(op.reshaped(y, shape)?)]);
    }
    let at = axis(given, shape.len())?;
    // The axis goes last, and back.
    let mut order: Vec<usize> = (0..shape.len()).filter(|&a| a != at).collect();
    order.push(at);
    let mut back: Vec<usize> = (0..shape.len() - 1).collect();
    back.insert(at, shape.len() - 1);
    let moved = op.transposed(x, &order)?;
    let y = over_last(op, moved, shape[at])?;
    Ok(vec![Value::Node(op.transposed(y, &back)?)])
}

/// Softmax of rows of `inner` elements.
fn over_last(op: &mut Operator<'_>, x: NodeId, inner: usize) -> Result<NodeId, Problem> {
    let (x, hidden) = unmasked(op, x)?;
    let whole_row = |row: &[bool]| row.iter().all(|&hidden| hidden);
    if !hidden.is_empty() && hidden.chunks(inner).any(whole_row) {
        return Err(Problem::Feature { feature: "a mask that hides a whole row" });
    }
    let shape = op.graph.node(x).shape.clone();
    let pattern = repeated(hidden, inner, &shape);
    op.push(Op::Softmax { inner, hidden: pattern }, vec![x], shape)
}

/// Scores without constants that hide, and which elements those hid; none if none is hidden.
fn unmasked(op: &mut Operator<'_>, x: NodeId) -> Result<(NodeId, Vec<bool>), Problem> {
    let node = op.graph.node(x);
    let (inputs, shape, elements) = (node.inputs.clone(), node.shape.clone(), node.elements());
    match &node.op {
        Op::Elementwise { ca, c, .. } if inputs.len() == 1 && c.iter().any(|&c| c <= HIDING) => {
            let hidden: Vec<bool> = (0..elements).map(|i| c[if c.len() == 1 { 0 } else { i }] <= HIDING).collect();
            let (ca, c): (Vec<f32>, Vec<f32>) = (ca.clone(), c.iter().map(|&c| if c <= HIDING { 0.0 } else { c }).collect());
            op.allot::<(bool, f32)>(elements)?;
            Ok((op.affine(inputs[0], ca, c)?, hidden))
        }
        Op::Gather(sources) if sources.iter().any(hides) => {
            let hidden = sources.iter().map(hides).collect();
            let sources = sources.iter().map(|s| if hides(s) { Source::Constant(0.0) } else { *s }).collect();
            op.allot::<(bool, Source)>(elements)?;
            Ok((op.push(Op::Gather(sources), inputs, shape)?, hidden))
        }
        _ => Ok((x, Vec::new())),
    }
}

fn hides(source: &Source) -> bool {
    matches!(source, Source::Constant(c) if *c <= HIDING)
}

/// One period of a pattern that repeats with the last axes of a shape.
fn repeated(hidden: Vec<bool>, inner: usize, shape: &[usize]) -> Vec<bool> {
    if hidden.is_empty() {
        return hidden;
    }
    let mut period = 1;
    for &size in shape.iter().rev() {
        period *= size;
        if period.is_multiple_of(inner) && hidden.chunks(period).all(|chunk| *chunk == hidden[..period]) {
            return hidden[..period].to_vec();
        }
    }
    hidden
}
