//! The permutation argument at x.
//!
//! ```text
//! columns in m chunks of d − 2,   active = 1 − l_last − l_blind,   c in chunk i,   i = 0 … m − 1
//!
//! plain, a running product z_i of each chunk:                                                       halo2's
//! l_0 · (1 − z_0) = 0                                            the first starts from 1
//! l_last · (z_{m−1}² − z_{m−1}) = 0                              the last ends in 0 or 1
//! l_0 · (z_i − z_{i−1}(ω^last x)) = 0                            each goes on where the one before it ends
//! active · (z_i(ωx) Π_c (v_c + β σ_c + γ) − z_i Π_c (v_c + β δ^c x + γ)) = 0
//!
//! packed, one running product z of all chunks and partial products p_1 … p_{m−1} of a row:           [Plonky2, partial products]
//! l_0 · (1 − z) = 0                                              it starts from 1
//! l_last · (z² − z) = 0                                          and ends in 0 or 1
//! active · (p_{i+1} Π_c (v_c + β σ_c + γ) − p_i Π_c (v_c + β δ^c x + γ)) = 0             p_0 = z,  p_m = z(ωx)
//! ```
//!
//! But for the few β and γ with a factor of 0, `p_{i+1}` is `p_i` times the fraction of chunk i, and so, from `p_0 = z` to `p_m = z(ωx)`, z
//! takes all fractions of a row: what is left is halo2's argument with one product. A partial product is read in its own row
//! only: it is opened at x alone, and what it holds on rows that are not usable does not matter.
//!
//! \[Plonky2\]: <https://github.com/0xPolygonZero/plonky2/blob/main/plonky2/plonky2.pdf>

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
        let column = |(kind, query)| Source::new(kind, query, shape);
        let columns: Vec<Source> = constraints.permuted()?.into_iter().map(column).collect::<Option<_>>()?;
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
        let Some(last) = shape.products.checked_sub(1) else { return Some(()) };
        term(lagrange.first * (Fr::ONE - product(0, 0)?));
        let end = product(if shape.is_packed() { 0 } else { last }, 0)?;
        term((end.square() - end) * lagrange.last);
        if !shape.is_packed() {
            for (index, before) in (1..shape.products).zip(0..) {
                term((product(index, 0)? - product(before, 2)?) * lagrange.first);
            }
        }
        // What the factors of a chunk lead to.
        let next = |index: usize| match shape.is_packed() {
            false => product(index, 1),
            true if index == last => product(0, 1),
            true => product(index.saturating_add(1), 0),
        };
        let active = Fr::ONE - (lagrange.last + lagrange.blind);
        let sigma = values.get(shape.first_sigma_value()..)?.get(..shape.sigma_values)?;
        let chunks = self.columns.chunks(self.chunk).zip(sigma.chunks(self.chunk)).zip(self.cosets.chunks(self.chunk));
        for (index, ((columns, sigma), cosets)) in chunks.enumerate() {
            let (mut left, mut right) = (next(index)?, product(index, 0)?);
            for ((column, sigma), coset) in columns.iter().zip(sigma).zip(cosets) {
                let value = column.value(values, lagrange)? + gamma;
                left *= value + beta * sigma;
                right *= value + beta * x * coset;
            }
            term((left - right) * active);
        }
        Some(())
    }
}
