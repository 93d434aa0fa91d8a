//! Sums of products that are reduced once: small integers by constants, and elements by elements.
//!
//! ```text
//! x·c = Σ_j x·c_j·2^(jS)        x < 2^B, c_j < 2^S, B + S = 52: the low half of the multiplier is the whole product
//! ```
//!
//! | integers | S  | limbs of a constant |
//! |----------|----|---------------------|
//! | 8 bits   | 44 | 6                   |
//! | 16 bits  | 36 | 8                   |
//! | 32 bits  | 20 | 13                  |
//!
//! A limb of 64 bits takes the sum of 2^12 products. Sums of integers by constants are below 2^316, so two rounds of
//! Montgomery's reduction bring them below p + 2^212; they divide by 2^104, by which the constants are multiplied before.
#![expect(unsafe_code, reason = "calls of functions that need vector instructions, loads of integers")]

use super::lanes::{load_words, splat, Lanes};
use super::limbs::{elements, elements_mut, limbs_of, MASK, NEG_P_INV, P};
use super::{Ifma, WIDTH};
use crate::cpu::wide::{copy_wrapping, Int};
use halo2_proofs::halo2curves::bn256::Fr;
use std::arch::x86_64::*;

/// Rows of a block of a combination.
pub(crate) const BLOCK: usize = 512;
/// Products that a sum takes.
pub(crate) const MAX_TERMS: usize = 1 << 12;
/// Products of elements that a sum takes before its limbs are made proper: ten to a limb.
const MAX_PRODUCTS: usize = 400;
/// Rows whose sums are in registers.
const GROUP: usize = 2 * WIDTH;

/// Limbs of S bits of the Montgomery form of 2^104·c.
pub(crate) fn factor<I: Int, const L: usize>(c: &Fr) -> [u64; L] {
    let words = limbs_of(&(*c * Fr::from(1 << 52) * Fr::from(1 << 52)));
    let width = 52 - I::BITS as usize;
    debug_assert!(width * L >= 254, "the limbs hold an element");
    std::array::from_fn(|j| {
        let (word, bit) = (j * width / 64, j * width % 64);
        let at = |i: usize| u128::from(words.get(i).copied().unwrap_or(0));
        ((at(word) | at(word + 1) << 64) >> bit) as u64 & ((1 << width) - 1)
    })
}

/// Σ (integer + 2^(B−1))·constant for the rows of a block.
#[derive(Debug)]
pub(crate) struct Combination<const L: usize> {
    ifma: Ifma,
    groups: Vec<[[__m512i; 2]; L]>,
}

impl<const L: usize> Combination<L> {
    /// The constant `start` in each of the rows, a multiple of 16.
    pub(crate) fn new(ifma: Ifma, rows: usize, start: &[u64; L]) -> Self {
        assert_eq!(rows % GROUP, 0, "rows of a combination");
        // SAFETY: `ifma` is proof of the instructions.
        let start = start.map(|limb| unsafe { [splat_word(limb); 2] });
        Self { ifma, groups: vec![start; rows / GROUP] }
    }

    /// Adds columns of biased integers with their constants; with the start, at most 2^12 in all. Fetches what comes next.
    pub(crate) fn add<I: Int>(&mut self, columns: &[[I; BLOCK]], factors: &[[u64; L]], next: &[&[I]]) {
        let _proof = self.ifma;
        // SAFETY: there is proof of the instructions.
        unsafe { add_columns(&mut self.groups, columns, factors, next) }
    }

    /// Adds the sums to elements.
    pub(crate) fn finish<I: Int>(&self, out: &mut [Fr]) {
        assert_eq!(out.len(), self.groups.len() * GROUP, "rows of a combination");
        // SAFETY: as in `add`.
        unsafe { finish::<I, L>(&self.groups, elements_mut(out)) }
    }
}

/// Eight weights by limbs of S bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights<const L: usize>([__m512i; L]);

/// Lane by lane Σ (integer + 2^(B−1))·weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dot<const L: usize>([__m512i; L]);

