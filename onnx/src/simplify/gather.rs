//! Gather: moves of values joined, and functions moved through them to the node that makes the values.
//!
//! ```text
//! G₂(G₁(x))   → G(x), G[i] = G₁[G₂[i]]
//! R(G(x))     → R(x), max(G(x)) → max(x)   G a reshape; for the maximum, any moves
//! f(G(p))     → G(f(p))       p a linear, reducing or elementwise node that only G reads
//! f(max p)    → max f(p)      f monotone, p as above
//! ```
//!
//! In the second and third form `f` then joins the requantisation of `p` and costs nothing of its own.

use sworn_circuits::graph::{Max, NodeId};

use super::{readers, redirect, requantises};
use crate::graph::{Graph, Op, Source};
use crate::unary::Unary;

pub(super) fn rewrite(graph: &mut Graph) -> bool {
    let mut changed = false;
    let mut readers = readers(graph);
    for index in 0..graph.nodes.len() {
        if compact(graph, index)
            || compose(graph, index, &readers)
            || read_through(graph, index)
            || nothing_moved(graph, index)
            || function_through(graph, index, &readers)
        {
            changed = true;
            readers = super::readers(graph);
        }
    }
    changed
}

/// Drops inputs that no element comes from, and reads each input once.
fn compact(graph: &mut Graph, index: usize) -> bool {
    let node = &mut graph.nodes[index];
    let Op::Gather(sources) = &mut node.op else { return false };
    let mut used = vec![false; node.inputs.len()];
    for source in sources.iter() {
        if let Source::Element { input, .. } = source {
            used[*input as usize] = true;
        }
    }
    let mut inputs: Vec<NodeId> = Vec::with_capacity(node.inputs.len());
    let places: Vec<u32> = node
        .inputs
        .iter()
        .zip(&used)
        .map(|(id, used)| {
            let place = inputs.iter().position(|other| other == id).unwrap_or(inputs.len());
            if *used && place == inputs.len() {
                inputs.push(*id);
            }
            place as u32
        })
        .collect();
    if inputs.len() == node.inputs.len() {
        return false;
    }
    for source in sources {
        if let Source::Element { input, .. } = source {
            *input = places[*input as usize];
        }
    }
    node.inputs = inputs;
    true
}

fn is_reshape(graph: &Graph, index: usize) -> bool {
    let node = &graph.nodes[index];
    let Op::Gather(sources) = &node.op else { return false };
    node.inputs.len() == 1
        && graph.node(node.inputs[0]).elements() == sources.len()
        && sources.iter().enumerate().all(|(i, s)| *s == Source::Element { input: 0, index: i as u32 })
}

/// A gather that reads gathers reads what they read.
fn compose(graph: &mut Graph, index: usize, readers: &[usize]) -> bool {
    let Op::Gather(sources) = &graph.nodes[index].op else { return false };
    let reshape = is_reshape(graph, index);
    let joins = |id: NodeId| {
        // A reshape of values that others read as well stays: it is cheaper than moving the values twice.
        matches!(graph.node(id).op, Op::Gather(_)) && (readers[id.0] == 1 || !reshape || is_reshape(graph, id.0))
    };
    let inner: Vec<NodeId> = graph.nodes[index].inputs.clone();
    if !inner.iter().any(|&id| joins(id)) {
        return false;
    }
    let mut inputs: Vec<NodeId> = Vec::new();
    let mut first = Vec::with_capacity(inner.len());
    for &id in &inner {
        first.push(inputs.len() as u32);
        if joins(id) {
            inputs.extend(&graph.node(id).inputs);
        } else {
            inputs.push(id);
        }
    }
    let composed: Vec<Source> = sources
        .iter()
        .map(|source| match *source {
            Source::Constant(_) => *source,
            Source::Element { input, index } => {
                let base = first[input as usize];
                match &graph.node(inner[input as usize]).op {
                    Op::Gather(before) if joins(inner[input as usize]) => match before[index as usize] {
                        Source::Element { input, index } => Source::Element { input: base + input, index },
                        constant => constant,
                    },
                    _ => Source::Element { input: base, index },
                }
            }
        })
        .collect();
    let node = &mut graph.nodes[index];
    (node.op, node.inputs) = (Op::Gather(composed), inputs);
    compact(graph, index);
    true
}

/// Sums and maxima read by flat index: they need no reshape, and maxima no moves either.
fn read_through(graph: &mut Graph, index: usize) -> bool {
    let node = &graph.nodes[index];
    let [from] = node.inputs[..] else { return false };
    let (Op::Gather(sources), [source]) = (&graph.node(from).op, &graph.node(from).inputs[..]) else { return false };
    let op = match &node.op {
        Op::Reduce { .. } if is_reshape(graph, from.0) => node.op.clone(),
        Op::Max(max) => {
            let moved = |&i: &u32| match sources.get(i as usize) {
                Some(Source::Element { index, .. }) => Some(*index),
                _ => None,
            };
            let Some(windows) = max.windows.iter().map(moved).collect() else { return false };
            Op::Max(Max { window: max.window, windows })
        }
        _ => return false,
    };
    let source = *source;
    let node = &mut graph.nodes[index];
    (node.op, node.inputs) = (op, vec![source]);
    true
}

