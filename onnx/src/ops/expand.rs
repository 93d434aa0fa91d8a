//! Expand: repeat a tensor along axes of length 1, by the broadcasting rules of NumPy.
//!
//! ```text
//! shapes are aligned at their last axis; y[i₁, i₂, …] = x[i₁ or 0, i₂ or 0, …]
//! ```

use sworn_circuits::graph::NodeId;

use crate::error::Problem;
use crate::operator::{dot, elements, indices, strides, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let target: Vec<usize> = op
        .constant_ints(1)?
        .iter()
        .map(|&d| usize::try_from(d).map_err(|_| Problem::Malformed { rule: "a dimension is negative" }))
        .collect::<Result<_, _>>()?;
    let shape = common_shape(&op.shape(0)?, &target)?;
    let x = op.node(0)?;
    Ok(vec![Value::Node(expanded(op, x, &shape)?)])
}

/// The shape that both broadcast to.
pub(super) fn common_shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Problem> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| if i + s.len() < rank { 1 } else { s[i + s.len() - rank] };
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            _ => Err(Problem::Malformed { rule: "the shapes do not broadcast" }),
        })
        .collect()
}

/// Appends `x` broadcast to `shape`; nothing if it has it already.
pub(super) fn expanded(op: &mut Operator<'_>, x: NodeId, shape: &[usize]) -> Result<NodeId, Problem> {
    let from = op.graph.node(x).shape.clone();
    if from == shape {
        return Ok(x);
    }
    let steps = broadcast_strides(&from, shape)?;
    op.moved(x, shape.to_vec(), |index| dot(index, &steps))
}

/// A constant broadcast to `shape`; a single value stays one.
pub(super) fn expanded_constant(op: &Operator<'_>, values: &[f32], from: &[usize], shape: &[usize]) -> Result<Vec<f32>, Problem> {
    if values.len() == 1 {
        return Ok(values.to_vec());
    }
    op.allot::<f32>(elements(shape)?)?;
    let steps = broadcast_strides(from, shape)?;
    Ok(indices(shape, |index| values[dot(index, &steps)]))
}

/// Strides of `from` along the axes of `to`: 0 where it is repeated.
pub(super) fn broadcast_strides(from: &[usize], to: &[usize]) -> Result<Vec<usize>, Problem> {
    if common_shape(from, to)? != to {
        return Err(Problem::Malformed { rule: "the shape does not broadcast to the other" });
    }
    let steps = strides(from);
    let missing = to.len() - from.len();
    Ok((0..to.len()).map(|i| if i < missing || from[i - missing] == 1 { 0 } else { steps[i - missing] }).collect())
}