/// Σ a_i·b_i of elements, lane by lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum([__m512i; 10]);

impl Ifma {
    /// The weights of whole vectors, by limbs.
    pub(crate) fn weights<I: Int, const L: usize>(self, values: &[Fr]) -> Vec<Weights<L>> {
        // SAFETY: `self` is proof of the instructions, here and below.
        unsafe { weights::<I, L>(elements(values)) }
    }

    /// No products.
    pub(crate) fn empty_dot<const L: usize>(self) -> Dot<L> {
        // SAFETY: as above.
        Dot(unsafe { [splat_word(0); L] })
    }

    /// Adds the products of integers with weights; a lane takes 2^9, all lanes 2^12. Fetches what comes next.
    pub(crate) fn add_dot<I: Int, const L: usize>(self, integers: &[I], weights: &[Weights<L>], sum: &mut Dot<L>, next: &[I]) {
        // SAFETY: as above.
        unsafe { add_dot(integers, weights, sum, next) }
    }

    /// Copies a column's rows, biased, as `copy_wrapping` does.
    pub(crate) fn copy_biased<I: Int>(self, values: &[I], rows: usize, first: i64, out: &mut [I]) {
        // SAFETY: as above.
        unsafe { copy_biased(values, rows, first, out) }
    }

    /// Adds the weights themselves.
    pub(crate) fn add_weights<const L: usize>(self, weights: &[Weights<L>], sum: &mut Dot<L>) {
        // SAFETY: as above.
        unsafe { add_weights(weights, sum) }
    }

    /// The sums of all lanes.
    pub(crate) fn limbs_of_dot<const L: usize>(self, sum: &Dot<L>) -> [u64; L] {
        // SAFETY: as above.
        sum.0.map(|limb| unsafe { sum_word(limb) })
    }

    /// acc + Σ column·factor, on a multiple of eight elements; factors are elements times 16.
    pub(crate) fn add_combination(self, acc: &mut [Fr], columns: &[&[Fr]], factors: &[Fr]) {
        // SAFETY: as above.
        unsafe { add_combination(elements_mut(acc), columns, elements(factors)) }
    }

