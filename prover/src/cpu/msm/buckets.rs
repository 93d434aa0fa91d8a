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

use std::ops::Range;

use rayon::prelude::*;

use super::affine::{Adder, Entry, Point, Points, IDENTITY};
use super::windows::{Scalars, Windows};
use super::{G1Affine, Group, G1};

/// Points that are summed at a time: the sums of each round stay in the second cache.
const CHUNK: usize = if cfg!(test) { 50 } else { 1 << 15 };

/// Digits that are sorted at a time.
const SLICE: usize = if cfg!(test) { 170 } else { 1 << 17 };

/// Digits whose points are in memory at the same time, for each thread, unless one window has more.
const AT_A_TIME: usize = if cfg!(test) { 600 } else { 1 << 20 };

/// One window of scalars over the bases that begin at `row`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task<'a> {
    pub(super) row: usize,
    pub(super) scalars: &'a Scalars<'a>,
    pub(super) windows: Windows,
    pub(super) window: u32,
}

impl Task<'_> {
    /// The points of some rows, and their digits.
    fn digits(&self, adder: Adder, rows: Range<usize>) -> (Range<u32>, Vec<i32>) {
        let points = (self.row + rows.start) as u32..(self.row + rows.end) as u32;
        (points, adder.digits(self.scalars, self.windows, self.window, rows))
    }
}

/// Whether a task is a unit by itself.
pub(super) fn is_long(scalars: &Scalars<'_>) -> bool {
    scalars.len() > 2 * CHUNK
}

