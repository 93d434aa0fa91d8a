//! Plan: which nodes of the float graph become nodes of the integer graph.
//!
//! ```text
//! f(p)   p forms an accumulator and only f reads it   → p with activation f
//! f(p)   otherwise                                    → Elementwise p·2^bits with activation f, so that q = p exactly
//! ```

use sworn_circuits::graph::NodeId;

use crate::graph::{Graph, Op};
use crate::pointwise::Pointwise;
use crate::simplify::{readers, requantises};
use crate::unary::Unary;

/// A node of the integer graph, under the float node whose values it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    pub(super) form: Form,
    pub(super) activation: Activation<'a>,
}

/// What a site computes before its activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An input of the model.
    Input,
    /// Values moved, by a gather or a maximum.
    Move,
    /// The accumulator of this node.
    Accumulate(NodeId),
    /// The values of this node as they are, for an activation of their own.
    Copy(NodeId),
    /// Probabilities of the scores of this node: a product that nothing else reads, whose sums are taken as they are, or any tensor.
    Probabilities(NodeId),
}

/// What follows the accumulator.
#[derive(Clone, Copy, Debug)]
pub(super) enum Activation<'a> {
    None,
    Relu,
    Table(Function<'a>),
}

/// A function that becomes a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Function<'a> {
    Unary(&'a Unary),
    Pointwise(&'a Pointwise),
}

impl Function<'_> {
    pub(super) fn eval(&self, x: f64) -> f64 {
        match self {
            Self::Unary(f) => f.apply(x),
            Self::Pointwise(f) => f.apply(x),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Unary(f) => f.name(),
            Self::Pointwise(_) => "Pointwise",
        }
    }
}

/// Whether scores are a product that only a softmax reads.
fn is_own_product(graph: &Graph, readers: &[usize], from: NodeId) -> bool {
    readers[from.0] == 1 && matches!(graph.node(from).op, Op::Product { .. })
}

/// A site for each float node, but for those that an activation joins.
pub(super) struct Plan<'a> {
    pub(super) sites: Vec<Option<Site<'a>>>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        let readers = readers(graph);
        let mut sites: Vec<Option<Site<'a>>> = Vec::with_capacity(graph.nodes.len());
        for (index, node) in graph.nodes.iter().enumerate() {
            let activation = match &node.op {
                Op::Unary(Unary::Relu) => Activation::Relu,
                Op::Unary(f) => Activation::Table(Function::Unary(f)),
                Op::Pointwise(f) => Activation::Table(Function::Pointwise(f)),
                _ => Activation::None,
            };
            let form = match &node.op {
                Op::Input => Form::Input,
                Op::Max(_) | Op::Gather(_) => Form::Move,
                Op::Unary(_) | Op::Pointwise(_) => {
                    let from = node.inputs[0];
                    if readers[from.0] == 1 && requantises(&graph.node(from).op) {
                        sites[from.0] = None;
                        Form::Accumulate(from)
                    } else {
                        Form::Copy(from)
                    }
                }
                Op::Softmax { .. } => {
                    let from = node.inputs[0];
                    if is_own_product(graph, &readers, from) {
                        sites[from.0] = None;
                    }
                    Form::Probabilities(from)
                }
                Op::Linear(_) | Op::Reduce { .. } | Op::Elementwise { .. } | Op::Product { .. } | Op::Norm { .. } => {
                    Form::Accumulate(NodeId(index))
                }
            };
            sites.push(Some(Site { form, activation }));
        }
        Self { sites }
    }

    /// The sites in order, with the index of their float node.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, Site<'a>)> + '_ {
        self.sites.iter().enumerate().filter_map(|(index, site)| site.map(|site| (index, site)))
    }
}

/// Whether the sums of a product are taken as scores.
pub(super) fn is_scored(plan: &Plan<'_>, from: NodeId) -> bool {
    plan.sites[from.0].is_none()
}
