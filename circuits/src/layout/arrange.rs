//! Arrangement: every tensor in lanes and rows, every linear layer as identities. Independent of the weight lanes.

use std::collections::{BTreeMap, HashMap};

use crate::error::LayoutError;
use crate::graph::{Activation, Node, NodeId, QuantGraph};
use crate::groups::gather::GatherRow;
use crate::groups::roots::Root;
use crate::groups::units::{self, UnitRow};
use crate::groups::Lane;
use crate::layout::bounds;
use crate::layout::demand::{demands, Demand, Spacing, View, NONE};
use crate::layout::identity::{Identity, Product};
use crate::layout::packing::{PublicNode, Run};
use crate::layout::room::{check_rows, Room};
use crate::layout::rows::{Base, Form, Origin, Site, Slots};
use crate::number::{self, fit};
use crate::shape::GATHER_LANES;

/// What a vector takes that grows: up to twice its length.
pub(crate) const GROWN: usize = 2;

/// A part of the first phase of the witness, in the order in which it can be computed.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Units of a node: cells of `copies` first, then the units from the accumulators.
    Units(UnitStep),
    /// Rows of the gather group: cells of `copies`, and the maximum of each row.
    Gather { rows: std::ops::Range<usize>, copies: std::ops::Range<usize> },
}

/// Units of one tensor: that of a node, or one that its operation has beside it.
#[derive(Clone, Debug)]
pub(crate) struct UnitStep {
    pub(crate) node: NodeId,
    /// Which of its tensors; 0 is the node's own.
    pub(crate) part: usize,
    pub(crate) kind: Kind,
    pub(crate) shift: u32,
    /// It lies position by position, and its accumulators have the bias.
    pub(crate) by_position: bool,
    pub(crate) row0: usize,
    pub(crate) slots: Slots,
    pub(crate) copies: std::ops::Range<usize>,
    /// For images: how the accumulators of all slots, wanted or not, come about.
    pub(crate) flat: Option<FlatConvolution>,
}

impl Step {
    /// The units, if it is of them.
    pub(crate) fn units(&self) -> Option<&UnitStep> {
        match self {
            Self::Units(step) => Some(step),
            Self::Gather { .. } => None,
        }
    }
}

/// What units hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value of the witness, signed.
    Signed,
    /// A value of the witness that is not negative.
    Positive,
    /// A requantised accumulator.
    None,
    /// The same, and its positive part is the value.
    Relu,
    /// The same, and the value is a table's.
    Table(usize),
}

/// A tensor that is to be placed in units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) node: NodeId,
    /// As in [`UnitStep`].
    pub(crate) index: usize,
    pub(crate) kind: Kind,
    pub(crate) shift: u32,
}

impl Kind {
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Table(_))
    }

    /// Whether its units are in two parts of which one is zero.
    fn is_split(self) -> bool {
        matches!(self, Self::Relu | Self::Positive)
    }
}

impl Part {
    /// The tensor of a node.
    pub(crate) fn of(node: &Node, id: NodeId) -> Self {
        let kind = match node.activation() {
            None => Kind::Signed,
            Some(Activation::None) => Kind::None,
            Some(Activation::Relu) => Kind::Relu,
            Some(Activation::Table(table)) => Kind::Table(table),
        };
        Self { node: id, index: 0, kind, shift: node.shift }
    }
}

/// A linear layer as a convolution of flat blocks: `t[o, σ + shift] += w · x[c, σ]`.
#[derive(Clone, Debug)]
pub(crate) struct FlatConvolution {
    pub(crate) spacing: Spacing,
    pub(crate) terms: Vec<FlatTerm>,
}

/// One term of a [`FlatConvolution`].
#[derive(Clone, Debug)]
pub(crate) struct FlatTerm {
    pub(crate) view: View,
    /// For each kernel element: its index, its phase, and the slot that the input's first slot moves to.
    pub(crate) taps: Vec<(usize, usize, usize)>,
    pub(crate) phases: usize,
}

/// How a tensor that may choose its order lies: its last element ends a block.
pub(crate) struct Grid {
    pub(crate) view: View,
    pub(crate) spacing: Spacing,
    pub(crate) offset: usize,
}

