//! The float graph, evaluated: the reference that a quantised model is measured against.

use rayon::prelude::*;
use sworn_circuits::graph::Channels;

use crate::error::OnnxError;
use crate::graph::{Conv, Graph, Linear, Node, Op, Source, Term};

/// The tensor of every node.
///
/// # Errors
/// Inputs of the wrong number or length, or not finite.
///
/// # Panics
/// If the graph is not well formed; [`load`](crate::model::load) makes none that is not.
pub fn evaluate(graph: &Graph, inputs: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, OnnxError> {
    if inputs.len() != graph.inputs.len() {
        return Err(OnnxError::InputCount { expected: graph.inputs.len(), actual: inputs.len() });
    }
    let mut tensors: Vec<Vec<f32>> = vec![Vec::new(); graph.nodes.len()];
    for (id, given) in graph.inputs.iter().zip(inputs) {
        let node = graph.node(*id);
        if given.len() != node.elements() {
            return Err(OnnxError::InputLength { input: node.name.clone(), expected: node.elements(), actual: given.len() });
        }
        if let Some(index) = given.iter().position(|x| !x.is_finite()) {
            return Err(OnnxError::InputNotFinite { input: node.name.clone(), index });
        }
        tensors[id.0].clone_from(given);
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        let args: Vec<&[f32]> = node.inputs.iter().map(|id| tensors[id.0].as_slice()).collect();
        let tensor = match &node.op {
            Op::Input => continue,
            Op::Linear(linear) => {
                let shapes: Vec<&[usize]> = node.inputs.iter().map(|&id| graph.node(id).shape.as_slice()).collect();
                linear_sum(linear, node, &args, &shapes)
            }
            Op::Reduce { inner, factor } => reduce(*inner, *factor, args[0]),
            Op::Elementwise { ca, cb, cm, c } => elementwise([ca, c], *cb, *cm, &args),
            Op::Product { factor } => product(node.product_dims(&graph.node(node.inputs[0]).shape), *factor, args[0], args[1]),
            Op::Norm { inner, epsilon } => args[0].par_chunks(*inner).flat_map_iter(|row| norm(row, *epsilon)).collect(),
            Op::Softmax { inner, hidden } => {
                let rows = args[0].par_chunks(*inner).enumerate();
                rows.flat_map_iter(|(row, x)| softmax(x, |i| is_hidden(hidden, row * inner + i))).collect()
            }
            Op::Max(max) => max.windows.par_chunks(max.window).map(|w| largest(args[0], w)).collect(),
            Op::Gather(sources) => sources.par_iter().map(|s| pick(&args, s)).collect(),
            Op::Unary(f) => args[0].par_iter().map(|&x| f.apply(f64::from(x)) as f32).collect(),
            Op::Pointwise(f) => args[0].par_iter().map(|&x| f.apply(f64::from(x)) as f32).collect(),
        };
        tensors[index] = tensor;
    }
    Ok(tensors)
}

/// Whether an element of a softmax is hidden.
pub(crate) fn is_hidden(hidden: &[bool], element: usize) -> bool {
    !hidden.is_empty() && hidden[element % hidden.len()]
}

fn product([_, rows, inner, columns]: [usize; 4], factor: f32, a: &[f32], b: &[f32]) -> Vec<f32> {
    let matrix = |(a, b): (&[f32], &[f32])| {
        let mut sums = vec![0f64; rows * columns];
        for (sums, a) in sums.chunks_mut(columns).zip(a.chunks(inner)) {
            for (&a, b) in a.iter().zip(b.chunks(columns)) {
                sums.iter_mut().zip(b).for_each(|(sum, &b)| *sum += f64::from(a) * f64::from(b));
            }
        }
        sums.into_iter().map(|sum| (sum * f64::from(factor)) as f32)
    };
    a.par_chunks(rows * inner).zip(b.par_chunks(inner * columns)).flat_map_iter(matrix).collect()
}

fn norm(row: &[f32], epsilon: f32) -> impl Iterator<Item = f32> + '_ {
    let squares = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / row.len() as f64;
    let factor = 1.0 / (squares + f64::from(epsilon)).sqrt();
    row.iter().map(move |&x| (f64::from(x) * factor) as f32)
}

fn softmax(row: &[f32], hidden: impl Fn(usize) -> bool) -> Vec<f32> {
    let shown = |i: &usize| !hidden(*i);
    let largest = (0..row.len()).filter(shown).map(|i| f64::from(row[i])).fold(f64::NEG_INFINITY, f64::max);
    let exp = |i: usize| if hidden(i) { 0.0 } else { (f64::from(row[i]) - largest).exp() };
    let all: Vec<f64> = (0..row.len()).map(exp).collect();
    let sum: f64 = all.iter().sum();
    all.into_iter().map(|e| (e / sum) as f32).collect()
}

fn largest(x: &[f32], window: &[u32]) -> f32 {
    // NaN stays what it is.
    window.iter().map(|&i| x[i as usize]).fold(f32::NEG_INFINITY, |a, b| if b.is_nan() || b > a { b } else { a })
}

fn pick(args: &[&[f32]], source: &Source) -> f32 {
    match *source {
        Source::Element { input, index } => args[input as usize][index as usize],
        Source::Constant(value) => value,
    }
}

