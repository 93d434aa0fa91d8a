//! Affine additions that share one inversion (Montgomery's trick).
//!
//! ```text
//! λ = (y₂ − y₁)/(x₂ − x₁)     x₃ = λ² − x₁ − x₂     y₃ = λ·(x₁ − x₃) − y₁          P₁ ≠ ±P₂
//! λ = 3·x₁²/(2·y₁)                                                                 P₁ = P₂
//! ```
//!
//! The denominators d_j of a block become prefix products D_j = d_0 ⋯ d_j; from I = 1/D_j follow 1/d_j = I·D_{j−1} and
//! 1/D_{j−1} = I·d_j. An addition costs 6 multiplications and its share of the inversion.
//!
//! A sum of many points is a tree: each round adds in pairs, and all pairs of a round are independent (see `rows`).
//!
//! The curve has prime order, so no point has y = 0, and (0, 0) is the identity.

use std::cell::Cell;
use std::ops::Range;
use std::thread::LocalKey;

use rayon::prelude::*;

use super::windows::{Scalars, Windows};
use super::{Field, Fq, G1Affine, G1};
use crate::cpu::scalar::{with_multiplier, Scalar};

#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;
mod rows;

use portable::Portable;
use rows::{Round, Rows, Run, RUN};

/// So many points are near enough without being fetched a block before: 8 MiB of them.
const NEAR: usize = if cfg!(test) { 10 } else { 1 << 17 };

/// Points that are copied are fetched so many before.
const COPIES_AHEAD: usize = 16;

/// How blocks of additions are done, and digits taken.
trait Kernel: Copy + Sync {
    /// Additions to an inversion.
    const BLOCK: usize;
    /// Whether it can fetch the operands of the block behind.
    const EARLY: bool = false;
    /// Sums beside each other, as they are kept between rounds.
    type Group: Copy + Send + Sync + 'static;
    /// Sums in a group.
    const WIDTH: usize;
    const NONE: Self::Group;

    /// Writes the points of some sums.
    fn finish(self, groups: &[Self::Group], range: Range<usize>, points: &mut [Point]);

    /// Where the sums of rounds are kept.
    fn levels() -> &'static LocalKey<Cell<Levels<Self::Group>>>;

    /// Appends digit `window` of some rows.
    fn write_digits(self, scalars: &Scalars<'_>, windows: Windows, window: u32, rows: Range<usize>, digits: &mut Vec<i32>) {
        super::digits::write(scalars, windows, window, rows, digits);
    }

    /// Writes the outputs of the block, `sums` being those from `first`.
    fn add_block(self, first: usize, block: &Block, sums: &mut [Self::Group], from: Operands<'_, Self::Group>);
}

/// The sums of a round, and those of the next.
#[derive(Debug)]
struct Levels<G> {
    this: Vec<G>,
    next: Vec<G>,
}

impl<G> Default for Levels<G> {
    fn default() -> Self {
        Self { this: Vec::new(), next: Vec::new() }
    }
}

/// Where the operands of a round are.
#[derive(Clone, Copy)]
enum Operands<'a, G> {
    /// Of the first round: at random addresses.
    Entries(Entries<'a>),
    /// Of the rounds behind: sums of the one before.
    Sums(&'a [G]),
}

/// Points and signs.
#[derive(Clone, Copy)]
struct Entries<'a> {
    points: Points<'a>,
    entries: &'a [u32],
}

impl<'a> Entries<'a> {
    /// A point, and whether its negative is meant.
    #[inline]
    fn signed(&self, index: usize) -> (&'a Point, bool) {
        let entry = self.entries[index];
        (self.points.get(entry), entry & 1 == 1)
    }

    /// The point that is meant.
    fn point(&self, index: usize) -> Point {
        let (point, negative) = self.signed(index);
        point.negated_if(negative)
    }

    /// Eight points beside each other, and in bit i whether the negative of point i is meant.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn eight(&self, first: usize) -> ([&'a Point; RUN], u8) {
        let entries = &self.entries[first..first + RUN];
        let points = std::array::from_fn(|i| self.points.get(entries[i]));
        (points, (0..RUN).fold(0, |signs, i| signs | ((entries[i] & 1) as u8) << i))
    }

    /// Into the nearest cache.
    #[inline]
    fn prefetch(&self, _index: usize) {
        #[cfg(target_arch = "x86_64")]
        ifma::prefetch(self.signed(_index).0);
    }

    /// Into the second cache.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn prefetch_early(&self, index: usize) {
        ifma::prefetch_early(self.signed(index).0);
    }
}

/// A point in the line of a cache that it fills: one that lies in two takes two accesses, which is felt.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Point {
    pub(super) x: Fq,
    pub(super) y: Fq,
}

impl Point {
    fn negated_if(&self, negative: bool) -> Self {
        if negative {
            Self { x: self.x, y: -self.y }
        } else {
            *self
        }
    }
}

