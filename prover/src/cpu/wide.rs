//! Combinations and inner products of small integers with field elements, reduced once at the end.
//!
//! ```text
//! acc = Σ (v_i + 2^b) · limbs(c_i)                 320 bits: v + 2^b ≥ 0 has at most 33 bits, c < 2^254, below 2^32 terms
//! Σ v_i · c_i = acc − 2^b · Σ c_i  (mod p)
//! ```
//!
//! The limbs are those of the Montgomery form, so the accumulator reduced modulo p is the Montgomery form of the result: a
//! weight costs four multiplications of words.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::serde::SerdeObject;
use rayon::prelude::*;
use sworn_circuits::column::IntColumn;

use super::column::{with_integers, Column};
use super::vector;

/// Rows of a block.
const BLOCK: usize = 256;
/// Terms of an inner product that one task takes.
const CHUNK: usize = 1 << 14;
/// p.
const MODULUS: [u64; 4] = [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];

/// Words of the Montgomery form.
type Limbs = [u64; 4];

/// Words of the Montgomery form of a field element.
fn limbs(value: &Fr) -> Limbs {
    let mut bytes = [0u8; 32];
    // Writing to 32 bytes cannot fail.
    let written = value.write_raw(&mut bytes.as_mut_slice());
    debug_assert!(written.is_ok(), "a field element has 32 bytes");
    let word = |i: usize| bytes[8 * i..8 * i + 8].iter().rev().fold(0u64, |acc, &b| acc << 8 | u64::from(b));
    [word(0), word(1), word(2), word(3)]
}

/// A sum of products, not reduced.
#[derive(Clone, Copy, Debug, Default)]
struct Wide([u64; 5]);

impl Wide {
    /// `+= x · c`.
    #[inline(always)]
    fn add_product(&mut self, x: u64, c: &Limbs) {
        let mut carry = 0u128;
        for (acc, &limb) in self.0.iter_mut().zip(c) {
            carry += u128::from(*acc) + u128::from(x) * u128::from(limb);
            *acc = carry as u64;
            carry >>= 64;
        }
        self.0[4] = self.0[4].wrapping_add(carry as u64);
    }

    /// The field element whose Montgomery form this is, modulo p.
    fn reduce(self) -> Fr {
        let [mut a, mut b, mut c, mut d, high] = self.0;
        // Below 2^256 < 6p: at most five subtractions.
        loop {
            let (a1, borrow) = a.overflowing_sub(MODULUS[0]);
            let (b1, borrow) = sub(b, MODULUS[1], borrow);
            let (c1, borrow) = sub(c, MODULUS[2], borrow);
            let (d1, borrow) = sub(d, MODULUS[3], borrow);
            if borrow {
                break;
            }
            (a, b, c, d) = (a1, b1, c1, d1);
        }
        let mut bytes = [0u8; 32];
        for (to, word) in bytes.chunks_mut(8).zip([a, b, c, d]) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        // high · 2^256 is the Montgomery form of `high`.
        Fr::from_raw_bytes_unchecked(&bytes) + Fr::from(high)
    }
}

fn sub(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (x, first) = a.overflowing_sub(b);
    let (y, second) = x.overflowing_sub(u64::from(borrow));
    (y, first | second)
}

/// What makes integers of a column positive; none for 64-bit columns, which are embedded one by one.
fn bias(column: &IntColumn) -> Option<u64> {
    match column {
        IntColumn::I8(_) => Some(1 << 7),
        IntColumn::I16(_) => Some(1 << 15),
        IntColumn::I32(_) => Some(1 << 31),
        IntColumn::I64(_) => None,
    }
}

/// `Σ scalar · column` over columns at rotations.
pub(super) fn combine(terms: &[(&Column, i32, Fr)]) -> Column {
    let rows = terms.first().map_or(0, |t| t.0.rows());
    let mut small = Vec::new();
    let mut other = Vec::new();
    for &(column, rotation, scalar) in terms {
        match column {
            Column::Integers { values, .. } if rotation == 0 && bias(values).is_some() => {
                small.push((values.as_ref(), limbs(&scalar), scalar * Fr::from(bias(values).unwrap_or_default())));
            }
            _ => other.push((column, rotation, scalar)),
        }
    }
    let mut out = vec![Fr::ZERO; rows];
    out.par_chunks_mut(BLOCK).enumerate().for_each(|(index, out)| {
        let start = index * BLOCK;
        combine_small(&small, start, out);
        let mut scratch = [Fr::ZERO; BLOCK];
        for &(column, rotation, scalar) in &other {
            let block = &mut scratch[..out.len()];
            column.copy_wrapping(start as i64 + i64::from(rotation), block);
            vector::add_scaled(out, block, scalar);
        }
    });
    // Tails of the columns of integers.
    for &(column, rotation, scalar) in terms.iter().filter(|t| t.1 == 0 && t.0.as_integers().is_some_and(|c| bias(c).is_some())) {
        debug_assert_eq!(rotation, 0, "rotated columns are copied with their tails");
        let tail = column.tail();
        vector::add_scaled(&mut out[rows - tail.len()..], tail, scalar);
    }
    Column::Fields(out)
}

