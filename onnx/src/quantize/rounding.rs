//! Rounding: integer coefficients, and the bias that makes up for them.
//!
//! ```text
//! w_int = round(w·F) = w·F + δ,  |δ| ≤ 1/2,  F = s_x·2^b / s_y        bias_int = round(bias·2^b / s_y − m·Σ_i δ_i)
//! m = round(mean of x_int), over samples and elements
//! ```
//!
//! The rounding of the weights is the largest error of a layer with few bits: `0.29·√fan_in·rms(x)` in the accumulator.
//! Its part that is common to all inputs is `Σ δ_i·mean(x_i)`, and for `x` after a ReLU or of an image most of that is `m·Σ δ_i`; the
//! bias is exact and takes it ([NBBW19] §4.2 has a mean for each channel).
//!
//! One number for a tensor, and not one for each of its elements: it is all that the coefficients know of the samples beside the scales, so
//! a key tells no more of them; and who [checks](super::audit) a circuit recomputes every bias from it.
//!
//! [NBBW19]: <https://arxiv.org/abs/1906.04721>

use rayon::prelude::*;

use crate::error::OnnxError;
use crate::graph::Conv;

/// `round(value)` if it fits in 32 bits.
pub(super) fn coefficient(node: &str, value: f64) -> Result<i32, OnnxError> {
    let rounded = value.round();
    if rounded.is_nan() || rounded.abs() > f64::from(i32::MAX) {
        let actual = format!("{value:.3e}");
        return Err(OnnxError::CoefficientTooLarge { node: node.to_string(), expected: i64::from(i32::MAX), actual });
    }
    Ok(rounded as i32)
}

/// `round(value)` for a constant of an accumulator.
pub(super) fn constant(node: &str, value: f64) -> Result<i64, OnnxError> {
    let rounded = value.round();
    if rounded.is_nan() || rounded.abs() >= LIMIT as f64 {
        return Err(OnnxError::AccumulatorTooLarge { node: node.to_string(), expected: LIMIT, actual: format!("{value:.3e}") });
    }
    Ok(rounded as i64)
}

/// Bound of every accumulator.
pub(super) const LIMIT: i64 = 1 << 62;

/// The integer weights `F·w`, and for each output `−m·Σ δ_i`.
pub(super) fn weights(node: &str, conv: &Conv, outputs: usize, factor: f64, mean: i64) -> Result<(Vec<i32>, Vec<f64>), OnnxError> {
    let per_output = (conv.weights.len() / outputs.max(1)).max(1);
    let ints = conv.weights.par_iter().map(|&w| coefficient(node, f64::from(w) * factor)).collect::<Result<Vec<_>, _>>();
    // Which error a parallel iterator meets is left to chance: this is the first.
    let ints = ints.or_else(|_| conv.weights.iter().map(|&w| coefficient(node, f64::from(w) * factor)).collect::<Result<Vec<_>, _>>())?;
    let correction = |(ints, weights): (&[i32], &[f32])| {
        -ints.iter().zip(weights).map(|(&int, &w)| f64::from(int) - f64::from(w) * factor).sum::<f64>() * mean as f64
    };
    let corrections = ints.par_chunks(per_output).zip(conv.weights.par_chunks(per_output)).map(correction).collect();
    Ok((ints, corrections))
}

/// The mean integer of a tensor over samples.
pub(super) fn mean(samples: &[&[f32]], scale: f64) -> i64 {
    let count = samples.iter().map(|s| s.len()).sum::<usize>().max(1);
    let total: f64 = samples.iter().map(|s| s.iter().map(|&x| f64::from(x)).sum::<f64>()).sum();
    (total / count as f64 / scale).round() as i64
}
