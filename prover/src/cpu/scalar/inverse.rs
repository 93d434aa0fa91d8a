//! Inverses in Fr and Fq, by the binary greatest common divisor on parts of numbers \[Por20, Algorithm 2\].
//!
//! ```text
//! a, b := x·2^256 mod p, p                                 b = 1 once a = 0
//! step:   a, b := |a − b|, min(a, b) if a is odd;  a := a/2
//! round:  31 steps, which 31 lower and 33 upper bits of a and b decide:
//!
//!     2^31·a' = |f0·a − g0·b|      2^31·b' = |g1·b − f1·a|      f, g ≥ 0, f0 + g0 ≤ 2^31, f1 + g1 ≤ 2^31
//!     2^64·u' = f0·u + g0·v        2^64·v' = f1·u + g1·v        mod p, from u = 1, v = 0
//!
//! after r rounds:   a = σ·u·2^(33r)·x·2^256 and b = −σ·v·2^(33r)·x·2^256 mod p, σ = ±1
//! ```
//!
//! All steps up to the next odd a are one shift. Rows (f0, −g0) and (−f1, g1) have opposite signs at first; their difference has the sums
//! of absolute values and one of their signs, so that no step needs a sign, and u and v none but σ. A reduction divides by
//! 2^64, not by 2^31: u, v ≤ 2p go to (2p·2^31 + 2^64·p)/2^64, below 1.01p, without a comparison. The powers of 2 that this leaves are one
//! product at the end.
//!
//! Where a and b have the same upper bits, a step may take the wrong one as larger; f0·a − g0·b and g1·b − f1·a may then differ in sign,
//! and v becomes 2p − v, as where one of them is 0. Each round still takes 31 bits off the lengths of a and b together, or ends with a = 0:
//! 17 are enough for 2·254 bits, and most inverses take 12.
//!
//! Time varies with the value, as that of halo2curves' inverses does: nothing here keeps a witness from who can measure the prover.
//!
//! \[Por20\]: <https://eprint.iacr.org/2020/972>

use std::hint::select_unpredictable;
use std::num::NonZeroU64;

use super::plain::mul_add;
use super::{double, is_zero, reduce, sub_plain, Limbs, Multiplier, Plain, Prime};

/// Halvings in a round: lower bits that are known.
const STEPS: u32 = 31;
/// ⌈2·254/31⌉
const ROUNDS: usize = 17;

/// 1/x; none of 0.
pub(crate) fn inverse<F: Prime>(x: &F) -> Option<F> {
    let corrections: &'static [Limbs; ROUNDS + 1] = const { &corrections(&F::P) };
    if is_zero(x.limbs()) {
        return None;
    }
    let mut gcd = Gcd { a: *x.limbs(), b: F::P, u: [1, 0, 0, 0], v: [0; 4], negative: false, rounds: 0 };
    gcd.rounds_of_limbs::<F, 4>();
    gcd.rounds_of_limbs::<F, 3>();
    gcd.rounds_of_limbs::<F, 2>();
    gcd.rounds_of_limbs::<F, 1>();
    let product = reduce(&Plain.mul_lazy::<F>(&corrections[gcd.rounds], &gcd.v), &F::P);
    (gcd.b == [1, 0, 0, 0]).then(|| F::from_limbs(if gcd.negative { product } else { sub_plain(&F::P, &product) }))
}

/// 2^(33r + 768) mod p for each number of rounds: the product by it divides by 2^256, and 2^512/x·2^256 is the inverse as it is kept.
const fn corrections(p: &Limbs) -> [Limbs; ROUNDS + 1] {
    let (mut table, mut power, mut exponent, mut round) = ([[0; 4]; ROUNDS + 1], [1, 0, 0, 0], 0, 0);
    while round <= ROUNDS {
        while exponent < 33 * round + 768 {
            power = double_mod(power, p);
            exponent += 1;
        }
        table[round] = power;
        round += 1;
    }
    table
}

/// 2a mod p, at compile time.
const fn double_mod(a: Limbs, p: &Limbs) -> Limbs {
    let twice = double(a);
    let (mut difference, mut borrow, mut i) = ([0; 4], false, 0);
    while i < 4 {
        let (limb, first) = twice[i].overflowing_sub(p[i]);
        let (limb, second) = limb.overflowing_sub(borrow as u64);
        (difference[i], borrow) = (limb, first || second);
        i += 1;
    }
    if borrow {
        twice
    } else {
        difference
    }
}

/// What a round changes.
struct Gcd {
    a: Limbs,
    /// Odd.
    b: Limbs,
    /// At most 2p, as `v`.
    u: Limbs,
    v: Limbs,
    /// σ = −1
    negative: bool,
    rounds: usize,
}

