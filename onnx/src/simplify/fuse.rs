//! Fuse: every part of the graph that depends on one tensor, element by element, becomes one function.
//!
//! ```text
//! idom(f(x))             = x
//! idom(ca·a + cb·b + ..) = the nearest tensor on the chains a, idom(a), .. and b, idom(b), ..   (if there is one)
//! ```
//!
//! A node that something other than such a step reads is *needed*. A needed node becomes one function of the nearest
//! needed node, or of the end of the chain, above it. So `x·(1 + erf(x/√2))/2` is one table over `x`, whatever `x` is.

use std::collections::HashMap;

use sworn_circuits::graph::NodeId;

use crate::graph::{Graph, Op};
use crate::pointwise::{Pointwise, Step};

pub(super) fn rewrite(graph: &mut Graph) -> bool {
    let dominator = dominators(graph);
    let needed = needed(graph, &dominator);
    let mut changed = false;
    let original = graph.clone();
    for index in 0..graph.nodes.len() {
        let Some(mut base) = dominator[index].filter(|_| needed[index]) else { continue };
        while let Some(above) = dominator[base.0].filter(|_| !needed[base.0]) {
            base = above;
        }
        let Some((function, affine)) = function(&original, NodeId(index), base) else { continue };
        let single = matches!(function.steps(), [_]);
        if affine || (single && graph.nodes[index].inputs.len() == 1) {
            continue;
        }
        let node = &mut graph.nodes[index];
        node.op = match function.steps() {
            [Step::Unary(f, 0)] => Op::Unary(*f),
            _ => Op::Pointwise(function),
        };
        changed |= *node != original.nodes[index] || node.inputs != [base];
        node.inputs = vec![base];
    }
    changed
}

/// Whether a node is a step of one variable, or one of two variables with one coefficient for all elements.
fn is_step(graph: &Graph, index: usize) -> bool {
    match &graph.nodes[index].op {
        Op::Unary(_) | Op::Pointwise(_) => true,
        Op::Elementwise { ca, c, .. } => ca.len() == 1 && c.len() == 1,
        _ => false,
    }
}

/// For each step, the nearest tensor that alone determines it.
fn dominators(graph: &Graph) -> Vec<Option<NodeId>> {
    let mut dominator: Vec<Option<NodeId>> = vec![None; graph.nodes.len()];
    for index in 0..graph.nodes.len() {
        if !is_step(graph, index) {
            continue;
        }
        dominator[index] = match graph.nodes[index].inputs[..] {
            [x] => Some(x),
            [mut a, mut b] => loop {
                if a == b {
                    break Some(a);
                }
                // The later of two nodes cannot lie above the other.
                let later = if a.0 > b.0 { &mut a } else { &mut b };
                match dominator[later.0] {
                    Some(above) => *later = above,
                    None => break None,
                }
            },
            _ => None,
        };
    }
    dominator
}

/// Outputs, and whatever is read by a node that is no step.
fn needed(graph: &Graph, dominator: &[Option<NodeId>]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    graph.outputs.iter().for_each(|output| needed[output.node.0] = true);
    for (node, dominator) in graph.nodes.iter().zip(dominator) {
        if dominator.is_none() {
            node.inputs.iter().for_each(|id| needed[id.0] = true);
        }
    }
    needed
}

/// The function that takes `base` to `node`, and whether it is affine.
fn function(graph: &Graph, node: NodeId, base: NodeId) -> Option<(Pointwise, bool)> {
    let mut value: HashMap<NodeId, usize> = HashMap::from([(base, 0)]);
    let mut steps: Vec<Step> = Vec::new();
    let mut affine = true;
    // Every path from `node` upwards ends in `base`, so the nodes between them in the order of the graph are enough.
    let mut inside = vec![false; node.0 + 1];
    inside[node.0] = true;
    for index in (base.0 + 1..=node.0).rev() {
        if inside[index] {
            graph.nodes[index].inputs.iter().for_each(|id| inside[id.0] = true);
        }
    }
    for index in (base.0 + 1..=node.0).filter(|&i| inside[i]) {
        let n = &graph.nodes[index];
        let of = |side: usize| n.inputs.get(side).and_then(|id| value.get(id)).copied();
        match &n.op {
            Op::Unary(f) => {
                affine = false;
                steps.push(Step::Unary(*f, of(0)?));
            }
            Op::Pointwise(f) => {
                affine = false;
                let (x, first) = (of(0)?, steps.len());
                let place = |i: usize| if i == 0 { x } else { first + i };
                steps.extend(f.steps().iter().map(|step| match *step {
                    Step::Unary(f, i) => Step::Unary(f, place(i)),
                    Step::Combine { of: [i, j], ca, cb, cm, c } => Step::Combine { of: [place(i), place(j)], ca, cb, cm, c },
                }));
            }
            Op::Elementwise { ca, cb, cm, c } => {
                affine &= *cm == 0.0;
                let a = of(0)?;
                let b = of(1).unwrap_or(a);
                let [cb, cm] = if n.inputs.len() == 2 { [*cb, *cm] } else { [0.0; 2] };
                steps.push(Step::Combine {
                    of: [a, b],
                    ca: f64::from(*ca.first()?),
                    cb: f64::from(cb),
                    cm: f64::from(cm),
                    c: f64::from(*c.first()?),
                });
            }
            _ => return None,
        }
        value.insert(NodeId(index), steps.len());
    }
    Pointwise::new(steps).map(|f| (f, affine))
}
