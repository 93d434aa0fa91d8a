//! Arrangement: every tensor in lanes and rows, every linear layer as identities. Independent of the weight lanes.

use std::collections::{BTreeMap, HashMap};

use crate::graph::{Activation, Elementwise, Max, Node, NodeId, Op, QuantGraph, Reduce, Source};
use crate::layout::bounds;
use crate::layout::demand::{demands, Demand, Spacing, View, NONE};
use crate::layout::identity::{Block, Factor, Identity, Product};
use crate::layout::packing::{PublicNode, Run};
use crate::layout::rows::{Form, GatherRow, Lane, Origin, Site, Slots, UnitRow};
use crate::shape::GATHER_LANES;

/// A part of the first phase of the witness, in the order in which it can be computed.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Units of a node: cells of `copies` first, then the units from the accumulators.
    Units(UnitStep),
    /// Rows of the gather group: cells of `copies`, and the maximum of each row.
    Gather { rows: std::ops::Range<usize>, copies: std::ops::Range<usize> },
}

/// Units of one node.
#[derive(Clone, Debug)]
pub(crate) struct UnitStep {
    pub(crate) node: NodeId,
    pub(crate) row0: usize,
    pub(crate) slots: Slots,
    pub(crate) copies: std::ops::Range<usize>,
    /// For images: how the accumulators of all slots, wanted or not, come about.
    pub(crate) flat: Option<FlatConvolution>,
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

/// Everything but the weight group.
#[derive(Debug)]
pub(crate) struct Arrangement<'g> {
    pub(crate) graph: &'g QuantGraph,
    pub(crate) lanes: usize,
    pub(crate) grids: bool,
    pub(crate) units: Vec<UnitRow>,
    /// Factor and constant of element-wise rows, by row and lane.
    pub(crate) lane_factors: BTreeMap<usize, Vec<(i32, i64)>>,
    pub(crate) gather: Vec<GatherRow>,
    pub(crate) copies: Vec<(Site, Site)>,
    pub(crate) constants: Vec<i32>,
    pub(crate) identities: Vec<Identity>,
    /// Public values of packed tensors.
    pub(crate) runs: Vec<Run>,
    /// Number of public values.
    pub(crate) num_instances: usize,
    pub(crate) steps: Vec<Step>,
    /// Where each element of each node is.
    pub(crate) origins: Vec<Vec<Origin>>,
    pub(crate) forms: Vec<Form>,
    forms_at: HashMap<Site, Vec<usize>>,
    constants_at: HashMap<i32, usize>,
    pub(crate) demands: Vec<Option<Demand>>,
    /// The least and the largest value of each node.
    ranges: Vec<(i64, i64)>,
}

