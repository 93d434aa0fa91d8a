//! Graphs for tests of whole proofs.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, missing_docs, clippy::allow_attributes)]

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sworn_circuits::graph::*;
use sworn_circuits::layout::{Choice, Layout, LayoutProfile, Visibility};
use sworn_prover::{about, setup, Backend, Progress, Proof, ProveError, Prover, ProvingKey, Srs};
use sworn_verifier::Context;

#[path = "../../../circuits/tests/build/mod.rs"]
pub mod build;

pub mod naive;

use build::{Build, ConvSpec};

/// A graph with inputs.
pub struct Model {
    pub name: &'static str,
    pub graph: QuantGraph,
    pub inputs: Vec<Vec<i32>>,
    pub visibility: Visibility,
}

/// A model with its layout, reference string and key.
pub struct Keyed {
    pub name: &'static str,
    pub inputs: Vec<Vec<i32>>,
    pub srs: Srs,
    pub key: ProvingKey,
}

impl Model {
    fn new(name: &'static str, (graph, mut inputs): (QuantGraph, Vec<Vec<i32>>), public: bool) -> Self {
        // Smaller inputs until every value is in its range.
        while graph.evaluate(&inputs).is_err() {
            assert!(inputs.iter().flatten().any(|&v| v != 0), "{name} has no inputs in range");
            inputs.iter_mut().flatten().for_each(|v| *v /= 2);
        }
        Self { name, graph, inputs, visibility: Visibility { input: public, pack_public: false } }
    }

    /// With packed public values.
    pub fn with_packed_public(mut self) -> Self {
        self.visibility.pack_public = true;
        self
    }

    pub fn layout(&self) -> Layout {
        Layout::new(&self.graph, self.visibility).unwrap()
    }

    pub fn keyed(&self) -> Keyed {
        self.keyed_as(self.layout())
    }

    /// With the same layout in packs.
    pub fn packed(&self, pack: usize) -> Keyed {
        let choice = Choice { pack, ..self.layout().choice() };
        self.keyed_as(Layout::restore(&self.graph, self.visibility, choice).unwrap())
    }

    pub fn onchain(&self) -> Keyed {
        self.profiled(LayoutProfile::Onchain)
    }

    pub fn profiled(&self, profile: LayoutProfile) -> Keyed {
        self.keyed_as(Layout::with_profile(&self.graph, self.visibility, profile).unwrap())
    }

    pub fn keyed_as(&self, layout: Layout) -> Keyed {
        let srs = Srs::dev(layout.choice().log_powers()).unwrap();
        let key = setup(self.graph.clone(), self.visibility, layout, about(self.name, &self.graph), &srs).unwrap();
        Keyed { name: self.name, inputs: self.inputs.clone(), srs, key }
    }
}

impl Keyed {
    pub fn prover<B: Backend>(&self, backend: B) -> Prover<B, &ProvingKey> {
        Prover::new(backend, &self.key, &self.srs).unwrap()
    }

    pub fn prove<B: Backend>(&self, backend: B, seed: u64) -> Proof {
        self.prove_in(Context::NONE, backend, seed)
    }

    pub fn prove_in<B: Backend>(&self, context: Context, backend: B, seed: u64) -> Proof {
        let rng = ChaCha20Rng::seed_from_u64(seed);
        self.prover(backend).prove(context, &self.inputs, rng, &mut |_, _| ControlFlow::Continue(())).unwrap()
    }
}

pub fn prove<B: Backend>(
    prover: &Prover<B, &ProvingKey>,
    inputs: &[Vec<i32>],
    seed: u64,
    progress: &mut Progress<'_>,
) -> Result<Proof, ProveError> {
    prover.prove(Context::NONE, inputs, ChaCha20Rng::seed_from_u64(seed), progress)
}

