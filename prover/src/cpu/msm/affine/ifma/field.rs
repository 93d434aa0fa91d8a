//! Arithmetic of eight coordinates at a time in five limbs of 52 bits, and of sixteen where products hide latencies.
//!
//! Limbs are *proper* below 2^52, as the multiplier reads them; what is not carried may have any signed limbs. Every function
//! states what its operands must be; `super` says which values occur.
#![expect(unsafe_code, reason = "coordinates seen as their limbs")]

use std::arch::x86_64::*;

use super::super::super::{Field, Fq};
use crate::cpu::ifma::limbs::{self, negate, reslice, BARRETT, MASK};
use crate::cpu::scalar::{self, inverse, Prime};

/// A coordinate, by limbs, of eight points.
pub(super) type Lanes = [__m512i; 5];
/// Of sixteen.
pub(super) type Two = [Lanes; VECTORS];

/// Vectors at a time.
pub(super) const VECTORS: usize = 2;
pub(super) const P: [u64; 5] = reslice(Fq::P);
/// 2^260 − p.
pub(super) const NEG_P: [u64; 5] = negate(P);
/// −1/p mod 2^52.
pub(super) const NEG_INV: u64 = negate(limbs::inverse(P))[0];

pub(super) fn limbs64(v: [u64; 5]) -> [u64; 4] {
    [v[0] | v[1] << 52, v[1] >> 12 | v[2] << 40, v[2] >> 24 | v[3] << 28, v[3] >> 36 | v[4] << 16]
}

/// Proper limbs of what is not negative.
pub(super) fn carry_one(mut v: [u64; 5]) -> [u64; 5] {
    for i in 0..4 {
        v[i + 1] = v[i + 1].wrapping_add_signed(v[i] as i64 >> 52);
        v[i] &= MASK;
    }
    v
}

/// v mod p for v < 2p.
pub(super) fn canonical(v: &Fq) -> Fq {
    Fq::from_limbs(scalar::reduce(v.limbs(), &Fq::P))
}

/// 2^518/V for each V, not 0: what makes I_j·P_j = 2^518 in every chain, and so I_j ∘ P_{j−1} = 2^518/D_j.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn invert(product: &Lanes) -> Lanes {
    // Of two lanes, of four and of all eight.
    let of_two = mul_one(product, &rotate::<4>(product));
    let of_four = mul_one(&of_two, &rotate::<2>(&of_two));
    let of_all = mul_one(&of_four, &rotate::<1>(&of_four));
    let total = canonical(&Fq::from_limbs(limbs64(of_all.map(|limb| to_array(limb)[0]))));
    // The field keeps the inverse of what it reads from V as 2^512/V.
    let inverse = inverse(&total).unwrap_or(Fq::ZERO) * Fq::from(64);
    // c/(A ∘ B) ∘ B = c/A
    let of_four = mul_one(&splat(&reslice(*inverse.limbs())), &rotate::<1>(&of_four));
    let of_two = mul_one(&of_four, &rotate::<2>(&of_two));
    mul_one(&of_two, &rotate::<4>(product))
}

/// Lane i + N in lane i.
#[target_feature(enable = "avx512f")]
fn rotate<const N: i32>(v: &Lanes) -> Lanes {
    v.map(|limb| _mm512_alignr_epi64::<N>(limb, limb))
}

/// [`mul`] for one vector.
#[target_feature(enable = "avx512f,avx512ifma")]
fn mul_one(a: &Lanes, b: &Lanes) -> Lanes {
    mul(&[*a, *a], &[*b, *b])[0]
}

#[target_feature(enable = "avx512f")]
pub(super) fn splat(limbs: &[u64; 5]) -> Lanes {
    limbs.map(|limb| _mm512_set1_epi64(limb as i64))
}

#[target_feature(enable = "avx512f")]
pub(super) fn from_array(lanes: &[u64; 8]) -> __m512i {
    // SAFETY: the array has the 64 bytes of the vector.
    unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
pub(super) fn to_array(vector: __m512i) -> [u64; 8] {
    let mut lanes = [0; 8];
    // SAFETY: as above.
    unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), vector) }
    lanes
}

