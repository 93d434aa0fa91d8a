//! Max, Min, Sum and Mean of any number of tensors, with NumPy's broadcasting.
//!
//! ```text
//! max(a, b, …)         a window over the tensors laid side by side
//! min(a, b, …)         −max(−a, −b, …)
//! max(x, k), min(x, k) with one constant k: a clip
//! ```

use sworn_circuits::graph::{Max, NodeId};

use crate::error::Problem;
use crate::graph::{Op, Source};
use crate::operator::{elements, Operator, Value};
use crate::ops::expand::{common_shape, expanded};
use crate::ops::Lowered;
use crate::unary::Unary;

/// The largest of the tensors.
pub(super) fn max(op: &mut Operator<'_>) -> Lowered {
    let clip = |k| if k == 0.0 { Unary::Relu } else { Unary::Clip { min: k, max: f32::INFINITY } };
    if let Some(y) = clipped(op, clip)? {
        return Ok(vec![Value::Node(y)]);
    }
    let (parts, shape) = operands(op)?;
    Ok(vec![Value::Node(largest(op, parts, shape)?)])
}

/// The smallest of the tensors.
pub(super) fn min(op: &mut Operator<'_>) -> Lowered {
    if let Some(y) = clipped(op, |k| Unary::Clip { min: f32::NEG_INFINITY, max: k })? {
        return Ok(vec![Value::Node(y)]);
    }
    let (parts, shape) = operands(op)?;
    let negated = parts.into_iter().map(|x| op.affine(x, vec![-1.0], vec![0.0])).collect::<Result<_, _>>()?;
    let y = largest(op, negated, shape)?;
    Ok(vec![Value::Node(op.affine(y, vec![-1.0], vec![0.0])?)])
}

/// The sum of the tensors.
pub(super) fn sum(op: &mut Operator<'_>) -> Lowered {
    let y = total(op)?;
    Ok(vec![Value::Node(y)])
}

/// The mean of the tensors.
pub(super) fn mean(op: &mut Operator<'_>) -> Lowered {
    let y = total(op)?;
    let factor = 1.0 / op.num_inputs() as f32;
    Ok(vec![Value::Node(op.affine(y, vec![factor], vec![0.0])?)])
}

fn total(op: &mut Operator<'_>) -> Result<NodeId, Problem> {
    let (parts, shape) = operands(op)?;
    let mut parts = parts.into_iter();
    let mut all = parts.next().ok_or(Problem::MissingInput { input: 0 })?;
    for x in parts {
        all = op.push(Op::Elementwise { ca: vec![1.0], cb: 1.0, cm: 0.0, c: vec![0.0] }, vec![all, x], shape.clone())?;
    }
    Ok(all)
}

/// With two inputs, one of them a constant of one value.
fn clipped(op: &mut Operator<'_>, clip: impl Fn(f32) -> Unary) -> Result<Option<NodeId>, Problem> {
    if op.num_inputs() != 2 {
        return Ok(None);
    }
    for (tensor, constant) in [(0, 1), (1, 0)] {
        if let (Value::Node(x), Value::Constant(k)) = (op.value(tensor)?, op.value(constant)?) {
            if let Some(bound) = k.scalar() {
                let shape = common_shape(&op.graph.node(x).shape, &k.shape)?;
                let x = op.reshaped(x, shape)?;
                return op.unary(clip(bound), x).map(Some);
            }
        }
    }
    Ok(None)
}

fn operands(op: &mut Operator<'_>) -> Result<(Vec<NodeId>, Vec<usize>), Problem> {
    let mut shape = op.shape(0)?;
    for i in 1..op.num_inputs() {
        shape = common_shape(&shape, &op.shape(i)?)?;
    }
    let parts = (0..op.num_inputs())
        .map(|i| {
            let x = op.node(i)?;
            expanded(op, x, &shape)
        })
        .collect::<Result<_, _>>()?;
    Ok((parts, shape))
}

fn largest(op: &mut Operator<'_>, parts: Vec<NodeId>, shape: Vec<usize>) -> Result<NodeId, Problem> {
    let (count, window) = (elements(&shape)?, parts.len());
    if let [only] = parts[..] {
        return Ok(only);
    }
    let all = elements(&[count, window])?;
    op.allot::<(Source, u32)>(all)?;
    let sources = (0..all).map(|i| Source::Element { input: (i % window) as u32, index: (i / window) as u32 }).collect();
    let side_by_side = op.push(Op::Gather(sources), parts, [shape.as_slice(), &[window]].concat())?;
    op.push(Op::Max(Max { window, windows: (0..all as u32).collect() }), vec![side_by_side], shape)
}
