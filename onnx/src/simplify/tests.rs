use proptest::prelude::*;

use super::*;
use crate::arbitrary::{arb_graph, arb_sample, Random};
use crate::evaluate::evaluate;
use crate::graph::{Conv, Linear, Source, Term};
use crate::unary::Unary;
use sworn_circuits::graph::Channels;

fn assert_same(before: &Graph, after: &Graph, sample: &[Vec<f32>]) -> Result<(), TestCaseError> {
    let (x, y) = (evaluate(before, sample).unwrap(), evaluate(after, sample).unwrap());
    prop_assert_eq!(before.outputs.len(), after.outputs.len());
    for (a, b) in before.outputs.iter().zip(&after.outputs) {
        prop_assert_eq!(&a.name, &b.name);
        prop_assert_eq!(&before.node(a.node).shape, &after.node(b.node).shape);
        let size = x[a.node.0].iter().fold(1f32, |m, v| m.max(v.abs()));
        for (u, v) in x[a.node.0].iter().zip(&y[b.node.0]) {
            prop_assert!((u - v).abs() <= 2e-4 * size, "{} became {}", u, v);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn simplified_is_equal(seed: u64, steps in 1usize..14) {
        let mut random = Random(seed);
        let graph = arb_graph(&mut random, steps);
        let simple = simplify(graph.clone());
        prop_assert!(simple.nodes.len() <= graph.nodes.len());
        for (index, node) in simple.nodes.iter().enumerate() {
            prop_assert!(node.inputs.iter().all(|id| id.0 < index), "order");
        }
        prop_assert_eq!(&simplify(simple.clone()), &simple, "a fixed point");
        for _ in 0..2 {
            assert_same(&graph, &simple, &arb_sample(&mut random, &graph))?;
        }
    }
}

fn conv(inputs: usize, outputs: usize) -> Op {
    let weights = (0..outputs * inputs * 9).map(|i| (i as f32 * 0.37).sin()).collect();
    let conv = Conv { kernel: [3, 3], stride: [1, 1], pad_before: [1, 1], dilation: [1, 1], groups: 1, weights };
    Op::Linear(Linear { channels: Channels::First, terms: vec![Term::Conv(conv)], bias: vec![0.1; outputs] })
}

fn kinds(graph: &Graph) -> Vec<&'static str> {
    let kind = |op: &Op| match op {
        Op::Input => "input",
        Op::Linear(_) => "linear",
        Op::Reduce { .. } => "reduce",
        Op::Product { .. } => "product",
        Op::Norm { .. } => "norm",
        Op::Softmax { .. } => "softmax",
        Op::Elementwise { .. } => "elementwise",
        Op::Max(_) => "max",
        Op::Gather(_) => "gather",
        Op::Unary(f) => f.name(),
        Op::Pointwise(_) => "pointwise",
    };
    graph.nodes.iter().map(|n| kind(&n.op)).collect()
}

fn start() -> (Graph, NodeId) {
    let mut graph = Graph::default();
    let x = graph.push("x", Op::Input, vec![], vec![1, 2, 4, 4]);
    graph.inputs.push(x);
    (graph, x)
}

const PRODUCT: fn() -> Op = || Op::Elementwise { ca: vec![0.0], cb: 0.0, cm: 1.0, c: vec![0.0] };

#[test]
fn batch_normalisation_joins_the_convolution() {
    let (mut graph, x) = start();
    let y = graph.push("conv", conv(2, 3), vec![x], vec![1, 3, 4, 4]);
    let each: Vec<f32> = (0..48).map(|i| 1.0 + (i / 16) as f32).collect();
    let y = graph.push("bn", Op::Elementwise { ca: each.clone(), cb: 0.0, cm: 0.0, c: each }, vec![y], vec![1, 3, 4, 4]);
    let y = graph.push("relu", Op::Unary(Unary::Relu), vec![y], vec![1, 3, 4, 4]);
    graph.push_output("y", y);
    assert_eq!(kinds(&simplify(graph)), ["input", "linear", "Relu"]);
}

#[test]
fn residual_joins_the_convolution() {
    let (mut graph, x) = start();
    let a = graph.push("a", conv(2, 2), vec![x], vec![1, 2, 4, 4]);
    let b = graph.push("b", conv(2, 2), vec![x], vec![1, 2, 4, 4]);
    let sum = Op::Elementwise { ca: vec![1.0], cb: 1.0, cm: 0.0, c: vec![0.0] };
    let y = graph.push("both", sum.clone(), vec![a, b], vec![1, 2, 4, 4]);
    let y = graph.push("relu", Op::Unary(Unary::Relu), vec![y], vec![1, 2, 4, 4]);
    let z = graph.push("c", conv(2, 2), vec![y], vec![1, 2, 4, 4]);
    let z = graph.push("skip", sum, vec![y, z], vec![1, 2, 4, 4]);
    graph.push_output("y", z);
    let simple = simplify(graph);
    assert_eq!(kinds(&simple), ["input", "linear", "Relu", "linear"]);
    let terms = |i: usize| if let Op::Linear(l) = &simple.nodes[i].op { l.terms.len() } else { 0 };
    assert_eq!([terms(1), terms(3)], [2, 2]);
}

#[test]
fn composed_functions_are_one() {
    let (mut graph, x) = start();
    let shape = vec![1, 2, 4, 4];
    let y = graph.push("conv", conv(2, 2), vec![x], shape.clone());
    let s = graph.push("softplus", Op::Unary(Unary::Softplus), vec![y], shape.clone());
    let t = graph.push("tanh", Op::Unary(Unary::Tanh), vec![s], shape.clone());
    let m = graph.push("mish", PRODUCT(), vec![y, t], shape.clone());
    graph.push_output("y", m);
    assert_eq!(kinds(&simplify(graph)), ["input", "linear", "pointwise"]);
}

#[test]
fn relu_passes_pooling_and_reshape() {
    let (mut graph, x) = start();
    let y = graph.push("conv", conv(2, 2), vec![x], vec![1, 2, 4, 4]);
    let max = sworn_circuits::graph::Max { window: 4, windows: (0..32).collect() };
    let y = graph.push("pool", Op::Max(max), vec![y], vec![1, 2, 2, 2]);
    let flat = (0..8).map(|index| Source::Element { input: 0, index }).collect();
    let y = graph.push("flatten", Op::Gather(flat), vec![y], vec![1, 8]);
    let y = graph.push("relu", Op::Unary(Unary::Relu), vec![y], vec![1, 8]);
    graph.push_output("y", y);
    let simple = simplify(graph);
    assert_eq!(kinds(&simple)[..3], ["input", "linear", "Relu"]);
}

#[test]
fn an_offset_is_not_folded_into_padding() {
    let (mut graph, x) = start();
    let e = graph.push("shift", Op::Elementwise { ca: vec![2.0], cb: 0.0, cm: 0.0, c: vec![1.0] }, vec![x], vec![1, 2, 4, 4]);
    let y = graph.push("conv", conv(2, 2), vec![e], vec![1, 2, 4, 4]);
    graph.push_output("y", y);
    assert_eq!(kinds(&simplify(graph)), ["input", "elementwise", "linear"]);
}

#[test]
fn pads_and_concatenations_join_the_convolution() {
    let (mut graph, x) = start();
    let a = graph.push("a", conv(2, 2), vec![x], vec![1, 2, 4, 4]);
    let a = graph.push("relu", Op::Unary(Unary::Relu), vec![a], vec![1, 2, 4, 4]);
    let both = (0..64).map(|i| Source::Element { input: i / 32, index: i % 32 }).collect();
    let both = graph.push("concat", Op::Gather(both), vec![x, a], vec![1, 4, 4, 4]);
    let y = graph.push("b", conv(4, 2), vec![both], vec![1, 2, 4, 4]);
    let y = graph.push("tanh", Op::Unary(Unary::Tanh), vec![y], vec![1, 2, 4, 4]);
    let inside = |i: u32| (1..5).contains(&(i / 6 % 6)) && (1..5).contains(&(i % 6));
    let pad = |i: u32| {
        if inside(i) {
            Source::Element { input: 0, index: i / 36 * 16 + (i / 6 % 6 - 1) * 4 + i % 6 - 1 }
        } else {
            Source::Constant(0.0)
        }
    };
    let y = graph.push("pad", Op::Gather((0..72).map(pad).collect()), vec![y], vec![1, 2, 6, 6]);
    let y = graph.push("c", conv(2, 1), vec![y], vec![1, 1, 6, 6]);
    graph.push_output("y", y);
    assert_eq!(kinds(&simplify(graph)), ["input", "linear", "Relu", "linear", "Tanh", "linear"]);
}

#[test]
fn a_sum_passes_reshapes() {
    let (mut graph, x) = start();
    let flat = || Op::Gather((0..32).map(|index| Source::Element { input: 0, index }).collect());
    let a = graph.push("a", conv(2, 2), vec![x], vec![1, 2, 4, 4]);
    let p = graph.push("p", flat(), vec![x], vec![1, 2, 16]);
    let q = graph.push("q", flat(), vec![a], vec![1, 2, 16]);
    let y = graph.push("sum", Op::Elementwise { ca: vec![1.0], cb: 1.0, cm: 0.0, c: vec![0.0] }, vec![p, q], vec![1, 2, 16]);
    graph.push_output("y", y);
    assert_eq!(kinds(&simplify(graph)), ["input", "linear", "gather"]);
}
