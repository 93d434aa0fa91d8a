//! Rounding: integer coefficients, and the bias that makes up for them.
//!
//! ```text
//! w_int = round(w·F) = w·F + δ,  |δ| ≤ 1/2,  F = s_x·2^b / s_y        bias_int = round(bias·2^b / s_y − m·Σ_i δ_i)
//! m = round(mean of x_int), over samples and elements                 with features: F·2^−k of the channel that w reads, (x − z)/(s·2^−k)
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

use super::features::{Element, Elements};
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

/// A convolution and what it reads.
pub(super) struct Layer<'a> {
    pub(super) node: &'a str,
    pub(super) conv: &'a Conv,
    /// Number of output channels.
    pub(super) outputs: usize,
    /// What the integers of each channel stand for; one for all of a tensor without features.
    pub(super) channels: &'a [Element],
}

impl Layer<'_> {
    fn per_output(&self) -> usize {
        (self.conv.weights.len() / self.outputs.max(1)).max(1)
    }

    /// The channel that weight `i` reads.
    fn channel(&self, i: usize) -> usize {
        if self.channels.len() == 1 {
            return 0;
        }
        let groups = self.conv.groups.max(1);
        let taps = self.conv.kernel[0] * self.conv.kernel[1];
        let (per_input, per_output) = (self.channels.len() / groups, (self.outputs / groups).max(1));
        let (output, within) = (i / taps / per_input, i / taps % per_input);
        output / per_output * per_input + within
    }

    /// Adds to each bias what the offsets of the channels make of the weights.
    pub(super) fn move_bias(&self, bias: &mut [f64]) {
        if self.channels.iter().any(|channel| channel.offset != 0.0) {
            for (i, w) in self.conv.weights.iter().enumerate() {
                bias[i / self.per_output()] += f64::from(*w) * self.channels[self.channel(i)].offset;
            }
        }
    }
}

/// The integer weights `F·w`, `F = factor` with the channel's own, and for each output `−m·Σ δ_i`.
pub(super) fn weights(layer: &Layer<'_>, factor: f64, mean: i64) -> Result<(Vec<i32>, Vec<f64>), OnnxError> {
    let (weights, per_output) = (&layer.conv.weights, layer.per_output());
    let factors: Vec<f64> = layer.channels.iter().map(|channel| factor * channel.factor()).collect();
    let scaled = |i: usize, w: f32| f64::from(w) * factors[layer.channel(i)];
    let ints = weights.par_iter().enumerate().map(|(i, &w)| coefficient(layer.node, scaled(i, w))).collect::<Result<Vec<_>, _>>();
    // Which error a parallel iterator meets is left to chance: this is the first.
    let first = |_| weights.iter().enumerate().map(|(i, &w)| coefficient(layer.node, scaled(i, w))).collect::<Result<Vec<_>, _>>();
    let ints = ints.or_else(first)?;
    let correction = |(output, (ints, weights)): (usize, (&[i32], &[f32]))| {
        let delta = |(i, (&int, &w)): (usize, (&i32, &f32))| f64::from(int) - scaled(output * per_output + i, w);
        -ints.iter().zip(weights).enumerate().map(delta).sum::<f64>() * mean as f64
    };
    let corrections = ints.par_chunks(per_output).zip(weights.par_chunks(per_output)).enumerate().map(correction).collect();
    Ok((ints, corrections))
}

/// The mean integer of a tensor over samples.
pub(super) fn mean(samples: &[&[f32]], scale: f64, elements: Option<&Elements>) -> i64 {
    let count = samples.iter().map(|s| s.len()).sum::<usize>().max(1);
    let integer = |(i, &x): (usize, &f32)| {
        let element = elements.map_or(Element::PLAIN, |elements| elements.of(i));
        (f64::from(x) - element.offset) / element.factor()
    };
    let total: f64 = samples.iter().map(|s| s.iter().enumerate().map(integer).sum::<f64>()).sum();
    (total / count as f64 / scale).round() as i64
}
