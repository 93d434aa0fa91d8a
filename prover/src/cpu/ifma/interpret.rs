//! Runs programs on registers that stay lanes of 52-bit limbs from step to step.
//!
//! ```text
//! register = x·2^260 mod p, proper, below 1.7·p         Σ a·b/2^260 + Σ c: one reduction for all products of a step
//! ```
//!
//! A slot is converted once a block. A product of two registers is below 0.035·p·2^260, so sums of products and of single
//! operands stay far below the 80·p that [`Lanes::reduce`] takes if they are reduced every so often.
#![expect(unsafe_code, reason = "calls of functions that need vector instructions")]

use super::lanes::Lanes;
use super::limbs::{elements, elements_mut};
use super::wide::Sum;
use super::{Ifma, WIDTH};
use halo2_proofs::halo2curves::bn256::Fr;

/// Products that are summed before a reduction: below 10·p.
const MAX_PRODUCTS: usize = 256;
/// Products of a step without sums that need none.
const FEW_PRODUCTS: usize = 16;
/// Single operands that are summed before a reduction: below 28·p.
const MAX_SUMS: usize = 16;

/// An operand: a vector for every eight rows, or the same vector in all.
#[derive(Clone, Copy)]
pub(crate) struct Argument<'a> {
    lanes: &'a [Lanes],
    stride: usize,
}

impl<'a> Argument<'a> {
    /// A register or a slot.
    pub(crate) fn block(lanes: &'a [Lanes]) -> Self {
        Self { lanes, stride: 1 }
    }

    /// A scalar.
    pub(crate) fn scalar(lanes: &'a Lanes) -> Self {
        Self { lanes: std::slice::from_ref(lanes), stride: 0 }
    }

    #[inline(always)]
    fn at(&self, vector: usize) -> &Lanes {
        &self.lanes[self.stride * vector]
    }
}

impl Ifma {
    /// Room for some rows.
    pub(crate) fn block(self, rows: usize) -> Vec<Lanes> {
        vec![Lanes::zero(); rows.div_ceil(WIDTH)]
    }

    /// A scalar in all lanes.
    pub(crate) fn scalar(self, scalar: Fr) -> Lanes {
        let mut lanes = [Lanes::zero()];
        self.load(&[scalar; WIDTH], &mut lanes);
        lanes[0]
    }

    /// Registers of whole vectors of elements.
    pub(crate) fn load(self, from: &[Fr], to: &mut [Lanes]) {
        // SAFETY: `self` is proof of the instructions, here and below.
        unsafe { load(elements(from), to) }
    }

    /// Elements of registers, or of a scalar.
    pub(crate) fn store(self, from: Argument<'_>, to: &mut [Fr]) {
        // SAFETY: as above.
        unsafe { store(from, elements_mut(to)) }
    }

    /// A step.
    pub(crate) fn step(self, products: &[(Argument<'_>, Argument<'_>)], sums: &[Argument<'_>], out: &mut [Lanes]) {
        // SAFETY: as above.
        unsafe { step(products, sums, out) }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn load(from: &[[u64; 4]], to: &mut [Lanes]) {
    for (i, to) in to.iter_mut().enumerate().take(from.len() / WIDTH) {
        *to = Lanes::load_factor(from, WIDTH * i, 1).reduce();
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn store(from: Argument<'_>, to: &mut [[u64; 4]]) {
    for i in 0..to.len() / WIDTH {
        from.at(i).div_power(4).sub_p().store(to, WIDTH * i, 1);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn step(products: &[(Argument<'_>, Argument<'_>)], sums: &[Argument<'_>], out: &mut [Lanes]) {
    for (i, out) in out.iter_mut().enumerate() {
        if sums.is_empty() && (1..=FEW_PRODUCTS).contains(&products.len()) {
            *out = sum_products(products, i);
            continue;
        }
        let mut total = Lanes::zero();
        for products in products.chunks(MAX_PRODUCTS) {
            total = total.add(&sum_products(products, i)).reduce();
        }
        for sums in sums.chunks(MAX_SUMS) {
            for c in sums {
                total = total.add(c.at(i));
            }
            total = total.reduce();
        }
        *out = total;
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn sum_products(products: &[(Argument<'_>, Argument<'_>)], vector: usize) -> Lanes {
    let mut sum = Sum::zero();
    for (a, b) in products {
        sum.add_product(a.at(vector), b.at(vector));
    }
    sum.reduce()
}
