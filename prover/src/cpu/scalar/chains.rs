//! Products and affine maps along columns, by scalar products: several chains at a time, for a product waits for the one before it.
//!
//! ```text
//! chain c of m rows: rows c·m … c·m + m − 1            carried: below 1.24p     as b = 1 + 0.1891·b
//! ```

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;

use super::{add_plain, is_zero, reduce, reduce_twice, Limbs, Multiplier, Prime};
use crate::cpu::ifma::chains::{Ends, CHAINS};

/// Chains that are multiplied side by side.
const TOGETHER: usize = 4;

/// Calls `step` for all rows and chains, [`TOGETHER`] of them side by side, with the chain's value, its number and the row.
#[inline(always)]
fn for_rows(rows: usize, ends: &mut Ends, mut step: impl FnMut(&mut Limbs, usize)) {
    let rows = rows / CHAINS;
    for (group, ends) in ends.chunks_exact_mut(TOGETHER).enumerate() {
        let mut acc: [Limbs; TOGETHER] = std::array::from_fn(|i| *ends[i].limbs());
        for row in 0..rows {
            for (i, acc) in acc.iter_mut().enumerate() {
                step(acc, (group * TOGETHER + i) * rows + row);
            }
        }
        for (end, acc) in ends.iter_mut().zip(&acc) {
            *end = Fr::from_limbs(reduce(acc, &Fr::P));
        }
    }
}

/// The product of each chain.
pub(crate) fn products(by: impl Multiplier, factors: &[Fr]) -> Ends {
    let mut ends = [Fr::ONE; CHAINS];
    for_rows(factors.len(), &mut ends, |acc, at| *acc = by.mul_lazy::<Fr>(acc, factors[at].limbs()));
    ends
}

/// Writes the products of the rows before, from what enters each chain.
pub(crate) fn write_products(by: impl Multiplier, factors: &[Fr], mut entering: Ends, out: &mut [Fr]) {
    for_rows(factors.len(), &mut entering, |acc, at| {
        out[at] = Fr::from_limbs(reduce(acc, &Fr::P));
        *acc = by.mul_lazy::<Fr>(acc, factors[at].limbs());
    });
}

/// acc·factor + term, reduced.
#[inline(always)]
fn affine(by: impl Multiplier, acc: &Limbs, factor: &Fr, term: &Fr) -> Limbs {
    reduce_twice::<Fr>(&add_plain(&by.mul_lazy::<Fr>(acc, factor.limbs()), term.limbs()))
}

/// The ends of acc\[r\] = factor\[r\]·acc\[r−1\] + term\[r\] from 0 in each chain.
pub(crate) fn scans(by: impl Multiplier, factors: &[Fr], terms: &[Fr]) -> Ends {
    let mut ends = [Fr::ZERO; CHAINS];
    for_rows(factors.len(), &mut ends, |acc, at| *acc = affine(by, acc, &factors[at], &terms[at]));
    ends
}

/// Writes acc from what enters each chain.
pub(crate) fn write_scans(by: impl Multiplier, factors: &[Fr], terms: &[Fr], mut entering: Ends, out: &mut [Fr]) {
    for_rows(factors.len(), &mut entering, |acc, at| {
        *acc = affine(by, acc, &factors[at], &terms[at]);
        out[at] = Fr::from_limbs(*acc);
    });
}

/// One inversion for all values, but for zeros \[Montgomery's trick\].
pub(crate) fn invert(by: impl Multiplier, values: &mut [Fr]) {
    let mut product = *Fr::ONE.limbs();
    let before: Vec<Limbs> = values
        .iter()
        .map(|value| {
            let before = product;
            if !is_zero(value.limbs()) {
                product = by.mul_lazy::<Fr>(&product, value.limbs());
            }
            before
        })
        .collect();
    let inverse = super::inverse(&Fr::from_limbs(reduce(&product, &Fr::P))).unwrap_or(Fr::ZERO);
    let mut inverse = *inverse.limbs();
    for (value, before) in values.iter_mut().zip(&before).rev().filter(|(value, _)| !is_zero(value.limbs())) {
        let next = by.mul_lazy::<Fr>(&inverse, value.limbs());
        *value = Fr::from_limbs(reduce(&by.mul_lazy::<Fr>(&inverse, before), &Fr::P));
        inverse = next;
    }
}
