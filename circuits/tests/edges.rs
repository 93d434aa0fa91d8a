//! Unusual graphs: what is well formed has a layout and an honest witness that holds, and what is not is an error.
#![expect(clippy::unwrap_used, reason = "tests")]

mod build;

use build::satisfied::Assignment;
use build::{lie, Build, ConvSpec};
use sworn_circuits::column::IntColumn;
use sworn_circuits::error::{GraphError, LayoutError};
use sworn_circuits::graph::*;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_circuits::witness::Witness;

fn check((graph, inputs): (QuantGraph, Vec<Vec<i32>>)) -> Layout {
    let layout = Layout::new(&graph, Visibility::default()).unwrap();
    let witness = Witness::new(&graph, &layout, &inputs).unwrap();
    assert!(Assignment::new(&layout, &witness).holds());
    layout
}

fn refused(graph: &QuantGraph) {
    assert!(matches!(Layout::new(graph, Visibility::default()), Err(LayoutError::Graph(GraphError::Malformed { .. }))));
}

/// Pads a `[1, 1, h, w]` image below and on the right.
fn pad(b: &mut Build, x: NodeId, to: [usize; 2], value: i32) -> NodeId {
    let [h, w] = [b.shape(x)[2], b.shape(x)[3]];
    let source = |i: usize| match (i / to[1], i % to[1]) {
        (r, c) if r < h && c < w => Source::Element { input: 0, index: (r * w + c) as u32 },
        _ => Source::Constant(value),
    };
    let sources = (0..to[0] * to[1]).map(source).collect();
    b.push("pad", Op::Gather(Gather { sources }), &[x], &[1, 1, to[0], to[1]])
}

/// Two paddings of one image by different constants are different images.
#[test]
fn paddings_by_different_constants() {
    for values in [[0, 9], [9, 0]] {
        let mut b = Build::new(6, 31);
        let x = b.input(&[1, 1, 3, 3]);
        let outputs = values.map(|value| {
            let p = pad(&mut b, x, [4, 4], value);
            b.conv(p, 2, ConvSpec::square(2, 1, 0), Activation::None)
        });
        check(b.finish(&outputs));
    }
}

#[test]
fn sums_of_paddings_by_different_constants() {
    let mut b = Build::new(6, 32);
    let x = b.input(&[1, 1, 3, 3]);
    let outputs = [0, 9].map(|value| {
        let p = pad(&mut b, x, [4, 4], value);
        b.reduce(p, 1, Activation::None)
    });
    check(b.finish(&outputs));
}

/// A function table that no node uses adds nothing to the range table: a remainder below zero is still rejected.
#[test]
fn unused_tables_are_no_ranges() {
    let mut b = Build::new(4, 33);
    let x = b.input(&[1, 3]);
    let y = b.dense(x, 2, Activation::None);
    b.table(f64::tanh);
    let (graph, inputs) = b.finish(&[y]);
    let layout = Layout::new(&graph, Visibility::default()).unwrap();
    let honest = Witness::new(&graph, &layout, &inputs).unwrap();
    assert!(Assignment::new(&layout, &honest).holds());
    let a = layout.shape.columns();
    for index in 0..2 {
        let (lane, row) = lie::public_lane(&layout, index, &a.units.u);
        for delta in [1, -1] {
            let mut lying = honest.clone();
            lie::add(&mut lying, a.units.u[lane], row, delta);
            lie::add(&mut lying, a.units.r[lane], row, -delta << graph.bits);
            lie::spread(&layout, &mut lying);
            lie::limbs(&layout, &mut lying);
            assert!(lie::recount(&layout, &mut lying).is_none());
            assert!(!Assignment::new(&layout, &lying).holds());
        }
    }
}

/// More distances between kernel elements than jumps have columns: they are composed of powers of 8.
#[test]
fn composed_jumps() {
    let mut b = Build::new(5, 46);
    let mut outputs = Vec::new();
    for width in [3, 8, 11, 13, 21] {
        let x = b.input(&[1, 1, 3, width]);
        let spec = ConvSpec { kernel: [3, 3], stride: [1, 2], pad: [1, 4, 1, 0], dilation: [1, 1 + width % 3], groups: 1 };
        outputs.push(b.conv(x, 2, spec, Activation::Relu));
        outputs.push(b.conv(x, 1, ConvSpec::square(2, 1, 1), Activation::None));
    }
    let layout = check(b.finish(&outputs));
    assert!(layout.shape.jumps.starts_with(&[1, 8]), "{:?}", layout.shape.jumps);
}

