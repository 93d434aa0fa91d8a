//! Small random graphs for tests.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, missing_docs, clippy::allow_attributes)]
#![allow(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

use sworn_circuits::graph::*;

pub mod attention;
pub mod lie;
pub mod random;
pub mod satisfied;

/// A small deterministic generator (splitmix64).
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }
}

/// Changes the weights of a convolution.
pub fn change_weights(conv: &mut Conv, change: impl FnOnce(&mut [i32])) {
    let mut weights: Vec<i32> = conv.weights.to_vec().into_iter().map(|w| w as i32).collect();
    change(&mut weights);
    conv.weights = weights.into();
}

/// Builds a graph node by node.
pub struct Build {
    pub graph: QuantGraph,
    pub rng: Rng,
}

impl Build {
    pub fn new(bits: u32, seed: u64) -> Self {
        let graph = QuantGraph { bits, nodes: vec![], inputs: vec![], outputs: vec![], tables: vec![] };
        Self { graph, rng: Rng(seed) }
    }

    pub fn push(&mut self, name: &str, op: Op, inputs: &[NodeId], shape: &[usize]) -> NodeId {
        let id = NodeId(self.graph.nodes.len());
        let name = format!("{name}_{}", id.0);
        self.graph.nodes.push(Node { name, op, inputs: inputs.to_vec(), shape: shape.to_vec(), scale: 1.0, shift: self.graph.bits });
        id
    }

    pub fn input(&mut self, shape: &[usize]) -> NodeId {
        let id = self.push("input", Op::Input, &[], shape);
        self.graph.inputs.push(id);
        id
    }

    pub fn shape(&self, id: NodeId) -> Vec<usize> {
        self.graph.node(id).shape.clone()
    }

    /// Weights such that outputs use most of their range without leaving it.
    fn weights(&mut self, count: usize, fan_in: usize) -> Vec<i32> {
        let size = ((1i64 << (self.graph.bits - 1)) / fan_in as i64).max(1);
        (0..count).map(|_| self.rng.int(-size, size) as i32).collect()
    }

    fn bias(&mut self, outputs: usize) -> Vec<i64> {
        let size = 1i64 << (2 * self.graph.bits - 5);
        (0..outputs).map(|_| self.rng.int(-size, size)).collect()
    }

    pub fn dense_term(&mut self, inputs: usize, outputs: usize) -> Term {
        Term::Conv(Conv::dense(self.weights(inputs * outputs, inputs)))
    }

    pub fn linear(
        &mut self,
        channels: Channels,
        terms: Vec<Term>,
        inputs: &[NodeId],
        shape: &[usize],
        outputs: usize,
        activation: Activation,
    ) -> NodeId {
        let bias = self.bias(outputs);
        self.push("linear", Op::Linear(Linear { channels, terms, bias, activation }), inputs, shape)
    }

    pub fn dense(&mut self, x: NodeId, outputs: usize, activation: Activation) -> NodeId {
        let mut shape = self.shape(x);
        let inputs = *shape.last().unwrap();
        let term = self.dense_term(inputs, outputs);
        *shape.last_mut().unwrap() = outputs;
        self.linear(Channels::Last, vec![term], &[x], &shape, outputs, activation)
    }

    pub fn conv_term(&mut self, inputs: usize, outputs: usize, c: ConvSpec) -> Term {
        let per = inputs / c.groups * c.kernel[0] * c.kernel[1];
        let weights = self.weights(outputs * per, per);
        Term::Conv(Conv::new(c.kernel, c.stride, [c.pad[0], c.pad[1]], c.dilation, c.groups, weights))
    }

    pub fn conv(&mut self, x: NodeId, outputs: usize, c: ConvSpec, activation: Activation) -> NodeId {
        let shape = self.shape(x);
        let term = self.conv_term(shape[1], outputs, c);
        let out = |axis: usize| {
            (shape[2 + axis] + c.pad[axis] + c.pad[2 + axis] - (c.kernel[axis] - 1) * c.dilation[axis] - 1) / c.stride[axis] + 1
        };
        let to = [shape[0], outputs, out(0), out(1)];
        self.linear(Channels::First, vec![term], &[x], &to, outputs, activation)
    }

    pub fn flatten(&mut self, x: NodeId) -> NodeId {
        let n = self.graph.node(x).elements();
        self.push("flatten", Op::Gather(Gather::identity(n)), &[x], &[1, n])
    }

    pub fn max_pool(&mut self, x: NodeId, k: usize) -> NodeId {
        let s = self.shape(x);
        let (h, w) = (s[2] / k, s[3] / k);
        let mut windows = vec![];
        for c in 0..s[0] * s[1] {
            for i in 0..h {
                for j in 0..w {
                    for t in 0..k * k {
                        windows.push((c * s[2] * s[3] + (i * k + t / k) * s[3] + j * k + t % k) as u32);
                    }
                }
            }
        }
        self.push("max_pool", Op::Max(Max { window: k * k, windows }), &[x], &[s[0], s[1], h, w])
    }

    pub fn reduce(&mut self, x: NodeId, outer: usize, activation: Activation) -> NodeId {
        let inner = self.graph.node(x).elements() / outer;
        let factor = (1 << (self.graph.bits - 1)) / inner as i32;
        self.push("reduce", Op::Reduce(Reduce { inner, factor, activation }), &[x], &[1, outer])
    }

    pub fn elementwise(&mut self, a: NodeId, b: Option<NodeId>, ca: i32, cb: i32, cm: i32, activation: Activation) -> NodeId {
        let shape = self.shape(a);
        let inputs: Vec<NodeId> = [a].into_iter().chain(b).collect();
        self.push("elementwise", Op::Elementwise(Elementwise { ca: vec![ca], cb, cm, c: vec![3], activation }), &inputs, &shape)
    }

    /// A table over the whole signed range.
    pub fn table(&mut self, f: impl Fn(f64) -> f64) -> Activation {
        let half = 1i32 << (self.graph.bits - 1);
        let values = (-half..half).map(|q| (f(f64::from(q) / f64::from(half)) * f64::from(half - 1)).round() as i32).collect();
        self.graph.tables.push(Table { name: "table".into(), first: -half, values, second: vec![] });
        Activation::Table(self.graph.tables.len() - 1)
    }

    pub fn finish(mut self, outputs: &[NodeId]) -> (QuantGraph, Vec<Vec<i32>>) {
        self.graph.outputs = outputs.iter().enumerate().map(|(i, &id)| Output::new(id, format!("output {i}"))).collect();
        let size = 1i64 << (self.graph.bits - 1);
        let inputs = self.graph.inputs.clone();
        let inputs =
            inputs.iter().map(|&id| (0..self.graph.node(id).elements()).map(|_| self.rng.int(-size, size - 1) as i32).collect()).collect();
        (self.graph, inputs)
    }
}

/// Attributes of a convolution; `pad` is top, left, bottom, right.
#[derive(Clone, Copy, Debug)]
pub struct ConvSpec {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: [usize; 4],
    pub dilation: [usize; 2],
    pub groups: usize,
}

impl ConvSpec {
    pub fn square(kernel: usize, stride: usize, pad: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], pad: [pad; 4], dilation: [1, 1], groups: 1 }
    }

    pub fn grouped(self, groups: usize) -> Self {
        Self { groups, ..self }
    }
}