/// A·B/2^260 mod p, proper, for two vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul(a: &Two, b: &Two) -> Two {
    product::<true>(a, b)
}

/// The same, not carried.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul_plain(a: &Two, b: &Two) -> Two {
    product::<false>(a, b)
}

/// Step by step, for what waits for a step must not fill the scheduler.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn product<const CARRY: bool>(a: &Two, b: &Two) -> Two {
    // Columns, each of the five that go with 2^52 − 1 in it (see `divide`).
    let mask = _mm512_set1_epi64(MASK as i64);
    let mut t = [[mask, mask, mask, mask, mask, _mm512_setzero_si512()]; VECTORS];
    let [x, y] = b;
    for b in x.iter().zip(y).map(|(x, y)| [*x, *y]) {
        for j in 0..5 {
            for v in 0..VECTORS {
                t[v][j] = _mm512_madd52lo_epu64(t[v][j], a[v][j], b[v]);
            }
            for v in 0..VECTORS {
                t[v][j + 1] = _mm512_madd52hi_epu64(t[v][j + 1], a[v][j], b[v]);
            }
        }
        t = divide(t);
    }
    let t = t.map(|[a, b, c, d, e, _]| [a, b, c, d, e]);
    if CARRY {
        carry_two(t)
    } else {
        t
    }
}

/// (T + m·p)/2^52 for the columns T + 2^52 − 1 and the m below 2^52 that makes it whole.
///
/// With 2^52 − 1 in it, the carry of the lowest column is what it is after m·p_0, which is not computed.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn divide(mut t: [[__m512i; 6]; VECTORS]) -> [[__m512i; 6]; VECTORS] {
    let neg_inv = _mm512_set1_epi64(NEG_INV as i64);
    let p = splat(&P);
    // −T/p = −(T + 2^52 − 1)/p − 1/p mod 2^52
    let m = t.map(|t| _mm512_madd52lo_epu64(neg_inv, t[0], neg_inv));
    for t in &mut t {
        t[1] = _mm512_add_epi64(t[1], _mm512_srli_epi64::<52>(t[0]));
    }
    for j in 0..5 {
        for v in 0..VECTORS {
            if j > 0 {
                t[v][j] = _mm512_madd52lo_epu64(t[v][j], m[v], p[j]);
            }
        }
        for v in 0..VECTORS {
            t[v][j + 1] = _mm512_madd52hi_epu64(t[v][j + 1], m[v], p[j]);
        }
    }
    t.map(|t| [t[1], t[2], t[3], t[4], t[5], _mm512_setzero_si512()])
}

/// A·A/2^260 mod p, not carried, for two vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn square_plain(a: &Two) -> Two {
    let zero = _mm512_setzero_si512();
    // Products of different limbs, once.
    let mut t = [[zero; 10]; VECTORS];
    for i in 0..5 {
        for j in i + 1..5 {
            for v in 0..VECTORS {
                t[v][i + j] = _mm512_madd52lo_epu64(t[v][i + j], a[v][i], a[v][j]);
                t[v][i + j + 1] = _mm512_madd52hi_epu64(t[v][i + j + 1], a[v][i], a[v][j]);
            }
        }
    }
    for (t, a) in t.iter_mut().zip(a) {
        for column in &mut t[1..9] {
            *column = _mm512_add_epi64(*column, *column);
        }
        for column in &mut t[..5] {
            *column = _mm512_add_epi64(*column, _mm512_set1_epi64(MASK as i64));
        }
        for i in 0..5 {
            t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], a[i], a[i]);
            t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], a[i], a[i]);
        }
    }
    let mut low = t.map(|t| [t[0], t[1], t[2], t[3], t[4], t[5]]);
    for i in 0..5 {
        low = divide(low);
        for (low, t) in low.iter_mut().zip(&t) {
            low[5] = if i < 4 { t[i + 6] } else { zero };
        }
    }
    low.map(|t| [t[0], t[1], t[2], t[3], t[4]])
}

