//! Random float graphs for property tests.

use sworn_circuits::graph::{Channels, Max, NodeId};

use crate::graph::{Conv, Graph, Linear, Op, Source, Term};
use crate::unary::Unary;

/// SplitMix64, so that a failing seed is all that a test needs to say.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [−1, 1).
    pub(crate) fn real(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub(crate) fn reals(&mut self, count: usize, size: f32) -> Vec<f32> {
        (0..count).map(|_| size * self.real()).collect()
    }
}

/// A graph of up to `steps` layers over one input, with residuals, concatenations and composed functions.
pub(crate) fn arb_graph(random: &mut Random, steps: usize) -> Graph {
    let mut graph = Graph::default();
    let shape = if random.below(4) == 0 {
        vec![1 + random.below(2), 1 + random.below(6)]
    } else {
        vec![1 + random.below(2), 1 + random.below(4), 1 + random.below(7), 1 + random.below(7)]
    };
    let input = graph.push("input", Op::Input, vec![], shape);
    graph.inputs.push(input);
    let mut at = input;
    for step in 0..steps {
        at = layer(random, &mut graph, at, step);
        if random.below(8) == 0 {
            graph.push_output(format!("output {step}"), at);
        }
    }
    graph.push_output("output", at);
    graph
}

/// A sample for each input.
pub(crate) fn arb_sample(random: &mut Random, graph: &Graph) -> Vec<Vec<f32>> {
    graph.inputs.iter().map(|id| random.reals(graph.node(*id).elements(), 2.0)).collect()
}

fn layer(random: &mut Random, graph: &mut Graph, x: NodeId, step: usize) -> NodeId {
    let shape = graph.node(x).shape.clone();
    let name = format!("{step}");
    match random.below(14) {
        0..=2 => linear(random, graph, x, &name),
        3 => graph.push(format!("relu {name}"), Op::Unary(Unary::Relu), vec![x], shape),
        4 => {
            let functions =
                [Unary::Sigmoid, Unary::Tanh, Unary::Erf, Unary::Abs, Unary::Neg, Unary::LeakyRelu { alpha: 0.1 }, Unary::HardSwish];
            let f = functions[random.below(functions.len())];
            graph.push(format!("{} {name}", f.name()), Op::Unary(f), vec![x], shape)
        }
        5 => affine(random, graph, x, &name),
        6 => composed(random, graph, x, &name),
        7 => join(random, graph, x, &name),
        8 => maximum(random, graph, x, &name),
        9 => moved(random, graph, x, &name),
        10 => {
            let inner = shape.last().copied().unwrap_or(1);
            let outer = graph.node(x).elements() / inner;
            let factor = random.real() + if random.below(2) == 0 { 1.5 / inner as f32 } else { 0.01 };
            graph.push(format!("sum {name}"), Op::Reduce { inner, factor }, vec![x], vec![1, outer])
        }
        11 => padded(random, graph, x, &name),
        12 => by_channel(random, graph, x, &name),
        _ => concat(random, graph, x, &name),
    }
}

fn linear(random: &mut Random, graph: &mut Graph, x: NodeId, name: &str) -> NodeId {
    let shape = graph.node(x).shape.clone();
    let mut outputs = 1 + random.below(6);
    let (conv, channels, to) = match shape[..] {
        [batch, inputs, height, width] => {
            let groups = if inputs % 2 == 0 && random.below(3) == 0 { 2 } else { 1 };
            outputs = outputs.next_multiple_of(groups);
            let pick = |random: &mut Random, size: usize| {
                let dilation = 1 + random.below(2);
                let kernel = 1 + random.below(size.min(3));
                let reach = (kernel - 1) * dilation;
                let pad = random.below(2);
                if reach >= size + pad {
                    (1, 1, 0, 1, size)
                } else {
                    let stride = 1 + random.below(2);
                    (kernel, stride, pad, dilation, (size + 2 * pad - reach - 1) / stride + 1)
                }
            };
            let (kh, sh, ph, dh, rows) = pick(random, height);
            let (kw, sw, pw, dw, cols) = pick(random, width);
            let fan_in = inputs / groups * kh * kw;
            let weights = random.reals(outputs * fan_in, 2.0 / (fan_in as f32).sqrt());
            let conv = Conv { kernel: [kh, kw], stride: [sh, sw], pad_before: [ph, pw], dilation: [dh, dw], groups, weights };
            (conv, Channels::First, vec![batch, outputs, rows, cols])
        }
        _ => {
            let inputs = shape.last().copied().unwrap_or(1);
            let weights = random.reals(outputs * inputs, 2.0 / (inputs as f32).sqrt());
            let conv = Conv { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], dilation: [1, 1], groups: 1, weights };
            let mut to = shape.clone();
            if let Some(last) = to.last_mut() {
                *last = outputs;
            }
            (conv, Channels::Last, to)
        }
    };
    let bias = random.reals(outputs, 0.5);
    graph.push(format!("linear {name}"), Op::Linear(Linear { channels, terms: vec![Term::Conv(conv)], bias }), vec![x], to)
}