    /// Σ a·b/16, on a multiple of eight elements.
    pub(crate) fn dot(self, a: &[Fr], b: &[Fr]) -> Fr {
        let mut lanes = [Fr::zero(); WIDTH];
        // SAFETY: as above.
        unsafe { dot(elements(a), elements(b), elements_mut(&mut lanes)) }
        lanes.iter().sum()
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn splat_word(word: u64) -> __m512i {
    _mm512_set1_epi64(word as i64)
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn sum_word(lanes: __m512i) -> u64 {
    _mm512_reduce_add_epi64(lanes) as u64
}

/// Eight integers, sign extended.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn load<I: Int>(from: &[I; WIDTH]) -> __m512i {
    let from = from.as_ptr();
    // SAFETY: eight integers of the width that is loaded.
    unsafe {
        match I::BITS {
            8 => _mm512_cvtepi8_epi64(_mm_loadl_epi64(from.cast())),
            16 => _mm512_cvtepi16_epi64(_mm_loadu_si128(from.cast())),
            _ => _mm512_cvtepi32_epi64(_mm256_loadu_si256(from.cast())),
        }
    }
}

/// Eight integers, zero extended.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn load_unsigned<I: Int>(from: &[I; WIDTH]) -> __m512i {
    let from = from.as_ptr();
    // SAFETY: as in `load`.
    unsafe {
        match I::BITS {
            8 => _mm512_cvtepu8_epi64(_mm_loadl_epi64(from.cast())),
            16 => _mm512_cvtepu16_epi64(_mm_loadu_si128(from.cast())),
            _ => _mm512_cvtepu32_epi64(_mm256_loadu_si256(from.cast())),
        }
    }
}

/// Fetches the line of a value that may lie behind the end.
#[inline(always)]
fn prefetch<T>(values: &[T], at: usize) {
    // SAFETY: a prefetch of any address is allowed.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().wrapping_add(at).cast()) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn copy_biased<I: Int>(values: &[I], rows: usize, first: i64, out: &mut [I]) {
    copy_wrapping(values, rows, first, out, I::biased);
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn add_columns<I: Int, const L: usize>(groups: &mut [[[__m512i; 2]; L]], columns: &[[I; BLOCK]], factors: &[[u64; L]], next: &[&[I]]) {
    for (group, sums) in groups.iter_mut().enumerate() {
        let mut s = *sums;
        for (i, (column, factor)) in columns.iter().zip(factors).enumerate() {
            if let Some(next) = next.get(i) {
                prefetch(next, GROUP * group);
            }
            let (eights, _) = column.as_chunks::<WIDTH>();
            let (x, y) = (load_unsigned(&eights[2 * group]), load_unsigned(&eights[2 * group + 1]));
            for (sums, limb) in s.iter_mut().zip(factor) {
                let c = _mm512_set1_epi64(*limb as i64);
                *sums = [_mm512_madd52lo_epu64(sums[0], x, c), _mm512_madd52lo_epu64(sums[1], y, c)];
            }
        }
        *sums = s;
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn finish<I: Int, const L: usize>(groups: &[[[__m512i; 2]; L]], out: &mut [[u64; 4]]) {
    for (group, sums) in groups.iter().enumerate() {
        let halves = [sums.map(|limb| limb[0]), sums.map(|limb| limb[1])];
        for (half, limbs) in halves.iter().enumerate() {
            let at = GROUP * group + WIDTH * half;
            let sum = reduce_limbs::<L>(limbs, 52 - I::BITS as usize);
            sum.add(&Lanes::load(out, at, 1)).reduce().sub_p().store(out, at, 1);
        }
    }
}

/// Σ_j limb_j·2^(jS)/2^104 mod p, proper and below 2p.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn reduce_limbs<const L: usize>(limbs: &[__m512i; L], width: usize) -> Lanes {
    let zero = _mm512_setzero_si512();
    let mask = _mm512_set1_epi64(MASK as i64);
    let mut t = [zero; 8];
    for (j, &limb) in limbs.iter().enumerate() {
        let (word, bit) = (j * width / 52, (j * width % 52) as i64);
        let low = _mm512_and_si512(_mm512_sll_epi64(limb, _mm_cvtsi64_si128(bit)), mask);
        t[word] = _mm512_add_epi64(t[word], low);
        t[word + 1] = _mm512_add_epi64(t[word + 1], _mm512_srl_epi64(limb, _mm_cvtsi64_si128(52 - bit)));
    }
    // The sum is below 2^316, of seven limbs.
    let mut t = [t[0], t[1], t[2], t[3], t[4], t[5], t[6]];
    round(&mut t, 0);
    round(&mut t, 1);
    Lanes([t[2], t[3], t[4], t[5], t[6]]).carry()
}

/// Adds the multiple of p that clears limb i, and carries it.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn round<const N: usize>(t: &mut [__m512i; N], i: usize) {
    let p = splat(P);
    let m = _mm512_madd52lo_epu64(_mm512_setzero_si512(), t[i], _mm512_set1_epi64(NEG_P_INV[0] as i64));
    for j in 0..5 {
        t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, p[j]);
        if i + j + 1 < N {
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, p[j]);
        }
    }
    t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<52>(t[i]));
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn weights<I: Int, const L: usize>(values: &[[u64; 4]]) -> Vec<Weights<L>> {
    let width = 52 - I::BITS as usize;
    let mask = _mm512_set1_epi64((1 << width) - 1);
    let split = |at: usize| {
        let words = load_words(values, at, 1);
        let mut limbs = [_mm512_setzero_si512(); L];
        for (j, limb) in limbs.iter_mut().enumerate() {
            let (word, bit) = (j * width / 64, (j * width % 64) as i64);
            if word < 4 {
                *limb = _mm512_srl_epi64(words[word], _mm_cvtsi64_si128(bit));
            }
            if word < 3 {
                *limb = _mm512_or_si512(*limb, _mm512_sll_epi64(words[word + 1], _mm_cvtsi64_si128(64 - bit)));
            }
            *limb = _mm512_and_si512(*limb, mask);
        }
        Weights(limbs)
    };
    (0..values.len()).step_by(WIDTH).map(split).collect()
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn add_dot<I: Int, const L: usize>(integers: &[I], weights: &[Weights<L>], sum: &mut Dot<L>, next: &[I]) {
    let bias = _mm512_set1_epi64(1 << (I::BITS - 1));
    let mut s = sum.0;
    for (i, (integers, weights)) in integers.as_chunks::<WIDTH>().0.iter().zip(weights).enumerate() {
        prefetch(next, WIDTH * i);
        let x = _mm512_add_epi64(load(integers), bias);
        for (sum, weight) in s.iter_mut().zip(weights.0) {
            *sum = _mm512_madd52lo_epu64(*sum, x, weight);
        }
    }
    sum.0 = s;
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn add_weights<const L: usize>(weights: &[Weights<L>], sum: &mut Dot<L>) {
    for weights in weights {
        for (sum, weight) in sum.0.iter_mut().zip(weights.0) {
            *sum = _mm512_add_epi64(*sum, weight);
        }
    }
}

impl Sum {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn zero() -> Self {
        Self([_mm512_setzero_si512(); 10])
    }

    /// Adds x·y; both must be proper. A sum takes 400 products.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn add_product(&mut self, x: &Lanes, y: &Lanes) {
        let t = &mut self.0;
        for i in 0..5 {
            for j in 0..5 {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], x.0[j], y.0[i]);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], x.0[j], y.0[i]);
            }
        }
    }

    /// Makes all limbs but the last proper, for 400 products more.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    fn carry(&mut self) {
        let mask = _mm512_set1_epi64(MASK as i64);
        for i in 0..9 {
            self.0[i + 1] = _mm512_add_epi64(self.0[i + 1], _mm512_srli_epi64::<52>(self.0[i]));
            self.0[i] = _mm512_and_si512(self.0[i], mask);
        }
    }

    /// The sum/2^260 mod p, proper and below p + sum/2^260.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn reduce(mut self) -> Lanes {
        for i in 0..5 {
            round(&mut self.0, i);
        }
        let [.., a, b, c, d, e] = self.0;
        Lanes([a, b, c, d, e]).carry()
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn add_combination(acc: &mut [[u64; 4]], columns: &[&[Fr]], factors: &[[u64; 4]]) {
    for (columns, factors) in columns.chunks(MAX_PRODUCTS).zip(factors.chunks(MAX_PRODUCTS)) {
        for at in (0..acc.len()).step_by(WIDTH) {
            let mut sum = Sum::zero();
            for (column, factor) in columns.iter().zip(factors) {
                let [a, b, c, d] = *factor;
                let factor = splat([a & MASK, (a >> 52 | b << 12) & MASK, (b >> 40 | c << 24) & MASK, (c >> 28 | d << 36) & MASK, d >> 16]);
                sum.add_product(&Lanes::load(elements(column), at, 1), &Lanes(factor));
            }
            // Below (1 + 400·p/2^260)·p, before the addition.
            sum.reduce().add(&Lanes::load(acc, at, 1)).reduce().sub_p().store(acc, at, 1);
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn dot(a: &[[u64; 4]], b: &[[u64; 4]], out: &mut [[u64; 4]]) {
    let mut sum = Sum::zero();
    for at in (0..a.len()).step_by(WIDTH) {
        if (at / WIDTH) % MAX_PRODUCTS == MAX_PRODUCTS - 1 {
            sum.carry();
        }
        sum.add_product(&Lanes::load(a, at, 1), &Lanes::load(b, at, 1));
    }
    // Of 2^12 elements: below (1 + 2^9·p/2^260)·p.
    sum.reduce().reduce().sub_p().store(out, 0, 1);
}
