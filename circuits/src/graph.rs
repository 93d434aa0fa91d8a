//! `QuantGraph`: a quantised model, and the integer semantics that the witness, the circuit and the tests agree on.
//!
//! Every tensor holds integers; its real values are `scale · integer`, for inputs also by [feature](Features). Six operations are enough for the ONNX operators
//! that are supported: [`Op::Linear`], [`Op::Reduce`] and [`Op::Elementwise`] form an accumulator and *requantise* it,
//! [`Op::Max`] and [`Op::Gather`] only move values.
//!
//! ```text
//! requantise:   q = ⌊(acc + 2^(s−1)) / 2^s⌋          s = bits, the same for the whole graph
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
//! A value outside is [`GraphError::OutOfRange`], never a wrapped value.
//!
//! [JKC+18]: <https://arxiv.org/abs/1712.05877> §2.2

mod decode;

pub use decode::DecodeError;

use serde::{Deserialize, Serialize};

use crate::column::IntColumn;
use crate::error::GraphError;
use crate::number::fit;

/// Index of a node in [`QuantGraph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub usize);

/// A quantised model. Nodes are in topological order: a node's inputs come before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantGraph {
    /// Shift of every requantisation, and the width of every activation: 4 to 15.
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
}

/// What the integers of an input stand for: element `i` is of feature `f = i / run mod scales.len()`, and its real value is
/// `scales[f]·q + offsets[f]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// Consecutive elements of one feature.
    pub run: usize,
    /// For each feature, the real value of the integer 1 beyond that of 0.
    pub scales: Vec<f64>,
    /// For each feature, the real value of the integer 0.
    pub offsets: Vec<f64>,
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
}

/// How [`Linear`] reads its tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channels {
    /// `[batch, channels, height, width]`; one-dimensional convolutions have height 1.
    First,
    /// `[positions, channels]`: dense layers. Kernels are 1×1.
    Last,
}

/// `acc = Σ terms + bias`. Term `t` reads input `t` of the node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// Order of the axes, the same for all inputs and the output.
    pub channels: Channels,
    /// What each input contributes.
    pub terms: Vec<Term>,
    /// `[output channels]`, added to the accumulator.
    pub bias: Vec<i64>,
    /// Applied after requantisation.
    pub activation: Activation,
}

/// One summand of a [`Linear`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Term {
    /// A convolution, or a dense layer when the kernel is 1×1.
    Conv(Conv),
    /// `factor · x`, with `x` of the output's shape.
    Scale(i32),
}

/// A two-dimensional convolution (cross-correlation, as ONNX has it).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv {
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps between outputs.
    pub stride: [usize; 2],
    /// Zeros before the first row and column.
    pub pad_before: [usize; 2],
    /// Steps between kernel elements.
    pub dilation: [usize; 2],
    /// Groups; input and output channels are multiples of it.
    pub groups: usize,
    /// `[output channels, input channels / groups, kernel height, kernel width]`, each of at most 32 bits.
    pub weights: IntColumn,
}

/// `acc[i] = factor · Σ_j x[i, j]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reduce {
    /// Length of the axis that is summed; the innermost one.
    pub inner: usize,
    /// Factor of the sum.
    pub factor: i32,
    /// Applied after requantisation.
    pub activation: Activation,
}

/// `acc = ca·a + cb·b + cm·a·b + c`. Without a second input, `cb` and `cm` must be 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Elementwise {
    /// Factor of the first input: one for all elements, or one for each.
    pub ca: Vec<i32>,
    /// Factor of the second input.
    pub cb: i32,
    /// Factor of the product.
    pub cm: i32,
    /// Constant: one for all elements, or one for each.
    pub c: Vec<i64>,
    /// Applied after requantisation.
    pub activation: Activation,
}

/// `y[i] = max_t x[windows[i·window + t]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Max {
    /// Elements in a window.
    pub window: usize,
    /// Flat indices into the input, `window` for each output. A short window repeats an index.
    pub windows: Vec<u32>,
}

