//! MatMul.
//!
//! ```text
//! x · W,  W : [inputs, outputs]       dense over the positions of x : [positions, inputs]
//! W · x,  W : [outputs, inputs]       1×1 convolution of x : [batch, inputs, 1, columns]
//! W with a batch                      the same convolution with a group for each matrix
//! x · y                               a product, matrix by matrix
//! ```

use sworn_circuits::graph::{Channels, NodeId};

use crate::error::Problem;
use crate::graph::{Conv, Linear, Op, Term};
use crate::operator::{elements, Operator, Value};
use crate::ops::expand::{common_shape, expanded, expanded_constant};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let (left, right) = (op.shape(0)?, op.shape(1)?);
    if left.is_empty() || right.is_empty() {
        return Err(Problem::Malformed { rule: "a factor is a scalar" });
    }
    // A vector is a matrix of one row on the left, of one column on the right; the product drops that axis again.
    let a = if left.len() == 1 { vec![1, left[0]] } else { left.clone() };
    let b = if right.len() == 1 { vec![right[0], 1] } else { right.clone() };
    let (batch_a, matrix_a) = a.split_at(a.len() - 2);
    let (batch_b, matrix_b) = b.split_at(b.len() - 2);
    if matrix_a[1] != matrix_b[0] {
        return Err(Problem::Malformed { rule: "the inner dimensions differ" });
    }
    let batch = common_shape(batch_a, batch_b)?;
    let mut shape = batch.clone();
    shape.extend((left.len() > 1).then_some(matrix_a[0]));
    shape.extend((right.len() > 1).then_some(matrix_b[1]));
    let product = [batch.as_slice(), &[matrix_a[0], matrix_b[1]]].concat();
    elements(&product)?;
    let y = match (op.value(0)?, op.value(1)?) {
        (Value::Node(x), Value::Constant(_)) => {
            let weights = op.constant_floats(1)?.1;
            op.allot::<f32>(weights.len())?;
            if batch_b.iter().all(|&d| d == 1) {
                let x = expand_batch(op, x, &a, &batch)?;
                dense(op, x, transpose(&weights, matrix_b[0]), vec![0.0; matrix_b[1]])?
            } else {
                let weights = expand_weights(op, &weights, &b, &batch)?;
                op.allot::<f32>(weights.len())?;
                let matrices: Vec<f32> = weights.chunks(matrix_b[0] * matrix_b[1]).flat_map(|m| transpose(m, matrix_b[0])).collect();
                let x = expand_batch(op, x, &a, &batch)?;
                let x = swap_last(op, x)?;
                let y = grouped(op, x, matrices, matrix_b[1])?;
                swap_last(op, y)?
            }
        }
        (Value::Constant(_), _) => {
            let weights = op.constant_floats(0)?.1;
            let x = op.node(1)?;
            let x = expand_batch(op, x, &b, &batch)?;
            if batch_a.iter().all(|&d| d == 1) {
                shared(op, x, weights, matrix_a[0])?
            } else {
                grouped(op, x, expand_weights(op, &weights, &a, &batch)?, matrix_a[0])?
            }
        }
        (Value::Node(x), Value::Node(y)) => {
            let (x, y) = (expand_batch(op, x, &a, &batch)?, expand_batch(op, y, &b, &batch)?);
            let matrices = batch.iter().product();
            computed(op, [x, y], [matrices, matrix_a[0], matrix_a[1], matrix_b[1]], 1.0)?
        }
    };
    Ok(vec![Value::Node(op.reshaped(y, shape)?)])
}

/// `x · Wᵀ + bias` over the last axis of `x`; `weights : [outputs, inputs]`. Answers `[positions, outputs]`.
pub(super) fn dense(op: &mut Operator<'_>, x: NodeId, weights: Vec<f32>, bias: Vec<f32>) -> Result<NodeId, Problem> {
    let inputs = *op.graph.node(x).shape.last().unwrap_or(&1);
    let positions = op.graph.node(x).elements() / inputs;
    let outputs = bias.len();
    let x = op.reshaped(x, vec![positions, inputs])?;
    let linear = Linear { channels: Channels::Last, terms: vec![Term::Conv(pointwise(weights, 1))], bias };
    op.push(Op::Linear(linear), vec![x], vec![positions, outputs])
}

