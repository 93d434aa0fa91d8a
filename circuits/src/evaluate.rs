//! The plain-integer interpreter of [`QuantGraph`]: the one definition of what a quantised model computes.

use rayon::prelude::*;

use crate::column::typed;
use crate::error::GraphError;
use crate::graph::{Activation, Channels, Conv, Elementwise, Gather, Linear, Max, Node, NodeId, Op, QuantGraph, Reduce, Source, Term};
use crate::number::{fit, index, units};

/// Elements that are worth a task of their own.
const MIN_ELEMENTS: usize = 1 << 12;

/// The tensor of every node.
pub(crate) fn evaluate(graph: &QuantGraph, inputs: &[Vec<i32>]) -> Result<Vec<Vec<i32>>, GraphError> {
    evaluate_with(graph, inputs, |id, args| accumulate(graph, graph.node(id), args))
}

/// The tensor of every node, with [`accumulate`] replaced by a function that must be equal to it.
pub(crate) fn evaluate_with(
    graph: &QuantGraph,
    inputs: &[Vec<i32>],
    mut accumulate: impl FnMut(NodeId, &[&[i32]]) -> Vec<i64>,
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
                Op::Max(max) => max_windows(max, args[0]),
                Op::Gather(gather) => gather_elements(gather, &args),
                _ => {
                    let activation = node.activation().unwrap_or(Activation::None);
                    let sums = accumulate(NodeId(index), &args);
                    let value = |&acc: &i64| activate(graph, node, activation, requantise(acc, graph.bits));
                    let tensor = sums.par_iter().with_min_len(MIN_ELEMENTS).map(value).collect::<Result<_, _>>();
                    // Which error a parallel iterator meets is left to chance: this is the first.
                    tensor.or_else(|_| sums.iter().map(value).collect::<Result<_, _>>())?
                }
            }
        };
        tensors.push(tensor);
    }
    Ok(tensors)
}

