//! The float graph: an ONNX model after import, in the operations of [`sworn_circuits::graph`] with real numbers.
//!
//! Each ONNX operator is lowered to these operations by its file in `ops/`; quantisation maps each of them to its
//! integer twin. A [`Op::Unary`] function becomes the activation (relu or a table) of the node before it.

use sworn_circuits::graph::{Channels, Max, NodeId, Output};

use crate::pointwise::Pointwise;
use crate::unary::Unary;

/// A float model. Nodes are in topological order: a node's inputs come before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// The nodes, in topological order.
    pub nodes: Vec<Node>,
    /// The nodes with [`Op::Input`], in the order of the model's inputs.
    pub inputs: Vec<NodeId>,
    /// The model's outputs, in its order.
    pub outputs: Vec<Output>,
}

/// One operation and the tensor that it makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name for messages: the ONNX node (or input) that it comes from.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// The tensors it reads.
    pub inputs: Vec<NodeId>,
    /// Shape of its output, row-major.
    pub shape: Vec<usize>,
}

/// An operation of the float graph.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// An input of the model.
    Input,
    /// Sum of convolutions (or dense layers) and scaled tensors, plus a bias for each channel.
    Linear(Linear),
    /// `factor · Σ` over the inner axis of `[outer, inner]`.
    Reduce {
        /// Length of the axis that is summed; the innermost one.
        inner: usize,
        /// Factor of the sum.
        factor: f32,
    },
    /// `ca·a + cb·b + cm·a·b + c`, element by element. One input: `cb = cm = 0`.
    Elementwise {
        /// Factor of the first input: one for all elements, or one for each.
        ca: Vec<f32>,
        /// Factor of the second input.
        cb: f32,
        /// Factor of the product.
        cm: f32,
        /// Constant: one for all elements, or one for each.
        c: Vec<f32>,
    },
    /// `factor · a·b` of `[matrices, rows, inner]` and `[matrices, inner, columns]`.
    Product {
        /// Factor of the sums.
        factor: f32,
    },
    /// `x / √(mean(x²) + epsilon)` over the inner axis of `[outer, inner]`.
    Norm {
        /// Length of the axis; the innermost one.
        inner: usize,
        /// What is added to the mean of squares.
        epsilon: f32,
    },
    /// Softmax over the inner axis of `[outer, inner]`.
    Softmax {
        /// Length of the axis; the innermost one.
        inner: usize,
        /// Elements that are 0 and not summed: none, or a pattern that repeats over the elements.
        hidden: Vec<bool>,
    },
    /// Maximum over windows of one input.
    Max(Max),
    /// Values moved or repeated, or constants.
    Gather(Vec<Source>),
    /// A function of one variable.
    Unary(Unary),
    /// A composed function of one variable, `y[i] = f.apply(x[i])`. Only [`simplify`](crate::simplify) makes it.
    Pointwise(Pointwise),
}

/// `Σ terms + bias`. Term `t` reads input `t` of the node.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Order of the axes, the same for all inputs and the output.
    pub channels: Channels,
    /// What each input contributes.
    pub terms: Vec<Term>,
    /// `[output channels]`.
    pub bias: Vec<f32>,
}

/// One summand of a [`Linear`].
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A convolution, or a dense layer when the kernel is 1×1.
    Conv(Conv),
    /// `factor · x`, with `x` of the output's shape.
    Scale(f32),
}

/// A two-dimensional convolution; the fields are those of [`sworn_circuits::graph::Conv`].
#[derive(Clone, Debug, PartialEq)]
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
    /// `[output channels, input channels / groups, kernel height, kernel width]`.
    pub weights: Vec<f32>,
}

/// Where an element of a gather comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// Element `index` (flat, row-major) of input `input`.
    Element {
        /// Which input of the node.
        input: u32,
        /// Flat index in it.
        index: u32,
    },
    /// A constant.
    Constant(f32),
}

impl Node {
    /// `[matrices, rows, inner, columns]` of a product that answers this node's shape.
    pub fn product_dims(&self, left: &[usize]) -> [usize; 4] {
        let size = |shape: &[usize], from_end: usize| shape.len().checked_sub(from_end).map_or(1, |at| shape[at]);
        let [rows, inner, columns] = [size(left, 2), size(left, 1), size(&self.shape, 1)];
        [left.iter().product::<usize>() / (rows * inner).max(1), rows, inner, columns]
    }

    /// Number of elements of the output.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Graph {
    /// Appends a node and answers its id.
    pub fn push(&mut self, name: impl Into<String>, op: Op, inputs: Vec<NodeId>, shape: Vec<usize>) -> NodeId {
        self.nodes.push(Node { name: name.into(), op, inputs, shape });
        NodeId(self.nodes.len() - 1)
    }

    /// Appends an output: the tensor of `node` under a name.
    pub fn push_output(&mut self, name: impl Into<String>, node: NodeId) {
        self.outputs.push(Output::new(node, name));
    }

    /// The node `id`.
    ///
    /// # Panics
    /// If `id` is not of this graph.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }
}