/// Values of both signs and full range, copied into the gather group beside each other and beside zeros.
#[test]
fn wide_values_are_copied() {
    let mut b = Build::new(6, 34);
    b.graph.tables.push(Table {
        name: "wide".into(),
        first: -32,
        values: (-32..32).map(|q| if q % 2 == 0 { 63 } else { -63 }).collect(),
        second: vec![],
    });
    let x = b.input(&[1, 2, 3, 3]);
    let wide = b.conv(x, 2, ConvSpec::square(1, 1, 0), Activation::Table(0));
    let transposed: Vec<Source> = (0..18u32).map(|i| Source::Element { input: 0, index: i / 9 * 9 + i % 3 * 3 + i / 3 % 3 }).collect();
    let t = b.push("transpose", Op::Gather(Gather { sources: transposed }), &[wide], &[1, 2, 3, 3]);
    let y = b.conv(t, 2, ConvSpec::square(3, 1, 1), Activation::None);
    let z = b.reduce(t, 2, Activation::None);
    check(b.finish(&[y, z]));
    // A concatenation of a signed and a rectified tensor.
    let mut b = Build::new(6, 35);
    let x = b.input(&[1, 1, 4, 4]);
    let r = b.conv(x, 1, ConvSpec::square(1, 1, 0), Activation::Relu);
    let sources = (0..32).map(|i| Source::Element { input: i % 2, index: i / 2 }).collect();
    let both = b.push("concat", Op::Gather(Gather { sources }), &[x, r], &[1, 2, 4, 4]);
    let y = b.conv(both, 2, ConvSpec::square(3, 1, 1), Activation::Relu);
    let (graph, mut inputs) = b.finish(&[y]);
    inputs[0].iter_mut().enumerate().for_each(|(i, v)| *v = if i % 2 == 0 { -30 } else { 30 });
    check((graph, inputs));
}

/// A kernel that reads padding only, one that is larger than the image, and one far outside of it.
#[test]
fn kernels_beside_the_image() {
    for (kernel, pad_before) in [([1, 1], [1, 1]), ([5, 7], [4, 2]), ([2, 2], [9, 0]), ([1, 3], [0, 12])] {
        for shape in [[1, 2, 1, 1], [1, 2, 2, 3], [2, 2, 2, 3]] {
            for out in [[1, 1], [2, 3]] {
                let mut b = Build::new(5, 36);
                let x = b.input(&shape);
                let spec = ConvSpec { kernel, stride: [2, 1], pad: [pad_before[0], pad_before[1], 0, 0], dilation: [1, 2], groups: 1 };
                let term = b.conv_term(2, 2, spec);
                let y = b.linear(Channels::First, vec![term], &[x], &[shape[0], 2, out[0], out[1]], 2, Activation::Relu);
                check(b.finish(&[y]));
            }
        }
    }
}

/// Outputs that are inputs, constants, repeated; nodes that nobody reads; one element.
#[test]
fn odd_outputs() {
    let mut b = Build::new(5, 37);
    let x = b.input(&[1]);
    let c = b.push("constant", Op::Gather(Gather { sources: vec![Source::Constant(-7), Source::Constant(0)] }), &[], &[2]);
    let unused = b.dense(x, 3, Activation::Relu);
    let _ = b.elementwise(unused, None, 3, 0, 0, Activation::None);
    let m = b.push("max", Op::Max(Max { window: 7, windows: vec![0; 14] }), &[c], &[2]);
    let d = b.dense(c, 2, Activation::None);
    check(b.finish(&[x, c, x, m, c, d]));
    let mut b = Build::new(15, 38);
    let x = b.input(&[1, 1, 1, 1]);
    let y = b.conv(x, 1, ConvSpec::square(1, 1, 0), Activation::None);
    let y = b.reduce(y, 1, Activation::Relu);
    check(b.finish(&[y]));
    let mut b = Build::new(4, 39);
    let x = b.input(&[2]);
    check(b.finish(&[x]));
}

/// Images of constants only, and products with them.
#[test]
fn constant_images() {
    let mut b = Build::new(5, 40);
    let x = b.input(&[1, 1, 2, 2]);
    let zeros = b.push("zeros", Op::Gather(Gather { sources: vec![Source::Constant(0); 4] }), &[], &[1, 1, 2, 2]);
    let mixed: Vec<Source> = (0..4).map(Source::Constant).collect();
    let mixed = b.push("constants", Op::Gather(Gather { sources: mixed }), &[], &[1, 1, 2, 2]);
    let terms = vec![b.conv_term(1, 1, ConvSpec::square(3, 1, 1)), Term::Scale(9), Term::Scale(-3)];
    let y = b.linear(Channels::First, terms, &[zeros, mixed, x], &[1, 1, 2, 2], 1, Activation::None);
    let z = b.elementwise(mixed, Some(y), 1, 2, 3, Activation::Relu);
    let m = b.max_pool(mixed, 2);
    check(b.finish(&[y, z, m]));
}

