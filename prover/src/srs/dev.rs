//! The development SRS: its secret is in this file, so anyone can forge proofs against it.
//!
//! Both bases are fixed-base multiplications of the generator, `s^i·G` and `L_i(s)·G`. A scalar is read in windows of w bits,
//! least significant first, and all points add their window in one batch of affine additions that share an inversion.
//!
//! ```text
//! after window j:  P = a·G with 0 ≤ a < 2^(wj),   next addend d·2^(wj)·G with 0 < d < 2^w
//! ```
//!
//! `a < d·2^(wj)` and their sum is the low part of a canonical scalar, below r: the addends are never equal and never
//! opposite, so the affine formula has no exception but `P = 0`, at the first digit that is not 0.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::{BatchInvert, Field, FromUniformBytes, PrimeField};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::{Curve, Group};
use rayon::prelude::*;

use super::lagrange::bits_at;
use crate::cpu::msm::{sum_pairs, Point};
use crate::domain::root_of_unity;

/// What the secret is derived from.
const SEED: &str = "sworn insecure development SRS, secret known to everybody";
/// Points that share one inversion.
const BATCH: usize = 1024;

/// The secret `s` of the development SRS. Not a secret.
pub(super) fn secret() -> Fr {
    let mut bytes = [0; 64];
    blake3::Hasher::new_derive_key(SEED).finalize_xof().fill(&mut bytes);
    Fr::from_uniform_bytes(&bytes)
}

/// `s^i·G`, one more than 2^k.
pub(super) fn powers_of_generator(k: u32) -> Vec<G1Affine> {
    Tables::of_size(k).multiply(&powers(secret(), (1 << k) + 1))
}

/// `L_i(s)·G`, 2^k of them.
pub(super) fn lagrange(k: u32) -> Vec<G1Affine> {
    Tables::of_size(k).multiply(&lagrange_scalars(secret(), k))
}

/// `s^i·L_j(s^t)·G`, by i.
pub(super) fn pack_basis(pack: usize, log_rows: u32) -> Vec<G1Affine> {
    let s = secret();
    let lagrange = lagrange_scalars(s.pow_vartime([pack as u64]), log_rows);
    let scalars: Vec<Fr> = powers(s, pack).iter().flat_map(|power| lagrange.iter().map(move |l| power * l)).collect();
    Tables::of_size(log_rows + pack.next_power_of_two().ilog2()).multiply(&scalars)
}

fn powers(base: Fr, n: usize) -> Vec<Fr> {
    std::iter::successors(Some(Fr::ONE), |power| Some(power * base)).take(n).collect()
}

/// `L_i(s) = ω^i (s^n − 1) / (n (s − ω^i))`.
fn lagrange_scalars(s: Fr, k: u32) -> Vec<Fr> {
    let n = 1u64 << k;
    let roots = powers(root_of_unity(k), n as usize);
    let mut inverses: Vec<Fr> = roots.iter().map(|w| s - w).collect();
    inverses.par_chunks_mut(BATCH).for_each(|chunk| {
        chunk.batch_invert();
    });
    let factor = (s.pow_vartime([n]) - Fr::ONE) * Fr::TWO_INV.pow_vartime([u64::from(k)]);
    inverses.into_iter().zip(roots).map(|(inverse, w)| inverse * w * factor).collect()
}

/// `windows[j][d − 1] = d · 2^(bits·j) · G`.
struct Tables {
    bits: usize,
    windows: Vec<Vec<Point>>,
}

impl Tables {
    /// For about 2^k multiplications.
    fn of_size(k: u32) -> Self {
        Self::new(k.saturating_sub(3).clamp(4, 13) as usize)
    }

    fn new(bits: usize) -> Self {
        let count = (Fr::NUM_BITS as usize).div_ceil(bits);
        let bases: Vec<G1> =
            std::iter::successors(Some(G1::generator()), |p| Some((0..bits).fold(*p, |p, _| p.double()))).take(count).collect();
        let windows = bases
            .par_iter()
            .map(|base| {
                let multiples: Vec<G1> = std::iter::successors(Some(*base), |p| Some(p + base)).take((1 << bits) - 1).collect();
                let mut affine = vec![G1Affine::identity(); multiples.len()];
                G1::batch_normalize(&multiples, &mut affine);
                affine.into_iter().map(Point::from).collect()
            })
            .collect();
        Self { bits, windows }
    }

    fn multiply(&self, scalars: &[Fr]) -> Vec<G1Affine> {
        scalars.par_chunks(BATCH).flat_map_iter(|chunk| self.multiply_batch(chunk)).collect()
    }

    fn multiply_batch(&self, scalars: &[Fr]) -> Vec<G1Affine> {
        let digits: Vec<[u8; 32]> = scalars.iter().map(Fr::to_repr).collect();
        let mut sums = vec![Point::from(G1Affine::identity()); scalars.len()];
        let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(BATCH);
        for (j, window) in self.windows.iter().enumerate() {
            pairs.clear();
            let digits = (0u32..).zip(digits.iter().map(|scalar| bits_at(scalar, j * self.bits, self.bits) as u32));
            pairs.extend(digits.filter(|(_, digit)| *digit > 0).map(|(i, digit)| (i, digit - 1)));
            let added = sum_pairs(&sums, window, &pairs);
            pairs.iter().zip(added).for_each(|((i, _), sum)| sums[*i as usize] = sum);
        }
        sums.into_iter().map(G1Affine::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplication_agrees_with_halo2() {
        let scalars = [Fr::ONE, Fr::from(2), -Fr::ONE, Fr::TWO_INV, secret(), Fr::ZERO];
        for bits in [4, 7, 13] {
            let expected: Vec<G1Affine> = scalars.iter().map(|s| (G1::generator() * s).into()).collect();
            assert_eq!(Tables::new(bits).multiply(&scalars), expected);
        }
    }
}
