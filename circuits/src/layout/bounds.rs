//! Static bounds: every sum stays far below p/2, and every maximum compares values of one range.

use std::collections::BTreeSet;

use crate::column::IntColumn;
use crate::error::GraphError;
use crate::graph::{Activation, Channels, Conv, Linear, Node, Op, QuantGraph, Source, Term};
use crate::layout::{demand, MAX_LOG_ROWS};
use crate::number::{fit, index};

/// The most slots of all blocks of an image, and the farthest that a kernel reaches.
const MAX_SLOTS: u128 = 1 << 30;
/// The most tables: each has a tag of its own, and a row.
const MAX_TABLES: usize = 1 << MAX_LOG_ROWS;
/// Accumulators stay below `2^62`, so that `i64` and the field hold them.
const MAX_ACCUMULATOR: u128 = 1 << 62;

/// The least and the largest value of every node's tensor.
///
/// # Panics
/// If inputs of a node come after it; [`check`] excludes that.
pub fn ranges(graph: &QuantGraph) -> Vec<(i64, i64)> {
    let half = 1i64 << (graph.bits - 1);
    let mut ranges: Vec<(i64, i64)> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let range = match (&node.op, node.activation()) {
            (Op::Input | Op::Features(_), _) | (_, Some(Activation::None)) => (-half, half - 1),
            (_, Some(Activation::Relu)) => (0, 2 * half - 1),
            (_, Some(Activation::Table(i))) => {
                let values = &graph.tables[i].values;
                (values.iter().copied().min().unwrap_or(0).into(), values.iter().copied().max().unwrap_or(0).into())
            }
            (Op::Gather(gather), None) => gather.sources.iter().fold((i64::MAX, i64::MIN), |(low, high), source| {
                let (l, h) = match source {
                    Source::Constant(v) => (i64::from(*v), i64::from(*v)),
                    Source::Element { input, .. } => ranges[node.inputs[index(*input)].0],
                };
                (low.min(l), high.max(h))
            }),
            _ => node.inputs.first().map_or((0, 0), |id| ranges[id.0]),
        };
        ranges.push(range);
    }
    ranges
}

/// Checks that a graph is well formed and that its sums are bounded.
///
/// # Errors
/// The first rule that a node breaks.
pub fn check(graph: &QuantGraph) -> Result<(), GraphError> {
    let malformed = |node: &Node, rule: &'static str| GraphError::Malformed { node: node.name.clone(), rule };
    let model = |rule| GraphError::Malformed { node: "model".into(), rule };
    if !(4..=15).contains(&graph.bits) {
        return Err(model("bits are between 4 and 15"));
    }
    if graph.outputs.is_empty() || graph.inputs.is_empty() {
        return Err(model("a model has inputs and outputs"));
    }
    if graph.inputs.iter().chain(graph.outputs.iter().map(|output| &output.node)).any(|id| id.0 >= graph.nodes.len()) {
        return Err(model("inputs and outputs are nodes"));
    }
    let names: BTreeSet<&str> = graph.outputs.iter().map(|output| output.name.as_str()).collect();
    if names.len() < graph.outputs.len() {
        return Err(model("each output has a name of its own"));
    }
    let mut listed = vec![false; graph.nodes.len()];
    let once = graph.inputs.iter().all(|id| !std::mem::replace(&mut listed[id.0], true));
    if !once || graph.nodes.iter().zip(&listed).any(|(node, &listed)| listed != node.op.is_input()) {
        return Err(model("the list of inputs has every input once"));
    }
    if graph.tables.len() > MAX_TABLES {
        return Err(model("a model has at most 2^24 tables"));
    }
    let limit = 1i64 << graph.bits;
    for table in &graph.tables {
        let last = i64::from(table.first) + fit::<_, i64>(table.values.len());
        if table.values.is_empty() || i64::from(table.first) < -limit / 2 || last > limit / 2 {
            return Err(GraphError::Malformed { node: table.name.clone(), rule: "a table's arguments are signed values of `bits` bits" });
        }
        if table.values.iter().any(|&v| i64::from(v).abs() >= limit) {
            return Err(GraphError::Malformed { node: table.name.clone(), rule: "a table's values have at most `bits` bits" });
        }
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        if node.inputs.iter().any(|id| id.0 >= at) {
            return Err(malformed(node, "inputs come before the node"));
        }
        if node.elements() == 0 || node.elements() > 1 << 28 {
            return Err(malformed(node, "a tensor has 1 to 2^28 elements"));
        }
        if matches!(node.activation(), Some(Activation::Table(i)) if i >= graph.tables.len()) {
            return Err(malformed(node, "its table exists"));
        }
        structure(graph, node).map_err(|rule| malformed(node, rule))?;
    }
    let ranges = ranges(graph);
    for (node, &(low, high)) in graph.nodes.iter().zip(&ranges) {
        if matches!(node.op, Op::Max(_)) && high - low >= limit {
            return Err(malformed(node, "values of a maximum span less than 2^bits"));
        }
        if worst_sum(node, &ranges) >= MAX_ACCUMULATOR {
            return Err(malformed(node, "accumulators stay below 2^62"));
        }
    }
    Ok(())
}