/// [`carry`] of both.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn carry_two(mut two: Two) -> Two {
    let mask = _mm512_set1_epi64(MASK as i64);
    for i in 0..4 {
        for limbs in &mut two {
            limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srai_epi64::<52>(limbs[i]));
            limbs[i] = _mm512_and_si512(limbs[i], mask);
        }
    }
    two
}

/// Limbs of 52 bits again, by signed carries; the sign stays in the last.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn carry(mut limbs: Lanes) -> Lanes {
    let mask = _mm512_set1_epi64(MASK as i64);
    for i in 0..4 {
        limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srai_epi64::<52>(limbs[i]));
        limbs[i] = _mm512_and_si512(limbs[i], mask);
    }
    limbs
}

/// A + B, not carried.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn add(a: &Lanes, b: &Lanes) -> Lanes {
    std::array::from_fn(|i| _mm512_add_epi64(a[i], b[i]))
}

/// A − B + k·p, not carried.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn sub_plain(a: &Lanes, b: &Lanes, k: u64) -> Lanes {
    std::array::from_fn(|i| _mm512_sub_epi64(_mm512_add_epi64(a[i], _mm512_set1_epi64((k * P[i]) as i64)), b[i]))
}

/// A − B + k·p, proper if that is not negative.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn sub(a: &Lanes, b: &Lanes, k: u64) -> Lanes {
    carry(sub_plain(a, b, k))
}

/// A mod p or that plus p, below 1.1·p and proper, for p < A < 10p whose limbs need not be carried.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduce(a: &Lanes) -> Lanes {
    // q = ⌊a_4·84/2^52⌋ falls short of A/p by less than 1 + 10·(84.6 − 84)/84.6, and never exceeds it: limbs that are not
    // carried change a_4 by a few units, 2^−46 of p.
    let q = _mm512_madd52hi_epu64(_mm512_setzero_si512(), a[4], _mm512_set1_epi64(BARRETT as i64));
    let neg_p = splat(&NEG_P);
    let mut x = *a;
    for i in 0..5 {
        x[i] = _mm512_madd52lo_epu64(x[i], q, neg_p[i]);
        if i < 4 {
            x[i + 1] = _mm512_madd52hi_epu64(x[i + 1], q, neg_p[i]);
        }
    }
    let mut x = carry(x);
    x[4] = _mm512_and_si512(x[4], _mm512_set1_epi64(MASK as i64));
    x
}

/// A − p if that is not negative, else A; both proper.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) fn subtract_p(a: &Lanes) -> Lanes {
    let mut difference = *a;
    for (limb, p) in difference.iter_mut().zip(P) {
        *limb = _mm512_sub_epi64(*limb, _mm512_set1_epi64(p as i64));
    }
    let difference = carry(difference);
    let negative = _mm512_movepi64_mask(difference[4]);
    std::array::from_fn(|i| _mm512_mask_mov_epi64(difference[i], negative, a[i]))
}

