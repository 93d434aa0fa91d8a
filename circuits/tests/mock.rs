//! Every operation as a circuit: the honest witness satisfies MockProver, and its outputs are the interpreter's.
#![expect(clippy::unwrap_used, reason = "tests")]

mod build;

use build::{Build, ConvSpec};
use halo2_proofs::dev::MockProver;
use sworn_circuits::circuit::SwornCircuit;
use sworn_circuits::graph::*;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_circuits::witness::Witness;

fn check((graph, inputs): (QuantGraph, Vec<Vec<i32>>)) -> Layout {
    let visibility = Visibility { input: true, pack_public: false };
    let layout = Layout::new(&graph, visibility).unwrap();
    let witness = Witness::new(&graph, &layout, &inputs).unwrap();
    let circuit = SwornCircuit { layout: &layout, witness: Some(&witness) };
    let prover = MockProver::run(layout.log_rows, &circuit, vec![witness.instance()]).unwrap();
    if let Err(failures) = prover.verify() {
        panic!("{} failures, first: {}", failures.len(), failures[0]);
    }
    layout
}

/// The same with inputs divided by a number.
fn check_within((graph, mut inputs): (QuantGraph, Vec<Vec<i32>>), divisor: i32) -> Layout {
    inputs.iter_mut().flatten().for_each(|value| *value /= divisor);
    check((graph, inputs))
}

#[test]
fn dense_layers() {
    let mut b = Build::new(6, 1);
    let x = b.input(&[1, 5]);
    let y = b.dense(x, 7, Activation::Relu);
    let y = b.dense(y, 3, Activation::None);
    check(b.finish(&[y]));
}

#[test]
fn convolution_and_dense() {
    let mut b = Build::new(7, 2);
    let x = b.input(&[1, 2, 6, 6]);
    let y = b.conv(x, 3, ConvSpec::square(3, 1, 1), Activation::Relu);
    let y = b.conv(y, 2, ConvSpec::square(3, 1, 0), Activation::Relu);
    let y = b.flatten(y);
    let y = b.dense(y, 4, Activation::None);
    check(b.finish(&[y]));
}

#[test]
fn max_pools() {
    let mut b = Build::new(7, 3);
    let x = b.input(&[1, 2, 9, 9]);
    let y = b.conv(x, 3, ConvSpec::square(3, 1, 1), Activation::Relu);
    let y = b.max_pool(y, 3);
    let y = b.conv(y, 2, ConvSpec::square(2, 1, 0), Activation::None);
    let y = b.max_pool(y, 2);
    check(b.finish(&[y]));
}

#[test]
fn strides_residuals_and_sums() {
    let mut b = Build::new(7, 4);
    let x = b.input(&[1, 3, 7, 7]);
    let y = b.conv(x, 4, ConvSpec::square(3, 1, 1), Activation::Relu);
    let shape = [1, 4, 4, 4];
    let z = b.conv(y, 4, ConvSpec::square(3, 2, 1), Activation::Relu);
    let terms = vec![b.conv_term(4, 4, ConvSpec::square(3, 1, 1)), b.conv_term(4, 4, ConvSpec::square(1, 2, 0))];
    let s = b.linear(Channels::First, terms, &[z, y], &shape, 4, Activation::None);
    let terms = vec![b.conv_term(4, 4, ConvSpec::square(3, 1, 1)), Term::Scale(60)];
    let s = b.linear(Channels::First, terms, &[s, s], &shape, 4, Activation::Relu);
    let p = b.reduce(s, 4, Activation::None);
    let y = b.dense(p, 3, Activation::None);
    check(b.finish(&[y]));
}

#[test]
fn depthwise_and_grouped() {
    let mut b = Build::new(7, 5);
    let x = b.input(&[1, 4, 6, 5]);
    let y = b.conv(x, 4, ConvSpec::square(3, 1, 1).grouped(4), Activation::Relu);
    let y = b.conv(y, 6, ConvSpec::square(3, 2, 1).grouped(2), Activation::Relu);
    let y = b.conv(y, 2, ConvSpec::square(1, 1, 0), Activation::None);
    check(b.finish(&[y]));
}

