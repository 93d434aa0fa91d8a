//! The last rows of a column: a few scalars of full size over bases that all columns share, by a table of their multiples.
//!
//! ```text
//! T_b[w][j] = j·2^{c·w}·P_b     1 ≤ j ≤ 2^{c−1}          s·P_b = Σ_w ± T_b[w][|d_w|]
//! ```

use std::sync::OnceLock;

use rayon::prelude::*;

use super::affine::{Adder, Entry, Point, Points, IDENTITY};
use super::windows::{limbs, Windows};
use super::{Bases, Curve, Fr, G1Affine, Group, G1};

/// How many of the last bases have a table.
pub(super) const NUM_TABLES: usize = 6;
const WIDTH: u32 = 5;
const MULTIPLES: u32 = 1 << (WIDTH - 1);
/// For 254 bits and the sign.
const WINDOWS: Windows = Windows { width: WIDTH, num: 255u32.div_ceil(WIDTH), max_digit: MULTIPLES };

/// The multiples of one base: \[window, multiple − 1\]. Built when it is first needed.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(OnceLock<Vec<Point>>);

impl Table {
    // Without rayon: a thread that waits inside of the initialiser might steal work that needs the same table.
    fn get(&self, base: &Point, adder: Adder) -> &[Point] {
        self.0.get_or_init(|| {
            // 2^e multiples of every window: by doubling, no point is added to itself.
            let doublings = std::iter::successors(Some(G1::from(*base)), |point| Some(point.double()));
            let doublings: Vec<G1> = doublings.take((WINDOWS.num * WIDTH) as usize).collect();
            let mut powers = vec![G1Affine::default(); doublings.len()];
            G1::batch_normalize(&doublings, &mut powers);
            let powers: Vec<Point> = powers.into_iter().map(Point::from).collect();
            let mut table = Vec::with_capacity((MULTIPLES * WINDOWS.num) as usize);
            for e in 0..WIDTH {
                table.extend(powers.iter().skip(e as usize).step_by(WIDTH as usize));
                // Behind 2^e: 2^e + 1, …, 2^(e+1) − 1.
                let sums = ((1 << e) - 1) * WINDOWS.num;
                if e + 1 < WIDTH {
                    let power = (0..sums).map(|i| sums + i % WINDOWS.num);
                    table.extend(adder.sum_pairs(Points::new(&table), (0..sums).collect(), power));
                }
            }
            table
        })
    }
}

/// Σ scalar·base over the last bases for each tail; none is longer than [`NUM_TABLES`].
pub(super) fn sums(bases: &Bases, tails: &[Vec<Fr>]) -> Vec<G1> {
    let longest = tails.iter().map(Vec::len).max().unwrap_or(0);
    let by_base: Vec<Vec<Point>> = bases.tables[..longest]
        .par_iter()
        .zip(bases.points().par_iter().rev())
        .enumerate()
        .map(|(i, (table, base))| {
            let table = table.get(base, bases.adder);
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
            let mut sums = vec![IDENTITY; tails.len()];
            bases.adder.sum_buckets(Points::new(table), &[&entries], &mut sums);
            sums
        })
        .collect();
    (0..tails.len()).map(|column| by_base.iter().fold(G1::identity(), |sum, sums| sum + G1Affine::from(sums[column]))).collect()
}
