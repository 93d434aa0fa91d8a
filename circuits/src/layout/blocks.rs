//! Blocks: tensors laid out and evaluated block by block. A block is the elements of one channel over all positions, or those of one
//! position over all channels or over an equal part of them.
//!
//! ```text
//! channel slow     D = Σ_c a^(C−1−c) Σ_p b^(P−1−p) t[c, p]          blocks of a channel, evaluated in b
//! position slow    D = Σ_p b^(P−1−p) Σ_c a^(C−1−c) t[p, c]          blocks of a position, or of parts of it, evaluated in a
//! ```
//!
//! Both are one polynomial, so an identity holds a tensor in either order, whichever its readers want. Blocks end with the last lane of
//! their last row: their last element has exponent 0.

use crate::error::LayoutError;
use crate::graph::NodeId;
use crate::groups::units;
use crate::groups::Lane;
use crate::layout::arrange::{Arrangement, Part, Step};
use crate::layout::demand::{by_column, Spacing, View, NONE};
use crate::layout::identity::{Block, Factor, Identity, Product};
use crate::layout::rows::{Base, Origin, Site, Slots};
use crate::number::{fit, index};

/// A tensor in blocks.
pub(crate) struct Placed {
    /// Where its elements are.
    pub(crate) origins: Vec<Origin>,
    pub(crate) row0: usize,
    pub(crate) block_rows: usize,
    pub(crate) form: usize,
}

