//! The permutation argument at x.
//!
//! ```text
//! columns in chunks of d − 2, a running product z_i each:
//! l_0 · (1 − z_0) = 0                                            the first starts from 1
//! l_last · (z_m² − z_m) = 0                                      the last ends in 0 or 1
//! l_0 · (z_i − z_{i−1}(ω^last x)) = 0                            each goes on where the one before it ends
//! (1 − l_last − l_blind) · (z_i(ωx) Π_c (v_c + β σ_c + γ) − z_i Π_c (v_c + β δ^c x + γ)) = 0
//! ```

use alloc::vec::Vec;

use ark_ff::Field;

use crate::constraints::ConstraintSystem;
use crate::field::{Fr, DELTA};
use crate::lagrange::Lagrange;
use crate::proof::Challenges;
use crate::shape::Shape;
use crate::vanishing::Source;

/// The permuted columns and the names of their cosets.
#[derive(Clone, Debug)]
pub(crate) struct Permutation {
    chunk: usize,
    columns: Vec<Source>,
    /// δ^c.
    cosets: Vec<Fr>,
}

impl Permutation {
    /// `None` if a permuted column is not opened at x.
    pub(crate) fn new(constraints: &ConstraintSystem, shape: &Shape) -> Option<Self> {
        let columns: Vec<Source> = constraints.permuted()?.into_iter().map(|(kind, query)| Source::new(kind, query, shape)).collect();
        let cosets = crate::lagrange::powers(DELTA).take(columns.len()).collect();
        Some(Self { chunk: constraints.chunk(), columns, cosets })
    }

    /// Calls `term` with the value of each identity. `None` if there are fewer values than the shape has.
    pub(crate) fn terms(
        &self,
        shape: &Shape,
        values: &[Fr],
        lagrange: &Lagrange,
        challenges: &Challenges,
        mut term: impl FnMut(Fr),
    ) -> Option<()> {
        let Challenges { beta, gamma, x, .. } = *challenges;
        let product = |index: usize, rotation: usize| values.get(shape.product_value(index).saturating_add(rotation)).copied();
        let Some(end) = shape.products.checked_sub(1) else { return Some(()) };
        term(lagrange.first * (Fr::ONE - product(0, 0)?));
        let last = product(end, 0)?;
        term((last.square() - last) * lagrange.last);
        for (index, before) in (1..shape.products).zip(0..) {
            term((product(index, 0)? - product(before, 2)?) * lagrange.first);
        }
        let active = Fr::ONE - (lagrange.last + lagrange.blind);
        let sigma = values.get(shape.first_sigma_value()..)?.get(..shape.sigma_values)?;
        let chunks = self.columns.chunks(self.chunk).zip(sigma.chunks(self.chunk)).zip(self.cosets.chunks(self.chunk));
        for (index, ((columns, sigma), cosets)) in chunks.enumerate() {
            let (mut left, mut right) = (product(index, 1)?, product(index, 0)?);
            for ((column, sigma), coset) in columns.iter().zip(sigma).zip(cosets) {
                let value = column.value(values, &lagrange.instance)? + gamma;
                left *= value + beta * sigma;
                right *= value + beta * x * coset;
            }
            term((left - right) * active);
        }
        Some(())
    }
}
