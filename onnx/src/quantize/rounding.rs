//! Rounding: integer coefficients, and the bias that makes up for them.
//!
//! ```text
//! w_int = w·F + δ,  |δ| < 1,  F = s_x·2^b / s_y                 bias_int = round(bias·2^b / s_y − c),  c = Σ_i δ_i·m_i within ±2·√(Σ_i m_i²)
//! m_i = round(mean of x_int), of the channel that w_i reads     with features: F·2^−k of the channel that w reads, (x − z)/(s·2^−k)
//! ```
//!
//! The rounding of the weights is the largest error of a layer with few bits: `0.29·√fan_in·rms(x)` in the accumulator. Two things make it
//! smaller. Weights near the middle between two integers are rounded so that the errors of a kernel, or of neighbours in a dense layer, cancel:
//! what is common to the elements that they meet, the brightness of a patch, drops out. And the part that is common to all inputs,
//! `Σ δ_i·mean(x_i)`, is taken by the bias, which is exact ([NBBW19] §4.2).
//!
//! One mean for a channel, and one for all of an input: beside the scales that is all that the coefficients know of the samples. Who
//! [checks](super::audit) a circuit recomputes every bias from them. A correction of random errors is within `2·√(Σ m_i²)` but for one layer in many thousands; more
//! is not made, so that means that somebody chose move an output by no more than a few times what rounding does.
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

/// The largest correction, in units of the root of the sum of the squares of the means.
const CORRECTION: f64 = 2.0;

/// Neighbours in a dense layer: after a flattening, of one channel.
const BLOCK: usize = 16;

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

    /// Weights whose errors cancel: those of a channel, or neighbours of one.
    fn block(&self) -> usize {
        match self.conv.kernel[0] * self.conv.kernel[1] {
            0 | 1 => BLOCK,
            taps => taps,
        }
    }

    /// The channel that weight `i` reads, of so many; with one for all there is no other.
    fn channel(&self, i: usize, channels: usize) -> usize {
        if channels <= 1 {
            return 0;
        }
        let groups = self.conv.groups.max(1);
        let taps = (self.conv.kernel[0] * self.conv.kernel[1]).max(1);
        let (per_input, per_output) = ((channels / groups).max(1), (self.outputs / groups).max(1));
        let (output, within) = (i / taps / per_input, i / taps % per_input);
        output / per_output * per_input + within
    }

    /// Adds to each bias what the offsets of the channels make of the weights.
    pub(super) fn move_bias(&self, bias: &mut [f64]) {
        if self.channels.iter().any(|channel| channel.offset != 0.0) {
            for (i, w) in self.conv.weights.iter().enumerate() {
                bias[i / self.per_output()] += f64::from(*w) * self.channels[self.channel(i, self.channels.len())].offset;
            }
        }
    }
}

/// The integer weights `F·w`, `F = factor` with the channel's own, and for each output `−Σ δ_i·m_i`, for a mean of each channel, or one of all, or none.
pub(super) fn weights(layer: &Layer<'_>, factor: f64, means: &[i64]) -> Result<(Vec<i32>, Vec<f64>), OnnxError> {
    let (weights, per_output) = (&layer.conv.weights, layer.per_output());
    let factors: Vec<f64> = layer.channels.iter().map(|channel| factor * channel.factor()).collect();
    let scaled = |i: usize, w: f32| f64::from(w) * factors[layer.channel(i, factors.len())];
    let ints = weights.par_iter().enumerate().map(|(i, &w)| coefficient(layer.node, scaled(i, w))).collect::<Result<Vec<_>, _>>();
    // Which error a parallel iterator meets is left to chance: this is the first.
    let first = |_| weights.iter().enumerate().map(|(i, &w)| coefficient(layer.node, scaled(i, w))).collect::<Result<Vec<_>, _>>();
    let mut ints = ints.or_else(first)?;
    ints.par_chunks_mut(per_output).enumerate().for_each(|(output, ints)| {
        let row = output * per_output;
        balance(ints, layer.block(), |i| scaled(row + i, weights[row + i]));
    });
    let correction = |(output, (ints, weights)): (usize, (&[i32], &[f32]))| {
        let (mut sum, mut squares) = (0f64, 0f64);
        for (i, (&int, &w)) in ints.iter().zip(weights).enumerate() {
            let i = output * per_output + i;
            let mean = means.get(layer.channel(i, means.len())).map_or(0.0, |mean| *mean as f64);
            sum += (f64::from(int) - scaled(i, w)) * mean;
            squares += mean * mean;
        }
        let most = CORRECTION * squares.sqrt();
        -sum.clamp(-most, most)
    };
    let corrections = ints.par_chunks(per_output).zip(weights.par_chunks(per_output)).enumerate().map(correction).collect();
    Ok((ints, corrections))
}

