//! Arithmetic on eight field elements at a time, with the 52-bit multiplier of AVX-512 IFMA.
//!
//! ```text
//! x = Σ_i x_i·2^(52i),  i < 5      lane j of word i is limb x_i of element j; a limb is a whole 64-bit word
//! ```
//!
//! Limbs are *proper* below 2^52, as the multiplier reads them, but sums leave them larger until [`Lanes::carry`]. Values
//! are below 2^260 ≈ 84.6·p and reduced late; bounds are multiples of p. Elements keep the Montgomery form of `Fr`,
//! x·2^256 mod p: a product with a constant takes the constant's plain value.
//!
//! | product      | operations | identity                                             | bound                            |
//! |--------------|------------|------------------------------------------------------|----------------------------------|
//! | `Root::mul`  | 84         | x·w − q·p, q = ⌊x·w'/2^260⌋ or 1 less, w' = ⌊w·2^260/p⌋ | (1 + x/2^260 + 2^(−49))·p     |
//! | `Lanes::mul` | 105        | (x·y + m·p)/2^260, m < 2^260 found limb by limb      | (1 + (x/2^260)·(y/p))·p          |
//!
//! The first is Shoup's product [Har14] §2, only the upper columns of x·w' being summed; the second is Montgomery's.
//!
//! [Har14]: https://arxiv.org/abs/1205.2926
#![expect(unsafe_code, reason = "loads and stores of elements by vector instructions")]

use super::limbs::{Factor, BARRETT, BIAS, MASK, NEG_P, NEG_P_INV, P, WIDE_BIAS};
use std::arch::x86_64::*;

/// A word of eight lanes.
fn word(lanes: [u64; 8]) -> __m512i {
    // SAFETY: both types are 64 bytes of plain integers.
    unsafe { std::mem::transmute(lanes) }
}

/// A factor for each lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    w: [__m512i; 5],
    quotient: [__m512i; 5],
}

impl Root {
    /// The factors in lane order.
    pub(super) fn gather(factors: [&Factor; 8]) -> Self {
        Self {
            w: std::array::from_fn(|i| word(factors.map(|f| f.w[i]))),
            quotient: std::array::from_fn(|i| word(factors.map(|f| f.quotient[i]))),
        }
    }

    /// One factor in all lanes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn broadcast(factor: &Factor) -> Self {
        Self { w: splat(factor.w), quotient: splat(factor.quotient) }
    }

    /// x·w, proper; x must be proper.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn mul(&self, x: &Lanes) -> Lanes {
        let zero = _mm512_setzero_si512();
        // Columns 4 to 9 of x·w'.
        let mut q = [zero; 6];
        for i in 0..5 {
            for j in 0..5 {
                if i + j >= 4 {
                    q[i + j - 4] = _mm512_madd52lo_epu64(q[i + j - 4], x.0[i], self.quotient[j]);
                }
                if i + j >= 3 {
                    q[i + j - 3] = _mm512_madd52hi_epu64(q[i + j - 3], x.0[i], self.quotient[j]);
                }
            }
        }
        let q = Lanes([_mm512_add_epi64(q[1], _mm512_srli_epi64::<52>(q[0])), q[2], q[3], q[4], q[5]]).carry();
        let r = Lanes([zero; 5]).add_low(x, &self.w);
        r.add_low(&q, &splat(NEG_P)).carry_low()
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn splat(limbs: [u64; 5]) -> [__m512i; 5] {
    [
        _mm512_set1_epi64(limbs[0] as i64),
        _mm512_set1_epi64(limbs[1] as i64),
        _mm512_set1_epi64(limbs[2] as i64),
        _mm512_set1_epi64(limbs[3] as i64),
        _mm512_set1_epi64(limbs[4] as i64),
    ]
}

/// Eight elements, limb by limb.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes(pub(super) [__m512i; 5]);

impl Lanes {
    /// Zero in all lanes.
    pub(super) fn zero() -> Self {
        Self([word([0; 8]); 5])
    }

