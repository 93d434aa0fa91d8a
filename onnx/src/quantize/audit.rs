//! Audit: whether an integer graph is the quantisation of a float graph, and nothing else.
//!
//! ```text
//! circuit  =  emit(float graph, record)          node by node, bit by bit
//! ```
//!
//! The float graph is what the auditor imported, the [`Record`] and the circuit are what somebody hands over. The circuit is recomputed from the
//! first two, so all that a liar chooses is the record:
//!
//! | of the record | it may be | what it decides |
//! |---|---|---|
//! | width | 4 to 15 bits | resolution; it stands in the key |
//! | scale of a tensor | positive; equal where a gather, maximum or relu passes values on; one that leaves a single factor within 1/8 | resolution, and which inputs leave the range |
//! | table: domain, scale and offset of the argument | finite, the domain within the table; no offset where nothing takes it; no value cut off | resolution of the argument, and which inputs leave the range |
//! | norm: shift; softmax: factor of its scores, length of its table | a shift within the range; steps of at most 1/16 | resolution, and which rows leave the range |
//! | element of an input: scale `s·2^−k`, offset | k up to 60, offset within `s·2^(b−1)`; none where a reader cannot take it | resolution, and which inputs leave the range |
//! | means of what a layer reads | integers that the tensor can hold, one for each channel, one for all of an input | `−Σ δ_i·m_i` within `2·√(Σ m_i²)`, a bias of the rounding errors |
//!
//! Every weight is the rounding of the model's at one factor for its tensors, every constant too, every table is the function's values at
//! the points of its grid, and every element that moves is the one that the model moves. A value that leaves its range stops the prover, and is
//! never wrapped. So a record puts no function in the place of another, and no weight: **what it chooses is resolution**, tensor by tensor, and which inputs are refused.
//!
//! That is not nothing. A tensor with a scale far beyond its values is 0, and a path through the model that the samples do not take can be
//! lost that way: a gate that they never open, a rare feature. The means move an output of a layer of n inputs by at most `2·√n` of its steps, where the
//! rounding of the weights moves it by `0.29·√n`; that shows over any sample. So equality is half of an audit. The other half is to measure, over samples
//! that whoever compiled could not know; or to make the record again from the samples or ranges that the model was compiled for, which leaves nothing
//! to choose. `sworn audit` does both.
//!
//! Elements of an input with a scale and an offset of their own (rules: `audit/features.rs`) change what its integers stand for, and every reader has the
//! same ones in its coefficients: `Σ w_i·x_i + b = Σ (w_i·s_i)·q_i + (b + Σ w_i·z_i)`. So what is computed is the model's function of the real values that the
//! input's integers stand for, within the rounding of coefficients, whose bound is the one of plain inputs. A reader that has no coefficient of its own for an
//! element reads it at the tensor's scale, without an offset, or the record is refused. What is left to choose is the resolution and the range of a feature: one
//! can be made so coarse that it is not seen, or so narrow that most inputs are refused. The key says the scale of each feature in its digest, beside the bits.
//!
//! The error that the key claims is its maker's word until it is measured again.

mod features;

use sworn_circuits::graph as quant;
use sworn_circuits::graph::{NodeId, QuantGraph};

use super::emit::emit;
use super::features::channels;
use super::plan::{Activation, Form, Plan, Site};
use super::record::{of_inputs, Record};
use super::rows::{self, Row};
use super::scales::{self, has_constant, Scales};
use super::{table, Quantised, BITS};
use crate::error::OnnxError;
use crate::graph::{Graph, Op};

/// Magnitudes of scales: beyond them products of two are no normal numbers.
const SCALES: std::ops::RangeInclusive<f64> = 1e-100..=1e100;
/// Offsets of table arguments; the largest that a calibration makes is 2^20 times the table's length.
const OFFSETS: u64 = 1 << 40;
/// The largest error of a factor that carries a whole sum or product, as a part of it. Where other terms are larger, it is not made exact.
const GAIN: f64 = 1.0 / 8.0;

/// Why a circuit is not the quantisation of a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The record is one of another model.
    #[error("the record of its scales is not one of this model: {rule}")]
    Record {
        /// What is wrong.
        rule: &'static str,
    },
    /// A number of the record is none that a quantisation can have.
    #[error("node `{node}`: {rule}")]
    Choice {
        /// Name of the node.
        node: String,
        /// What is wrong.
        rule: &'static str,
    },
    /// The record cannot be followed.
    #[error(transparent)]
    Quantise(#[from] OnnxError),
    /// The circuits have another number of nodes.
    #[error("the circuit has {actual} nodes, the model {expected}")]
    Nodes {
        /// Of the model.
        expected: usize,
        /// Of the circuit.
        actual: usize,
    },
    /// A node is not the model's.
    #[error("node `{node}`: {part} of the circuit is not that of the model")]
    Differs {
        /// Name of the node in the model.
        node: String,
        /// What differs.
        part: &'static str,
    },
}

