//! Products in Rust, for any processor.

use super::{Limbs, Multiplier, Prime};

/// On any processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain;

impl Multiplier for Plain {
    #[inline(always)]
    fn mul_lazy<F: Prime>(self, a: &Limbs, b: &Limbs) -> Limbs {
        let p = F::P;
        let mut t = [0; 4];
        for b in *b {
            // t + a·b and (t + a·b + m·p)/2^64, limb by limb, each with a carry of its own.
            let (low, mut carry) = mul_add(a[0], b, t[0], 0);
            let m = low.wrapping_mul(F::NEG_INV);
            let (_, mut reduced) = mul_add(m, p[0], low, 0);
            for i in 1..4 {
                let limb;
                (limb, carry) = mul_add(a[i], b, t[i], carry);
                (t[i - 1], reduced) = mul_add(m, p[i], limb, reduced);
            }
            t[3] = carry.wrapping_add(reduced);
        }
        t
    }

    #[inline(always)]
    fn square_lazy<F: Prime>(self, a: &Limbs) -> Limbs {
        // Products of different limbs, twice, and the squares of limbs.
        let (w1, carry) = mul_add(a[0], a[1], 0, 0);
        let (w2, carry) = mul_add(a[0], a[2], carry, 0);
        let (w3, w4) = mul_add(a[0], a[3], carry, 0);
        let (w3, carry) = mul_add(a[1], a[2], w3, 0);
        let (w4, w5) = mul_add(a[1], a[3], w4, carry);
        let (w5, w6) = mul_add(a[2], a[3], w5, 0);
        let twice =
            [0, w1 << 1, w2 << 1 | w1 >> 63, w3 << 1 | w2 >> 63, w4 << 1 | w3 >> 63, w5 << 1 | w4 >> 63, w6 << 1 | w5 >> 63, w6 >> 63];
        let (mut w, mut carry) = (twice, 0);
        for i in 0..4 {
            let high;
            (w[2 * i], high) = mul_add(a[i], a[i], twice[2 * i], carry);
            let (sum, over) = twice[2 * i + 1].overflowing_add(high);
            (w[2 * i + 1], carry) = (sum, u64::from(over));
        }
        // The lower half becomes (w + m·p)/2^256 ≤ p, without the upper one.
        let mut t = [w[0], w[1], w[2], w[3]];
        for _ in 0..4 {
            let m = t[0].wrapping_mul(F::NEG_INV);
            let (_, mut carry) = mul_add(m, F::P[0], t[0], 0);
            for i in 1..4 {
                (t[i - 1], carry) = mul_add(m, F::P[i], t[i], carry);
            }
            t[3] = carry;
        }
        super::add_plain(&t, &[w[4], w[5], w[6], w[7]])
    }

    #[inline(always)]
    fn product(self, a: &Limbs, b: &Limbs) -> [u64; 8] {
        let mut w = [0; 8];
        for (i, b) in b.iter().enumerate() {
            let mut carry = 0;
            for (j, a) in a.iter().enumerate() {
                (w[i + j], carry) = mul_add(*a, *b, w[i + j], carry);
            }
            w[i + 4] = carry;
        }
        w
    }
}

/// Both limbs of a·b + c + d.
#[inline(always)]
pub(super) fn mul_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let sum = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (sum as u64, (sum >> 64) as u64)
}