/// `relu` of a dense layer on four inputs: 16 weights. Every weight is `weight`.
pub fn tiny(weight: i32, bias: [i64; 4], inputs: [i32; 4]) -> Model {
    let node = |name: &str, op, inputs, shape: Vec<usize>| Node { name: name.into(), op, inputs, shape, scale: 0.25, shift: 7 };
    let terms = vec![Term::Conv(Conv::dense(vec![weight; 16]))];
    let linear = Linear { channels: Channels::Last, terms, bias: bias.to_vec(), activation: Activation::Relu };
    let graph = QuantGraph {
        bits: 7,
        nodes: vec![node("x", Op::Input, vec![], vec![1, 4]), node("y", Op::Linear(linear), vec![NodeId(0)], vec![1, 4])],
        inputs: vec![NodeId(0)],
        outputs: vec![Output::new(NodeId(1), "y")],
        tables: vec![],
    };
    Model::new("tiny", (graph, vec![inputs.to_vec()]), false)
}

pub fn convolution() -> Model {
    let mut b = Build::new(6, 2);
    let x = b.input(&[1, 2, 5, 5]);
    let y = b.conv(x, 3, ConvSpec::square(3, 1, 1), Activation::Relu);
    let y = b.conv(y, 2, ConvSpec::square(3, 1, 0), Activation::Relu);
    let y = b.flatten(y);
    let y = b.dense(y, 4, Activation::None);
    Model::new("convolution", b.finish(&[y]), true)
}

pub fn residual() -> Model {
    let mut b = Build::new(7, 4);
    let x = b.input(&[1, 3, 6, 6]);
    let y = b.conv(x, 4, ConvSpec::square(3, 1, 1), Activation::Relu);
    let z = b.conv(y, 4, ConvSpec::square(3, 2, 1), Activation::Relu);
    let terms = vec![b.conv_term(4, 4, ConvSpec::square(3, 1, 1)), b.conv_term(4, 4, ConvSpec::square(1, 2, 0))];
    let s = b.linear(Channels::First, terms, &[z, y], &[1, 4, 3, 3], 4, Activation::None);
    let terms = vec![b.conv_term(4, 4, ConvSpec::square(3, 1, 1)), Term::Scale(60)];
    let s = b.linear(Channels::First, terms, &[s, s], &[1, 4, 3, 3], 4, Activation::Relu);
    let p = b.reduce(s, 4, Activation::None);
    let y = b.dense(p, 3, Activation::None);
    Model::new("stride, residual, reduce", b.finish(&[y]), false)
}

pub fn grouped() -> Model {
    let mut b = Build::new(7, 5);
    let x = b.input(&[1, 4, 6, 5]);
    let y = b.conv(x, 4, ConvSpec::square(3, 1, 1).grouped(4), Activation::Relu);
    let y = b.conv(y, 6, ConvSpec::square(3, 2, 1).grouped(2), Activation::Relu);
    let y = b.conv(y, 2, ConvSpec::square(1, 1, 0), Activation::None);
    Model::new("grouped", b.finish(&[y]), false)
}

pub fn maxima() -> Model {
    let mut b = Build::new(7, 3);
    let x = b.input(&[1, 2, 6, 6]);
    let y = b.conv(x, 3, ConvSpec::square(3, 1, 1), Activation::Relu);
    let y = b.max_pool(y, 3);
    let y = b.conv(y, 2, ConvSpec::square(2, 1, 0), Activation::None);
    Model::new("maxima", b.finish(&[y]), true)
}

pub fn elementwise_and_tables() -> Model {
    let mut b = Build::new(6, 6);
    let tanh = b.table(f64::tanh);
    let square = b.table(|x| x * x);
    let x = b.input(&[1, 2, 4, 3]);
    let y = b.elementwise(x, None, 64, 0, 0, tanh);
    let z = b.conv(y, 2, ConvSpec::square(3, 1, 1), square);
    let s = b.elementwise(z, Some(y), 20, -30, 0, Activation::Relu);
    let p = b.elementwise(s, Some(z), 0, 0, 1, Activation::None);
    let p = b.reduce(p, 2, tanh);
    Model::new("elementwise, tables", b.finish(&[p, s]), false)
}