impl Gcd {
    /// Rounds while a or b has N limbs, from no more; the last ones, N = 1, until a = 0.
    #[inline(always)]
    fn rounds_of_limbs<F: Prime, const N: usize>(&mut self) {
        while (self.a[N - 1] | if N == 1 { 0 } else { self.b[N - 1] }) != 0 && self.rounds < ROUNDS {
            let (a, b) = if N == 1 { (self.a[0], self.b[0]) } else { self.parts(N - 1) };
            let [(f0, g0), (f1, g1)] = steps(a, b);
            let (a, negative) = difference::<N>(f0, &self.a, g0, &self.b);
            let (b, other) = difference::<N>(g1, &self.b, f1, &self.a);
            let u = combination::<F>(f0, &self.u, g0, &self.v);
            let v = combination::<F>(f1, &self.u, g1, &self.v);
            let v = if negative == other { v } else { sub_plain(&F::TWO_P, &v) };
            *self = Self { a, b, u, v, negative: self.negative ^ negative, rounds: self.rounds + 1 };
        }
    }

    /// The 31 lowest bits of a and b and the 33 from the highest of both, which is in the limb `top`.
    #[inline(always)]
    fn parts(&self, top: usize) -> (u64, u64) {
        const LOW: u64 = (1 << STEPS) - 1;
        let shift = (self.a[top] | self.b[top]).leading_zeros();
        let part = |x: &Limbs| (x[top] << shift | x[top - 1] >> 1 >> (63 - shift)) & !LOW | x[0] & LOW;
        (part(&self.a), part(&self.b))
    }
}

/// 31 steps: \[(f0, g0), (f1, g1)\].
#[inline(always)]
fn steps(mut a: u64, mut b: u64) -> [(u64, u64); 2] {
    // f + 2^32·g
    let (mut row0, mut row1) = (1, 1 << 32);
    let split = |row: u64| (row & u64::from(u32::MAX), row >> 32);
    let mut left = STEPS;
    let mut zeros = a.trailing_zeros();
    while zeros < left {
        a >>= zeros;
        row1 <<= zeros;
        left -= zeros;
        // Equal parts leave by a branch, so that what every step waits for is a difference, its zeros and a shift.
        let Some(distance) = NonZeroU64::new(a.wrapping_sub(b)) else {
            return [split(row0 + row1), split(row1 << left)];
        };
        // Who is larger is random: without a branch.
        let less = a < b;
        b = select_unpredictable(less, a, b);
        a = select_unpredictable(less, distance.get().wrapping_neg(), distance.get());
        zeros = distance.trailing_zeros();
        (row0, row1) = (row0 + row1, select_unpredictable(less, row0, row1));
    }
    [split(row0), split(row1 << left)]
}

/// |f·a − g·b|/2^31 for a and b of N limbs, and whether f·a < g·b.
#[inline(always)]
fn difference<const N: usize>(f: u64, a: &Limbs, g: u64, b: &Limbs) -> (Limbs, bool) {
    let (mut limbs, mut sum) = ([0; 5], 0i128);
    for i in 0..N {
        sum += i128::from(f) * i128::from(a[i]) - i128::from(g) * i128::from(b[i]);
        limbs[i] = sum as u64;
        sum >>= 64;
    }
    limbs[N] = sum as u64;
    let negative = sum < 0;
    let (mut absolute, mut carry) = ([0; 4], negative);
    for i in 0..N {
        let limb = limbs[i] >> STEPS | limbs[i + 1] << (64 - STEPS);
        (absolute[i], carry) = (limb ^ u64::from(negative).wrapping_neg()).overflowing_add(u64::from(carry));
    }
    (absolute, negative)
}

/// (f·u + g·v)/2^64 mod p, below 1.01p.
#[inline(always)]
fn combination<F: Prime>(f: u64, u: &Limbs, g: u64, v: &Limbs) -> Limbs {
    let (mut limbs, mut sum) = ([0; 4], 0u128);
    for i in 0..4 {
        sum += u128::from(f) * u128::from(u[i]) + u128::from(g) * u128::from(v[i]);
        limbs[i] = sum as u64;
        sum >>= 64;
    }
    let m = limbs[0].wrapping_mul(F::NEG_INV);
    let (_, mut carry) = mul_add(m, F::P[0], limbs[0], 0);
    let mut reduced = [0; 4];
    for i in 1..4 {
        (reduced[i - 1], carry) = mul_add(m, F::P[i], limbs[i], carry);
    }
    reduced[3] = carry + sum as u64;
    reduced
}
