//! Blocks of affine additions on AVX-512 IFMA, sixteen at a time: two vectors of eight, so that one's products fill the
//! latencies of the other's.
//!
//! ```text
//! X = x·2^256 mod p                  as halo2curves keeps it; here below 1.1·p, in five limbs of 52 bits
//! A ∘ B = A·B/2^260 mod p            < (1 + 0.012·a·b)·p   for A < a·p, B < b·p, both below 2^260
//!
//! D_j = X₂ − X₁ = d_j·2^256          prefix products P_j = P_{j−1} ∘ D_j = d_1 ⋯ d_j·2^(260 − 4j)
//! I_j = 2^(262 + 4j − 4)/(d_1 ⋯ d_j) I_{j−1} = I_j ∘ D_j,    I_j ∘ P_{j−1} = 2^262/d_j
//! Λ = (Y₂ − Y₁) ∘ (2^262/d) = λ·2^258
//! X₃ = Λ ∘ Λ − X₁ − X₂               Y₃ = Λ ∘ 4(X₁ − X₃) − Y₁
//! ```
//!
//! Sums are not canonical until they leave. An addition that the formula does not cover (an operand is the identity, or
//! both have the same x) is found by one limb, left out of the products, and done by the curve's own addition; so are the
//! few in 2^50 that only look like one.
#![expect(unsafe_code, reason = "points seen as their limbs, and instructions that are detected at run time")]

use std::arch::x86_64::*;
use std::cell::RefCell;
use std::mem::offset_of;

use super::super::{Field, Fq, G1Affine, G1};
use super::{Kernel, Operands, Run, IDENTITY, RUN};

/// A coordinate, by limbs, of eight points.
type Lanes = [__m512i; 5];
/// Of sixteen.
type Two = [Lanes; VECTORS];

