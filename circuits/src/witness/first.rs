//! The first phase: units of every step, then copied and gathered values in the order of the layout's steps, then high limbs.
//!
//! Cells are functions of the accumulators: [`Evaluation`] has those of every slot, from which the tensors are read, so that
//! no layer is computed twice. `witness/reference.rs` is the plain definition.

use rayon::prelude::*;

use crate::column::IntColumn;
use crate::error::GraphError;
use crate::evaluate::{accumulate, evaluate_with};
use crate::graph::{Activation, Op, QuantGraph};
use crate::layout::{Layout, Step, UnitStep, NONE};
use crate::number::index;
use crate::shape::{AdviceColumns, Cell, FixedColumns, Place};
use crate::witness::linear::{flat_sums, vector_sums, wanted_sums};
use crate::witness::lookups;

/// What the first phase is made of.
pub(super) struct Evaluation {
    /// The tensor of every node, as [`QuantGraph::evaluate`] has it.
    pub(super) tensors: Vec<Vec<i32>>,
    /// For every node that requantises: the accumulator of each slot without bias, if its step is flat, or else of each element.
    sums: Vec<Vec<i64>>,
}

impl Evaluation {
    /// Runs the model on inputs.
    pub(super) fn new(graph: &QuantGraph, layout: &Layout, inputs: &[Vec<i32>]) -> Result<Self, GraphError> {
        let mut steps: Vec<Option<&UnitStep>> = vec![None; graph.nodes.len()];
        for step in &layout.steps {
            if let Step::Units(step) = step {
                steps[step.node.0] = Some(step);
            }
        }
        let mut sums = vec![Vec::new(); graph.nodes.len()];
        let tensors = evaluate_with(graph, inputs, |id, args| {
            let node = graph.node(id);
            let (kept, wanted) = match (&node.op, steps[id.0]) {
                (Op::Linear(linear), Some(step @ UnitStep { flat: Some(flat), .. })) => {
                    let size = step.slots.block_rows * layout.shape.lanes;
                    let sums = flat_sums(linear, flat, args, size);
                    let wanted = wanted_sums(node, linear, step, &sums, size);
                    (sums, wanted)
                }
                (Op::Linear(linear), Some(_)) => {
                    let sums = vector_sums(graph, node, linear, args);
                    (sums.clone(), sums)
                }
                _ => {
                    let sums = accumulate(graph, node, args);
                    (sums.clone(), sums)
                }
            };
            sums[id.0] = kept;
            wanted
        })?;
        Ok(Self { tensors, sums })
    }
}

/// The columns but for that of the multiplicities.
pub(super) fn columns(graph: &QuantGraph, layout: &Layout, evaluation: &Evaluation) -> Vec<IntColumn> {
    let columns = layout.shape.advice();
    let units = Units { graph, layout, evaluation, fixed: layout.shape.fixed() };
    let mut first = vec![IntColumn::I8(Vec::new()); columns.num_first_phase];
    let rows = units.num_rows();
    let constants: Vec<i64> = (0..rows).map(|row| layout.fixed[units.fixed.constant].get(row)).collect();
    let lanes: Vec<Lane> = (0..layout.shape.lanes).into_par_iter().map(|lane| units.lane(lane, &constants)).collect();
    for (lane, filled) in lanes.into_iter().enumerate() {
        (first[columns.u[lane]], first[columns.v[lane]], first[columns.r[lane]]) = (filled.u, filled.v, filled.r);
        if let Some(&f) = columns.f.get(lane) {
            first[f] = filled.f;
        }
    }
    Copies::new(layout, &columns, &mut first).run();
    let high: Vec<IntColumn> =
        layout.shape.ranges().par_iter().zip(&columns.high).map(|(range, _)| lookups::high_limb(layout, &first, range)).collect();
    columns.high.iter().zip(high).for_each(|(&column, limb)| first[column] = limb);
    first
}

/// Fills the columns of the units, which depend on accumulators and tensors only.
struct Units<'a> {
    graph: &'a QuantGraph,
    layout: &'a Layout,
    evaluation: &'a Evaluation,
    fixed: FixedColumns,
}

/// The columns of a lane.
struct Lane {
    u: IntColumn,
    v: IntColumn,
    r: IntColumn,
    f: IntColumn,
}

