//! Simplify: exact rewrites of the float graph that leave fewer values to requantise.
//!
//! ```text
//! E(x) = ca·x + c,  L(x) = W·x + b,  f, g functions of one variable,  G a gather,  R a sum
//!
//! affine    E₂∘E₁ → E      E∘L → L      L∘E → L (no padded zero is read)      E∘R, R∘E → R (c = 0)
//! residual  ca·L(x) + cb·y + c → Linear { terms of ca·L, Scale(cb)·y }; two linear layers merge their terms
//! gather    G₂∘G₁ → G      f∘G → G∘f, f∘max → max∘f (f monotone) when f can join the node before G or max
//! layout    zero pads and channel concatenations join the layer that reads them; E(G(a), G(b)) → G(E(a, b))
//! fuse      any steps that depend on one tensor element by element → one function
//! dead      nodes that no output reads
//! ```
//!
//! Every rewrite holds over the real numbers; in `f32` the results agree up to rounding. The fixed point is reached since
//! every rewrite removes a node or moves a function towards the inputs.

mod affine;
mod fuse;
mod gather;
mod layout;
mod residual;

use sworn_circuits::graph::{NodeId, Output};

pub(crate) use affine::reads_padding;

use crate::graph::{Graph, Op};

/// Rewrites `graph` to an equal one with fewer operations; no output and no input changes its place.
pub fn simplify(mut graph: Graph) -> Graph {
    loop {
        while affine::rewrite(&mut graph) | residual::rewrite(&mut graph) | gather::rewrite(&mut graph) | layout::rewrite(&mut graph) {
            graph = remove_dead(graph);
        }
        if !fuse::rewrite(&mut graph) {
            return remove_dead(graph);
        }
        graph = remove_dead(graph);
    }
}

/// How often each node is read, the outputs included.
pub(crate) fn readers(graph: &Graph) -> Vec<usize> {
    let mut readers = vec![0; graph.nodes.len()];
    for id in graph.nodes.iter().flat_map(|n| &n.inputs).chain(graph.outputs.iter().map(|output| &output.node)) {
        readers[id.0] += 1;
    }
    readers
}

/// The operations that form an accumulator, which an activation can join.
pub(crate) fn requantises(op: &Op) -> bool {
    matches!(op, Op::Linear(_) | Op::Reduce { .. } | Op::Elementwise { .. } | Op::Product { .. } | Op::Norm { .. })
}

/// Makes everything that reads `from` read `to`.
fn redirect(graph: &mut Graph, from: NodeId, to: NodeId) {
    let outputs = graph.outputs.iter_mut().map(|output| &mut output.node);
    for id in graph.nodes.iter_mut().flat_map(|n| &mut n.inputs).chain(outputs) {
        if *id == from {
            *id = to;
        }
    }
}

fn remove_dead(graph: Graph) -> Graph {
    let mut live = vec![false; graph.nodes.len()];
    for id in graph.outputs.iter().map(|output| &output.node).chain(&graph.inputs) {
        live[id.0] = true;
    }
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if live[index] {
            node.inputs.iter().for_each(|id| live[id.0] = true);
        }
    }
    let mut place = vec![NodeId(0); graph.nodes.len()];
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for (index, mut node) in graph.nodes.into_iter().enumerate() {
        if live[index] {
            node.inputs.iter_mut().for_each(|id| *id = place[id.0]);
            place[index] = NodeId(nodes.len());
            nodes.push(node);
        }
    }
    let inputs = graph.inputs.into_iter().map(|id| place[id.0]).collect();
    let outputs = graph.outputs.into_iter().map(|output| Output { node: place[output.node.0], ..output }).collect();
    Graph { nodes, inputs, outputs }
}

#[cfg(test)]
mod tests;
