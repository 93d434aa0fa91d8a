//! Calibrate: the range of every tensor over sample inputs.
//!
//! ```text
//! range(n)      = [min, max] of the tensor of n over all samples
//! widened by m  = [min − (m − 1)·a, max + (m − 1)·a],   a = max(|min|, |max|)
//! ```
//!
//! A value outside the range that the quantisation chooses is an error at proving time, so ranges are widened: by
//! [`default_margin`] of the number of samples, which `docs/quantisation.md` justifies by measurement.

use crate::error::OnnxError;
use crate::evaluate::evaluate;
use crate::graph::Graph;

/// Smallest and largest value of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Range {
    /// The largest absolute value.
    pub fn magnitude(&self) -> f64 {
        self.min.abs().max(self.max.abs())
    }

    /// The range with `margin − 1` of its magnitude more on each side.
    pub fn widened(&self, margin: f64) -> Self {
        let more = (margin - 1.0) * self.magnitude();
        Self { min: self.min - more, max: self.max + more }
    }
}

/// What the samples say about a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges {
    /// The range of each node.
    pub nodes: Vec<Range>,
    /// How much wider the quantised ranges are; at least 1.
    pub margin: f64,
    /// The tensors of all nodes for the first samples, `[sample][node]`: rounding is chosen for them.
    pub(crate) tensors: Vec<Vec<Vec<f32>>>,
}

/// Samples whose tensors are kept.
const KEPT: usize = 8;

/// Margin for a number of samples: a single one says little about the next input.
pub fn default_margin(samples: usize) -> f64 {
    match samples {
        0..=1 => 2.0,
        2..=15 => 1.5,
        _ => 1.25,
    }
}

/// Evaluates `graph` for each sample, a vector for each input, and answers the ranges.
///
/// # Errors
/// No samples, samples that do not fit the inputs, or a node with values that are not finite.
pub fn calibrate(graph: &Graph, samples: &[Vec<Vec<f32>>], margin: f64) -> Result<Ranges, OnnxError> {
    if samples.is_empty() {
        return Err(OnnxError::NoSamples);
    }
    let mut nodes = vec![Range { min: f64::INFINITY, max: f64::NEG_INFINITY }; graph.nodes.len()];
    let mut tensors = Vec::new();
    for (sample, inputs) in samples.iter().enumerate() {
        let values = evaluate(graph, inputs)?;
        for ((range, node), values) in nodes.iter_mut().zip(&graph.nodes).zip(&values) {
            for &value in values {
                if !value.is_finite() {
                    return Err(OnnxError::ValueNotFinite { node: node.name.clone(), sample });
                }
                range.min = range.min.min(f64::from(value));
                range.max = range.max.max(f64::from(value));
            }
        }
        if tensors.len() < KEPT {
            tensors.push(values);
        }
    }
    // A tensor without elements has no range.
    for range in nodes.iter_mut().filter(|r| r.min > r.max) {
        *range = Range { min: 0.0, max: 0.0 };
    }
    Ok(Ranges { nodes, margin: if margin.is_finite() { margin.max(1.0) } else { 1.0 }, tensors })
}