    /// Elements at, at + stride, …, at + 7·stride, below p and proper.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn load(from: &[[u64; 4]], at: usize, stride: usize) -> Self {
        let [a, b, c, d] = load_words(from, at, stride);
        let mask = _mm512_set1_epi64(MASK as i64);
        let limb = |low, high| _mm512_and_si512(_mm512_or_si512(low, high), mask);
        Self([
            _mm512_and_si512(a, mask),
            limb(_mm512_srli_epi64::<52>(a), _mm512_slli_epi64::<12>(b)),
            limb(_mm512_srli_epi64::<40>(b), _mm512_slli_epi64::<24>(c)),
            limb(_mm512_srli_epi64::<28>(c), _mm512_slli_epi64::<36>(d)),
            _mm512_srli_epi64::<16>(d),
        ])
    }

    /// As [`Self::load`], times 16: the Montgomery form of radix 2^260, below 16p and proper.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn load_factor(from: &[[u64; 4]], at: usize, stride: usize) -> Self {
        let [a, b, c, d] = load_words(from, at, stride);
        let mask = _mm512_set1_epi64(MASK as i64);
        let limb = |low, high| _mm512_and_si512(_mm512_or_si512(low, high), mask);
        Self([
            _mm512_and_si512(_mm512_slli_epi64::<4>(a), mask),
            limb(_mm512_srli_epi64::<48>(a), _mm512_slli_epi64::<16>(b)),
            limb(_mm512_srli_epi64::<36>(b), _mm512_slli_epi64::<28>(c)),
            limb(_mm512_srli_epi64::<24>(c), _mm512_slli_epi64::<40>(d)),
            _mm512_srli_epi64::<12>(d),
        ])
    }

    /// Writes elements at, at + stride, …; they must be proper and below p.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn store(&self, to: &mut [[u64; 4]], at: usize, stride: usize) {
        store_words(self.words(), to, at, stride);
    }

    /// Limbs of 64 bits; these must be proper.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn words(&self) -> [__m512i; 4] {
        let [a, b, c, d, e] = self.0;
        [
            _mm512_or_si512(a, _mm512_slli_epi64::<52>(b)),
            _mm512_or_si512(_mm512_srli_epi64::<12>(b), _mm512_slli_epi64::<40>(c)),
            _mm512_or_si512(_mm512_srli_epi64::<24>(c), _mm512_slli_epi64::<28>(d)),
            _mm512_or_si512(_mm512_srli_epi64::<36>(d), _mm512_slli_epi64::<16>(e)),
        ]
    }

    /// Proper limbs of the same value, which is below 2^260.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn carry(&self) -> Self {
        let mask = _mm512_set1_epi64(MASK as i64);
        let mut x = self.0;
        for i in 0..4 {
            x[i + 1] = _mm512_add_epi64(x[i + 1], _mm512_srli_epi64::<52>(x[i]));
            x[i] = _mm512_and_si512(x[i], mask);
        }
        Self(x)
    }

    /// Proper limbs of the value mod 2^260.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    fn carry_low(&self) -> Self {
        let mut x = self.carry().0;
        x[4] = _mm512_and_si512(x[4], _mm512_set1_epi64(MASK as i64));
        Self(x)
    }

    /// The columns of self + x·y, mod 2^260; x and y must be proper.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    fn add_low(&self, x: &Self, y: &[__m512i; 5]) -> Self {
        let mut sum = self.0;
        for i in 0..5 {
            for j in 0..5 {
                if i + j < 5 {
                    sum[i + j] = _mm512_madd52lo_epu64(sum[i + j], x.0[i], y[j]);
                }
                if i + j < 4 {
                    sum[i + j + 1] = _mm512_madd52hi_epu64(sum[i + j + 1], x.0[i], y[j]);
                }
            }
        }
        Self(sum)
    }

    /// x·y/2^260 mod p, proper; both must be proper.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn mul(&self, y: &Self) -> Self {
        let zero = _mm512_setzero_si512();
        let p = splat(P);
        let neg_inv = _mm512_set1_epi64(NEG_P_INV[0] as i64);
        let mut t = [zero; 6];
        for i in 0..5 {
            for j in 0..5 {
                t[j] = _mm512_madd52lo_epu64(t[j], self.0[j], y.0[i]);
                t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], self.0[j], y.0[i]);
            }
            let m = _mm512_madd52lo_epu64(zero, t[0], neg_inv);
            for j in 0..5 {
                t[j] = _mm512_madd52lo_epu64(t[j], m, p[j]);
                t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], m, p[j]);
            }
            t = [_mm512_add_epi64(t[1], _mm512_srli_epi64::<52>(t[0])), t[2], t[3], t[4], t[5], zero];
        }
        Self([t[0], t[1], t[2], t[3], t[4]]).carry()
    }

    /// x + y, limb by limb.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn add(&self, y: &Self) -> Self {
        let (x, y) = (self.0, y.0);
        Self([
            _mm512_add_epi64(x[0], y[0]),
            _mm512_add_epi64(x[1], y[1]),
            _mm512_add_epi64(x[2], y[2]),
            _mm512_add_epi64(x[3], y[3]),
            _mm512_add_epi64(x[4], y[4]),
        ])
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    fn sub_limbs(&self, y: &[__m512i; 5]) -> Self {
        let x = self.0;
        Self([
            _mm512_sub_epi64(x[0], y[0]),
            _mm512_sub_epi64(x[1], y[1]),
            _mm512_sub_epi64(x[2], y[2]),
            _mm512_sub_epi64(x[3], y[3]),
            _mm512_sub_epi64(x[4], y[4]),
        ])
    }

    /// x − y + 2p, limb by limb; y must be proper and below 2p.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn sub(&self, y: &Self) -> Self {
        self.add(&Self(splat(BIAS))).sub_limbs(&y.0)
    }

    /// x − y + 16p, limb by limb; y must be below 15p, a sum of at most eight proper values.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn sub_wide(&self, y: &Self) -> Self {
        self.add(&Self(splat(WIDE_BIAS))).sub_limbs(&y.0)
    }

    /// x mod p or that plus p, proper and below 1.7·p; x is below 80p and its last limb below 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn reduce(&self) -> Self {
        // q = ⌊x_4·84/2^52⌋ falls short of x/p by less than 1 + 80·(84.6 − 84)/84.6.
        let q = _mm512_madd52hi_epu64(_mm512_setzero_si512(), self.0[4], _mm512_set1_epi64(BARRETT as i64));
        let neg_p = splat(NEG_P);
        let mut x = self.0;
        for i in 0..5 {
            x[i] = _mm512_madd52lo_epu64(x[i], q, neg_p[i]);
            if i < 4 {
                x[i + 1] = _mm512_madd52hi_epu64(x[i + 1], q, neg_p[i]);
            }
        }
        Self(x).carry_low()
    }

    /// x − p if that is not negative, else x; x must be proper.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn sub_p(&self) -> Self {
        let mask = _mm512_set1_epi64(MASK as i64);
        let mut d = self.sub_limbs(&splat(P)).0;
        for i in 0..4 {
            d[i + 1] = _mm512_add_epi64(d[i + 1], _mm512_srai_epi64::<52>(d[i]));
            d[i] = _mm512_and_si512(d[i], mask);
        }
        let negative = _mm512_movepi64_mask(d[4]);
        for (d, x) in d.iter_mut().zip(self.0) {
            *d = _mm512_mask_mov_epi64(*d, negative, x);
        }
        Self(d)
    }

    /// x/2^k mod p, proper and below (1 + x/(2^k·p))·p; k is at most 28, where p = 1 mod 2^28.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn div_power(&self, k: u32) -> Self {
        let zero = _mm512_setzero_si512();
        let mask = _mm512_set1_epi64(MASK as i64);
        let p = splat(P);
        // x + m·p = 0 mod 2^k for m = −x mod 2^k.
        let m = _mm512_and_si512(_mm512_sub_epi64(zero, self.0[0]), _mm512_set1_epi64((1 << k) - 1));
        let [a, b, c, d, e] = self.0;
        let mut t = [a, b, c, d, e, zero];
        for i in 0..5 {
            t[i] = _mm512_madd52lo_epu64(t[i], m, p[i]);
            t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], m, p[i]);
        }
        for i in 0..5 {
            t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<52>(t[i]));
            t[i] = _mm512_and_si512(t[i], mask);
        }
        let (down, up) = (_mm_cvtsi64_si128(i64::from(k)), _mm_cvtsi64_si128(52 - i64::from(k)));
        let mut x = [zero; 5];
        for i in 0..5 {
            x[i] = _mm512_and_si512(_mm512_or_si512(_mm512_srl_epi64(t[i], down), _mm512_sll_epi64(t[i + 1], up)), mask);
        }
        Self(x)
    }
}

