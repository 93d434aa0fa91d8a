//! Pow with a constant exponent of one value.

use crate::error::Problem;
use crate::operator::{Operator, Value};
use crate::ops::expand::common_shape;
use crate::ops::Lowered;
use crate::tensor::Data;
use crate::unary::Unary;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let tensor = op.constant(1)?;
    let exponent = match (&tensor.data, tensor.scalar()) {
        (_, Some(v)) => v,
        (Data::Int(v), _) if v.len() == 1 => v[0] as f32,
        _ => return Err(Problem::Feature { feature: "exponents of more than one value" }),
    };
    if op.opset < 7 {
        // They place an exponent of several values.
        op.ignore_attributes(&["axis", "broadcast"]);
    }
    let shape = common_shape(&op.shape(0)?, &tensor.shape)?;
    let x = op.node(0)?;
    let x = op.reshaped(x, shape)?;
    let y = if exponent == 1.0 {
        x
    } else if exponent == 2.0 {
        op.product(x, x)?
    } else if exponent == 0.5 {
        op.unary(Unary::Sqrt, x)?
    } else if exponent == -1.0 {
        op.unary(Unary::Reciprocal, x)?
    } else {
        op.unary(Unary::Power { exponent }, x)?
    };
    Ok(vec![Value::Node(y)])
}
