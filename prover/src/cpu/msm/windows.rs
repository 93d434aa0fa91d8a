//! Signed digits of scalars, and the width of their windows.
//!
//! ```text
//! v = Σ_w d_w·2^{c·w}      d_w = Σ_{i<c} v_{cw+i}·2^i + v_{cw−1} − 2^c·v_{cw+c−1}  ∈ [−2^{c−1}, 2^{c−1}]      (Booth)
//! ```
//!
//! over the bits v_i of two's complement, v_{−1} = 0. The sum telescopes once c·num ≥ the bits of v, its sign included, and no
//! digit needs the carry of another. A column in one window has its own values as digits.

use rayon::prelude::*;

use super::{Fr, Ints, PrimeField};
use crate::cpu::ifma::{Ifma, WIDTH};

/// Wider windows than this are of no use below 2^30 points.
const MAX_WIDTH: u32 = 20;
/// An addition of the running sum, in affine additions: one mixed, one of projective points.
const RUNNING: f64 = 16.0;
/// Doubling a projective point, in affine additions.
const DOUBLING: f64 = 6.0;

/// The digits of a scalar: `num` of `width` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) width: u32,
    pub(super) num: u32,
    /// No digit has a larger magnitude.
    pub(super) max_digit: u32,
}

impl Windows {
    /// The cheapest for `count` nonzero scalars of `bits` bits, the sign included, and of magnitude at most `max`.
    ///
    /// With N buckets, K of them not empty, a window takes n − K additions to fill, and what [`Self::of_buckets`] takes.
    pub(super) fn choose(count: usize, bits: u32, max: u64) -> Self {
        let cost = |windows: &Self| {
            let (n, buckets) = (count as f64, f64::from(windows.max_digit));
            let filled = buckets * -(-n / buckets).exp_m1();
            let sum = Self::of_buckets(filled as usize, windows.max_digit).cost_of_buckets(filled as usize);
            f64::from(windows.num) * (n - filled + sum + buckets / 32.0 + DOUBLING * f64::from(windows.width))
        };
        (1..=bits.clamp(1, MAX_WIDTH))
            .map(|width| Self::of_width(width, bits, max))
            .min_by(|a, b| cost(a).total_cmp(&cost(b)))
            .unwrap_or(Self { width: 1, num: bits, max_digit: 1 })
    }

    /// The cheapest for the digits of `count` buckets, of which the largest is `max`.
    pub(super) fn of_buckets(count: usize, max: u32) -> Self {
        let bits = 33 - max.leading_zeros();
        let cost = |windows: &Self| windows.cost_of_buckets(count);
        (1..=bits).map(|width| Self::of_width(width, bits, u64::from(max))).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(Self {
            width: 1,
            num: bits,
            max_digit: 1,
        })
    }

    /// Additions for the sum of the digits of `count` buckets, with running sums.
    fn cost_of_buckets(&self, count: usize) -> f64 {
        let additions = if self.num == 1 { 0.0 } else { count as f64 };
        f64::from(self.num) * (additions + RUNNING * f64::from(self.max_digit) + DOUBLING * f64::from(self.width))
    }

    fn of_width(width: u32, bits: u32, max: u64) -> Self {
        let num = bits.div_ceil(width).max(1);
        // One window holds the values themselves, below 2^(MAX_WIDTH − 1) in magnitude.
        let max_digit = if num == 1 { max.min(1 << (MAX_WIDTH - 1)) as u32 } else { 1 << (width - 1) };
        Self { width, num, max_digit: max_digit.max(1) }
    }

    /// Digit `window` of an integer.
    #[inline]
    pub(super) fn digit(&self, value: i64, window: u32) -> i32 {
        if self.num == 1 {
            return value as i32;
        }
        self.booth(if window == 0 { (value as u64) << 1 } else { (value >> (window * self.width - 1)) as u64 })
    }

    /// Digit `window` of a canonical scalar.
    pub(super) fn digit_of_limbs(&self, limbs: &[u64; 4], window: u32) -> i32 {
        match self.below(window) {
            None => self.booth(limbs[0] << 1),
            Some((limb, shift)) => self.booth_across(limbs[limb], limbs.get(limb + 1).copied().unwrap_or(0), shift),
        }
    }

    /// The limb of the bit below a digit, and the bit's place in it; below the first digit there is none.
    pub(super) fn below(&self, window: u32) -> Option<(usize, u32)> {
        let bit = (window * self.width).checked_sub(1)?;
        Some(((bit / 64) as usize, bit % 64))
    }

    /// The digit of two limbs from bit `shift` of the lower one on.
    #[inline]
    pub(super) fn booth_across(&self, low: u64, above: u64, shift: u32) -> i32 {
        self.booth(low >> shift | above << 1 << (63 - shift))
    }

    /// The digit of `width` bits and the one below them.
    #[inline]
    pub(super) fn booth(&self, bits: u64) -> i32 {
        let bits = bits & ((2 << self.width) - 1);
        ((bits + 1) >> 1) as i32 - (((bits >> self.width) as i32) << self.width)
    }
}

/// Scalars by row, as the digits are taken from them.
#[derive(Debug)]
pub(super) enum Scalars<'a> {
    Ints(Ints<'a>),
    /// Canonical, least significant limbs first: each with those of other rows.
    Limbs([Vec<u64>; 4]),
}

