//! Multi-scalar multiplication over G1, in affine additions that share inversions.
//!
//! ```text
//! few points     Σ_i k_i P_i = Σ_t 2^t Σ_{i: d_it ≠ 0} d_it P_i       d: w-NAF of k_i, w = 5; odd multiples in tables
//! many points    Σ_i k_i P_i = Σ_j 2^{cj} Σ_b b Σ_{i: |d_ij| = b} ±P_i   d: signed digits of c bits (Pippenger)
//! ```
//!
//! Both are sums over groups of points. A group is summed as a tree: all pairs of all groups are added at once, with one inversion, so
//! an addition costs 6 products. Points may be equal or opposite: a proof may contain anything that is on the curve.

use alloc::vec::Vec;

use ark_bn254::G1Projective;
use ark_ec::AffineRepr;
use ark_ff::{batch_inversion, AdditiveGroup, BigInt, Field, PrimeField, Zero};

use crate::field::{Fq, Fr};
use crate::point::G1Affine;

/// Bits of a scalar.
const BITS: usize = 254;
/// From this number of points on, buckets are cheaper.
const MANY: usize = 768;
/// Width of the non-adjacent form.
const WIDTH: usize = 5;
/// Odd multiples in a table.
const MULTIPLES: usize = 1 << (WIDTH - 2);
/// Points that share inversions.
const BLOCK: usize = 4096;

/// `Σ_i scalars[i] · points[i]`.
pub(crate) fn msm(points: &[G1Affine], scalars: &[Fr]) -> G1Projective {
    let (points, scalars): (Vec<G1Affine>, Vec<BigInt<4>>) = points
        .iter()
        .zip(scalars)
        .filter(|(point, scalar)| !point.is_zero() && !scalar.is_zero())
        .map(|(point, scalar)| (*point, scalar.into_bigint()))
        .unzip();
    if points.is_empty() {
        return G1Projective::ZERO;
    }
    if points.len() < MANY {
        by_tables(&points, &scalars)
    } else {
        by_buckets(&points, &scalars)
    }
}

/// Bits `from … from + count` of a scalar; zeros behind its end.
fn bits(scalar: &BigInt<4>, from: usize, count: usize) -> i32 {
    let limb = |index: usize| scalar.0.get(index).copied().unwrap_or(0);
    let (index, shift) = (from / 64, from % 64);
    let wide = u128::from(limb(index + 1)) << 64 | u128::from(limb(index));
    i32::try_from(wide >> shift & ((1 << count) - 1)).unwrap_or(0)
}

/// A point and the group that it is added to.
#[derive(Clone, Copy)]
struct Term {
    group: u32,
    /// Index of the point, and whether it is negated.
    point: u32,
    is_negative: bool,
}