/// Σ digit·base of each task, unit by unit.
pub(super) fn sums(adder: Adder, bases: &[Point], units: &[&[Task<'_>]]) -> Vec<G1> {
    let digits = |unit: &&[Task<'_>]| unit.iter().map(|task| task.scalars.len()).sum::<usize>();
    let (mut total, limit) = (units.first().map_or(0, digits), AT_A_TIME * rayon::current_num_threads());
    let some = units.chunk_by(|_, next| {
        let fits = total + digits(next) <= limit;
        total = digits(next) + if fits { total } else { 0 };
        fits
    });
    let sums =
        |units: &[&[Task<'_>]]| -> Vec<G1> { units.par_iter().flat_map_iter(|unit| Filled::new(adder, bases, unit).sums(adder)).collect() };
    some.flat_map(sums).collect()
}

/// The buckets of a unit.
#[derive(Debug)]
struct Filled {
    buckets: Vec<Point>,
    /// Where the buckets of each task end.
    ends: Vec<usize>,
}

impl Filled {
    fn new(adder: Adder, bases: &[Point], tasks: &[Task<'_>]) -> Self {
        if let [task] = tasks {
            if is_long(task.scalars) {
                return Self::of_long(adder, bases, task);
            }
        }
        let mut filling = Filling::default();
        for task in tasks {
            let (points, digits) = task.digits(adder, 0..task.scalars.len());
            filling.push(task.windows.max_digit, points.zip(digits));
        }
        let mut buckets = vec![IDENTITY; filling.len()];
        sum_chunks(adder, Points::new(bases), &[&filling.entries], &mut buckets);
        Self { buckets, ends: filling.ends }
    }

    /// Bucket by bucket, some at a time.
    fn of_long(adder: Adder, bases: &[Point], task: &Task<'_>) -> Self {
        let num_rows = task.scalars.len();
        let num_buckets = task.windows.max_digit as usize;
        // Of 2^width buckets each, and as many as chunks or less.
        let width = num_buckets.div_ceil(num_rows / CHUNK).next_power_of_two().trailing_zeros();
        let num_parts = num_buckets.div_ceil(1 << width);
        let sorted = |start: usize| {
            let (points, digits) = task.digits(adder, start..num_rows.min(start + SLICE));
            Sorted::new(num_parts, width, points, &digits)
        };
        let slices: Vec<Sorted> = (0..num_rows).into_par_iter().step_by(SLICE).map(sorted).collect();
        // B_0 counts nothing.
        let mut buckets = vec![IDENTITY; 1 + (num_parts << width)];
        buckets[1..].par_chunks_mut(1 << width).enumerate().for_each(|(part, sums)| {
            let of_slices: Vec<&[Entry]> = slices.iter().map(|slice| slice.part(part)).collect();
            sum_chunks(adder, Points::new(bases), &of_slices, sums);
        });
        buckets.truncate(1 + num_buckets);
        Self { ends: vec![buckets.len()], buckets }
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
        let mut half_buckets = vec![IDENTITY; halves.len()];
        sum_chunks(adder, Points::new(&buckets), &[&halves.entries], &mut half_buckets);
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
fn ranges(ends: &[usize]) -> impl Iterator<Item = Range<usize>> + '_ {
    ends.iter().scan(0, |start, &end| Some(std::mem::replace(start, end)..end))
}

/// Σ_w sums\[w\]·2^(width·w).
pub(super) fn horner(sums: &[G1], width: u32) -> G1 {
    let Some((last, below)) = sums.split_last() else { return G1::identity() };
    below.iter().rev().fold(*last, |total, sum| (0..width).fold(total, |total, _| total.double()) + sum)
}

/// Σ_k k·B_k; B_0 counts nothing.
fn running_sum(buckets: &[Point]) -> G1 {
    let (mut running, mut total) = (G1::identity(), G1::identity());
    for bucket in buckets.iter().skip(1).rev() {
        if *bucket != IDENTITY {
            running += G1Affine::from(*bucket);
        }
        total += running;
    }
    total
}

/// Writes the sum of each bucket that has points; of so many that a round would leave the cache, chunk by chunk.
fn sum_chunks(adder: Adder, points: Points<'_>, slices: &[&[Entry]], sums: &mut [Point]) {
    if slices.iter().map(|slice| slice.len()).sum::<usize>() <= 2 * CHUNK {
        return adder.sum_buckets(points, slices, sums);
    }
    let num_buckets = sums.len();
    let of_chunk = |entries: &[Entry]| -> Vec<(u32, Point)> {
        let mut sums = vec![IDENTITY; num_buckets];
        adder.sum_buckets(points, &[entries], &mut sums);
        (0..).zip(sums).filter(|(_, sum)| *sum != IDENTITY).collect()
    };
    let chunks = slices.par_iter().flat_map(|slice| slice.par_chunks(CHUNK));
    let (buckets, of_chunks): (Vec<u32>, Vec<Point>) = chunks.flat_map_iter(of_chunk).unzip();
    let entries: Vec<Entry> = (0..).zip(buckets).map(|(number, bucket)| Entry::new(bucket, number, false)).collect();
    adder.sum_buckets(Points::new(&of_chunks), &[&entries], sums);
}

/// Runs of digits that are sorted at the same time.
const RUNS: usize = 4;

/// Points of one window by parts of its buckets: part i has the 2^width buckets behind i·2^width, numbered from 0.
#[derive(Debug)]
struct Sorted {
    entries: Vec<Entry>,
    ends: Vec<usize>,
}

impl Sorted {
    fn new(num_parts: usize, width: u32, points: Range<u32>, digits: &[i32]) -> Self {
        let mask = (1u32 << width) - 1;
        // Part 0 is that of zeros, who overwrite each other in one place: a branch would often be guessed wrong.
        let part = |digit: i32| ((digit.unsigned_abs() + mask) >> width) as usize;
        // Runs take turns: a digit waits for the one before it if they are of the same part.
        let len = digits.len().div_ceil(RUNS);
        let mut runs: [(u32, &[i32], Vec<u32>); RUNS] = std::array::from_fn(|i| {
            let rows = (i * len).min(digits.len())..((i + 1) * len).min(digits.len());
            (points.start + rows.start as u32, &digits[rows], vec![0; num_parts + 1])
        });
        for i in 0..len {
            for (_, digits, counts) in &mut runs {
                if let Some(digit) = digits.get(i) {
                    counts[part(*digit)] += 1;
                }
            }
        }
        let (mut end, mut ends) = (1, vec![1; num_parts + 1]);
        runs.iter_mut().for_each(|(_, _, next)| next[0] = 0);
        for part in 1..=num_parts {
            for (_, _, next) in &mut runs {
                end += std::mem::replace(&mut next[part], end);
            }
            ends[part] = end as usize;
        }
        let mut entries = vec![Entry::default(); end as usize];
        for i in 0..len {
            for (first, digits, next) in &mut runs {
                if let Some(&digit) = digits.get(i) {
                    let next = &mut next[part(digit)];
                    entries[*next as usize] = Entry::new(digit.unsigned_abs().wrapping_sub(1) & mask, *first + i as u32, digit < 0);
                    *next += u32::from(digit != 0);
                }
            }
        }
        Self { entries, ends }
    }

    fn part(&self, part: usize) -> &[Entry] {
        &self.entries[self.ends[part]..self.ends[part + 1]]
    }
}

/// Points in their buckets, for one task after the other.
#[derive(Debug, Default)]
struct Filling {
    entries: Vec<Entry>,
    /// Where the buckets of each task end.
    ends: Vec<usize>,
}

impl Filling {
    /// Points and their digits, into one bucket for each magnitude.
    fn push(&mut self, max_digit: u32, digits: impl ExactSizeIterator<Item = (u32, i32)>) {
        let first = self.len() as u32;
        // Zeros are overwritten: a branch would often be guessed wrong.
        let mut end = self.entries.len();
        self.entries.resize(end + digits.len(), Entry::default());
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
