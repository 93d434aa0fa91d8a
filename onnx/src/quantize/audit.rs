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
//! | scale of a tensor | positive; equal where a gather, maximum or relu passes values on | resolution, and which inputs leave the range |
//! | table: domain, scale and offset of the argument | finite; no offset where nothing takes it; no value cut off | which inputs leave the range |
//! | element of an input: scale `s·2^−k`, offset | k up to 60, offset within `s·2^(b−1)`; none where a reader cannot take it | resolution, and which inputs leave the range |
//! | mean of a tensor that a layer reads | one integer that the tensor can hold | `−m·Σ δ_i`, a bias of the rounding errors |
//!
//! Every weight is the rounding of the model's at one factor for its tensors, every constant too, every table is the function's values at
//! the points of its grid, and every element that moves is the one that the model moves. A value that leaves its range stops the prover, and is
//! never cut off or wrapped. So no choice of a record singles out an input, a class or a weight: **it can only make the model coarse**, or
//! a feature of its inputs, and to all inputs alike, or refuse inputs. The mean moves the outputs of a layer of n inputs by at most
//! `m·|Σ δ_i| / 2^b ≲ 0.29·√n` steps of the output's integer, as the rounding of the weights does without it; the bound that is certain is `n/2`.
//!
//! Elements of an input with a scale and an offset of their own (rules: `audit/features.rs`) change what its integers stand for, and every reader has the
//! same ones in its coefficients: `Σ w_i·x_i + b = Σ (w_i·s_i)·q_i + (b + Σ w_i·z_i)`. So what is computed is the model's function of the real values that the
//! input's integers stand for, within the rounding of coefficients, whose bound is the one of plain inputs. A reader that has no coefficient of its own for an
//! element reads it at the tensor's scale, without an offset, or the record is refused. What is left to choose is the resolution and the range of a feature: one
//! can be made so coarse that it is not seen, or so narrow that most inputs are refused. The key says the scale of each feature in its digest, beside the bits.
//!
//! How coarse is no matter of equality: it is measured over samples, and the figure that the key claims is its maker's word until it is
//! measured again. `sworn audit` does, over given samples or within the ranges of the inputs.

mod features;

use sworn_circuits::graph as quant;
use sworn_circuits::graph::{NodeId, QuantGraph};

use super::emit::emit;
use super::plan::{Activation, Form, Plan, Site};
use super::record::Record;
use super::scales::{has_constant, Scales};
use super::{table, Quantised, BITS};
use crate::error::OnnxError;
use crate::graph::Graph;

/// Magnitudes of scales: beyond them products of two are no normal numbers.
const SCALES: std::ops::RangeInclusive<f64> = 1e-100..=1e100;
/// Offsets of table arguments; the largest that a calibration makes is 2^20 times the table's length.
const OFFSETS: u64 = 1 << 40;
/// How far a function may go beyond the integers of its table: it is examined at other points than those of its grid.
const BEYOND: f64 = 1.02;

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
    let lengths = [scales.values.len(), scales.tables.len(), scales.elements.len(), record.means.len()];
    if lengths.iter().any(|length| *length != nodes) {
        return rule("it has another number of nodes");
    }
    for (index, site) in plan.iter() {
        let wrong = check_scale(graph, index, site, scales).or_else(|| check_table(graph, index, site, record));
        if let Some(rule) = wrong {
            return Err(AuditError::Choice { node: graph.nodes[index].name.clone(), rule });
        }
    }
    features::check(graph, plan, record).map_err(|(index, rule)| AuditError::Choice { node: graph.nodes[index].name.clone(), rule })
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
    let most = BEYOND * f64::from(1u32 << (record.bits - 1)) * record.scales.values[index];
    // What is no number is not within.
    let within = table::points(domain, argument, record.bits).1.all(|v| function.eval(v).abs() <= most);
    (!within).then_some("the values of its table are cut off")
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
