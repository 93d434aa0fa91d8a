//! Blocks of affine additions on AVX-512 IFMA, eight to a vector.
//!
//! ```text
//! X = x·2^256 mod p                  as halo2curves keeps it, canonical, in five limbs of 52 bits
//! A ∘ B = A·B/2^260 mod p            < (1 + 0.012·a·b)·p   for A < a·p, B < b·p, both below 2^260
//!
//! D = 2^4·(X₂ − X₁) = d·2^260        so prefix products A ∘ D keep their scale, 2^260
//! I = 2^262/d                        Λ = (Y₂ − Y₁) ∘ I = λ·2^258
//! X₃ = Λ ∘ Λ − X₁ − X₂               Y₃ = 4Λ ∘ (X₁ − X₃) − Y₁
//! ```

use std::arch::x86_64::*;

use super::super::{Field, Fq, G1Affine, Group, SerdeObject, G1};
use super::Kernel;

/// A coordinate, by limbs, of eight points.
type Lanes = [__m512i; 5];

/// Operands are fetched so many additions before they are needed.
const AHEAD: usize = 16;
const MASK: u64 = (1 << 52) - 1;
const P64: [u64; 4] = [0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
const P: [u64; 5] = limbs52(P64);
/// −1/p mod 2^52.
const NEG_INV: u64 = {
    let mut inverse = 1u64;
    let mut i = 0;
    while i < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(P64[0].wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg() & MASK
};

const fn limbs52(v: [u64; 4]) -> [u64; 5] {
    [v[0] & MASK, (v[0] >> 52 | v[1] << 12) & MASK, (v[1] >> 40 | v[2] << 24) & MASK, (v[2] >> 28 | v[3] << 36) & MASK, v[3] >> 16]
}

fn limbs64(v: [u64; 5]) -> [u64; 4] {
    [v[0] | v[1] << 52, v[1] >> 12 | v[2] << 40, v[2] >> 24 | v[3] << 28, v[3] >> 36 | v[4] << 16]
}

/// The coordinates' limbs in Montgomery form: x, then y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(super) struct Raw([u64; 8]);

fn raw(value: &Fq) -> [u64; 4] {
    let mut bytes = [0u8; 32];
    // Writing 32 bytes into 32 bytes does not fail.
    let _ = value.write_raw(&mut bytes.as_mut_slice());
    std::array::from_fn(|i| {
        let mut limb = [0; 8];
        limb.copy_from_slice(&bytes[8 * i..8 * i + 8]);
        u64::from_le_bytes(limb)
    })
}

fn field(limbs: &[u64]) -> Fq {
    let mut bytes = [0u8; 32];
    for (bytes, limb) in bytes.chunks_exact_mut(8).zip(limbs) {
        bytes.copy_from_slice(&limb.to_le_bytes());
    }
    Fq::from_raw_bytes_unchecked(&bytes)
}

/// p − y where `negative`, for 0 ≤ y < p; without a branch, for signs are random.
fn negate_if(negative: bool, y: [u64; 4]) -> [u64; 4] {
    let select = u64::from(negative & (y != [0; 4])).wrapping_neg();
    let mut borrow = false;
    std::array::from_fn(|i| {
        let (difference, under) = P64[i].overflowing_sub(y[i]);
        let (difference, under_too) = difference.overflowing_sub(u64::from(borrow));
        borrow = under | under_too;
        difference & select | y[i] & !select
    })
}

impl Raw {
    const IDENTITY: Self = Self([0; 8]);
    /// Operands that never meet: the unused lanes of the last vector.
    const PAD: [Self; 2] = [Self([0; 8]), Self([1, 0, 0, 0, 0, 0, 0, 0])];

    fn is_identity(&self) -> bool {
        self.0[4..] == [0; 4]
    }

    fn same_x(&self, other: &Self) -> bool {
        self.0[..4] == other.0[..4]
    }
}

/// Only made where the CPU has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ifma(());

impl Ifma {
    pub(super) fn detect() -> Option<Self> {
        crate::cpu::ifma::Ifma::detect().map(|_| Self(()))
    }
}

impl Kernel for Ifma {
    type Point = Raw;
    const IDENTITY: Raw = Raw::IDENTITY;
    const BLOCK: usize = 1024;

    fn load(point: &G1Affine, negative: bool) -> Raw {
        let ([a, b, c, d], [e, f, g, h]) = (raw(&point.x), negate_if(negative, raw(&point.y)));
        Raw([a, b, c, d, e, f, g, h])
    }

    fn prefetch(point: &G1Affine) {
        // SAFETY: a prefetch of any address is allowed.
        #[expect(unsafe_code, reason = "a prefetch takes a pointer")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(point).cast());
        }
    }

    fn store(point: &Raw) -> G1Affine {
        G1Affine { x: field(&point.0[..4]), y: field(&point.0[4..]) }
    }

    fn add_block(self, plan: &[u32], sums: &mut [Raw], load: &impl Fn(usize) -> Raw, hint: &impl Fn(usize)) {
        // The left operands wait in their outputs.
        let mut pending: Vec<(u32, Raw)> = Vec::with_capacity(plan.len());
        for ((output, sum), &step) in (0u32..).zip(sums.iter_mut()).zip(plan) {
            if let Some(ahead) = plan.get(output as usize + AHEAD) {
                hint((ahead >> 1) as usize);
                hint((ahead >> 1) as usize + (ahead & 1) as usize);
            }
            let left = load((step >> 1) as usize);
            *sum = left;
            if step & 1 == 0 {
                continue;
            }
            let right = load((step >> 1) as usize + 1);
            if right.is_identity() {
                continue;
            }
            if left.is_identity() {
                *sum = right;
            } else if left.same_x(&right) {
                let doubled = G1::from(Self::store(&left)).double();
                *sum = if left == right { Self::load(&doubled.into(), false) } else { Raw::IDENTITY };
            } else {
                pending.push((output, right));
            }
        }
        if !pending.is_empty() {
            // SAFETY: a value of this type shows that the CPU has the instructions.
            #[expect(unsafe_code, reason = "the instructions are detected at run time")]
            unsafe {
                add_pending(&pending, sums);
            }
        }
    }
}

/// Eight additions that wait for their inverses; N = Y₂ − Y₁.
struct Eight {
    x_left: Lanes,
    x_both: Lanes,
    y_left: Lanes,
    numerator: Lanes,
    denominator: Lanes,
    prefix: Lanes,
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn add_pending(pending: &[(u32, Raw)], sums: &mut [Raw]) {
    let one = limbs64_one();
    let mut product = splat(&one);
    let mut eights = Vec::with_capacity(pending.len().div_ceil(8));
    for eight in pending.chunks(8) {
        let mut operands = [[Raw::PAD[0]; 8], [Raw::PAD[1]; 8]];
        for (i, (output, right)) in eight.iter().enumerate() {
            operands[0][i] = sums[*output as usize];
            operands[1][i] = *right;
        }
        let (x_left, y_left) = unpack(&operands[0]);
        let (x_right, y_right) = unpack(&operands[1]);
        let denominator = sub_shifted(&x_right, &x_left);
        eights.push(Eight {
            x_left,
            x_both: add(&x_left, &x_right),
            y_left,
            numerator: sub(&y_right, &y_left, 1),
            denominator,
            prefix: product,
        });
        product = mul(&product, &denominator);
    }
    let mut inverse = invert(&product);
    for (eight, slots) in eights.iter().zip(pending.chunks(8)).rev() {
        let scaled = mul(&inverse, &eight.prefix);
        inverse = mul(&inverse, &eight.denominator);
        let lambda = mul(&eight.numerator, &scaled);
        let x = reduce(&reduce(&sub(&mul(&lambda, &lambda), &eight.x_both, 2), 2), 1);
        let product = mul(&shl2(&lambda), &sub(&eight.x_left, &x, 1));
        let y = reduce(&reduce(&sub(&product, &eight.y_left, 1), 1), 1);
        let points = pack(&x, &y);
        for ((output, _), point) in slots.iter().zip(points) {
            sums[*output as usize] = point;
        }
    }
}

/// 2^260 mod p: one, of the prefix products.
fn limbs64_one() -> [u64; 5] {
    limbs52(raw(&Fq::from(16)))
}

/// v·2^260 in each lane, to 2^262/v.
#[target_feature(enable = "avx512f,avx512ifma")]
fn invert(product: &Lanes) -> Lanes {
    let columns = reduce(product, 1).map(|limb| to_array(limb));
    let scalars: [Fq; 8] = std::array::from_fn(|lane| field(&limbs64(columns.map(|limb| limb[lane]))));
    let mut prefix = [Fq::ONE; 8];
    for lane in 1..8 {
        prefix[lane] = prefix[lane - 1] * scalars[lane - 1];
    }
    // The field reads v·2^260 as (16·v)·2^256, and 2^262/v is (64/v)·2^256.
    let mut inverse = (prefix[7] * scalars[7]).invert().unwrap_or(Fq::ZERO) * Fq::from(1024);
    let mut inverses = [[0; 5]; 8];
    for lane in (0..8).rev() {
        inverses[lane] = limbs52(raw(&(inverse * prefix[lane])));
        inverse *= scalars[lane];
    }
    std::array::from_fn(|limb| from_array(&inverses.map(|limbs| limbs[limb])))
}

#[target_feature(enable = "avx512f")]
fn splat(limbs: &[u64; 5]) -> Lanes {
    limbs.map(|limb| _mm512_set1_epi64(limb as i64))
}

#[target_feature(enable = "avx512f")]
fn from_array(lanes: &[u64; 8]) -> __m512i {
    let lane = lanes.map(|lane| lane as i64);
    _mm512_setr_epi64(lane[0], lane[1], lane[2], lane[3], lane[4], lane[5], lane[6], lane[7])
}

#[target_feature(enable = "avx512f")]
fn to_array(vector: __m512i) -> [u64; 8] {
    let mut lanes = Raw([0; 8]);
    // SAFETY: the array has the 64 bytes of the vector, and its alignment.
    #[expect(unsafe_code, reason = "a store takes a pointer")]
    unsafe {
        _mm512_store_si512(lanes.0.as_mut_ptr().cast(), vector);
    }
    lanes.0
}

/// A·B/2^260 mod p.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn mul(a: &Lanes, b: &Lanes) -> Lanes {
    let p = splat(&P);
    let neg_inv = _mm512_set1_epi64(NEG_INV as i64);
    let zero = _mm512_setzero_si512();
    let mut t = [zero; 6];
    for b in b {
        // Low and high halves apart: shorter chains.
        let mut high = [zero; 5];
        for j in 0..5 {
            t[j] = _mm512_madd52lo_epu64(t[j], a[j], *b);
            high[j] = _mm512_madd52hi_epu64(high[j], a[j], *b);
        }
        let m = _mm512_madd52lo_epu64(zero, t[0], neg_inv);
        for j in 0..5 {
            t[j] = _mm512_madd52lo_epu64(t[j], m, p[j]);
            high[j] = _mm512_madd52hi_epu64(high[j], m, p[j]);
        }
        let carry = _mm512_srli_epi64::<52>(t[0]);
        t = [
            _mm512_add_epi64(_mm512_add_epi64(t[1], high[0]), carry),
            _mm512_add_epi64(t[2], high[1]),
            _mm512_add_epi64(t[3], high[2]),
            _mm512_add_epi64(t[4], high[3]),
            high[4],
            zero,
        ];
    }
    carry([t[0], t[1], t[2], t[3], t[4]])
}

/// Limbs of 52 bits again, by signed carries; the sign stays in the last.
#[inline]
#[target_feature(enable = "avx512f")]
fn carry(mut limbs: Lanes) -> Lanes {
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
fn add(a: &Lanes, b: &Lanes) -> Lanes {
    std::array::from_fn(|i| _mm512_add_epi64(a[i], b[i]))
}

/// A − B + k·p.
#[inline]
#[target_feature(enable = "avx512f")]
fn sub(a: &Lanes, b: &Lanes, k: u64) -> Lanes {
    carry(std::array::from_fn(|i| _mm512_sub_epi64(_mm512_add_epi64(a[i], _mm512_set1_epi64((k * P[i]) as i64)), b[i])))
}

/// 2^4·(A − B + p).
#[inline]
#[target_feature(enable = "avx512f")]
fn sub_shifted(a: &Lanes, b: &Lanes) -> Lanes {
    carry(std::array::from_fn(|i| _mm512_slli_epi64::<4>(_mm512_sub_epi64(_mm512_add_epi64(a[i], _mm512_set1_epi64(P[i] as i64)), b[i]))))
}

/// 4·A.
#[inline]
#[target_feature(enable = "avx512f")]
fn shl2(a: &Lanes) -> Lanes {
    carry(a.map(|limb| _mm512_slli_epi64::<2>(limb)))
}

/// A − k·p where that is not negative, else A.
#[inline]
#[target_feature(enable = "avx512f")]
fn reduce(a: &Lanes, k: u64) -> Lanes {
    let less = carry(std::array::from_fn(|i| _mm512_sub_epi64(a[i], _mm512_set1_epi64((k * P[i]) as i64))));
    let negative = _mm512_cmplt_epi64_mask(less[4], _mm512_setzero_si512());
    std::array::from_fn(|i| _mm512_mask_blend_epi64(negative, less[i], a[i]))
}

/// The coordinates of eight points.
#[inline]
#[target_feature(enable = "avx512f")]
fn unpack(points: &[Raw; 8]) -> (Lanes, Lanes) {
    let columns = transpose(std::array::from_fn(|i| from_array(&points[i].0)));
    let mask = _mm512_set1_epi64(MASK as i64);
    let coordinate = |v: [__m512i; 4]| {
        let join = |low: __m512i, high: __m512i| _mm512_and_si512(_mm512_or_si512(low, high), mask);
        [
            _mm512_and_si512(v[0], mask),
            join(_mm512_srli_epi64::<52>(v[0]), _mm512_slli_epi64::<12>(v[1])),
            join(_mm512_srli_epi64::<40>(v[1]), _mm512_slli_epi64::<24>(v[2])),
            join(_mm512_srli_epi64::<28>(v[2]), _mm512_slli_epi64::<36>(v[3])),
            _mm512_srli_epi64::<16>(v[3]),
        ]
    };
    let [a, b, c, d, e, f, g, h] = columns;
    (coordinate([a, b, c, d]), coordinate([e, f, g, h]))
}

/// The points of canonical coordinates.
#[inline]
#[target_feature(enable = "avx512f")]
fn pack(x: &Lanes, y: &Lanes) -> [Raw; 8] {
    let coordinate = |v: &Lanes| {
        [
            _mm512_or_si512(v[0], _mm512_slli_epi64::<52>(v[1])),
            _mm512_or_si512(_mm512_srli_epi64::<12>(v[1]), _mm512_slli_epi64::<40>(v[2])),
            _mm512_or_si512(_mm512_srli_epi64::<24>(v[2]), _mm512_slli_epi64::<28>(v[3])),
            _mm512_or_si512(_mm512_srli_epi64::<36>(v[3]), _mm512_slli_epi64::<16>(v[4])),
        ]
    };
    let ([a, b, c, d], [e, f, g, h]) = (coordinate(x), coordinate(y));
    transpose([a, b, c, d, e, f, g, h]).map(|row| Raw(to_array(row)))
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(r: [__m512i; 8]) -> [__m512i; 8] {
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
