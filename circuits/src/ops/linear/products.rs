//! Inner products of rows of weights with patches of an image: what a layer costs to compute, nearly all of it.
//!
//! ```text
//! sums[o, s] += Σ_k w[o, k] · patch[s, group(o)·K + k]        w, patch : i16        sums : i64
//! ```
//!
//! Products are summed in `i32`, so many at a time that no sum of them overflows.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use crate::column::IntColumn;
use crate::number::index;

/// Slots that share a pass over a row of weights.
const SLOTS: usize = 4;
/// Rows of weights that stay in the cache while the patches go by.
const OUTPUTS: usize = 8;
/// The fewest products that are worth a sum of their own; `i64` is as fast below.
const MIN_RUN: usize = 16;
/// Products that are summed side by side.
const STEP: usize = 16;
/// Products that are worth a task of their own.
const MIN_TASK: usize = 1 << 16;

/// Weights and inputs of at most 16 bits.
pub(super) struct Operands<'a> {
    weights: &'a IntColumn,
    /// No input is larger.
    largest: u32,
}

impl<'a> Operands<'a> {
    /// The weights, if they and inputs of at most `largest` are narrow enough.
    pub(super) fn new(weights: &'a IntColumn, largest: u32) -> Option<Self> {
        let narrow = matches!(weights, IntColumn::I8(_) | IntColumn::I16(_));
        (narrow && largest <= u32::from(i16::MAX.unsigned_abs())).then_some(Self { weights, largest })
    }

    /// Adds the products of every row of weights to `sums[o]`, blocks of `size`, in slots from `first_slot`.
    pub(super) fn add(&self, sums: &mut [i64], size: usize, first_slot: usize, patches: &Patches, outputs_per_group: usize) {
        let (width, length) = (patches.width, patches.length);
        if length == 0 {
            return;
        }
        let slots = patches.values.len() / width;
        let tasks = (MIN_TASK / (OUTPUTS * slots * length).max(1)).max(1);
        sums.par_chunks_mut(OUTPUTS * size).with_min_len(tasks).enumerate().for_each(|(block, sums)| {
            let first = block * OUTPUTS;
            let rows = self.rows(first * length..(first + sums.len() / size) * length);
            let rows: Vec<(&[i16], usize)> = rows.chunks(length).map(|row| (row, self.run(row))).collect();
            for slot in (0..slots).step_by(SLOTS) {
                for ((index, sums), (row, run)) in sums.chunks_mut(size).enumerate().zip(&rows) {
                    let group = (first + index) / outputs_per_group;
                    let patches = patches.values.chunks(width).skip(slot).take(SLOTS);
                    for (sum, patch) in sums[first_slot + slot..].iter_mut().zip(patches) {
                        *sum += inner_product(row, &patch[group * length..][..length], *run);
                    }
                }
            }
        });
    }

    /// Some rows of weights.
    fn rows(&self, range: Range<usize>) -> Cow<'a, [i16]> {
        match self.weights {
            IntColumn::I8(w) => w[range].iter().map(|&w| i16::from(w)).collect(),
            IntColumn::I16(w) => Cow::Borrowed(&w[range]),
            IntColumn::I32(_) | IntColumn::I64(_) => Cow::default(),
        }
    }

    /// How many products of a row of weights add up in `i32`, whatever the inputs.
    fn run(&self, weights: &[i16]) -> usize {
        // |w| ≤ (w ⊕ sign) + 1.
        let bits = weights.iter().fold(0i16, |bits, &w| bits | (w ^ (w >> 15)));
        let product = (u32::from(bits.unsigned_abs()) + 1) * self.largest;
        i32::MAX.unsigned_abs().checked_div(product).map_or(weights.len(), index)
    }
}

/// `Σ_k w[k]·x[k]`, in runs.
fn inner_product(w: &[i16], x: &[i16], run: usize) -> i64 {
    if run >= w.len() {
        i64::from(inner_product_32(w, x))
    } else if run >= MIN_RUN {
        w.chunks(run).zip(x.chunks(run)).map(|(w, x)| i64::from(inner_product_32(w, x))).sum()
    } else {
        w.iter().zip(x).map(|(&w, &x)| i64::from(i32::from(w) * i32::from(x))).sum()
    }
}

/// `Σ_k w[k]·x[k]`, if it and all sums of its products fit 32 bits. The compiler makes it multiply and add pairs of 16 bits.
#[inline(always)]
fn inner_product_32(w: &[i16], x: &[i16]) -> i32 {
    let ((w, w_rest), (x, x_rest)) = (w.as_chunks::<STEP>(), x.as_chunks::<STEP>());
    let mut sums = [0i32; STEP];
    for (w, x) in w.iter().zip(x) {
        for (sum, (&w, &x)) in sums.iter_mut().zip(w.iter().zip(x)) {
            *sum = sum.wrapping_add(i32::from(w) * i32::from(x));
        }
    }
    let rest = w_rest.iter().zip(x_rest).map(|(&w, &x)| i32::from(w) * i32::from(x));
    sums.into_iter().chain(rest).fold(0, i32::wrapping_add)
}

/// What the weights of an output meet, for a range of slots: `[slots, width]`, where `width = groups · length`.
pub(super) struct Patches {
    pub(super) values: Vec<i16>,
    pub(super) width: usize,
    /// Of a row of weights.
    pub(super) length: usize,
}
