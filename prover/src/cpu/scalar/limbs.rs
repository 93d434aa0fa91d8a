//! Sums and differences of four limbs.

use std::hint::select_unpredictable;

/// Σ_i limb_i·2^(64i).
pub(crate) type Limbs = [u64; 4];

/// −p^(−1) mod 2^64 for odd p: x(2 − p·x) doubles the number of right bits, from one.
pub(super) const fn negated_inverse(p: u64) -> u64 {
    let (mut x, mut step) = (1u64, 0);
    while step < 6 {
        x = x.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(x)));
        step += 1;
    }
    x.wrapping_neg()
}

/// 2a, below 2^256.
pub(crate) const fn double(a: Limbs) -> Limbs {
    [a[0] << 1, a[1] << 1 | a[0] >> 63, a[2] << 1 | a[1] >> 63, a[3] << 1 | a[2] >> 63]
}

/// Whether a = 0.
#[inline(always)]
pub(crate) fn is_zero(a: &Limbs) -> bool {
    a[0] | a[1] | a[2] | a[3] == 0
}

/// a + b mod 2^256.
#[inline(always)]
pub(crate) fn add_plain(a: &Limbs, b: &Limbs) -> Limbs {
    let (mut sum, mut carry) = ([0; 4], false);
    for i in 0..4 {
        (sum[i], carry) = add(a[i], b[i], carry);
    }
    sum
}

/// acc += w; the last limb of acc counts what the others do not hold.
#[inline(always)]
pub(super) fn accumulate(acc: &mut [u64; 9], w: &[u64; 8]) {
    let mut carry = false;
    for (acc, w) in acc.iter_mut().zip(w) {
        (*acc, carry) = add(*acc, *w, carry);
    }
    acc[8] += u64::from(carry);
}

/// a − b mod 2^256, and whether a < b.
#[inline(always)]
fn sub_borrow(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let (mut difference, mut borrow) = ([0; 4], false);
    for i in 0..4 {
        (difference[i], borrow) = sub(a[i], b[i], borrow);
    }
    (difference, borrow)
}

/// a − b mod 2^256.
#[inline(always)]
pub(crate) fn sub_plain(a: &Limbs, b: &Limbs) -> Limbs {
    sub_borrow(a, b).0
}

/// a, or a − b for b ≤ a.
#[inline(always)]
pub(crate) fn reduce(a: &Limbs, b: &Limbs) -> Limbs {
    let (difference, borrow) = sub_borrow(a, b);
    // Without a branch: half of them would be guessed wrong.
    std::array::from_fn(|i| select_unpredictable(borrow, a[i], difference[i]))
}

/// Below p, from below 4p.
#[inline(always)]
pub(crate) fn reduce_twice<F: super::Prime>(a: &Limbs) -> Limbs {
    reduce(&reduce(a, &F::TWO_P), &F::P)
}

/// p − a if `negative`, without a branch: signs are random. 0 becomes p.
#[inline(always)]
pub(crate) fn negate_if(negative: bool, a: &Limbs, p: &Limbs) -> Limbs {
    let opposite = sub_plain(p, a);
    std::array::from_fn(|i| select_unpredictable(negative, opposite[i], a[i]))
}

/// The instructions themselves: where a term is constant, the compiler loses chains of carries that are written otherwise. Of x86-64
/// without extensions; not every release of Rust has them as safe functions.
#[cfg(target_arch = "x86_64")]
const ADD: unsafe fn(u8, u64, u64, &mut u64) -> u8 = std::arch::x86_64::_addcarry_u64;
#[cfg(target_arch = "x86_64")]
const SUB: unsafe fn(u8, u64, u64, &mut u64) -> u8 = std::arch::x86_64::_subborrow_u64;

/// a + b + carry, and the carry of that.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "an instruction of every processor of the family")]
#[inline(always)]
fn add(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let mut sum = 0;
    // SAFETY: every processor of x86-64 has it, and it writes `sum` alone.
    let carry = unsafe { ADD(u8::from(carry), a, b, &mut sum) };
    (sum, carry != 0)
}

/// a − b − borrow, and the borrow of that.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "an instruction of every processor of the family")]
#[inline(always)]
fn sub(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let mut difference = 0;
    // SAFETY: as above.
    let borrow = unsafe { SUB(u8::from(borrow), a, b, &mut difference) };
    (difference, borrow != 0)
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn add(a: u64, b: u64, carry: bool) -> (u64, bool) {
    a.carrying_add(b, carry)
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn sub(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    a.borrowing_sub(b, borrow)
}