/// Everything but the weight group.
#[derive(Debug)]
pub(crate) struct Arrangement<'g> {
    pub(crate) graph: &'g QuantGraph,
    pub(crate) lanes: usize,
    pub(crate) grids: bool,
    pub(crate) units: Vec<UnitRow>,
    /// Factor and constant of element-wise rows, by row and lane.
    pub(crate) lane_factors: BTreeMap<usize, Vec<(i64, i64)>>,
    pub(crate) gather: Vec<GatherRow>,
    pub(crate) copies: Vec<(Site, Site)>,
    pub(crate) constants: Vec<i32>,
    pub(crate) identities: Vec<Identity>,
    /// Public values of packed tensors.
    pub(crate) runs: Vec<Run>,
    /// Factors of normalised rows.
    pub(crate) roots: Vec<Root>,
    /// Number of public values.
    pub(crate) num_instances: usize,
    pub(crate) steps: Vec<Step>,
    /// Where each element of each node is.
    pub(crate) origins: Vec<Vec<Origin>>,
    pub(crate) forms: Vec<Form>,
    forms_at: HashMap<Site, Vec<usize>>,
    /// Forms and channels by the first cell of each block.
    pub(crate) blocks_at: HashMap<Site, Vec<(usize, usize)>>,
    /// Evaluations of ones, by their number.
    pub(crate) ones_at: HashMap<usize, Site>,
    constants_at: HashMap<i32, usize>,
    /// Evaluations of values begin within a block of accumulators.
    pub(crate) split_blocks: bool,
    /// Blocks are combined in the position challenge.
    pub(crate) position_steps: bool,
    pub(crate) demands: Vec<Option<Demand>>,
    /// The least and the largest value of each node.
    pub(crate) ranges: Vec<(i64, i64)>,
    pub(crate) room: Room,
}

impl<'g> Arrangement<'g> {
    /// Arranges a graph in rows of `lanes` units; `public` tensors go to the instance in their order.
    ///
    /// # Errors
    /// It takes more memory than there is room, or a group has more rows than any circuit.
    pub(crate) fn new(graph: &'g QuantGraph, lanes: usize, public: &[PublicNode], mut room: Room) -> Result<Self, LayoutError> {
        let grids = graph.nodes.iter().any(|n| n.op.operation().is_grid(n));
        let mut this = Self {
            graph,
            lanes,
            grids,
            units: Vec::new(),
            lane_factors: BTreeMap::new(),
            gather: Vec::new(),
            copies: Vec::new(),
            constants: Vec::new(),
            identities: Vec::new(),
            runs: Vec::new(),
            roots: Vec::new(),
            num_instances: 0,
            steps: Vec::new(),
            origins: Vec::with_capacity(graph.nodes.len()),
            forms: Vec::new(),
            forms_at: HashMap::new(),
            blocks_at: HashMap::new(),
            ones_at: HashMap::new(),
            constants_at: HashMap::new(),
            split_blocks: false,
            position_steps: false,
            demands: demands(graph, &mut room)?,
            ranges: bounds::ranges(graph),
            room,
        };
        for (index, node) in graph.nodes.iter().enumerate() {
            let id = NodeId(index);
            this.room.take::<Origin>(node.elements(), node)?;
            let origins = node.op.operation().place(&mut this, id)?;
            this.origins.push(origins);
        }
        for tensor in public {
            this.room.take::<(Site, Site)>(GROWN * tensor.elements, graph.node(tensor.node))?;
            this.publish(tensor);
        }
        check_rows(this.num_instances)?;
        Ok(this)
    }

    /// Room for the units of a node in so many slots, before there are any.
    pub(crate) fn reserve_units(&mut self, node: &Node, slots: usize) -> Result<(), LayoutError> {
        let rows = slots.div_ceil(self.lanes);
        check_rows(self.units.len().saturating_add(rows))?;
        self.room.take::<u32>(slots, node)?;
        self.room.take::<UnitRow>(GROWN * rows, node)
    }

    /// Room for rows of the gather group, and a copy into each of their lanes.
    pub(crate) fn reserve_gather(&mut self, node: &Node, rows: usize) -> Result<(), LayoutError> {
        check_rows(self.gather.len().saturating_add(rows))?;
        self.room.take::<GatherRow>(GROWN * rows, node)?;
        self.room.take::<(Site, Site)>(GROWN * GATHER_LANES * rows, node)
    }

    /// Copies a tensor to the instance, or packs it in runs.
    fn publish(&mut self, tensor: &PublicNode) {
        let origins = self.origins[tensor.node.0].clone();
        let Some(packing) = tensor.packing else {
            for (row, origin) in (self.num_instances..).zip(&origins) {
                self.copy(*origin, Site { lane: Lane::Instance, row: fit(row) });
            }
            self.num_instances += origins.len();
            return;
        };
        for digits in origins.chunks(packing.digits()) {
            let digits = digits.iter().map(|origin| self.site(*origin)).collect();
            self.runs.push(Run { radix: packing.radix(), digits, row: fit(self.num_instances) });
            self.num_instances += 1;
        }
    }