pub fn gathers() -> Model {
    let mut b = Build::new(6, 7);
    let x = b.input(&[2, 2, 4, 4]);
    let y = b.conv(x, 3, ConvSpec::square(3, 1, 1), Activation::Relu);
    // Transpose height and width, with a constant in one corner; then one tensor behind the other.
    let mut sources: Vec<Source> = (0..96u32).map(|i| Source::Element { input: 0, index: i / 16 * 16 + i % 4 * 4 + i / 4 % 4 }).collect();
    sources[5] = Source::Constant(9);
    let t = b.push("transpose", Op::Gather(Gather { sources }), &[y], &[2, 3, 4, 4]);
    let sources = (0..160u32).map(|i| Source::Element { input: i / 96, index: i % 96 }).collect();
    let c = b.push("concat", Op::Gather(Gather { sources }), &[t, x], &[1, 5, 4, 8]);
    let z = b.conv(c, 2, ConvSpec::square(3, 2, 1), Activation::None);
    Model::new("gathers", b.finish(&[z]), false)
}

/// Many bits: range checks of two limbs.
pub fn two_limbs() -> Model {
    let mut b = Build::new(12, 9);
    let x = b.input(&[1, 6]);
    let y = b.dense(x, 5, Activation::Relu);
    let y = b.dense(y, 3, Activation::None);
    Model::new("two limbs", b.finish(&[y]), true)
}

/// Packed public values: two for the input, one for each output: relu, maxima, a table, constants.
pub fn packed_public() -> Model {
    let mut b = Build::new(6, 13);
    let tanh = b.table(f64::tanh);
    let x = b.input(&[1, 1, 8, 8]);
    let y = b.conv(x, 1, ConvSpec::square(3, 2, 1), Activation::Relu);
    let m = b.max_pool(x, 2);
    let flat = b.flatten(y);
    let t = b.dense(flat, 5, tanh);
    let sources = vec![Source::Constant(-63), Source::Element { input: 0, index: 3 }, Source::Constant(63)];
    let c = b.push("constants", Op::Gather(Gather { sources }), &[m], &[3]);
    Model::new("packed public", b.finish(&[y, m, t, c]), true).with_packed_public()
}

/// Attention of two heads behind a mask, norms, products, residuals that lie position by position.
pub fn transformer() -> Model {
    let mut b = Build::new(8, 24);
    let x = b.input(&[4, 4]);
    let y = b.transformer(x, 2, true);
    let (graph, mut inputs) = b.finish(&[y]);
    inputs.iter_mut().flatten().for_each(|value| *value /= 4);
    Model::new("transformer", (graph, inputs), true)
}

/// As many columns as the largest benchmark models have: LeNet on 28×28 pixels.
pub fn wide() -> Model {
    let mut b = Build::new(7, 12);
    let x = b.input(&[1, 1, 28, 28]);
    let y = b.conv(x, 6, ConvSpec::square(5, 1, 2), Activation::Relu);
    let y = b.max_pool(y, 2);
    let y = b.conv(y, 16, ConvSpec::square(5, 1, 0), Activation::Relu);
    let y = b.max_pool(y, 2);
    let y = b.flatten(y);
    let y = b.dense(y, 120, Activation::Relu);
    let y = b.dense(y, 84, Activation::Relu);
    let y = b.dense(y, 10, Activation::None);
    Model::new("wide", b.finish(&[y]), false)
}

/// Every kind of operation.
pub fn all() -> Vec<Model> {
    let named = [convolution(), residual(), grouped(), maxima(), elementwise_and_tables(), gathers(), two_limbs(), packed_public()];
    let random = [3, 11].map(|seed| Model::new("random", Build::any_graph(5, seed), seed % 2 == 0));
    named.into_iter().chain(random).collect()
}
