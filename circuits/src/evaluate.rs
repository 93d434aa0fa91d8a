//! The plain-integer interpreter of [`QuantGraph`]: the one definition of what a quantised model computes.

use rayon::prelude::*;

use crate::error::GraphError;
use crate::graph::{Activation, Node, NodeId, Op, QuantGraph};
use crate::number::{fit, units};
use crate::ops::Made;

/// Elements that are worth a task of their own.
pub(crate) const MIN_ELEMENTS: usize = 1 << 12;

/// The tensor of every node.
pub(crate) fn evaluate(graph: &QuantGraph, inputs: &[Vec<i32>]) -> Result<Vec<Vec<i32>>, GraphError> {
    evaluate_with(graph, inputs, |id, args| {
        let node = graph.node(id);
        node.op.operation().make(graph, node, args)
    })
}

/// The tensor of every node, with a function that must be equal to [`make`](crate::ops::Operation::make).
pub(crate) fn evaluate_with(
    graph: &QuantGraph,
    inputs: &[Vec<i32>],
    mut make: impl FnMut(NodeId, &[&[i32]]) -> Result<Made, GraphError>,
) -> Result<Vec<Vec<i32>>, GraphError> {
    if inputs.len() != graph.inputs.len() {
        return Err(GraphError::InputCount { expected: graph.inputs.len(), actual: inputs.len() });
    }
    let mut tensors: Vec<Vec<i32>> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let tensor = {
            let args: Vec<&[i32]> = node.inputs.iter().map(|id| tensors[id.0].as_slice()).collect();
            match &node.op {
                Op::Input | Op::Features(_) => {
                    let position = graph.inputs.iter().position(|id| id.0 == index).unwrap_or(usize::MAX);
                    let rule = "an input that is not in the list of inputs";
                    let given = inputs.get(position).ok_or_else(|| GraphError::Malformed { node: node.name.clone(), rule })?;
                    if given.len() != node.elements() {
                        return Err(GraphError::InputLength { node: node.name.clone(), expected: node.elements(), actual: given.len() });
                    }
                    for &value in given {
                        in_range(graph, node, Activation::None, i64::from(value))?;
                    }
                    given.clone()
                }
                _ => match (make(NodeId(index), &args)?, node.activation()) {
                    (Made::Values(values), _) => values,
                    (Made::Sums(_), None) => {
                        return Err(GraphError::Malformed { node: node.name.clone(), rule: "what is summed is activated" })
                    }
                    (Made::Sums(sums), Some(activation)) => {
                        let value = |&acc: &i64| activate(graph, node, activation, requantise(acc, node.shift));
                        let tensor = sums.par_iter().with_min_len(MIN_ELEMENTS).map(value).collect::<Result<_, _>>();
                        // Which error a parallel iterator meets is left to chance: this is the first.
                        tensor.or_else(|_| sums.iter().map(value).collect::<Result<_, _>>())?
                    }
                },
            }
        };
        tensors.push(tensor);
    }
    Ok(tensors)
}

/// `⌊(acc + 2^(shift−1)) / 2^shift⌋`.
pub(crate) fn requantise(acc: i64, shift: u32) -> i64 {
    (acc + (1 << shift >> 1)) >> shift
}

/// Smallest and largest `q` that an activation takes.
pub(crate) fn range(graph: &QuantGraph, activation: Activation) -> (i64, i64) {
    let half = 1i64 << (graph.bits - 1);
    match activation {
        Activation::None => (-half, half - 1),
        Activation::Relu => (1 - 2 * half, 2 * half - 1),
        Activation::Table(i) => {
            let table = &graph.tables[i];
            (i64::from(table.first), i64::from(table.first) + fit::<_, i64>(table.values.len()) - 1)
        }
    }
}

fn in_range(graph: &QuantGraph, node: &Node, activation: Activation, value: i64) -> Result<(), GraphError> {
    let (low, high) = range(graph, activation);
    if value < low || value > high {
        let [value, low, high] = [value, low, high].map(|q| match activation {
            Activation::Table(_) => q.to_string(),
            _ => units(q, node.scale),
        });
        return Err(GraphError::OutOfRange { node: node.name.clone(), value, range: format!("[{low}, {high}]") });
    }
    Ok(())
}

fn activate(graph: &QuantGraph, node: &Node, activation: Activation, q: i64) -> Result<i32, GraphError> {
    in_range(graph, node, activation, q)?;
    Ok(match activation {
        Activation::None => fit(q),
        Activation::Relu => fit(q.max(0)),
        Activation::Table(i) => graph.tables[i].values[fit::<_, usize>(q - i64::from(graph.tables[i].first))],
    })
}

impl QuantGraph {
    /// Evaluates the graph; answers the tensor of every node.
    ///
    /// # Errors
    /// Inputs of the wrong number or length, or a value outside its range.
    ///
    /// # Panics
    /// On a graph that [`check`](crate::layout::bounds::check) refuses; [`Layout::new`](crate::layout::Layout::new) calls it.
    pub fn evaluate(&self, inputs: &[Vec<i32>]) -> Result<Vec<Vec<i32>>, GraphError> {
        evaluate(self, inputs)
    }
}
