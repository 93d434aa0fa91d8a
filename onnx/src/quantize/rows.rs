//! Rows: what norms and softmaxes have beside their scales, and the width of a graph that has them.
//!
//! ```text
//! width    w = b + 3 where tensors are multiplied, normalised or scored, else b: sums of products are longer than those of weights
//! norm     s ≤ w the largest shift with g = 2^s·s_x / (s_y·rms) ≤ 2^w / 4 for the shortest row of the samples
//! softmax  δ = 2^w·F·σ: scores in steps of δ, a table of e^(−δz) for the spread of the scores
//! ```

use serde::{Deserialize, Serialize};
use sworn_circuits::graph::NodeId;

use super::plan::{Form, Plan};
use crate::calibrate::Ranges;
use crate::graph::{Graph, Op};

/// Bits that range checks have more than tensors.
const MORE: u32 = 3;
/// How much larger the factor of a row may be than in the samples.
const MARGIN: f64 = 4.0;
/// The coarsest step of scores.
pub(super) const COARSEST: f64 = 1.0 / 16.0;
/// The finest.
const FINEST: f64 = 1.0 / 1024.0;

/// What a norm or a softmax has beside its scales.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Row {
    /// The shift of a norm.
    Norm { shift: u32 },
    /// The factor of the scores of a softmax, and the length of its table.
    Softmax { factor: i32, length: u32 },
}

fn is_of_rows(op: &Op) -> bool {
    matches!(op, Op::Product { .. } | Op::Norm { .. } | Op::Softmax { .. })
}

/// Width of the range checks of a graph.
pub(super) fn width(graph: &Graph, bits: u32) -> u32 {
    bits + if graph.nodes.iter().any(|node| is_of_rows(&node.op)) { MORE } else { 0 }
}

/// Shift of the requantisation of a node's sums; for a norm, see [`Row::Norm`].
pub(super) fn shift(graph: &Graph, pre: NodeId, bits: u32) -> u32 {
    match graph.node(pre).op {
        Op::Product { .. } => width(graph, bits),
        _ => bits,
    }
}

/// The real value of the integer 1 of what a softmax scores.
pub(super) fn scored(graph: &Graph, plan: &Plan<'_>, from: NodeId, values: &[f64]) -> f64 {
    match &graph.node(from).op {
        Op::Product { factor } if super::plan::is_scored(plan, from) => {
            f64::from(*factor) * graph.node(from).inputs.iter().map(|id| values[id.0]).product::<f64>()
        }
        _ => values[from.0],
    }
}

/// What the scores are counted in, for a unit of their sums and a factor.
pub(super) fn step(scored: f64, width: u32, factor: i32) -> f64 {
    scored.abs() * 2f64.powi(width as i32) / f64::from(factor)
}

pub(super) fn solve(graph: &Graph, plan: &Plan<'_>, ranges: &Ranges, values: &[f64], bits: u32) -> Vec<Option<Row>> {
    let width = width(graph, bits);
    let softmaxes = plan.iter().filter(|(_, site)| matches!(site.form, Form::Probabilities(_))).count();
    let mut rows = vec![None; graph.nodes.len()];
    for (index, site) in plan.iter() {
        rows[index] = match site.form {
            Form::Accumulate(pre) => match graph.node(pre).op {
                Op::Norm { inner, epsilon } => {
                    let x = graph.node(pre).inputs[0];
                    let shortest = shortest(ranges, x, inner, f64::from(epsilon));
                    let most = 2f64.powi(width as i32) / MARGIN;
                    // A table's argument has a scale of its own, which is near that of the values.
                    let shift = (most * values[index] * shortest / values[x.0]).log2().floor();
                    Some(Row::Norm { shift: shift.clamp(0.0, f64::from(width)) as u32 })
                }
                _ => None,
            },
            Form::Probabilities(from) => {
                let range = ranges.nodes[from.0];
                let spread = ((range.max - range.min) * ranges.margins[from.0]).max(1.0);
                let (longest, all) = (2f64.powi(width as i32 - 1), 2f64.powi(width as i32));
                let wanted = (spread / longest).max(FINEST).max(spread * softmaxes as f64 / all);
                let scored = scored(graph, plan, from, values);
                let factor = (step(scored, width, 1) / wanted).round().clamp(1.0, f64::from(i32::MAX / 2)) as i32;
                let length = (spread / step(scored, width, factor)).ceil().clamp(1.0, longest - 2.0) as u32 + 2;
                Some(Row::Softmax { factor, length })
            }
            _ => None,
        };
    }
    rows
}

/// Root of the mean square of the shortest row of the samples, epsilon included.
fn shortest(ranges: &Ranges, x: NodeId, inner: usize, epsilon: f64) -> f64 {
    let tensors = ranges.tensors.iter().filter_map(|tensors| tensors.get(x.0));
    let squares = |row: &[f32]| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / row.len() as f64;
    let least = tensors.flat_map(|tensor| tensor.chunks(inner)).map(squares).fold(f64::INFINITY, f64::min);
    // Without samples: a row that is shorter than the largest element by far.
    let least = if least.is_finite() { least } else { (ranges.nodes[x.0].magnitude() / 64.0).powi(2) };
    (least + epsilon).sqrt().max(f64::MIN_POSITIVE)
}
