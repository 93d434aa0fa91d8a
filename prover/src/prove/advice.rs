//! Steps 1 to 4: advice columns of both phases.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rand::{CryptoRng, RngCore};
use std::sync::Arc;
use sworn_circuits::column::IntColumn;
use sworn_circuits::error::WitnessError;
use sworn_circuits::layout::UNUSABLE_ROWS;
use sworn_circuits::shape::LAMBDA;
use sworn_circuits::witness::Witness;

use super::Run;
use crate::algebra::{Source, Values};
use crate::backend::{Backend, Form};
use crate::circuit::{Derived, RangeForm};
use crate::error::ProveError;
use crate::halo2::convert::from_fr;
use crate::pack::Basis;
use crate::profile::Stage;

/// The column of multiplicities of a range table.
fn count<B: Backend>(backend: &B, forms: &[Form<'_, B::Column>], rows: usize, size: usize) -> Result<IntColumn, ProveError> {
    let counts = backend.multiplicities(forms, rows, size);
    let counts = counts.map_err(|(row, value)| ProveError::Witness(WitnessError::NotInTable { row, value }))?;
    Ok(IntColumn::new(&counts))
}

impl<B: Backend, R: RngCore + CryptoRng> Run<'_, '_, B, R> {
    /// Random values for the last rows: two for each opening, as `docs/zero-knowledge.md` asks.
    fn tail(&mut self, column: usize) -> Vec<Fr> {
        let count = (2 * self.key.circuit.num_openings(column)).min(UNUSABLE_ROWS);
        self.random(count)
    }

    /// Uploads and commits the integers of the witness, then squeezes the circuit's challenges. Lookups are counted while the
    /// columns that they read are committed.
    pub(super) fn first_phase(&mut self, witness: &Witness, instance: &[sworn_verifier::Fr]) -> Result<(), ProveError> {
        self.report(Stage::FirstPhase, 0.0)?;
        self.instance = Some(self.instance_column(witness, instance));
        self.first_columns(witness)?;
        for index in 0..self.challenges.len() {
            self.challenges[index] = self.squeeze();
        }
        self.report(Stage::FirstPhase, 1.0)
    }

    /// The instance: integers, or packed field elements.
    fn instance_column(&self, witness: &Witness, instance: &[sworn_verifier::Fr]) -> B::Column {
        if !self.key.visibility.pack_public {
            return self.backend.integers(&Arc::new(IntColumn::new(&witness.instance)), self.rows());
        }
        let mut values: Vec<Fr> = instance.iter().map(from_fr).collect();
        values.resize(self.rows(), Fr::ZERO);
        self.backend.fields(values)
    }

    fn first_columns(&mut self, witness: &Witness) -> Result<(), ProveError> {
        let (backend, rows, key) = (self.backend, self.rows(), self.key);
        let multiplicity = key.layout.shape.columns().lookups.multiplicity;
        let host = if key.layout.shape.tables { Some(witness) } else { None };
        for (index, values) in witness.first.iter().enumerate().filter(|(index, _)| *index != multiplicity) {
            let mut column = backend.integers(&Arc::new(values.clone()), rows);
            backend.write_tail(&mut column, &self.tail(index));
            self.advice[index] = Some(column);
        }
        let start = self.profile.now();
        let (mut commitments, counts) = {
            let made: Vec<&B::Column> = self.advice.iter().flatten().collect();
            let forms = self.range_forms();
            let count = || match host {
                Some(witness) => Ok(witness.count(&key.layout, &key.graph)?),
                None => count(backend, &forms, key.layout.usable_rows(), 1 << key.layout.shape.table_bits()),
            };
            match &self.resident.basis {
                Basis::Plain { lagrange, .. } => rayon::join(|| backend.commit(lagrange, &made), count),
                Basis::Packed(_) => (Vec::new(), count()),
            }
        };
        let mut column = backend.integers(&Arc::new(counts?), rows);
        backend.write_tail(&mut column, &self.tail(multiplicity));
        if let Basis::Plain { lagrange, .. } = &self.resident.basis {
            commitments.splice(multiplicity..multiplicity, backend.commit(lagrange, &[&column]));
        }
        self.advice[multiplicity] = Some(column);
        if let Basis::Packed(_) = &self.resident.basis {
            commitments = self.packs(0..self.key.verifying_key().shape().phases[0]);
        }
        self.profile.record(Stage::FirstPhase, "commit", start);
        self.write_points(&commitments)
    }

    /// What is looked up in the range table.
    fn range_forms(&self) -> Vec<Form<'_, B::Column>> {
        let lookups = self.key.layout.shape.range_lookups();
        lookups.iter().map(|form| form.iter().map(|&(c, f)| (self.column(Source::Advice(c as u32)), f)).collect()).collect()
    }

    /// Derives and commits the columns that depend on the challenges.
    pub(super) fn second_phase(&mut self) -> Result<(), ProveError> {
        self.report(Stage::SecondPhase, 0.0)?;
        let circuit = &self.key.circuit;
        let values = self.scalars(Fr::ZERO, Fr::ZERO, Fr::ZERO);
        let start = self.profile.now();
        for derived in &circuit.derived {
            self.derive(derived, &values);
        }
        self.profile.record(Stage::SecondPhase, "derive", start);
        for index in circuit.num_first_phase..circuit.num_advice {
            let mut tail = self.tail(index);
            // Unusable rows that are not random are 0.
            tail.splice(0..0, std::iter::repeat_n(Fr::ZERO, UNUSABLE_ROWS - tail.len()));
            if let Some(column) = &mut self.advice[index] {
                self.backend.write_tail(column, &tail);
            }
        }
        self.report(Stage::SecondPhase, 0.5)?;
        let shape = self.key.verifying_key().shape();
        let start = self.profile.now();
        let columns: Vec<&B::Column> = self.advice[circuit.num_first_phase..].iter().flatten().collect();
        let commitments = self.commitments(&columns, shape.phases[0]..shape.first_product());
        self.profile.record(Stage::SecondPhase, "commit", start);
        self.write_points(&commitments)?;
        self.report(Stage::SecondPhase, 1.0)
    }

    fn derive(&mut self, derived: &Derived, values: &Values) {
        let backend = self.backend;
        let none = |_: Source| None;
        match derived {
            Derived::Recurrence { column, compiled } => {
                let outputs = self.evaluate(compiled, values, &none);
                if let [factor, term] = outputs.as_slice() {
                    self.advice[*column as usize] = Some(backend.scan(Some(factor), term));
                }
            }
            Derived::Ranges { columns } => {
                let form =
                    |form: &RangeForm| -> Form<'_, B::Column> { form.iter().map(|&(c, f)| (self.column(Source::Advice(c)), f)).collect() };
                let forms: Vec<Vec<Form<'_, B::Column>>> = columns.iter().map(|(_, forms)| forms.iter().map(form).collect()).collect();
                let made = backend.reciprocals(self.challenges[LAMBDA], &forms);
                for ((column, _), made) in columns.iter().zip(made) {
                    self.advice[*column as usize] = Some(made);
                }
            }
            Derived::Reciprocals { column, compiled } => {
                let mut inverses = self.evaluate(compiled, values, &none);
                inverses.iter_mut().for_each(|c| backend.invert(c));
                let terms: Vec<_> = inverses.iter().map(|c| (c, 0, Fr::ONE)).collect();
                self.advice[*column as usize] = Some(backend.combine(&terms));
            }
            Derived::RunningSum { column, denominator, term } => {
                let mut inverses = self.evaluate(denominator, values, &none);
                inverses.iter_mut().for_each(|c| backend.invert(c));
                let local = |source: Source| if source == Source::Local(0) { inverses.first() } else { None };
                let terms = self.evaluate(term, values, &local);
                let sum = terms.first().map(|t| backend.scan(None, t));
                self.advice[*column as usize] = sum;
            }
            Derived::Copies { column, sources, .. } => {
                if let Some(map) = self.resident.map(*column) {
                    let sources: Vec<_> = sources.iter().map(|s| (self.column(*s), Fr::ONE)).collect();
                    self.advice[*column as usize] = Some(backend.gather(&sources, map));
                }
            }
        }
    }
}
