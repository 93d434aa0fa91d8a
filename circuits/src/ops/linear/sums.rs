//! Accumulators of linear layers: those of all slots of an image's blocks, wanted or not, from which its tensor is read.
//!
//! ```text
//! sums[o, σ + shift] = Σ_c Σ_taps w[o, c, tap] · x[c, σ]        one block of slots for each channel (`layout/demand.rs`)
//! ```
//!
//! A layer is computed once. It is a product of its weights with patches ([`super::products`]): the inputs that a slot meets,
//! in the order of the weights. Weights or inputs that are too wide for that are added tap by tap in `i64`.

use rayon::prelude::*;

use super::products::{Operands, Patches};
use super::{Channels, Conv, Linear, Term};
use crate::column::typed;
use crate::graph::{Node, QuantGraph};
use crate::layout::{FlatConvolution, FlatTerm, UnitStep, NONE};
use crate::number::{fit, index};

/// Values of the patches that are made at a time, at most.
const MAX_PATCHES: usize = if cfg!(test) { 1 << 10 } else { 1 << 22 };
/// Slots whose patches are made at a time, at least.
const MIN_SLOTS: usize = if cfg!(test) { 6 } else { 64 };

/// The accumulators of every slot, without bias: all overlaps of kernel and image.
pub(crate) fn flat_sums(linear: &Linear, flat: &FlatConvolution, args: &[&[i32]], size: usize) -> Vec<i64> {
    let outputs = linear.bias.len();
    let mut sums = vec![0i64; outputs * size];
    for ((term, flat_term), x) in linear.terms.iter().zip(&flat.terms).zip(args) {
        match term {
            Term::Scale(factor) => {
                let blocks = Blocks::<i64>::new(flat, flat_term, x, 0, size);
                let shift = flat_term.taps[0].2;
                sums.par_chunks_mut(size).enumerate().for_each(|(o, sums)| blocks.add(sums, o, shift, i64::from(*factor)));
            }
            Term::Conv(conv) => match Operands::new(&conv.weights, largest(x)) {
                Some(operands) => narrow(&operands, conv, outputs, (flat, flat_term), x, size, &mut sums),
                None => wide(conv, outputs, (flat, flat_term), x, size, &mut sums),
            },
        }
    }
    sums
}

/// The accumulators of the elements, with bias, from those of the slots.
pub(crate) fn wanted_sums(node: &Node, linear: &Linear, step: &UnitStep, sums: &[i64], size: usize) -> Vec<i64> {
    let outputs = linear.bias.len();
    let mut wanted = vec![0i64; node.elements()];
    let Some(flat) = &step.flat else { return wanted };
    // The elements of a block are in order, from its first.
    let offset = step.slots.elements[..size].iter().position(|&e| e != NONE).unwrap_or(0);
    let (height, width) = (node.shape[2], node.shape[3]);
    wanted.par_chunks_mut(height * width).enumerate().for_each(|(plane, wanted)| {
        let (n, o) = (plane / outputs, plane % outputs);
        for (h, wanted) in wanted.chunks_mut(width).enumerate() {
            let from = &sums[o * size + offset + flat.spacing.slot(n, h, 0)..][..width];
            wanted.iter_mut().zip(from).for_each(|(wanted, sum)| *wanted = sum + linear.bias[o]);
        }
    });
    wanted
}

/// The accumulators of a dense layer over positions, without bias.
pub(crate) fn dense_sums(linear: &Linear, args: &[&[i32]], positions: usize) -> Vec<i64> {
    let outputs = linear.bias.len();
    let mut sums = vec![0i64; positions * outputs];
    for (term, x) in linear.terms.iter().zip(args) {
        match term {
            Term::Scale(factor) => sums.par_iter_mut().zip(*x).for_each(|(sum, &x)| *sum += i64::from(*factor) * i64::from(x)),
            Term::Conv(conv) => {
                let inputs = x.len() / positions;
                match Operands::new(&conv.weights, largest(x)) {
                    Some(operands) => {
                        let values = x.iter().map(|&x| fit(x)).collect();
                        // By output, then position.
                        let mut products = vec![0i64; outputs * positions];
                        operands.add(&mut products, positions, 0, &Patches { values, width: inputs, length: inputs }, outputs);
                        sums.par_chunks_mut(outputs).enumerate().for_each(|(position, sums)| {
                            sums.iter_mut().enumerate().for_each(|(o, sum)| *sum += products[o * positions + position]);
                        });
                    }
                    None => typed!(&conv.weights, weights => super::dense(weights, x, inputs, outputs, &mut sums)),
                }
            }
        }
    }
    sums
}

/// The accumulators of a layer with one position and one group, with bias.
pub(crate) fn vector_sums(graph: &QuantGraph, node: &Node, linear: &Linear, args: &[&[i32]]) -> Vec<i64> {
    let mut sums = linear.bias.clone();
    for ((term, x), &input) in linear.terms.iter().zip(args).zip(&node.inputs) {
        match term {
            Term::Scale(factor) => sums.iter_mut().zip(*x).for_each(|(sum, &x)| *sum += i64::from(*factor) * i64::from(x)),
            Term::Conv(conv) => {
                let patch = match linear.channels {
                    Channels::First => only_patch(conv, x, &graph.node(input).shape),
                    Channels::Last => x.to_vec(),
                };
                let length = patch.len();
                match Operands::new(&conv.weights, largest(&patch)) {
                    Some(operands) => {
                        let values = patch.iter().map(|&x| fit(x)).collect();
                        operands.add(&mut sums, 1, 0, &Patches { values, width: length, length }, linear.bias.len());
                    }
                    None => sums.par_iter_mut().enumerate().for_each(|(o, sum)| {
                        *sum += patch.iter().enumerate().map(|(k, &x)| conv.weights.get(o * length + k) * i64::from(x)).sum::<i64>();
                    }),
                }
            }
        }
    }
    sums
}

