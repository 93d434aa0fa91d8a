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

use rayon::prelude::*;

use super::affine::{Adder, Entry, Points, IDENTITY};
use super::windows::{Scalars, Windows};
use super::{G1Affine, Group, Ints, G1};

/// Bases that are read in any order at a time: their 8 MiB stay in a cache, and in that of the pages' addresses.
pub(super) const PIECE: usize = if cfg!(test) { 300 } else { 1 << 17 };

/// Units whose buckets are filled piece by piece at the same time, for each thread.
const UNITS: usize = 16;

/// One window of scalars over the bases that begin at `row`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task<'a> {
    pub(super) row: usize,
    pub(super) scalars: &'a Scalars<'a>,
    pub(super) windows: Windows,
    pub(super) window: u32,
}

/// Σ digit·base of each task, unit by unit.
pub(super) fn sums(adder: Adder, bases: &[G1Affine], units: &[&[Task<'_>]]) -> Vec<G1> {
    let longest = units.iter().flat_map(|unit| unit.iter()).map(|task| task.scalars.len()).max().unwrap_or(0);
    let last = longest.saturating_sub(1) / PIECE * PIECE;
    // Units whose buckets wait for the next piece.
    let at_a_time = if last == 0 { units.len() } else { UNITS * rayon::current_num_threads() };
    let some = units.chunks(at_a_time.max(1)).flat_map(|units| {
        let mut filled: Vec<Filled> = units.iter().map(|_| Filled::default()).collect();
        for piece in (0..last).step_by(PIECE) {
            filled.par_iter_mut().zip(units).for_each(|(filled, unit)| filled.add(adder, bases, unit, piece));
        }
        let sums = |(filled, unit): (&mut Filled, &&[Task<'_>])| {
            filled.add(adder, bases, unit, last);
            std::mem::take(filled).sums(adder)
        };
        filled.par_iter_mut().zip(units).flat_map_iter(sums).collect::<Vec<G1>>()
    });
    some.collect()
}

/// The buckets of a unit, with the points of some pieces.
#[derive(Debug, Default)]
struct Filled {
    buckets: Vec<G1Affine>,
    /// Where the buckets of each task end.
    ends: Vec<usize>,
}

impl Filled {
    /// Adds a piece. A bucket's sum is one more of its points.
    fn add(&mut self, adder: Adder, bases: &[G1Affine], tasks: &[Task<'_>], piece: usize) {
        if piece > 0 && tasks.iter().all(|task| task.scalars.len() <= piece) {
            return;
        }
        let mut filling = Filling::default();
        for task in tasks {
            filling.push_task(task, piece);
        }
        let num_bases = bases.len() as u32;
        let before = (0u32..).zip(&self.buckets).filter(|(_, sum)| **sum != IDENTITY);
        filling.entries.extend(before.map(|(i, _)| Entry::new(i, num_bases + i, false)));
        self.buckets = adder.sum_buckets(Points::two(bases, &self.buckets), filling.len(), &filling.entries);
        self.ends = filling.ends;
    }

    /// Σ_k k·B_k of each task.
    fn sums(self, adder: Adder) -> Vec<G1> {
        let Self { buckets, ends } = self;
        // The digits of the buckets' own digits.
        let mut halves = Filling::default();
        let mut plans = Vec::with_capacity(ends.len());
        for range in ranges(&ends) {
            let keys: Vec<u32> =
                (0..).zip(&buckets[range.clone()]).filter(|(_, bucket)| **bucket != IDENTITY).map(|(key, _)| key).collect();
            let windows = Windows::of_buckets(keys.len(), keys.last().copied().unwrap_or(0));
            if windows.num > 1 {
                for window in 0..windows.num {
                    let digits = keys.iter().map(|&key| (range.start as u32 + key, windows.digit(i64::from(key), window)));
                    halves.push(windows.max_digit, digits);
                }
            }
            plans.push((range, windows));
        }
        let half_buckets = adder.sum_buckets(Points::new(&buckets), halves.len(), &halves.entries);

        let half_sums: Vec<G1> = ranges(&halves.ends).map(|range| running_sum(&half_buckets[range])).collect();
        let mut half_sums = half_sums.as_slice();
        plans
            .into_iter()
            .map(|(range, windows)| {
                if windows.num == 1 {
                    return running_sum(&buckets[range]);
                }
                let (of_task, rest) = half_sums.split_at(windows.num as usize);
                half_sums = rest;
                horner(of_task, windows.width)
            })
            .collect()
    }
}

/// The buckets of each task.
fn ranges(ends: &[usize]) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    ends.iter().scan(0, |start, &end| Some(std::mem::replace(start, end)..end))
}

/// Σ_w sums\[w\]·2^(width·w).
pub(super) fn horner(sums: &[G1], width: u32) -> G1 {
    let Some((last, below)) = sums.split_last() else { return G1::identity() };
    below.iter().rev().fold(*last, |total, sum| (0..width).fold(total, |total, _| total.double()) + sum)
}

/// Σ_k k·B_k; B_0 counts nothing.
fn running_sum(buckets: &[G1Affine]) -> G1 {
    let (mut running, mut total) = (G1::identity(), G1::identity());
    for bucket in buckets.iter().skip(1).rev() {
        if *bucket != IDENTITY {
            running += bucket;
        }
        total += running;
    }
    total
}

/// Points in their buckets, for one task after the other.
#[derive(Debug, Default)]
struct Filling {
    entries: Vec<Entry>,
    /// Where the buckets of each task end.
    ends: Vec<usize>,
}

impl Filling {
    /// The piece of a task from one of its scalars on.
    fn push_task(&mut self, task: &Task<'_>, start: usize) {
        let Task { row, windows, window, .. } = *task;
        let end = task.scalars.len().min(start + PIECE);
        let start = start.min(end);
        let (points, max) = ((row + start) as u32..(row + end) as u32, windows.max_digit);
        match task.scalars {
            Scalars::Ints(Ints::I8(values)) => {
                self.push(max, points.zip(values[start..end].iter().map(|&v| windows.digit(i64::from(v), window))))
            }
            Scalars::Ints(Ints::I16(values)) => {
                self.push(max, points.zip(values[start..end].iter().map(|&v| windows.digit(i64::from(v), window))))
            }
            Scalars::Ints(Ints::I32(values)) => {
                self.push(max, points.zip(values[start..end].iter().map(|&v| windows.digit(i64::from(v), window))))
            }
            Scalars::Ints(Ints::I64(values)) => self.push(max, points.zip(values[start..end].iter().map(|&v| windows.digit(v, window)))),
            Scalars::Limbs(values) => self.push(max, points.zip(values[start..end].iter().map(|v| windows.digit_of_limbs(v, window)))),
        }
    }

    /// Points and their digits, into one bucket for each magnitude.
    fn push(&mut self, max_digit: u32, digits: impl ExactSizeIterator<Item = (u32, i32)>) {
        let first = self.len() as u32;
        // Zeros are overwritten: a branch would often be guessed wrong.
        let mut end = self.entries.len();
        self.entries.resize(end + digits.len(), Entry::new(0, 0, false));
        for (point, digit) in digits {
            self.entries[end] = Entry::new(first + digit.unsigned_abs(), point, digit < 0);
            end += usize::from(digit != 0);
        }
        self.entries.truncate(end);
        self.ends.push(first as usize + max_digit as usize + 1);
    }

    /// Buckets, those of zeros included.
    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }
}
