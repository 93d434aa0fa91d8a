//! Static bounds: every sum stays far below p/2, and every maximum compares values of one range.

use std::collections::BTreeSet;

use crate::error::GraphError;
use crate::graph::{Activation, Node, NodeId, QuantGraph};
use crate::layout::MAX_LOG_ROWS;
use crate::number::fit;

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
        let range = match node.activation() {
            None => node.op.operation().range(node, graph.bits, &ranges),
            Some(Activation::None) => (-half, half - 1),
            Some(Activation::Relu) => (0, 2 * half - 1),
            Some(Activation::Table(i)) => {
                let values = &graph.tables[i].values;
                (values.iter().copied().min().unwrap_or(0).into(), values.iter().copied().max().unwrap_or(0).into())
            }
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
    if !(4..=20).contains(&graph.bits) {
        return Err(model("bits are between 4 and 20"));
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
        if !(table.second.is_empty() || table.second.len() == table.values.len()) {
            return Err(GraphError::Malformed { node: table.name.clone(), rule: "a second function has as many values" });
        }
        if table.values.iter().chain(&table.second).any(|&v| i64::from(v).abs() >= limit) {
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
        if node.shift > graph.bits {
            return Err(malformed(node, "a shift has at most `bits` bits"));
        }
        node.op.operation().check(graph, node).map_err(|rule| malformed(node, rule))?;
    }
    let ranges = ranges(graph);
    for (node, &range) in graph.nodes.iter().zip(&ranges) {
        let read: Vec<(i64, i64)> = node.inputs.iter().map(|id| ranges[id.0]).collect();
        node.op.operation().check_inputs(graph.bits, &read).map_err(|rule| malformed(node, rule))?;
        node.op.operation().check_range(graph.bits, range).map_err(|rule| malformed(node, rule))?;
        let size = |id: &NodeId| ranges.get(id.0).map_or(0, |(low, high)| u128::from(low.unsigned_abs().max(high.unsigned_abs())));
        let sizes: Vec<u128> = node.inputs.iter().map(size).collect();
        let scale = graph.bits - node.shift;
        if node.op.operation().largest_sum(node, &sizes) >= MAX_ACCUMULATOR >> scale {
            return Err(malformed(node, "accumulators stay below 2^62"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Gather, Op, Output};

    #[test]
    fn a_node_before_its_input_is_refused() {
        let node = |op, inputs| Node { name: "n".into(), op, inputs, shape: vec![2], scale: 1.0, shift: 8 };
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
