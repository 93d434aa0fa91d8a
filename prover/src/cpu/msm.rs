//! Multi-scalar multiplication: the commitments of columns.
//!
//! ```text
//! C = Σ_i v_i·P_i          v_i = Σ_w d_{i,w}·2^{c·w}          C = Σ_w 2^{c·w}·Σ_i d_{i,w}·P_i
//! ```
//!
//! | step                    | by                                                                          |
//! |-------------------------|-----------------------------------------------------------------------------|
//! | digits d_{i,w}          | signed, of the integer itself: a column of small integers has few windows   |
//! | Σ_i d_{i,w}·P_i         | buckets, with affine additions that share inversions                        |
//! | the last rows           | tables of multiples, for the blinding scalars that columns of integers have |
//!
//! All windows of all columns are independent; small ones are taken together, so that they share inversions. A pack has one sum
//! for all its members: those of field elements are one long column.

use std::ops::Range;
use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::{Fq, Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::group::{Curve, Group};
use rayon::prelude::*;

mod affine;
mod buckets;
mod digits;
mod lookups;
mod tail;
mod windows;

use super::pages;
pub(crate) use affine::Point;
use affine::{Adder, Points};
use buckets::Task;
use tail::{Table, NUM_TABLES};
use windows::Windows;

/// Digits to a unit of work: enough to share inversions, few enough to stay in the cache.
const UNIT: usize = 1 << 14;

/// Points are numbered in 32 bits, two of which say what to do with them.
const MAX_BASES: usize = 1 << 30;

/// Integer scalars of the narrowest width: a column of small integers. Rows behind the end are zero.
#[derive(Clone, Copy, Debug)]
pub enum Ints<'a> {
    /// 8 bits.
    I8(&'a [i8]),
    /// 16 bits.
    I16(&'a [i16]),
    /// 32 bits.
    I32(&'a [i32]),
    /// 64 bits.
    I64(&'a [i64]),
}

/// The scalars of a column.
#[derive(Clone, Copy, Debug)]
pub enum Scalars<'a> {
    /// Small integers, and what blinds them.
    Ints {
        /// Rows `0..`.
        values: Ints<'a>,
        /// The last `tail.len()` rows of the bases; they do not overlap the integers.
        tail: &'a [Fr],
    },
    /// Rows `0..len`.
    Fields(&'a [Fr]),
    /// Sums of entries of a table, and what blinds them.
    Lookups {
        /// The table.
        table: &'a [Fr],
        /// For each summand the entry of each row `0..`; all of one length.
        indices: &'a [Vec<u32>],
        /// The last `tail.len()` rows of the bases; they do not overlap the indices.
        tail: &'a [Fr],
    },
}

/// Points to commit with, and what is precomputed from them.
#[derive(Clone, Debug)]
pub struct Bases {
    /// These points and others: members of a pack have theirs beside each other.
    all: Arc<Vec<Point>>,
    rows: Range<usize>,
    /// Of the last points, the very last one first.
    tables: [Table; NUM_TABLES],
    adder: Adder,
}

impl Bases {
    /// The bases of rows `0..`; the identity and repeated points are allowed.
    ///
    /// # Panics
    /// There are more than 2^30 points.
    pub fn new(points: &[G1Affine]) -> Self {
        Self::of(&aligned(points), 0..points.len())
    }

    /// The bases of members of packs, of so many rows each: for [`commit_packs`].
    ///
    /// # Panics
    /// As [`Self::new`].
    pub fn strides(points: &[G1Affine], rows: usize) -> Vec<Self> {
        let all = aligned(points);
        (0..all.len() / rows.max(1)).map(|i| Self::of(&all, i * rows..(i + 1) * rows)).collect()
    }

    fn of(all: &Arc<Vec<Point>>, rows: Range<usize>) -> Self {
        assert!(all.len() <= MAX_BASES, "{} points", all.len());
        Self { all: all.clone(), rows, tables: Default::default(), adder: Adder::detect() }
    }

    /// The same in plain Rust.
    #[must_use]
    pub fn portable(self) -> Self {
        Self { adder: Adder::PORTABLE, ..self }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn points(&self) -> &[Point] {
        &self.all[self.rows.clone()]
    }
}

fn aligned(points: &[G1Affine]) -> Arc<Vec<Point>> {
    Arc::new(pages::collect(points.par_iter().map(|point| Point::from(*point))))
}

/// Σ scalar·base for each column.
///
/// # Panics
/// A column has more rows than there are bases, or its tail overlaps its integers.
pub fn commit(bases: &Bases, columns: &[Scalars<'_>]) -> Vec<G1Affine> {
    let packs: Vec<&[Scalars<'_>]> = columns.iter().map(std::slice::from_ref).collect();
    commit_packs(std::slice::from_ref(bases), &packs)
}

/// Σ_i Σ scalar·base over the members i of each pack, with the bases of stride i.
///
/// # Panics
/// As [`commit`]; a pack has more members than there are strides; or the strides are not all of one [`Bases::strides`].
pub fn commit_packs(strides: &[Bases], packs: &[&[Scalars<'_>]]) -> Vec<G1Affine> {
    let Some(first) = strides.first() else { return vec![G1Affine::default(); packs.len()] };
    assert!(strides.iter().all(|stride| Arc::ptr_eq(&stride.all, &first.all)), "strides of different points");
    assert!(packs.iter().all(|pack| pack.len() <= strides.len()), "a pack of more than {} members", strides.len());
    let adder = first.adder;
    let (parts, tails) = rayon::join(|| parts(strides, packs), || tails(strides, packs));
    let tasks: Vec<Task<'_>> = parts.iter().flat_map(Part::tasks).collect();
    let sums = buckets::sums(adder, &first.all, &units(&tasks));

    let mut totals = tails;
    let mut rest = sums.as_slice();
    let of_parts: Vec<(&Part<'_>, &[G1])> = parts
        .iter()
        .map(|part| {
            let (sums, behind) = rest.split_at(part.windows.num as usize);
            rest = behind;
            (part, sums)
        })
        .collect();
    let of_parts: Vec<G1> = of_parts.into_par_iter().map(|(part, sums)| buckets::horner(sums, part.windows.width)).collect();
    for (part, sum) in parts.iter().zip(of_parts) {
        totals[part.pack] += sum;
    }
    totals.par_iter_mut().zip(packs).for_each(|(total, pack)| *total += lookups::sum(strides, pack));
    let mut commitments = vec![G1Affine::default(); totals.len()];
    G1::batch_normalize(&totals, &mut commitments);
    commitments
}

/// The sums of points of `first` with points of `second`, pair by pair, on this thread alone.
pub(crate) fn sum_pairs(first: &[Point], second: &[Point], pairs: &[(u32, u32)]) -> Vec<Point> {
    let behind = first.len() as u32;
    let (left, right) = (pairs.iter().map(|pair| pair.0).collect(), pairs.iter().map(|pair| behind + pair.1));
    Adder::detect().sum_pairs(Points::two(first, second), left, right)
}

/// The sums of rows that have tables, by pack.
fn tails(strides: &[Bases], packs: &[&[Scalars<'_>]]) -> Vec<G1> {
    let of_stride = |(i, stride): (usize, &Bases)| {
        let tail = |pack: &&[Scalars<'_>]| pack.get(i).map_or_else(Vec::new, |member| with_tables(member.tail()).to_vec());
        tail::sums(stride, &packs.iter().map(tail).collect::<Vec<_>>())
    };
    let sums: Vec<Vec<G1>> = strides.par_iter().enumerate().map(of_stride).collect();
    (0..packs.len()).map(|pack| sums.iter().map(|sums| sums[pack]).sum()).collect()
}

/// The end of a tail: its rows have tables.
fn with_tables(tail: &[Fr]) -> &[Fr] {
    &tail[tail.len().saturating_sub(NUM_TABLES)..]
}

impl<'a> Scalars<'a> {
    fn tail(&self) -> &'a [Fr] {
        match self {
            Self::Ints { tail, .. } | Self::Lookups { tail, .. } => tail,
            Self::Fields(_) => &[],
        }
    }
}

/// Scalars of a pack that are not all zero, over the bases that begin at `row` of all strides.
struct Part<'a> {
    pack: usize,
    row: usize,
    scalars: windows::Scalars<'a>,
    windows: Windows,
}

impl Part<'_> {
    fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        let Self { row, scalars, windows, .. } = self;
        (0..windows.num).map(|window| Task { row: *row, scalars, windows: *windows, window })
    }
}

/// Everything but the rows that have tables.
fn parts<'a>(strides: &[Bases], packs: &[&[Scalars<'a>]]) -> Vec<Part<'a>> {
    packs.par_iter().enumerate().flat_map_iter(|(index, pack)| parts_of_pack(strides, index, pack)).collect()
}

fn parts_of_pack<'a>(strides: &[Bases], index: usize, pack: &[Scalars<'a>]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut part = |row, scalars: windows::Scalars<'a>| {
        parts.extend(scalars.windows().map(|windows| Part { pack: index, row, scalars, windows }));
    };
    // Field elements whose bases are beside each other are one column.
    let mut fields: Vec<&[Fr]> = Vec::new();
    let (mut first, mut end) = (0, 0);
    for (stride, member) in strides.iter().zip(pack) {
        let Range { start, end: behind } = stride.rows;
        let tail = member.tail();
        let assert_fits = |rows: usize| {
            assert!(rows + tail.len() <= stride.len(), "a column has {rows} + {} rows, of {}", tail.len(), stride.len());
        };
        match *member {
            Scalars::Fields(values) => {
                assert_fits(values.len());
                if end != start {
                    part(first, windows::Scalars::of_parts(&std::mem::take(&mut fields)));
                    first = start;
                }
                fields.push(values);
                end = start + values.len();
            }
            Scalars::Ints { values, .. } => {
                assert_fits(values.len());
                part(start, windows::Scalars::Ints(values));
            }
            Scalars::Lookups { indices, .. } => assert_fits(indices.first().map_or(0, Vec::len)),
        }
        let long = &tail[..tail.len() - with_tables(tail).len()];
        part(behind - tail.len(), windows::Scalars::of_parts(&[long]));
    }
    part(first, windows::Scalars::of_parts(&fields));
    parts
}

/// Runs of tasks that are worth an inversion.
fn units<'t, 'a>(tasks: &'t [Task<'a>]) -> Vec<&'t [Task<'a>]> {
    let total: usize = tasks.iter().map(|task| task.scalars.len()).sum();
    let size = (total / (4 * rayon::current_num_threads())).clamp(UNIT / 8, UNIT);
    let mut filled = 0;
    tasks
        .chunk_by(|task, next| {
            filled += task.scalars.len();
            let full = filled >= size || buckets::is_long(next.scalars);
            if full {
                filled = 0;
            }
            !full
        })
        .collect()
}

#[cfg(test)]
mod tests;
