//! Products in Fr and Fq on limbs of 64 bits, for what is not done by vectors.
//!
//! ```text
//! x·2^256 mod p = Σ_i x_i·2^(64i), i < 4            the form of halo2curves, so that nothing is converted
//!
//! t := 0;  for each b_i:  t := (t + a·b_i + m·p)/2^64,  m = −(t + a·b_i)/p mod 2^64          a∘b = a·b/2^256 mod p
//! ```
//!
//! A row leaves t < a + p, and both primes are below 0.1891·2^256: where a ≤ 4p, t keeps to four limbs, without the word for carries of other
//! primes \[EdMSM, Algorithm 2\]. The end is below p + a·b/2^256, so that for a < α·p and b < β·p
//!
//! ```text
//! a∘b < (1 + 0.1891·α·β)·p            α ≤ 4, b below 2^256 = 5.28p
//! ```
//!
//! [`Plain`] is for any processor, [`Adx`] for those of x86-64 with `mulx`, `adcx` and `adox`: all of Zen, Intel's since Broadwell.
//!
//! \[EdMSM\]: <https://eprint.iacr.org/2022/1400>

use std::fmt::Debug;

use halo2_proofs::halo2curves::bn256::{Fq, Fr};
use halo2_proofs::halo2curves::ff::Field;

#[cfg(target_arch = "x86_64")]
mod adx;
#[cfg(not(target_arch = "x86_64"))]
#[path = "scalar/absent.rs"]
mod adx;
pub(crate) mod chains;
mod inverse;
mod limbs;
mod plain;
mod sum;

pub(crate) use adx::Adx;
pub(crate) use inverse::inverse;
pub(crate) use limbs::{add_plain, double, is_zero, negate_if, reduce, reduce_twice, sub_plain, Limbs};
pub(crate) use plain::Plain;
pub(crate) use sum::Sum;

/// A field whose elements are four limbs in Montgomery form.
pub(crate) trait Prime: Field {
    /// p.
    const P: Limbs;
    /// 2p.
    const TWO_P: Limbs = double(Self::P);
    /// −p^(−1) mod 2^64.
    const NEG_INV: u64 = limbs::negated_inverse(Self::P[0]);

    /// x·2^256 mod p.
    fn limbs(&self) -> &Limbs;

    /// The element of these limbs. Only those below p are of use outside of this crate's kernels.
    fn from_limbs(limbs: Limbs) -> Self;
}

/// Who multiplies.
pub(crate) trait Multiplier: Copy + Debug + Send + Sync {
    /// a∘b, not reduced; a ≤ 4p.
    fn mul_lazy<F: Prime>(self, a: &Limbs, b: &Limbs) -> Limbs;

    /// a∘a, not reduced; a ≤ 2p.
    fn square_lazy<F: Prime>(self, a: &Limbs) -> Limbs;

    /// a·b, all of it.
    fn product(self, a: &Limbs, b: &Limbs) -> [u64; 8];

    /// The product of elements.
    #[inline(always)]
    fn mul<F: Prime>(self, a: &F, b: &F) -> F {
        F::from_limbs(reduce(&self.mul_lazy::<F>(a.limbs(), b.limbs()), &F::P))
    }
}

/// [`Plain`], or [`Adx`] where the processor has it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar {
    Plain(Plain),
    Adx(Adx),
}

impl Scalar {
    pub(crate) const PLAIN: Self = Self::Plain(Plain);

    /// The faster of those that the processor has and that are wanted.
    #[inline]
    pub(crate) fn detect() -> Self {
        Adx::detect().map_or(Self::PLAIN, Self::Adx)
    }

    /// All that there are on this machine.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        [Self::PLAIN].into_iter().chain(Adx::detect().map(Self::Adx)).collect()
    }
}

/// An expression with a [`Multiplier`], compiled for each: `with_multiplier!(scalar, by => f(by))`.
macro_rules! with_multiplier {
    ($scalar:expr, $by:ident => $body:expr) => {
        match $scalar {
            $crate::cpu::scalar::Scalar::Plain($by) => $body,
            $crate::cpu::scalar::Scalar::Adx($by) => $body,
        }
    };
}
pub(crate) use with_multiplier;

macro_rules! prime {
    ($field:ty, $p:expr) => {
        const _: () = assert!(size_of::<$field>() == size_of::<Limbs>() && align_of::<$field>() == align_of::<Limbs>());

        #[expect(unsafe_code, reason = "elements seen as their limbs")]
        impl Prime for $field {
            const P: Limbs = $p;

            #[inline(always)]
            fn limbs(&self) -> &Limbs {
                // SAFETY: the type has one field, a [u64; 4], of its own size and alignment (asserted above), so it lies at offset 0.
                unsafe { &*std::ptr::from_ref(self).cast() }
            }

            #[inline(always)]
            fn from_limbs(limbs: Limbs) -> Self {
                // SAFETY: as above; every bit pattern is an initialized value.
                unsafe { std::mem::transmute::<Limbs, Self>(limbs) }
            }
        }
    };
}
prime!(Fr, [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029]);
prime!(Fq, [0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029]);

#[cfg(test)]
mod tests;
