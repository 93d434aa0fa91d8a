//! Operations of the graph, a file each: its integers, its bounds, the order in which it wants what it reads, and where its cells are.
//!
//! ```text
//! sums     linear, reduce, elementwise, product, norm     an accumulator for each element, which the unit group requantises
//! values   max, gather                     elements of what is read; softmax, those of a table
//! input    input, features                 elements of the model's inputs
//! ```
//!
//! A new operation is a file with an [`Operation`], a variant of [`Op`] and its line in [`Op::operation`].

pub(crate) mod elementwise;
pub(crate) mod gather;
pub(crate) mod input;
pub(crate) mod linear;
pub(crate) mod max;
pub(crate) mod norm;
pub(crate) mod product;
pub(crate) mod reduce;
pub(crate) mod softmax;

use crate::error::{GraphError, LayoutError};
use crate::graph::{Activation, Node, NodeId, Op, QuantGraph};
use crate::layout::arrange::Arrangement;
use crate::layout::demand::Demand;
use crate::layout::room::Room;
use crate::layout::rows::Origin;
use crate::layout::UnitStep;

/// What the units of a tensor hold.
pub(crate) enum Cells {
    /// Accumulators of every slot, without bias.
    Slots(Vec<i64>),
    /// Accumulators by element; units without one have 0.
    Elements(Vec<i64>),
    /// Values by element.
    Values(Vec<i64>),
}

/// What an operation makes of its arguments.
pub(crate) enum Made {
    /// Accumulators, which are requantised and activated.
    Sums(Vec<i64>),
    /// The tensor.
    Values(Vec<i32>),
}

/// All that is particular to an operation. What fills its cells is of the group in which they are.
pub(crate) trait Operation {
    /// Its name in summaries.
    fn name(&self) -> &'static str;

    /// What follows its accumulators; none if it has none.
    fn activation(&self) -> Option<Activation> {
        None
    }

    /// The table that its units look up.
    fn table(&self) -> Option<usize> {
        match self.activation() {
            Some(Activation::Table(table)) => Some(table),
            _ => None,
        }
    }

    /// Shapes and lengths, or the rule that they break. Nodes before this one are in order.
    fn check(&self, graph: &QuantGraph, node: &Node) -> Result<(), &'static str>;

    /// A bound of the absolute value of every accumulator, for those of what it reads.
    fn largest_sum(&self, _node: &Node, _sizes: &[u128]) -> u128 {
        0
    }

    /// The least and the largest value of its tensor where they do not follow from an activation, for those of the nodes before.
    fn range(&self, _node: &Node, bits: u32, _ranges: &[(i64, i64)]) -> (i64, i64) {
        let half = 1i64 << (bits - 1);
        (-half, half - 1)
    }

    /// Whether what it reads is what its cells can hold, or the rule that it breaks.
    fn check_inputs(&self, _bits: u32, _ranges: &[(i64, i64)]) -> Result<(), &'static str> {
        Ok(())
    }

    /// Whether the values of its tensor are what its cells can hold, or the rule that they break.
    fn check_range(&self, _bits: u32, _range: (i64, i64)) -> Result<(), &'static str> {
        Ok(())
    }

    /// The integers that it computes. An input computes nothing.
    ///
    /// # Errors
    /// A value that its cells cannot hold.
    fn make(&self, graph: &QuantGraph, node: &Node, args: &[&[i32]]) -> Result<Made, GraphError>;

    /// What its units hold, tensor by tensor as their steps number them, and what it makes, which equals [`Operation::make`].
    ///
    /// # Errors
    /// A value that its cells cannot hold.
    fn cells(
        &self,
        graph: &QuantGraph,
        node: &Node,
        args: &[&[i32]],
        _steps: &[&UnitStep],
        _lanes: usize,
    ) -> Result<(Vec<Cells>, Made), GraphError> {
        Ok(match self.make(graph, node, args)? {
            Made::Sums(sums) => (vec![Cells::Elements(sums.clone())], Made::Sums(sums)),
            values @ Made::Values(_) => (Vec::new(), values),
        })
    }

    /// Whether its result is laid out as an image.
    fn is_grid(&self, _node: &Node) -> bool {
        false
    }

    /// Says in which order and spacing it wants its inputs, given what the nodes behind it want of them and of its result.
    ///
    /// # Errors
    /// That takes more memory than there is room.
    fn demand(&self, _graph: &QuantGraph, _id: NodeId, _demands: &mut [Option<Demand>], _room: &mut Room) -> Result<(), LayoutError> {
        Ok(())
    }

    /// Places its cells, and answers where its elements are.
    ///
    /// # Errors
    /// They take more memory than there is room, or more rows than any circuit has.
    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError>;
}

impl Op {
    /// The operation.
    pub(crate) fn operation(&self) -> &dyn Operation {
        match self {
            Self::Input => &input::Input,
            Self::Features(features) => features,
            Self::Linear(linear) => linear,
            Self::Reduce(reduce) => reduce,
            Self::Elementwise(elementwise) => elementwise,
            Self::Max(max) => max,
            Self::Gather(gather) => gather,
            Self::Product(product) => product,
            Self::Norm(norm) => norm,
            Self::Softmax(softmax) => softmax,
        }
    }

    /// Its name in summaries.
    pub fn name(&self) -> &'static str {
        self.operation().name()
    }
}

impl Node {
    /// The activation, for the operations that requantise.
    pub fn activation(&self) -> Option<Activation> {
        self.op.operation().activation()
    }
}
