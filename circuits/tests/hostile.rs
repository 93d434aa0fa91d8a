//! Graphs of bytes of any origin: an error, or a graph that is laid out and run without a panic, in the memory that it was given.

mod build;

use build::{Build, ConvSpec};
use sworn_circuits::column::IntColumn;
use sworn_circuits::error::LayoutError;
use sworn_circuits::graph::*;
use sworn_circuits::layout::{Choice, Layout, LayoutProfile, Visibility};
use sworn_circuits::memory::{peak_bytes, Budget};
use sworn_circuits::witness::Witness;

const VISIBILITY: Visibility = Visibility { input: true, pack_public: true };
/// Bytes that a hostile graph may take.
const ROOM: u64 = 64 << 20;

/// Resident bytes from now, and then no more than [`ROOM`].
fn budget() -> Budget {
    Budget::limited(sworn_circuits::memory::resident_bytes().unwrap_or(0) + ROOM)
}

/// Decodes, lays out and runs; whether it is a graph.
fn run(bytes: &[u8]) -> bool {
    let Ok(graph) = QuantGraph::from_bytes(bytes, budget()) else { return false };
    let Ok(layout) = Layout::within(&graph, VISIBILITY, LayoutProfile::Plain, budget()) else { return false };
    let inputs: Vec<Vec<i32>> = graph.inputs.iter().map(|&id| vec![1; graph.node(id).elements()]).collect();
    let _ = Witness::new(&graph, &layout, &inputs);
    true
}

/// Every operation, small.
fn models() -> Vec<QuantGraph> {
    let mut b = Build::new(6, 3);
    let x = b.input(&[1, 2, 4, 4]);
    let table = b.table(f64::tanh);
    let y = b.conv(x, 2, ConvSpec::square(3, 1, 1), table);
    let y = b.conv(y, 2, ConvSpec::square(2, 2, 0).grouped(2), Activation::Relu);
    let z = b.max_pool(x, 2);
    let sum = b.elementwise(y, Some(z), 5, 3, 1, Activation::None);
    let flat = b.flatten(sum);
    let mean = b.reduce(flat, 2, Activation::None);
    let out = b.dense(flat, 2, Activation::None);
    let (images, _) = b.finish(&[out, mean]);
    let mut b = Build::new(8, 4);
    let x = b.input(&[1, 3]);
    let y = b.dense(x, 2, Activation::Relu);
    let (dense, _) = b.finish(&[y]);
    vec![images, dense]
}

/// Where in the encoding a byte stands does not matter: each is set to what changes it most, and the rest is cut off behind it.
#[test]
fn changed_and_cut_bytes() {
    let mut graphs = 0;
    for model in models() {
        let bytes = model.to_bytes();
        assert!(run(&bytes));
        for at in 0..bytes.len() {
            assert!(!run(&bytes[..at]), "cut at {at}");
            for value in [0, 1, 2, 0x7f, 0x80, 0xff, bytes[at] ^ 1, bytes[at] ^ 0x40] {
                let mut changed = bytes.clone();
                changed[at] = value;
                graphs += usize::from(run(&changed));
            }
            // A number of five bytes instead of one: lengths, indices and dimensions of up to 2^32.
            let long: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];
            for number in [&long[..], &long[1..], &long[2..]] {
                graphs += usize::from(run(&[&bytes[..at], number, &bytes[at + 1..]].concat()));
            }
        }
        assert!(QuantGraph::from_bytes(&[bytes.as_slice(), &[0]].concat(), Budget::SYSTEM).is_err(), "bytes behind the graph");
    }
    assert!(graphs > 100, "{graphs} changes made another graph");
}

#[test]
fn random_graphs_have_one_encoding_and_fit_their_measure() {
    for seed in 0..40 {
        let (graph, _) = Build::any_graph(4 + (seed % 3) as u32, seed);
        if sworn_circuits::layout::bounds::check(&graph).is_ok() {
            assert_eq!(QuantGraph::from_bytes(&graph.to_bytes(), Budget::SYSTEM).unwrap(), graph);
        }
    }
}

/// A node with no name and no inputs but these.
fn node(op: Op, inputs: &[usize], shape: &[usize]) -> Node {
    Node { name: String::new(), op, inputs: inputs.iter().map(|&i| NodeId(i)).collect(), shape: shape.to_vec(), scale: 1.0, shift: 4 }
}

fn graph(nodes: Vec<Node>) -> QuantGraph {
    let last = nodes.len() - 1;
    QuantGraph { bits: 4, nodes, inputs: vec![NodeId(0)], outputs: vec![Output::new(NodeId(last), "y")], tables: vec![] }
}

fn linear(channels: Channels, term: Term, outputs: usize) -> Op {
    Op::Linear(Linear { channels, terms: vec![term], bias: vec![0; outputs], activation: Activation::None })
}

/// One weight that moves the image by almost a billion slots, on layers with a thousand channels before it.
fn spaced() -> QuantGraph {
    let wide = |outputs: usize, inputs: usize| Term::Conv(Conv::new([1, 1], [1, 1], [0, 0], [1, 1], 1, vec![0; outputs * inputs]));
    let far = Term::Conv(Conv::new([1, 2], [1, 1], [0, 0], [1, 1 << 28], 1, vec![1; 2]));
    graph(vec![
        node(Op::Input, &[], &[1, 1024, 1, 2]),
        node(linear(Channels::First, wide(1, 1024), 1), &[0], &[1, 1, 1, 2]),
        node(linear(Channels::First, far, 1), &[1], &[1, 1, 1, 2]),
    ])
}

