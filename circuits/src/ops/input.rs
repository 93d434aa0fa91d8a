//! Inputs of the model: units whose value is the input's, range-checked as any other.

use serde::{Deserialize, Serialize};

use super::{Made, Operation};
use crate::error::{GraphError, LayoutError};
use crate::graph::{Node, NodeId, QuantGraph};
use crate::groups::{units, Lane};
use crate::layout::arrange::{Arrangement, Grid};
use crate::layout::rows::Origin;

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

/// An input with one scale.
pub(crate) struct Input;

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

impl Operation for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn check(&self, _graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
        (node.inputs.is_empty()).then_some(()).ok_or("an input reads nothing")
    }

    fn make(&self, _graph: &QuantGraph, _node: &Node, _args: &[&[i32]]) -> Result<Made, GraphError> {
        Ok(Made::Values(Vec::new()))
    }

    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError> {
        let (slots, grid) = arrangement.free_slots(id, arrangement.lanes, Arrangement::reserve_units)?;
        let (row0, block_rows) = (arrangement.units.len(), slots.block_rows);
        let origins = arrangement.push_units(id, slots, |_| 0, None, 0..0);
        if let Some(Grid { view, spacing, offset }) = grid {
            arrangement.push_form(Lane::Units(units::Lane::X), arrangement.lanes, row0, block_rows, &view, spacing, offset, false);
        }
        Ok(origins)
    }
}

impl Operation for Features {
    fn name(&self) -> &'static str {
        Input.name()
    }

    fn check(&self, _graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
        let fits = node.inputs.is_empty() && self.fit(node.elements());
        fits.then_some(()).ok_or("features divide an input, and have scales above 0")
    }

    fn make(&self, graph: &QuantGraph, node: &Node, args: &[&[i32]]) -> Result<Made, GraphError> {
        Input.make(graph, node, args)
    }

    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError> {
        Input.place(arrangement, id)
    }
}
