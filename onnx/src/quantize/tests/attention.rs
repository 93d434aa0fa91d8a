//! Attention and normalisation: the integers stand for what the float graph computes.

use sworn_circuits::graph::{Channels, NodeId};
use sworn_circuits::layout::{Layout, Visibility};

use crate::arbitrary::Random;
use crate::compile::{compile, Options};
use crate::graph::{Conv, Graph, Linear, Op, Source, Term};
use crate::unary::Unary;

const POSITIONS: usize = 6;
const WIDTH: usize = 16;
const HEADS: usize = 2;

fn dense(random: &mut Random, graph: &mut Graph, x: NodeId, outputs: usize) -> NodeId {
    let inputs = graph.node(x).shape[1];
    let weights = random.reals(inputs * outputs, 1.5 / (inputs as f32).sqrt());
    let conv = Conv { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], dilation: [1, 1], groups: 1, weights };
    let linear = Linear { channels: Channels::Last, terms: vec![Term::Conv(conv)], bias: random.reals(outputs, 0.1) };
    graph.push("dense", Op::Linear(linear), vec![x], vec![POSITIONS, outputs])
}

fn moved(graph: &mut Graph, x: NodeId, shape: Vec<usize>, at: impl Fn(usize) -> usize) -> NodeId {
    let sources = (0..shape.iter().product()).map(|i| Source::Element { input: 0, index: at(i) as u32 }).collect();
    graph.push("moved", Op::Gather(sources), vec![x], shape)
}

fn sum(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    let shape = graph.node(a).shape.clone();
    graph.push("sum", Op::Elementwise { ca: vec![1.0], cb: 1.0, cm: 0.0, c: vec![0.0] }, vec![a, b], shape)
}

/// Two blocks of a transformer with a causal mask, and a head.
fn transformer(random: &mut Random) -> Graph {
    let (mut graph, width) = (Graph::default(), WIDTH / HEADS);
    let mut x = graph.push("x", Op::Input, vec![], vec![POSITIONS, WIDTH]);
    graph.inputs.push(x);
    for _ in 0..2 {
        let y = graph.push("norm", Op::Norm { inner: WIDTH, epsilon: 1e-5 }, vec![x], vec![POSITIONS, WIDTH]);
        let [q, k, v] = [0, 1, 2].map(|_| dense(random, &mut graph, y, WIDTH));
        let by_row = |i: usize| i / width % POSITIONS * WIDTH + i / (width * POSITIONS) * width + i % width;
        let by_column = |i: usize| i % POSITIONS * WIDTH + i / (width * POSITIONS) * width + i / POSITIONS % width;
        let q = moved(&mut graph, q, vec![HEADS, POSITIONS, width], by_row);
        let k = moved(&mut graph, k, vec![HEADS, width, POSITIONS], by_column);
        let v = moved(&mut graph, v, vec![HEADS, POSITIONS, width], by_row);
        let square = vec![HEADS, POSITIONS, POSITIONS];
        let scores = graph.push("scores", Op::Product { factor: 0.35 }, vec![q, k], square.clone());
        let hidden = (0..POSITIONS * POSITIONS).map(|i| i % POSITIONS > i / POSITIONS).collect();
        let weights = graph.push("softmax", Op::Softmax { inner: POSITIONS, hidden }, vec![scores], square);
        let context = graph.push("context", Op::Product { factor: 1.0 }, vec![weights, v], vec![HEADS, POSITIONS, width]);
        let merged = |i: usize| (i % WIDTH / width * POSITIONS + i / WIDTH) * width + i % width;
        let context = moved(&mut graph, context, vec![POSITIONS, WIDTH], merged);
        let context = dense(random, &mut graph, context, WIDTH);
        x = sum(&mut graph, context, x);
        let y = graph.push("norm", Op::Norm { inner: WIDTH, epsilon: 1e-5 }, vec![x], vec![POSITIONS, WIDTH]);
        let y = dense(random, &mut graph, y, 2 * WIDTH);
        let y = graph.push("gelu", Op::Unary(Unary::Sigmoid), vec![y], vec![POSITIONS, 2 * WIDTH]);
        let y = dense(random, &mut graph, y, WIDTH);
        x = sum(&mut graph, y, x);
    }
    let x = graph.push("norm", Op::Norm { inner: WIDTH, epsilon: 1e-5 }, vec![x], vec![POSITIONS, WIDTH]);
    let y = dense(random, &mut graph, x, 5);
    graph.push_output("y", y);
    graph
}

#[test]
fn a_transformer_is_accurate_and_laid_out() {
    let mut random = Random(7);
    let graph = transformer(&mut random);
    let samples: Vec<Vec<Vec<f32>>> = (0..12).map(|_| vec![random.reals(POSITIONS * WIDTH, 1.0)]).collect();
    for (bits, error) in [(10, 0.06), (13, 0.01)] {
        let compiled = compile(graph.clone(), &samples, &Options { bits: Some(bits), ..Options::default() }).unwrap();
        assert!(compiled.report.relative() < error, "{bits} bits: {}\n{}", compiled.report.relative(), compiled.report);
        let layout = Layout::new(&compiled.graph, Visibility { input: true, pack_public: false }).unwrap();
        assert!(layout.estimate.activations > 1000);
        super::super::audit::audit(&compiled.float, &compiled.record, &compiled.graph).unwrap();
    }
}