/// Shapes and lengths.
fn structure(graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
    let input = |i: usize| node.inputs.get(i).map(|&id| graph.node(id));
    match &node.op {
        Op::Input => (node.inputs.is_empty()).then_some(()).ok_or("an input reads nothing"),
        Op::Features(features) => {
            let fits = node.inputs.is_empty() && features.fit(node.elements());
            fits.then_some(()).ok_or("features divide an input, and have scales above 0")
        }
        Op::Linear(linear) => linear_structure(graph, node, linear),
        Op::Reduce(reduce) => {
            let elements = node.elements().checked_mul(reduce.inner);
            let fits = reduce.inner > 0 && input(0).is_some_and(|x| Some(x.elements()) == elements);
            fits.then_some(()).ok_or("a sum reads `outer · inner` elements")
        }
        Op::Elementwise(e) => {
            let n = node.elements();
            let length = |len: usize| len == 1 || len == n;
            let inputs = (1..=2).contains(&node.inputs.len()) && node.inputs.iter().all(|&id| graph.node(id).elements() == n);
            let second = node.inputs.len() == 2 || (e.cb == 0 && e.cm == 0);
            (inputs && second && length(e.ca.len()) && length(e.c.len())).then_some(()).ok_or("operands have the length of the output")
        }
        Op::Max(max) => {
            let n = input(0).map_or(0, Node::elements);
            let length = max.window.checked_mul(node.elements());
            let fits = max.window > 0 && Some(max.windows.len()) == length && max.windows.iter().all(|&i| index(i) < n);
            fits.then_some(()).ok_or("windows are indices into the input")
        }
        Op::Gather(gather) => {
            let fits = gather.sources.len() == node.elements()
                && gather.sources.iter().all(|s| match *s {
                    Source::Constant(v) => i64::from(v).abs() < 1 << graph.bits,
                    Source::Element { input: i, index: element } => input(index(i)).is_some_and(|x| index(element) < x.elements()),
                });
            fits.then_some(()).ok_or("sources are elements of the inputs")
        }
    }
}

fn linear_structure(graph: &QuantGraph, node: &Node, linear: &Linear) -> Result<(), &'static str> {
    let outputs = linear.bias.len();
    if linear.terms.is_empty() || linear.terms.len() != node.inputs.len() {
        return Err("a term for each input");
    }
    let channel_axis = match linear.channels {
        Channels::First if node.shape.len() == 4 => 1,
        Channels::Last if !node.shape.is_empty() => node.shape.len() - 1,
        _ => return Err("images have four axes"),
    };
    if node.shape[channel_axis] != outputs {
        return Err("a bias for each output channel");
    }
    for (term, &id) in linear.terms.iter().zip(&node.inputs) {
        let x = graph.node(id);
        match term {
            Term::Scale(_) if x.shape != node.shape => return Err("a scaled tensor has the output's shape"),
            Term::Scale(_) => {}
            Term::Conv(conv) => {
                if x.shape.len() != node.shape.len() {
                    return Err("input and output have the same number of axes");
                }
                let inputs = x.shape[channel_axis];
                let size = conv.kernel[0].saturating_mul(conv.kernel[1]);
                if conv.groups == 0 || !inputs.is_multiple_of(conv.groups) || !outputs.is_multiple_of(conv.groups) {
                    return Err("groups divide the channels");
                }
                if size == 0 || conv.stride.contains(&0) || conv.dilation.contains(&0) {
                    return Err("kernel, stride and dilation are positive");
                }
                if matches!(conv.weights, IntColumn::I64(_)) {
                    return Err("a weight has at most 32 bits");
                }
                if Some(conv.weights.len()) != (outputs * (inputs / conv.groups)).checked_mul(size) {
                    return Err("weights are [outputs, inputs / groups, kernel]");
                }
                let same = match linear.channels {
                    Channels::First => x.shape[0] == node.shape[0],
                    Channels::Last => {
                        x.shape[..channel_axis] == node.shape[..channel_axis] && size == 1 && conv.stride == [1, 1] && conv.groups == 1
                    }
                };
                if !same {
                    return Err("batch and positions of input and output agree");
                }
                if linear.channels == Channels::First && !has_slots(conv, &x.shape, &node.shape) {
                    return Err("blocks of an image have at most 2^30 slots");
                }
            }
        }
    }
    Ok(())
}