/// The largest integers that the bounds allow.
#[test]
fn huge_values() {
    let mut b = Build::new(15, 41);
    let x = b.input(&[1, 1, 3, 3]);
    let conv = Conv { weights: vec![i32::MAX; 9].into(), ..convolution([3, 3], [1, 1], [1, 1]) };
    let linear = Linear { channels: Channels::First, terms: vec![Term::Conv(conv)], bias: vec![-(1 << 61)], activation: Activation::None };
    let y = b.push("huge", Op::Linear(linear), &[x], &[1, 1, 3, 3]);
    let (graph, _) = b.finish(&[y]);
    let layout = Layout::new(&graph, Visibility::default()).unwrap();
    assert!(Witness::new(&graph, &layout, &[vec![16383; 9]]).is_err());
    // Border outputs are far outside the range of an activation.
    let mut b = Build::new(15, 42);
    let x = b.input(&[1, 1, 1, 2]);
    let conv = Conv { weights: vec![i32::MAX, i32::MIN + 1].into(), ..convolution([1, 2], [1, 1], [0, 0]) };
    let linear = Linear { channels: Channels::First, terms: vec![Term::Conv(conv)], bias: vec![5], activation: Activation::Relu };
    let y = b.push("huge", Op::Linear(linear), &[x], &[1, 1, 1, 1]);
    let z = b.push("copy", Op::Gather(Gather { sources: vec![Source::Element { input: 0, index: 0 }; 3] }), &[y], &[1, 1, 1, 3]);
    let z = b.conv(z, 1, ConvSpec::square(1, 1, 0), Activation::None);
    let (graph, _) = b.finish(&[z]);
    check((graph, vec![vec![16383, 16383]]));
}

fn convolution(kernel: [usize; 2], stride: [usize; 2], pad_before: [usize; 2]) -> Conv {
    Conv::new(kernel, stride, pad_before, [1, 1], 1, vec![])
}

/// A stride that is larger than the image splits it into no more phases than it has pixels.
#[test]
fn huge_strides() {
    let mut b = Build::new(5, 43);
    let x = b.input(&[1, 2, 3, 3]);
    let spec = ConvSpec { kernel: [3, 3], stride: [1_000_000, 70_000], pad: [0; 4], dilation: [1, 1], groups: 2 };
    let y = b.conv(x, 2, spec, Activation::None);
    check(b.finish(&[y]));
}

/// Sizes that overflow are errors.
#[test]
fn overflows_are_refused() {
    let graph = |change: &dyn Fn(&mut QuantGraph)| {
        let mut b = Build::new(5, 44);
        let x = b.input(&[1, 1, 2, 2]);
        let y = b.conv(x, 1, ConvSpec::square(1, 1, 0), Activation::None);
        let mut graph = b.finish(&[y]).0;
        change(&mut graph);
        graph
    };
    let conv = |g: &mut QuantGraph, change: &dyn Fn(&mut Conv)| {
        let Op::Linear(l) = &mut g.nodes[1].op else { return };
        let Term::Conv(c) = &mut l.terms[0] else { return };
        change(c);
    };
    let huge = usize::MAX / 2 + 1;
    refused(&graph(&|g| g.nodes[0].shape = vec![huge, 1, 2, 2]));
    refused(&graph(&|g| g.nodes[1].shape = vec![1, 1, huge, 2]));
    refused(&graph(&|g| conv(g, &|c| c.kernel = [huge, 2])));
    refused(&graph(&|g| conv(g, &|c| c.pad_before = [huge, 0])));
    refused(&graph(&|g| conv(g, &|c| c.pad_before = [0, usize::MAX])));
    refused(&graph(&|g| (conv(g, &|c| c.stride = [huge, huge]), g.nodes[1].shape = vec![1, 1, 2, 2]).1));
    refused(&graph(&|g| conv(g, &|c| (c.kernel, c.dilation, c.weights) = ([2, 1], [huge, 1], vec![1, 1].into()))));
    refused(&graph(&|g| conv(g, &|c| c.weights = IntColumn::I64(vec![1]))));
    refused(&graph(&|g| g.inputs.push(NodeId(0))));
    refused(&graph(&|g| g.inputs = vec![NodeId(1)]));
    refused(&graph(&|g| g.nodes.push(Node { op: Op::Input, inputs: vec![], ..g.nodes[0].clone() })));
    refused(&graph(&|g| {
        let op = Op::Reduce(Reduce { inner: huge, factor: 1, activation: Activation::None });
        g.nodes.push(Node { name: "r".into(), op, inputs: vec![NodeId(0)], shape: vec![8], scale: 1.0, shift: g.bits });
    }));
    refused(&graph(&|g| {
        let op = Op::Max(Max { window: huge, windows: vec![] });
        g.nodes.push(Node { name: "m".into(), op, inputs: vec![NodeId(0)], shape: vec![2], scale: 1.0, shift: g.bits });
    }));
}

/// Many weights for few activations: the rows of weights decide.
#[test]
fn weights_need_more_rows_than_units() {
    let mut b = Build::new(4, 45);
    let x = b.input(&[1, 1]);
    let sources = vec![Source::Element { input: 0, index: 0 }; 5000];
    let wide = b.push("repeat", Op::Gather(Gather { sources }), &[x], &[1, 5000]);
    let y = b.dense(wide, 1025, Activation::None);
    let (graph, _) = b.finish(&[y]);
    let layout = Layout::new(&graph, Visibility::default()).unwrap();
    assert!(layout.usable_rows() >= layout.estimate.weight_rows && layout.estimate.weight_rows >= 10_000);
}
