//! Rounding: integer coefficients, and weights rounded so that their errors cancel.
//!
//! ```text
//! w_int = w·F + δ,  |δ| < 1,   F = s_x·2^b / s_y         minimise  Σ_k (Σ_i δ_i·x_ki)² + λ·Σ_i δ_i²·|x_i|²
//! ```
//!
//! Rounding each weight to the nearest integer leaves an accumulator error of about `0.29·√fan_in·rms(x)`, the largest
//! error of a layer with few bits. Instead the weights of an output are rounded in order, up or down, whichever cancels
//! more of the error so far on patches `x_k` of the calibration inputs (greedy path following, [LS21]). `λ` keeps weights
//! near their value where few patches are known. What is left of the mean error goes to the bias, which is exact.
//!
//! [LS21]: https://arxiv.org/abs/2010.15703 §3

use rayon::prelude::*;
use sworn_circuits::graph::Channels;

use crate::error::OnnxError;
use crate::graph::Conv;

/// `round(value)` if it fits in 32 bits.
pub(super) fn coefficient(node: &str, value: f64) -> Result<i32, OnnxError> {
    let rounded = value.round();
    if !(rounded.abs() <= f64::from(i32::MAX)) {
        let actual = format!("{value:.3e}");
        return Err(OnnxError::CoefficientTooLarge { node: node.to_string(), expected: i64::from(i32::MAX), actual });
    }
    Ok(rounded as i32)
}

/// `round(value)` for a constant of an accumulator.
pub(super) fn constant(node: &str, value: f64) -> Result<i64, OnnxError> {
    let rounded = value.round();
    if !(rounded.abs() < LIMIT as f64) {
        return Err(OnnxError::AccumulatorTooLarge { node: node.to_string(), expected: LIMIT, actual: format!("{value:.3e}") });
    }
    Ok(rounded as i64)
}

/// Bound of every accumulator.
pub(super) const LIMIT: i64 = 1 << 62;

/// Patches that the weights of one output are rounded for.
const PATCHES: usize = 32;

/// λ, as a share of the patches.
const DAMPING: f64 = 0.1;

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

/// The integer weights `F·w`, and for each output what the bias takes over.
pub(super) fn weights(layer: &Layer<'_>, factor: f64, scale: f64, samples: &[&[f32]]) -> Result<(Vec<i32>, Vec<f64>), OnnxError> {
    let per_output = layer.conv.weights.len() / layer.outputs.max(1);
    let per_group = layer.outputs / layer.conv.groups.max(1);
    for w in &layer.conv.weights {
        coefficient(layer.node, f64::from(*w) * factor)?;
    }
    let patches: Vec<Vec<f64>> = (0..layer.conv.groups).map(|group| patches(layer, group, per_output, scale, samples)).collect();
    let mut ints = vec![0i32; layer.conv.weights.len()];
    let corrections = ints
        .par_chunks_mut(per_output.max(1))
        .zip(layer.conv.weights.par_chunks(per_output.max(1)))
        .enumerate()
        .map(|(output, (ints, weights))| round_output(weights, factor, &patches[output / per_group.max(1)], ints))
        .collect();
    Ok((ints, corrections))
}

/// Rounds the weights of one output; answers minus the mean error that is left.
fn round_output(weights: &[f32], factor: f64, patches: &[f64], ints: &mut [i32]) -> f64 {
    let count = patches.len() / weights.len().max(1);
    let mut error = [0f64; PATCHES];
    let error = &mut error[..count];
    for (i, (w, int)) in weights.iter().zip(ints.iter_mut()).enumerate() {
        let exact = f64::from(*w) * factor;
        // A weight that is a whole number needs no rounding, and 0 must stay 0.
        let column = &patches[i * count..(i + 1) * count];
        let norm: f64 = column.iter().map(|x| x * x).sum();
        let wanted = if norm > 0.0 && exact != exact.floor() {
            let against: f64 = column.iter().zip(error.iter()).map(|(x, e)| x * e).sum();
            exact - against / (norm * (1.0 + DAMPING))
        } else {
            exact
        };
        let rounded = wanted.round().clamp(exact.floor(), exact.ceil());
        *int = rounded as i32;
        error.iter_mut().zip(column).for_each(|(e, x)| *e += (rounded - exact) * x);
    }
    if count == 0 {
        0.0
    } else {
        -error.iter().sum::<f64>() / count as f64
    }
}

/// Inputs that the weights of a group meet, `[weight of an output, patch]`, spread over the samples and positions.
fn patches(layer: &Layer<'_>, group: usize, per_output: usize, scale: f64, samples: &[&[f32]]) -> Vec<f64> {
    let conv = layer.conv;
    let positions: usize = match layer.channels {
        Channels::First => layer.to.first().copied().unwrap_or(0) * layer.to.get(2..).map_or(1, |s| s.iter().product::<usize>()),
        Channels::Last => layer.to[..layer.to.len() - 1].iter().product(),
    };
    let all = positions * samples.len();
    let count = all.min(PATCHES);
    let mut patches = vec![0f64; per_output * count];
    for k in 0..count {
        // Evenly spread, and not always the same column of the image.
        let at = (2 * k + 1) * all / (2 * count);
        let (sample, position) = (samples[at / positions], at % positions);
        for i in 0..per_output {
            let index = match layer.channels {
                Channels::Last => Some(position * per_output + i),
                Channels::First => pixel(conv, layer.from, layer.to, group, position, i),
            };
            let x = index.and_then(|index| sample.get(index)).copied().unwrap_or(0.0);
            patches[i * count + k] = f64::from(x) / scale;
        }
    }
    patches
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
