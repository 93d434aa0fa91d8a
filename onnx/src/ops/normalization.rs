//! LayerNormalization, RMSNormalization and InstanceNormalization.
//!
//! ```text
//! y = (x − mean) / √(var + ε) · scale + bias        over the last axes, or over an image
//! ```
//!
//! Rows are brought to `[outer, inner]`, centred where the operator centres them, and normalised. Simplification folds scale and bias
//! into the layer behind.

use sworn_circuits::graph::{Channels, NodeId};

use crate::error::Problem;
use crate::graph::{Linear, Op, Source, Term};
use crate::operator::{axis, Operator, Value};
use crate::ops::Lowered;

pub(super) fn layer(op: &mut Operator<'_>) -> Lowered {
    if op.num_outputs() > 1 {
        return Err(Problem::Feature { feature: "mean and deviation as outputs" });
    }
    over_last(op, true)
}

pub(super) fn rms(op: &mut Operator<'_>) -> Lowered {
    over_last(op, false)
}

pub(super) fn instance(op: &mut Operator<'_>) -> Lowered {
    let shape = op.shape(0)?;
    if shape.len() < 3 {
        return Err(Problem::Rank { input: 0, expected: "3 or more", actual: shape.len() });
    }
    let epsilon = op.float("epsilon", 1e-5)?;
    let x = op.node(0)?;
    let inner = shape[2..].iter().product();
    let y = normalised(op, x, inner, epsilon, true)?;
    by_channel(op, y, shape)
}

/// Over the axes from one on.
fn over_last(op: &mut Operator<'_>, centred: bool) -> Lowered {
    let shape = op.shape(0)?;
    let epsilon = op.float("epsilon", 1e-5)?;
    op.ignore_attributes(&["stash_type"]);
    let at = axis(op.int("axis", -1)?, shape.len())?;
    let inner: usize = shape[at..].iter().product();
    let x = op.node(0)?;
    let y = normalised(op, x, inner, epsilon, centred)?;
    let y = op.reshaped(y, shape.clone())?;
    let scale = repeated(op, 1, &shape[at..])?;
    let bias = if centred && op.has(2) { repeated(op, 2, &shape[at..])? } else { vec![0.0; inner] };
    Ok(vec![Value::Node(op.affine_by(y, [&scale, &bias], |i| i % inner)?)])
}

/// A constant that broadcasts to a row.
fn repeated(op: &Operator<'_>, i: usize, row: &[usize]) -> Result<Vec<f32>, Problem> {
    let (shape, values) = op.constant_floats(i)?;
    let inner: usize = row.iter().product();
    match values.len() {
        1 => Ok(vec![values[0]; inner]),
        n if n == inner && (shape == row || shape.iter().product::<usize>() == inner) => Ok(values),
        _ => Err(Problem::Malformed { rule: "scale and bias have the shape of what is normalised" }),
    }
}

/// Scale and bias of inputs 1 and 2, one for each channel.
fn by_channel(op: &mut Operator<'_>, y: NodeId, shape: Vec<usize>) -> Lowered {
    let y = op.reshaped(y, shape.clone())?;
    let (scale, bias) = (op.constant_floats(1)?.1, op.constant_floats(2)?.1);
    if scale.len() != shape[1] || bias.len() != shape[1] {
        return Err(Problem::Malformed { rule: "scale and bias have one value for each channel" });
    }
    let plane = shape[2..].iter().product::<usize>();
    Ok(vec![Value::Node(op.affine_by(y, [&scale, &bias], |i| i / plane % shape[1])?)])
}

/// Rows of `inner` elements, normalised, as `[outer, inner]`.
pub(super) fn normalised(op: &mut Operator<'_>, x: NodeId, inner: usize, epsilon: f32, centred: bool) -> Result<NodeId, Problem> {
    let outer = op.graph.node(x).elements() / inner.max(1);
    let mut x = op.reshaped(x, vec![outer, inner])?;
    if centred {
        let mean = op.push(Op::Reduce { inner, factor: 1.0 / inner as f32 }, vec![x], vec![outer])?;
        op.allot::<Source>(outer * inner)?;
        let sources = (0..outer * inner).map(|i| Source::Element { input: 0, index: (i / inner) as u32 }).collect();
        let mean = op.push(Op::Gather(sources), vec![mean], vec![outer, inner])?;
        let terms = vec![Term::Scale(1.0), Term::Scale(-1.0)];
        let linear = Linear { channels: Channels::Last, terms, bias: vec![0.0; inner] };
        x = op.push(Op::Linear(linear), vec![x, mean], vec![outer, inner])?;
    }
    op.push(Op::Norm { inner, epsilon }, vec![x], vec![outer, inner])
}