/// Moves some integers of a row by 1, those nearest to the middle between two, so that the errors of every block of weights cancel, but for less
/// than 1 that the next block takes: `|Σ δ| ≤ 1/2` from the first weight to the end of any block.
fn balance(ints: &mut [i32], block: usize, real: impl Fn(usize) -> f64) {
    let mut carry = 0f64;
    let mut order: Vec<(f64, usize)> = Vec::with_capacity(block);
    for start in (0..ints.len()).step_by(block) {
        let end = ints.len().min(start + block);
        let errors = (start..end).map(|i| (f64::from(ints[i]) - real(i), i));
        let sum = carry + errors.clone().map(|(error, _)| error).sum::<f64>();
        let wanted = sum.abs().round() as usize;
        if wanted == 0 {
            carry = sum;
            continue;
        }
        order.clear();
        order.extend(errors.map(|(error, i)| (error * sum.signum(), i)).filter(|(error, _)| *error > 0.0));
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let step = sum.signum() as i32;
        let moved = order.iter().take(wanted);
        carry = sum - sum.signum() * moved.len() as f64;
        moved.for_each(|&(_, i)| ints[i] = ints[i].saturating_sub(step));
    }
}

/// The mean integers of a tensor over samples, for each of `count` channels.
pub(super) fn means(
    samples: &[&[f32]],
    scale: f64,
    elements: Option<&Elements>,
    (count, channel): (usize, &dyn Fn(usize) -> usize),
) -> Vec<i64> {
    let (mut sums, mut counts) = (vec![0f64; count], vec![0usize; count]);
    for (i, &x) in samples.iter().flat_map(|sample| sample.iter().enumerate()) {
        let element = elements.map_or(Element::PLAIN, |elements| elements.of(i));
        let channel = channel(i);
        sums[channel] += (f64::from(x) - element.offset) / element.factor();
        counts[channel] += 1;
    }
    sums.iter().zip(counts).map(|(sum, count)| (sum / count.max(1) as f64 / scale).round() as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::Random;

    /// At the end of every block the errors cancel, none is a whole step, and what is exact is left alone.
    #[test]
    fn errors_of_a_block_cancel() {
        let mut random = Random(1);
        for (count, block, factor) in [(1, 9, 3.0), (9, 9, 1.0), (90, 9, 40.0), (77, 16, 0.3), (400, 25, 1e4), (50, 1, 7.0)] {
            let reals: Vec<f64> = (0..count).map(|_| f64::from(random.real()) * factor).collect();
            let nearest: Vec<i32> = reals.iter().map(|real| real.round() as i32).collect();
            let mut ints = nearest.clone();
            balance(&mut ints, block, |i| reals[i]);
            let mut sum = 0.0;
            for (i, (&int, real)) in ints.iter().zip(&reals).enumerate() {
                let error = f64::from(int) - real;
                assert!(error.abs() <= 1.0 && (int - nearest[i]).abs() <= 1, "{int} for {real}");
                sum += error;
                if (i + 1) % block == 0 || i + 1 == count {
                    assert!(sum.abs() <= 0.5 + 1e-6, "{sum} after {i} of {count}");
                }
            }
        }
        let mut exact = vec![3, -7, 0, 12];
        balance(&mut exact, 2, |i| [3.0, -7.0, 0.0, 12.0][i]);
        assert_eq!(exact, [3, -7, 0, 12]);
    }

    /// Means that fit the errors as well as they can move a bias no farther than the bound.
    #[test]
    fn corrections_are_bounded() {
        let n = 400;
        let mut random = Random(2);
        let conv = |weights| Conv { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], dilation: [1, 1], groups: 1, weights };
        let weights: Vec<f32> = (0..n).map(|_| random.real()).collect();
        let layer = Layer { node: "n", conv: &conv(weights.clone()), outputs: 1, channels: &[Element::PLAIN] };
        let (ints, none) = super::weights(&layer, 10.0, &[]).unwrap();
        assert_eq!(none, [0.0]);
        let errors: Vec<f64> = ints.iter().zip(&weights).map(|(&int, &w)| f64::from(int) - 10.0 * f64::from(w)).collect();
        let aligned: Vec<i64> = errors.iter().map(|error| if *error > 0.0 { 1000 } else { -1000 }).collect();
        let (_, most) = super::weights(&layer, 10.0, &aligned).unwrap();
        assert!((most[0] + 2.0 * 1000.0 * f64::from(n).sqrt()).abs() < 1e-3, "{most:?}");
        let (_, one) = super::weights(&layer, 10.0, &[1000]).unwrap();
        assert!(one[0].abs() <= 500.0 + 1e-3, "{one:?}");
        let honest: Vec<i64> = (0..n).map(|_| (500.0 + 500.0 * random.real()) as i64).collect();
        let (_, exact) = super::weights(&layer, 10.0, &honest).unwrap();
        let expected: f64 = errors.iter().zip(&honest).map(|(error, mean)| error * *mean as f64).sum();
        assert!((exact[0] + expected).abs() < 1e-6, "{exact:?}, {expected}");
    }
}
