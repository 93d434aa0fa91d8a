//! Maxima over windows: four values a row of the gather group, the maximum of each row one of the next.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Made, Operation};
use crate::error::{GraphError, LayoutError};
use crate::evaluate::MIN_ELEMENTS;
use crate::graph::{Node, NodeId, QuantGraph};
use crate::groups::{gather, Lane};
use crate::layout::arrange::{Arrangement, Grid, Step};
use crate::layout::rows::{Origin, Site};
use crate::number::index;
use crate::shape::GATHER_LANES;

/// `y[i] = max_t x[windows[i·window + t]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Max {
    /// Elements in a window.
    pub window: usize,
    /// Flat indices into the input, `window` for each output. A short window repeats an index.
    pub windows: Vec<u32>,
}

impl Operation for Max {
    fn name(&self) -> &'static str {
        "max"
    }

    fn check(&self, graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
        let n = node.inputs.first().map_or(0, |&x| graph.node(x).elements());
        let length = self.window.checked_mul(node.elements());
        let fits = self.window > 0 && Some(self.windows.len()) == length && self.windows.iter().all(|&i| index(i) < n);
        fits.then_some(()).ok_or("windows are indices into the input")
    }

    fn range(&self, node: &Node, _bits: u32, ranges: &[(i64, i64)]) -> (i64, i64) {
        node.inputs.first().map_or((0, 0), |id| ranges[id.0])
    }

    fn check_range(&self, bits: u32, (low, high): (i64, i64)) -> Result<(), &'static str> {
        (high - low < 1 << bits).then_some(()).ok_or("values of a maximum span less than 2^bits")
    }

    fn make(&self, _graph: &QuantGraph, _node: &Node, args: &[&[i32]]) -> Result<Made, GraphError> {
        let windows = self.windows.par_chunks(self.window).with_min_len(MIN_ELEMENTS.div_ceil(self.window));
        Ok(Made::Values(windows.map(|w| w.iter().map(|&i| args[0][index(i)]).max().unwrap_or(0)).collect()))
    }

    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError> {
        let node = arrangement.graph.node(id);
        let source: Vec<Origin> = arrangement.origins[node.inputs[0].0].clone();
        let (slots, grid) = arrangement.free_slots(id, 1, Arrangement::reserve_maxima)?;
        // The first row of a window takes four elements, each later one three.
        let heads = (self.window - 1).div_ceil(GATHER_LANES - 1).saturating_sub(1);
        arrangement.reserve_gather(node, node.elements().saturating_mul(heads))?;
        arrangement.room.has::<(Vec<Origin>, [Origin; GATHER_LANES])>(node.elements(), node)?;
        let (first_copy, first_row) = (arrangement.copies.len(), arrangement.gather.len());
        // Rows that take the head of a long window; the last row of each window follows with the others, in slot order.
        let mut tails: Vec<Vec<Origin>> = Vec::with_capacity(node.elements());
        for window in self.windows.chunks(self.window) {
            let (mut head, mut rest) = (None, window);
            while rest.len() + usize::from(head.is_some()) > GATHER_LANES {
                let (now, later) = rest.split_at(GATHER_LANES - usize::from(head.is_some()));
                let elements: Vec<Origin> = head.into_iter().chain(now.iter().map(|&i| source[index(i)])).collect();
                head = Some(Origin::Cell(Site { lane: Lane::Gather(gather::Lane::Max), row: arrangement.push_window(&elements) }));
                rest = later;
            }
            tails.push(head.into_iter().chain(rest.iter().map(|&i| source[index(i)])).collect());
        }
        let row0 = arrangement.gather.len();
        let mut origins = vec![Origin::Constant(0); node.elements()];
        for (slot, &element) in slots.elements.iter().enumerate() {
            let window = tails.get(index(element)).map(Vec::as_slice);
            let row = arrangement.push_maximum(window, slot % slots.block_rows != 0);
            if let Some(origin) = origins.get_mut(index(element)) {
                *origin = Origin::Cell(Site { lane: Lane::Gather(gather::Lane::Max), row });
            }
        }
        arrangement.steps.push(Step::Gather { rows: first_row..arrangement.gather.len(), copies: first_copy..arrangement.copies.len() });
        if let Some(Grid { view, spacing, offset }) = grid {
            arrangement.push_form(Lane::Gather(gather::Lane::XMax), 1, row0, slots.block_rows, &view, spacing, offset, false);
        }
        Ok(origins)
    }
}
