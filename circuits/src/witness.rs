//! Witness: the first phase from the integers of the model, the second from the first and the challenges.
//!
//! First-phase columns hold small integers: operations compute accumulators, groups fill their cells from them. The multiplicities, which
//! only the lookups need, may be counted later. Second-phase columns are functions of the columns before them and of the challenges, as
//! [`Derivation`](crate::derivation::Derivation)s say.

mod first;
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
use crate::groups::lookups;
use crate::layout::packing::PublicNode;
use crate::layout::Layout;
pub(crate) use crate::witness::first::Evaluation;

/// The first phase of a witness.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The advice columns of the first phase.
    pub first: Vec<IntColumn>,
    /// The public tensors: the instance, but for their packing.
    pub instance: Vec<i64>,
    /// The tensors of the outputs.
    pub outputs: Vec<Vec<i32>>,
    public: Vec<PublicNode>,
}

impl Witness {
    /// Runs the model on inputs.
    ///
    /// # Errors
    /// Inputs of the wrong number or length, or a value outside its range.
    pub fn new(graph: &QuantGraph, layout: &Layout, inputs: &[Vec<i32>]) -> Result<Self, WitnessError> {
        let mut witness = Self::without_multiplicities(graph, layout, inputs)?;
        witness.first[layout.shape.columns().lookups.multiplicity] = witness.count(layout, graph)?;
        Ok(witness)
    }

    /// Runs the model on inputs; the column of multiplicities stays empty until [`count`](Self::count) makes it.
    ///
    /// # Errors
    /// Inputs of the wrong number or length, or a value outside its range.
    pub fn without_multiplicities(graph: &QuantGraph, layout: &Layout, inputs: &[Vec<i32>]) -> Result<Self, WitnessError> {
        let evaluation = Evaluation::new(graph, layout, inputs)?;
        let first = first::columns(graph, layout, &evaluation);
        let tensors = &evaluation.tensors;
        let public = layout.public.clone();
        let instance = public.iter().flat_map(|tensor| tensors[tensor.node.0].iter().map(|&v| i64::from(v))).collect();
        let outputs = graph.outputs.iter().map(|output| tensors[output.node.0].clone()).collect();
        Ok(Self { first, instance, outputs, public })
    }

    /// The column of multiplicities, from the other columns of the first phase.
    ///
    /// # Errors
    /// A value that is in no lookup table: the layout and the interpreter disagree.
    pub fn count(&self, layout: &Layout, graph: &QuantGraph) -> Result<IntColumn, WitnessError> {
        lookups::multiplicities(graph, layout, &self.first)
    }

    /// The instance as field elements, packed tensors as [`packing`](crate::layout::packing) says.
    pub fn instance(&self) -> Vec<Fr> {
        let mut rest = self.instance.as_slice();
        let mut values = Vec::new();
        for tensor in &self.public {
            let (elements, later) = rest.split_at(tensor.elements.min(rest.len()));
            rest = later;
            match tensor.packing {
                None => values.extend(elements.iter().map(|&v| embed(v))),
                Some(packing) => values.extend(elements.chunks(packing.digits()).map(|run| {
                    // p = Σ v_i·B^i
                    run.iter().rev().fold(Fr::zero(), |p, &v| p * Fr::from(u64::from(packing.radix())) + embed(v))
                })),
            }
        }
        values
    }

    /// The advice columns of the second phase, on usable rows.
    pub fn second_phase(&self, layout: &Layout, challenges: Challenges<Fr>) -> Vec<Vec<Fr>> {
        second::columns(layout, &self.first, challenges)
    }
}