impl Scalars<'_> {
    /// One part behind the other.
    pub(super) fn of_parts(parts: &[&[Fr]]) -> Self {
        const CHUNK: usize = 1 << 12;
        let len = parts.iter().map(|part| part.len()).sum();
        let mut limbs = [(); 4].map(|()| vec![0; len]);
        let mut start = 0;
        for part in parts {
            let [a, b, c, d] = limbs.each_mut().map(|limbs| limbs[start..start + part.len()].par_chunks_mut(CHUNK));
            (part.par_chunks(CHUNK), a, b, c, d).into_par_iter().for_each(|(part, a, b, c, d)| write_limbs(part, [a, b, c, d]));
            start += part.len();
        }
        Self::Limbs(limbs)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Ints(ints) => ints.len(),
            Self::Limbs(limbs) => limbs[0].len(),
        }
    }

    /// The windows to take them in; `None` when all are zero.
    pub(super) fn windows(&self) -> Option<Windows> {
        let (count, bits, max) = match self {
            Self::Ints(Ints::I8(values)) => measure(values, |&v| i64::from(v)),
            Self::Ints(Ints::I16(values)) => measure(values, |&v| i64::from(v)),
            Self::Ints(Ints::I32(values)) => measure(values, |&v| i64::from(v)),
            Self::Ints(Ints::I64(values)) => measure(values, |&v| v),
            Self::Limbs(limbs) => measure_limbs(limbs),
        };
        (count > 0).then(|| Windows::choose(count, bits, max))
    }
}

impl Ints<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Ints::I8(values) => values.len(),
            Ints::I16(values) => values.len(),
            Ints::I32(values) => values.len(),
            Ints::I64(values) => values.len(),
        }
    }
}

/// The limbs of each, by vectors if there are any.
fn write_limbs(scalars: &[Fr], mut to: [&mut [u64]; 4]) {
    let mut whole = 0;
    if let Some(ifma) = Ifma::detect() {
        whole = scalars.len() / WIDTH * WIDTH;
        ifma.write_canonical(&scalars[..whole], to.each_mut().map(|limbs| &mut limbs[..whole]));
    }
    for (i, scalar) in scalars.iter().enumerate().skip(whole) {
        to.iter_mut().zip(limbs(scalar)).for_each(|(to, limb)| to[i] = limb);
    }
}

/// Canonical little-endian limbs.
pub(super) fn limbs(scalar: &Fr) -> [u64; 4] {
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().zip(scalar.to_repr().chunks_exact(8)) {
        *limb = bytes.iter().rev().fold(0, |limb, &byte| limb << 8 | u64::from(byte));
    }
    limbs
}

/// How many are not zero, their bits with the sign, and the largest magnitude.
fn measure<T>(values: &[T], value: impl Fn(&T) -> i64) -> (usize, u32, u64) {
    let (mut count, mut min, mut max) = (0, -1, 0);
    for v in values.iter().map(value) {
        count += usize::from(v != 0);
        min = v.min(min);
        max = v.max(max);
    }
    let bits = 65 - (max as u64 | !min as u64).leading_zeros();
    (count, bits, min.unsigned_abs().max(max as u64))
}

fn measure_limbs([a, b, c, d]: &[Vec<u64>; 4]) -> (usize, u32, u64) {
    let (mut count, mut any) = (0, [0; 4]);
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        count += usize::from(a | b | c | d != 0);
        any = [any[0] | a, any[1] | b, any[2] | c, any[3] | d];
    }
    let top = any.iter().rposition(|&limb| limb != 0).unwrap_or(0);
    let bits = 64 * top as u32 + 65 - any[top].leading_zeros();
    (count, bits, if top == 0 { any[0] } else { u64::MAX })
}

#[cfg(test)]
mod tests {
    use super::super::affine::Adder;
    use super::super::Field;
    use super::*;

    #[test]
    fn limbs_of_many_are_those_of_each() {
        let edges =
            [Fr::ZERO, Fr::ONE, -Fr::ONE, -Fr::from(2), Fr::TWO_INV, Fr::from(u64::MAX), Fr::MULTIPLICATIVE_GENERATOR, Fr::ROOT_OF_UNITY];
        for len in (0..20).chain([4095, 4096, 5000]) {
            let random = |i: u64| Fr::from(i + 5).pow_vartime([1 << 40]);
            let scalars: Vec<Fr> = (0..len).map(|i| if i % 3 == 0 { random(i) } else { edges[i as usize % edges.len()] }).collect();
            let (left, right) = scalars.split_at(scalars.len() / 3);
            let Scalars::Limbs(all) = Scalars::of_parts(&[left, right]) else { panic!("not limbs") };
            assert!(scalars.iter().enumerate().all(|(i, scalar)| all.each_ref().map(|limbs| limbs[i]) == limbs(scalar)), "{len}");
        }
    }

    /// Every digit by vectors and by the plain loop is that of the limbs, and the digits of a scalar make it up.
    #[test]
    fn digits_make_up_their_scalar() {
        let scalars: Vec<Fr> = (0..100).map(|i| if i % 2 == 0 { Fr::from(i + 3).pow_vartime([1 << 40]) } else { -Fr::from(i) }).collect();
        let of_parts = Scalars::of_parts(&[&scalars]);
        for width in 1..=MAX_WIDTH {
            let windows = Windows::of_width(width, 255, u64::MAX);
            let mut sums = vec![Fr::ZERO; scalars.len()];
            for window in (0..windows.num).rev() {
                let digits = Adder::detect().digits(&of_parts, windows, window, 0..scalars.len());
                assert_eq!(digits, Adder::PORTABLE.digits(&of_parts, windows, window, 0..scalars.len()));
                for ((sum, scalar), digit) in sums.iter_mut().zip(&scalars).zip(digits) {
                    assert_eq!(digit, windows.digit_of_limbs(&limbs(scalar), window));
                    assert!(digit.unsigned_abs() <= windows.max_digit);
                    let magnitude = Fr::from(u64::from(digit.unsigned_abs()));
                    *sum = *sum * Fr::from(1 << width) + if digit < 0 { -magnitude } else { magnitude };
                }
            }
            assert_eq!(sums, scalars, "width {width}");
        }
    }
}
