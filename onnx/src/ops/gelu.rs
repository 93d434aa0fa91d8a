//! Gelu, and the forms of it of the domain `com.microsoft`, to which onnxruntime fuses what exporters write out.
//!
//! ```text
//! Gelu       g(x)                     g(x) = x/2 · (1 + erf(x/√2)), or its form by the hyperbolic tangent
//! BiasGelu   g(x + b)
//! FastGelu   g(x + b)                 by the hyperbolic tangent; b may be left out
//! QuickGelu  x / (1 + e^(−α·x))
//! ```

use sworn_circuits::graph::NodeId;

use crate::error::Problem;
use crate::graph::Op;
use crate::operator::{Operator, Value};
use crate::ops::expand::{expanded, expanded_constant};
use crate::ops::unary::apply;
use crate::ops::Lowered;
use crate::unary::Unary;

/// Exact or by the hyperbolic tangent.
pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let function = match op.string("approximate", "none")? {
        "none" => Unary::Gelu,
        "tanh" => Unary::GeluTanh,
        other => return Err(Problem::Attribute { attribute: "approximate", value: other.to_string() }),
    };
    apply(op, function)
}

/// The operator of `com.microsoft` of that name, which is exact.
pub(super) fn exact(op: &mut Operator<'_>) -> Lowered {
    apply(op, Unary::Gelu)
}

/// BiasGelu.
pub(super) fn biased(op: &mut Operator<'_>) -> Lowered {
    let x = with_bias(op)?;
    Ok(vec![Value::Node(op.unary(Unary::Gelu, x)?)])
}

/// FastGelu.
pub(super) fn fast(op: &mut Operator<'_>) -> Lowered {
    let x = if op.has(1) { with_bias(op)? } else { op.node(0)? };
    Ok(vec![Value::Node(op.unary(Unary::GeluTanh, x)?)])
}

/// QuickGelu.
pub(super) fn quick(op: &mut Operator<'_>) -> Lowered {
    let alpha = op.float("alpha", 1.702)?;
    apply(op, Unary::Swish { alpha })
}

/// The first input plus the second, one value for each index of the last axis.
fn with_bias(op: &mut Operator<'_>) -> Result<NodeId, Problem> {
    let (shape, bias) = (op.shape(0)?, op.shape(1)?);
    if bias.len() != 1 || shape.last() != bias.first() {
        return Err(Problem::Malformed { rule: "the bias has one value for each index of the last axis" });
    }
    let x = op.node(0)?;
    if let Value::Constant(_) = op.value(1)? {
        let values = op.constant_floats(1)?.1;
        let values = expanded_constant(op, &values, &bias, &shape)?;
        return op.affine(x, vec![1.0], values);
    }
    let b = op.node(1)?;
    let b = expanded(op, b, &shape)?;
    op.push(Op::Elementwise { ca: vec![1.0], cb: 1.0, cm: 0.0, c: vec![0.0] }, vec![x, b], shape)
}