/// Checks a circuit against a [simplified](crate::simplify::simplify) float graph and the record of its quantisation, and answers that.
///
/// # Errors
/// The circuit is not that quantisation; the first node that differs is named.
pub fn audit(graph: &Graph, record: &Record, circuit: &QuantGraph) -> Result<Quantised, AuditError> {
    let plan = Plan::new(graph);
    check_record(graph, &plan, record)?;
    let expected = emit(graph, &plan, record.clone())?;
    difference(&expected.graph, circuit).map_or(Ok(expected), Err)
}

/// A record must be safe to follow, and leave nothing to choose but what the header names.
fn check_record(graph: &Graph, plan: &Plan<'_>, record: &Record) -> Result<(), AuditError> {
    let rule = |rule| Err(AuditError::Record { rule });
    let nodes = graph.nodes.len();
    let scales = &record.scales;
    if !BITS.contains(&record.bits) {
        return rule("the width is not 4 to 15 bits");
    }
    let lengths = [scales.values.len(), scales.tables.len(), scales.elements.len(), scales.rows.len(), record.means.len()];
    if lengths.iter().any(|length| *length != nodes) {
        return rule("it has another number of nodes");
    }
    let of_inputs = of_inputs(graph);
    for (index, site) in plan.iter() {
        let wrong = check_scale(graph, index, site, scales)
            .or_else(|| check_table(graph, index, site, record))
            .or_else(|| check_factor(graph, index, site, record))
            .or_else(|| check_row(graph, plan, index, site, record));
        if let Some(rule) = wrong {
            return Err(AuditError::Choice { node: graph.nodes[index].name.clone(), rule });
        }
    }
    if let Some(index) = (0..nodes).find(|index| !has_means(graph, *index, &of_inputs, record)) {
        return Err(AuditError::Choice { node: graph.nodes[index].name.clone(), rule: "it has means of other channels than it reads" });
    }
    features::check(graph, plan, record).map_err(|(index, rule)| AuditError::Choice { node: graph.nodes[index].name.clone(), rule })
}

/// One mean for each channel that a layer reads, or one for all of an input.
fn has_means(graph: &Graph, index: usize, of_inputs: &[bool], record: &Record) -> bool {
    let (node, means) = (&graph.nodes[index], &record.means[index]);
    let Op::Linear(linear) = &node.op else { return means.is_empty() };
    let count = |id: &NodeId| if of_inputs[id.0] { 1 } else { channels(linear.channels, &graph.node(*id).shape) };
    means.len() == node.inputs.len() && node.inputs.iter().zip(means).all(|(id, means)| means.len() == count(id))
}

