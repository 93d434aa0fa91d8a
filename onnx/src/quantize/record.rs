//! Record: all that a quantised graph has beside its float graph. With both it is made again, bit by bit.

use serde::{Deserialize, Serialize};

use super::rounding;
use super::scales::Scales;
use crate::calibrate::Ranges;
use crate::graph::{Graph, Op};

/// What was chosen when a graph was quantised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub(super) bits: u32,
    pub(super) scales: Scales,
    /// For each float node, the mean integer of what each term of a linear layer reads.
    pub(super) means: Vec<Vec<i64>>,
}

impl Record {
    pub(super) fn new(graph: &Graph, scales: Scales, ranges: &Ranges, bits: u32) -> Self {
        let mean = |id: usize| {
            let samples: Vec<&[f32]> = ranges.tensors.iter().filter_map(|tensors| tensors.get(id)).map(Vec::as_slice).collect();
            rounding::mean(&samples, scales.values[id], scales.elements[id].as_ref())
        };
        let means = graph.nodes.iter().map(|node| match &node.op {
            Op::Linear(_) => node.inputs.iter().map(|id| mean(id.0)).collect(),
            _ => Vec::new(),
        });
        let means = means.collect();
        Self { bits, scales, means }
    }
}
