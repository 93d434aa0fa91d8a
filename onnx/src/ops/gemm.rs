//! Gemm: a dense layer, `y = α·A'·B' + β·C`, with `A'`, `B'` transposed or not.
//!
//! ```text
//! B constant:  weights α·B'ᵀ : [outputs, inputs] over the rows of A'
//! A constant:  yᵀ = α·B'ᵀ·A'ᵀ, the same with the roles exchanged
//! neither:     a product of two tensors
//! C constant:  the bias, where it has no more than one row
//! ```

use sworn_circuits::graph::NodeId;

use crate::error::Problem;
use crate::graph::Op;
use crate::operator::{Operator, Value};
use crate::ops::expand::{expanded, expanded_constant};
use crate::ops::matmul::{self, dense, transpose};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    for input in 0..2 {
        let shape = op.shape(input)?;
        if shape.len() != 2 {
            return Err(Problem::Rank { input, expected: "2", actual: shape.len() });
        }
    }
    let (alpha, beta) = (op.float("alpha", 1.0)?, op.float("beta", 1.0)?);
    let flags = [op.flag("transA", false)?, op.flag("transB", false)?];
    let constant = match (op.value(0)?, op.value(1)?) {
        (_, Value::Constant(_)) => 1,
        (Value::Constant(_), _) => 0,
        (Value::Node(a), Value::Node(b)) => {
            let [a, b] = [if flags[0] { op.transposed(a, &[1, 0])? } else { a }, if flags[1] { op.transposed(b, &[1, 0])? } else { b }];
            return computed(op, a, b, alpha, beta);
        }
    };
    // Weights as [outputs, inputs], the other factor as [rows, inputs].
    let (weight_shape, mut weights) = op.constant_floats(constant)?;
    let as_given = if constant == 1 { flags[1] } else { !flags[0] };
    let (outputs, inputs) = if as_given { (weight_shape[0], weight_shape[1]) } else { (weight_shape[1], weight_shape[0]) };
    if !as_given {
        op.allot::<f32>(weights.len())?;
        weights = transpose(&weights, weight_shape[0]);
    }
    weights.iter_mut().for_each(|w| *w *= alpha);
    let mut x = op.node(1 - constant)?;
    let x_as_given = if constant == 1 { !flags[0] } else { flags[1] };
    if !x_as_given {
        x = op.transposed(x, &[1, 0])?;
    }
    let rows = op.graph.node(x).shape[0];
    if op.graph.node(x).shape[1] != inputs || outputs == 0 {
        return Err(Problem::Malformed { rule: "the inner dimensions differ" });
    }
    let shape = if constant == 1 { vec![rows, outputs] } else { vec![outputs, rows] };
    check_addend(op, &shape)?;
    let (bias, rest) = addend(op, beta, &shape, constant == 1)?;
    let mut y = dense(op, x, weights, bias.unwrap_or_else(|| vec![0.0; outputs]))?;
    if constant == 0 {
        y = op.transposed(y, &[1, 0])?;
    }
    Ok(vec![Value::Node(added(op, y, rest, beta, shape)?)])
}

/// `α·a·b + β·C` of two tensors that are computed.
fn computed(op: &mut Operator<'_>, a: NodeId, b: NodeId, alpha: f32, beta: f32) -> Lowered {
    let [left, right] = [a, b].map(|id| op.graph.node(id).shape.clone());
    if left[1] != right[0] {
        return Err(Problem::Malformed { rule: "the inner dimensions differ" });
    }
    let shape = vec![left[0], right[1]];
    check_addend(op, &shape)?;
    let (_, rest) = addend(op, beta, &shape, false)?;
    let y = matmul::computed(op, [a, b], [1, left[0], left[1], right[1]], alpha)?;
    let y = op.reshaped(y, shape.clone())?;
    Ok(vec![Value::Node(added(op, y, rest, beta, shape)?)])
}

fn check_addend(op: &Operator<'_>, shape: &[usize]) -> Result<(), Problem> {
    let broadcast = op.opset >= 7 || op.flag("broadcast", false)?;
    if !broadcast && op.has(2) && op.shape(2)? != shape {
        return Err(Problem::Malformed { rule: "a shape of C that differs without broadcast = 1" });
    }
    Ok(())
}

/// A product and its addend.
fn added(op: &mut Operator<'_>, y: NodeId, rest: Addend, beta: f32, shape: Vec<usize>) -> Result<NodeId, Problem> {
    match rest {
        Addend::Nothing => Ok(y),
        Addend::Constant(values) => op.affine(y, vec![1.0], values),
        Addend::Tensor => {
            let c = op.node(2)?;
            let c = expanded(op, c, &shape)?;
            op.push(Op::Elementwise { ca: vec![1.0], cb: beta, cm: 0.0, c: vec![0.0] }, vec![y, c], shape)
        }
    }
}

/// What is added after the product.
enum Addend {
    Nothing,
    Constant(Vec<f32>),
    Tensor,
}

/// `β·C` as a bias for each output, or as an addend.
fn addend(op: &Operator<'_>, beta: f32, shape: &[usize], bias: bool) -> Result<(Option<Vec<f32>>, Addend), Problem> {
    if !op.has(2) {
        return Ok((None, Addend::Nothing));
    }
    if let Value::Node(_) = op.value(2)? {
        return Ok((None, Addend::Tensor));
    }
    let (from, values) = op.constant_floats(2)?;
    let values: Vec<f32> = values.iter().map(|v| v * beta).collect();
    let one_row = from.len() < 2 || from[0] == 1;
    if bias && one_row {
        let row = expanded_constant(op, &values, &from, &[1, shape[1]])?;
        return Ok((Some(if row.len() == 1 { vec![row[0]; shape[1]] } else { row }), Addend::Nothing));
    }
    Ok((None, Addend::Constant(expanded_constant(op, &values, &from, shape)?)))
}