/// Operands come from a farther cache so many runs before they are needed.
const AHEAD: usize = 4;
/// Vectors at a time.
const VECTORS: usize = 2;
const MASK: u64 = (1 << 52) - 1;
const P64: [u64; 4] = [0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
const P: [u64; 5] = limbs52(P64);
/// 2^260 − p.
const NEG_P: [u64; 5] = [(1 << 52) - P[0], MASK - P[1], MASK - P[2], MASK - P[3], MASK - P[4]];
/// ⌊2^260/p⌋.
const BARRETT: u64 = 84;
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

// A point is its coordinates' four limbs in Montgomery form: x, then y.
const _: () = assert!(size_of::<Fq>() == 32 && size_of::<G1Affine>() == 64);
const _: () = assert!(offset_of!(G1Affine, x) == 0 && offset_of!(G1Affine, y) == 32);

/// The limbs of a field element.
fn words(value: &Fq) -> [u64; 4] {
    // SAFETY: `Fq` is its four limbs in Montgomery form, of the same size.
    unsafe { std::mem::transmute_copy(value) }
}

/// The element of limbs, which may not be canonical.
fn field(limbs: [u64; 4]) -> Fq {
    // SAFETY: as above; every bit pattern is an initialized `Fq`.
    unsafe { std::mem::transmute_copy(&limbs) }
}

/// v mod p for v < 2p.
fn canonical(v: &Fq) -> Fq {
    let v = words(v);
    let mut borrow = false;
    let less: [u64; 4] = std::array::from_fn(|i| {
        let (difference, under) = v[i].overflowing_sub(P64[i]);
        let (difference, under_too) = difference.overflowing_sub(u64::from(borrow));
        borrow = under | under_too;
        difference
    });
    field(if borrow { v } else { less })
}

/// Only made where the CPU has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ifma(());

/// Sixteen additions that wait for their inverses.
#[derive(Clone, Copy)]
struct Pending {
    x_left: Two,
    /// X₁ + X₂.
    x_both: Two,
    y_left: Two,
    /// Y₂ − Y₁.
    numerator: Two,
    denominator: Two,
    /// The product of the denominators before this one.
    prefix: Two,
}

/// Room for a block of additions.
#[derive(Default)]
struct Scratch {
    pending: Vec<Pending>,
    /// Additions that the formula does not cover.
    special: Vec<Run>,
}

impl Ifma {
    pub(super) fn detect() -> Option<Self> {
        crate::cpu::ifma::Ifma::detect().map(|_| Self(()))
    }

    /// Before a load from a random address.
    pub(super) fn prefetch(point: &G1Affine) {
        // SAFETY: a prefetch of any address is allowed.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(point).cast()) }
    }
}

impl Kernel for Ifma {
    const BLOCK: usize = 1024;

    fn finish(sum: &G1Affine) -> G1Affine {
        G1Affine { x: canonical(&sum.x), y: canonical(&sum.y) }
    }

    fn add_block(self, first: usize, runs: &[Run], next: &[Run], sums: &mut [G1Affine], from: &impl Operands) {
        thread_local! {
            // Half a megabyte, which the operating system would clear each time.
            static SCRATCH: RefCell<Scratch> = RefCell::default();
        }
        if !runs.is_empty() {
            // SAFETY: a value of this type shows that the CPU has the instructions.
            SCRATCH.with_borrow_mut(|scratch| unsafe { add_runs(first, runs, next, sums, from, scratch) });
        }
    }
}

/// The sum of two points by the curve's own formulas.
#[cold]
fn add_special(left: &G1Affine, right: &G1Affine) -> G1Affine {
    let (left, right) = (Ifma::finish(left), Ifma::finish(right));
    if left == IDENTITY {
        return right;
    }
    if right == IDENTITY {
        return left;
    }
    (G1::from(left) + right).into()
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn add_runs(first: usize, runs: &[Run], next: &[Run], sums: &mut [G1Affine], from: &impl Operands, scratch: &mut Scratch) {
    let Scratch { pending, special } = scratch;
    special.clear();
    // 2^260 mod p: one, of the prefix products.
    let one = splat(&limbs52(words(&Fq::from(16))));
    let ones = [one; VECTORS];
    let num_groups = runs.len().div_ceil(VECTORS);
    if pending.len() < num_groups {
        let none = Pending { x_left: ones, x_both: ones, y_left: ones, numerator: ones, denominator: ones, prefix: ones };
        pending.resize(num_groups, none);
    }
    let mut product = ones;
    for (i, (group, waiting)) in runs.chunks(VECTORS).zip(pending.iter_mut()).enumerate() {
        for run in runs.iter().skip(VECTORS * i + AHEAD).take(VECTORS) {
            (0..run.len).for_each(|i| from.prefetch((run.left + i) as usize));
            (0..run.len).for_each(|i| from.prefetch((run.right + i) as usize));
        }
        for v in 0..VECTORS {
            // What fills a group is done twice and stored once.
            let run = group[v.min(group.len() - 1)];
            let (x_left, y_left, left) = load(from, run.left, run.len);
            let (x_right, y_right, right) = load(from, run.right, run.len);
            let mut denominator = sub(&x_right, &x_left, 2);
            let covered = differ(&denominator) & left & right;
            if covered != 0xff {
                special.extend(run.singles().enumerate().filter(|(i, _)| covered >> i & 1 == 0).map(|(_, single)| single));
                for (denominator, one) in denominator.iter_mut().zip(one) {
                    *denominator = _mm512_mask_mov_epi64(one, covered, *denominator);
                }
            }
            waiting.x_left[v] = x_left;
            waiting.x_both[v] = add(&x_left, &x_right);
            waiting.y_left[v] = y_left;
            waiting.numerator[v] = sub(&y_right, &y_left, 2);
            waiting.denominator[v] = denominator;
        }
        waiting.prefix = product;
        product = mul(&product, &waiting.denominator);
    }
    // The two chains share an inversion: I = (P ∘ P')^(−1) ∘ P'.
    let swapped = [product[1], product[0]];
    let inverses = invert(&mul(&product, &swapped)[0]);
    let mut inverse = mul(&[inverses, inverses], &swapped);
    // A quarter of a group at a time: the runs' left operands, then their right ones.
    let mut next = next.iter().flat_map(|run| [(run.left, run.len), (run.right, run.len)]);
    let mut fetch = || {
        if let Some((first, len)) = next.next() {
            (first..first + len).for_each(|i| from.prefetch(i as usize));
        }
    };
    for (group, waiting) in runs.chunks(VECTORS).zip(pending.iter()).rev() {
        let scaled = mul(&inverse, &waiting.prefix);
        inverse = mul(&inverse, &waiting.denominator);
        fetch();
        let lambda = mul(&waiting.numerator, &scaled);
        fetch();
        let mut x = square(&lambda);
        for (x, both) in x.iter_mut().zip(&waiting.x_both) {
            *x = reduce(&sub_plain(x, both, 4));
        }
        fetch();
        let mut distance = x;
        for (distance, left) in distance.iter_mut().zip(&waiting.x_left) {
            *distance = carry(sub_plain(left, distance, 2).map(|limb| _mm512_slli_epi64::<2>(limb)));
        }
        let mut y = mul(&lambda, &distance);
        for (y, left) in y.iter_mut().zip(&waiting.y_left) {
            *y = reduce(&sub_plain(y, left, 3));
        }
        fetch();
        for (v, run) in group.iter().enumerate() {
            let start = run.output as usize - first;
            let sums = &mut sums[start..start + run.len as usize];
            for (sum, point) in sums.iter_mut().zip(pack(&x[v], &y[v])) {
                // SAFETY: a point is 64 bytes, of which every pattern is initialized.
                unsafe { _mm512_storeu_si512(std::ptr::from_mut(sum).cast(), point) }
            }
        }
    }
    for run in special.iter() {
        sums[run.output as usize - first] = add_special(&from.point(run.left as usize), &from.point(run.right as usize));
    }
}

/// 2^518/V for each V, not 0: what makes I_j·P_j = 2^518 in every chain, and so I_j ∘ P_{j−1} = 2^518/D_j.
#[target_feature(enable = "avx512f,avx512ifma")]
fn invert(product: &Lanes) -> Lanes {
    let columns = product.map(|limb| to_array(limb));
    let scalars: [Fq; 8] = std::array::from_fn(|lane| canonical(&field(limbs64(columns.map(|limb| limb[lane])))));
    let mut prefix = [Fq::ONE; 8];
    for lane in 1..8 {
        prefix[lane] = prefix[lane - 1] * scalars[lane - 1];
    }
    // The field keeps the inverse of what it reads from V as 2^512/V.
    let mut inverse = (prefix[7] * scalars[7]).invert().unwrap_or(Fq::ZERO) * Fq::from(64);
    let mut inverses = [[0; 5]; 8];
    for lane in (0..8).rev() {
        inverses[lane] = limbs52(words(&(inverse * prefix[lane])));
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
    // SAFETY: the array has the 64 bytes of the vector.
    unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
fn to_array(vector: __m512i) -> [u64; 8] {
    let mut lanes = [0; 8];
    // SAFETY: as above.
    unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), vector) }
    lanes
}

/// A·B/2^260 mod p, proper, for two vectors: step by step, for what waits for a step must not fill the scheduler.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn mul(a: &Two, b: &Two) -> Two {
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
    carry_two(t.map(|t| [t[0], t[1], t[2], t[3], t[4]]))
}

