//! Commitments of packs: up to t polynomials in one.
//!
//! ```text
//! [Σ_i s^i·f_i(s^t)]·G1 = Σ_i Σ_j f_ij · (s^{i+tj}·G1)          f_ij: coefficients of f_i; i < t, j < n
//! ```
//!
//! The points of one i are a *stride* of the reference string's t·n powers [GW21, §3].
//!
//! \[GW21\]: fflonk, <https://eprint.iacr.org/2021/1167>

use halo2_proofs::halo2curves::bn256::{G1Affine, G1};
use halo2_proofs::halo2curves::group::{Curve, Group};

use crate::backend::Backend;

/// `s^{i+tj}·G1`, by i.
pub(crate) struct Strides<B: Backend>(Vec<B::Points>);

impl<B: Backend> Strides<B> {
    /// Of t·n powers, or more.
    pub(crate) fn new(backend: &B, powers: &[G1Affine], pack: usize, rows: usize) -> Self {
        let stride = |i: usize| powers[i..].iter().step_by(pack).take(rows).copied().collect::<Vec<_>>();
        Self((0..pack).map(|i| backend.points(&stride(i))).collect())
    }

    /// Commitments of packs of columns, which are values on rows.
    pub(crate) fn commit(&self, backend: &B, domain: &B::Domain, packs: &[Vec<&B::Column>]) -> Vec<G1Affine> {
        let mut sums = vec![G1::identity(); packs.len()];
        for (i, points) in self.0.iter().enumerate() {
            let (at, columns): (Vec<usize>, Vec<&B::Column>) =
                packs.iter().enumerate().filter_map(|(at, pack)| pack.get(i).map(|column| (at, *column))).unzip();
            if columns.is_empty() {
                break;
            }
            let coefficients = backend.interpolate(domain, &columns);
            let coefficients = backend.natural_order(domain, &coefficients.iter().collect::<Vec<_>>());
            let commitments = backend.commit(points, &coefficients.iter().collect::<Vec<_>>());
            at.into_iter().zip(commitments).for_each(|(at, commitment)| sums[at] += commitment);
        }
        sums.iter().map(Curve::to_affine).collect()
    }
}

/// The points of a reference string, as commitments need them.
pub(crate) enum Basis<B: Backend> {
    /// A commitment for each polynomial.
    Plain {
        /// `L_i(s)·G1`.
        lagrange: B::Points,
        /// `s^i·G1`.
        powers: B::Points,
        /// `s^n·G1`, which blinds the limbs of the quotient.
        next_power: G1Affine,
    },
    /// Commitments of packs.
    Packed(Strides<B>),
}
