//! Record: all that a quantised graph has beside its float graph. With both it is made again, bit by bit.

use serde::{Deserialize, Serialize};

use super::features::{channel, channels};
use super::rounding;
use super::scales::Scales;
use crate::calibrate::Ranges;
use crate::graph::{Graph, Linear, Op};

/// What was chosen when a graph was quantised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub(super) bits: u32,
    pub(super) scales: Scales,
    /// For each float node, the mean integers of what each term of a linear layer reads: one for each channel, or one for all of an input.
    pub(super) means: Vec<Vec<Vec<i64>>>,
}

impl Record {
    pub(super) fn new(graph: &Graph, scales: Scales, ranges: &Ranges, bits: u32) -> Self {
        let of_inputs = of_inputs(graph);
        let mean = |id: usize, linear: &Linear| {
            let samples: Vec<&[f32]> = ranges.tensors.iter().filter_map(|tensors| tensors.get(id)).map(Vec::as_slice).collect();
            let shape = &graph.nodes[id].shape;
            let count = if of_inputs[id] { 1 } else { channels(linear.channels, shape) };
            let channel = |element| if count == 1 { 0 } else { channel(linear.channels, shape, element) };
            rounding::means(&samples, scales.values[id], scales.elements[id].as_ref(), (count, &channel))
        };
        let means = graph.nodes.iter().map(|node| match &node.op {
            Op::Linear(linear) => node.inputs.iter().map(|id| mean(id.0, linear)).collect(),
            _ => Vec::new(),
        });
        let means = means.collect();
        Self { bits, scales, means }
    }
}

/// Tensors whose elements are those of an input: one mean of them is all that a key may know.
pub(super) fn of_inputs(graph: &Graph) -> Vec<bool> {
    let mut found = vec![false; graph.nodes.len()];
    for (id, node) in graph.nodes.iter().enumerate() {
        found[id] = match node.op {
            Op::Input => true,
            Op::Gather(_) | Op::Max(_) => node.inputs.iter().any(|from| found[from.0]),
            _ => false,
        };
    }
    found
}
