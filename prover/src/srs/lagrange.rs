//! The Lagrange basis of an SRS: an inverse Fourier transform over points.
//!
//! ```text
//! L_i(s)·G = n⁻¹ Σ_j ω^(−ij) · s^j·G          decimation in time, k layers of n/2 butterflies
//! ```
//!
//! A butterfly multiplies a point by a root of unity. halo2's `g_to_lagrange` adds in every bit of it; here the scalar
//! is in non-adjacent form with odd digits of five bits [HMV04], one addition in six bits.
//!
//! [HMV04]: Hankerson, Menezes, Vanstone, Guide to Elliptic Curve Cryptography, §3.3.1

use halo2_proofs::arithmetic::best_fft;
use halo2_proofs::fft::recursive::FFTData;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::{Curve, Group};
use rayon::prelude::*;

use crate::domain::root_of_unity;

/// Odd multiples kept of a point: 1, 3, …, 15.
const MULTIPLES: usize = 8;
/// Bits of a digit, with its sign.
const WIDTH: usize = 5;
/// Digits of a scalar: 254 bits and a carry.
const DIGITS: usize = 256;

/// `L_i(s)·G` from `s^i·G`; there are 2^k of each.
pub(super) fn lagrange_from_powers(powers: &[G1Affine]) -> Vec<G1Affine> {
    let n = powers.len();
    let k = n.trailing_zeros();
    let mut points: Vec<G1> = (0..n).map(|i| powers[reverse(i, k)].to_curve()).collect();
    let omega_inv = root_of_unity(k).invert().unwrap_or(Fr::ONE);
    for layer in 0..k {
        let half = 1 << layer;
        let step = omega_inv.pow_vartime([(n >> (layer + 1)) as u64]);
        let twiddles: Vec<Scalar> = std::iter::successors(Some(Fr::ONE), |w| Some(w * step)).take(half).map(Scalar::new).collect();
        if half < 256 {
            points.par_chunks_mut(2 * half).for_each(|block| butterflies(block, &twiddles));
        } else {
            for block in points.chunks_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                low.par_iter_mut().zip(high).zip(&twiddles).for_each(|((a, b), w)| butterfly(a, b, w));
            }
        }
    }
    let n_inv = Scalar::new(Fr::TWO_INV.pow_vartime([u64::from(k)]));
    points.par_iter_mut().for_each(|p| *p = n_inv.times(p));
    let mut affine = vec![G1Affine::identity(); n];
    affine.par_chunks_mut(1024).zip(points.par_chunks(1024)).for_each(|(out, p)| G1::batch_normalize(p, out));
    affine
}

/// The values of a polynomial at the powers of the root of unity, from its coefficients.
pub(super) fn evaluate(coefficients: &[Fr]) -> Vec<Fr> {
    let k = coefficients.len().trailing_zeros();
    let omega = root_of_unity(k);
    let mut values = coefficients.to_vec();
    if k > 0 {
        let twiddles = FFTData::new(values.len(), omega, omega.invert().unwrap_or(Fr::ONE));
        best_fft(&mut values, omega, k, &twiddles, false);
    }
    values
}

fn reverse(i: usize, k: u32) -> usize {
    match k {
        0 => i,
        _ => i.reverse_bits() >> (usize::BITS - k),
    }
}

fn butterflies(block: &mut [G1], twiddles: &[Scalar]) {
    let (low, high) = block.split_at_mut(twiddles.len());
    low.iter_mut().zip(high).zip(twiddles).for_each(|((a, b), w)| butterfly(a, b, w));
}

fn butterfly(a: &mut G1, b: &mut G1, w: &Scalar) {
    let t = w.times(b);
    (*a, *b) = (*a + t, *a - t);
}

/// A scalar as signed digits, least significant first.
struct Scalar {
    one: bool,
    digits: Vec<i8>,
}

impl Scalar {
    /// Width-5 non-adjacent form: a digit is 0, or odd and below 16 in absolute value and followed by four zeros.
    fn new(scalar: Fr) -> Self {
        let bytes: [u8; 32] = scalar.to_repr();
        let mut digits = vec![0; DIGITS];
        let (mut at, mut carry) = (0, 0);
        while at < DIGITS {
            let window = bits_at(&bytes, at, WIDTH) as i8 + carry;
            if window & 1 == 0 {
                // Even: this digit is 0; with a carry the lowest bit is 1, and the carry goes on.
                carry = i8::from(carry == 1);
                at += 1;
            } else {
                carry = i8::from(window > 1 << (WIDTH - 1));
                digits[at] = window - (carry << WIDTH);
                at += WIDTH;
            }
        }
        Self { one: scalar == Fr::ONE, digits }
    }

    fn times(&self, point: &G1) -> G1 {
        if self.one {
            return *point;
        }
        let mut multiples = [*point; MULTIPLES];
        let double = point.double();
        for i in 1..MULTIPLES {
            multiples[i] = multiples[i - 1] + double;
        }
        let mut sum = G1::identity();
        for &digit in self.digits.iter().rev() {
            sum = sum.double();
            match digit {
                0 => {}
                d if d > 0 => sum += multiples[d as usize / 2],
                d => sum -= multiples[d.unsigned_abs() as usize / 2],
            }
        }
        sum
    }
}

/// `count` bits of a little-endian number from bit `from` on.
pub(super) fn bits_at(bytes: &[u8; 32], from: usize, count: usize) -> usize {
    let word = (0..4).fold(0u32, |word, i| word | u32::from(bytes.get(from / 8 + i).copied().unwrap_or(0)) << (8 * i));
    (word >> (from % 8)) as usize & ((1 << count) - 1)
}

#[cfg(test)]
mod tests {
    use halo2_proofs::arithmetic::g_to_lagrange;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn scalar_multiplication_agrees() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let point = G1::random(&mut rng);
        let edges = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(2), Fr::TWO_INV];
        for scalar in edges.into_iter().chain((0..50).map(|_| Fr::random(&mut rng))) {
            assert_eq!(Scalar::new(scalar).times(&point), point * scalar);
        }
    }

    #[test]
    fn transform_agrees_with_halo2() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for k in 0..7 {
            let powers: Vec<G1Affine> = (0..1 << k).map(|_| G1::random(&mut rng).into()).collect();
            let expected: Vec<G1Affine> = g_to_lagrange(powers.iter().map(|p| p.to_curve()).collect(), k);
            assert_eq!(lagrange_from_powers(&powers), expected);
        }
    }
}
