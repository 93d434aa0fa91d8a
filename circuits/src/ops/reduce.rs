//! Sums over the inner axis: one evaluation at 1 of a form, times a factor.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Made, Operation};
use crate::error::{GraphError, LayoutError};
use crate::graph::{Activation, Node, NodeId, QuantGraph};
use crate::layout::arrange::Arrangement;
use crate::layout::demand::{Demand, Spacing, View};
use crate::layout::identity::{Block, Factor, Product};
use crate::layout::room::Room;
use crate::layout::rows::{Base, Origin};
use crate::number::fit;

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

impl Operation for Reduce {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn check(&self, graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
        let elements = node.elements().checked_mul(self.inner);
        let fits = self.inner > 0 && node.inputs.first().is_some_and(|&x| Some(graph.node(x).elements()) == elements);
        fits.then_some(()).ok_or("a sum reads `outer · inner` elements")
    }

    fn largest_sum(&self, _node: &Node, sizes: &[u128]) -> u128 {
        sizes[0] * fit::<_, u128>(self.inner) * u128::from(self.factor.unsigned_abs())
    }

    fn make(&self, _graph: &QuantGraph, _node: &Node, args: &[&[i32]]) -> Result<Made, GraphError> {
        let sum = |row: &[i32]| i64::from(self.factor) * row.iter().map(|&x| i64::from(x)).sum::<i64>();
        Ok(Made::Sums(args[0].par_chunks(self.inner).map(sum).collect()))
    }

    fn is_grid(&self, _node: &Node) -> bool {
        true
    }

    fn demand(&self, graph: &QuantGraph, id: NodeId, demands: &mut [Option<Demand>], room: &mut Room) -> Result<(), LayoutError> {
        let node = graph.node(id);
        let elements = graph.node(node.inputs[0]).elements();
        room.take::<u32>(elements, node)?;
        let view = View::blocks(elements / self.inner, self.inner);
        demands[node.inputs[0].0] = Some(Demand { view, spacing: Spacing { row: self.inner, image: 0 } });
        Ok(())
    }

    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError> {
        let node = arrangement.graph.node(id);
        let outer = node.elements();
        arrangement.room.has::<(u32, Origin)>(outer.saturating_mul(self.inner), node)?;
        arrangement.room.take::<Product>(outer, node)?;
        let view = View::blocks(outer, self.inner);
        let origins = arrangement.view_origins(node.inputs[0], &view);
        let found = arrangement.find_form(&origins, &view, |f| f.allows(Base::One), true);
        let form = match found {
            Some(form) => form,
            None => arrangement.materialise(node.inputs[0], &origins, &view, Spacing { row: self.inner, image: 0 })?,
        };
        let sums = arrangement.evaluations(form, Base::One);
        let products = (0..outer)
            .map(|output| Product {
                jump: 0,
                factor: Factor::Cell(sums[output]),
                block: Block::One { output, value: i64::from(self.factor) },
            })
            .collect();
        arrangement.vector(id, node, products)
    }
}
