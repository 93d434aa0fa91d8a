//! Step 6: running products of the permutation.
//!
//! ```text
//! ratio_i[r] = Π_c (v_c + β·δ^c·ω^r + γ)/(v_c + β·σ_c + γ)                          c in chunk i
//! plain        z_i[0] = z_{i−1}[last] (1 for i = 0)      z_i[r+1] = z_i[r] · ratio_i[r]
//! packed       z[0] = 1      z[r+1] = z[r] · Π_i ratio_i[r]       p_i[r] = z[r] · ratio_0[r] · … · ratio_{i−1}[r]
//! ```
//!
//! A running product is random behind `last`, the row after the usable ones, and a partial product p_i from there on.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rand::{CryptoRng, RngCore};
use sworn_circuits::layout::UNUSABLE_ROWS;

use super::Run;
use crate::algebra::{Source, Values};
use crate::backend::Backend;
use crate::circuit::Chunk;
use crate::error::ProveError;
use crate::profile::Stage;
use crate::program::Program;
use crate::resident::names;

impl<B: Backend, R: RngCore + CryptoRng> Run<'_, '_, B, R> {
    /// Makes and commits the running products, or the one and the partial products.
    pub(super) fn products(&mut self, beta: Fr, gamma: Fr) -> Result<(), ProveError> {
        self.report(Stage::Products, 0.0)?;
        let values = self.scalars(beta, gamma, Fr::ZERO);
        let start = self.profile.now();
        if self.key.layout.pack > 1 {
            self.partial_products(&values);
        } else {
            self.running_products(&values);
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

    /// A running product of each chunk.
    fn running_products(&mut self, values: &Values) {
        let (backend, circuit) = (self.backend, &self.key.circuit);
        let last = self.rows() - UNUSABLE_ROWS;
        let mut carry = Fr::ONE;
        for (index, chunk) in circuit.chunks.iter().enumerate() {
            let ratio = self.ratio(index, chunk, values);
            let mut product = backend.products(&ratio, carry);
            carry = backend.read(&product, last..last + 1)[0];
            let tail = self.random(UNUSABLE_ROWS - 1);
            backend.write_tail(&mut product, &tail);
            self.products.push(product);
        }
    }

    /// The running product of all chunks, and the partial products between them.
    fn partial_products(&mut self, values: &Values) {
        let (backend, circuit) = (self.backend, &self.key.circuit);
        // Products of the ratios up to each chunk.
        let mut through: Vec<B::Column> = Vec::new();
        for (index, chunk) in circuit.chunks.iter().enumerate() {
            let ratio = self.ratio(index, chunk, values);
            let product = match through.last() {
                Some(before) => multiply(backend, before, &ratio),
                None => ratio,
            };
            through.push(product);
        }
        let Some(all) = through.pop() else { return };
        let mut running = backend.products(&all, Fr::ONE);
        drop(all);
        let partial: Vec<B::Column> = through.into_iter().map(|ratios| multiply(backend, &running, &ratios)).collect();
        let tail = self.random(UNUSABLE_ROWS - 1);
        backend.write_tail(&mut running, &tail);
        self.products.push(running);
        for mut product in partial {
            let tail = self.random(UNUSABLE_ROWS);
            backend.write_tail(&mut product, &tail);
            self.products.push(product);
        }
    }

    /// The ratio of a chunk in every row.
    fn ratio(&self, index: usize, chunk: &Chunk, values: &Values) -> B::Column {
        let (backend, circuit) = (self.backend, &self.key.circuit);
        let length = circuit.degree - 2;
        let columns = index * length..((index + 1) * length).min(circuit.permuted.len());
        let sigma: Vec<(usize, B::Column)> = columns.map(|c| (c, self.sigma_column(c))).collect();
        let local = |source: Source| sigma.iter().find(|(c, _)| Source::Sigma(*c as u32) == source).map(|(_, column)| column);
        let mut sides = self.evaluate(&chunk.ratio, values, &local);
        let mut denominator = sides.swap_remove(1);
        backend.invert(&mut denominator);
        multiply(backend, &sides[0], &denominator)
    }

    /// A column of σ in the row domain.
    pub(super) fn sigma_column(&self, column: usize) -> B::Column {
        let resident = self.resident;
        self.backend.gather(&names(&resident.points, resident.sigma.len()), &resident.sigma[column])
    }
}

/// The product of two columns, row by row.
fn multiply<B: Backend>(backend: &B, left: &B::Column, right: &B::Column) -> B::Column {
    backend.evaluate(&Program::product_of_slots(), &[(left, 0), (right, 0)], &[]).swap_remove(0)
}