impl<'g> Arrangement<'g> {
    /// Arranges a graph in rows of `lanes` units; `public` tensors go to the instance in their order.
    pub(crate) fn new(graph: &'g QuantGraph, lanes: usize, public: &[PublicNode]) -> Self {
        let grids = graph.nodes.iter().any(|n| match &n.op {
            Op::Linear(l) => !crate::layout::demand::linear_form(l, &n.shape).vector,
            Op::Reduce(_) => true,
            _ => false,
        });
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
            num_instances: 0,
            steps: Vec::new(),
            origins: Vec::with_capacity(graph.nodes.len()),
            forms: Vec::new(),
            forms_at: HashMap::new(),
            constants_at: HashMap::new(),
            demands: demands(graph),
            ranges: bounds::ranges(graph),
        };
        for (index, node) in graph.nodes.iter().enumerate() {
            let id = NodeId(index);
            let origins = match &node.op {
                Op::Input | Op::Features(_) => this.input(id, node),
                Op::Linear(linear) => this.linear(id, node, linear),
                Op::Reduce(reduce) => this.reduce(id, node, reduce),
                Op::Elementwise(elementwise) => this.elementwise(id, node, elementwise),
                Op::Max(max) => this.max(id, node, max),
                Op::Gather(gather) => gather.sources.iter().map(|s| this.source(node, *s)).collect(),
            };
            this.origins.push(origins);
        }
        public.iter().for_each(|tensor| this.publish(tensor));
        this
    }

    /// Copies a tensor to the instance, or packs it in runs.
    fn publish(&mut self, tensor: &PublicNode) {
        let origins = self.origins[tensor.node.0].clone();
        let Some(packing) = tensor.packing else {
            for (row, origin) in (self.num_instances..).zip(&origins) {
                self.copy(*origin, Site { lane: Lane::Instance, row: row as u32 });
            }
            self.num_instances += origins.len();
            return;
        };
        for digits in origins.chunks(packing.digits()) {
            let digits = digits.iter().map(|origin| self.site(*origin)).collect();
            self.runs.push(Run { radix: packing.radix(), digits, row: self.num_instances as u32 });
            self.num_instances += 1;
        }
    }

    /// Rows of the weight group that pack public values.
    pub(crate) fn packing_rows(&self) -> usize {
        self.runs.iter().map(|run| run.digits.len()).sum()
    }

    fn source(&self, node: &Node, source: Source) -> Origin {
        match source {
            Source::Constant(value) => Origin::Constant(value),
            Source::Element { input, index } => self.origins[node.inputs[input as usize].0][index as usize],
        }
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
                Site { lane: Lane::Constant, row: row as u32 }
            }
        }
    }

    /// Where the elements of a view of a node are; zeros are constants.
    pub(crate) fn view_origins(&self, input: NodeId, view: &View) -> Vec<Origin> {
        let origins = &self.origins[input.0];
        view.elements.iter().map(|&e| if e == NONE { Origin::Constant(0) } else { origins[e as usize] }).collect()
    }

    /// Appends the units of a node and answers where its elements are. `constant(block)` is the row constant less half and
    /// offset: the bias of a channel.
    pub(crate) fn push_units(
        &mut self,
        id: NodeId,
        slots: Slots,
        bias: impl Fn(usize) -> i64,
        flat: Option<FlatConvolution>,
        copies: std::ops::Range<usize>,
    ) -> Vec<Origin> {
        let node = self.graph.node(id);
        let activation = node.activation().unwrap_or(Activation::None);
        let relu = activation == Activation::Relu;
        let half = 1i64 << (self.graph.bits - 1);
        let offset = if relu { 0 } else { half << self.graph.bits };
        let tag = if let Activation::Table(i) = activation { i as u16 + 1 } else { 0 };
        let row0 = self.units.len();
        let mut origins = vec![Origin::Constant(0); node.elements()];
        for (index, lanes) in slots.elements.chunks(self.lanes).enumerate() {
            let mut bits = 0u64;
            for (j, &element) in lanes.iter().enumerate().filter(|(_, &e)| e != NONE) {
                bits |= 1 << j;
                let lane = if tag > 0 { Lane::F(j as u16) } else { Lane::U(j as u16) };
                origins[element as usize] = Origin::Cell(Site { lane, row: (row0 + index) as u32 });
            }
            self.units.push(UnitRow {
                mask: if tag > 0 { 0 } else { bits },
                table_mask: if tag > 0 { bits } else { 0 },
                relu,
                signed: !relu,
                keep: index % slots.block_rows != 0,
                tag,
                constant: half + bias(index / slots.block_rows) - offset,
                ..UnitRow::default()
            });
        }
        self.steps.push(Step::Units(UnitStep { node: id, row0, slots, copies, flat }));
        origins
    }

    /// Slots for a node that may choose its order, and the form if it is a grid.
    fn free_slots(&self, id: NodeId, lanes: usize) -> (Slots, Option<(View, Spacing)>) {
        let elements = self.graph.node(id).elements();
        if let Some(Demand { view, spacing }) = &self.demands[id.0] {
            let mut seen = vec![false; elements];
            let each_once = view.elements.iter().filter(|&&e| e != NONE).all(|&e| !std::mem::replace(&mut seen[e as usize], true));
            if each_once && seen.iter().all(|&s| s) {
                let last = spacing.slot(view.dims[1] - 1, view.dims[2] - 1, view.dims[3] - 1);
                let slots = Slots::grid(view.dims, &view.elements, *spacing, 0, last / lanes + 1, lanes);
                return (slots, Some((view.clone(), *spacing)));
            }
        }
        (Slots::natural(elements, lanes), None)
    }

    fn input(&mut self, id: NodeId, _node: &Node) -> Vec<Origin> {
        let (slots, grid) = self.free_slots(id, self.lanes);
        let (row0, block_rows) = (self.units.len(), slots.block_rows);
        let origins = self.push_units(id, slots, |_| 0, None, 0..0);
        if let Some((view, spacing)) = grid {
            self.push_form(Lane::X, self.lanes, row0, block_rows, &view, spacing, 0, false);
        }
        origins
    }

    fn elementwise(&mut self, id: NodeId, node: &Node, e: &Elementwise) -> Vec<Origin> {
        let (slots, grid) = self.free_slots(id, self.lanes);
        let (row0, block_rows, first) = (self.units.len(), slots.block_rows, self.copies.len());
        for (index, lanes) in slots.elements.chunks(self.lanes).enumerate() {
            let row = (row0 + index) as u32;
            let mut factors = vec![(0, 0); self.lanes];
            for (j, &element) in lanes.iter().enumerate().filter(|(_, &x)| x != NONE) {
                let i = element as usize;
                let at = |len: usize| if len == 1 { 0 } else { i };
                factors[j] = (e.ca[at(e.ca.len())], e.c[at(e.c.len())]);
                self.copy(self.origins[node.inputs[0].0][i], Site { lane: Lane::E(j as u16), row });
                if let Some(second) = node.inputs.get(1) {
                    self.copy(self.origins[second.0][i], Site { lane: Lane::E2(j as u16), row });
                }
            }
            self.lane_factors.insert(row0 + index, factors);
        }
        let copies = first..self.copies.len();
        let rows = row0..row0 + slots.elements.len() / self.lanes;
        let origins = self.push_units(id, slots, |_| 0, None, copies);
        for row in &mut self.units[rows] {
            (row.elementwise, row.cb, row.cm) = (true, e.cb, e.cm);
        }
        if let Some((view, spacing)) = grid {
            let table = matches!(e.activation, Activation::Table(_));
            self.push_form(Lane::X, self.lanes, row0, block_rows, &view, spacing, 0, table);
        }
        origins
    }

    fn reduce(&mut self, id: NodeId, node: &Node, reduce: &Reduce) -> Vec<Origin> {
        let outer = node.elements();
        let view = View { dims: [outer, 1, 1, reduce.inner], elements: (0..(outer * reduce.inner) as u32).collect() };
        let origins = self.view_origins(node.inputs[0], &view);
        let found = self.find_form(&origins, &view, |f| f.sum != Some(false), true);
        let form = found.unwrap_or_else(|| self.materialise(node.inputs[0], &origins, &view, Spacing { row: reduce.inner, image: 0 }));
        self.mark_sum(form);
        let products = (0..outer)
            .map(|output| Product {
                jump: 0,
                factor: Factor::Cell(self.forms[form].evaluation(output)),
                block: Block::One { output, value: i64::from(reduce.factor) },
            })
            .collect();
        self.vector(id, node, products)
    }

    /// The outputs of a dense layer, and its identity.
    pub(crate) fn vector(&mut self, id: NodeId, node: &Node, products: Vec<Product>) -> Vec<Origin> {
        let row0 = self.units.len();
        let origins = self.push_units(id, Slots::vector(node.elements(), self.lanes), |_| 0, None, 0..0);
        let last = self.units.len() - 1;
        for row in &mut self.units[row0..] {
            row.vector = self.grids;
        }
        self.units[last].d_end = self.grids;
        let result = Site { lane: if self.grids { Lane::D } else { Lane::Y }, row: last as u32 };
        self.identities.push(Identity { result, outputs: node.elements(), products, tail: 0 });
        origins
    }

    fn max(&mut self, id: NodeId, node: &Node, max: &Max) -> Vec<Origin> {
        let source: Vec<Origin> = self.origins[node.inputs[0].0].clone();
        let (slots, grid) = self.free_slots(id, 1);
        let (first_copy, first_row) = (self.copies.len(), self.gather.len());
        // Rows that take the head of a long window; the last row of each window follows with the others, in slot order.
        let mut tails: Vec<Vec<Origin>> = Vec::with_capacity(node.elements());
        for window in max.windows.chunks(max.window) {
            let mut rest: Vec<Origin> = window.iter().map(|&i| source[i as usize]).collect();
            while rest.len() > GATHER_LANES {
                let later = rest.split_off(GATHER_LANES);
                let row = self.push_window(&rest);
                rest = vec![Origin::Cell(Site { lane: Lane::M, row })];
                rest.extend(later);
            }
            tails.push(rest);
        }
        let row0 = self.gather.len();
        let mut origins = vec![Origin::Constant(0); node.elements()];
        for (slot, &element) in slots.elements.iter().enumerate() {
            let window = tails.get(element as usize).map(Vec::as_slice);
            let row = self.push_maximum(window, slot % slots.block_rows != 0);
            if let Some(origin) = origins.get_mut(element as usize) {
                *origin = Origin::Cell(Site { lane: Lane::M, row });
            }
        }
        self.steps.push(Step::Gather { rows: first_row..self.gather.len(), copies: first_copy..self.copies.len() });
        if let Some((view, spacing)) = grid {
            self.push_form(Lane::XMax, 1, row0, slots.block_rows, &view, spacing, 0, false);
        }
        origins
    }

    /// A row of the gather group with up to four elements; the first is repeated.
    fn push_window(&mut self, elements: &[Origin]) -> u32 {
        let row = self.gather.len() as u32;
        self.gather.push(GatherRow::default());
        for j in 0..GATHER_LANES {
            self.copy(elements[if j < elements.len() { j } else { 0 }], Site { lane: Lane::G(j as u16), row });
        }
        row
    }

    /// The last row of a window, whose maximum is evaluated; without a window, a zero.
    fn push_maximum(&mut self, window: Option<&[Origin]>, keep: bool) -> u32 {
        let row = match window {
            Some(window) => self.push_window(window),
            None => {
                self.gather.push(GatherRow::default());
                self.gather.len() as u32 - 1
            }
        };
        (self.gather[row as usize].max_mask, self.gather[row as usize].max_keep) = (window.is_some(), keep);
        row
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
        let num_elements = view.elements.iter().filter(|&&e| e != NONE).count();
        let form = Form { column, lanes, row0, block_rows, dims: view.dims, spacing, offset, num_elements, sum: None, table };
        self.forms_at.entry(form.site(0, 0, 0, 0)).or_default().push(self.forms.len());
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
            same_dims && form.num_elements == count && fits(form) && {
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

    /// Copies a view of a node into the gather group: four values a row, or one if values of a row, and the zeros beside
    /// them, could span more than a maximum may.
    pub(crate) fn materialise(&mut self, input: NodeId, origins: &[Origin], view: &View, spacing: Spacing) -> usize {
        let (low, high) = self.ranges[input.0];
        let wide = high.max(0) - low.min(0) >= 1 << self.graph.bits;
        let (column, lanes) = if wide { (Lane::XMax, 1) } else { (Lane::XGather, GATHER_LANES) };
        let last = spacing.slot(view.dims[1] - 1, view.dims[2] - 1, view.dims[3] - 1);
        let block_rows = last / lanes + 1;
        let (row0, first) = (self.gather.len(), self.copies.len());
        let index: Vec<u32> = origins.iter().enumerate().map(|(i, o)| if *o == Origin::Constant(0) { NONE } else { i as u32 }).collect();
        let slots = Slots::grid(view.dims, &index, spacing, 0, block_rows, lanes);
        for (row, lanes) in slots.elements.chunks(lanes).enumerate() {
            let keep = row % block_rows != 0;
            if wide {
                self.push_maximum(origins.get(lanes[0] as usize).map(std::slice::from_ref), keep);
                continue;
            }
            let mut mask = 0;
            for (j, &i) in lanes.iter().enumerate().filter(|(_, &i)| i != NONE) {
                mask |= 1 << j;
                self.copy(origins[i as usize], Site { lane: Lane::G(j as u16), row: (row0 + row) as u32 });
            }
            self.gather.push(GatherRow { mask, keep, ..GatherRow::default() });
        }
        self.steps.push(Step::Gather { rows: row0..self.gather.len(), copies: first..self.copies.len() });
        let view = View { dims: view.dims, elements: index };
        self.push_form(column, lanes, row0, block_rows, &view, spacing, 0, false)
    }

    /// Evaluates a form at 1.
    fn mark_sum(&mut self, form: usize) {
        let form = &mut self.forms[form];
        form.sum = Some(true);
        let rows = form.row0..form.row0 + form.dims[0] * form.block_rows;
        match form.column {
            Lane::X => self.units[rows].iter_mut().for_each(|r| r.sum = true),
            _ => self.gather[rows].iter_mut().for_each(|r| r.sum = true),
        }
    }
}
