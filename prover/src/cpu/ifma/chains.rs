//! Products and affine maps along columns: sixteen chains at a time, for a product waits for the one before it.
//!
//! ```text
//! chain c of m rows: rows c·m … c·m + m − 1            inversion: rows c, c + 16, c + 32, …
//! ```
//!
//! What is carried keeps the Montgomery form of `Fr`, x·2^256; factors are loaded as x·2^260, so that products by
//! [`Lanes::mul`], which divides by 2^260, are of that form again. Carried products stay below 1.3·p, sums below 2.5·p.
#![expect(unsafe_code, reason = "calls of functions that need vector instructions")]

use super::lanes::Lanes;
use super::limbs::{elements, elements_mut};
use super::{Ifma, WIDTH};
use halo2_proofs::halo2curves::bn256::Fr;
use std::arch::x86_64::*;

/// Chains at a time: two vectors.
pub(crate) const CHAINS: usize = 2 * WIDTH;

/// One value for each chain.
pub(crate) type Ends = [Fr; CHAINS];

impl Ifma {
    /// The product of each chain.
    pub(crate) fn chain_products(self, factors: &[Fr]) -> Ends {
        let mut ends = [Fr::one(); CHAINS];
        // SAFETY: `self` is proof of the instructions, here and below.
        unsafe { products(elements(factors), elements_mut(&mut ends), None) };
        ends
    }

    /// Writes the products of the rows before, from what enters each chain.
    pub(crate) fn write_products(self, factors: &[Fr], mut entering: Ends, out: &mut [Fr]) {
        // SAFETY: as above.
        unsafe { products(elements(factors), elements_mut(&mut entering), Some(elements_mut(out))) };
    }

    /// The ends of acc[r] = factor[r]·acc[r−1] + term[r] from 0 in each chain.
    pub(crate) fn chain_scans(self, factors: &[Fr], terms: &[Fr]) -> Ends {
        let mut ends = [Fr::zero(); CHAINS];
        // SAFETY: as above.
        unsafe { scan(elements(factors), elements(terms), elements_mut(&mut ends), None) };
        ends
    }

    /// Writes acc from what enters each chain.
    pub(crate) fn write_scans(self, factors: &[Fr], terms: &[Fr], mut entering: Ends, out: &mut [Fr]) {
        // SAFETY: as above.
        unsafe { scan(elements(factors), elements(terms), elements_mut(&mut entering), Some(elements_mut(out))) };
    }

    /// Inverts a multiple of 16 elements, but for zeros; `invert` inverts the products of the chains.
    pub(crate) fn invert(self, values: &mut [Fr], invert: impl FnOnce(&mut [Fr])) {
        let mut ends = [Fr::one(); CHAINS];
        // SAFETY: as above.
        let before = unsafe { products_before(elements(values), elements_mut(&mut ends)) };
        invert(&mut ends);
        // SAFETY: as above.
        unsafe { inverses(elements_mut(values), &before, elements(&ends)) };
    }
}

/// The product of each chain with what enters it, in its place; perhaps all products before.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn products(factors: &[[u64; 4]], ends: &mut [[u64; 4]], mut out: Option<&mut [[u64; 4]]>) {
    let rows = factors.len() / CHAINS;
    let mut acc = [Lanes::load(ends, 0, 1), Lanes::load(ends, WIDTH, 1)];
    for row in 0..rows {
        for (half, acc) in acc.iter_mut().enumerate() {
            let at = half * WIDTH * rows + row;
            if let Some(out) = &mut out {
                acc.sub_p().store(out, at, rows);
            }
            *acc = acc.mul(&Lanes::load_factor(factors, at, rows));
        }
    }
    acc[0].sub_p().store(ends, 0, 1);
    acc[1].sub_p().store(ends, WIDTH, 1);
}

/// The end of the scan of each chain from what enters it, in its place; perhaps all values.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn scan(factors: &[[u64; 4]], terms: &[[u64; 4]], ends: &mut [[u64; 4]], mut out: Option<&mut [[u64; 4]]>) {
    let rows = factors.len() / CHAINS;
    let mut acc = [Lanes::load(ends, 0, 1), Lanes::load(ends, WIDTH, 1)];
    for row in 0..rows {
        for (half, acc) in acc.iter_mut().enumerate() {
            let at = half * WIDTH * rows + row;
            *acc = acc.mul(&Lanes::load_factor(factors, at, rows)).add(&Lanes::load(terms, at, rows)).carry();
            if let Some(out) = &mut out {
                acc.reduce().sub_p().store(out, at, rows);
            }
        }
    }
    acc[0].reduce().sub_p().store(ends, 0, 1);
    acc[1].reduce().sub_p().store(ends, WIDTH, 1);
}

/// Lanes of factors, 1 for 0, and which are 0.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn load_units(values: &[[u64; 4]], at: usize, one: &Lanes) -> (Lanes, __mmask8) {
    let mut x = Lanes::load_factor(values, at, 1);
    let any = x.0.iter().fold(_mm512_setzero_si512(), |any, limb| _mm512_or_si512(any, *limb));
    let zeros = _mm512_testn_epi64_mask(any, any);
    for (x, one) in x.0.iter_mut().zip(one.0) {
        *x = _mm512_mask_mov_epi64(*x, zeros, one);
    }
    (x, zeros)
}

/// The products of the elements before, 16 rows at a time, and the last, `ends`, which come in as ones.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn products_before(values: &[[u64; 4]], ends: &mut [[u64; 4]]) -> Vec<[Lanes; 2]> {
    let one = Lanes::load_factor(ends, 0, 1);
    let mut acc = [Lanes::load(ends, 0, 1), Lanes::load(ends, WIDTH, 1)];
    let mut before = Vec::with_capacity(values.len() / CHAINS);
    for at in (0..values.len()).step_by(CHAINS) {
        before.push(acc);
        for (half, acc) in acc.iter_mut().enumerate() {
            *acc = acc.mul(&load_units(values, at + half * WIDTH, &one).0);
        }
    }
    acc[0].sub_p().store(ends, 0, 1);
    acc[1].sub_p().store(ends, WIDTH, 1);
    before
}

/// The inverses from the products before and the inverses of the last products.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn inverses(values: &mut [[u64; 4]], before: &[[Lanes; 2]], ends: &[[u64; 4]]) {
    let one = Lanes::load_factor(elements(&[Fr::one(); WIDTH]), 0, 1);
    // Of the form x·2^260.
    let mut inverse = [Lanes::load_factor(ends, 0, 1), Lanes::load_factor(ends, WIDTH, 1)];
    for (i, before) in before.iter().enumerate().rev() {
        for half in 0..2 {
            let at = CHAINS * i + WIDTH * half;
            let (x, zeros) = load_units(values, at, &one);
            let mut result = before[half].mul(&inverse[half]).sub_p();
            for limb in &mut result.0 {
                *limb = _mm512_maskz_mov_epi64(!zeros, *limb);
            }
            result.store(values, at, 1);
            inverse[half] = inverse[half].mul(&x);
        }
    }
}
