//! The second phase: each column as its [`Derivation`] says, row by row.
//!
//! It is what halo2's own prover and `MockProver` are given, so that every gate is checked against it. The prover of this workspace
//! derives the same columns whole.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::BatchInvert;
use halo2_proofs::plonk::{ConstraintSystem, Expression};
use rayon::prelude::*;

use crate::circuit::configure;
use crate::column::IntColumn;
use crate::derivation::Derivation;
use crate::field::embed;
use crate::gates::Challenges;
use crate::layout::Layout;
use crate::number::{fit, index};
use crate::shape::Place;

/// Rows whose values are inverted together.
const ROWS: usize = 1 << 12;

/// The columns, on usable rows.
pub(super) fn columns(layout: &Layout, first: &[IntColumn], challenges: Challenges<Fr>) -> Vec<Vec<Fr>> {
    let mut meta = ConstraintSystem::default();
    let config = configure(&mut meta, &layout.shape);
    let columns = layout.shape.columns();
    let Challenges { channel, position, theta, lambda } = challenges;
    let mut second = Second {
        layout,
        first,
        challenges: [channel, position, theta, lambda],
        columns: vec![Vec::new(); columns.num_advice - columns.num_first_phase],
    };
    for derivation in config.derivations() {
        let values = second.derive(derivation);
        second.columns[derivation.column() - first.len()] = values;
    }
    second.columns
}

struct Second<'a> {
    layout: &'a Layout,
    first: &'a [IntColumn],
    /// By index of the constraint system.
    challenges: [Fr; 4],
    /// By column less those of the first phase.
    columns: Vec<Vec<Fr>>,
}

/// An expression in which the challenges are known.
enum Known {
    Constant(Fr),
    Fixed(usize, i32),
    Advice(usize, i32),
    Sum(Box<(Known, Known)>),
    Product(Box<(Known, Known)>),
}

impl Second<'_> {
    fn rows(&self) -> usize {
        self.layout.usable_rows()
    }

    fn derive(&self, derivation: &Derivation) -> Vec<Fr> {
        match derivation {
            Derivation::Recurrence { factor, term, .. } => {
                let (factors, terms) = (self.values(factor), self.values(term));
                let step = |acc: &mut Fr, (factor, term): (Fr, Fr)| {
                    *acc = factor * *acc + term;
                    Some(*acc)
                };
                factors.into_iter().zip(terms).scan(Fr::ZERO, step).collect()
            }
            Derivation::Reciprocals { denominators, .. } => {
                let inverses: Vec<Vec<Fr>> = denominators.iter().map(|d| self.inverses(d)).collect();
                (0..self.rows()).map(|row| inverses.iter().map(|i| i[row]).sum()).collect()
            }
            Derivation::RunningSum { term, numerator, denominator, .. } => {
                let (terms, numerators, inverses) = (self.values(term), self.values(numerator), self.inverses(denominator));
                let step = |acc: &mut Fr, row: usize| {
                    *acc += terms[row] - numerators[row] * inverses[row];
                    Some(*acc)
                };
                (0..self.rows()).scan(Fr::ZERO, step).collect()
            }
            Derivation::Copies { column, one } => {
                let one = |row: usize| one.map_or(Fr::ZERO, |one| embed(self.layout.fixed[one].get(row)));
                let mut values: Vec<Fr> = (0..self.rows()).map(one).collect();
                for (from, to) in &self.layout.copies {
                    if to.place == Place::Advice(fit(*column)) {
                        values[index(to.row)] = match from.place {
                            Place::Advice(column) => self.advice(usize::from(column), index(from.row)),
                            Place::Fixed(column) => embed(self.layout.fixed[usize::from(column)].get(index(from.row))),
                            Place::Instance => Fr::ZERO,
                        };
                    }
                }
                values
            }
        }
    }

    fn advice(&self, column: usize, row: usize) -> Fr {
        match self.first.get(column) {
            Some(column) => embed(column.get(row)),
            None => self.columns[column - self.first.len()].get(row).copied().unwrap_or_default(),
        }
    }

    /// An expression on usable rows; those before the first are zero.
    fn values(&self, expression: &Expression<Fr>) -> Vec<Fr> {
        let known = self.known(expression);
        (0..self.rows()).into_par_iter().map(|row| self.value(&known, row)).collect()
    }

    fn inverses(&self, expression: &Expression<Fr>) -> Vec<Fr> {
        let mut values = self.values(expression);
        values.par_chunks_mut(ROWS).for_each(|chunk| {
            chunk.batch_invert();
        });
        values
    }

    fn value(&self, known: &Known, row: usize) -> Fr {
        let at = |rotation: i32| usize::try_from(fit::<_, i64>(row) + i64::from(rotation)).ok();
        match known {
            Known::Constant(value) => *value,
            Known::Fixed(column, rotation) => at(*rotation).map_or(Fr::ZERO, |row| embed(self.layout.fixed[*column].get(row))),
            Known::Advice(column, rotation) => at(*rotation).map_or(Fr::ZERO, |row| self.advice(*column, row)),
            Known::Sum(terms) => self.value(&terms.0, row) + self.value(&terms.1, row),
            Known::Product(factors) => match self.value(&factors.0, row) {
                Fr::ZERO => Fr::ZERO,
                factor => factor * self.value(&factors.1, row),
            },
        }
    }

    fn known(&self, expression: &Expression<Fr>) -> Known {
        match expression {
            Expression::Constant(value) => Known::Constant(*value),
            Expression::Challenge(challenge) => Known::Constant(self.challenges[challenge.index()]),
            Expression::Fixed(query) => Known::Fixed(query.column_index(), query.rotation().0),
            Expression::Advice(query) => Known::Advice(query.column_index(), query.rotation().0),
            Expression::Sum(a, b) => match (self.known(a), self.known(b)) {
                (Known::Constant(a), Known::Constant(b)) => Known::Constant(a + b),
                terms => Known::Sum(Box::new(terms)),
            },
            Expression::Product(a, b) => match (self.known(a), self.known(b)) {
                (Known::Constant(a), Known::Constant(b)) => Known::Constant(a * b),
                factors => Known::Product(Box::new(factors)),
            },
            Expression::Negated(a) => scaled(self.known(a), -Fr::ONE),
            Expression::Scaled(a, factor) => scaled(self.known(a), *factor),
            // No gate has one.
            Expression::Selector(_) | Expression::Instance(_) => Known::Constant(Fr::ZERO),
        }
    }
}

fn scaled(known: Known, factor: Fr) -> Known {
    match known {
        Known::Constant(value) => Known::Constant(value * factor),
        other => Known::Product(Box::new((other, Known::Constant(factor)))),
    }
}
