//! Combinations and inner products of columns, reduced once at the end.
//!
//! ```text
//! Σ v_i · c_i = Σ (v_i + 2^(B−1)) · c_i − 2^(B−1) · Σ c_i  (mod p)          v of B = 8, 16 or 32 bits, c in Montgomery form
//! ```
//!
//! | path     | a product of an integer v + 2^(B−1) ≥ 0 with c        | sum                                |
//! |----------|-------------------------------------------------------|------------------------------------|
//! | vectors  | 6, 8 or 13 limbs of 52 − B bits, [`super::ifma`]      | 64 bits a limb, at most 2^12 terms |
//! | portable | 4 limbs of 64 bits                                    | 128 bits a limb, below 2^32 terms  |
//!
//! Columns of 64-bit integers are embedded. Rows behind the end of a column of integers are zeros, so that all columns have
//! one length and one bias; the tails are added on their own.

use std::ops::Range;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rayon::prelude::*;
use sworn_circuits::column::IntColumn;

use super::column::Column;
use super::ifma::wide::{factor, Combination, Weights, BLOCK, MAX_TERMS};
use super::ifma::{Ifma, WIDTH};
use super::scalar::{reduce, reduce_twice, with_multiplier, Limbs, Prime, Scalar, Sum};

/// Columns of a block that are read at a time: with their sums they fit a cache.
const PANEL: usize = 16;
/// Columns of an inner product that are fetched before they are read.
const AHEAD: usize = 2;
/// Rows of inner products whose weights are kept as limbs.
const SLAB: usize = 1 << 9;
/// Rows of inner products that one task takes; a sum has no more terms.
const TASK: usize = MAX_TERMS;

/// Small integers.
pub(crate) trait Int: Copy + Default + Send + Sync {
    /// Their width B.
    const BITS: u32;

    /// v + 2^(B−1), as the integer of the same bits.
    fn biased(self) -> Self;

    /// v + 2^(B−1).
    fn lifted(self) -> u64;
}

macro_rules! int {
    ($int:ty, $unsigned:ty) => {
        impl Int for $int {
            const BITS: u32 = <$int>::BITS;

            fn biased(self) -> Self {
                self ^ <$int>::MIN
            }

            fn lifted(self) -> u64 {
                u64::from(self.biased() as $unsigned)
            }
        }
    };
}
int!(i8, u8);
int!(i16, u16);
int!(i32, u32);

/// 2^(B−1).
fn bias<I: Int>() -> Fr {
    Fr::from(1 << (I::BITS - 1))
}

/// Copies the rows of a column of n values from `first` on, around the end; zeros behind the integers.
#[inline(always)]
pub(crate) fn copy_wrapping<T: Copy + Default>(values: &[T], rows: usize, first: i64, out: &mut [T], map: impl Fn(T) -> T) {
    let (mut at, mut out) = (first.rem_euclid(rows as i64) as usize, out);
    while !out.is_empty() {
        let piece = out.len().min(rows - at);
        let (piece, rest) = out.split_at_mut(piece);
        let from = values.get(at..).unwrap_or_default();
        let length = from.len().min(piece.len());
        piece[..length].iter_mut().zip(from).for_each(|(to, from)| *to = map(*from));
        piece[length..].fill(map(T::default()));
        (at, out) = (0, rest);
    }
}

/// A column of small integers of one width at a rotation; n rows.
#[derive(Clone, Copy)]
struct Small<'a, I> {
    values: &'a [I],
    rows: usize,
    rotation: i64,
}

impl<I: Int> Small<'_, I> {
    /// Rows from `start` on: as they are, or copied.
    fn rows<'s>(&'s self, start: usize, length: usize, scratch: &'s mut [I]) -> &'s [I] {
        let first = start as i64 + self.rotation;
        match usize::try_from(first).ok().and_then(|first| self.values.get(first..first + length)) {
            Some(rows) => rows,
            None => {
                copy_wrapping(self.values, self.rows, first, &mut scratch[..length], |v| v);
                &scratch[..length]
            }
        }
    }
}

/// What is read of a column from a row on, but for the ends: to be fetched.
fn ahead<I>(column: Small<'_, I>, start: usize) -> &[I] {
    column.values.get(start.saturating_add_signed(column.rotation as isize)..).unwrap_or_default()
}

