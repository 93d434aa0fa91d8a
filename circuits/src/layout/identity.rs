//! One linear identity: an evaluation of outputs equals a sum of products of evaluations and weight blocks.

use crate::graph::{Linear, NodeId, Op, QuantGraph, Term};
use crate::layout::rows::Site;

/// `result = Σ products`, in Horner order.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The evaluation of the outputs: `D`, or `Y` where there is no `D`.
    pub(crate) result: Site,
    /// Length of every weight block.
    pub(crate) outputs: usize,
    /// The products, first to last.
    pub(crate) products: Vec<Product>,
    /// Exponent by which the sum is multiplied after the last product.
    pub(crate) tail: u32,
}

/// `dot ← b^jump · dot + factor · V(block)`.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub(crate) jump: u32,
    pub(crate) factor: Factor,
    pub(crate) block: Block,
}

/// What a weight block is multiplied by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Factor {
    One,
    Cell(Site),
}

/// The weights of one product, one for each output of the identity.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    /// Weights of a convolution for one input channel and one kernel element, outputs from `first`.
    Conv { node: NodeId, term: usize, kernel: usize, channel: usize, first: usize },
    /// One weight, the rest zero.
    One { output: usize, value: i64 },
    /// Given.
    Given(Vec<i64>),
}

impl Block {
    /// The weights.
    pub(crate) fn weights(&self, graph: &QuantGraph, outputs: usize) -> Vec<i64> {
        match self {
            Self::Given(values) => values.clone(),
            Self::One { output, value } => {
                let mut weights = vec![0; outputs];
                weights[*output] = *value;
                weights
            }
            Self::Conv { node, term, kernel, channel, first } => {
                let Op::Linear(Linear { terms, bias, .. }) = &graph.node(*node).op else { return vec![0; outputs] };
                let Term::Conv(conv) = &terms[*term] else { return vec![0; outputs] };
                let size = conv.kernel[0] * conv.kernel[1];
                let per_output = conv.weights.len() / bias.len();
                let channels = per_output / size;
                let outputs_per_group = bias.len() / conv.groups;
                (*first..first + outputs)
                    .map(|o| {
                        let inside = o / outputs_per_group == channel / channels;
                        if inside {
                            conv.weights.get(o * per_output + channel % channels * size + kernel)
                        } else {
                            0
                        }
                    })
                    .collect()
            }
        }
    }

    /// Rows of `lanes` weights that the block takes: leading rows of zeros are left out.
    pub(crate) fn num_rows(&self, outputs: usize, lanes: usize) -> usize {
        match self {
            Self::One { output, .. } => (outputs - output).div_ceil(lanes),
            Self::Conv { .. } | Self::Given(_) => outputs.div_ceil(lanes),
        }
    }
}
