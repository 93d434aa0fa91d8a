#![doc = include_str!("../docs/quantisation.md")]

pub mod audit;
mod emit;
mod plan;
mod record;
mod rounding;
mod scales;
mod table;

use sworn_circuits::graph::{Node, NodeId, QuantGraph};

pub use record::Record;

use crate::calibrate::Ranges;
use crate::error::OnnxError;
use crate::graph::Graph;

/// Bit widths that can be asked for.
pub const BITS: std::ops::RangeInclusive<u32> = 4..=15;

/// A quantised graph, and what its nodes stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantised {
    /// The integer graph.
    pub graph: QuantGraph,
    /// For each of its nodes, the node of the float graph that has the same values.
    pub origins: Vec<NodeId>,
    /// What was chosen for it.
    pub record: Record,
}

/// Quantises a simplified graph for the ranges that [`calibrate`](crate::calibrate::calibrate) found.
///
/// # Errors
/// A width outside [`BITS`], ranges of another graph, a function that is not finite in its range, or coefficients that
/// leave their bounds.
pub fn quantize(graph: &Graph, ranges: &Ranges, bits: u32) -> Result<Quantised, OnnxError> {
    if !BITS.contains(&bits) {
        return Err(OnnxError::Bits { expected: "4 to 15", actual: bits });
    }
    if ranges.nodes.len() != graph.nodes.len() {
        return Err(OnnxError::NoSamples);
    }
    let plan = plan::Plan::new(graph);
    let scales = scales::solve(graph, &plan, ranges, bits)?;
    let record = Record::new(graph, scales, ranges, bits);
    emit::emit(graph, &plan, record)
}

/// The integers of the values of input `index` of the model, counted in the order of the model's inputs.
///
/// # Errors
/// No such input, another number of values, or a value that is not finite or outside the range of the input.
pub fn quantize_input(graph: &QuantGraph, index: usize, values: &[f32]) -> Result<Vec<i32>, OnnxError> {
    let Some(&id) = graph.inputs.get(index) else {
        return Err(OnnxError::InputCount { expected: graph.inputs.len(), actual: index + 1 });
    };
    let node = graph.node(id);
    if values.len() != node.elements() {
        return Err(OnnxError::InputLength { input: node.name.clone(), expected: node.elements(), actual: values.len() });
    }
    let half = f64::from(1u32 << (graph.bits - 1));
    let quantise = |(index, &value): (usize, &f32)| {
        if !value.is_finite() {
            return Err(OnnxError::InputNotFinite { input: node.name.clone(), index });
        }
        let q = (f64::from(value) / node.scale).round();
        if q < -half || q >= half {
            let [low, high] = [-half * node.scale, (half - 1.0) * node.scale].map(|v| format!("{v:.6}"));
            return Err(OnnxError::InputOutOfRange { input: node.name.clone(), index, value: value.to_string(), low, high });
        }
        Ok(q as i32)
    };
    values.iter().enumerate().map(quantise).collect()
}

/// The real values of a node's integers.
pub fn dequantize(node: &Node, values: &[i32]) -> Vec<f32> {
    values.iter().map(|&q| (f64::from(q) * node.scale) as f32).collect()
}

#[cfg(test)]
mod tests;
