//! Witness: the first phase from the integers of the model, the second from the first and the challenges.
//!
//! First-phase columns hold small integers: `witness/first.rs`, with the layers of `witness/linear.rs`. The multiplicities, which only
//! the lookups need, may be counted later: `witness/lookups.rs`. Second-phase columns are functions of the columns before them and of the
//! challenges, row by row: nothing in `witness/second.rs` knows about operations.

mod first;
mod linear;
mod lookups;
mod products;
#[cfg(test)]
mod reference;
mod second;
#[cfg(test)]
mod tests;

use halo2_proofs::halo2curves::bn256::Fr;

use crate::column::IntColumn;
use crate::error::WitnessError;
use crate::field::embed;
use crate::gates::Challenges;
use crate::graph::QuantGraph;
use crate::layout::{Layout, Visibility};
use crate::witness::first::Evaluation;

/// The first phase of a witness.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The advice columns of the first phase.
    pub first: Vec<IntColumn>,
    /// The instance.
    pub instance: Vec<i64>,
    /// The tensors of the outputs.
    pub outputs: Vec<Vec<i32>>,
}

impl Witness {
    /// Runs the model on inputs.
    ///
    /// # Errors
    /// Inputs of the wrong number or length, or a value outside its range.
    pub fn new(graph: &QuantGraph, layout: &Layout, visibility: Visibility, inputs: &[Vec<i32>]) -> Result<Self, WitnessError> {
        let mut witness = Self::without_multiplicities(graph, layout, visibility, inputs)?;
        witness.first[layout.shape.advice().multiplicity] = witness.count(layout, graph)?;
        Ok(witness)
    }

    /// Runs the model on inputs; the column of multiplicities stays empty until [`count`](Self::count) makes it.
    ///
    /// # Errors
    /// Inputs of the wrong number or length, or a value outside its range.
    pub fn without_multiplicities(
        graph: &QuantGraph,
        layout: &Layout,
        visibility: Visibility,
        inputs: &[Vec<i32>],
    ) -> Result<Self, WitnessError> {
        let evaluation = Evaluation::new(graph, layout, inputs)?;
        let first = first::columns(graph, layout, &evaluation);
        let tensors = &evaluation.tensors;
        let instance = visibility.tensors(graph).iter().flat_map(|id| tensors[id.0].iter().map(|&v| i64::from(v))).collect();
        let outputs = graph.outputs.iter().map(|id| tensors[id.0].clone()).collect();
        Ok(Self { first, instance, outputs })
    }

    /// The column of multiplicities, from the other columns of the first phase.
    ///
    /// # Errors
    /// A value that is in no lookup table: the layout and the interpreter disagree.
    pub fn count(&self, layout: &Layout, graph: &QuantGraph) -> Result<IntColumn, WitnessError> {
        lookups::multiplicities(graph, layout, &self.first)
    }

    /// The instance as field elements.
    pub fn instance(&self) -> Vec<Fr> {
        self.instance.iter().map(|&v| embed(v)).collect()
    }

    /// The advice columns of the second phase, on usable rows.
    pub fn second_phase(&self, layout: &Layout, challenges: Challenges<Fr>) -> Vec<Vec<Fr>> {
        second::columns(layout, &self.first, challenges)
    }
}