/// The lanes where X₂ − X₁ + 2p, between 0 and 4p, does not look like 0 mod p.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn differ(denominator: &Lanes) -> u8 {
    let is = |k: u64| _mm512_cmpeq_epi64_mask(denominator[0], _mm512_set1_epi64((k.wrapping_mul(Fq::P[0]) & MASK) as i64));
    !(is(1) | is(2) | is(3))
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn transpose(r: [__m512i; 8]) -> [__m512i; 8] {
    let low: [__m512i; 4] = std::array::from_fn(|i| _mm512_unpacklo_epi64(r[2 * i], r[2 * i + 1]));
    let high: [__m512i; 4] = std::array::from_fn(|i| _mm512_unpackhi_epi64(r[2 * i], r[2 * i + 1]));
    // Columns 0, 2, 4, 6 of the low halves of the row pairs, and 1, 3, 5, 7 of the high ones.
    let quarter = |t: [__m512i; 4]| {
        let even = [_mm512_shuffle_i64x2::<0x88>(t[0], t[1]), _mm512_shuffle_i64x2::<0x88>(t[2], t[3])];
        let odd = [_mm512_shuffle_i64x2::<0xdd>(t[0], t[1]), _mm512_shuffle_i64x2::<0xdd>(t[2], t[3])];
        [
            _mm512_shuffle_i64x2::<0x88>(even[0], even[1]),
            _mm512_shuffle_i64x2::<0x88>(odd[0], odd[1]),
            _mm512_shuffle_i64x2::<0xdd>(even[0], even[1]),
            _mm512_shuffle_i64x2::<0xdd>(odd[0], odd[1]),
        ]
    };
    let ([a, c, e, g], [b, d, f, h]) = (quarter(low), quarter(high));
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    /// A sum of limbs of any size and sign, mod p.
    fn value(limbs: [u64; 5]) -> Fq {
        let signed = |limb: u64| {
            let magnitude = Fq::from((limb as i64).unsigned_abs());
            if (limb as i64) < 0 {
                -magnitude
            } else {
                magnitude
            }
        };
        limbs.iter().rev().fold(Fq::ZERO, |sum, limb| sum * Fq::from(1 << 52) + signed(*limb))
    }

    /// k·p + v, proper.
    fn multiple(k: u64, v: [u64; 5]) -> [u64; 5] {
        let (mut out, mut sum) = ([0; 5], 0u128);
        for i in 0..5 {
            sum += u128::from(P[i]) * u128::from(k) + u128::from(v[i]);
            out[i] = if i < 4 { sum as u64 & MASK } else { sum as u64 };
            sum >>= 52;
        }
        out
    }

    fn lanes(x: &[[u64; 5]; 8]) -> Lanes {
        // SAFETY: the callers have asked the processor.
        std::array::from_fn(|i| unsafe { from_array(&x.map(|x| x[i])) })
    }

    fn limbs(x: &Lanes) -> [[u64; 5]; 8] {
        // SAFETY: as above.
        let words = x.map(|limb| unsafe { to_array(limb) });
        std::array::from_fn(|lane| words.map(|word| word[lane]))
    }

    fn assert_proper(x: &[u64; 5], times: [u64; 5]) {
        assert!(x.iter().all(|limb| *limb <= MASK) && x.iter().rev().le(times.iter().rev()), "{x:?}");
    }

    /// 0, 1, p − 1, p, 12·p and what lies between, against the field's own arithmetic.
    #[test]
    fn arithmetic_at_the_bounds() {
        if crate::cpu::ifma::Ifma::detect().is_none() {
            return;
        }
        let rng = &mut ChaCha20Rng::seed_from_u64(8);
        let zero = [0; 5];
        let less = [P[0] - 1, P[1], P[2], P[3], P[4]];
        let tenth = multiple(1, P.map(|limb| limb / 10));
        for round in 0..50 {
            let mut random = |k: u64| multiple(k, [(); 5].map(|()| rng.gen::<u64>() >> 18));
            let edges = [zero, [1, 0, 0, 0, 0], less, P, multiple(3, zero), [MASK, MASK, MASK, MASK, P[4]], random(0), random(12)];
            let mut other = edges;
            other.rotate_left(round % 8);
            let (a, b) = (lanes(&edges), lanes(&other));
            let divided = Fq::from(2).pow([260]).invert().unwrap();
            // SAFETY: the processor has the instructions.
            let (products, squares, sums) = unsafe {
                (mul(&[a, b], &[b, a]), square_plain(&[a, b]).map(|square| carry(square)), limbs(&reduce(&sub_plain(&a, &b, 4))))
            };
            let values = edges.map(value).into_iter().zip(other.map(value));
            for (lane, (x, y)) in values.enumerate() {
                for (product, expected) in products.iter().chain(&squares).zip([x * y, x * y, x * x, y * y]) {
                    let product = limbs(product)[lane];
                    assert_eq!(value(product), expected * divided);
                    assert_proper(&product, multiple(3, zero));
                }
                // Between p and 10p only.
                let (from, to) = (edges[lane], other[lane]);
                if from.iter().rev().le(multiple(3, zero).iter().rev()) && to.iter().rev().le(multiple(3, zero).iter().rev()) {
                    let reduced = sums[lane];
                    assert_eq!(value(reduced), x - y);
                    assert_proper(&reduced, tenth);
                }
            }
        }
    }
}