/// Lane j of vector i to lane i of vector j.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn transpose(v: &mut [Lanes; 8]) {
    let zero = _mm512_setzero_si512();
    for limb in 0..5 {
        let (mut a, mut b) = ([zero; 8], [zero; 8]);
        for i in 0..4 {
            let (x, y) = (v[2 * i].0[limb], v[2 * i + 1].0[limb]);
            // Columns 0, 2, 4, 6 and columns 1, 3, 5, 7 of two rows.
            a[2 * i] = _mm512_unpacklo_epi64(x, y);
            a[2 * i + 1] = _mm512_unpackhi_epi64(x, y);
        }
        for i in 0..2 {
            for odd in 0..2 {
                let (x, y) = (a[4 * i + odd], a[4 * i + 2 + odd]);
                // Columns odd, odd + 4 and columns odd + 2, odd + 6 of four rows.
                b[4 * i + odd] = _mm512_shuffle_i64x2::<0x88>(x, y);
                b[4 * i + 2 + odd] = _mm512_shuffle_i64x2::<0xdd>(x, y);
            }
        }
        for column in 0..4 {
            v[column].0[limb] = _mm512_shuffle_i64x2::<0x88>(b[column], b[4 + column]);
            v[4 + column].0[limb] = _mm512_shuffle_i64x2::<0xdd>(b[column], b[4 + column]);
        }
    }
}

