//! Blocks of affine additions on AVX-512 IFMA, sixteen at a time: two vectors of eight, so that one's products fill the
//! latencies of the other's.
//!
//! ```text
//! X = x·2^256 mod p                  as halo2curves keeps it; here below 1.1·p, in five limbs of 52 bits
//! A ∘ B = A·B/2^260 mod p            < (1 + 0.012·a·b)·p   for A < a·p, B < b·p, both below 2^260
//!
//! D_j = X₂ − X₁ = d_j·2^256          prefix products P_j = P_{j−1} ∘ D_j = d_1 ⋯ d_j·2^(260 − 4j)
//! I_j = 2^(262 + 4j − 4)/(d_1 ⋯ d_j) I_{j−1} = I_j ∘ D_j,    I_j ∘ P_{j−1} = 2^262/d_j
//! Λ = (Y₂ − Y₁) ∘ (2^262/d) = λ·2^258
//! X₃ = Λ ∘ Λ − X₁ − X₂               Y₃ = Λ ∘ 4(X₁ − X₃) − Y₁
//! ```
//!
//! Sums are not canonical until they leave. An addition that the formula does not cover (an operand is the identity, or
//! both have the same x) is found by one limb, left out of the products, and done by the curve's own addition; so are the
//! few in 2^50 that only look like one.
#![expect(unsafe_code, reason = "points seen as their limbs, and instructions that are detected at run time")]

use std::arch::x86_64::*;
use std::cell::RefCell;
use std::mem::offset_of;
use std::ops::Range;

use super::super::windows::{Scalars, Windows};
use super::super::{digits, Fq, G1};
use super::{Block, Kernel, Operands, Point, Run, IDENTITY, RUN};
use crate::cpu::ifma::limbs::{reslice, MASK};
use crate::cpu::scalar::Prime;

mod field;

use field::{add, canonical, carry, differ, invert, mul, reduce, splat, square, sub, sub_plain, transpose, Lanes, Two, P, VECTORS};

/// Operands are fetched so many runs before they are needed.
const AHEAD: usize = 12;

// A point is its coordinates' four limbs in Montgomery form: x, then y.
const _: () = assert!(size_of::<Fq>() == 32 && size_of::<Point>() == 64);
const _: () = assert!(offset_of!(Point, x) == 0 && offset_of!(Point, y) == 32);

/// Only made where the CPU has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ifma(());

/// Sixteen additions that wait for their inverses.
#[derive(Clone, Copy)]
struct Pending {
    x_left: Two,
    /// X₁ + X₂.
    x_both: Two,
    y_left: Two,
    /// Y₂ − Y₁.
    numerator: Two,
    denominator: Two,
    /// The product of the denominators before this one.
    prefix: Two,
}

/// Room for a block of additions.
#[derive(Default)]
struct Scratch {
    pending: Vec<Pending>,
    /// Additions that the formula does not cover.
    special: Vec<Run>,
}

impl Ifma {
    pub(super) fn detect() -> Option<Self> {
        crate::cpu::ifma::Ifma::detect().map(|_| Self(()))
    }
}

/// Fetches a point into the nearest cache.
pub(super) fn prefetch(point: &Point) {
    // SAFETY: a prefetch of any address is allowed.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(point).cast()) }
}

/// Fetches a point into the second cache.
pub(super) fn prefetch_early(point: &Point) {
    // SAFETY: a prefetch of any address is allowed.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(point).cast()) }
}

impl Kernel for Ifma {
    const BLOCK: usize = 2048;
    const EARLY: bool = true;

    fn finish(sum: &Point) -> Point {
        Point { x: canonical(&sum.x), y: canonical(&sum.y) }
    }

    fn write_digits(self, scalars: &Scalars<'_>, windows: Windows, window: u32, rows: Range<usize>, digits: &mut Vec<i32>) {
        // SAFETY: a value of this type shows that the CPU has the instructions.
        unsafe { write_digits(scalars, windows, window, rows, digits) }
    }