#[test]
fn elementwise_and_tables() {
    let mut b = Build::new(6, 6);
    let tanh = b.table(f64::tanh);
    let square = b.table(|x| x * x);
    let x = b.input(&[1, 2, 4, 3]);
    let y = b.elementwise(x, None, 64, 0, 0, tanh);
    let z = b.conv(y, 2, ConvSpec::square(3, 1, 1), square);
    let s = b.elementwise(z, Some(y), 20, -30, 0, Activation::Relu);
    let p = b.elementwise(s, Some(z), 0, 0, 1, Activation::None);
    let p = b.conv(p, 2, ConvSpec::square(2, 1, 0), tanh);
    let p = b.reduce(p, 2, tanh);
    check(b.finish(&[p, s]));
}

#[test]
fn gathers_constants_and_batches() {
    let mut b = Build::new(6, 7);
    let x = b.input(&[2, 2, 4, 4]);
    let y = b.conv(x, 3, ConvSpec::square(3, 1, 1), Activation::Relu);
    // Transpose height and width, with a constant in one corner.
    let mut sources: Vec<Source> = (0..96u32).map(|i| Source::Element { input: 0, index: i / 16 * 16 + i % 4 * 4 + i / 4 % 4 }).collect();
    sources[5] = Source::Constant(9);
    let t = b.push("transpose", Op::Gather(Gather { sources }), &[y], &[2, 3, 4, 4]);
    let z = b.conv(t, 2, ConvSpec::square(3, 2, 1), Activation::None);
    let n = 2 * 2 * 2 * 2;
    let flat = b.push("reshape", Op::Gather(Gather::identity(n)), &[z], &[4, 4]);
    let d = b.dense(flat, 3, Activation::Relu);
    let d = b.dense(d, 2, Activation::None);
    check(b.finish(&[d]));
}

#[test]
fn one_dimensional_and_dilated() {
    let mut b = Build::new(6, 8);
    let x = b.input(&[1, 3, 1, 11]);
    let spec = ConvSpec { kernel: [1, 3], stride: [1, 1], pad: [0, 2, 0, 2], dilation: [1, 2], groups: 1 };
    let y = b.conv(x, 2, spec, Activation::Relu);
    let spec = ConvSpec { kernel: [1, 4], stride: [1, 3], pad: [0, 1, 0, 0], dilation: [1, 1], groups: 1 };
    let y = b.conv(y, 5, spec, Activation::None);
    check(b.finish(&[y]));
}

#[test]
fn products() {
    let mut b = Build::new(8, 20);
    let (x, y) = (b.input(&[2, 3, 4]), b.input(&[2, 4, 5]));
    let z = b.product(x, y, 8, Activation::Relu);
    let narrow = b.product(x, y, 5, Activation::Relu);
    check_within(b.finish(&[z, narrow]), 32);
}

#[test]
fn norms() {
    let mut b = Build::new(8, 21);
    let x = b.input(&[3, 6]);
    let y = b.norm(x);
    let z = b.dense(y, 4, Activation::Relu);
    let row = b.input(&[1, 7]);
    let alone = b.norm(row);
    check(b.finish(&[z, alone]));
}

#[test]
fn probabilities() {
    let mut b = Build::new(9, 22);
    let x = b.input(&[4, 6]);
    let y = b.softmax_of(x);
    check_within(b.finish(&[y]), 4);
}

#[test]
fn attention() {
    for causal in [false, true] {
        let mut b = Build::new(9, 23);
        let (q, k, v) = (b.input(&[5, 8]), b.input(&[5, 8]), b.input(&[5, 8]));
        let (q, k, v) = (b.heads(q, 2, false), b.heads(k, 2, true), b.heads(v, 2, false));
        let weights = b.softmax(q, k, 9, causal);
        let context = b.product(weights, v, 7, Activation::None);
        let context = b.merged(context);
        check_within(b.finish(&[context]), 8);
    }
}

#[test]
fn transformers() {
    for (positions, width, heads, causal) in [(4, 8, 2, true), (6, 4, 1, false), (5, 12, 3, true), (1, 8, 2, false)] {
        let mut b = Build::new(10, 24);
        let x = b.input(&[positions, width]);
        let y = b.transformer(x, heads, causal);
        let y = b.transformer(y, heads, causal);
        let y = b.norm(y);
        let y = b.dense(y, 3, Activation::None);
        check_within(b.finish(&[y]), 4);
    }
}