/// The 64-bit limbs of eight elements, lane by lane.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn load_words(from: &[[u64; 4]], at: usize, stride: usize) -> [__m512i; 4] {
    let zero = _mm512_setzero_si512();
    let mut pairs = [zero; 4];
    for (i, pair) in pairs.iter_mut().enumerate() {
        let (x, y) = (&from[at + 2 * i * stride], &from[at + (2 * i + 1) * stride]);
        // SAFETY: both point to four words.
        let (x, y) = unsafe { (_mm256_loadu_si256(x.as_ptr().cast()), _mm256_loadu_si256(y.as_ptr().cast())) };
        *pair = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(x), y);
    }
    let low = _mm512_set_epi64(13, 9, 5, 1, 12, 8, 4, 0);
    let high = _mm512_set_epi64(15, 11, 7, 3, 14, 10, 6, 2);
    // Limbs 0 and 1, and limbs 2 and 3, of four elements.
    let (a, b) = (_mm512_permutex2var_epi64(pairs[0], low, pairs[1]), _mm512_permutex2var_epi64(pairs[2], low, pairs[3]));
    let (c, d) = (_mm512_permutex2var_epi64(pairs[0], high, pairs[1]), _mm512_permutex2var_epi64(pairs[2], high, pairs[3]));
    [
        _mm512_shuffle_i64x2::<0x44>(a, b),
        _mm512_shuffle_i64x2::<0xee>(a, b),
        _mm512_shuffle_i64x2::<0x44>(c, d),
        _mm512_shuffle_i64x2::<0xee>(c, d),
    ]
}

