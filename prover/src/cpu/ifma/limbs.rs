//! The modulus and constant factors as five limbs of 52 bits, and elements as their four limbs of 64.
//!
//! ```text
//! Fr: x·2^256 mod p = Σ_i e_i·2^(64i), i < 4        here: x = Σ_i x_i·2^(52i), i < 5
//! ```
#![expect(unsafe_code, reason = "elements seen as their limbs")]

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;

use crate::cpu::scalar::Prime;

/// The bits of a proper limb.
pub(crate) const MASK: u64 = (1 << 52) - 1;
/// p.
pub(super) const P: [u64; 5] = reslice(Fr::P);
/// 2^260 − p.
pub(super) const NEG_P: [u64; 5] = negate(P);
/// −p^(−1) mod 2^260; its lowest limb is Montgomery's constant.
pub(super) const NEG_P_INV: [u64; 5] = negate(inverse(P));
/// ⌊2^260/p⌋.
pub(crate) const BARRETT: u64 = 84;
/// 2p, its limbs (but the last) above every proper limb.
pub(super) const BIAS: [u64; 5] = bias(2, 1);
/// 16p, its limbs (but the last) above the sum of eight proper limbs.
pub(super) const WIDE_BIAS: [u64; 5] = bias(16, 8);

/// The 52-bit limbs of four 64-bit limbs.
pub(crate) const fn reslice(w: [u64; 4]) -> [u64; 5] {
    [w[0] & MASK, (w[0] >> 52 | w[1] << 12) & MASK, (w[1] >> 40 | w[2] << 24) & MASK, (w[2] >> 28 | w[3] << 36) & MASK, w[3] >> 16]
}

/// a·b mod 2^260.
pub(super) const fn mul_low(a: [u64; 5], b: [u64; 5]) -> [u64; 5] {
    let (mut product, mut carry, mut column) = ([0; 5], 0u128, 0);
    while column < 5 {
        let mut i = 0;
        while i <= column {
            carry += a[i] as u128 * b[column - i] as u128;
            i += 1;
        }
        product[column] = carry as u64 & MASK;
        carry >>= 52;
        column += 1;
    }
    product
}

/// −a mod 2^260.
pub(crate) const fn negate(a: [u64; 5]) -> [u64; 5] {
    mul_low(a, [MASK; 5])
}

/// a^(−1) mod 2^260 for odd a: x(2 − a·x) doubles the number of right bits, from one.
pub(crate) const fn inverse(a: [u64; 5]) -> [u64; 5] {
    let (mut x, mut step) = ([1, 0, 0, 0, 0], 0);
    while step < 9 {
        let mut factor = negate(mul_low(a, x));
        let (mut carry, mut i) = (2, 0);
        while i < 5 {
            carry += factor[i];
            factor[i] = carry & MASK;
            carry >>= 52;
            i += 1;
        }
        x = mul_low(x, factor);
        step += 1;
    }
    x
}

/// times·p with `spare`·2^52 lent from each limb to the one below.
const fn bias(times: u64, spare: u64) -> [u64; 5] {
    let b = mul_low(P, [times, 0, 0, 0, 0]);
    let lent = spare << 52;
    [b[0] + lent, b[1] + lent - spare, b[2] + lent - spare, b[3] + lent - spare, b[4] - spare]
}

/// A constant factor w and w' = ⌊w·2^260/p⌋, as 52-bit limbs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor {
    pub(super) w: [u64; 5],
    pub(super) quotient: [u64; 5],
}

impl Factor {
    /// Both by one product: w' = −(w·2^260 mod p)·p^(−1) mod 2^260.
    pub(super) fn new(factor: &Fr) -> Self {
        let bytes = factor.to_repr();
        let mut w = [0; 4];
        for (limb, bytes) in w.iter_mut().zip(bytes.chunks_exact(8)) {
            *limb = bytes.iter().rev().fold(0, |sum, b| sum << 8 | u64::from(*b));
        }
        // w'·p = w·2^260 − (w·2^260 mod p), and the factor's Montgomery form is w·2^256 mod p.
        let remainder = reslice(limbs_of(&(*factor * Fr::from(16))));
        Self { w: reslice(w), quotient: mul_low(remainder, NEG_P_INV) }
    }
}

/// The Montgomery limbs of an element.
pub(super) fn limbs_of(x: &Fr) -> [u64; 4] {
    elements(std::slice::from_ref(x))[0]
}

const _: () = assert!(size_of::<Fr>() == 32 && align_of::<Fr>() == align_of::<[u64; 4]>());

/// The Montgomery limbs of elements.
pub(super) fn elements(x: &[Fr]) -> &[[u64; 4]] {
    // SAFETY: `Fr` has one field, a [u64; 4], of its own size and alignment (asserted above), so it lies at offset 0.
    unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), x.len()) }
}

/// The Montgomery limbs of elements, to write; the writer keeps them below p.
pub(super) fn elements_mut(x: &mut [Fr]) -> &mut [[u64; 4]] {
    // SAFETY: as in `elements`; every bit pattern is an initialized `Fr`.
    unsafe { std::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), x.len()) }
}