/// A reshape to the same shape is left out.
fn nothing_moved(graph: &mut Graph, index: usize) -> bool {
    if !is_reshape(graph, index) {
        return false;
    }
    let node = &graph.nodes[index];
    let from = node.inputs[0];
    let same = graph.node(from).shape == node.shape && readers(graph)[index] > 0;
    if same {
        redirect(graph, NodeId(index), from);
    }
    same
}

/// Functions that never fall.
fn monotone(op: &Op) -> bool {
    match op {
        Op::Unary(f) => match *f {
            Unary::Atan | Unary::Asinh | Unary::Erf | Unary::Exp | Unary::HardSigmoid { .. } | Unary::Relu => true,
            Unary::Sigmoid | Unary::Softplus | Unary::Softsign | Unary::Tanh => true,
            Unary::Clip { min, max } => min <= max,
            Unary::LeakyRelu { alpha } | Unary::Elu { alpha } => alpha >= 0.0,
            Unary::Selu { alpha, gamma } => alpha >= 0.0 && gamma >= 0.0,
            _ => false,
        },
        Op::Elementwise { ca, c, .. } => ca.len() == 1 && c.len() == 1 && ca[0] > 0.0,
        _ => false,
    }
}

/// `f∘G → G∘f` and `f∘max → max∘f`.
fn function_through(graph: &mut Graph, index: usize, readers: &[usize]) -> bool {
    let node = &graph.nodes[index];
    let [moved] = node.inputs[..] else { return false };
    if !matches!(node.op, Op::Unary(_) | Op::Pointwise(_) | Op::Elementwise { .. }) {
        return false;
    }
    let mover = graph.node(moved);
    let [producer] = mover.inputs[..] else { return false };
    let before = graph.node(producer);
    if readers[moved.0] != 1 || !joinable(graph, producer, &node.op, readers) {
        return false;
    }
    let rewritten = match (&mover.op, &node.op) {
        (Op::Max(max), f) if monotone(f) => Some((f.clone(), Op::Max(max.clone()))),
        (Op::Gather(sources), f) => through_gather(sources, f, before.elements()),
        _ => None,
    };
    let Some((function, moving)) = rewritten else { return false };
    let (name, mover_name) = (node.name.clone(), mover.name.clone());
    let (shape, mover_shape) = (node.shape.clone(), before.shape.clone());
    graph.nodes[moved.0] = crate::graph::Node { name, op: function, inputs: vec![producer], shape: mover_shape };
    graph.nodes[index] = crate::graph::Node { name: mover_name, op: moving, inputs: vec![moved], shape };
    true
}

/// Whether the function reaches a node that it can join, through nothing but moves that nothing else reads.
fn joinable(graph: &Graph, mut id: NodeId, function: &Op, readers: &[usize]) -> bool {
    loop {
        let node = graph.node(id);
        let [above] = node.inputs[..] else { return readers[id.0] == 1 && requantises(&node.op) };
        if readers[id.0] != 1 {
            return false;
        }
        match &node.op {
            Op::Max(_) if monotone(function) => id = above,
            Op::Gather(_) => id = above,
            op => return requantises(op),
        }
    }
}

/// The function before the gather and the gather after it.
fn through_gather(sources: &[Source], op: &Op, elements: usize) -> Option<(Op, Op)> {
    let scalar = match op {
        Op::Elementwise { ca, c, .. } => ca.len() == 1 && c.len() == 1,
        _ => true,
    };
    if scalar {
        let value = |x: f32| {
            let x = f64::from(x);
            (match op {
                Op::Unary(f) => f.apply(x),
                Op::Pointwise(f) => f.apply(x),
                Op::Elementwise { ca, c, .. } => f64::from(ca[0]) * x + f64::from(c[0]),
                _ => x,
            }) as f32
        };
        let sources = sources.iter().map(|s| if let Source::Constant(x) = *s { Source::Constant(value(x)) } else { *s });
        return Some((op.clone(), Op::Gather(sources.collect())));
    }
    // One coefficient for each element: a permutation carries it to the element that it belongs to.
    let Op::Elementwise { ca, cb, cm, c } = op else { return None };
    if sources.len() != elements {
        return None;
    }
    let mut place = vec![None; elements];
    for (i, source) in sources.iter().enumerate() {
        let Source::Element { index, .. } = *source else { return None };
        let slot = place.get_mut(index as usize)?;
        if slot.replace(i).is_some() {
            return None;
        }
    }
    let permuted = |values: &[f32]| {
        if values.len() == 1 {
            return Some(values.to_vec());
        }
        place.iter().map(|p| p.and_then(|p| values.get(p).copied())).collect::<Option<Vec<f32>>>()
    };
    let op = Op::Elementwise { ca: permuted(ca)?, cb: *cb, cm: *cm, c: permuted(c)? };
    Some((op, Op::Gather(sources.to_vec())))
}
