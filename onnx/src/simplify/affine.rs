//! Affine: elementwise factors and constants folded into their neighbours.
//!
//! ```text
//! E(x) = ca·x + c                              ca, c : one value, or one for each element
//! E₂(E₁(x))        = (ca₂·ca₁)·x + (ca₂·c₁ + c₂)
//! E(Σ_t W_t·x_t + b) = Σ_t (ca·W_t)·x_t + (ca·b + c)      ca, c constant over each output channel
//! W·E(x) + b       = (W·ca)·x + (W·c + b)                ca, c constant over each input channel
//! ```
//!
//! The last one needs `c = 0` or a convolution that reads no padded zero, for a pad is 0 and not `E(0)`.

use sworn_circuits::graph::Channels;

use super::{readers, redirect};
use crate::graph::{Conv, Graph, Linear, Node, Op, Term};
use crate::unary::Unary;

/// One value for all elements, or one for each.
fn at(values: &[f32], i: usize) -> f32 {
    if values.len() == 1 {
        values[0]
    } else {
        values[i]
    }
}

/// `ca` and `c` of a node that is `ca·x + c`.
pub(super) fn of_one_input(node: &Node) -> Option<(&[f32], &[f32])> {
    match &node.op {
        Op::Elementwise { ca, c, .. } if node.inputs.len() == 1 => Some((ca, c)),
        _ => None,
    }
}

/// `f(aᵢ, bᵢ)` for vectors of one value or of one for each element.
fn zip(a: &[f32], b: &[f32], f: impl Fn(f64, f64) -> f64) -> Vec<f32> {
    (0..a.len().max(b.len())).map(|i| f(f64::from(at(a, i)), f64::from(at(b, i))) as f32).collect()
}

pub(super) fn rewrite(graph: &mut Graph) -> bool {
    let mut changed = false;
    let mut readers = readers(graph);
    for index in 0..graph.nodes.len() {
        if normalise(&mut graph.nodes[index]) {
            changed = true;
            readers = super::readers(graph);
        }
        let folded = identity(graph, index)
            || into_producer(graph, index, &readers)
            || into_elementwise(graph, index, &readers)
            || into_linear(graph, index)
            || into_reduce(graph, index, &readers)
            || into_product(graph, index);
        if folded {
            changed = true;
            readers = super::readers(graph);
        }
    }
    changed
}

/// Brings `ca·a + 0·b` and `ca·a + cb·a` to one input, equal coefficients to one value, and functions to simpler ones.
fn normalise(node: &mut Node) -> bool {
    let simpler = match node.op {
        Op::Unary(Unary::Neg) => Some(Op::Elementwise { ca: vec![-1.0], cb: 0.0, cm: 0.0, c: vec![0.0] }),
        Op::Unary(Unary::Clip { min: 0.0, max: f32::INFINITY } | Unary::LeakyRelu { alpha: 0.0 }) => Some(Op::Unary(Unary::Relu)),
        _ => None,
    };
    if let Some(op) = simpler {
        node.op = op;
        return true;
    }
    let Op::Elementwise { ca, cb, cm, c } = &mut node.op else { return false };
    let mut changed = false;
    for values in [&mut *ca, c] {
        if values.len() > 1 && values.windows(2).all(|w| w[0] == w[1]) {
            values.truncate(1);
            changed = true;
        }
    }
    if node.inputs.len() == 2 && *cm == 0.0 && (*cb == 0.0 || node.inputs[0] == node.inputs[1]) {
        ca.iter_mut().for_each(|ca| *ca += *cb);
        *cb = 0.0;
        node.inputs.truncate(1);
        changed = true;
    }
    changed
}

/// `1·x + 0` is left out.
fn identity(graph: &mut Graph, index: usize) -> bool {
    let node = &graph.nodes[index];
    let Some((ca, c)) = of_one_input(node) else { return false };
    let from = node.inputs[0];
    let same = ca == [1.0] && c == [0.0] && graph.node(from).shape == node.shape && readers(graph)[index] > 0;
    if same {
        redirect(graph, sworn_circuits::graph::NodeId(index), from);
    }
    same
}

