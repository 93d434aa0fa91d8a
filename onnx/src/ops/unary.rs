//! Elementwise functions of one tensor: Relu, Sigmoid, Tanh, Clip, ...
//!
//! ```text
//! y[i] = f(x[i])          f: crate::unary::Unary
//! ```

use crate::error::Problem;
use crate::operator::{Operator, Value};
use crate::ops::Lowered;
use crate::unary::Unary;

/// Every function without parameters or with attributes alone.
pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let function = match op.kind() {
        "Abs" => Unary::Abs,
        "Acos" => Unary::Acos,
        "Acosh" => Unary::Acosh,
        "Asin" => Unary::Asin,
        "Asinh" => Unary::Asinh,
        "Atan" => Unary::Atan,
        "Atanh" => Unary::Atanh,
        "Ceil" => Unary::Ceil,
        "Celu" => Unary::Celu { alpha: op.float("alpha", 1.0)? },
        "Cos" => Unary::Cos,
        "Cosh" => Unary::Cosh,
        "Elu" => Unary::Elu { alpha: op.float("alpha", 1.0)? },
        "Erf" => Unary::Erf,
        "Exp" => Unary::Exp,
        "Floor" => Unary::Floor,
        "HardSigmoid" => Unary::HardSigmoid { alpha: op.float("alpha", 0.2)?, beta: op.float("beta", 0.5)? },
        "HardSwish" => Unary::HardSwish,
        "LeakyRelu" => Unary::LeakyRelu { alpha: op.float("alpha", 0.01)? },
        "Log" => Unary::Log,
        "Mish" => Unary::Mish,
        "Reciprocal" => Unary::Reciprocal,
        "Relu" => Unary::Relu,
        "Round" => Unary::Round,
        "Selu" => selu(op)?,
        "Shrink" => Unary::Shrink { bias: op.float("bias", 0.0)?, lambda: op.float("lambd", 0.5)? },
        "Sigmoid" => Unary::Sigmoid,
        "Sign" => Unary::Sign,
        "Sin" => Unary::Sin,
        "Sinh" => Unary::Sinh,
        "Softplus" => Unary::Softplus,
        "Softsign" => Unary::Softsign,
        "Sqrt" => Unary::Sqrt,
        "Swish" => Unary::Swish { alpha: op.float("alpha", 1.0)? },
        "Tan" => Unary::Tan,
        "Tanh" => Unary::Tanh,
        "ThresholdedRelu" => Unary::ThresholdedRelu { alpha: op.float("alpha", 1.0)? },
        _ => return Err(Problem::Operator),
    };
    apply(op, function)
}

/// The defaults became more precise in opset 6.
fn selu(op: &Operator<'_>) -> Result<Unary, Problem> {
    let (alpha, gamma) = if op.opset < 6 { (1.6732, 1.0507) } else { (1.673_263_2, 1.050_701) };
    Ok(Unary::Selu { alpha: op.float("alpha", alpha)?, gamma: op.float("gamma", gamma)? })
}

/// Clip: the bounds are attributes before opset 11 and inputs from then on; without one there is no bound.
pub(super) fn clip(op: &mut Operator<'_>) -> Lowered {
    let (min, max) = if op.opset < 11 {
        (op.float("min", f32::NEG_INFINITY)?, op.float("max", f32::INFINITY)?)
    } else {
        (bound(op, 1, f32::NEG_INFINITY)?, bound(op, 2, f32::INFINITY)?)
    };
    // The lowest and the largest float stand for "no bound" in older exporters.
    let min = if min == f32::MIN { f32::NEG_INFINITY } else { min };
    let max = if max == f32::MAX { f32::INFINITY } else { max };
    match (min, max) {
        (f32::NEG_INFINITY, f32::INFINITY) => Ok(vec![op.value(0)?]),
        (0.0, f32::INFINITY) => apply(op, Unary::Relu),
        _ => apply(op, Unary::Clip { min, max }),
    }
}

fn bound(op: &Operator<'_>, input: usize, default: f32) -> Result<f32, Problem> {
    if op.has(input) {
        op.constant_float(input)
    } else {
        Ok(default)
    }
}

/// Neg is linear: `y = −x`.
pub(super) fn neg(op: &mut Operator<'_>) -> Lowered {
    let x = op.node(0)?;
    Ok(vec![Value::Node(op.affine(x, vec![-1.0], vec![0.0])?)])
}

/// Appends the function of the first input.
pub(super) fn apply(op: &mut Operator<'_>, function: Unary) -> Lowered {
    let x = op.node(0)?;
    Ok(vec![Value::Node(op.unary(function, x)?)])
}
