//! Σ_i d_i·P_i for small digits d_i, by buckets \[BDLO12\].
//!
//! ```text
//! B_k = Σ_{i: d_i = k} P_i − Σ_{i: d_i = −k} P_i            Σ_i d_i·P_i = Σ_k k·B_k
//! k = Σ_v e_v(k)·2^{r·v}                                    Σ_k k·B_k   = Σ_v 2^{r·v}·Σ_k e_v(k)·B_k
//! ```
//!
//! The second line is the first one again, over the buckets that are not empty and with signed digits e_v of about half the
//! width: 2 affine additions a bucket, in trees that share inversions. What remains has so few buckets that a running sum
//! Σ_k k·B_k = Σ_k Σ_{j ≥ k} B_j does.
//!
//! \[BDLO12\]: <https://eprint.iacr.org/2012/549> §4

use super::affine::{entry, Adder, Segment};
use super::windows::{Scalars, Windows};
use super::{G1Affine, Group, Ints, G1};

/// One window of scalars over the bases that begin at `row`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task<'a> {
    pub(super) row: usize,
    pub(super) scalars: &'a Scalars<'a>,
    pub(super) windows: Windows,
    pub(super) window: u32,
}

/// Σ digit·base of each task.
pub(super) fn sums(adder: Adder, bases: &[G1Affine], tasks: &[Task<'_>]) -> Vec<G1> {
    let mut sorted = Sorted::default();
    for task in tasks {
        sorted.push_task(task);
    }
    let buckets = adder.sum_segments(bases, &sorted.entries, &sorted.segments);

    // The digits of the buckets' own digits.
    let mut halves = Sorted::default();
    let mut plans = Vec::with_capacity(tasks.len());
    for range in sorted.ranges() {
        let keys = &sorted.keys[range.clone()];
        let windows = Windows::of_buckets(keys.len(), keys.last().copied().unwrap_or(0));
        plans.push((range.clone(), windows));
        if windows.num > 1 {
            for window in 0..windows.num {
                halves.push(range.start, windows.max_digit, keys, |&key| windows.digit(i64::from(key), window));
            }
        }
    }
    let half_buckets = adder.sum_segments(&buckets, &halves.entries, &halves.segments);

    let half_sums: Vec<G1> = halves.ranges().map(|range| running_sum(&halves.keys[range.clone()], &half_buckets[range])).collect();
    let mut half_sums = half_sums.as_slice();
    plans
        .into_iter()
        .map(|(range, windows)| {
            if windows.num == 1 {
                return running_sum(&sorted.keys[range.clone()], &buckets[range]);
            }
            let (of_task, rest) = half_sums.split_at(windows.num as usize);
            half_sums = rest;
            horner(of_task, windows.width)
        })
        .collect()
}

/// Σ_w sums\[w\]·2^(width·w).
pub(super) fn horner(sums: &[G1], width: u32) -> G1 {
    let Some((last, below)) = sums.split_last() else { return G1::identity() };
    below.iter().rev().fold(*last, |total, sum| (0..width).fold(total, |total, _| total.double()) + sum)
}

/// Σ key·bucket; the keys ascend from 1.
fn running_sum(keys: &[u32], buckets: &[G1Affine]) -> G1 {
    let (mut running, mut total) = (G1::identity(), G1::identity());
    for (i, (&key, bucket)) in keys.iter().zip(buckets).enumerate().rev() {
        running += bucket;
        let below = if i == 0 { 0 } else { keys[i - 1] };
        for _ in below..key {
            total += running;
        }
    }
    total
}

/// Points by bucket, for one task after the other.
#[derive(Debug, Default)]
struct Sorted {
    entries: Vec<u32>,
    /// The buckets that are not empty, and their digits.
    segments: Vec<Segment>,
    keys: Vec<u32>,
    /// Where the segments of each task end.
    ends: Vec<usize>,
}

impl Sorted {
    fn push_task(&mut self, task: &Task<'_>) {
        let Task { row, windows, window, .. } = *task;
        let max = windows.max_digit;
        match task.scalars {
            Scalars::Ints(Ints::I8(values)) => self.push(row, max, values, |&v| windows.digit(i64::from(v), window)),
            Scalars::Ints(Ints::I16(values)) => self.push(row, max, values, |&v| windows.digit(i64::from(v), window)),
            Scalars::Ints(Ints::I32(values)) => self.push(row, max, values, |&v| windows.digit(i64::from(v), window)),
            Scalars::Ints(Ints::I64(values)) => self.push(row, max, values, |&v| windows.digit(v, window)),
            Scalars::Limbs(values) => self.push(row, max, values, |limbs| windows.digit_of_limbs(limbs, window)),
        }
    }

    /// A counting sort; the zeros end up in front of the segments.
    fn push<T>(&mut self, first_point: usize, max_digit: u32, scalars: &[T], digit: impl Fn(&T) -> i32) {
        let mut next = vec![0u32; max_digit as usize + 1];
        for scalar in scalars {
            next[digit(scalar).unsigned_abs() as usize] += 1;
        }
        let mut first = self.entries.len() as u32;
        for (key, slot) in (0..).zip(next.iter_mut()) {
            let len = std::mem::replace(slot, first);
            if key > 0 && len > 0 {
                self.segments.push(Segment { first, len });
                self.keys.push(key);
            }
            first += len;
        }
        self.ends.push(self.segments.len());
        self.entries.resize(first as usize, 0);
        for (point, scalar) in (first_point as u32..).zip(scalars) {
            let digit = digit(scalar);
            let slot = &mut next[digit.unsigned_abs() as usize];
            self.entries[*slot as usize] = entry(point, digit < 0);
            *slot += 1;
        }
    }

    /// The segments of each task.
    fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        self.ends.iter().scan(0, |start, &end| Some(std::mem::replace(start, end)..end))
    }
}