/// `load_words` undone.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn store_words(words: [__m512i; 4], to: &mut [[u64; 4]], at: usize, stride: usize) {
    let [a, b, c, d] = words;
    let (ab, cd) = ([_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)], [_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d)]);
    let front = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    let back = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    for odd in 0..2 {
        // Elements odd and odd + 2, then odd + 4 and odd + 6.
        let halves = [_mm512_permutex2var_epi64(ab[odd], front, cd[odd]), _mm512_permutex2var_epi64(ab[odd], back, cd[odd])];
        for (i, half) in halves.into_iter().enumerate() {
            let (x, y) = (_mm512_castsi512_si256(half), _mm512_extracti64x4_epi64::<1>(half));
            let (first, second) = (at + (4 * i + odd) * stride, at + (4 * i + 2 + odd) * stride);
            // SAFETY: each index is checked and its element is four words.
            unsafe {
                _mm256_storeu_si256(to[first].as_mut_ptr().cast(), x);
                _mm256_storeu_si256(to[second].as_mut_ptr().cast(), y);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limbs::{elements, mul_low};
    use super::*;
    use halo2_proofs::halo2curves::bn256::Fr;
    use halo2_proofs::halo2curves::ff::{Field, PrimeField};

    /// Vectors of the values at the ends of the ranges, limb by limb: 0, 1, p − 1, p, 2p − 1, and 70p or so.
    fn extremes() -> Lanes {
        let less = |x: [u64; 5]| [x[0] - 1, x[1], x[2], x[3], x[4]];
        let twice = mul_low(P, [2, 0, 0, 0, 0]);
        let large = mul_low(P, [70, 0, 0, 0, 0]);
        let full = [MASK, MASK, MASK, MASK, large[4]];
        from_lanes([[0; 5], [1, 0, 0, 0, 0], less(P), P, less(twice), twice, large, full])
    }

    fn from_lanes(x: [[u64; 5]; 8]) -> Lanes {
        Lanes(std::array::from_fn(|limb| word(x.map(|x| x[limb]))))
    }

    fn to_lanes(x: &Lanes) -> [[u64; 5]; 8] {
        // SAFETY: both types are 64 bytes of plain integers.
        let words = x.0.map(|w| unsafe { std::mem::transmute::<__m512i, [u64; 8]>(w) });
        std::array::from_fn(|lane| words.map(|w| w[lane]))
    }

    /// The values mod p, of limbs of any size.
    fn values(x: &Lanes) -> [Fr; 8] {
        to_lanes(x).map(|x| x.iter().rev().fold(Fr::ZERO, |sum, limb| sum * Fr::from(1 << 52) + Fr::from(*limb)))
    }

    /// Whether all limbs are proper and all values below `times`·p.
    fn proper_below(x: &Lanes, times: u64) -> bool {
        let bound = mul_low(P, [times, 0, 0, 0, 0]);
        to_lanes(x).iter().all(|x| x.iter().all(|limb| *limb <= MASK) && x.iter().rev().lt(bound.iter().rev()))
    }

    fn zip(x: [Fr; 8], y: [Fr; 8], f: impl Fn(Fr, Fr) -> Fr) -> [Fr; 8] {
        std::array::from_fn(|i| f(x[i], y[i]))
    }

    #[test]
    fn constants() {
        assert_eq!(values(&from_lanes([P; 8])), [Fr::ZERO; 8]);
        assert_eq!(mul_low(P, NEG_P_INV), [MASK; 5]);
        assert_eq!((BARRETT, BARRETT), ((1 << 52) / P[4], (1 << 52) / (P[4] + 1)));
        assert_eq!(P[0] % (1 << 28), 1);
    }

    #[test]
    fn arithmetic_at_the_bounds() {
        if crate::cpu::ifma::Ifma::detect().is_some() {
            // SAFETY: the processor has the instructions.
            unsafe { check_at_the_bounds() }
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    fn check_at_the_bounds() {
        let x = extremes();
        let radix = (0..260).fold(Fr::ONE, |r, _| r * Fr::TWO_INV);
        for factor in [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::DELTA, Fr::ROOT_OF_UNITY] {
            let product = Root::broadcast(&Factor::new(&factor)).mul(&x);
            assert!(proper_below(&product, 2));
            assert_eq!(values(&product), values(&x).map(|x| x * factor));
            let factors = [factor; 8];
            let other = Lanes::load_factor(elements(&factors), 0, 1);
            let product = x.mul(&other);
            assert!(proper_below(&product, 15));
            assert_eq!(values(&product), zip(values(&x), values(&other), |x, y| x * y * radix));
        }
        let reduced = x.reduce();
        assert!(proper_below(&reduced, 2));
        assert_eq!(values(&reduced), values(&x));
        assert!(proper_below(&reduced.sub_p(), 1));
        assert_eq!(values(&reduced.sub_p()), values(&x));
        assert_eq!(values(&x.sub(&reduced)), zip(values(&x), values(&reduced), |x, y| x - y));
        let sum = (0..7).fold(reduced, |sum, _| sum.add(&reduced));
        assert_eq!(values(&x.sub_wide(&sum).carry()), zip(values(&x), values(&sum), |x, y| x - y));
        for k in [7, 8, 20, 28] {
            let quotient = x.div_power(k);
            assert!(proper_below(&quotient, 2));
            assert_eq!(values(&quotient), values(&x).map(|x| x * Fr::TWO_INV.pow_vartime([u64::from(k)])));
        }
    }

    #[test]
    fn elements_in_and_out() {
        if crate::cpu::ifma::Ifma::detect().is_some() {
            // SAFETY: the processor has the instructions.
            unsafe { check_elements() }
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    fn check_elements() {
        let from: Vec<[u64; 4]> = (0..64u64).map(|i| [i, !i, i << 40, i << 50]).collect();
        let mut block: [Lanes; 8] = std::array::from_fn(|i| Lanes::load(&from, 8 * i, 1));
        transpose(&mut block);
        let mut to = vec![[0; 4]; 64];
        for (i, x) in block.iter().enumerate() {
            assert_eq!(to_lanes(x), to_lanes(&Lanes::load(&from, i, 8)));
            x.store(&mut to, i, 8);
        }
        assert_eq!(from, to);
    }
}