    fn add_block(self, first: usize, block: &Block, sums: &mut [Point], from: &impl Operands) {
        thread_local! {
            // Half a megabyte, which the operating system would clear each time.
            static SCRATCH: RefCell<Scratch> = RefCell::default();
        }
        if !block.additions.is_empty() {
            // SAFETY: a value of this type shows that the CPU has the instructions.
            SCRATCH.with_borrow_mut(|scratch| unsafe { add_runs(first, block, sums, from, scratch) });
        }
    }
}

/// The sum of two points by the curve's own formulas.
#[cold]
fn add_special(left: &Point, right: &Point) -> Point {
    let (left, right) = (Ifma::finish(left), Ifma::finish(right));
    if left == IDENTITY {
        return right;
    }
    if right == IDENTITY {
        return left;
    }
    (G1::from(left) + G1::from(right)).into()
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn write_digits(scalars: &Scalars<'_>, windows: Windows, window: u32, rows: Range<usize>, digits: &mut Vec<i32>) {
    digits::write(scalars, windows, window, rows, digits);
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn add_runs(first: usize, block: &Block, sums: &mut [Point], from: &impl Operands, scratch: &mut Scratch) {
    let Block { additions: runs, next, .. } = block;
    let Scratch { pending, special } = scratch;
    special.clear();
    // 2^260 mod p: one, of the prefix products.
    let one = splat(&reslice(*Fq::from(16).limbs()));
    let ones = [one; VECTORS];
    let num_groups = runs.len().div_ceil(VECTORS);
    if pending.len() < num_groups {
        let none = Pending { x_left: ones, x_both: ones, y_left: ones, numerator: ones, denominator: ones, prefix: ones };
        pending.resize(num_groups, none);
    }
    let mut product = ones;
    let mut next = next.iter();
    for (i, (group, waiting)) in runs.chunks(VECTORS).zip(pending.iter_mut()).enumerate() {
        for run in runs.iter().skip(VECTORS * i + AHEAD).take(VECTORS) {
            run.operands().for_each(|operand| from.prefetch(operand));
        }
        // One here and one on the way back: the memory is never idle.
        next.next().into_iter().flat_map(Run::operands).for_each(|operand| from.prefetch_early(operand));
        for v in 0..VECTORS {
            // What fills a group is done twice and stored once.
            let run = group[v.min(group.len() - 1)];
            let (x_left, y_left, left) = load(from, run.left, run.len);
            let (x_right, y_right, right) = load(from, run.right, run.len);
            let mut denominator = sub(&x_right, &x_left, 2);
            let covered = differ(&denominator) & left & right;
            if covered != 0xff {
                special.extend(run.singles().enumerate().filter(|(i, _)| covered >> i & 1 == 0).map(|(_, single)| single));
                for (denominator, one) in denominator.iter_mut().zip(one) {
                    *denominator = _mm512_mask_mov_epi64(one, covered, *denominator);
                }
            }
            waiting.x_left[v] = x_left;
            waiting.x_both[v] = add(&x_left, &x_right);
            waiting.y_left[v] = y_left;
            waiting.numerator[v] = sub(&y_right, &y_left, 2);
            waiting.denominator[v] = denominator;
        }
        waiting.prefix = product;
        product = mul(&product, &waiting.denominator);
    }
    // The two chains share an inversion: I = (P ∘ P')^(−1) ∘ P'.
    let swapped = [product[1], product[0]];
    let inverses = invert(&mul(&product, &swapped)[0]);
    let mut inverse = mul(&[inverses, inverses], &swapped);
    for (group, waiting) in runs.chunks(VECTORS).zip(pending.iter()).rev() {
        next.next().into_iter().flat_map(Run::operands).for_each(|operand| from.prefetch_early(operand));
        let scaled = mul(&inverse, &waiting.prefix);
        inverse = mul(&inverse, &waiting.denominator);
        let lambda = mul(&waiting.numerator, &scaled);
        let mut x = square(&lambda);
        for (x, both) in x.iter_mut().zip(&waiting.x_both) {
            *x = reduce(&sub_plain(x, both, 4));
        }
        let mut distance = x;
        for (distance, left) in distance.iter_mut().zip(&waiting.x_left) {
            *distance = carry(sub_plain(left, distance, 2).map(|limb| _mm512_slli_epi64::<2>(limb)));
        }
        let mut y = mul(&lambda, &distance);
        for (y, left) in y.iter_mut().zip(&waiting.y_left) {
            *y = reduce(&sub_plain(y, left, 3));
        }
        for (v, run) in group.iter().enumerate() {
            let start = run.output as usize - first;
            let sums = &mut sums[start..start + run.len as usize];
            for (sum, point) in sums.iter_mut().zip(pack(&x[v], &y[v])) {
                // SAFETY: a point is 64 bytes, of which every pattern is initialized.
                unsafe { _mm512_storeu_si512(std::ptr::from_mut(sum).cast(), point) }
            }
        }
    }
    for run in special.iter() {
        sums[run.output as usize - first] = add_special(&from.point(run.left as usize), &from.point(run.right as usize));
    }
}

/// The coordinates of a run's operands, and the lanes that do not look like the identity. Lanes behind its end are copies of
/// its last.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(from: &impl Operands, first: u32, len: u32) -> (Lanes, Lanes, u8) {
    let (first, last) = (first as usize, (first + len - 1) as usize);
    let (points, negative) = if len as usize == RUN {
        from.eight(first)
    } else {
        let signed: [(&Point, bool); RUN] = std::array::from_fn(|i| from.signed((first + i).min(last)));
        (signed.map(|(point, _)| point), (0..RUN).fold(0, |signs, i| signs | u8::from(signed[i].1) << i))
    };
    // SAFETY: a point is 64 bytes of plain integers.
    let rows = points.map(|point| unsafe { _mm512_loadu_si512(std::ptr::from_ref(point).cast()) });
    let mask = _mm512_set1_epi64(MASK as i64);
    let coordinate = |v: [__m512i; 4]| {
        let join = |low: __m512i, high: __m512i| _mm512_and_si512(_mm512_or_si512(low, high), mask);
        [
            _mm512_and_si512(v[0], mask),
            join(_mm512_srli_epi64::<52>(v[0]), _mm512_slli_epi64::<12>(v[1])),
            join(_mm512_srli_epi64::<40>(v[1]), _mm512_slli_epi64::<24>(v[2])),
            join(_mm512_srli_epi64::<28>(v[2]), _mm512_slli_epi64::<36>(v[3])),
            _mm512_srli_epi64::<16>(v[3]),
        ]
    };
    let [a, b, c, d, e, f, g, h] = transpose(rows);
    let (x, mut y) = (coordinate([a, b, c, d]), coordinate([e, f, g, h]));
    let points = _mm512_test_epi64_mask(e, e);
    for (y, p) in y.iter_mut().zip(P) {
        *y = _mm512_mask_sub_epi64(*y, negative, _mm512_set1_epi64(p as i64), *y);
    }
    (x, y, points)
}

/// Eight points of proper coordinates below 2^256.
#[inline]
#[target_feature(enable = "avx512f")]
fn pack(x: &Lanes, y: &Lanes) -> [__m512i; 8] {
    let coordinate = |v: &Lanes| {
        [
            _mm512_or_si512(v[0], _mm512_slli_epi64::<52>(v[1])),
            _mm512_or_si512(_mm512_srli_epi64::<12>(v[1]), _mm512_slli_epi64::<40>(v[2])),
            _mm512_or_si512(_mm512_srli_epi64::<24>(v[2]), _mm512_slli_epi64::<28>(v[3])),
            _mm512_or_si512(_mm512_srli_epi64::<36>(v[3]), _mm512_slli_epi64::<16>(v[4])),
        ]
    };
    let ([a, b, c, d], [e, f, g, h]) = (coordinate(x), coordinate(y));
    transpose([a, b, c, d, e, f, g, h])
}