impl Units<'_> {
    fn steps(&self) -> impl Iterator<Item = &UnitStep> {
        self.layout.steps.iter().filter_map(|step| if let Step::Units(step) = step { Some(step) } else { None })
    }

    /// Rows up to the last unit.
    fn num_rows(&self) -> usize {
        self.steps().map(|step| step.row0 + step.slots.elements.len() / self.layout.shape.lanes).max().unwrap_or(0)
    }

    fn lane(&self, lane: usize, constants: &[i64]) -> Lane {
        let lanes = self.layout.shape.lanes;
        let mut columns = [(); 4].map(|()| vec![0i64; constants.len()]);
        for step in self.steps() {
            let rows = step.row0..step.row0 + step.slots.elements.len() / lanes;
            let [u, v, r, f] = columns.each_mut().map(|column| &mut column[rows.clone()]);
            self.step(step, lane, &constants[rows], [u, v, r]);
            if matches!(self.graph.node(step.node).activation(), Some(Activation::Table(_))) {
                let elements = step.slots.elements[lane..].iter().step_by(lanes);
                for (f, &element) in f.iter_mut().zip(elements).filter(|(_, &e)| e != NONE) {
                    *f = i64::from(self.evaluation.tensors[step.node.0][index(element)]);
                }
            }
        }
        let [u, v, r, f] = columns.map(|column| IntColumn::new(&column));
        Lane { u, v, r, f }
    }

    /// The cells of a step in a lane.
    fn step(&self, step: &UnitStep, lane: usize, constants: &[i64], [u, v, r]: [&mut [i64]; 3]) {
        let lanes = self.layout.shape.lanes;
        let bits = self.graph.bits;
        let offset = 1i64 << (bits - 1);
        let node = self.graph.node(step.node);
        let (tensor, sums) = (&self.evaluation.tensors[step.node.0], &self.evaluation.sums[step.node.0]);
        let relu = node.activation() == Some(Activation::Relu);
        let elements = step.slots.elements[lane..].iter().step_by(lanes);
        let cells = u.iter_mut().zip(v).zip(r).map(|((u, v), r)| (u, v, r));
        if node.op.is_input() {
            for ((u, v, _), &element) in cells.zip(elements).filter(|(_, &e)| e != NONE) {
                (*u, *v) = (i64::from(tensor[index(element)]), offset);
            }
            return;
        }
        for (at, ((u, v, r), (&element, constant))) in cells.zip(elements.zip(constants)).enumerate() {
            let sum = match &step.flat {
                Some(_) => sums[at * lanes + lane],
                None if element == NONE => 0,
                None => sums[index(element)],
            } + constant;
            let q = sum >> bits;
            *r = sum & ((1 << bits) - 1);
            (*u, *v) = if element == NONE {
                // Any integer as a difference of two numbers with the sum 0 or 1.
                let odd = q & 1;
                ((q + odd) / 2, (odd - q) / 2)
            } else if relu {
                (q.max(0), (-q).max(0))
            } else {
                (q + offset, offset)
            };
        }
    }
}

/// Performs the copies of the steps, in their order.
struct Copies<'a> {
    layout: &'a Layout,
    columns: &'a AdviceColumns,
    first: &'a mut [IntColumn],
    /// The columns that copies fill, on usable rows; the others are empty.
    rows: Vec<Vec<i64>>,
}

impl<'a> Copies<'a> {
    fn new(layout: &'a Layout, columns: &'a AdviceColumns, first: &'a mut [IntColumn]) -> Self {
        let mut rows = vec![Vec::new(); first.len()];
        for &column in columns.e.iter().chain(&columns.e2).chain(&columns.g).chain(&columns.m) {
            rows[column] = vec![0; layout.usable_rows()];
        }
        Self { layout, columns, first, rows }
    }

    fn run(mut self) {
        for step in &self.layout.steps {
            match step {
                Step::Units(step) => step.copies.clone().for_each(|i| self.copy(i)),
                Step::Gather { rows, copies } => self.gather(rows.clone(), copies.clone()),
            }
        }
        let filled = self.rows.par_iter().map(|rows| (!rows.is_empty()).then(|| IntColumn::new(rows)));
        let filled: Vec<Option<IntColumn>> = filled.collect();
        for (column, filled) in self.first.iter_mut().zip(filled) {
            if let Some(filled) = filled {
                *column = filled;
            }
        }
    }

    fn copy(&mut self, copy: usize) {
        let (from, to): (Cell, Cell) = self.layout.step_copies[copy];
        let row = index(from.row);
        let value = match from.place {
            Place::Advice(column) => {
                let column = usize::from(column);
                self.rows[column].get(row).copied().unwrap_or_else(|| self.first[column].get(row))
            }
            Place::Fixed(_) | Place::Instance => i64::from(self.layout.constants[row]),
        };
        if let Place::Advice(column) = to.place {
            self.rows[usize::from(column)][index(to.row)] = value;
        }
    }

    /// Copies, row by row: a row may read the maximum of a row before it.
    fn gather(&mut self, rows: std::ops::Range<usize>, copies: std::ops::Range<usize>) {
        let mut next = copies.start;
        for row in rows {
            while next < copies.end && index(self.layout.step_copies[next].1.row) == row {
                self.copy(next);
                next += 1;
            }
            let largest = self.columns.g.iter().map(|&g| self.rows[g][row]).max().unwrap_or(0);
            if let Some(m) = self.columns.m {
                self.rows[m][row] = largest;
            }
        }
    }
}
