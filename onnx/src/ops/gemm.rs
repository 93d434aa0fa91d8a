//! Gemm: a dense layer, `y = α·A'·B' + β·C`, with `A'`, `B'` transposed or not.
//!
//! ```text
//! B constant:  weights α·B'ᵀ : [outputs, inputs] over the rows of A'
//! A constant:  yᵀ = α·B'ᵀ·A'ᵀ, the same with the roles exchanged
//! C constant:  the bias, where it has no more than one row
//! ```

use crate::error::Problem;
use crate::graph::Op;
use crate::operator::{Operator, Value};
use crate::ops::expand::{expanded, expanded_constant};
use crate::ops::matmul::{dense, transpose};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    for input in 0..2 {
        let shape = op.shape(input)?;
        if shape.len() != 2 {
            return Err(Problem::Rank { input, expected: "2", actual: shape.len() });
        }
    }
    let (alpha, beta) = (op.float("alpha", 1.0)?, op.float("beta", 1.0)?);
    let constant = match (op.value(0)?, op.value(1)?) {
        (_, Value::Constant(_)) => 1,
        (Value::Constant(_), _) => 0,
        _ => return Err(Problem::Feature { feature: "a product of two tensors that are computed" }),
    };
    let flags = [op.flag("transA", false)?, op.flag("transB", false)?];
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
    let broadcast = op.opset >= 7 || op.flag("broadcast", false)?;
    if !broadcast && op.has(2) && op.shape(2)? != shape {
        return Err(Problem::Malformed { rule: "a shape of C that differs without broadcast = 1" });
    }
    let (bias, rest) = addend(op, beta, &shape, constant == 1)?;
    let mut y = dense(op, x, weights, bias.unwrap_or_else(|| vec![0.0; outputs]))?;
    if constant == 0 {
        y = op.transposed(y, &[1, 0])?;
    }
    match rest {
        Addend::Nothing => {}
        Addend::Constant(values) => y = op.affine(y, vec![1.0], values)?,
        Addend::Tensor => {
            let c = op.node(2)?;
            let c = expanded(op, c, &shape)?;
            y = op.push(Op::Elementwise { ca: vec![1.0], cb: beta, cm: 0.0, c: vec![0.0] }, vec![y, c], shape)?;
        }
    }
    Ok(vec![Value::Node(y)])
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