fn affine(random: &mut Random, graph: &mut Graph, x: NodeId, name: &str) -> NodeId {
    let shape = graph.node(x).shape.clone();
    let elements: usize = shape.iter().product();
    let values = |random: &mut Random, kind: usize| match kind {
        0 => vec![random.real() + 0.1],
        1 if shape.len() == 4 => {
            let plane = shape[2] * shape[3];
            let each = random.reals(shape[1], 1.5);
            (0..elements).map(|i| each[i / plane % shape[1]]).collect()
        }
        _ => random.reals(elements, 1.5),
    };
    let kind = random.below(3);
    let ca = values(random, kind);
    let c = if random.below(2) == 0 { vec![0.0] } else { values(random, kind) };
    graph.push(format!("affine {name}"), Op::Elementwise { ca, cb: 0.0, cm: 0.0, c }, vec![x], shape)
}

/// SiLU, GELU or a hard swish, from its parts.
fn composed(random: &mut Random, graph: &mut Graph, x: NodeId, name: &str) -> NodeId {
    let shape = graph.node(x).shape.clone();
    let scaled = |ca: f32, c: f32| Op::Elementwise { ca: vec![ca], cb: 0.0, cm: 0.0, c: vec![c] };
    let product = Op::Elementwise { ca: vec![0.0], cb: 0.0, cm: 1.0, c: vec![0.0] };
    match random.below(3) {
        0 => {
            let s = graph.push(format!("sigmoid {name}"), Op::Unary(Unary::Sigmoid), vec![x], shape.clone());
            graph.push(format!("silu {name}"), product, vec![x, s], shape)
        }
        1 => {
            let d = graph.push(format!("div {name}"), scaled(std::f32::consts::FRAC_1_SQRT_2, 0.0), vec![x], shape.clone());
            let e = graph.push(format!("erf {name}"), Op::Unary(Unary::Erf), vec![d], shape.clone());
            let a = graph.push(format!("add {name}"), scaled(1.0, 1.0), vec![e], shape.clone());
            let m = graph.push(format!("mul {name}"), product, vec![x, a], shape.clone());
            graph.push(format!("gelu {name}"), scaled(0.5, 0.0), vec![m], shape)
        }
        _ => {
            let a = graph.push(format!("sixth {name}"), scaled(1.0 / 6.0, 0.5), vec![x], shape.clone());
            let c = graph.push(format!("clip {name}"), Op::Unary(Unary::Clip { min: 0.0, max: 1.0 }), vec![a], shape.clone());
            graph.push(format!("swish {name}"), product, vec![c, x], shape)
        }
    }
}

/// A sum or product with an earlier tensor of the same shape.
fn join(random: &mut Random, graph: &mut Graph, x: NodeId, name: &str) -> NodeId {
    let shape = graph.node(x).shape.clone();
    let same: Vec<NodeId> = (0..graph.nodes.len()).map(NodeId).filter(|id| graph.node(*id).shape == shape).collect();
    let other = same[random.below(same.len())];
    let op = if random.below(3) == 0 {
        Op::Elementwise { ca: vec![0.0], cb: 0.0, cm: 0.5, c: vec![0.0] }
    } else {
        Op::Elementwise { ca: vec![random.real()], cb: random.real(), cm: 0.0, c: vec![if random.below(2) == 0 { 0.0 } else { 0.3 }] }
    };
    let inputs = if random.below(2) == 0 { vec![x, other] } else { vec![other, x] };
    graph.push(format!("join {name}"), op, inputs, shape)
}