/// Where an element of a [`Gather`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Element `index` (flat, row-major) of input `input`.
    Element {
        /// Which input of the node.
        input: u32,
        /// Flat index in it.
        index: u32,
    },
    /// A constant.
    Constant(i32),
}

/// `y[i] = sources[i]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gather {
    /// One source for each element of the output.
    pub sources: Vec<Source>,
}

impl Op {
    /// Its name in summaries.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input | Self::Features(_) => "input",
            Self::Linear(_) => "linear",
            Self::Reduce(_) => "reduce",
            Self::Elementwise(_) => "elementwise",
            Self::Max(_) => "max",
            Self::Gather(_) => "gather",
        }
    }

    /// Whether it is an input of the model.
    pub fn is_input(&self) -> bool {
        matches!(self, Self::Input | Self::Features(_))
    }
}

impl Features {
    /// Scale and offset of an element; `None` if there are no features.
    pub fn of(&self, element: usize) -> Option<(f64, f64)> {
        let feature = element.checked_div(self.run)?.checked_rem(self.scales.len())?;
        Some((*self.scales.get(feature)?, *self.offsets.get(feature)?))
    }

    /// Whether every element of a tensor is of a feature, equally many of each, with numbers that make sense.
    pub fn fit(&self, elements: usize) -> bool {
        let period = self.run.checked_mul(self.scales.len());
        period.is_some_and(|period| period > 0 && elements.is_multiple_of(period))
            && self.offsets.len() == self.scales.len()
            && self.scales.iter().all(|scale| scale.is_finite() && *scale > 0.0)
            && self.offsets.iter().all(|offset| offset.is_finite())
    }
}

impl Gather {
    /// A reshape: every element of the one input, in order.
    pub fn identity(elements: usize) -> Self {
        Self { sources: (0..fit::<_, u32>(elements)).map(|index| Source::Element { input: 0, index }).collect() }
    }
}

impl Node {
    /// Number of elements of the output.
    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1, |n, &d| n.saturating_mul(d))
    }

    /// The activation, for the operations that requantise.
    pub fn activation(&self) -> Option<Activation> {
        match &self.op {
            Op::Linear(l) => Some(l.activation),
            Op::Reduce(r) => Some(r.activation),
            Op::Elementwise(e) => Some(e.activation),
            Op::Input | Op::Features(_) | Op::Max(_) | Op::Gather(_) => None,
        }
    }

    /// Scale and offset of an element: its real value is `scale·q + offset`.
    pub fn scale_of(&self, element: usize) -> (f64, f64) {
        match &self.op {
            Op::Features(features) => features.of(element).unwrap_or((self.scale, 0.0)),
            _ => (self.scale, 0.0),
        }
    }
}

impl Conv {
    /// A convolution; the arguments are the fields.
    pub fn new(
        kernel: [usize; 2],
        stride: [usize; 2],
        pad_before: [usize; 2],
        dilation: [usize; 2],
        groups: usize,
        weights: Vec<i32>,
    ) -> Self {
        Self { kernel, stride, pad_before, dilation, groups, weights: weights.into() }
    }

    /// A dense layer, `[outputs, inputs]`.
    pub fn dense(weights: Vec<i32>) -> Self {
        Self::new([1, 1], [1, 1], [0, 0], [1, 1], 1, weights)
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

    /// Evaluates the graph; answers the tensor of every node.
    ///
    /// # Errors
    /// Inputs of the wrong number or length, or a value outside its range.
    ///
    /// # Panics
    /// On a graph that [`check`](crate::layout::bounds::check) refuses; [`Layout::new`](crate::layout::Layout::new) calls it.
    pub fn evaluate(&self, inputs: &[Vec<i32>]) -> Result<Vec<Vec<i32>>, GraphError> {
        crate::evaluate::evaluate(self, inputs)
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
