//! Step 6: running products of the permutation.
//!
//! ```text
//! z_i[0] = z_{i−1}[last] (1 for i = 0)      z_i[r+1] = z_i[r] · Π_c (v_c + β·δ^c·ω^r + γ)/(v_c + β·σ_c + γ)
//! ```

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rand::{CryptoRng, RngCore};
use sworn_circuits::layout::UNUSABLE_ROWS;

use super::Run;
use crate::algebra::Source;
use crate::backend::Backend;
use crate::error::ProveError;
use crate::profile::Stage;
use crate::program::Program;
use crate::resident::names;

impl<B: Backend, R: RngCore + CryptoRng> Run<'_, '_, B, R> {
    /// Makes and commits the running products.
    pub(super) fn products(&mut self, beta: Fr, gamma: Fr) -> Result<(), ProveError> {
        self.report(Stage::Products, 0.0)?;
        let (backend, circuit) = (self.backend, &self.key.circuit);
        let values = self.scalars(beta, gamma, Fr::ZERO);
        let last = self.rows() - UNUSABLE_ROWS;
        let mut carry = Fr::ONE;
        let start = self.profile.now();
        for (index, chunk) in circuit.chunks.iter().enumerate() {
            let length = circuit.degree - 2;
            let sigma: Vec<(usize, B::Column)> =
                (index * length..((index + 1) * length).min(circuit.permuted.len())).map(|c| (c, self.sigma_column(c))).collect();
            let local = |source: Source| sigma.iter().find(|(c, _)| Source::Sigma(*c as u32) == source).map(|(_, column)| column);
            let mut sides = self.evaluate(&chunk.ratio, &values, &local);
            let (Some(mut denominator), Some(numerator)) = (sides.pop(), sides.pop()) else { continue };
            backend.invert(&mut denominator);
            let ratio = backend.evaluate(&Program::product_of_slots(), &[(&numerator, 0), (&denominator, 0)], &[]);
            let Some(ratio) = ratio.first() else { continue };
            let mut product = backend.products(ratio, carry);
            carry = backend.read(&product, last..last + 1)[0];
            let tail = self.random(UNUSABLE_ROWS - 1);
            backend.write_tail(&mut product, &tail);
            self.products.push(product);
        }
        self.profile.record(Stage::Products, "derive", start);
        self.report(Stage::Products, 0.5)?;
        let shape = self.key.verifying_key().shape();
        let start = self.profile.now();
        let columns: Vec<&B::Column> = self.products.iter().collect();
        let commitments = self.commitments(&columns, shape.first_product()..shape.first_limb());
        self.profile.record(Stage::Products, "commit", start);
        self.write_points(&commitments)?;
        self.report(Stage::Products, 1.0)
    }

    /// A column of σ in the row domain.
    pub(super) fn sigma_column(&self, column: usize) -> B::Column {
        let resident = self.resident;
        self.backend.gather(&names(&resident.points, resident.sigma.len()), &resident.sigma[column])
    }
}