impl From<G1Affine> for Point {
    fn from(G1Affine { x, y }: G1Affine) -> Self {
        Self { x, y }
    }
}

impl From<Point> for G1Affine {
    fn from(Point { x, y }: Point) -> Self {
        Self { x, y }
    }
}

impl From<G1> for Point {
    fn from(point: G1) -> Self {
        G1Affine::from(point).into()
    }
}

impl From<Point> for G1 {
    fn from(Point { x, y }: Point) -> Self {
        Self::from(G1Affine { x, y })
    }
}

/// Points by number: `first`, then `second`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Points<'a> {
    first: &'a [Point],
    second: &'a [Point],
}

impl<'a> Points<'a> {
    pub(super) fn new(points: &'a [Point]) -> Self {
        Self { first: points, second: &[] }
    }

    pub(super) fn two(first: &'a [Point], second: &'a [Point]) -> Self {
        Self { first, second }
    }

    #[inline]
    fn get(&self, entry: u32) -> &'a Point {
        let number = (entry >> 1) as usize;
        match number.checked_sub(self.first.len()) {
            None => &self.first[number],
            Some(number) => &self.second[number],
        }
    }
}

/// A point to be summed, in its bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    bucket: u32,
    /// Its number, and in bit 0 whether its negative is meant.
    point: u32,
}

impl Entry {
    /// ± the point of this number, in a bucket.
    pub(super) fn new(bucket: u32, point: u32, negative: bool) -> Self {
        Self { bucket, point: point << 1 | u32::from(negative) }
    }
}

/// Who adds: vectors, if there are any, or [`portable::Portable`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Adder(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Vectors(ifma::Ifma),
    Scalar(Scalar),
}

/// An expression with the kernel of an [`Adder`], compiled for each.
macro_rules! with_kernel {
    ($adder:expr, $kernel:ident => $body:expr) => {
        match $adder.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Vectors($kernel) => $body,
            Kind::Scalar(scalar) => with_multiplier!(scalar, by => {
                let $kernel = Portable(by);
                $body
            }),
        }
    };
}

impl Adder {
    pub(super) const PORTABLE: Self = Self(Kind::Scalar(Scalar::PLAIN));

    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(vectors) = ifma::Ifma::detect() {
            return Self(Kind::Vectors(vectors));
        }
        Self(Kind::Scalar(Scalar::detect()))
    }

    /// All that there are on this machine.
    #[cfg(test)]
    pub(super) fn all() -> Vec<Self> {
        let scalar = Scalar::all().into_iter().map(|scalar| Self(Kind::Scalar(scalar)));
        #[cfg(target_arch = "x86_64")]
        let vectors = ifma::Ifma::detect().map(|vectors| Self(Kind::Vectors(vectors)));
        #[cfg(not(target_arch = "x86_64"))]
        let vectors = None;
        scalar.chain(vectors).collect()
    }

    /// Digit `window` of some rows.
    pub(super) fn digits(self, scalars: &Scalars<'_>, windows: Windows, window: u32, rows: Range<usize>) -> Vec<i32> {
        let mut digits = Vec::with_capacity(rows.len());
        with_kernel!(self, kernel => kernel.write_digits(scalars, windows, window, rows, &mut digits));
        digits
    }

    /// Writes the sum of each bucket that has points.
    pub(super) fn sum_buckets(self, points: Points<'_>, entries: &[&[Entry]], sums: &mut [Point]) {
        with_kernel!(self, kernel => sum_buckets_by(kernel, points, entries, sums));
    }

    /// The sums of points of these numbers, each `left` with its `right`, on this thread alone.
    pub(super) fn sum_pairs(self, points: Points<'_>, left: Vec<u32>, right: impl Iterator<Item = u32>) -> Vec<Point> {
        let mut numbers = left;
        numbers.extend(right);
        with_kernel!(self, kernel => sum_pairs_by(kernel, points, &numbers))
    }
}

fn sum_buckets_by<K: Kernel>(kernel: K, points: Points<'_>, entries: &[&[Entry]], sums: &mut [Point]) {
    let rows = Rows::new(sums.len(), entries);
    let columns = sum_columns(kernel, points, &rows);
    if rows.has_long_buckets {
        let entries: Vec<Entry> = (0..).zip(&rows.buckets).map(|(column, bucket)| Entry::new(*bucket, column, false)).collect();
        return sum_buckets_by(kernel, Points::new(&columns), &[&entries], sums);
    }
    for (bucket, column) in rows.buckets.iter().zip(columns) {
        sums[*bucket as usize] = column;
    }
}