fn maximum(random: &mut Random, graph: &mut Graph, x: NodeId, name: &str) -> NodeId {
    let elements = graph.node(x).elements();
    let window = 1 + random.below(4);
    let count = 1 + random.below(elements);
    let windows = (0..count * window).map(|_| random.below(elements) as u32).collect();
    graph.push(format!("max {name}"), Op::Max(Max { window, windows }), vec![x], vec![1, count])
}

fn moved(random: &mut Random, graph: &mut Graph, x: NodeId, name: &str) -> NodeId {
    let node = graph.node(x);
    let (shape, elements) = (node.shape.clone(), node.elements());
    let identity = |n: usize| (0..n).map(|i| Source::Element { input: 0, index: i as u32 }).collect::<Vec<_>>();
    let (sources, shape) = match random.below(4) {
        0 => (identity(elements), vec![1, elements]),
        1 => {
            // A permutation, back to the same shape.
            let mut sources = identity(elements);
            (1..elements).rev().for_each(|i| sources.swap(i, random.below(i + 1)));
            (sources, shape)
        }
        2 => (identity(1 + random.below(elements)), vec![]),
        _ => {
            let mut sources = identity(elements);
            sources.push(Source::Constant(random.real()));
            (sources, vec![])
        }
    };
    let shape = if shape.is_empty() { vec![1, sources.len()] } else { shape };
    graph.push(format!("gather {name}"), Op::Gather(sources), vec![x], shape)
}

fn concat(random: &mut Random, graph: &mut Graph, x: NodeId, name: &str) -> NodeId {
    let other = NodeId(random.below(graph.nodes.len()));
    let part = |input: u32, n: usize| (0..n).map(move |i| Source::Element { input, index: i as u32 });
    let sources: Vec<Source> = part(0, graph.node(x).elements()).chain(part(1, graph.node(other).elements().min(9))).collect();
    let shape = vec![1, sources.len()];
    graph.push(format!("concat {name}"), Op::Gather(sources), vec![x, other], shape)
}

/// Zeros around an image, for a convolution.
fn padded(random: &mut Random, graph: &mut Graph, x: NodeId, name: &str) -> NodeId {
    let &[batch, channels, height, width] = &graph.node(x).shape[..] else { return x };
    let [top, left, bottom, right] = [0; 4].map(|_: usize| random.below(3));
    let (rows, cols) = (top + height + bottom, left + width + right);
    let source = |i: usize| {
        let (plane, row, col) = (i / (rows * cols), i / cols % rows, i % cols);
        if row < top || row >= top + height || col < left || col >= left + width {
            return Source::Constant(0.0);
        }
        Source::Element { input: 0, index: ((plane * height + row - top) * width + col - left) as u32 }
    };
    let sources = (0..batch * channels * rows * cols).map(source).collect();
    let padded = graph.push(format!("pad {name}"), Op::Gather(sources), vec![x], vec![batch, channels, rows, cols]);
    linear(random, graph, padded, name)
}

/// A concatenation with an earlier tensor along the channels, for a linear layer.
fn by_channel(random: &mut Random, graph: &mut Graph, x: NodeId, name: &str) -> NodeId {
    let shape = graph.node(x).shape.clone();
    let axis = if shape.len() == 4 { 1 } else { shape.len() - 1 };
    let fits = |other: &[usize]| other.len() == shape.len() && (0..shape.len()).all(|i| i == axis || other[i] == shape[i]);
    let others: Vec<NodeId> = (0..graph.nodes.len()).map(NodeId).filter(|id| fits(&graph.node(*id).shape)).collect();
    let other = others[random.below(others.len())];
    let outer: usize = shape[..axis].iter().product();
    let mut sources = Vec::new();
    for o in 0..outer {
        for (input, id) in [x, other].into_iter().enumerate() {
            let each = graph.node(id).elements() / outer;
            sources.extend((0..each).map(|i| Source::Element { input: input as u32, index: (o * each + i) as u32 }));
        }
    }
    let mut joined = shape;
    joined[axis] += graph.node(other).shape[axis];
    let both = graph.push(format!("join {name}"), Op::Gather(sources), vec![x, other], joined);
    linear(random, graph, both, name)
}
