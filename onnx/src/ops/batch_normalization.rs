//! BatchNormalization, for inference: a factor and a constant for each channel.
//!
//! ```text
//! x : [batch, channels, …]          y = x·f + (B − mean·f),  f = scale / √(var + ε)
//! ```
//!
//! Simplification folds it into the convolution before it. Whether a node is for training, which takes mean and variance
//! of the batch itself, is said by `is_test` before opset 7, by the number of outputs before opset 14, and by
//! `training_mode` from then on.

use crate::error::Problem;
use crate::operator::{Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    if is_training(op)? {
        return Err(Problem::Feature { feature: "training mode" });
    }
    if op.opset < 9 && !op.flag("spatial", true)? {
        return Err(Problem::Feature { feature: "statistics for each position (spatial = 0)" });
    }
    // Weighs the statistics of a batch in training.
    op.ignore_attributes(&["momentum"]);
    let shape = op.shape(0)?;
    if shape.len() < 2 {
        return Err(Problem::Rank { input: 0, expected: "2 or more", actual: shape.len() });
    }
    let channels = shape[1];
    let mut parameters = Vec::with_capacity(4);
    for i in 1..5 {
        let (_, values) = op.constant_floats(i)?;
        if values.len() != channels {
            return Err(Problem::Malformed { rule: "scale, B, mean and var have one value for each channel" });
        }
        parameters.push(values);
    }
    let epsilon = f64::from(op.float("epsilon", 1e-5)?);
    let at = |i: usize, c: usize| f64::from(parameters[i][c]);
    let factor = |c: usize| at(0, c) / (at(3, c) + epsilon).sqrt();
    let factors: Vec<f32> = (0..channels).map(|c| factor(c) as f32).collect();
    let constants: Vec<f32> = (0..channels).map(|c| (at(1, c) - at(2, c) * factor(c)) as f32).collect();
    let x = op.node(0)?;
    let plane: usize = shape[2..].iter().product();
    Ok(vec![Value::Node(op.affine_by(x, [&factors, &constants], |i| i / plane % channels)?)])
}

fn is_training(op: &Operator<'_>) -> Result<bool, Problem> {
    match op.opset {
        ..7 => Ok(!op.flag("is_test", false)?),
        7..14 => Ok(op.num_outputs() > 1),
        _ => op.flag("training_mode", false),
    }
}