/// (T + m·p)/2^52 for the columns T + 2^52 − 1 and the m below 2^52 that makes it whole.
///
/// With 2^52 − 1 in it, the carry of the lowest column is what it is after m·p_0, which is not computed.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn divide(mut t: [[__m512i; 6]; VECTORS]) -> [[__m512i; 6]; VECTORS] {
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

/// A·A/2^260 mod p, proper, for two vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn square(a: &Two) -> Two {
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
    carry_two(low.map(|t| [t[0], t[1], t[2], t[3], t[4]]))
}

/// [`carry`] of both.
#[inline]
#[target_feature(enable = "avx512f")]
fn carry_two(mut two: Two) -> Two {
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

/// A − B + k·p, not carried.
#[inline]
#[target_feature(enable = "avx512f")]
fn sub_plain(a: &Lanes, b: &Lanes, k: u64) -> Lanes {
    std::array::from_fn(|i| _mm512_sub_epi64(_mm512_add_epi64(a[i], _mm512_set1_epi64((k * P[i]) as i64)), b[i]))
}

/// A − B + k·p, proper if that is not negative.
#[inline]
#[target_feature(enable = "avx512f")]
fn sub(a: &Lanes, b: &Lanes, k: u64) -> Lanes {
    carry(sub_plain(a, b, k))
}

/// A mod p or that plus p, below 1.1·p and proper, for p < A < 10p whose limbs need not be carried.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce(a: &Lanes) -> Lanes {
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

/// The lanes where X₂ − X₁ + 2p, between 0 and 4p, does not look like 0 mod p.
#[inline]
#[target_feature(enable = "avx512f")]
fn differ(denominator: &Lanes) -> u8 {
    let is = |k: u64| _mm512_cmpeq_epi64_mask(denominator[0], _mm512_set1_epi64((k.wrapping_mul(P64[0]) & MASK) as i64));
    !(is(1) | is(2) | is(3))
}

/// The coordinates of a run's operands, and the lanes that do not look like the identity. Lanes behind its end are copies of
/// its last.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(from: &impl Operands, first: u32, len: u32) -> (Lanes, Lanes, u8) {
    let (first, last) = (first as usize, (first + len - 1) as usize);
    let (points, negative) = if len as usize == RUN {
        from.eight(first)
    } else {
        let signed: [(&G1Affine, bool); RUN] = std::array::from_fn(|i| from.signed((first + i).min(last)));
        (signed.map(|(point, _)| point), (0..RUN).fold(0, |signs, i| signs | u8::from(signed[i].1) << i))
    };
    // SAFETY: a point is 64 bytes of plain integers.
    let rows = points.map(|point| unsafe { _mm512_loadu_si512(std::ptr::from_ref(point).cast()) });
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
    let [a, b, c, d, e, f, g, h] = transpose(rows);
    let (x, mut y) = (coordinate([a, b, c, d]), coordinate([e, f, g, h]));
    let points = _mm512_test_epi64_mask(e, e);
    for (y, p) in y.iter_mut().zip(P) {
        *y = _mm512_mask_sub_epi64(*y, negative, _mm512_set1_epi64(p as i64), *y);
    }
    (x, y, points)
}

/// Eight points of proper coordinates below 2^256.
#[inline]
#[target_feature(enable = "avx512f")]
fn pack(x: &Lanes, y: &Lanes) -> [__m512i; 8] {
    let coordinate = |v: &Lanes| {
        [
            _mm512_or_si512(v[0], _mm512_slli_epi64::<52>(v[1])),
            _mm512_or_si512(_mm512_srli_epi64::<12>(v[1]), _mm512_slli_epi64::<40>(v[2])),
            _mm512_or_si512(_mm512_srli_epi64::<24>(v[2]), _mm512_slli_epi64::<28>(v[3])),
            _mm512_or_si512(_mm512_srli_epi64::<36>(v[3]), _mm512_slli_epi64::<16>(v[4])),
        ]
    };
    let ([a, b, c, d], [e, f, g, h]) = (coordinate(x), coordinate(y));
    transpose([a, b, c, d, e, f, g, h])
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