/// The inputs that the only output of a convolution meets.
fn only_patch(conv: &Conv, x: &[i32], shape: &[usize]) -> Vec<i32> {
    let (height, width) = (shape[2], shape[3]);
    let along = |k: usize, axis: usize, size: usize| (k * conv.dilation[axis]).checked_sub(conv.pad_before[axis]).filter(|&at| at < size);
    let mut patch = Vec::with_capacity(shape[1] * conv.kernel[0] * conv.kernel[1]);
    for image in x.chunks(height * width) {
        for kh in 0..conv.kernel[0] {
            for kw in 0..conv.kernel[1] {
                let inside = along(kh, 0, height).zip(along(kw, 1, width));
                patch.push(inside.map_or(0, |(h, w)| image[h * width + w]));
            }
        }
    }
    patch
}

/// The largest absolute value.
fn largest(x: &[i32]) -> u32 {
    x.iter().map(|x| x.unsigned_abs()).max().unwrap_or(0)
}

/// Every channel of an input as a flat block, after `before` zeros.
struct Blocks<T> {
    values: Vec<T>,
    /// Length of a block, with its zeros.
    stride: usize,
    /// Slots of the input.
    length: usize,
}

impl<T: Copy + Default + Send + Sync + From<i16> + TryFrom<i32>> Blocks<T> {
    /// Blocks of `before + size` values.
    fn new(flat: &FlatConvolution, term: &FlatTerm, x: &[i32], before: usize, size: usize) -> Self {
        let [channels, images, height, width] = term.view.dims;
        let length = flat.spacing.slot(images - 1, height - 1, width - 1) + 1;
        let stride = before + size.max(length);
        let mut values = vec![T::default(); channels * stride];
        values.par_chunks_mut(stride).zip(term.view.elements.par_chunks(images * height * width)).for_each(|(block, elements)| {
            for (line, elements) in elements.chunks(width).enumerate() {
                let start = before + flat.spacing.slot(line / height, line % height, 0);
                for (value, &element) in block[start..].iter_mut().zip(elements) {
                    if element != NONE {
                        // The caller chooses a width that holds the input.
                        *value = T::try_from(x[index(element)]).unwrap_or_default();
                    }
                }
            }
        });
        Self { values, stride, length }
    }
}

impl Blocks<i64> {
    /// `sums[shift + σ] += weight · x[channel, σ]`.
    fn add(&self, sums: &mut [i64], channel: usize, shift: usize, weight: i64) {
        let x = &self.values[channel * self.stride..][..self.length];
        sums[shift..shift + self.length].iter_mut().zip(x).for_each(|(sum, &x)| *sum += weight * x);
    }
}

/// A convolution of 16 bits by 16 bits.
fn narrow(
    operands: &Operands<'_>,
    conv: &Conv,
    outputs: usize,
    (flat, term): (&FlatConvolution, &FlatTerm),
    x: &[i32],
    size: usize,
    sums: &mut [i64],
) {
    let before = term.taps.iter().map(|tap| tap.2).max().unwrap_or(0);
    let blocks = Blocks::<i16>::new(flat, term, x, before, size);
    let channels = term.view.dims[0] / term.phases;
    // Slot s meets value s + from[k] of the blocks.
    let mut from = vec![0; channels * term.taps.len()];
    for (channel, from) in from.chunks_mut(term.taps.len()).enumerate() {
        for &(tap, phase, shift) in &term.taps {
            from[tap] = (channel * term.phases + phase) * blocks.stride + before - shift;
        }
    }
    let width = from.len();
    let panel = (MAX_PATCHES / width.max(1)).max(MIN_SLOTS).min(size);
    for first in (0..size).step_by(panel) {
        let slots = panel.min(size - first);
        let mut values = vec![0i16; slots * width];
        values.par_chunks_mut(width).enumerate().for_each(|(slot, patch)| {
            let values = &blocks.values[first + slot..];
            patch.iter_mut().zip(&from).for_each(|(value, &from)| *value = values[from]);
        });
        let patches = Patches { values, width, length: width / conv.groups };
        operands.add(sums, size, first, &patches, outputs / conv.groups);
    }
}

/// A convolution in `i64`.
fn wide(conv: &Conv, outputs: usize, (flat, term): (&FlatConvolution, &FlatTerm), x: &[i32], size: usize, sums: &mut [i64]) {
    let blocks = Blocks::<i64>::new(flat, term, x, 0, size);
    let channels = term.view.dims[0] / term.phases / conv.groups;
    let kernel = term.taps.len();
    sums.par_chunks_mut(size).enumerate().for_each(|(o, sums)| {
        let group = o / (outputs / conv.groups);
        for c in 0..channels {
            for &(tap, phase, shift) in &term.taps {
                let weight = conv.weights.get((o * channels + c) * kernel + tap);
                blocks.add(sums, (group * channels + c) * term.phases + phase, shift, weight);
            }
        }
    });
}
