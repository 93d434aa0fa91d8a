//! Where with a constant condition: each element from one tensor or from the other.
//!
//! ```text
//! y[i] = a[i] if condition[i], else b[i]          with NumPy's broadcasting of all three
//! ```

use crate::error::Problem;
use crate::graph::{Op, Source};
use crate::operator::{dot, elements, indices, Operator, Value};
use crate::ops::binary::finite_below;
use crate::ops::expand::{broadcast_strides, common_shape};
use crate::ops::Lowered;
use crate::tensor::Data;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let condition = op.constant(0)?;
    let Data::Bool(choices) = &condition.data else {
        return Err(Problem::InputType { input: 0, expected: "booleans" });
    };
    let shape = common_shape(&condition.shape, &common_shape(&op.shape(1)?, &op.shape(2)?)?)?;
    op.allot::<Source>(elements(&shape)?)?;
    let mut inputs = Vec::new();
    let mut branch = |op: &mut Operator<'_>, i: usize| {
        let steps = broadcast_strides(&op.shape(i)?, &shape)?;
        let values = match op.value(i)? {
            Value::Constant(_) => Some(op.constant_floats(i)?.1),
            Value::Node(id) => {
                inputs.push(id);
                None
            }
        };
        Ok::<_, Problem>((steps, values, inputs.len().saturating_sub(1) as u32))
    };
    let branches = [branch(op, 1)?, branch(op, 2)?];
    let condition_steps = broadcast_strides(&condition.shape, &shape)?;
    let sources = indices(&shape, |index| {
        let (steps, values, input) = &branches[usize::from(!choices[dot(index, &condition_steps)])];
        let at = dot(index, steps);
        match values {
            // As in a sum, −∞ hides a score.
            Some(values) => Source::Constant(finite_below(values[at])),
            None => Source::Element { input: *input, index: at as u32 },
        }
    });
    Ok(vec![Value::Node(op.push(Op::Gather(sources), inputs, shape)?)])
}
