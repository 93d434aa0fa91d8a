//! The identities of the permutation at x, in the order of the verifier's file of the same name.

use ark_bn254::Fr;
use ark_ff::{Field, One};
use sworn_verifier::field::DELTA;

use crate::error::ExportError;
use crate::key::Kind;
use crate::program::Id;
use crate::protocol::{Compiler, Known};
use crate::slots::Squeezed;

impl Compiler<'_> {
    /// Number of identities.
    pub(crate) fn num_permutation_expressions(&self) -> usize {
        match self.shape.products {
            0 => 0,
            n => 2 + self.num_links() + n,
        }
    }

    /// Identities that carry a running product to the next: packed ones have one running product.
    fn num_links(&self) -> usize {
        if self.shape.is_packed() {
            0
        } else {
            self.shape.products - 1
        }
    }

    /// An expression of the permutation, in halo2's order.
    pub(crate) fn permutation(&mut self, index: usize, known: Known) -> Result<Id, ExportError> {
        let Known { first, last, active, .. } = known;
        let products = self.shape.products;
        let product = |c: &mut Self, i: usize, at: usize| c.evaluation(c.shape.product_value(i) + at);
        match index {
            0 => {
                // l_0 · (1 − z_0) = 0
                let (one, z) = (self.builder.constant(Fr::one()), product(self, 0, 0));
                let difference = self.builder.subtract(one, z);
                Ok(self.builder.multiply(first, difference))
            }
            1 => {
                // l_last · (z_l² − z_l) = 0, where l is the last one, or the only one
                let z = product(self, if self.shape.is_packed() { 0 } else { products - 1 }, 0);
                let minus = self.builder.negate(z);
                let difference = self.builder.multiply_add(z, z, minus);
                Ok(self.builder.multiply(difference, last))
            }
            i if i < 2 + self.num_links() => {
                // l_0 · (z_i − z_{i−1}(ω^last X)) = 0
                let (z, before) = (product(self, i - 1, 0), product(self, i - 2, 2));
                let difference = self.builder.subtract(z, before);
                Ok(self.builder.multiply(difference, first))
            }
            i => {
                // active · (z(ωX) Π (v + β·s + γ) − z Π (v + β·δ^c·X + γ)) = 0; packed, with p_{i+1} and p_i for z(ωX) and z,
                // where p_0 is z and the last one leads to z(ωX)
                let set = i - 2 - self.num_links();
                let next = match self.shape.is_packed() {
                    false => product(self, set, 1),
                    true if set + 1 == products => product(self, 0, 1),
                    true => product(self, set + 1, 0),
                };
                let (mut left, mut right) = (next, product(self, set, 0));
                let (beta, gamma) = (self.squeezed(Squeezed::Beta), self.squeezed(Squeezed::Gamma));
                let x = self.squeezed(Squeezed::Point);
                let shifted = self.builder.multiply(beta, x);
                let chunk = self.key.chunk;
                for column in (set * chunk..self.key.permutation.len()).take(chunk) {
                    let value = self.permuted(column, known)?;
                    let value = self.builder.add(value, gamma);
                    let sigma = self.evaluation(self.shape.first_sigma_value() + column);
                    let factor = self.builder.multiply_add(beta, sigma, value);
                    left = self.builder.multiply(left, factor);
                    let delta = self.builder.constant(DELTA.pow([column as u64]));
                    let factor = self.builder.multiply_add(shifted, delta, value);
                    right = self.builder.multiply(right, factor);
                }
                let difference = self.builder.subtract(left, right);
                Ok(self.builder.multiply(difference, active))
            }
        }
    }

    /// The value at x of a column under copy constraints.
    fn permuted(&mut self, column: usize, known: Known) -> Result<Id, ExportError> {
        let (kind, index) = self.key.permutation[column];
        let queries = match kind {
            Kind::Advice => &self.key.advice_queries,
            Kind::Fixed => &self.key.fixed_queries,
            Kind::Instance => &self.key.instance_queries,
        };
        let query = queries.iter().position(|q| q.column == index && q.rotation == 0);
        Ok(self.query(kind, query.ok_or(ExportError::Permutation { column })?, known))
    }
}