/// A few bytes that state shapes of 2^28 elements: refused for the memory that they would take, which is not taken.
#[test]
fn bombs_are_refused_for_their_memory() {
    let large = &[1, 1, 1 << 14, 1 << 14];
    let unit = || Op::Elementwise(Elementwise { ca: vec![1], cb: 0, cm: 0, c: vec![0], activation: Activation::None });
    let scale = || linear(Channels::First, Term::Scale(1), 1);
    let strided = Term::Conv(Conv::new([1, 1], [1 << 14, 1 << 14], [0, 0], [1, 1], 1, vec![1]));
    let bombs = [
        graph(vec![node(Op::Input, &[], large)]),
        graph(vec![node(Op::Input, &[], &[2]), node(unit(), &[0], &[2]), node(Op::Input, &[], large)]),
        graph(vec![node(Op::Input, &[], large), node(unit(), &[0], large)]),
        graph(vec![node(Op::Input, &[], large), node(scale(), &[0], large)]),
        graph(vec![node(Op::Input, &[], large), node(linear(Channels::First, strided, 1), &[0], &[1, 1, 1, 1])]),
        graph(vec![
            node(Op::Input, &[], large),
            node(Op::Reduce(Reduce { inner: 1 << 28, factor: 1, activation: Activation::None }), &[0], &[1]),
        ]),
        spaced(),
    ];
    for (index, mut bomb) in bombs.into_iter().enumerate() {
        let is_input = |node: &Node| node.op == Op::Input;
        bomb.inputs = (0..bomb.nodes.len()).filter(|&i| is_input(&bomb.nodes[i])).map(NodeId).collect();
        let bytes = bomb.to_bytes();
        assert!(bytes.len() < 2500, "{}", bytes.len());
        let graph = QuantGraph::from_bytes(&bytes, budget()).unwrap();
        for profile in [LayoutProfile::Plain, LayoutProfile::Onchain] {
            let refused = Layout::within(&graph, VISIBILITY, profile, budget()).unwrap_err();
            assert!(matches!(refused, LayoutError::Memory(_) | LayoutError::TooLarge { .. }), "bomb {index}: {refused}");
        }
        let choice = Choice { log_rows: 24, lanes: 48, weight_lanes: 1, limbs: 1, pack: 1 };
        let refused = Layout::restore_within(&graph, VISIBILITY, choice, budget()).unwrap_err();
        assert!(matches!(refused, LayoutError::Memory(_) | LayoutError::TooLarge { .. }), "bomb {index}: {refused}");
    }
    // Tests of this file may run beside each other in one process.
    assert!(peak_bytes().unwrap_or(0) < 8 * ROOM, "{:?}", peak_bytes());
}

/// Bytes that stand for a hundred times as many in memory are counted before they are read.
#[test]
fn long_vectors_are_measured_first() {
    let mut model = models().remove(1);
    let many = vec![Term::Scale(0); 1 << 20];
    if let Op::Linear(linear) = &mut model.nodes[1].op {
        linear.terms = many;
    }
    let refused = QuantGraph::from_bytes(&model.to_bytes(), budget());
    assert!(matches!(refused, Err(DecodeError::Memory(_))), "{refused:?}");
    // And a vector that the file does not back is none.
    let stated = [&[4u8, 1, 1, b'n', 1, 0][..], &[0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    assert!(matches!(QuantGraph::from_bytes(&stated, budget()), Err(DecodeError::Encoding)));
}

/// A circuit longer than its model needs, or a reference string: a key may state any.
#[test]
fn no_choice_is_larger_than_its_model_needs() {
    for model in models() {
        let chosen = Layout::new(&model, VISIBILITY).unwrap().choice();
        for choice in
            [Choice { log_rows: 24, ..chosen }, Choice { log_rows: 24, pack: 16, ..chosen }, Choice { log_rows: 20, pack: 256, ..chosen }]
        {
            assert!(matches!(Layout::restore(&model, VISIBILITY, choice), Err(LayoutError::Choice)), "{choice:?}");
        }
        assert!(Layout::restore(&model, VISIBILITY, Choice { log_rows: chosen.log_rows + 1, pack: 4, ..chosen }).is_ok());
    }
}

#[test]
fn scales_are_positive_and_weights_whole() {
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut model = models().remove(1);
        model.nodes[1].scale = scale;
        assert!(QuantGraph::from_bytes(&model.to_bytes(), Budget::SYSTEM).is_err(), "{scale}");
    }
    let mut model = models().remove(1);
    if let Op::Linear(Linear { terms, .. }) = &mut model.nodes[1].op {
        terms[0] = Term::Conv(Conv { weights: IntColumn::I64(vec![1; 6]), ..Conv::dense(vec![]) });
    }
    assert!(QuantGraph::from_bytes(&model.to_bytes(), Budget::SYSTEM).is_err());
}