fn small(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Sums of few points.
fn by_tables(points: &[G1Affine], scalars: &[BigInt<4>]) -> G1Projective {
    let tables = odd_multiples(points);
    let mut terms = Vec::with_capacity(scalars.len() * BITS / WIDTH);
    for (scalar, table) in scalars.iter().zip((0..).step_by(MULTIPLES)) {
        let (mut at, mut carry) = (0, 0);
        while at <= BITS {
            if bits(scalar, at, 1) == carry {
                at += 1;
                continue;
            }
            let digit = bits(scalar, at, WIDTH) + carry;
            let signed = if digit >= 1 << (WIDTH - 1) { digit - (1 << WIDTH) } else { digit };
            carry = i32::from(signed < 0);
            terms.push(Term { group: small(at), point: table + signed.unsigned_abs() / 2, is_negative: signed < 0 });
            at += WIDTH;
        }
    }
    let mut sums = group_sums(&tables, &terms, BITS + 1).into_iter().rev();
    let first = sums.next().unwrap_or_default();
    sums.fold(first.into(), |total: G1Projective, sum| total.double() + sum)
}

/// P, 3P, 5P, … for each point. Points have a large prime order, so no two of them that are added are equal or opposite.
fn odd_multiples(points: &[G1Affine]) -> Vec<G1Affine> {
    let mut slopes: Vec<Fq> = points.iter().map(|p| p.y.double()).collect();
    batch_inversion(&mut slopes);
    let twice: Vec<G1Affine> = points.iter().zip(&slopes).map(|(p, inverse)| double(p, inverse)).collect();
    let mut tables: Vec<G1Affine> = points.iter().flat_map(|p| [*p; MULTIPLES]).collect();
    let mut last = points.to_vec();
    for multiple in 1..MULTIPLES {
        let mut slopes: Vec<Fq> = last.iter().zip(&twice).map(|(p, q)| q.x - p.x).collect();
        batch_inversion(&mut slopes);
        last.iter_mut().zip(&twice).zip(&slopes).for_each(|((p, q), inverse)| *p = add(p, q, inverse));
        let of_multiple = tables.iter_mut().skip(multiple).step_by(MULTIPLES);
        of_multiple.zip(&last).for_each(|(to, p)| *to = *p);
    }
    tables
}

/// Sums of many points.
fn by_buckets(points: &[G1Affine], scalars: &[BigInt<4>]) -> G1Projective {
    let windows = |c: usize| BITS / c + 1;
    let cost = |c: &usize| windows(*c) * (6 * points.len() + (27 << (*c - 1)));
    let c = (4..16).min_by_key(cost).unwrap_or(4);
    let mut carries = alloc::vec![0; points.len()];
    let mut terms = Vec::with_capacity(points.len());
    let mut sums = Vec::with_capacity(windows(c));
    for window in 0..windows(c) {
        terms.clear();
        for ((scalar, carry), point) in scalars.iter().zip(&mut carries).zip(0..) {
            let digit = bits(scalar, window * c, c) + *carry;
            let signed = if digit > 1 << (c - 1) { digit - (1 << c) } else { digit };
            *carry = i32::from(signed < digit);
            if signed != 0 {
                terms.push(Term { group: signed.unsigned_abs() - 1, point, is_negative: signed < 0 });
            }
        }
        let (mut running, mut total) = (G1Projective::ZERO, G1Projective::ZERO);
        for bucket in group_sums(points, &terms, 1 << (c - 1)).into_iter().rev() {
            running += bucket;
            total += running;
        }
        sums.push(total);
    }
    let double = |total: G1Projective| (0..c).fold(total, |total, _| total.double());
    sums.into_iter().rev().fold(G1Projective::ZERO, |total, sum| double(total) + sum)
}

/// The sum of each group of terms.
fn group_sums(points: &[G1Affine], terms: &[Term], groups: usize) -> Vec<G1Affine> {
    // Counting sort: `next` is the position of each group's next term.
    let mut lengths = alloc::vec![0usize; groups];
    for term in terms {
        if let Some(length) = usize::try_from(term.group).ok().and_then(|group| lengths.get_mut(group)) {
            *length += 1;
        }
    }
    let starts = lengths.iter().scan(0, |start, length| Some(core::mem::replace(start, *start + length)));
    let mut next: Vec<usize> = starts.collect();
    let mut sorted = alloc::vec![(0, false); terms.len()];
    for term in terms {
        let Some(at) = usize::try_from(term.group).ok().and_then(|group| next.get_mut(group)) else { continue };
        if let Some(to) = sorted.get_mut(*at) {
            *to = (term.point, term.is_negative);
        }
        *at += 1;
    }
    let mut sorted = sorted.into_iter().filter_map(|(point, is_negative)| {
        let point = points.get(usize::try_from(point).ok()?)?;
        Some(if is_negative { -*point } else { *point })
    });

    let mut sums = Vec::with_capacity(groups);
    let mut tree = Tree::default();
    let mut lengths = lengths.as_slice();
    while !lengths.is_empty() {
        // As many groups as fill a block, at least one.
        let fill = lengths.iter().scan(0, |sum, length| Some(core::mem::replace(sum, *sum + length)));
        let count = fill.take_while(|before| *before < BLOCK).count().max(1);
        let (block, rest) = lengths.split_at(count);
        lengths = rest;
        tree.points.clear();
        tree.points.extend(sorted.by_ref().take(block.iter().sum()));
        tree.lengths.clear();
        tree.lengths.extend_from_slice(block);
        tree.reduce();
        let mut left = tree.points.iter().copied();
        sums.extend(tree.lengths.iter().map(|length| if *length > 0 { left.next().unwrap_or_default() } else { G1Affine::zero() }));
    }
    sums
}

/// Groups of points, one behind the other, that are added in pairs.
#[derive(Default)]
struct Tree {
    points: Vec<G1Affine>,
    lengths: Vec<usize>,
    slopes: Vec<Fq>,
}

impl Tree {
    /// Until no group has more than one point.
    fn reduce(&mut self) {
        while self.lengths.iter().any(|length| *length > 1) {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.slopes.clear();
        let mut points = self.points.as_slice();
        for length in &self.lengths {
            let (group, rest) = points.split_at(*length);
            points = rest;
            self.slopes.extend(pairs(group).map(|(p, q)| if p.x == q.x { p.y.double() } else { q.x - p.x }));
        }
        // y is never 0: no point has order 2.
        batch_inversion(&mut self.slopes);
        let mut slopes = self.slopes.iter();
        let mut points = self.points.as_slice();
        let mut halved = Vec::with_capacity(self.points.len() / 2 + self.lengths.len());
        for length in &mut self.lengths {
            let (group, rest) = points.split_at(*length);
            points = rest;
            let before = halved.len();
            for ((p, q), inverse) in pairs(group).zip(slopes.by_ref()) {
                if p.x != q.x {
                    halved.push(add(p, q, inverse));
                } else if p.y == q.y {
                    halved.push(double(p, inverse));
                }
            }
            halved.extend(group.chunks_exact(2).remainder());
            *length = halved.len() - before;
        }
        self.points = halved;
    }
}

fn pairs(group: &[G1Affine]) -> impl Iterator<Item = (&G1Affine, &G1Affine)> {
    group.chunks_exact(2).filter_map(|pair| if let [p, q] = pair { Some((p, q)) } else { None })
}

/// `p + q`, given `1/(q.x − p.x)`.
fn add(p: &G1Affine, q: &G1Affine, inverse: &Fq) -> G1Affine {
    let slope = (q.y - p.y) * inverse;
    on_line(p, q, slope)
}

/// `2p`, given `1/(2 p.y)`.
fn double(p: &G1Affine, inverse: &Fq) -> G1Affine {
    let square = p.x.square();
    on_line(p, p, (square.double() + square) * inverse)
}

/// The third point of a line, reflected.
fn on_line(p: &G1Affine, q: &G1Affine, slope: Fq) -> G1Affine {
    let x = slope.square() - p.x - q.x;
    G1Affine::new_unchecked(x, slope * (p.x - x) - p.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::{CurveGroup, PrimeGroup};

    /// Points and scalars of every kind: random, equal, opposite, zero, small.
    fn terms(count: u64) -> (Vec<G1Affine>, Vec<Fr>) {
        let random = |i: u64| Fr::from(i * i + 7).pow([i + 90]);
        let point = |i: u64| match i % 7 {
            0 => G1Affine::zero(),
            1 => G1Affine::generator(),
            2 => -G1Affine::generator(),
            _ => (G1Projective::generator() * random(i)).into_affine(),
        };
        let scalar = |i: u64| match i % 5 {
            0 => Fr::from(i % 3),
            1 => -Fr::from(i % 4),
            2 => Fr::from(12345),
            _ => random(i + 1000),
        };
        ((0..count).map(point).collect(), (0..count).map(scalar).collect())
    }

    fn naive(points: &[G1Affine], scalars: &[Fr]) -> G1Projective {
        points.iter().zip(scalars).map(|(p, s)| *p * s).sum()
    }

    #[test]
    fn both_ways_are_the_sum_of_products() {
        for count in [0, 1, 2, 3, 10, 131, 900] {
            let (points, scalars) = terms(count);
            assert_eq!(msm(&points, &scalars), naive(&points, &scalars), "{count} terms");
            let kept = points.iter().zip(&scalars).filter(|(p, _)| !p.is_zero());
            let (points, scalars): (Vec<G1Affine>, Vec<BigInt<4>>) = kept.map(|(p, s)| (*p, s.into_bigint())).unzip();
            assert_eq!(by_tables(&points, &scalars), by_buckets(&points, &scalars), "{count} terms");
        }
    }

    #[test]
    fn equal_and_opposite_terms_cancel() {
        let point = (G1Projective::generator() * Fr::from(77)).into_affine();
        let scalar = -Fr::from(5).pow([99]);
        assert!(msm(&[point, -point], &[scalar, scalar]).is_zero());
        assert!(msm(&[point; 1000], &[scalar; 1000]) == point * (scalar * Fr::from(1000)));
        let alternating: Vec<G1Affine> = (0..2000).map(|i| if i % 2 == 0 { point } else { -point }).collect();
        assert!(msm(&alternating, &[scalar; 2000]).is_zero());
    }
}