/// `E` joins the elementwise, linear or reducing node that it alone reads.
fn into_producer(graph: &mut Graph, index: usize, readers: &[usize]) -> bool {
    let node = &graph.nodes[index];
    let Some((ca, c)) = of_one_input(node) else { return false };
    let from = node.inputs[0];
    let producer = graph.node(from);
    if readers[from.0] != 1 {
        return false;
    }
    let joined = match &producer.op {
        Op::Elementwise { ca: first, cb, cm, c: constant } => {
            let scalar = ca.len() == 1;
            if producer.inputs.len() == 2 && !scalar {
                return false;
            }
            Some(Op::Elementwise {
                ca: zip(ca, first, |ca, first| ca * first),
                cb: cb * ca[0],
                cm: cm * ca[0],
                c: zip(&zip(ca, constant, |ca, constant| ca * constant), c, |a, c| a + c),
            })
        }
        Op::Linear(linear) if producer.shape == node.shape => after_linear(linear, ca, c, &node.shape).map(Op::Linear),
        Op::Product { factor } if ca.len() == 1 && c.iter().all(|&c| c == 0.0) => Some(Op::Product { factor: factor * ca[0] }),
        Op::Reduce { inner, factor } if ca.len() == 1 && c.iter().all(|&c| c == 0.0) => {
            Some(Op::Reduce { inner: *inner, factor: factor * ca[0] })
        }
        _ => None,
    };
    let Some(op) = joined else { return false };
    let inputs = producer.inputs.clone();
    let node = &mut graph.nodes[index];
    (node.op, node.inputs) = (op, inputs);
    true
}

/// `ca·L + c`, if the coefficients are constant over each output channel.
pub(super) fn after_linear(linear: &Linear, ca: &[f32], c: &[f32], shape: &[usize]) -> Option<Linear> {
    let outputs = linear.bias.len();
    let (ca, c) = (by_channel(ca, linear.channels, shape, outputs)?, by_channel(c, linear.channels, shape, outputs)?);
    let terms = linear.terms.iter().map(|term| match term {
        Term::Conv(conv) => {
            let per_output = conv.weights.len() / outputs.max(1);
            let weights = conv.weights.iter().enumerate().map(|(i, w)| w * ca[i / per_output]).collect();
            Some(Term::Conv(Conv { weights, ..conv.clone() }))
        }
        Term::Scale(factor) => ca.windows(2).all(|w| w[0] == w[1]).then(|| Term::Scale(factor * ca[0])),
    });
    let bias = linear.bias.iter().zip(&ca).zip(&c).map(|((b, ca), c)| (f64::from(*b) * f64::from(*ca) + f64::from(*c)) as f32).collect();
    Some(Linear { channels: linear.channels, terms: terms.collect::<Option<_>>()?, bias })
}

/// One value for each channel, if the values are constant over the channels.
fn by_channel(values: &[f32], channels: Channels, shape: &[usize], count: usize) -> Option<Vec<f32>> {
    if values.len() == 1 {
        return Some(vec![values[0]; count]);
    }
    let plane: usize = match channels {
        Channels::First => shape.get(2..)?.iter().product(),
        Channels::Last => 1,
    };
    if plane == 0 || count == 0 || values.len() < count * plane {
        return None;
    }
    let channel = |i: usize| i / plane % count;
    let found: Vec<f32> = (0..count).map(|k| values[k * plane]).collect();
    values.iter().enumerate().all(|(i, &v)| v == found[channel(i)]).then_some(found)
}

/// `E₂(E₁(a), b)` for two inputs.
fn into_elementwise(graph: &mut Graph, index: usize, readers: &[usize]) -> bool {
    let node = &graph.nodes[index];
    let Op::Elementwise { ca, cb, cm, c } = &node.op else { return false };
    if node.inputs.len() != 2 {
        return false;
    }
    for side in 0..2 {
        let from = node.inputs[side];
        let Some((first, constant)) = of_one_input(graph.node(from)) else { continue };
        let scalar = first.len() == 1 && constant.len() == 1;
        if readers[from.0] != 1 || (!scalar && (side == 1 || *cm != 0.0)) {
            continue;
        }
        let op = if side == 0 {
            Op::Elementwise {
                ca: zip(ca, first, |ca, first| ca * first),
                cb: cb + cm * constant[0],
                cm: cm * first[0],
                c: zip(&zip(ca, constant, |ca, constant| ca * constant), c, |a, c| a + c),
            }
        } else {
            Op::Elementwise {
                ca: ca.iter().map(|ca| ca + cm * constant[0]).collect(),
                cb: cb * first[0],
                cm: cm * first[0],
                c: c.iter().map(|c| c + cb * constant[0]).collect(),
            }
        };
        // With `cm = 0` the factor of the product is 0 whatever `first` holds.
        let source = graph.node(from).inputs[0];
        let node = &mut graph.nodes[index];
        node.op = op;
        node.inputs[side] = source;
        return true;
    }
    false
}

