//! Rounding: integer coefficients, and the bias that makes up for them.
//!
//! ```text
//! w_int = round(w·F) = w·F + δ,  |δ| ≤ 1/2,  F = s_x·2^b / s_y        bias_int = round(bias·2^b / s_y − Σ_i δ_i·mean(x_i))
//! ```
//!
//! The rounding of the weights is the largest error of a layer with few bits: `0.29·√fan_in·rms(x)` in the accumulator.
//! Its part that is common to all inputs, for `x` after a ReLU or of an image has a mean far from 0, is `Σ δ_i·mean(x_i)`
//! with the mean over samples and positions; the bias is exact and takes it ([NBBW19] §4.2).
//!
//! [NBBW19]: <https://arxiv.org/abs/1906.04721>

use rayon::prelude::*;
use sworn_circuits::graph::Channels;

use super::features::Element;
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

/// A convolution with the shapes around it.
pub(super) struct Layer<'a> {
    pub(super) node: &'a str,
    pub(super) channels: Channels,
    pub(super) conv: &'a Conv,
    /// Number of output channels.
    pub(super) outputs: usize,
    pub(super) from: &'a [usize],
    pub(super) to: &'a [usize],
}

impl Layer<'_> {
    /// What weight `i` reads.
    fn element(&self, channels: &[Element], i: usize) -> Element {
        let [element] = channels else {
            let taps = self.conv.kernel[0] * self.conv.kernel[1];
            let (per_input, per_output) = (channels.len() / self.conv.groups.max(1), (self.outputs / self.conv.groups.max(1)).max(1));
            let (output, within) = (i / taps / per_input, i / taps % per_input);
            return channels[output / per_output * per_input + within];
        };
        *element
    }

    /// Adds to each bias what the offsets of the channels make of the weights.
    pub(super) fn move_bias(&self, channels: &[Element], bias: &mut [f64]) {
        let per_output = (self.conv.weights.len() / self.outputs.max(1)).max(1);
        if channels.iter().any(|channel| channel.offset != 0.0) {
            for (i, w) in self.conv.weights.iter().enumerate() {
                bias[i / per_output] += f64::from(*w) * self.element(channels, i).offset;
            }
        }
    }
}

/// The integer weights `F·w`, `F = scale·unit` with the channel's factor, and for each output `−Σ δ_i·mean(x_i)`.
pub(super) fn weights(
    layer: &Layer<'_>,
    [scale, unit]: [f64; 2],
    channels: &[Element],
    samples: &[&[f32]],
) -> Result<(Vec<i32>, Vec<f64>), OnnxError> {
    let per_output = (layer.conv.weights.len() / layer.outputs.max(1)).max(1);
    let per_group = (layer.outputs / layer.conv.groups.max(1)).max(1);
    let factor = |i: usize| scale * unit * layer.element(channels, i).factor;
    let all = layer.conv.weights.iter().enumerate();
    let ints = all.map(|(i, &w)| coefficient(layer.node, f64::from(w) * factor(i))).collect::<Result<Vec<_>, _>>()?;
    let means: Vec<Vec<f64>> = (0..layer.conv.groups).into_par_iter().map(|group| means(layer, group, per_output, samples)).collect();
    let correction = |(output, (ints, weights)): (usize, (&[i32], &[f32]))| {
        let errors = ints.iter().zip(weights).zip(&means[output / per_group]).enumerate().map(|(i, ((&int, &w), mean))| {
            let (i, element) = (output * per_output + i, layer.element(channels, output * per_output + i));
            (f64::from(int) - f64::from(w) * factor(i)) * (mean - element.offset) / (scale * element.factor)
        });
        -errors.sum::<f64>()
    };
    let corrections = ints.par_chunks(per_output).zip(layer.conv.weights.par_chunks(per_output)).enumerate().map(correction).collect();
    Ok((ints, corrections))
}

/// The mean of what each weight of an output of a group meets, over the samples and positions.
fn means(layer: &Layer<'_>, group: usize, per_output: usize, samples: &[&[f32]]) -> Vec<f64> {
    let positions: usize = match layer.channels {
        Channels::First => layer.to.first().copied().unwrap_or(0) * layer.to.get(2..).map_or(1, |s| s.iter().product::<usize>()),
        Channels::Last => layer.to.iter().rev().skip(1).product(),
    };
    let count = (positions * samples.len()).max(1) as f64;
    let mean = |i: usize| {
        let met = |position: usize| match layer.channels {
            Channels::Last => Some(position * per_output + i),
            Channels::First => pixel(layer.conv, layer.from, layer.to, group, position, i),
        };
        let total: f64 =
            (0..positions).filter_map(met).flat_map(|index| samples.iter().filter_map(move |s| s.get(index))).map(|&x| f64::from(x)).sum();
        total / count
    };
    (0..per_output).map(mean).collect()
}

/// The flat index of the input that weight `i` of an output of `group` meets at a position `[batch, row, column]`.
fn pixel(conv: &Conv, from: &[usize], to: &[usize], group: usize, position: usize, i: usize) -> Option<usize> {
    let (&[_, channels, height, width], &[_, _, rows, cols]) = (from, to) else { return None };
    let taps = conv.kernel[0] * conv.kernel[1];
    let channel = group * (channels / conv.groups) + i / taps;
    let [down, right] = [i % taps / conv.kernel[1] * conv.dilation[0], i % taps % conv.kernel[1] * conv.dilation[1]];
    let (batch, row, col) = (position / (rows * cols), position / cols % rows, position % cols);
    let h = (row * conv.stride[0] + down).checked_sub(conv.pad_before[0]).filter(|&h| h < height)?;
    let v = (col * conv.stride[1] + right).checked_sub(conv.pad_before[1]).filter(|&v| v < width)?;
    Some(((batch * channels + channel) * height + h) * width + v)
}
