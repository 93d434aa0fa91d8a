//! Layout: pads and concatenations that a convolution reads become part of it, and sums move in front of reshapes.
//!
//! ```text
//! conv(pad₀(x))      → conv with pad_before + what pad₀ puts before x      (pad₀ puts zeros around)
//! W·concat(x₁, x₂)   → W₁·x₁ + W₂·x₂                                       W₁, W₂ the input channels of x₁, x₂
//! E(G(a), G(b))      → G(E(a, b))                                          one coefficient for all elements
//! ```

use sworn_circuits::graph::Channels;

use super::readers;
use crate::graph::{Conv, Graph, Node, Op, Source, Term};

pub(super) fn rewrite(graph: &mut Graph) -> bool {
    let mut changed = false;
    for index in 0..graph.nodes.len() {
        changed |= pad(graph, index) | concat(graph, index) | sum_through(graph, index);
    }
    changed
}

/// A convolution reads the tensor inside of its zero padding.
fn pad(graph: &mut Graph, index: usize) -> bool {
    let node = &graph.nodes[index];
    let Op::Linear(linear) = &node.op else { return false };
    if linear.channels != Channels::First {
        return false;
    }
    for (t, term) in linear.terms.iter().enumerate() {
        let padded = graph.node(node.inputs[t]);
        let ([inside], Term::Conv(_)) = (&padded.inputs[..], term) else { continue };
        let inside = *inside;
        let Some(before) = padding(padded, &graph.node(inside).shape) else { continue };
        let node = &mut graph.nodes[index];
        node.inputs[t] = inside;
        if let Op::Linear(linear) = &mut node.op {
            if let Term::Conv(conv) = &mut linear.terms[t] {
                conv.pad_before = [conv.pad_before[0] + before[0], conv.pad_before[1] + before[1]];
            }
        }
        return true;
    }
    false
}

/// Zeros before the first row and column, if a node puts zeros around a tensor of shape `inside` and does nothing else.
fn padding(node: &Node, inside: &[usize]) -> Option<[usize; 2]> {
    let (Op::Gather(sources), &[batch, channels, height, width], &[n, c, rows, cols]) = (&node.op, inside, &node.shape[..]) else {
        return None;
    };
    if (batch, channels) != (n, c) || height * width == 0 || height > rows || width > cols {
        return None;
    }
    let first = sources.iter().position(|s| *s == Source::Element { input: 0, index: 0 })?;
    let (top, left) = (first / cols, first % cols);
    let expected = |i: usize| {
        let (plane, row, col) = (i / (rows * cols), i / cols % rows, i % cols);
        let (row, col) = (row.checked_sub(top).filter(|&r| r < height), col.checked_sub(left).filter(|&c| c < width));
        match (row, col) {
            (Some(row), Some(col)) => Source::Element { input: 0, index: ((plane * height + row) * width + col) as u32 },
            _ => Source::Constant(0.0),
        }
    };
    let fits = top + height <= rows && left + width <= cols;
    (fits && sources.iter().enumerate().all(|(i, s)| *s == expected(i))).then_some([top, left])
}

/// A layer reads the parts of a concatenation along its channels.
fn concat(graph: &mut Graph, index: usize) -> bool {
    let node = &graph.nodes[index];
    let Op::Linear(linear) = &node.op else { return false };
    let outputs = linear.bias.len();
    for (t, term) in linear.terms.iter().enumerate() {
        let Term::Conv(conv) = term else { continue };
        let joined = graph.node(node.inputs[t]);
        let Some(parts) = parts(graph, joined, linear.channels).filter(|_| conv.groups == 1) else { continue };
        let taps = conv.kernel[0] * conv.kernel[1];
        let per_output = conv.weights.len() / outputs.max(1);
        let mut first = 0;
        let terms: Vec<Term> = parts
            .iter()
            .map(|channels| {
                let range = first * taps..(first + channels) * taps;
                first += channels;
                let weights = conv.weights.chunks(per_output.max(1)).flat_map(|w| w[range.clone()].iter().copied()).collect();
                Term::Conv(Conv { weights, ..conv.clone() })
            })
            .collect();
        let inputs = joined.inputs.clone();
        let node = &mut graph.nodes[index];
        node.inputs.splice(t..=t, inputs);
        if let Op::Linear(linear) = &mut node.op {
            linear.terms.splice(t..=t, terms);
        }
        return true;
    }
    false
}

/// The channels of each input of a concatenation of whole tensors along the channels, in order.
fn parts(graph: &Graph, node: &Node, order: Channels) -> Option<Vec<usize>> {
    let Op::Gather(sources) = &node.op else { return None };
    let axis = match order {
        Channels::First => 1,
        Channels::Last => node.shape.len().checked_sub(1)?,
    };
    let size = |shape: &[usize]| -> Option<[usize; 3]> {
        Some([shape.get(..axis)?.iter().product(), *shape.get(axis)?, shape.get(axis + 1..)?.iter().product()])
    };
    let [outer, channels, inner] = size(&node.shape)?;
    let mut parts = Vec::with_capacity(node.inputs.len());
    for id in &node.inputs {
        let shape = &graph.node(*id).shape;
        let [o, c, i] = size(shape).filter(|_| shape.len() == node.shape.len())?;
        parts.push(if (o, i) == (outer, inner) { c } else { return None });
    }
    if node.inputs.len() < 2 || parts.iter().sum::<usize>() != channels {
        return None;
    }
    let mut expected = Vec::with_capacity(sources.len());
    for o in 0..outer {
        for (input, c) in parts.iter().enumerate() {
            expected.extend((0..c * inner).map(|i| Source::Element { input: input as u32, index: (o * c * inner + i) as u32 }));
        }
    }
    (*sources == expected).then_some(parts)
}

/// The sum or product of two tensors that were moved alike is taken before they are moved.
fn sum_through(graph: &mut Graph, index: usize) -> bool {
    let node = &graph.nodes[index];
    let (Op::Elementwise { ca, c, .. }, &[a, b]) = (&node.op, &node.inputs[..]) else { return false };
    if ca.len() != 1 || c.len() != 1 || a == b {
        return false;
    }
    let (first, second) = (graph.node(a), graph.node(b));
    let (&[x], &[y]) = (&first.inputs[..], &second.inputs[..]) else { return false };
    let later = if a.0 > b.0 { a } else { b };
    let elements = graph.node(x).elements();
    let moved_only = matches!(&first.op, Op::Gather(s) if s.len() >= elements && s.iter().all(|s| matches!(s, Source::Element { .. })));
    if !moved_only || first.op != second.op || graph.node(x).shape != graph.node(y).shape || readers(graph)[later.0] != 1 {
        return false;
    }
    let moves = first.op.clone();
    let sum = Node { name: node.name.clone(), op: node.op.clone(), inputs: vec![x, y], shape: graph.node(x).shape.clone() };
    let after = Node { name: graph.node(later).name.clone(), op: moves, inputs: vec![later], shape: node.shape.clone() };
    graph.nodes[later.0] = sum;
    graph.nodes[index] = after;
    true
}
