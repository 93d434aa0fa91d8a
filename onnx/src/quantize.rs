#![doc = include_str!("../docs/quantisation.md")]

pub mod audit;
mod emit;
mod features;
mod plan;
mod reach;
mod record;
mod rounding;
mod rows;
mod scales;
mod table;

use std::collections::HashMap;

use sworn_circuits::graph::{Node, NodeId, QuantGraph};

pub use record::Record;

use crate::calibrate::Ranges;
use crate::error::{OnnxError, OutOfRange};
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
    /// Scale and offset of the elements of nodes that move features of inputs.
    elements: HashMap<usize, Vec<[f64; 2]>>,
}

impl Quantised {
    /// The real values of the integers of a node.
    pub fn reals(&self, id: NodeId, values: &[i32]) -> Vec<f32> {
        match self.elements.get(&id.0) {
            Some(elements) => {
                let real = |(&q, [scale, offset]): (&i32, &[f64; 2])| (f64::from(q) * scale + offset) as f32;
                values.iter().zip(elements).map(real).collect()
            }
            None => dequantize(self.graph.node(id), values),
        }
    }
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
        let (scale, offset) = node.scale_of(index);
        let q = ((f64::from(value) - offset) / scale).round();
        if q < -half || q >= half {
            return Err(out_of_range(node, index, values, [offset - half * scale, offset + (half - 1.0) * scale]));
        }
        Ok(q as i32)
    };
    values.iter().enumerate().map(quantise).collect()
}

fn out_of_range(node: &Node, index: usize, values: &[f32], range: [f64; 2]) -> OnnxError {
    let number = |v: f32| format!("{v:?}").trim_end_matches(".0").to_string();
    let [low, high] = range.map(|v| number(v as f32));
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let [smallest, largest] = [finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max)].map(number);
    let mut rest = index;
    let mut place: Vec<String> = Vec::with_capacity(node.shape.len());
    for &size in node.shape.iter().rev() {
        place.push((rest % size.max(1)).to_string());
        rest /= size.max(1);
    }
    place.reverse();
    let value = number(values.get(index).copied().unwrap_or(f32::NAN));
    let input = node.name.clone();
    Box::new(OutOfRange { input, place: place.join(", "), value, low, high, smallest, largest }).into()
}

/// The real values of a node's integers; for a node that moves features, see [`Quantised::reals`].
pub fn dequantize(node: &Node, values: &[i32]) -> Vec<f32> {
    let real = |(i, &q): (usize, &i32)| {
        let (scale, offset) = node.scale_of(i);
        (f64::from(q) * scale + offset) as f32
    };
    values.iter().enumerate().map(real).collect()
}

#[cfg(test)]
mod tests;
