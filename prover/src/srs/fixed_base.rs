//! Many multiples of one point.
//!
//! A scalar is read in windows of w bits, least significant first, and all points add their window in one batch of affine
//! additions that share an inversion.
//!
//! ```text
//! after window j:  P = a·B with 0 ≤ a < 2^(wj),   next addend d·2^(wj)·B with 0 < d < 2^w
//! ```
//!
//! `a < d·2^(wj)` and their sum is the low part of a canonical scalar, below r, the order of B: the addends are never equal and
//! never opposite, so the affine formula has no exception but `P = 0`, at the first digit that is not 0.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::{Curve, Group};
use rayon::prelude::*;

use super::lagrange::bits_at;
use crate::cpu::msm::{sum_pairs, Point};

/// Points that share one inversion.
const BATCH: usize = 1024;

/// `windows[j][d − 1] = d · 2^(bits·j) · B`.
pub(super) struct FixedBase {
    bits: usize,
    windows: Vec<Vec<Point>>,
}

/// `1, base, base², …`, n of them.
pub(super) fn powers(base: Fr, n: usize) -> Vec<Fr> {
    std::iter::successors(Some(Fr::ONE), |power| Some(power * base)).take(n).collect()
}

impl FixedBase {
    /// For about 2^k multiples of a point that is not the identity.
    pub(super) fn new(base: &G1Affine, k: u32) -> Self {
        Self::with_window(base, k.saturating_sub(3).clamp(4, 13) as usize)
    }

    fn with_window(base: &G1Affine, bits: usize) -> Self {
        let count = (Fr::NUM_BITS as usize).div_ceil(bits);
        let double = |p: &G1| Some((0..bits).fold(*p, |p, _| p.double()));
        let bases: Vec<G1> = std::iter::successors(Some(base.to_curve()), double).take(count).collect();
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

    /// The multiples by these scalars.
    pub(super) fn multiply(&self, scalars: &[Fr]) -> Vec<G1Affine> {
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
        let scalars = [Fr::ONE, Fr::from(2), -Fr::ONE, Fr::TWO_INV, Fr::MULTIPLICATIVE_GENERATOR.pow([1 << 40]), Fr::ZERO];
        for base in [G1::generator(), G1::generator() * Fr::from(1234567)] {
            let expected: Vec<G1Affine> = scalars.iter().map(|s| (base * s).into()).collect();
            for bits in [4, 7, 13] {
                assert_eq!(FixedBase::with_window(&base.to_affine(), bits).multiply(&scalars), expected);
            }
        }
    }
}