fn combine_small(columns: &[(&IntColumn, Limbs, Fr)], start: usize, out: &mut [Fr]) {
    let mut acc = [Wide::default(); BLOCK];
    // Rows that each column reaches: its bias is to be subtracted there. Columns of one length come in one piece.
    let mut biases: Vec<(usize, Fr)> = Vec::new();
    for (column, limbs, shift) in columns {
        let offset = bias(column).unwrap_or_default();
        let length =
            with_integers!(column, slice => accumulate(slice.get(start..).unwrap_or_default(), offset, limbs, &mut acc[..out.len()]));
        match biases.last_mut() {
            Some((last, sum)) if *last == length => *sum += shift,
            _ => biases.push((length, *shift)),
        }
    }
    for (out, acc) in out.iter_mut().zip(acc) {
        *out = acc.reduce();
    }
    for (length, shift) in biases {
        out[..length].iter_mut().for_each(|v| *v -= shift);
    }
}

/// Adds `(v + offset) · limbs` to each row; how many rows there were.
fn accumulate<T: Copy + Into<i64>>(integers: &[T], offset: u64, limbs: &Limbs, acc: &mut [Wide]) -> usize {
    for (acc, &v) in acc.iter_mut().zip(integers) {
        acc.add_product(v.into().wrapping_add(offset as i64) as u64, limbs);
    }
    integers.len().min(acc.len())
}

/// `Σ (v_i + offset) · words_i`.
fn inner_product<T: Copy + Into<i64>>(integers: &[T], offset: u64, words: &[Limbs]) -> Wide {
    let mut acc = Wide::default();
    for (&v, words) in integers.iter().zip(words) {
        acc.add_product(v.into().wrapping_add(offset as i64) as u64, words);
    }
    acc
}

/// Weights of inner products, as words and as they are.
pub(super) struct Weights<'a> {
    words: Vec<Limbs>,
    values: &'a [Fr],
}

impl<'a> Weights<'a> {
    pub(super) fn new(values: &'a [Fr]) -> Self {
        Self { words: values.par_iter().map(limbs).collect(), values }
    }

    /// `Σ_r column[r + rotation] · weights[r]`.
    pub(super) fn inner_product(&self, column: &Column, rotation: i32) -> Fr {
        let rows = self.values.len();
        // Σ_r column[r] · weights[r − rotation]
        let first = (-i64::from(rotation)).rem_euclid(rows as i64) as usize;
        (0..rows.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let rows = chunk * CHUNK..((chunk + 1) * CHUNK).min(rows);
                self.partial(column, rows, first)
            })
            .sum()
    }

    /// The rows of a column in `range`, with weights that start `first` rows later, around the end.
    fn partial(&self, column: &Column, range: std::ops::Range<usize>, first: usize) -> Fr {
        let n = self.values.len();
        let turn = (n - first).clamp(range.start, range.end);
        let pieces = [(range.start..turn, first), (turn..range.end, first.wrapping_sub(n))];
        let piece = |(range, shift): (std::ops::Range<usize>, usize)| {
            let at = range.start.wrapping_add(shift);
            if range.is_empty() {
                return Fr::ZERO;
            }
            self.contiguous(column, range.clone(), at)
        };
        pieces.into_iter().map(piece).sum()
    }

    /// `Σ_i column[range.start + i] · weights[at + i]`.
    fn contiguous(&self, column: &Column, range: std::ops::Range<usize>, at: usize) -> Fr {
        let length = range.len();
        let Some((integers, offset)) = column.as_integers().and_then(|c| bias(c).map(|b| (c, b))) else {
            let dot = |values: &[Fr]| values.iter().zip(&self.values[at..at + length]).map(|(v, w)| v * w).sum();
            return match column {
                Column::Fields(values) => dot(&values[range]),
                _ => {
                    let mut block = vec![Fr::ZERO; length];
                    column.copy_to(range.start, &mut block);
                    dot(&block)
                }
            };
        };
        let acc: Wide;
        let reached = with_integers!(integers, slice => {
            let slice = slice.get(range.clone()).or_else(|| slice.get(range.start..)).unwrap_or_default();
            acc = inner_product(slice, offset, &self.words[at..at + length]);
            slice.len()
        });
        let mut biases = Wide::default();
        for words in &self.words[at..at + reached] {
            biases.add_product(1, words);
        }
        let mut sum = acc.reduce() - biases.reduce() * Fr::from(offset);
        let tail_start = column.rows() - column.tail().len();
        for (row, value) in (tail_start..).zip(column.tail()).filter(|(row, _)| range.contains(row)) {
            sum += self.values[at + row - range.start] * value;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use halo2_proofs::halo2curves::ff::PrimeField;

    use super::*;

    #[test]
    fn the_modulus_is_that_of_the_field() {
        let minus_one = (-Fr::ONE).to_repr();
        let mut words = MODULUS;
        words[0] -= 1;
        assert!(words.iter().flat_map(|w| w.to_le_bytes()).eq(minus_one.as_ref().iter().copied()));
    }
}
