//! Report: how far the integer graph is from the float graph over samples.
//!
//! ```text
//! err = scale·q − y        relative = max|err| / max|y|        mean = mean|err| / max|y|
//! cosine = ⟨scale·q, y⟩ / (‖scale·q‖·‖y‖)        top-1 = share of samples whose largest output is the same element
//! ```
//!
//! Every figure is a fraction: how large the values of the samples are is not told.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use sworn_circuits::graph::{NodeId, QuantGraph};

use crate::error::OnnxError;
use crate::evaluate::evaluate;
use crate::graph::Graph;
use crate::quantize::{quantize_input, Quantised};

/// Errors of one tensor over all samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorError {
    /// Name of the node.
    pub node: String,
    /// Number of elements.
    pub elements: usize,
    /// Largest absolute error, as a fraction of the largest absolute value; 0 if both are.
    pub relative: f64,
    /// Mean absolute error, as a fraction of the same.
    pub mean: f64,
    /// Cosine of the angle between the two; 1 if both are 0.
    pub cosine: f64,
}

/// Errors of a quantised model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Bit width.
    pub bits: u32,
    /// Number of samples.
    pub samples: usize,
    /// Each node of the integer graph, in its order. They are for whoever has the samples, and not written down.
    #[serde(skip)]
    pub layers: Vec<TensorError>,
    /// The outputs of the model.
    pub outputs: Vec<TensorError>,
    /// Share of samples for which all outputs have their largest element in the same place.
    pub top1: f64,
}

impl Report {
    /// The largest relative error of an output.
    pub fn relative(&self) -> f64 {
        self.outputs.iter().map(|o| o.relative).fold(0.0, f64::max)
    }
}

/// Sums of which [`TensorError`] is made.
#[derive(Clone, Default)]
struct Sums {
    count: f64,
    max_value: f64,
    max_abs: f64,
    abs: f64,
    float_float: f64,
    quant_quant: f64,
    float_quant: f64,
}

impl Sums {
    fn add(&mut self, float: &[f32], quantised: &[f32]) {
        for (&y, &q) in float.iter().zip(quantised) {
            let (y, q) = (f64::from(y), f64::from(q));
            self.count += 1.0;
            self.max_value = self.max_value.max(y.abs());
            self.max_abs = self.max_abs.max((q - y).abs());
            self.abs += (q - y).abs();
            self.float_float += y * y;
            self.quant_quant += q * q;
            self.float_quant += y * q;
        }
    }

    fn finish(&self, node: &str, elements: usize) -> TensorError {
        let norm = (self.float_float * self.quant_quant).sqrt();
        let fraction = |error: f64| if error == 0.0 { 0.0 } else { error / self.max_value };
        let both_zero = self.float_float == 0.0 && self.quant_quant == 0.0;
        TensorError {
            node: node.to_string(),
            elements,
            relative: fraction(self.max_abs),
            mean: fraction(self.abs / self.count.max(1.0)),
            cosine: if both_zero {
                1.0
            } else if norm > 0.0 {
                self.float_quant / norm
            } else {
                0.0
            },
        }
    }
}

/// The tensors of a quantised model for real inputs.
///
/// # Errors
/// Inputs that do not fit, or a value outside its range.
pub fn evaluate_quantised(graph: &QuantGraph, inputs: &[Vec<f32>]) -> Result<Vec<Vec<i32>>, OnnxError> {
    if inputs.len() != graph.inputs.len() {
        return Err(OnnxError::InputCount { expected: graph.inputs.len(), actual: inputs.len() });
    }
    let ints = inputs.iter().enumerate().map(|(index, values)| quantize_input(graph, index, values)).collect::<Result<Vec<_>, _>>()?;
    Ok(graph.evaluate(&ints)?)
}

/// Compares the two models over the samples.
///
/// # Errors
/// Samples that do not fit, or a value outside its range.
pub fn compare(graph: &Graph, quantised: &Quantised, samples: &[Vec<Vec<f32>>]) -> Result<Report, OnnxError> {
    compare_known(graph, quantised, samples, &[])
}

/// As [`compare`], with the float tensors of the first samples already known.
pub(crate) fn compare_known(
    graph: &Graph,
    quantised: &Quantised,
    samples: &[Vec<Vec<f32>>],
    known: &[Vec<Vec<f32>>],
) -> Result<Report, OnnxError> {
    let nodes = &quantised.graph.nodes;
    let mut layers = vec![Sums::default(); nodes.len()];
    let mut same = 0usize;
    for (sample, inputs) in samples.iter().enumerate() {
        let float = match known.get(sample) {
            Some(tensors) => Cow::Borrowed(tensors),
            None => Cow::Owned(evaluate(graph, inputs)?),
        };
        let ints = evaluate_quantised(&quantised.graph, inputs)?;
        let reals: Vec<Vec<f32>> = ints.iter().enumerate().map(|(id, ints)| quantised.reals(NodeId(id), ints)).collect();
        for ((sums, origin), reals) in layers.iter_mut().zip(&quantised.origins).zip(&reals) {
            sums.add(&float[origin.0], reals);
        }
        let outputs = graph.outputs.iter().zip(&quantised.graph.outputs);
        same += usize::from(outputs.into_iter().all(|(y, q)| same_top(&float[y.node.0], &reals[q.node.0])));
    }
    let finished: Vec<TensorError> = layers.iter().zip(nodes).map(|(sums, node)| sums.finish(&node.name, node.elements())).collect();
    Ok(Report {
        bits: quantised.graph.bits,
        samples: samples.len(),
        outputs: quantised
            .graph
            .outputs
            .iter()
            .map(|output| TensorError { node: output.name.clone(), ..finished[output.node.0].clone() })
            .collect(),
        layers: finished,
        top1: if samples.is_empty() { 1.0 } else { same as f64 / samples.len() as f64 },
    })
}

/// Whether the largest element of `float` is a largest element of `quantised`.
fn same_top(float: &[f32], quantised: &[f32]) -> bool {
    let largest = (0..float.len()).max_by(|&a, &b| float[a].total_cmp(&float[b]).then(b.cmp(&a)));
    largest.is_none_or(|top| quantised.iter().all(|q| *q <= quantised[top]))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.layers.iter().map(|l| l.node.chars().count()).max().unwrap_or(4).clamp(6, 40);
        writeln!(f, "{:width$}  {:>9}  {:>10}  {:>10}  {:>9}", "node", "elements", "max error", "mean error", "cosine")?;
        let row = |f: &mut fmt::Formatter<'_>, name: &str, e: &TensorError| {
            let name: String = name.chars().take(width).collect();
            let [most, mean] = [e.relative, e.mean].map(|v| format!("{:.4} %", 100.0 * v));
            writeln!(f, "{name:width$}  {:>9}  {most:>10}  {mean:>10}  {:>9.6}", e.elements, e.cosine)
        };
        for layer in &self.layers {
            row(f, &layer.node, layer)?;
        }
        for output in &self.outputs {
            row(f, "output", output)?;
        }
        write!(f, "{} bits, {} samples, top-1 agreement {:.2} %", self.bits, self.samples, 100.0 * self.top1)
    }
}
