//! Witness: the first phase from the integers of the model, the second from the first and the challenges.
//!
//! First-phase columns hold small integers. Second-phase columns are functions of the columns before them and of the
//! challenges, row by row: nothing in `witness/second.rs` knows about operations.

mod first;
mod second;

use halo2_proofs::halo2curves::bn256::Fr;

use crate::column::IntColumn;
use crate::error::WitnessError;
use crate::field::embed;
use crate::gates::Challenges;
use crate::graph::QuantGraph;
use crate::layout::{Layout, Visibility};

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
        let tensors = graph.evaluate(inputs)?;
        let first = first::columns(graph, layout, &tensors)?;
        let instance = visibility.tensors(graph).iter().flat_map(|id| tensors[id.0].iter().map(|&v| i64::from(v))).collect();
        let outputs = graph.outputs.iter().map(|id| tensors[id.0].clone()).collect();
        Ok(Self { first: first.iter().map(|c| IntColumn::new(c)).collect(), instance, outputs })
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
