//! The last rows of a column: a few scalars of full size over bases that all columns share, by a table of their multiples.
//!
//! ```text
//! T_b[w][j] = j·2^{c·w}·P_b     1 ≤ j ≤ 2^{c−1}          s·P_b = Σ_w ± T_b[w][|d_w|]
//! ```

use std::sync::OnceLock;

use rayon::prelude::*;

use super::affine::{sum_pairs, Adder, Entry, Points};
use super::windows::{limbs, Windows};
use super::{Curve, Fr, G1Affine, Group, G1};

/// How many of the last bases have a table.
pub(super) const NUM_TABLES: usize = 6;
const WIDTH: u32 = 5;
const MULTIPLES: u32 = 1 << (WIDTH - 1);
/// For 254 bits and the sign.
const WINDOWS: Windows = Windows { width: WIDTH, num: 255u32.div_ceil(WIDTH), max_digit: MULTIPLES };

/// The multiples of one base: \[window, multiple − 1\]. Built when it is first needed.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(OnceLock<Vec<G1Affine>>);

impl Table {
    // Without rayon: a thread that waits inside of the initialiser might steal work that needs the same table.
    fn get(&self, base: &G1Affine) -> &[G1Affine] {
        self.0.get_or_init(|| {
            let mut power = G1::from(*base);
            let mut powers = vec![G1::identity(); WINDOWS.num as usize];
            for slot in &mut powers {
                *slot = power;
                power = (0..WIDTH).fold(power, |power, _| power.double());
            }
            // Multiples 1..=known of every window, by multiple.
            let mut table = vec![G1Affine::default(); powers.len()];
            G1::batch_normalize(&powers, &mut table);
            let mut known = 1;
            while known < MULTIPLES {
                let pairs: Vec<u32> = (0..known * WINDOWS.num).flat_map(|i| [i, (known - 1) * WINDOWS.num + i % WINDOWS.num]).collect();
                table.extend(sum_pairs(&table, &pairs));
                known *= 2;
            }
            table
        })
    }
}

/// Σ scalar·base over the last bases for each tail; none is longer than [`NUM_TABLES`].
///
/// `tables` has those of the last bases, the very last one first.
pub(super) fn sums(adder: Adder, bases: &[G1Affine], tables: &[Table; NUM_TABLES], tails: &[&[Fr]]) -> Vec<G1> {
    let longest = tails.iter().map(|tail| tail.len()).max().unwrap_or(0);
    let by_base: Vec<Vec<G1Affine>> = tables[..longest]
        .par_iter()
        .zip(bases.par_iter().rev())
        .enumerate()
        .map(|(i, (table, base))| {
            let table = table.get(base);
            let mut entries = Vec::new();
            for (column, tail) in (0..).zip(tails) {
                if let Some(scalar) = tail.iter().rev().nth(i) {
                    let limbs = limbs(scalar);
                    entries.extend((0..WINDOWS.num).filter_map(|window| {
                        let digit = WINDOWS.digit_of_limbs(&limbs, window);
                        (digit != 0).then(|| Entry::new(column, (digit.unsigned_abs() - 1) * WINDOWS.num + window, digit < 0))
                    }));
                }
            }
            adder.sum_buckets(Points::new(table), tails.len(), &entries)
        })
        .collect();
    (0..tails.len()).map(|column| by_base.iter().fold(G1::identity(), |sum, sums| sum + sums[column])).collect()
}
