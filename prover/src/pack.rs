//! Commitments of packs: up to t polynomials in one.
//!
//! ```text
//! [Σ_i s^i·f_i(s^t)]·G1 = Σ_i Σ_j f_i(ω^j) · (s^i·L_j(s^t)·G1)      values on rows; i < t, j < n
//!                       = Σ_i Σ_j f_ij · (s^{i+tj}·G1)              coefficients f_ij of f_i
//! ```
//!
//! The points of one i are a *stride* of the reference string's t·n powers [GW21, §3], or of a basis that is made of them once
//! ([`Srs::pack_basis`]): with it, a column of small integers is committed as such. Long packs do without, and so does a string
//! of a ceremony until somebody asked for its basis.
//!
//! \[GW21\]: fflonk, <https://eprint.iacr.org/2021/1167>

use halo2_proofs::halo2curves::bn256::G1Affine;
use sworn_circuits::layout::Choice;

use crate::backend::Backend;
use crate::error::KeyError;
use crate::srs::Srs;

/// The points of each i.
pub(crate) struct Strides<B: Backend> {
    points: Vec<B::Points>,
    /// Whether they are for values on rows, and not for coefficients.
    of_rows: bool,
}

impl<B: Backend> Strides<B> {
    /// Of a string of t·n powers, or more.
    ///
    /// # Errors
    /// A string of fewer powers.
    pub(crate) fn new(backend: &B, srs: &Srs, choice: &Choice) -> Result<Self, KeyError> {
        let rows = 1usize << choice.log_rows;
        // That of a ceremony takes longer to make than it saves, unless it is kept.
        let is_made = srs.is_insecure_dev() || srs.has_pack_basis(choice.pack, choice.log_rows);
        let of_rows = choice.has_row_basis() && is_made;
        let points = if of_rows {
            let basis = srs.pack_basis(choice.pack, choice.log_rows).map_err(|_| too_small(srs, choice))?;
            backend.strides(&basis, rows)
        } else {
            let powers = srs.g().get(..choice.pack * rows).ok_or_else(|| too_small(srs, choice))?;
            let strides = (0..choice.pack).flat_map(|i| powers[i..].iter().step_by(choice.pack).copied());
            backend.strides(&strides.collect::<Vec<_>>(), rows)
        };
        Ok(Self { points, of_rows })
    }

    /// Commitments of packs of columns, which are values on rows.
    pub(crate) fn commit(&self, backend: &B, domain: &B::Domain, packs: &[Vec<&B::Column>]) -> Vec<G1Affine> {
        if self.of_rows {
            return backend.commit_packs(&self.points, packs);
        }
        // Coefficients have 32 bytes a row: one pack at a time.
        let commit = |pack: &Vec<&B::Column>| {
            let coefficients = {
                let interpolated = backend.interpolate(domain, pack);
                backend.natural_order(domain, &interpolated.iter().collect::<Vec<_>>())
            };
            backend.commit_packs(&self.points, &[coefficients.iter().collect()])
        };
        packs.iter().flat_map(commit).collect()
    }
}

fn too_small(srs: &Srs, choice: &Choice) -> KeyError {
    KeyError::SrsSize { expected: choice.log_powers(), actual: srs.k() }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use halo2_proofs::halo2curves::bn256::Fr;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha20Rng;
    use sworn_circuits::column::IntColumn;

    use super::*;
    use crate::cpu::Cpu;

    /// Values on rows and coefficients have the same commitments.
    #[test]
    fn both_bases_agree() {
        let srs = Srs::dev(7).unwrap_or_else(|e| panic!("{e}"));
        let choice = Choice { log_rows: 4, lanes: 1, weight_lanes: 1, limbs: 1, pack: 5 };
        let rows = Strides::new(&Cpu, &srs, &choice).unwrap_or_else(|e| panic!("{e}"));
        let strides: Vec<_> = (0..5).flat_map(|i| srs.g()[i..].iter().step_by(5).take(16).copied()).collect();
        let powers = Strides { points: Cpu.strides(&strides, 16), of_rows: false };
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let integers = Cpu.integers(&Arc::new(IntColumn::new(&[3, -70_000, 0, 1])), 16);
        let fields: Vec<_> = (0..9).map(|_| Cpu.fields((0..16).map(|_| Fr::from(rng.gen::<u64>())).collect())).collect();
        let packs: Vec<Vec<&_>> =
            vec![fields.iter().take(5).collect(), vec![&integers], fields.iter().skip(5).chain([&integers]).collect()];
        let domain = Cpu.domain(4);
        assert!(rows.of_rows);
        assert_eq!(rows.commit(&Cpu, &domain, &packs), powers.commit(&Cpu, &domain, &packs));
    }
}
