//! `ca·a + cb·b + cm·a·b + c`, element by element: operands are copied beside the units.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Made, Operation};
use crate::error::{GraphError, LayoutError};
use crate::evaluate::MIN_ELEMENTS;
use crate::graph::{Activation, Node, NodeId, QuantGraph};
use crate::groups::{operands, units, Lane};
use crate::layout::arrange::{Arrangement, Grid, GROWN};
use crate::layout::demand::NONE;
use crate::layout::rows::{Origin, Site};
use crate::number::{fit, index};

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

impl Operation for Elementwise {
    fn name(&self) -> &'static str {
        "elementwise"
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn check(&self, graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
        let n = node.elements();
        let length = |len: usize| len == 1 || len == n;
        let inputs = (1..=2).contains(&node.inputs.len()) && node.inputs.iter().all(|&id| graph.node(id).elements() == n);
        let second = node.inputs.len() == 2 || (self.cb == 0 && self.cm == 0);
        (inputs && second && length(self.ca.len()) && length(self.c.len())).then_some(()).ok_or("operands have the length of the output")
    }

    fn largest_sum(&self, _node: &Node, sizes: &[u128]) -> u128 {
        let ca = self.ca.iter().map(|c| u128::from(c.unsigned_abs())).max().unwrap_or(0);
        let c = self.c.iter().map(|c| u128::from(c.unsigned_abs())).max().unwrap_or(0);
        let b = sizes.get(1).copied().unwrap_or(0);
        ca * sizes[0] + u128::from(self.cb.unsigned_abs()) * b + u128::from(self.cm.unsigned_abs()) * sizes[0] * b + c
    }

    fn make(&self, _graph: &QuantGraph, node: &Node, args: &[&[i32]]) -> Result<Made, GraphError> {
        let sum = |i: usize| {
            let a = i64::from(args[0][i]);
            let b = args.get(1).map_or(0, |b| i64::from(b[i]));
            let ca = i64::from(if self.ca.len() == 1 { self.ca[0] } else { self.ca[i] });
            let c = if self.c.len() == 1 { self.c[0] } else { self.c[i] };
            ca * a + i64::from(self.cb) * b + i64::from(self.cm) * a * b + c
        };
        Ok(Made::Sums((0..node.elements()).into_par_iter().with_min_len(MIN_ELEMENTS).map(sum).collect()))
    }

    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError> {
        let (node, width) = (arrangement.graph.node(id), arrangement.lanes);
        let scale = i64::from(arrangement.scale(node.shift));
        let (slots, grid) = arrangement.free_slots(id, width, Arrangement::reserve_units)?;
        arrangement.room.take::<(i64, i64)>(GROWN * slots.elements.len(), node)?;
        arrangement.room.take::<(Site, Site)>(GROWN * node.inputs.len() * node.elements(), node)?;
        let (row0, block_rows, first) = (arrangement.units.len(), slots.block_rows, arrangement.copies.len());
        for (at, lanes) in slots.elements.chunks(width).enumerate() {
            let row = fit(row0 + at);
            let mut factors = vec![(0, 0); width];
            for (j, &element) in lanes.iter().enumerate().filter(|(_, &x)| x != NONE) {
                let i = index(element);
                let of = |len: usize| if len == 1 { 0 } else { i };
                factors[j] = (i64::from(self.ca[of(self.ca.len())]) * scale, self.c[of(self.c.len())] * scale);
                arrangement
                    .copy(arrangement.origins[node.inputs[0].0][i], Site { lane: Lane::Operands(operands::Lane::First(fit(j))), row });
                if let Some(second) = node.inputs.get(1) {
                    arrangement.copy(arrangement.origins[second.0][i], Site { lane: Lane::Operands(operands::Lane::Second(fit(j))), row });
                }
            }
            arrangement.lane_factors.insert(row0 + at, factors);
        }
        let copies = first..arrangement.copies.len();
        let rows = row0..row0 + slots.elements.len() / width;
        let origins = arrangement.push_units(id, slots, |_| 0, None, copies);
        for row in &mut arrangement.units[rows] {
            (row.elementwise, row.cb, row.cm) = (true, i64::from(self.cb) * scale, i64::from(self.cm) * scale);
        }
        if let Some(Grid { view, spacing, offset }) = grid {
            let table = matches!(self.activation, Activation::Table(_));
            arrangement.push_form(Lane::Units(units::Lane::X), width, row0, block_rows, &view, spacing, offset, table);
        }
        Ok(origins)
    }
}
