//! PRelu: a leaky Relu with a constant slope, one or one for each channel.
//!
//! ```text
//! y = relu(x) − slope · relu(−x)
//! ```

use crate::graph::Op;
use crate::operator::{Operator, Value};
use crate::ops::expand::expanded_constant;
use crate::ops::Lowered;
use crate::unary::Unary;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let (mut from, slope) = op.constant_floats(1)?;
    let x = op.node(0)?;
    if let [alpha] = slope[..] {
        return Ok(vec![Value::Node(op.unary(Unary::LeakyRelu { alpha }, x)?)]);
    }
    let shape = op.graph.node(x).shape.clone();
    // Before opset 7 the slopes are those of the channels, without the axes after them.
    if op.opset < 7 && from.len() == 1 && shape.len() > 2 {
        from.resize(shape.len() - 1, 1);
    }
    let slopes = expanded_constant(op, &slope, &from, &shape)?;
    let above = op.unary(Unary::Relu, x)?;
    let negated = op.affine(x, vec![-1.0], vec![0.0])?;
    let below = op.unary(Unary::Relu, negated)?;
    let combine = Op::Elementwise { ca: slopes.iter().map(|s| -s).collect(), cb: 1.0, cm: 0.0, c: vec![0.0] };
    Ok(vec![Value::Node(op.push(combine, vec![below, above], shape)?)])
}