/// A linear layer reads through `E`.
fn into_linear(graph: &mut Graph, index: usize) -> bool {
    let node = &graph.nodes[index];
    let Op::Linear(linear) = &node.op else { return false };
    for (t, (&from, term)) in node.inputs.iter().zip(&linear.terms).enumerate() {
        let Some((ca, c)) = of_one_input(graph.node(from)) else { continue };
        let Some((term, bias)) = before_term(linear, term, ca, c, &graph.node(from).shape, &node.shape) else { continue };
        let source = graph.node(from).inputs[0];
        let node = &mut graph.nodes[index];
        node.inputs[t] = source;
        if let Op::Linear(linear) = &mut node.op {
            linear.terms[t] = term;
            linear.bias = bias;
        }
        return true;
    }
    false
}

/// The term and the bias of `W·(ca·x + c) + b`.
fn before_term(linear: &Linear, term: &Term, ca: &[f32], c: &[f32], from: &[usize], to: &[usize]) -> Option<(Term, Vec<f32>)> {
    let conv = match term {
        Term::Scale(factor) => {
            let ca = (ca.len() == 1).then(|| ca[0])?;
            let c = by_channel(c, linear.channels, from, linear.bias.len())?;
            let bias = linear.bias.iter().zip(&c).map(|(b, c)| b + factor * c).collect();
            return Some((Term::Scale(factor * ca), bias));
        }
        Term::Conv(conv) => conv,
    };
    let inputs = match linear.channels {
        Channels::First => *from.get(1)?,
        Channels::Last => *from.last()?,
    };
    let (ca, c) = (by_channel(ca, linear.channels, from, inputs)?, by_channel(c, linear.channels, from, inputs)?);
    if c.iter().any(|&c| c != 0.0) && linear.channels == Channels::First && reads_padding(conv, from, to) {
        return None;
    }
    let taps = conv.kernel[0] * conv.kernel[1];
    let outputs = linear.bias.len();
    let (per_input, per_output) = (inputs / conv.groups, outputs / conv.groups);
    let mut bias: Vec<f64> = linear.bias.iter().map(|&b| f64::from(b)).collect();
    let mut weights = conv.weights.clone();
    for (i, w) in weights.iter_mut().enumerate() {
        let (output, within) = (i / taps / per_input, i / taps % per_input);
        let input = output / per_output * per_input + within;
        bias[output] += f64::from(*w) * f64::from(c[input]);
        *w *= ca[input];
    }
    Some((Term::Conv(Conv { weights, ..conv.clone() }), bias.into_iter().map(|b| b as f32).collect()))
}

/// Whether a window of the convolution leaves the image.
pub(crate) fn reads_padding(conv: &Conv, from: &[usize], to: &[usize]) -> bool {
    (0..2).any(|axis| {
        let (Some(&size), Some(&count)) = (from.get(2 + axis), to.get(2 + axis)) else { return true };
        let last = count.saturating_sub(1) * conv.stride[axis] + (conv.kernel[axis] - 1) * conv.dilation[axis];
        conv.pad_before[axis] > 0 || last >= size
    })
}

/// A product reads through `ca·x`.
fn into_product(graph: &mut Graph, index: usize) -> bool {
    let node = &graph.nodes[index];
    let Op::Product { factor } = node.op else { return false };
    for side in 0..2 {
        let from = node.inputs[side];
        let Some((&[ca], c)) = of_one_input(graph.node(from)) else { continue };
        let source = graph.node(from).inputs[0];
        if c.iter().all(|&c| c == 0.0) && graph.node(source).shape == graph.node(from).shape {
            let node = &mut graph.nodes[index];
            node.op = Op::Product { factor: factor * ca };
            node.inputs[side] = source;
            return true;
        }
    }
    false
}

/// A sum reads through `ca·x`.
fn into_reduce(graph: &mut Graph, index: usize, readers: &[usize]) -> bool {
    let node = &graph.nodes[index];
    let Op::Reduce { inner, factor } = node.op else { return false };
    let from = node.inputs[0];
    let Some((&[ca], c)) = of_one_input(graph.node(from)) else { return false };
    if readers[from.0] != 1 || c.iter().any(|&c| c != 0.0) {
        return false;
    }
    let source = graph.node(from).inputs[0];
    let node = &mut graph.nodes[index];
    node.op = Op::Reduce { inner, factor: factor * ca };
    node.inputs[0] = source;
    true
}