/// `factor · x · y`, matrix by matrix, of `[matrices, rows, inner, columns]`.
pub(super) fn computed(op: &mut Operator<'_>, [x, y]: [NodeId; 2], dims: [usize; 4], factor: f32) -> Result<NodeId, Problem> {
    let [matrices, rows, inner, columns] = dims;
    let x = op.reshaped(x, vec![matrices, rows, inner])?;
    let y = op.reshaped(y, vec![matrices, inner, columns])?;
    op.push(Op::Product { factor }, vec![x, y], vec![matrices, rows, columns])
}

/// `W · x` for each matrix of `x : [batch…, inputs, columns]`.
fn shared(op: &mut Operator<'_>, x: NodeId, weights: Vec<f32>, outputs: usize) -> Result<NodeId, Problem> {
    let (matrices, inputs, columns) = matrices(op, x);
    convolve(op, x, [matrices, inputs, columns], pointwise(weights, 1), outputs)
}

/// `Wᵢ · xᵢ` for the matrices of `x : [batch…, inputs, columns]`.
fn grouped(op: &mut Operator<'_>, x: NodeId, weights: Vec<f32>, outputs: usize) -> Result<NodeId, Problem> {
    let batch = op.graph.node(x).shape.clone();
    let (groups, inputs, columns) = matrices(op, x);
    let y = convolve(op, x, [1, groups * inputs, columns], pointwise(weights, groups), groups * outputs)?;
    op.reshaped(y, [&batch[..batch.len() - 2], &[outputs, columns]].concat())
}

fn convolve(
    op: &mut Operator<'_>,
    x: NodeId,
    [batch, channels, columns]: [usize; 3],
    conv: Conv,
    outputs: usize,
) -> Result<NodeId, Problem> {
    let x = op.reshaped(x, vec![batch, channels, 1, columns])?;
    let linear = Linear { channels: Channels::First, terms: vec![Term::Conv(conv)], bias: vec![0.0; outputs] };
    op.push(Op::Linear(linear), vec![x], vec![batch, outputs, 1, columns])
}

fn pointwise(weights: Vec<f32>, groups: usize) -> Conv {
    Conv { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], dilation: [1, 1], groups, weights }
}

/// Number of matrices, their rows and their columns.
fn matrices(op: &Operator<'_>, x: NodeId) -> (usize, usize, usize) {
    let shape = &op.graph.node(x).shape;
    let (batch, matrix) = shape.split_at(shape.len() - 2);
    (batch.iter().product(), matrix[0], matrix[1])
}

fn expand_batch(op: &mut Operator<'_>, x: NodeId, shape: &[usize], batch: &[usize]) -> Result<NodeId, Problem> {
    let x = op.reshaped(x, shape.to_vec())?;
    expanded(op, x, &[batch, &shape[shape.len() - 2..]].concat())
}

fn expand_weights(op: &Operator<'_>, weights: &[f32], shape: &[usize], batch: &[usize]) -> Result<Vec<f32>, Problem> {
    let to = [batch, &shape[shape.len() - 2..]].concat();
    if shape == to {
        return Ok(weights.to_vec());
    }
    elements(&to)?;
    let all = expanded_constant(op, weights, shape, &to)?;
    op.allot::<f32>(elements(&to)?)?;
    Ok(if all.len() == 1 { vec![all[0]; to.iter().product()] } else { all })
}

fn swap_last(op: &mut Operator<'_>, x: NodeId) -> Result<NodeId, Problem> {
    let rank = op.graph.node(x).shape.len();
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    op.transposed(x, &order)
}

/// The transpose of a matrix of `rows` rows.
pub(super) fn transpose(matrix: &[f32], rows: usize) -> Vec<f32> {
    let cols = matrix.len() / rows.max(1);
    (0..cols).flat_map(|c| (0..rows).map(move |r| matrix[r * cols + c])).collect()
}