/// Whether the blocks of a convolution's input and output, with their gaps, have at most [`MAX_SLOTS`] slots.
fn has_slots(conv: &Conv, from: &[usize], to: &[usize]) -> bool {
    let strides = demand::stride(conv, to);
    let mut slots = fit::<_, u128>(from[0]);
    let mut phases = 1u128;
    for axis in 0..2 {
        let [size, out, stride] = [from[2 + axis], to[2 + axis], strides[axis]].map(fit::<_, u128>);
        let reach = fit::<_, u128>(conv.kernel[axis] - 1) * fit::<_, u128>(conv.dilation[axis]);
        let pad = fit::<_, u128>(conv.pad_before[axis]);
        if [reach, pad, stride].iter().any(|&v| v > MAX_SLOTS) {
            return false;
        }
        slots = slots.saturating_mul(size.div_ceil(stride) + pad.div_ceil(stride) + out + reach.div_ceil(stride));
        phases *= stride;
    }
    slots.saturating_mul((fit::<_, u128>(from[1]) * phases).max(fit(to[1]))) <= MAX_SLOTS
}

/// A bound of the absolute value of every accumulator of a node.
fn worst_sum(node: &Node, ranges: &[(i64, i64)]) -> u128 {
    let size = |i: usize| {
        let (low, high) = ranges[node.inputs[i].0];
        u128::from(low.unsigned_abs().max(high.unsigned_abs()))
    };
    match &node.op {
        Op::Linear(linear) => {
            let outputs = linear.bias.len();
            let per_output = |o: usize| {
                let terms = linear.terms.iter().enumerate().map(|(i, term)| {
                    size(i)
                        * match term {
                            Term::Scale(f) => u128::from(f.unsigned_abs()),
                            Term::Conv(c) => {
                                let n = c.weights.len() / outputs;
                                c.weights.sum_abs(o * n..(o + 1) * n)
                            }
                        }
                });
                terms.sum::<u128>() + u128::from(linear.bias[o].unsigned_abs())
            };
            (0..outputs).map(per_output).max().unwrap_or(0)
        }
        Op::Reduce(r) => size(0) * fit::<_, u128>(r.inner) * u128::from(r.factor.unsigned_abs()),
        Op::Elementwise(e) => {
            let ca = e.ca.iter().map(|c| u128::from(c.unsigned_abs())).max().unwrap_or(0);
            let c = e.c.iter().map(|c| u128::from(c.unsigned_abs())).max().unwrap_or(0);
            let b = if node.inputs.len() > 1 { size(1) } else { 0 };
            ca * size(0) + u128::from(e.cb.unsigned_abs()) * b + u128::from(e.cm.unsigned_abs()) * size(0) * b + c
        }
        Op::Input | Op::Features(_) | Op::Max(_) | Op::Gather(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Gather, NodeId, Output};

    #[test]
    fn a_node_before_its_input_is_refused() {
        let node = |op, inputs| Node { name: "n".into(), op, inputs, shape: vec![2], scale: 1.0 };
        let graph = QuantGraph {
            bits: 8,
            nodes: vec![node(Op::Gather(Gather::identity(2)), vec![NodeId(1)]), node(Op::Input, vec![])],
            inputs: vec![NodeId(1)],
            outputs: vec![Output::new(NodeId(0), "y")],
            tables: vec![],
        };
        assert!(matches!(check(&graph), Err(GraphError::Malformed { rule: "inputs come before the node", .. })));
    }
}
