//! Calibrate: the range of every tensor over sample inputs.
//!
//! ```text
//! range(n)      = [min, max] of the tensor of n over all samples
//! widened by m  = [min − (m − 1)·a, max + (m − 1)·a],   a = max(|min|, |max|)
//! m(n)          = √(ln(F·√e) / ln(S·√e)) within [1.1, 2],   S samples of e elements, F = 10⁴
//! ```
//!
//! A value outside the range that the quantisation chooses is an error at proving time, so ranges are widened by `m`. Its
//! default is the growth of the largest of `S·√e` normal values to that of `F·√e`: what `F` inputs will reach. The root
//! stands for the elements of a tensor being dependent: they share the contrast of an image. Measured: see
//! [`quantize`](crate::quantize).
//!
//! Where ranges of the inputs are declared there are no samples, and a calibration depends on nothing but the model and those ranges:
//!
//! ```text
//! range(n)      = [min, max] over synthetic samples within the declared ranges      `synthetic`
//! m(n)          = min(4, max|bound(n)| / max|range(n)|)                             `interval`
//! inputs        the declared range, m = 1
//! ```
//!
//! The bound holds for every input within the ranges, so nothing is gained beyond it, and a tensor whose bound is at most four times what
//! the synthetic samples showed is never left. In deep models bounds are far above what occurs; there the margin is 4.

use crate::error::OnnxError;
use crate::evaluate::evaluate;
use crate::graph::{Graph, Op};
use crate::{interval, synthetic};

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

    fn hold(&mut self, value: f64) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// The range with `margin − 1` of its magnitude more on each side.
    pub fn widened(&self, margin: f64) -> Self {
        let more = (margin - 1.0) * self.magnitude();
        Self { min: self.min - more, max: self.max + more }
    }
}

/// The range of no value.
const EMPTY: Range = Range { min: f64::INFINITY, max: f64::NEG_INFINITY };

/// What the samples say about a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges {
    /// The range of each node.
    pub nodes: Vec<Range>,
    /// The range of each element of each input, in the order of the model's inputs.
    pub inputs: Vec<Vec<Range>>,
    /// How much wider the quantised range of each node is; at least 1.
    pub margins: Vec<f64>,
    /// The tensors of all nodes for the first samples, `[sample][node]`: rounding is chosen for them.
    pub(crate) tensors: Vec<Vec<Vec<f32>>>,
}

/// Samples whose tensors are kept.
const KEPT: usize = 8;

/// Inputs that the default margin is meant to cover.
const FUTURE: f64 = 1e4;

/// The margin of a tensor for a number of samples: a single small tensor says little about the next input.
pub fn default_margin(samples: usize, elements: usize) -> f64 {
    let root = (elements.max(1) as f64).sqrt();
    let seen = (samples as f64 * root).max(1.5);
    ((FUTURE * root).ln() / seen.ln()).sqrt().clamp(1.1, 2.0)
}

/// The margin of tensors over synthetic samples, which are not like those to come.
const SYNTHETIC_MARGIN: f64 = 4.0;

/// Calibrates for inputs within `ranges`, one for each input of the graph; answers the synthetic samples as well.
///
/// # Errors
/// Another number of ranges than of inputs, or a node with values that are not finite.
#[expect(clippy::type_complexity, reason = "samples are vectors of inputs, which are vectors of elements")]
pub fn calibrate_within(graph: &Graph, ranges: &[Range], margin: Option<f64>) -> Result<(Ranges, Vec<Vec<Vec<f32>>>), OnnxError> {
    let bounds = interval::bounds(graph, ranges)?;
    let samples = synthetic::samples(graph, ranges);
    let mut found = calibrate(graph, &samples, Some(margin.unwrap_or(SYNTHETIC_MARGIN)))?;
    for ((node, margin), (bound, op)) in
        found.nodes.iter_mut().zip(&mut found.margins).zip(bounds.iter().zip(graph.nodes.iter().map(|n| &n.op)))
    {
        let limit = bound.magnitude() / node.magnitude();
        if matches!(op, Op::Input) || (node.magnitude() == 0.0 && bound.magnitude().is_finite()) {
            (*node, *margin) = (*bound, 1.0);
        } else if limit.is_finite() {
            *margin = margin.min(limit).max(1.0);
        }
    }
    for ((id, elements), range) in graph.inputs.iter().zip(&mut found.inputs).zip(ranges) {
        found.nodes[id.0] = *range;
        elements.fill(*range);
    }
    Ok((found, samples))
}

/// Evaluates `graph` for each sample, a vector for each input, and answers the ranges, with one margin for all
/// nodes or the default ones.
///
/// # Errors
/// No samples, samples that do not fit the inputs, or a node with values that are not finite.
pub fn calibrate(graph: &Graph, samples: &[Vec<Vec<f32>>], margin: Option<f64>) -> Result<Ranges, OnnxError> {
    if samples.is_empty() {
        return Err(OnnxError::NoSamples);
    }
    let mut nodes = vec![EMPTY; graph.nodes.len()];
    let mut elements: Vec<Vec<Range>> = graph.inputs.iter().map(|id| vec![EMPTY; graph.node(*id).elements()]).collect();
    let mut tensors = Vec::new();
    for (sample, inputs) in samples.iter().enumerate() {
        let values = evaluate(graph, inputs)?;
        for ((range, node), values) in nodes.iter_mut().zip(&graph.nodes).zip(&values) {
            for &value in values {
                if !value.is_finite() {
                    return Err(OnnxError::ValueNotFinite { node: node.name.clone(), sample });
                }
                range.hold(f64::from(value));
            }
        }
        for (ranges, values) in elements.iter_mut().zip(inputs) {
            ranges.iter_mut().zip(values).for_each(|(range, value)| range.hold(f64::from(*value)));
        }
        if tensors.len() < KEPT {
            tensors.push(values);
        }
    }
    // A tensor without elements has no range.
    for range in nodes.iter_mut().filter(|r| r.min > r.max) {
        *range = Range { min: 0.0, max: 0.0 };
    }
    let margin = |elements| margin.filter(|m| m.is_finite()).unwrap_or_else(|| default_margin(samples.len(), elements)).max(1.0);
    let margins = graph.nodes.iter().map(|n| margin(n.elements())).collect();
    Ok(Ranges { nodes, inputs: elements, margins, tensors })
}
