//! Residual: a sum of tensors becomes part of a linear layer, whose accumulator takes it at no cost.
//!
//! ```text
//! ca·L(x) + cb·y + c      → Linear { terms of ca·L(x), Scale(cb)·y, bias ca·b + c }
//! ca·L₁(x) + cb·L₂(y) + c → Linear { terms of ca·L₁(x), terms of cb·L₂(y), bias ca·b₁ + cb·b₂ + c }
//! ```
//!
//! Only a layer that nothing else reads is taken, and only if `c` is constant over each channel.

use sworn_circuits::graph::NodeId;

use super::affine::after_linear;
use super::readers;
use crate::graph::{Graph, Linear, Op, Term};

pub(super) fn rewrite(graph: &mut Graph) -> bool {
    let mut changed = false;
    let mut readers = readers(graph);
    for index in 0..graph.nodes.len() {
        if let Some((linear, inputs)) = joined(graph, index, &readers) {
            let node = &mut graph.nodes[index];
            (node.op, node.inputs) = (Op::Linear(linear), inputs);
            changed = true;
            readers = super::readers(graph);
        }
    }
    changed
}

fn joined(graph: &Graph, index: usize, readers: &[usize]) -> Option<(Linear, Vec<NodeId>)> {
    let node = &graph.nodes[index];
    let Op::Elementwise { ca, cb, cm, c } = &node.op else { return None };
    if node.inputs.len() != 2 || *cm != 0.0 || node.inputs[0] == node.inputs[1] {
        return None;
    }
    let own = |side: usize| {
        let id = node.inputs[side];
        let producer = graph.node(id);
        match &producer.op {
            Op::Linear(linear) if readers[id.0] == 1 && producer.shape == node.shape => Some((linear, producer)),
            _ => None,
        }
    };
    let [a, b] = node.inputs[..] else { return None };
    match (own(0), own(1)) {
        (Some((first, at)), second) => {
            let mut linear = after_linear(first, ca, c, &node.shape)?;
            let mut inputs = at.inputs.clone();
            let second = second.filter(|(second, _)| second.channels == first.channels && second.bias.len() == first.bias.len());
            match second.and_then(|(second, at)| Some((after_linear(second, &[*cb], &[0.0], &node.shape)?, at))) {
                Some((second, at)) => {
                    linear.terms.extend(second.terms);
                    linear.bias.iter_mut().zip(second.bias).for_each(|(bias, more)| *bias += more);
                    inputs.extend(&at.inputs);
                }
                None => {
                    linear.terms.push(Term::Scale(*cb));
                    inputs.push(b);
                }
            }
            (graph.node(b).shape == node.shape).then_some((linear, inputs))
        }
        (None, Some((second, at))) => {
            let &[ca] = &ca[..] else { return None };
            let mut linear = after_linear(second, &[*cb], c, &node.shape)?;
            linear.terms.push(Term::Scale(ca));
            let mut inputs = at.inputs.clone();
            inputs.push(a);
            (graph.node(a).shape == node.shape).then_some((linear, inputs))
        }
        (None, None) => None,
    }
}
