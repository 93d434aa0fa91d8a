//! Products of two tensors, matrix by matrix. No cell but the accumulators: an evaluation of each factor's rows.
//!
//! ```text
//! Σ_ij b^i a^j C[i, j] = factor · Σ_k X_k(b) · Y_k(a)        X_k = Σ_i b^i x[i, k]        Y_k = Σ_j a^j y[k, j]
//! ```
//!
//! # Soundness
//! Both sides are polynomials in the challenges whose coefficients the first phase fixes. A coefficient of the left is one accumulator,
//! the one of the right is its inner product: see [`crate::groups::weights`].

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Made, Operation};
use crate::error::{GraphError, LayoutError};
use crate::graph::{Activation, Node, NodeId, QuantGraph};
use crate::layout::arrange::{Arrangement, Part};
use crate::layout::demand::{by_column, Demand, Spacing, View};
use crate::layout::identity::{Block, Factor, Product as Term};
use crate::layout::room::Room;
use crate::layout::rows::{Base, Origin};
use crate::number::fit;

/// `acc[n, i, j] = factor · Σ_k x[n, i, k]·y[n, k, j]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// `[matrices, rows, inner, columns]`.
    pub dims: [usize; 4],
    /// Factor of the sum.
    pub factor: i32,
    /// Applied after requantisation.
    pub activation: Activation,
}

impl Product {
    /// Elements of the two factors and of the product, if they can be counted.
    fn elements(&self) -> Option<[usize; 3]> {
        let [matrices, rows, inner, columns] = self.dims;
        let count = |a: usize, b: usize| matrices.checked_mul(a)?.checked_mul(b);
        Some([count(rows, inner)?, count(inner, columns)?, count(rows, columns)?])
    }

    /// The sums.
    pub(super) fn sums(&self, args: &[&[i32]]) -> Vec<i64> {
        let [_, rows, inner, columns] = self.dims;
        let factors = args[0].par_chunks(rows * inner).zip(args[1].par_chunks(inner * columns));
        let matrix = |(x, y): (&[i32], &[i32])| {
            let mut sums = vec![0i64; rows * columns];
            for (sums, x) in sums.chunks_mut(columns).zip(x.chunks(inner)) {
                for (&x, y) in x.iter().zip(y.chunks(columns)) {
                    sums.iter_mut().zip(y).for_each(|(sum, &y)| *sum += i64::from(x) * i64::from(y));
                }
                sums.iter_mut().for_each(|sum| *sum *= i64::from(self.factor));
            }
            sums
        };
        factors.flat_map_iter(matrix).collect()
    }

    /// Whether two inputs have the dimensions.
    pub(super) fn check_inputs(&self, graph: &QuantGraph, node: &Node) -> bool {
        let [x, y] = node.inputs.as_slice() else { return false };
        let of = |id: &NodeId| graph.node(*id).elements();
        !self.dims.contains(&0) && self.elements() == Some([of(x), of(y), node.elements()])
    }

    /// The largest sum.
    pub(super) fn bound(&self, sizes: &[u128]) -> u128 {
        fit::<_, u128>(self.dims[2]) * sizes[0] * sizes[1] * u128::from(self.factor.unsigned_abs())
    }

    /// Wants rows of the left in blocks of one `k`, and those of the right.
    pub(super) fn demands(
        &self,
        graph: &QuantGraph,
        id: NodeId,
        demands: &mut [Option<Demand>],
        room: &mut Room,
    ) -> Result<(), LayoutError> {
        let node = graph.node(id);
        let [matrices, rows, inner, columns] = self.dims;
        room.take::<u32>(node.inputs.iter().map(|&id| graph.node(id).elements()).sum(), node)?;
        let (left, right) = (View::columns([matrices, rows, inner]), View::blocks(matrices * inner, columns));
        demands[node.inputs[0].0] = Some(Demand { view: left, spacing: Spacing { row: rows, image: 0 } });
        demands[node.inputs[1].0] = Some(Demand { view: right, spacing: Spacing { row: columns, image: 0 } });
        Ok(())
    }

    /// The terms of each matrix' identity, times `factor`.
    pub(super) fn terms(&self, arrangement: &mut Arrangement<'_>, inputs: &[NodeId], factor: i64) -> Result<Vec<Vec<Term>>, LayoutError> {
        let [matrices, rows, inner, columns] = self.dims;
        let elements = &arrangement.origins[inputs[0].0];
        let left: Vec<Origin> = by_column([matrices, rows, inner]).map(|element| elements[element]).collect();
        let x = arrangement.evaluate_blocks(inputs[0], &left, rows, Base::Position)?;
        let right = arrangement.origins[inputs[1].0].clone();
        let y = arrangement.evaluate_blocks(inputs[1], &right, columns, Base::Channel)?;
        let term = |(&x, &y)| Term { jump: 0, factor: Factor::Cell(x), block: Block::Pair { site: y, factor } };
        Ok(x.chunks(inner).zip(y.chunks(inner)).map(|(x, y)| x.iter().zip(y).map(term).collect()).collect())
    }
}

impl Operation for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn check(&self, graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
        self.check_inputs(graph, node)
            .then_some(())
            .ok_or("a product reads `matrices · rows · inner` and `matrices · inner · columns` elements")
    }

    fn largest_sum(&self, _node: &Node, sizes: &[u128]) -> u128 {
        self.bound(sizes)
    }

    fn make(&self, _graph: &QuantGraph, _node: &Node, args: &[&[i32]]) -> Result<Made, GraphError> {
        Ok(Made::Sums(self.sums(args)))
    }

    fn is_grid(&self, _node: &Node) -> bool {
        true
    }

    fn demand(&self, graph: &QuantGraph, id: NodeId, demands: &mut [Option<Demand>], room: &mut Room) -> Result<(), LayoutError> {
        self.demands(graph, id, demands, room)
    }

    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError> {
        let node = arrangement.graph.node(id);
        let [matrices, rows, _, columns] = self.dims;
        let terms = self.terms(arrangement, &node.inputs, i64::from(self.factor))?;
        let part = Part::of(node, id);
        let placed = arrangement.place_blocks(&part, node.elements(), &View::columns([matrices, rows, columns]), |_| 0)?;
        arrangement.equate(&placed, matrices, terms, part.shift);
        Ok(placed.origins)
    }
}