    /// Rows of the weight group that pack public values.
    pub(crate) fn packing_rows(&self) -> usize {
        self.runs.iter().map(|run| run.digits.len()).sum()
    }

    /// Whether something is evaluated in a base.
    pub(crate) fn has_base(&self, base: Base) -> bool {
        self.forms.iter().any(|form| form.bases.contains(&Some(base)))
    }

    /// Constrains `to` to the value of `from`.
    pub(crate) fn copy(&mut self, from: Origin, to: Site) {
        let from = self.site(from);
        self.copies.push((from, to));
    }

    /// The cell of a value; a constant is given one.
    fn site(&mut self, origin: Origin) -> Site {
        match origin {
            Origin::Cell(site) => site,
            Origin::Constant(value) => {
                let row = *self.constants_at.entry(value).or_insert_with(|| {
                    self.constants.push(value);
                    self.constants.len() - 1
                });
                Site { lane: Lane::Constant, row: fit(row) }
            }
        }
    }

    /// Where the elements of a view of a node are; zeros are constants.
    pub(crate) fn view_origins(&self, input: NodeId, view: &View) -> Vec<Origin> {
        let origins = &self.origins[input.0];
        view.elements.iter().map(|&e| if e == NONE { Origin::Constant(0) } else { origins[number::index(e)] }).collect()
    }

    /// Appends the units of a node and answers where its elements are; `bias(block)` is that of a channel.
    pub(crate) fn push_units(
        &mut self,
        id: NodeId,
        slots: Slots,
        bias: impl Fn(usize) -> i64,
        flat: Option<FlatConvolution>,
        copies: std::ops::Range<usize>,
    ) -> Vec<Origin> {
        let node = self.graph.node(id);
        self.push_part(&Part::of(node, id), node.elements(), slots, bias, flat, copies)
    }

    /// Appends the units of a tensor and answers where its elements are.
    pub(crate) fn push_part(
        &mut self,
        part: &Part,
        elements: usize,
        slots: Slots,
        bias: impl Fn(usize) -> i64,
        flat: Option<FlatConvolution>,
        copies: std::ops::Range<usize>,
    ) -> Vec<Origin> {
        let Part { node, index: number, kind, shift } = *part;
        let relu = kind.is_split();
        let half = 1i64 << (self.graph.bits - 1);
        let offset = if relu { 0 } else { half << self.graph.bits };
        let scale = i64::from(self.scale(shift));
        let tag = if let Kind::Table(i) = kind { fit::<_, u32>(i + 1) } else { 0 };
        let row0 = self.units.len();
        let mut origins = vec![Origin::Constant(0); elements];
        for (index, lanes) in slots.elements.chunks(self.lanes).enumerate() {
            let mut bits = 0u64;
            for (j, &element) in lanes.iter().enumerate().filter(|(_, &e)| e != NONE) {
                bits |= 1 << j;
                let lane = if tag > 0 { Lane::Units(units::Lane::Output(fit(j))) } else { Lane::Units(units::Lane::Value(fit(j))) };
                origins[number::index(element)] = Origin::Cell(Site { lane, row: fit(row0 + index) });
            }
            self.units.push(UnitRow {
                mask: if tag > 0 { 0 } else { bits },
                table_mask: if tag > 0 { bits } else { 0 },
                relu,
                signed: !relu,
                keep: index % slots.block_rows != 0,
                keep_values: index % slots.block_rows != 0,
                tag,
                constant: half + bias(index / slots.block_rows) * scale - offset,
                ..UnitRow::default()
            });
        }
        self.steps.push(Step::Units(UnitStep { node, part: number, kind, shift, by_position: false, row0, slots, copies, flat }));
        origins
    }