fn reduce(inner: usize, factor: f32, x: &[f32]) -> Vec<f32> {
    x.par_chunks(inner).map(|row| (row.iter().map(|&x| f64::from(x)).sum::<f64>() * f64::from(factor)) as f32).collect()
}

/// `coefficients` are `ca` and `c`: one value, or one for each element. A factor of 0 leaves its operand out.
fn elementwise(coefficients: [&[f32]; 2], cb: f32, cm: f32, args: &[&[f32]]) -> Vec<f32> {
    let at = |v: &[f32], i: usize| f64::from(if v.len() == 1 { v[0] } else { v[i] });
    let (cb, cm) = (f64::from(cb), f64::from(cm));
    let a = args[0];
    let b = args.get(1).copied();
    (0..a.len())
        .into_par_iter()
        .map(|i| {
            let x = f64::from(a[i]);
            let rest = b.map_or(0.0, |b| {
                let y = f64::from(b[i]);
                cb * y + cm * x * y
            });
            (at(coefficients[0], i) * x + rest + at(coefficients[1], i)) as f32
        })
        .collect()
}

fn linear_sum(linear: &Linear, node: &Node, args: &[&[f32]], shapes: &[&[usize]]) -> Vec<f32> {
    let channels = linear.bias.len();
    let plane: usize = match linear.channels {
        Channels::First => node.shape[2..].iter().product(),
        Channels::Last => 1,
    };
    let mut sum: Vec<f32> = (0..node.elements()).into_par_iter().map(|i| linear.bias[i / plane % channels]).collect();
    for ((term, x), shape) in linear.terms.iter().zip(args).zip(shapes) {
        match term {
            Term::Scale(factor) => sum.par_iter_mut().zip(x.par_iter()).for_each(|(s, x)| *s += factor * x),
            Term::Conv(conv) if linear.channels == Channels::Last => dense(&conv.weights, x, channels, &mut sum),
            Term::Conv(conv) => convolve(conv, x, shape, &node.shape, &mut sum),
        }
    }
    sum
}

/// `sum[p, o] += Σ_i w[o, i] · x[p, i]`.
fn dense(weights: &[f32], x: &[f32], outputs: usize, sum: &mut [f32]) {
    let inputs = weights.len() / outputs;
    sum.par_chunks_mut(outputs).zip(x.par_chunks(inputs)).for_each(|(sum, x)| {
        sum.par_iter_mut().zip(weights.par_chunks(inputs)).with_min_len(16).for_each(|(sum, row)| *sum += inner_product(row, x));
    });
}

/// In eight lanes, so that it vectorises.
fn inner_product(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0f32; 8];
    for (a, b) in a.iter().zip(b) {
        for i in 0..8 {
            lanes[i] += a[i] * b[i];
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// Adds a convolution, one output plane at a time; for each tap, whole rows of the image.
fn convolve(conv: &Conv, x: &[f32], from: &[usize], to: &[usize], sum: &mut [f32]) {
    let (channels, height, width) = (from[1], from[2], from[3]);
    let (outputs, rows, cols) = (to[1], to[2], to[3]);
    let (inputs_per_group, outputs_per_group) = (channels / conv.groups, outputs / conv.groups);
    let taps = conv.kernel[0] * conv.kernel[1];
    sum.par_chunks_mut(rows * cols).enumerate().for_each(|(plane, sum)| {
        let (batch, o) = (plane / outputs, plane % outputs);
        for c in 0..inputs_per_group {
            let channel = o / outputs_per_group * inputs_per_group + c;
            let image = &x[(batch * channels + channel) * height * width..][..height * width];
            let weights = &conv.weights[(o * inputs_per_group + c) * taps..][..taps];
            for (tap, &w) in weights.iter().enumerate() {
                add_tap(conv, [tap / conv.kernel[1], tap % conv.kernel[1]], w, (image, [height, width]), (sum, [rows, cols]));
            }
        }
    });
}

fn add_tap(
    conv: &Conv,
    tap: [usize; 2],
    w: f32,
    (image, [height, width]): (&[f32], [usize; 2]),
    (sum, [rows, cols]): (&mut [f32], [usize; 2]),
) {
    let stride = conv.stride;
    let offset = [tap[0] * conv.dilation[0], tap[1] * conv.dilation[1]];
    // Outputs whose input lies in the image: pad ≤ i·stride + offset < pad + size.
    let range = |axis: usize, size: usize, outputs: usize| {
        let (pad, offset, stride) = (conv.pad_before[axis], offset[axis], stride[axis]);
        let first = pad.saturating_sub(offset).div_ceil(stride);
        let end = (pad + size).saturating_sub(offset).div_ceil(stride).min(outputs);
        first..end.max(first)
    };
    let across = range(1, width, cols);
    if across.is_empty() {
        return;
    }
    let start = across.start * stride[1] + offset[1] - conv.pad_before[1];
    for i in range(0, height, rows) {
        let h = i * stride[0] + offset[0] - conv.pad_before[0];
        let line = &image[h * width + start..(h + 1) * width];
        let sums = &mut sum[i * cols..(i + 1) * cols][across.clone()];
        if stride[1] == 1 {
            sums.iter_mut().zip(line).for_each(|(s, x)| *s += w * x);
        } else {
            sums.iter_mut().zip(line.iter().step_by(stride[1])).for_each(|(s, x)| *s += w * x);
        }
    }
}
