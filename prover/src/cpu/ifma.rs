//! Vector arithmetic with AVX-512 IFMA: the same results as [`super::vector`] and [`super::ntt`], bit for bit.
//!
//! [`Ifma`] is proof that the processor has the instructions; its methods take whole vectors of eight elements and leave
//! the rest to the caller. `limbs` holds the constants, `lanes` the arithmetic with its bounds, `transform` the transforms, `wide` sums of products, `chains`
//! products along columns, `interpret` the steps of programs.
#![expect(unsafe_code, reason = "calls of functions that need vector instructions")]

pub(crate) mod chains;
pub(crate) mod interpret;
mod lanes;
pub(crate) mod limbs;
mod transform;
pub(crate) mod wide;

pub(crate) use lanes::Lanes;
pub(crate) use transform::{Scale, Transform};

use halo2_proofs::halo2curves::bn256::Fr;
use std::arch::x86_64::_mm512_storeu_si512;

use lanes::{splat, Root};
use limbs::{elements, elements_mut, Factor};

/// Elements of a vector.
pub(crate) const WIDTH: usize = 8;

/// Proof that the processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ifma(());

impl Ifma {
    /// Asks the processor, unless vectors are not wanted; the standard library remembers the answer.
    pub(crate) fn detect() -> Option<Self> {
        let found = super::Instructions::Avx512.are_wanted()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512ifma");
        found.then_some(Self(()))
    }

    /// a·b, on a multiple of eight elements.
    pub(crate) fn mul_assign(self, a: &mut [Fr], b: &[Fr]) {
        // SAFETY: `self` is proof of the instructions, here and below.
        unsafe { mul_assign(elements_mut(a), elements(b)) }
    }

    /// a·s, on a multiple of eight elements.
    pub(crate) fn mul_scalar(self, a: &mut [Fr], s: &Fr) {
        // SAFETY: as above.
        unsafe { mul_scalar(elements_mut(a), &Factor::new(s)) }
    }

    /// acc + a·s, on a multiple of eight elements.
    pub(crate) fn add_scaled(self, acc: &mut [Fr], a: &[Fr], s: &Fr) {
        // SAFETY: as above.
        unsafe { add_scaled(elements_mut(acc), elements(a), &Factor::new(s)) }
    }

    /// The canonical limbs of a multiple of eight elements, least significant first.
    pub(crate) fn write_canonical(self, from: &[Fr], to: [&mut [u64]; 4]) {
        // SAFETY: as above.
        unsafe { write_canonical(elements(from), to) }
    }

    /// acc + a·b, on a multiple of eight elements.
    pub(crate) fn add_product(self, acc: &mut [Fr], a: &[Fr], b: &[Fr]) {
        // SAFETY: as above.
        unsafe { add_product(elements_mut(acc), elements(a), elements(b)) }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn write_canonical(from: &[[u64; 4]], mut to: [&mut [u64]; 4]) {
    // x·2^256·2^4/2^260
    let sixteen = Lanes(splat([16, 0, 0, 0, 0]));
    for at in (0..from.len()).step_by(WIDTH) {
        let words = Lanes::load(from, at, 1).mul(&sixteen).sub_p().words();
        for (to, word) in to.iter_mut().zip(words) {
            let to = &mut to[at..at + WIDTH];
            // SAFETY: the slice has the 64 bytes of the vector.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), word) }
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn mul_assign(a: &mut [[u64; 4]], b: &[[u64; 4]]) {
    for at in (0..a.len()).step_by(WIDTH) {
        Lanes::load(a, at, 1).mul(&Lanes::load_factor(b, at, 1)).sub_p().store(a, at, 1);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn mul_scalar(a: &mut [[u64; 4]], s: &Factor) {
    let s = Root::broadcast(s);
    for at in (0..a.len()).step_by(WIDTH) {
        s.mul(&Lanes::load(a, at, 1)).sub_p().store(a, at, 1);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn add_scaled(acc: &mut [[u64; 4]], a: &[[u64; 4]], s: &Factor) {
    let s = Root::broadcast(s);
    for at in (0..acc.len()).step_by(WIDTH) {
        let sum = s.mul(&Lanes::load(a, at, 1)).add(&Lanes::load(acc, at, 1));
        sum.reduce().sub_p().store(acc, at, 1);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn add_product(acc: &mut [[u64; 4]], a: &[[u64; 4]], b: &[[u64; 4]]) {
    for at in (0..acc.len()).step_by(WIDTH) {
        let sum = Lanes::load(a, at, 1).mul(&Lanes::load_factor(b, at, 1)).add(&Lanes::load(acc, at, 1));
        sum.reduce().sub_p().store(acc, at, 1);
    }
}