fn check_scale(graph: &Graph, index: usize, site: Site<'_>, scales: &Scales) -> Option<&'static str> {
    let scale = scales.values[index];
    if !SCALES.contains(&scale) {
        return Some("its scale is not a positive number");
    }
    let same = |from: &NodeId| scales.values[from.0] == scale;
    let passed_on = match (site.form, site.activation) {
        (Form::Move, _) => {
            let mut inputs = graph.nodes[index].inputs.iter().enumerate();
            inputs.all(|(place, from)| scales.rescaled.contains(&(index, place)) || same(from))
        }
        (Form::Copy(from), Activation::Relu) => same(&from),
        _ => true,
    };
    (!passed_on).then_some("its scale is not that of the tensor whose values it passes on")
}

fn check_table(graph: &Graph, index: usize, site: Site<'_>, record: &Record) -> Option<&'static str> {
    let (function, domain, argument) = match (site.activation, record.scales.tables[index]) {
        (Activation::Table(function), Some((domain, argument))) => (function, domain, argument),
        (Activation::Table(_), None) => return Some("its table is missing"),
        (_, Some(_)) => return Some("it has a table, and no function"),
        (_, None) => return None,
    };
    if !(domain.low.is_finite() && domain.high.is_finite() && domain.low <= domain.high) {
        return Some("the domain of its table is none");
    }
    if !SCALES.contains(&argument.scale) || argument.offset.unsigned_abs() > OFFSETS {
        return Some("the argument of its table has no scale");
    }
    if argument.offset != 0 && !has_constant(graph, site) {
        return Some("the argument of its table has an offset that nothing takes");
    }
    let half = 1i64 << (record.bits - 1);
    let [first, last] = table::ends(domain, argument);
    if first < -half || last >= half {
        return Some("its table is cut off");
    }
    let most = half as f64 - 0.5;
    // What is no number is not within.
    let within = table::reals(function, domain, argument, record.scales.values[index], record.bits).1.all(|real| real.abs() <= most);
    (!within).then_some("the values of its table are cut off")
}

/// Where one factor carries a whole sum or product, its rounding is a gain of all that comes after: it must be a small one.
fn check_factor(graph: &Graph, index: usize, site: Site<'_>, record: &Record) -> Option<&'static str> {
    let (scales, Form::Accumulate(pre)) = (&record.scales, site.form) else { return None };
    let (factor, over) = scales::single_factor(graph, pre)?;
    let shift = rows::shift(graph, pre, record.bits);
    let real = scales::in_accumulator(factor, over.iter().map(|id| scales.values[id.0]), shift) / scales.requantised(index);
    let is_whole = (real.round() - real).abs() <= GAIN * real;
    (!is_whole).then_some("its scale makes its factor another number")
}

/// A norm and a softmax choose resolution too, and which rows are refused.
fn check_row(graph: &Graph, plan: &Plan<'_>, index: usize, site: Site<'_>, record: &Record) -> Option<&'static str> {
    let width = rows::width(graph, record.bits);
    let is_norm = |pre: NodeId| matches!(graph.node(pre).op, Op::Norm { .. });
    match (site.form, record.scales.rows[index]) {
        (Form::Accumulate(pre), Some(Row::Norm { shift })) if is_norm(pre) => {
            (shift > width).then_some("its shift is wider than its range")
        }
        (Form::Probabilities(from), Some(Row::Softmax { factor, length })) => {
            let step = rows::step(rows::scored(graph, plan, from, &record.scales.values), width, factor);
            let fits = factor > 0 && (1..=1 << (width - 1)).contains(&length) && step > 0.0 && step <= rows::COARSEST;
            let total = 1.0 / record.scales.values[index];
            (!fits || !(8.0..f64::from(1u32 << record.bits)).contains(&total))
                .then_some("its scores are in steps that are none, or too coarse")
        }
        (Form::Accumulate(pre), None) if is_norm(pre) => Some("its shift is missing"),
        (Form::Probabilities(_), _) => Some("its scores have no step"),
        (_, Some(_)) => Some("it has the choices of a row, and has none"),
        (_, None) => None,
    }
}

/// The first difference of two circuits.
fn difference(expected: &QuantGraph, actual: &QuantGraph) -> Option<AuditError> {
    if expected == actual {
        return None;
    }
    if expected.nodes.len() != actual.nodes.len() {
        return Some(AuditError::Nodes { expected: expected.nodes.len(), actual: actual.nodes.len() });
    }
    if expected.bits != actual.bits {
        return Some(AuditError::Record { rule: "it has another width than the circuit" });
    }
    let differs = |node: &quant::Node, part| AuditError::Differs { node: node.name.clone(), part };
    for (ours, theirs) in expected.nodes.iter().zip(&actual.nodes) {
        if let Some(part) = part(expected, ours, actual, theirs) {
            return Some(differs(ours, part));
        }
    }
    // Tables that no node reads, or inputs and outputs in another order.
    Some(AuditError::Record { rule: "the circuit's inputs, outputs or tables are not the model's" })
}

/// What of a node differs.
fn part(expected: &QuantGraph, ours: &quant::Node, actual: &QuantGraph, theirs: &quant::Node) -> Option<&'static str> {
    use quant::Op;
    if let Some(part) = activations((expected, ours), (actual, theirs)) {
        return Some(part);
    }
    let same = ours.name == theirs.name && ours.shape == theirs.shape && ours.inputs == theirs.inputs;
    let part = match (&ours.op, &theirs.op) {
        _ if !same => "the name, shape or inputs",
        _ if ours.scale != theirs.scale => "the scale",
        (ours, theirs) if ours == theirs => return None,
        (Op::Linear(a), Op::Linear(b)) if a.terms != b.terms => "a weight",
        (Op::Linear(a), Op::Linear(b)) if a.bias != b.bias => "the bias",
        (Op::Features(_), Op::Features(_)) => "the scale or offset of a feature",
        (Op::Gather(_), Op::Gather(_)) => "an element that is moved",
        (Op::Max(_), Op::Max(_)) => "a window",
        (Op::Reduce(_), Op::Reduce(_)) | (Op::Elementwise(_), Op::Elementwise(_)) => "a factor or constant",
        _ => "the operation",
    };
    Some(part)
}

/// Compared by what they read: an index says nothing where the tables differ.
fn activations((expected, ours): (&QuantGraph, &quant::Node), (actual, theirs): (&QuantGraph, &quant::Node)) -> Option<&'static str> {
    use quant::Activation;
    match (ours.activation(), theirs.activation()) {
        (Some(Activation::Table(a)), Some(Activation::Table(b))) => {
            let same = expected.tables.get(a) == actual.tables.get(b);
            (!same).then_some("the table")
        }
        (a, b) if a == b => None,
        _ => Some("the activation"),
    }
}

#[cfg(test)]
mod tests;