/// `⌊(acc + 2^(bits−1)) / 2^bits⌋`.
pub(crate) fn requantise(acc: i64, bits: u32) -> i64 {
    (acc + (1 << (bits - 1))) >> bits
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

/// The accumulators of a node that requantises.
///
/// # Panics
/// If the node does not requantise.
pub(crate) fn accumulate(graph: &QuantGraph, node: &Node, args: &[&[i32]]) -> Vec<i64> {
    match &node.op {
        Op::Linear(linear) => {
            let shapes: Vec<&[usize]> = node.inputs.iter().map(|&id| graph.node(id).shape.as_slice()).collect();
            linear_sum(linear, node, args, &shapes)
        }
        Op::Reduce(reduce) => reduce_sum(reduce, args[0]),
        Op::Elementwise(elementwise) => elementwise_sum(elementwise, node.elements(), args),
        Op::Input | Op::Features(_) | Op::Max(_) | Op::Gather(_) => panic!("node `{}` does not requantise", node.name),
    }
}

fn linear_sum(linear: &Linear, node: &Node, args: &[&[i32]], shapes: &[&[usize]]) -> Vec<i64> {
    let mut acc: Vec<i64> = match linear.channels {
        Channels::First => {
            let plane: usize = node.shape[2..].iter().product();
            let channels = linear.bias.len();
            (0..node.elements()).map(|i| linear.bias[i / plane % channels]).collect()
        }
        Channels::Last => (0..node.elements()).map(|i| linear.bias[i % linear.bias.len()]).collect(),
    };
    for ((term, x), shape) in linear.terms.iter().zip(args).zip(shapes) {
        match term {
            Term::Scale(factor) => acc.iter_mut().zip(*x).for_each(|(a, &x)| *a += i64::from(*factor) * i64::from(x)),
            Term::Conv(conv) => match linear.channels {
                Channels::First => typed!(&conv.weights, w => convolve(conv, w, x, [shape, &node.shape], &mut acc)),
                Channels::Last => typed!(&conv.weights, w => dense(w, x, shape[shape.len() - 1], linear.bias.len(), &mut acc)),
            },
        }
    }
    acc
}

fn dense<T: Copy + Sync + Into<i64>>(weights: &[T], x: &[i32], inputs: usize, outputs: usize, acc: &mut [i64]) {
    acc.par_chunks_mut(outputs).zip(x.par_chunks(inputs)).for_each(|(acc, x)| {
        for (acc, row) in acc.iter_mut().zip(weights.chunks(inputs)) {
            *acc += row.iter().zip(x).map(|(&w, &x)| w.into() * i64::from(x)).sum::<i64>();
        }
    });
}

fn convolve<T: Copy + Sync + Into<i64>>(conv: &Conv, weights: &[T], x: &[i32], [from, to]: [&[usize]; 2], acc: &mut [i64]) {
    let (channels, height, width) = (from[1], from[2], from[3]);
    let (outputs, rows, cols) = (to[1], to[2], to[3]);
    let (inputs_per_group, outputs_per_group) = (channels / conv.groups, outputs / conv.groups);
    let [kernel_h, kernel_w] = conv.kernel;
    acc.par_chunks_mut(rows * cols).enumerate().for_each(|(plane, acc)| {
        let (batch, o) = (plane / outputs, plane % outputs);
        for c in 0..inputs_per_group {
            let channel = o / outputs_per_group * inputs_per_group + c;
            let image = &x[(batch * channels + channel) * height * width..][..height * width];
            for (tap, &w) in weights[(o * inputs_per_group + c) * kernel_h * kernel_w..][..kernel_h * kernel_w].iter().enumerate() {
                let (dh, dw) = (tap / kernel_w * conv.dilation[0], tap % kernel_w * conv.dilation[1]);
                for i in 0..rows {
                    let Some(h) = (i * conv.stride[0] + dh).checked_sub(conv.pad_before[0]).filter(|&h| h < height) else { continue };
                    for j in 0..cols {
                        let Some(v) = (j * conv.stride[1] + dw).checked_sub(conv.pad_before[1]).filter(|&v| v < width) else { continue };
                        acc[i * cols + j] += w.into() * i64::from(image[h * width + v]);
                    }
                }
            }
        }
    });
}

fn reduce_sum(reduce: &Reduce, x: &[i32]) -> Vec<i64> {
    x.par_chunks(reduce.inner).map(|row| i64::from(reduce.factor) * row.iter().map(|&x| i64::from(x)).sum::<i64>()).collect()
}

fn elementwise_sum(e: &Elementwise, elements: usize, args: &[&[i32]]) -> Vec<i64> {
    let at = |v: &[i64], i: usize| if v.len() == 1 { v[0] } else { v[i] };
    (0..elements)
        .into_par_iter()
        .with_min_len(MIN_ELEMENTS)
        .map(|i| {
            let a = i64::from(args[0][i]);
            let b = args.get(1).map_or(0, |b| i64::from(b[i]));
            let ca = i64::from(if e.ca.len() == 1 { e.ca[0] } else { e.ca[i] });
            ca * a + i64::from(e.cb) * b + i64::from(e.cm) * a * b + at(&e.c, i)
        })
        .collect()
}

fn max_windows(max: &Max, x: &[i32]) -> Vec<i32> {
    max.windows
        .par_chunks(max.window)
        .with_min_len(MIN_ELEMENTS.div_ceil(max.window))
        .map(|w| w.iter().map(|&i| x[index(i)]).max().unwrap_or(0))
        .collect()
}

fn gather_elements(gather: &Gather, args: &[&[i32]]) -> Vec<i32> {
    gather
        .sources
        .par_iter()
        .with_min_len(MIN_ELEMENTS)
        .map(|source| match *source {
            Source::Element { input, index: element } => args[index(input)][index(element)],
            Source::Constant(value) => value,
        })
        .collect()
}
