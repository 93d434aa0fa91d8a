//! Sums of products, reduced once.
//!
//! ```text
//! s = Σ a·b = L + 2^256·M + 2^512·H,  L, M < 2^256          s/2^256 = L∘1 + M + H·2^256  (mod p)
//! ```
//!
//! A term costs the 16 products of limbs, the reduction as many again and a few. H·2^256 mod p is how H is kept.

use super::{add_plain, limbs::accumulate, reduce, reduce_twice, Limbs, Multiplier, Prime};

/// A sum of fewer than 2^60 products of elements.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum([u64; 9]);

impl Sum {
    /// += a·b.
    #[inline(always)]
    pub(crate) fn add<F: Prime>(&mut self, by: impl Multiplier, a: &F, b: &F) {
        accumulate(&mut self.0, &by.product(a.limbs(), b.limbs()));
    }

    /// The element.
    #[inline(always)]
    pub(crate) fn reduce<F: Prime + From<u64>>(&self, by: impl Multiplier) -> F {
        const ONE: Limbs = [1, 0, 0, 0];
        let [l0, l1, l2, l3, m0, m1, m2, m3, high] = self.0;
        // L∘1 ≤ p, and M, below 5.3p, becomes less than 2p.
        let low = by.mul_lazy::<F>(&ONE, &[l0, l1, l2, l3]);
        let middle = reduce(&reduce(&[m0, m1, m2, m3], &F::TWO_P), &F::TWO_P);
        let sum = F::from_limbs(reduce_twice::<F>(&add_plain(&low, &middle)));
        if high == 0 {
            sum
        } else {
            sum + F::from(high)
        }
    }
}