/// The sum of each column.
fn sum_columns<K: Kernel>(kernel: K, points: Points<'_>, rows: &Rows) -> Vec<Point> {
    let first = Entries { points, entries: &rows.entries };
    let mut sums = vec![IDENTITY; rows.buckets.len()];
    let mut round = Round::first(&rows.counts, K::WIDTH);
    for column in round.finished() {
        first.prefetch((column + COPIES_AHEAD).min(sums.len() - 1));
        sums[column] = first.point(column);
    }
    // Megabytes, which would be cleared each time. They are taken while a thread needs them: it may begin another sum while it
    // waits for one.
    let Levels { this: mut level, mut next } = K::levels().take();
    add_round(kernel, &round, Operands::Entries(first), &mut level);
    while round.len() > 0 {
        round = round.next();
        kernel.finish(&level, round.finished(), &mut sums[round.finished()]);
        add_round(kernel, &round, Operands::Sums(&level), &mut next);
        std::mem::swap(&mut level, &mut next);
    }
    K::levels().set(Levels { this: level, next });
    sums
}

fn sum_pairs_by<K: Kernel>(kernel: K, points: Points<'_>, numbers: &[u32]) -> Vec<Point> {
    let entries: Vec<u32> = numbers.iter().map(|number| number << 1).collect();
    let pairs = numbers.len() as u32 / 2;
    let run = |left: u32| {
        let len = (RUN as u32).min(pairs - left);
        Run { left, right: left + pairs, output: left, len, sums: len }
    };
    let block = Block { additions: (0..pairs).step_by(RUN).map(run).collect(), ..Block::default() };
    let mut groups = vec![K::NONE; (pairs as usize).div_ceil(K::WIDTH)];
    kernel.add_block(0, &block, &mut groups, Operands::Entries(Entries { points, entries: &entries }));
    let mut sums = vec![IDENTITY; pairs as usize];
    kernel.finish(&groups, 0..sums.len(), &mut sums);
    sums
}

pub(super) const IDENTITY: Point = Point { x: Fq::ZERO, y: Fq::ZERO };

/// The sums of a round; what else `sums` holds is of no meaning.
fn add_round<K: Kernel>(kernel: K, round: &Round, from: Operands<'_, K::Group>, sums: &mut Vec<K::Group>) {
    let num_groups = round.len() / K::WIDTH;
    if sums.len() < num_groups {
        sums.resize(num_groups, K::NONE);
    }
    let blocks = sums[..num_groups].par_chunks_mut(K::BLOCK / K::WIDTH).enumerate();
    blocks.for_each_init(Block::default, |block, (i, sums)| {
        let (first, end) = (i * K::BLOCK, i * K::BLOCK + sums.len() * K::WIDTH);
        if K::EARLY && matches!(from, Operands::Entries(from) if from.points.first.len() > NEAR) {
            round.runs(end..round.len().min(end + K::BLOCK), &mut block.additions, &mut block.copies);
            block.next.clear();
            block.next.extend(block.additions.iter().flat_map(Run::operands));
        }
        round.runs(first..end, &mut block.additions, &mut block.copies);
        kernel.add_block(first, block, sums, from);
    });
}

/// What is done for a range of outputs.
#[derive(Debug, Default)]
struct Block {
    additions: Vec<Run>,
    /// Runs without sums.
    copies: Vec<Run>,
    /// The operands of the additions behind it that are to be fetched.
    next: Vec<Range<usize>>,
}

#[cfg(test)]
mod tests {
    use super::super::{Group, G1};
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    /// The kernel of this machine, the portable one, and additions one by one.
    #[test]
    fn kernels_agree() {
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let mut points: Vec<Point> = (0..3000).map(|_| G1Affine::from(G1::random(&mut rng)).into()).collect();
        points[7] = IDENTITY;
        points[9] = Point { x: points[8].x, y: -points[8].y };
        points[11] = points[10];
        for num in [0, 1, 2, 15, 16, 17, 33, 40, 3000, 9000] {
            for num_buckets in [1, 2, 3, 50, 1000] {
                let mut entries: Vec<Entry> =
                    (0..num).map(|_| Entry::new(rng.gen_range(0..num_buckets), rng.gen_range(0..3000), rng.gen())).collect();
                // The identity, doublings, and what cancels, beside each other.
                let special = [(7, false), (7, false), (8, false), (9, false), (10, false), (11, false), (10, false), (11, true)];
                entries.extend(special.iter().cycle().take(num / 3).map(|&(point, negative)| Entry::new(num_buckets - 1, point, negative)));
                let mut expected = vec![G1::identity(); num_buckets as usize];
                for Entry { bucket, point } in &entries {
                    let operand = G1::from(points[(point >> 1) as usize]);
                    expected[*bucket as usize] += if point & 1 == 1 { -operand } else { operand };
                }
                let expected: Vec<Point> = expected.into_iter().map(Point::from).collect();
                let slices: Vec<&[Entry]> = entries.chunks(700).collect();
                for adder in Adder::all() {
                    let mut sums = vec![IDENTITY; num_buckets as usize];
                    adder.sum_buckets(Points::new(&points), &slices, &mut sums);
                    assert_eq!(sums, expected, "{num} in {num_buckets}, {adder:?}");
                }
            }
        }
    }
}