impl Arrangement<'_> {
    /// Places units in blocks of `view`, a block for each channel.
    pub(crate) fn place_blocks(
        &mut self,
        part: &Part,
        elements: usize,
        view: &View,
        bias: impl Fn(usize) -> i64,
    ) -> Result<Placed, LayoutError> {
        let [channels, .., length] = view.dims;
        let block_rows = length.div_ceil(self.lanes);
        let row0 = self.units.len();
        let origins = self.push_blocks(part, elements, view, bias)?;
        let form = self.unit_form(part, row0, [channels, length], &view.elements);
        Ok(Placed { origins, row0, block_rows, form })
    }

    /// Appends the units of blocks of `view`.
    fn push_blocks(&mut self, part: &Part, elements: usize, view: &View, bias: impl Fn(usize) -> i64) -> Result<Vec<Origin>, LayoutError> {
        let [channels, .., length] = view.dims;
        let block_rows = length.div_ceil(self.lanes);
        self.reserve_units(self.graph.node(part.node), channels.saturating_mul(block_rows.saturating_mul(self.lanes)))?;
        let (offset, spacing) = (block_rows * self.lanes - length, Spacing { row: length, image: 0 });
        let slots = Slots::grid(view.dims, &view.elements, spacing, offset, block_rows, self.lanes);
        Ok(self.push_part(part, elements, slots, bias, None, 0..0))
    }

    /// Registers blocks of units from a row on.
    fn unit_form(&mut self, part: &Part, row0: usize, [channels, length]: [usize; 2], elements: &[u32]) -> usize {
        let block_rows = length.div_ceil(self.lanes);
        let (offset, spacing) = (block_rows * self.lanes - length, Spacing { row: length, image: 0 });
        let view = View { dims: [channels, 1, 1, length], elements: elements.to_vec() };
        self.push_form(Lane::Units(units::Lane::X), self.lanes, row0, block_rows, &view, spacing, offset, part.kind.is_table())
    }

    /// Places values that nothing evaluates in any order.
    pub(crate) fn place_values(&mut self, part: &Part, elements: usize) -> Result<Vec<Origin>, LayoutError> {
        self.reserve_units(self.graph.node(part.node), elements.next_multiple_of(self.lanes))?;
        Ok(self.push_part(part, elements, Slots::natural(elements, self.lanes), |_| 0, None, 0..0))
    }

    /// Places units position by position, in parts of `length` channels that have evaluations of their own.
    pub(crate) fn place_rows(&mut self, part: &Part, [positions, channels, length]: [usize; 3]) -> Result<Placed, LayoutError> {
        let view = View::blocks(positions, channels);
        let row0 = self.units.len();
        let origins = self.push_blocks(part, positions * channels, &view, |_| 0)?;
        if let Some(Step::Units(step)) = self.steps.last_mut() {
            step.by_position = true;
        }
        self.split_blocks |= length < channels;
        // Parts of a row, if it has several, are whole rows of units: see `rows_of`.
        let rows = length.div_ceil(self.lanes);
        for (at, row) in self.units[row0..].iter_mut().enumerate() {
            (row.vector, row.keep_values) = (true, !at.is_multiple_of(rows));
        }
        let form = self.unit_form(part, row0, [positions * channels / length, length], &view.elements);
        Ok(Placed { origins, row0, block_rows: channels.div_ceil(self.lanes), form })
    }

    /// In parts of how many channels a node's output is wanted position by position, if it is and can be.
    pub(crate) fn rows_of(&self, node: NodeId, [positions, channels]: [usize; 2]) -> Option<usize> {
        if positions == 1 {
            return Some(channels);
        }
        let view = &self.demands[node.0].as_ref()?.view;
        let [blocks, 1, 1, length] = view.dims else { return None };
        if length == 1 || blocks * length != positions * channels || !channels.is_multiple_of(length) {
            return None;
        }
        let is_part = |block: &[u32]| {
            index(block[0]).is_multiple_of(length)
                && block.windows(2).all(|pair| pair[0] != NONE && Some(pair[1]) == pair[0].checked_add(1))
        };
        let mut seen = vec![false; blocks];
        let once = |block: &[u32]| seen.get_mut(index(block[0]) / length).is_some_and(|seen| !std::mem::replace(seen, true));
        let parts = view.elements.chunks(length).all(is_part) && view.elements.chunks(length).all(once);
        let whole_rows = length == channels || length.is_multiple_of(self.lanes);
        (parts && whole_rows).then_some(length)
    }

    /// Places the outputs of a node of `[positions, channels]` in the order that its readers want, and equates them with terms. A bias
    /// for each channel is part of the terms where positions come first.
    pub(crate) fn place_outputs(
        &mut self,
        part: &Part,
        dims: [usize; 2],
        mut terms: Vec<Product>,
        bias: Option<&[i64]>,
    ) -> Result<Vec<Origin>, LayoutError> {
        let [positions, channels] = dims;
        if let Some(length) = self.rows_of(part.node, dims) {
            if let Some(bias) = bias.filter(|bias| bias.iter().any(|&b| b != 0)) {
                let ones = self.ones(part.node, positions)?;
                terms.push(Product { jump: 0, factor: Factor::Cell(ones), block: Block::Given(bias.to_vec()) });
            }
            let placed = self.place_rows(part, [positions, channels, length])?;
            self.equate_rows(&placed, dims, terms, part.shift);
            return Ok(placed.origins);
        }
        let view = View::columns([1, positions, channels]);
        let placed = self.place_blocks(part, positions * channels, &view, |channel| bias.map_or(0, |bias| bias[channel]))?;
        self.equate(&placed, 1, vec![terms], part.shift);
        Ok(placed.origins)
    }

    /// Equates each group of channels of a tensor in blocks with its terms.
    pub(crate) fn equate(&mut self, placed: &Placed, groups: usize, terms: Vec<Vec<Product>>, shift: u32) {
        let channels = self.forms[placed.form].dims[0] / groups;
        for (group, products) in terms.into_iter().enumerate() {
            let result = self.combine([placed.row0, placed.block_rows], group * channels..(group + 1) * channels, Base::Channel);
            self.identities.push(Identity { result, outputs: channels, products, tail: 0, scale: self.scale(shift) });
        }
    }

    /// Equates a tensor of positions with its terms.
    pub(crate) fn equate_rows(&mut self, placed: &Placed, [positions, channels]: [usize; 2], products: Vec<Product>, shift: u32) {
        let result = self.combine([placed.row0, placed.block_rows], 0..positions, Base::Position);
        self.identities.push(Identity { result, outputs: channels, products, tail: 0, scale: self.scale(shift) });
    }

    /// `2^(bits − shift)`.
    pub(crate) fn scale(&self, shift: u32) -> u32 {
        1 << (self.graph.bits - shift)
    }

    /// Marks the rows in which blocks are combined in a base; answers where the result is.
    pub(crate) fn combine(&mut self, [row0, block_rows]: [usize; 2], blocks: std::ops::Range<usize>, base: Base) -> Site {
        let end = |block: usize| row0 + (block + 1) * block_rows - 1;
        let (first, last) = (end(blocks.start), end(blocks.end - 1));
        self.position_steps |= base == Base::Position && first < last;
        for row in first..=last {
            let ends = (row - row0 + 1).is_multiple_of(block_rows);
            let unit = &mut self.units[row];
            (unit.d_end, unit.d_hold) = (ends, !ends);
            *(if base == Base::Channel { &mut unit.d_step } else { &mut unit.d_step_position }) = ends && row != first;
        }
        Site { lane: Lane::Units(units::Lane::D), row: fit(last) }
    }

    /// The block of a form that holds exactly these elements in this order, and zeros where they are the constant 0, if it can be
    /// evaluated in a base.
    fn find_block(&self, elements: &[Origin], base: Base) -> Option<(usize, usize)> {
        let first = elements.iter().find_map(|origin| origin.site())?;
        let count = elements.iter().filter(|origin| origin.site().is_some()).count();
        let holds = |&&(form, channel): &&(usize, usize)| {
            let form = &self.forms[form];
            let [_, images, height, width] = form.dims;
            let matches = |(w, origin): (usize, &Origin)| match origin {
                Origin::Cell(site) => *site == form.site(channel, 0, 0, w),
                Origin::Constant(value) => *value == 0,
            };
            images * height == 1
                && width == elements.len()
                && form.tail() + 1 == width
                && form.bases[channel].is_none_or(|other| other == base)
                && index(form.num_elements[channel]) == count
                && elements.iter().enumerate().all(matches)
        };
        self.blocks_at.get(&first)?.iter().find(holds).copied()
    }

    /// Blocks of all rows of `length` elements, which can be evaluated in the channel challenge.
    fn find_rows(&self, elements: &[Origin], length: usize) -> Option<Vec<(usize, usize)>> {
        elements.chunks(length).map(|row| self.find_block(row, Base::Channel)).collect()
    }

    /// The evaluations of blocks of `length` elements in a base; what has none is copied where it gets one.
    pub(crate) fn evaluate_blocks(
        &mut self,
        input: NodeId,
        elements: &[Origin],
        length: usize,
        base: Base,
    ) -> Result<Vec<Site>, LayoutError> {
        let found: Vec<Option<(usize, usize)>> = elements.chunks(length).map(|block| self.find_block(block, base)).collect();
        let missing: Vec<Origin> =
            elements.chunks(length).zip(&found).filter(|(_, found)| found.is_none()).flat_map(|(block, _)| block.iter().copied()).collect();
        let mut copies = 0..0;
        let mut copied = 0;
        if !missing.is_empty() {
            copies = 0..missing.len() / length;
            let view = View::blocks(copies.end, length);
            copied = self.materialise(input, &missing, &view, Spacing { row: length, image: 0 })?;
        }
        let mut sites = Vec::with_capacity(found.len());
        for block in found {
            let (form, channel) = block.unwrap_or_else(|| (copied, copies.next().unwrap_or(0)));
            sites.push(self.evaluate(form, channel, base));
        }
        Ok(sites)
    }

    /// Evaluates a channel of a form in a base.
    pub(crate) fn evaluate(&mut self, form: usize, channel: usize, base: Base) -> Site {
        let form = &mut self.forms[form];
        form.bases[channel] = Some(base);
        let rows = form.rows(channel);
        match form.column {
            Lane::Units(_) => {
                self.units[rows].iter_mut().for_each(|row| (row.sum, row.channel) = (base == Base::One, base == Base::Channel));
            }
            _ => self.gather[rows].iter_mut().for_each(|row| (row.sum, row.channel) = (base == Base::One, base == Base::Channel)),
        }
        form.evaluation(channel)
    }

    /// Evaluates every channel of a form in a base.
    pub(crate) fn evaluations(&mut self, form: usize, base: Base) -> Vec<Site> {
        (0..self.forms[form].dims[0]).map(|channel| self.evaluate(form, channel, base)).collect()
    }

    /// The evaluations of the second functions of a form's channels, in the base of the first.
    pub(crate) fn second_evaluations(&self, form: usize) -> Vec<Site> {
        let form = &self.forms[form];
        (0..form.dims[0]).map(|channel| Site { lane: Lane::Units(units::Lane::X2), ..form.evaluation(channel) }).collect()
    }

    /// The evaluations of rows whose squares can be summed: blocks of values of units.
    pub(crate) fn square_blocks(&mut self, elements: &[Origin], length: usize) -> Option<Vec<Site>> {
        let found = self.find_rows(elements, length)?;
        let fits = |&(form, _): &(usize, usize)| {
            let form = &self.forms[form];
            form.column == Lane::Units(units::Lane::X) && !form.table
        };
        found.iter().all(fits).then(|| found.into_iter().map(|(form, channel)| self.evaluate(form, channel, Base::Channel)).collect())
    }

    /// The sum of squares of what an evaluation of units evaluates.
    pub(crate) fn squares(&self, evaluation: Site) -> Site {
        Site { lane: Lane::Units(units::Lane::Squares), ..evaluation }
    }

    /// `factor · x` of `[positions, channels]`, as terms of an identity with an output for each channel. Where `x` lies position by
    /// position, the sum is multiplied between them: such terms come first.
    pub(crate) fn scaled_terms(
        &mut self,
        input: NodeId,
        [positions, channels]: [usize; 2],
        factor: i32,
    ) -> Result<Vec<Product>, LayoutError> {
        let value = i64::from(factor);
        let elements = self.origins[input.0].clone();
        if let Some(rows) = self.find_rows(&elements, channels).filter(|_| channels > 1) {
            let term = |(p, (form, channel)): (usize, (usize, usize))| Product {
                jump: u32::from(p > 0),
                factor: Factor::Cell(self.evaluate(form, channel, Base::Channel)),
                block: Block::One { output: channels - 1, value },
            };
            return Ok(rows.into_iter().enumerate().map(term).collect());
        }
        let by_channel: Vec<Origin> = by_column([1, positions, channels]).map(|at| elements[at]).collect();
        let sites = self.evaluate_blocks(input, &by_channel, positions, Base::Position)?;
        let term = |(output, site)| Product { jump: 0, factor: Factor::Cell(site), block: Block::One { output, value } };
        Ok(sites.into_iter().enumerate().map(term).collect())
    }

    /// The evaluation of ones at so many positions.
    fn ones(&mut self, node: NodeId, positions: usize) -> Result<Site, LayoutError> {
        if let Some(&site) = self.ones_at.get(&positions) {
            return Ok(site);
        }
        let ones = vec![Origin::Constant(1); positions];
        let form = self.materialise(node, &ones, &View::blocks(1, positions), Spacing { row: positions, image: 0 })?;
        let site = self.evaluate(form, 0, Base::Position);
        self.ones_at.insert(positions, site);
        Ok(site)
    }
}
