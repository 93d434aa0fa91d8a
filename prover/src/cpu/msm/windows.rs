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
        if window == 0 {
            return self.booth(limbs[0] << 1);
        }
        let bit = window * self.width - 1;
        let (limb, shift) = ((bit / 64) as usize, bit % 64);
        let above = if limb < 3 { limbs[limb + 1] } else { 0 };
        self.booth(limbs[limb] >> shift | above << 1 << (63 - shift))
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
        let scalars = parts.par_iter().flat_map(|part| part.par_iter());
        let ((a, b), (c, d)): ((Vec<u64>, Vec<u64>), (Vec<u64>, Vec<u64>)) = scalars
            .map(|scalar| {
                let [a, b, c, d] = limbs(scalar);
                ((a, b), (c, d))
            })
            .unzip();
        Self::Limbs([a, b, c, d])
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
