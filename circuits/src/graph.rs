//! `QuantGraph`: a quantised model, and the integer semantics that the witness, the circuit and the tests agree on.
//!
//! Every tensor holds integers; its real values are `scale · integer`, for inputs also by [feature](Features). A few operations are enough for the ONNX operators
//! that are supported: [`Op::Linear`], [`Op::Reduce`], [`Op::Elementwise`], [`Op::Product`] and [`Op::Norm`] form an accumulator and *requantise* it,
//! [`Op::Softmax`] answers probabilities, [`Op::Max`] and [`Op::Gather`] only move values.
//!
//! ```text
//! requantise:   q = ⌊(acc + 2^(s−1)) / 2^s⌋          s = the shift of the node, at most bits
//! output:       y = act(q)                            act: none | relu | table
//! ```
//!
//! The multiplier of the textbook scheme [JKC+18] is folded into the integer weights, which cost nothing: a weight is
//! `round(w · s_x · 2^s / s_y)`, so the shift is exact and no channel needs a multiplier of its own.
//!
//! Ranges, for `bits = b`:
//!
//! | activation | q                       | y                    |
//! |------------|-------------------------|----------------------|
//! | none       | [−2^(b−1), 2^(b−1))     | q                    |
//! | relu       | (−2^b, 2^b)             | max(q, 0)            |
//! | table      | the table's domain      | the table's value    |
//!
//! A value outside is [`GraphError::OutOfRange`](crate::error::GraphError::OutOfRange), never a wrapped value.
//!
//! [JKC+18]: <https://arxiv.org/abs/1712.05877> §2.2

mod decode;

pub use crate::ops::elementwise::Elementwise;
pub use crate::ops::gather::{Gather, Source};
pub use crate::ops::input::Features;
pub use crate::ops::linear::{Channels, Conv, Linear, Term};
pub use crate::ops::max::Max;
pub use crate::ops::norm::Norm;
pub use crate::ops::product::Product;
pub use crate::ops::reduce::Reduce;
pub use crate::ops::softmax::{Scores, Softmax};
pub use decode::DecodeError;

use serde::{Deserialize, Serialize};

/// Index of a node in [`QuantGraph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub usize);

/// A quantised model. Nodes are in topological order: a node's inputs come before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantGraph {
    /// Width of every range check, and with it the largest shift of a requantisation: 4 to 20.
    pub bits: u32,
    /// The nodes, in topological order.
    pub nodes: Vec<Node>,
    /// The nodes with [`Op::Input`] or [`Op::Features`], in the order of the model's inputs.
    pub inputs: Vec<NodeId>,
    /// The model's outputs, in its order.
    pub outputs: Vec<Output>,
    /// Lookup tables of [`Activation::Table`].
    pub tables: Vec<Table>,
}

/// An output of a model. Several may be the same tensor under different names, and a tensor may be input and output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The node that makes it.
    pub node: NodeId,
    /// Its name in the model, which no other output has.
    pub name: String,
}

/// One operation and the tensor that it makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Name for messages: the ONNX node (or tensor) that it comes from.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// The tensors it reads.
    pub inputs: Vec<NodeId>,
    /// Shape of its output, row-major.
    pub shape: Vec<usize>,
    /// Real value of the integer 1; for an input of [`Features`], the largest of theirs.
    pub scale: f64,
    /// Shift of the requantisation: at most `bits`, and 0 where nothing is requantised.
    pub shift: u32,
}

/// An operation of the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// An input of the model, with the range of [`Activation::None`].
    Input,
    /// Sum of convolutions (or dense layers) and scaled tensors, plus a bias for each channel.
    Linear(Linear),
    /// Sum over the inner axis of `[outer, inner]`.
    Reduce(Reduce),
    /// `ca·a + cb·b + cm·a·b + c`, element by element.
    Elementwise(Elementwise),
    /// Maximum over windows of one input.
    Max(Max),
    /// Values moved or repeated, or constants: reshape, transpose, slice, concat, pad, broadcast, upsample.
    Gather(Gather),
    /// An input of the model, with the range of [`Activation::None`] and a scale of its own for each feature. What reads it has
    /// their scales in its coefficients, so that its integers are like those of [`Op::Input`].
    Features(Features),
    /// Product of two tensors, matrix by matrix.
    Product(Product),
    /// Each row by one number, so that the mean of its squares is 1.
    Norm(Norm),
    /// Probabilities of the scores in a row.
    Softmax(Softmax),
}

/// What follows a requantisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// `y = q`.
    None,
    /// `y = max(q, 0)`.
    Relu,
    /// `y = tables[i][q]`.
    Table(usize),
}

/// A function on integers: `q ↦ values[q − first]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Name for messages, for example `Sigmoid`.
    pub name: String,
    /// The smallest argument.
    pub first: i32,
    /// The values; each in (−2^bits, 2^bits).
    pub values: Vec<i32>,
    /// The values of a second function of the same arguments, or none.
    pub second: Vec<i32>,
}

impl Op {
    /// Whether it is an input of the model.
    pub fn is_input(&self) -> bool {
        matches!(self, Self::Input | Self::Features(_))
    }
}

impl Node {
    /// Number of elements of the output.
    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1, |n, &d| n.saturating_mul(d))
    }

    /// Scale and offset of an element: its real value is `scale·q + offset`.
    pub fn scale_of(&self, element: usize) -> (f64, f64) {
        match &self.op {
            Op::Features(features) => features.of(element).unwrap_or((self.scale, 0.0)),
            _ => (self.scale, 0.0),
        }
    }
}

impl Output {
    /// The tensor of `node` under a name.
    pub fn new(node: NodeId, name: impl Into<String>) -> Self {
        Self { node, name: name.into() }
    }
}

impl QuantGraph {
    /// The node `id`.
    ///
    /// # Panics
    /// If `id` is not of this graph.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Number of weights.
    pub fn num_weights(&self) -> usize {
        self.nodes
            .iter()
            .map(|n| match &n.op {
                Op::Linear(l) => l
                    .terms
                    .iter()
                    .map(|t| match t {
                        Term::Conv(c) => c.weights.len(),
                        Term::Scale(_) => 1,
                    })
                    .sum(),
                _ => 0,
            })
            .sum()
    }
}
