//! Arrangement of the gather group: rows of maxima, and tensors copied into the order that a layer wants.

use crate::error::LayoutError;
use crate::graph::NodeId;
use crate::groups::gather::{self, GatherRow};
use crate::groups::Lane;
use crate::layout::arrange::{Arrangement, Step};
use crate::layout::demand::{Spacing, View, NONE};
use crate::layout::rows::{Origin, Site, Slots};
use crate::number::{self, fit};
use crate::shape::GATHER_LANES;

impl Arrangement<'_> {
    /// A row of the gather group with up to four elements; the first is repeated.
    pub(crate) fn push_window(&mut self, elements: &[Origin]) -> u32 {
        let row = fit(self.gather.len());
        self.gather.push(GatherRow::default());
        for j in 0..GATHER_LANES {
            self.copy(elements[if j < elements.len() { j } else { 0 }], Site { lane: Lane::Gather(gather::Lane::Value(fit(j))), row });
        }
        row
    }

    /// The last row of a window, whose maximum is evaluated; without a window, a zero.
    pub(crate) fn push_maximum(&mut self, window: Option<&[Origin]>, keep: bool) -> u32 {
        let row = match window {
            Some(window) => self.push_window(window),
            None => {
                self.gather.push(GatherRow::default());
                fit(self.gather.len() - 1)
            }
        };
        let last = &mut self.gather[number::index(row)];
        (last.max_mask, last.max_keep) = (window.is_some(), keep);
        row
    }

    /// Copies a view of a node into the gather group: four values a row, or one if values of a row, and the zeros beside
    /// them, could span more than a maximum may.
    pub(crate) fn materialise(&mut self, input: NodeId, origins: &[Origin], view: &View, spacing: Spacing) -> Result<usize, LayoutError> {
        let (low, high) = self.ranges[input.0];
        let wide = high.max(0) - low.min(0) >= 1 << self.graph.bits;
        let (column, lanes) = if wide { (Lane::Gather(gather::Lane::XMax), 1) } else { (Lane::Gather(gather::Lane::X), GATHER_LANES) };
        let last = spacing.slot(view.dims[1] - 1, view.dims[2] - 1, view.dims[3] - 1);
        let block_rows = last / lanes + 1;
        let (row0, first) = (self.gather.len(), self.copies.len());
        let (node, rows) = (self.graph.node(input), view.dims[0].saturating_mul(block_rows));
        self.reserve_gather(node, rows)?;
        self.room.has::<u32>(origins.len() + rows * lanes, node)?;
        let index: Vec<u32> = origins.iter().enumerate().map(|(i, o)| if *o == Origin::Constant(0) { NONE } else { fit(i) }).collect();
        let offset = block_rows * lanes - last - 1;
        let slots = Slots::grid(view.dims, &index, spacing, offset, block_rows, lanes);
        for (row, lanes) in slots.elements.chunks(lanes).enumerate() {
            let keep = row % block_rows != 0;
            if wide {
                self.push_maximum(origins.get(number::index(lanes[0])).map(std::slice::from_ref), keep);
                continue;
            }
            let mut mask = 0;
            for (j, &i) in lanes.iter().enumerate().filter(|(_, &i)| i != NONE) {
                mask |= 1 << j;
                self.copy(origins[number::index(i)], Site { lane: Lane::Gather(gather::Lane::Value(fit(j))), row: fit(row0 + row) });
            }
            self.gather.push(GatherRow { mask, keep, ..GatherRow::default() });
        }
        self.steps.push(Step::Gather { rows: row0..self.gather.len(), copies: first..self.copies.len() });
        let view = View { dims: view.dims, elements: index };
        Ok(self.push_form(column, lanes, row0, block_rows, &view, spacing, offset, false))
    }
}