    /// Slots for a node that may choose its order, for which `reserve` makes room, and the form if it is a grid.
    pub(crate) fn free_slots(
        &mut self,
        id: NodeId,
        lanes: usize,
        reserve: impl Fn(&mut Self, &Node, usize) -> Result<(), LayoutError>,
    ) -> Result<(Slots, Option<Grid>), LayoutError> {
        let node = self.graph.node(id);
        let elements = node.elements();
        self.room.has::<u8>(elements, node)?;
        if let Some(Demand { view, spacing }) = &self.demands[id.0] {
            let mut seen = vec![false; elements];
            let each_once = view.elements.iter().filter(|&&e| e != NONE).all(|&e| !std::mem::replace(&mut seen[number::index(e)], true));
            if each_once && seen.iter().all(|&s| s) {
                let (view, spacing) = (view.clone(), *spacing);
                let last = spacing.slot(view.dims[1] - 1, view.dims[2] - 1, view.dims[3] - 1);
                let block_rows = last / lanes + 1;
                reserve(self, node, view.dims[0].saturating_mul(block_rows).saturating_mul(lanes))?;
                let offset = block_rows * lanes - last - 1;
                let slots = Slots::grid(view.dims, &view.elements, spacing, offset, block_rows, lanes);
                return Ok((slots, Some(Grid { view, spacing, offset })));
            }
        }
        reserve(self, node, elements.div_ceil(lanes).saturating_mul(lanes))?;
        Ok((Slots::natural(elements, lanes), None))
    }

    /// Room for rows of maxima, each of one element.
    pub(crate) fn reserve_maxima(&mut self, node: &Node, rows: usize) -> Result<(), LayoutError> {
        self.reserve_gather(node, rows)?;
        self.room.take::<u32>(rows, node)
    }

    /// The outputs of a dense layer, and its identity.
    pub(crate) fn vector(&mut self, id: NodeId, node: &Node, products: Vec<Product>) -> Result<Vec<Origin>, LayoutError> {
        let row0 = self.units.len();
        self.reserve_units(node, node.elements().next_multiple_of(self.lanes))?;
        let origins = self.push_units(id, Slots::vector(node.elements(), self.lanes), |_| 0, None, 0..0);
        let last = self.units.len() - 1;
        for row in &mut self.units[row0..] {
            row.vector = self.grids;
        }
        self.units[last].d_end = self.grids;
        let result = Site { lane: if self.grids { Lane::Units(units::Lane::D) } else { Lane::Units(units::Lane::Y) }, row: fit(last) };
        let scale = self.scale(node.shift);
        self.identities.push(Identity { result, outputs: node.elements(), products, tail: 0, scale });
        Ok(origins)
    }

    /// Registers a grid.
    #[expect(clippy::too_many_arguments, reason = "the fields of a form")]
    pub(crate) fn push_form(
        &mut self,
        column: Lane,
        lanes: usize,
        row0: usize,
        block_rows: usize,
        view: &View,
        spacing: Spacing,
        offset: usize,
        table: bool,
    ) -> usize {
        let [channels, _, height, width] = view.dims;
        let size = view.elements.len() / channels.max(1);
        let blocks = view.elements.chunks(size.max(1));
        let num_elements = blocks.clone().map(|block| fit(block.iter().filter(|&&e| e != NONE).count())).collect();
        let bases = vec![None; channels];
        let form = Form { column, lanes, row0, block_rows, dims: view.dims, spacing, offset, num_elements, bases, table };
        self.forms_at.entry(form.site(0, 0, 0, 0)).or_default().push(self.forms.len());
        if size == width && height == 1 {
            for (channel, block) in blocks.enumerate() {
                if let Some(first) = block.iter().position(|&e| e != NONE) {
                    self.blocks_at.entry(form.site(channel, 0, 0, first)).or_default().push((self.forms.len(), channel));
                }
            }
        }
        self.forms.push(form);
        self.forms.len() - 1
    }

    /// A form that holds exactly these elements in this order, and zeros where they are the constant 0; for sums, images and
    /// rows may be cut otherwise.
    pub(crate) fn find_form(&self, origins: &[Origin], view: &View, fits: impl Fn(&Form) -> bool, sum: bool) -> Option<usize> {
        let Some(Origin::Cell(first)) = origins.first() else { return None };
        let count = origins.iter().filter(|o| matches!(o, Origin::Cell(_))).count();
        let positions: usize = view.dims[1..].iter().product();
        let candidates = self.forms_at.get(first)?;
        candidates.iter().copied().find(|&index| {
            let form = &self.forms[index];
            let same_dims = if sum {
                form.dims[0] == view.dims[0] && form.dims[1..].iter().product::<usize>() == positions
            } else {
                form.dims == view.dims
            };
            same_dims && form.num_elements.iter().map(|&n| number::index(n)).sum::<usize>() == count && fits(form) && {
                let [channels, images, height, width] = form.dims;
                let mut next = origins.iter();
                (0..channels).all(|c| {
                    (0..images).all(|n| {
                        (0..height).all(|h| {
                            (0..width).all(|w| match next.next() {
                                Some(Origin::Cell(site)) => *site == form.site(c, n, h, w),
                                other => other == Some(&Origin::Constant(0)),
                            })
                        })
                    })
                })
            }
        })
    }
}
