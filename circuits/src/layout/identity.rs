//! One linear identity: an evaluation of outputs equals a sum of products of evaluations and weight blocks.

use std::ops::Range;

use crate::column::IntColumn;
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
    /// What the sum is multiplied by at last: `2^(bits − shift)`, since units have the largest shift.
    pub(crate) scale: u32,
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
    /// No weights: a cell, times a factor.
    Pair { site: Site, factor: i64 },
}

/// The weights of a block, by output.
pub(crate) enum Weights<'a> {
    /// Given; outputs behind them have 0.
    Given(&'a [i64]),
    /// One weight, the rest zero.
    One { output: usize, value: i64 },
    /// `column[start + stride·output]` for some outputs, the rest zero.
    Strided { column: &'a IntColumn, start: usize, stride: usize, outputs: Range<usize> },
}

impl Weights<'_> {
    /// The weight of an output.
    pub(crate) fn get(&self, output: usize) -> i64 {
        match self {
            Self::Given(values) => values.get(output).copied().unwrap_or(0),
            Self::One { output: only, value } if output == *only => *value,
            Self::Strided { column, start, stride, outputs } if outputs.contains(&output) => column.get(start + stride * output),
            Self::One { .. } | Self::Strided { .. } => 0,
        }
    }
}

impl Block {
    /// The weights.
    pub(crate) fn weights<'a>(&'a self, graph: &'a QuantGraph) -> Weights<'a> {
        match self {
            Self::Given(values) => Weights::Given(values),
            Self::Pair { .. } => Weights::Given(&[]),
            Self::One { output, value } => Weights::One { output: *output, value: *value },
            Self::Conv { node, term, kernel, channel, first } => {
                let Op::Linear(Linear { terms, bias, .. }) = &graph.node(*node).op else { return Weights::Given(&[]) };
                let Term::Conv(conv) = &terms[*term] else { return Weights::Given(&[]) };
                let size = conv.kernel[0] * conv.kernel[1];
                let per_output = conv.weights.len() / bias.len();
                let channels = per_output / size;
                // The outputs of the channel's group.
                let outputs_per_group = bias.len() / conv.groups;
                let group = channel / channels * outputs_per_group;
                Weights::Strided {
                    column: &conv.weights,
                    start: first * per_output + channel % channels * size + kernel,
                    stride: per_output,
                    outputs: group.saturating_sub(*first)..(group + outputs_per_group).saturating_sub(*first),
                }
            }
        }
    }

    /// Rows of `lanes` weights that the block takes: leading rows of zeros are left out.
    pub(crate) fn num_rows(&self, outputs: usize, lanes: usize) -> usize {
        match self {
            Self::One { output, .. } => (outputs - output).div_ceil(lanes),
            Self::Conv { .. } | Self::Given(_) => outputs.div_ceil(lanes),
            Self::Pair { .. } => 1,
        }
    }
}
