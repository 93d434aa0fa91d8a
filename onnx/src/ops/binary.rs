//! Add, Sub, Mul and Div of two tensors, with NumPy's broadcasting.
//!
//! ```text
//! y = ca·a + cb·b + cm·a·b + c          a constant operand becomes ca or c
//! k / x = k · (1/x)                     x / x' is not supported
//! ```

use sworn_circuits::graph::NodeId;

use crate::error::Problem;
use crate::graph::Op;
use crate::operator::{axis, Operator, Value};
use crate::ops::expand::{common_shape, expanded, expanded_constant};
use crate::ops::Lowered;
use crate::unary::Unary;

/// Which operand is the constant.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

/// `a + b`.
pub(super) fn add(op: &mut Operator<'_>) -> Lowered {
    match operands(op)? {
        Operands::Tensors(a, b) => sum(op, a, b, 1.0),
        // −∞ hides a score of a softmax; the smallest number does the same, and elsewhere leaves every range.
        Operands::Constant(x, k, _) => affine(op, x, vec![1.0], k.into_iter().map(finite_below).collect()),
    }
}

/// −∞ as the smallest number.
pub(super) fn finite_below(value: f32) -> f32 {
    if value == f32::NEG_INFINITY {
        f32::MIN
    } else {
        value
    }
}

/// `a − b`.
pub(super) fn sub(op: &mut Operator<'_>) -> Lowered {
    match operands(op)? {
        Operands::Tensors(a, b) => sum(op, a, b, -1.0),
        Operands::Constant(x, k, Side::Left) => affine(op, x, vec![-1.0], k),
        Operands::Constant(x, k, Side::Right) => affine(op, x, vec![1.0], k.iter().map(|k| -k).collect()),
    }
}

/// `a · b`.
pub(super) fn mul(op: &mut Operator<'_>) -> Lowered {
    match operands(op)? {
        Operands::Tensors(a, b) => Ok(vec![Value::Node(op.product(a, b)?)]),
        Operands::Constant(x, k, _) => affine(op, x, k, vec![0.0]),
    }
}

/// `a / b`, one of them constant.
pub(super) fn div(op: &mut Operator<'_>) -> Lowered {
    match operands(op)? {
        Operands::Tensors(..) => Err(Problem::Feature { feature: "a division of two tensors that are computed" }),
        Operands::Constant(x, k, Side::Right) => affine(op, x, k.iter().map(|k| 1.0 / k).collect(), vec![0.0]),
        Operands::Constant(x, k, Side::Left) => {
            let inverse = op.unary(Unary::Reciprocal, x)?;
            affine(op, inverse, k, vec![0.0])
        }
    }
}

/// Operands of one shape; a constant has one value, or one for each element.
enum Operands {
    Tensors(NodeId, NodeId),
    Constant(NodeId, Vec<f32>, Side),
}

/// Shapes of the operands. Before opset 7 they are equal, or the second one broadcasts to the first, from its attribute
/// `axis` on.
fn shapes(op: &Operator<'_>) -> Result<[Vec<usize>; 2], Problem> {
    let (a, mut b) = (op.shape(0)?, op.shape(1)?);
    if op.opset < 7 {
        let start = op.optional_int("axis")?;
        if !op.flag("broadcast", false)? {
            return if a == b { Ok([a, b]) } else { Err(Problem::Malformed { rule: "shapes that differ without broadcast = 1" }) };
        }
        if let Some(start) = start {
            let start = axis(start, a.len())?;
            b.resize(b.len().max(a.len() - start), 1);
        }
        if common_shape(&a, &b)? != a {
            return Err(Problem::Malformed { rule: "the second shape does not broadcast to the first" });
        }
    }
    Ok([a, b])
}

fn operands(op: &mut Operator<'_>) -> Result<Operands, Problem> {
    let from = shapes(op)?;
    let shape = common_shape(&from[0], &from[1])?;
    let side = match (op.value(0)?, op.value(1)?) {
        (_, Value::Constant(_)) => Side::Right,
        (Value::Constant(_), _) => Side::Left,
        _ => {
            let (a, b) = (op.node(0)?, op.node(1)?);
            let b = op.reshaped(b, from[1].clone())?;
            return Ok(Operands::Tensors(expanded(op, a, &shape)?, expanded(op, b, &shape)?));
        }
    };
    let (tensor, constant) = if side == Side::Left { (1, 0) } else { (0, 1) };
    let values = op.constant_floats(constant)?.1;
    let x = op.node(tensor)?;
    let x = op.reshaped(x, from[tensor].clone())?;
    Ok(Operands::Constant(expanded(op, x, &shape)?, expanded_constant(op, &values, &from[constant], &shape)?, side))
}

fn affine(op: &mut Operator<'_>, x: NodeId, factor: Vec<f32>, constant: Vec<f32>) -> Lowered {
    Ok(vec![Value::Node(op.affine(x, factor, constant)?)])
}

fn sum(op: &mut Operator<'_>, a: NodeId, b: NodeId, cb: f32) -> Lowered {
    let shape = op.graph.node(a).shape.clone();
    Ok(vec![Value::Node(op.push(Op::Elementwise { ca: vec![1.0], cb, cm: 0.0, c: vec![0.0] }, vec![a, b], shape)?)])
}