/// Columns by width, each with what belongs to it.
struct Sorted<'a, T> {
    bytes: Vec<(Small<'a, i8>, T)>,
    halves: Vec<(Small<'a, i16>, T)>,
    words: Vec<(Small<'a, i32>, T)>,
    /// Columns of elements, and of integers that are embedded.
    others: Vec<(&'a Column, i64, T)>,
}

impl<'a, T> Sorted<'a, T> {
    fn new(columns: impl Iterator<Item = (&'a Column, i32, T)>) -> Self {
        let mut sorted = Self { bytes: Vec::new(), halves: Vec::new(), words: Vec::new(), others: Vec::new() };
        for (column, rotation, with) in columns {
            let (rows, rotation) = (column.rows(), i64::from(rotation));
            match column.as_integers() {
                Some(IntColumn::I8(values)) => sorted.bytes.push((Small { values, rows, rotation }, with)),
                Some(IntColumn::I16(values)) => sorted.halves.push((Small { values, rows, rotation }, with)),
                Some(IntColumn::I32(values)) => sorted.words.push((Small { values, rows, rotation }, with)),
                Some(IntColumn::I64(_)) | None => sorted.others.push((column, rotation, with)),
            }
        }
        sorted
    }
}

/// Whether the tail of a column is not among what [`Sorted`] takes from it.
fn has_own_tail(column: &Column) -> bool {
    matches!(column.as_integers(), Some(IntColumn::I8(_) | IntColumn::I16(_) | IntColumn::I32(_)))
}

/// `Σ scalar · column` over columns at rotations.
pub(super) fn combine(terms: &[(&Column, i32, Fr)]) -> Column {
    combine_by(Ifma::detect(), terms)
}

fn combine_by(ifma: Option<Ifma>, terms: &[(&Column, i32, Fr)]) -> Column {
    let rows = terms.first().map_or(0, |t| t.0.rows());
    let sorted = Sorted::new(terms.iter().copied());
    let bytes = Terms::<i8, 6>::new(&sorted.bytes);
    let halves = Terms::<i16, 8>::new(&sorted.halves);
    let words = Terms::<i32, 13>::new(&sorted.words);
    let others = Others::new(&sorted.others);
    let mut out = vec![Fr::ZERO; rows];
    out.par_chunks_mut(BLOCK).enumerate().for_each(|(index, out)| {
        let start = index * BLOCK;
        bytes.add_to(ifma, start, out);
        halves.add_to(ifma, start, out);
        words.add_to(ifma, start, out);
        others.add_to(ifma, start, out);
    });
    for &(column, rotation, scalar) in terms.iter().filter(|t| has_own_tail(t.0)) {
        for (row, value) in (rows - column.tail().len()..).zip(column.tail()) {
            out[(row as i64 - i64::from(rotation)).rem_euclid(rows as i64) as usize] += *value * scalar;
        }
    }
    Column::Fields(out)
}

/// `acc + Σ factor · column` on slices of elements.
pub(super) fn add_linear(acc: &mut [Fr], columns: &[&[Fr]], factors: &[Fr]) {
    let scaled: Vec<Fr> = factors.iter().map(|f| f * Fr::from(16)).collect();
    add_linear_by(Ifma::detect(), acc, columns, factors, &scaled);
}

/// The same; `scaled` is 16·factor.
fn add_linear_by(ifma: Option<Ifma>, acc: &mut [Fr], columns: &[&[Fr]], factors: &[Fr], scaled: &[Fr]) {
    match ifma {
        Some(ifma) if acc.len().is_multiple_of(WIDTH) => ifma.add_combination(acc, columns, scaled),
        _ => add_linear_scalar(Scalar::detect(), acc, columns, factors),
    }
}

/// The same without vectors: the products of a row are reduced together.
fn add_linear_scalar(scalar: Scalar, acc: &mut [Fr], columns: &[&[Fr]], factors: &[Fr]) {
    with_multiplier!(scalar, by => for (row, acc) in acc.iter_mut().enumerate() {
        let mut sum = Sum::default();
        columns.iter().zip(factors).for_each(|(column, factor)| sum.add(by, &column[row], factor));
        *acc += sum.reduce::<Fr>(by);
    });
}

/// Columns of small integers of one width with their constants.
struct Terms<'a, I, const L: usize> {
    columns: Vec<Small<'a, I>>,
    factors: Vec<[u64; L]>,
    words: Vec<Limbs>,
    /// Σ 2^(B−1)·constant, of all terms and of as many as a sum takes.
    bias: Fr,
    biases: Vec<[u64; L]>,
}

impl<'a, I: Int, const L: usize> Terms<'a, I, L> {
    fn new(terms: &[(Small<'a, I>, Fr)]) -> Self {
        let sum = |terms: &[(Small<'a, I>, Fr)]| bias::<I>() * terms.iter().map(|t| t.1).sum::<Fr>();
        Self {
            columns: terms.iter().map(|t| t.0).collect(),
            factors: terms.iter().map(|t| factor::<I, L>(&t.1)).collect(),
            words: terms.iter().map(|t| *t.1.limbs()).collect(),
            bias: sum(terms),
            biases: terms.chunks(MAX_TERMS - 1).map(|terms| factor::<I, L>(&-sum(terms))).collect(),
        }
    }

    /// Adds the combination's rows from `start` on.
    fn add_to(&self, ifma: Option<Ifma>, start: usize, out: &mut [Fr]) {
        match ifma {
            _ if self.columns.is_empty() => {}
            Some(ifma) if out.len().is_multiple_of(2 * WIDTH) => self.add_by_vectors(ifma, start, out),
            _ => self.add_portable(start, out),
        }
    }

    fn add_by_vectors(&self, ifma: Ifma, start: usize, out: &mut [Fr]) {
        let mut panel = vec![[I::default(); BLOCK]; PANEL.min(self.columns.len())];
        let sums = self.columns.chunks(MAX_TERMS - 1).zip(self.factors.chunks(MAX_TERMS - 1)).zip(&self.biases);
        for ((all, factors), bias) in sums {
            let mut sum = Combination::new(ifma, out.len(), bias);
            for (index, (columns, factors)) in all.chunks(PANEL).zip(factors.chunks(PANEL)).enumerate() {
                for (column, to) in columns.iter().zip(&mut panel) {
                    ifma.copy_biased(column.values, column.rows, start as i64 + column.rotation, &mut to[..out.len()]);
                }
                let next: Vec<&[I]> = match all.chunks(PANEL).nth(index + 1) {
                    Some(columns) => columns.iter().map(|c| ahead(*c, start)).collect(),
                    None => self.columns.iter().take(PANEL).map(|c| ahead(*c, start + BLOCK)).collect(),
                };
                sum.add(&panel[..columns.len()], factors, &next);
            }
            sum.finish::<I>(out);
        }
    }

    fn add_portable(&self, start: usize, out: &mut [Fr]) {
        /// Columns whose products are added to a sum while it is in registers.
        const COLUMNS: usize = 4;
        let mut acc = vec![Wide::default(); out.len()];
        let mut scratch = [[I::default(); BLOCK]; COLUMNS];
        for (columns, words) in self.columns.chunks(COLUMNS).zip(self.words.chunks(COLUMNS)) {
            let mut factors = [Limbs::default(); COLUMNS];
            factors[..words.len()].copy_from_slice(words);
            let mut scratch = scratch.each_mut().into_iter();
            let mut rows = [[].as_slice(); COLUMNS];
            for (rows, column) in rows.iter_mut().zip(columns.iter().chain(std::iter::repeat(&columns[0]))) {
                *rows = scratch.next().map_or(&[], |scratch| column.rows(start, out.len(), scratch));
            }
            let [a, b, c, d] = rows.map(|rows| rows.iter());
            for ((((acc, a), b), c), d) in acc.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                let mut sum = *acc;
                for (v, factor) in [a, b, c, d].into_iter().zip(&factors) {
                    sum.add_product(v.lifted(), factor);
                }
                *acc = sum;
            }
        }
        for (out, acc) in out.iter_mut().zip(acc) {
            *out += acc.reduce() - self.bias;
        }
    }
}

/// Rows of a column of elements that lie in one piece.
fn in_place(column: &Column, first: i64, length: usize) -> Option<&[Fr]> {
    let Column::Fields(values) = column else { return None };
    values.get(usize::try_from(first).ok()?..)?.get(..length)
}

/// Columns of elements, or embedded, with their constants.
struct Others<'a> {
    columns: Vec<(&'a Column, i64)>,
    factors: Vec<Fr>,
    scaled: Vec<Fr>,
}

impl<'a> Others<'a> {
    fn new(terms: &[(&'a Column, i64, Fr)]) -> Self {
        Self {
            columns: terms.iter().map(|t| (t.0, t.1)).collect(),
            factors: terms.iter().map(|t| t.2).collect(),
            scaled: terms.iter().map(|t| t.2 * Fr::from(16)).collect(),
        }
    }

    /// Adds the combination's rows from `start` on.
    fn add_to(&self, ifma: Option<Ifma>, start: usize, out: &mut [Fr]) {
        let slice = |&(column, rotation): &(&'a Column, i64)| in_place(column, start as i64 + rotation, out.len());
        let slices: Vec<Option<&[Fr]>> = self.columns.iter().map(slice).collect();
        let copies = slices.iter().filter(|s| s.is_none()).count();
        let mut copied = vec![Fr::ZERO; copies * out.len()];
        let missing = self.columns.iter().zip(&slices).filter(|(_, slice)| slice.is_none());
        for ((&(column, rotation), _), to) in missing.zip(copied.chunks_exact_mut(out.len())) {
            column.copy_wrapping(start as i64 + rotation, to);
        }
        let mut copied = copied.chunks_exact(out.len());
        let slices: Vec<&[Fr]> = slices.into_iter().map(|slice| slice.or_else(|| copied.next()).unwrap_or_default()).collect();
        add_linear_by(ifma, out, &slices, &self.factors, &self.scaled);
    }
}

/// `Σ_r column[r + rotation] · weights[r]` for each column.
pub(super) fn inner_products(columns: &[(&Column, i32)], weights: &[Fr]) -> Vec<Fr> {
    inner_products_by(Ifma::detect(), columns, weights)
}

fn inner_products_by(ifma: Option<Ifma>, columns: &[(&Column, i32)], weights: &[Fr]) -> Vec<Fr> {
    let sorted = Sorted::new(columns.iter().enumerate().map(|(i, &(column, rotation))| (column, rotation, i)));
    let rows = weights.len();
    let parts: Vec<Vec<(usize, Fr)>> = (0..rows.div_ceil(TASK))
        .into_par_iter()
        .map(|task| {
            let range = task * TASK..rows.min((task + 1) * TASK);
            let mut sums = Vec::with_capacity(columns.len());
            add_small::<i8, 6>(ifma, &sorted.bytes, weights, range.clone(), &mut sums);
            add_small::<i16, 8>(ifma, &sorted.halves, weights, range.clone(), &mut sums);
            add_small::<i32, 13>(ifma, &sorted.words, weights, range.clone(), &mut sums);
            let mut scratch = Vec::new();
            for (column, rotation, i) in &sorted.others {
                let values = in_place(column, range.start as i64 + rotation, range.len()).unwrap_or_else(|| {
                    scratch.resize(range.len(), Fr::ZERO);
                    column.copy_wrapping(range.start as i64 + rotation, &mut scratch);
                    &scratch
                });
                sums.push((*i, dot(ifma, values, &weights[range.clone()])));
            }
            sums
        })
        .collect();
    let mut out: Vec<Fr> = columns.iter().map(|(column, rotation)| tail_product(column, *rotation, weights)).collect();
    parts.iter().flatten().for_each(|(i, sum)| out[*i] += sum);
    out
}

fn tail_product(column: &Column, rotation: i32, weights: &[Fr]) -> Fr {
    let rows = weights.len();
    if !has_own_tail(column) {
        return Fr::ZERO;
    }
    let at = |row: usize| (row as i64 - i64::from(rotation)).rem_euclid(rows as i64) as usize;
    (rows - column.tail().len()..).zip(column.tail()).map(|(row, value)| weights[at(row)] * value).sum()
}

/// Inner product of elements.
fn dot(ifma: Option<Ifma>, a: &[Fr], b: &[Fr]) -> Fr {
    let whole = if ifma.is_some() { a.len() / WIDTH * WIDTH } else { 0 };
    let sum = ifma.map_or(Fr::ZERO, |ifma| ifma.dot(&a[..whole], &b[..whole]) * Fr::from(16));
    sum + dot_scalar(Scalar::detect(), &a[whole..], &b[whole..])
}

/// The same without vectors.
fn dot_scalar(scalar: Scalar, a: &[Fr], b: &[Fr]) -> Fr {
    with_multiplier!(scalar, by => {
        let mut sum = Sum::default();
        a.iter().zip(b).for_each(|(a, b)| sum.add(by, a, b));
        sum.reduce(by)
    })
}

/// Appends the sums of `integer · weight` over some rows.
fn add_small<I: Int, const L: usize>(
    ifma: Option<Ifma>,
    columns: &[(Small<'_, I>, usize)],
    weights: &[Fr],
    range: Range<usize>,
    sums: &mut Vec<(usize, Fr)>,
) {
    let mut scratch = [I::default(); SLAB];
    let slabs = range.clone().step_by(SLAB).map(|start| start..range.end.min(start + SLAB));
    match ifma {
        _ if columns.is_empty() => {}
        Some(ifma) if range.len().is_multiple_of(WIDTH) => {
            let mut dots = vec![ifma.empty_dot::<L>(); columns.len()];
            let mut total = ifma.empty_dot::<L>();
            for slab in slabs {
                let weights: Vec<Weights<L>> = ifma.weights::<I, L>(&weights[slab.clone()]);
                ifma.add_weights(&weights, &mut total);
                for (i, ((column, _), dot)) in columns.iter().zip(&mut dots).enumerate() {
                    let next = match columns.get(i + AHEAD) {
                        Some(next) => ahead(next.0, slab.start),
                        None => ahead(columns[(i + AHEAD) % columns.len()].0, slab.end),
                    };
                    ifma.add_dot(column.rows(slab.start, slab.len(), &mut scratch), &weights, dot, next);
                }
            }
            let reduce = |dot| Wide::of_limbs(&ifma.limbs_of_dot(dot), 52 - I::BITS as usize).reduce();
            let bias = bias::<I>() * reduce(&total);
            sums.extend(columns.iter().zip(&dots).map(|((_, i), dot)| (*i, reduce(dot) - bias)));
        }
        _ => {
            let mut dots = vec![Wide::default(); columns.len()];
            for slab in slabs {
                let words: Vec<Limbs> = weights[slab.clone()].iter().map(|weight| *weight.limbs()).collect();
                for ((column, _), dot) in columns.iter().zip(&mut dots) {
                    let mut acc = *dot;
                    for (v, words) in column.rows(slab.start, slab.len(), &mut scratch).iter().zip(&words) {
                        acc.add_product(v.lifted(), words);
                    }
                    *dot = acc;
                }
            }
            let bias = bias::<I>() * weights[range].iter().sum::<Fr>();
            sums.extend(columns.iter().zip(dots).map(|((_, i), dot)| (*i, dot.reduce() - bias)));
        }
    }
}

/// A sum of products, not reduced: Σ_j w_j·2^(64j), words below 2^128, the sum below 2^320.
#[derive(Clone, Copy, Debug, Default)]
struct Wide([u128; 4]);

impl Wide {
    /// Σ_j limb_j·2^(j·width).
    fn of_limbs(limbs: &[u64], width: usize) -> Self {
        let mut sum = Self::default();
        for (j, &limb) in limbs.iter().enumerate() {
            sum.0[j * width / 64] += u128::from(limb) << (j * width % 64);
        }
        sum
    }

    /// `+= x · c`.
    #[inline(always)]
    fn add_product(&mut self, x: u64, c: &Limbs) {
        for (acc, &limb) in self.0.iter_mut().zip(c) {
            *acc += u128::from(x) * u128::from(limb);
        }
    }

    /// Words of 64 bits.
    fn words(self) -> [u64; 5] {
        let mut carry = 0;
        let low = self.0.map(|word| {
            // Below 2^128: the word's high half is carried on its own.
            let (sum, over) = word.overflowing_add(carry);
            carry = (sum >> 64) + (u128::from(over) << 64);
            sum as u64
        });
        [low[0], low[1], low[2], low[3], carry as u64]
    }

    /// The field element whose Montgomery form this is, modulo p.
    fn reduce(self) -> Fr {
        let [a, b, c, d, high] = self.words();
        // Below 2^256 < 6p, then below 4p.
        let low = reduce_twice::<Fr>(&reduce(&[a, b, c, d], &Fr::TWO_P));
        // high · 2^256 is the Montgomery form of `high`.
        Fr::from_limbs(low) + Fr::from(high)
    }
}

#[cfg(test)]
mod tests;
