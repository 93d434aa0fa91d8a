//! The plain definition of the first phase, which the fast one equals by test: units, gathered values and multiplicities, cell by
//! cell in the order of the layout's steps.

use rayon::prelude::*;

use crate::error::WitnessError;
use crate::graph::{Channels, Op, QuantGraph, Term};
use crate::groups::Columns;
use crate::layout::{tables, FlatConvolution, Kind, Layout, Step, UnitStep, NONE};
use crate::number::{fit, index};
use crate::ops::{Cells, Made};
use crate::shape::{Cell, Place};

/// The columns, on usable rows.
pub(super) fn columns(graph: &QuantGraph, layout: &Layout, tensors: &[Vec<i32>]) -> Result<Vec<Vec<i64>>, WitnessError> {
    let columns = layout.shape.columns();
    let mut filler = Filler {
        graph,
        layout,
        tensors,
        rows: vec![vec![0i64; layout.usable_rows()]; columns.num_first_phase],
        columns,
        fixed: layout.shape.columns(),
    };
    for step in &layout.steps {
        match step {
            Step::Units(step) => {
                step.copies.clone().for_each(|i| filler.copy(i));
                filler.units(step);
            }
            Step::Gather { rows, copies } => filler.gather(rows.clone(), copies.clone()),
        }
    }
    filler.high_limbs();
    filler.multiplicities()?;
    Ok(filler.rows)
}

struct Filler<'a> {
    graph: &'a QuantGraph,
    layout: &'a Layout,
    tensors: &'a [Vec<i32>],
    columns: Columns,
    fixed: Columns,
    rows: Vec<Vec<i64>>,
}

impl Filler<'_> {
    fn copy(&mut self, copy: usize) {
        let (from, to): (Cell, Cell) = self.layout.step_copies[copy];
        let row = index(from.row);
        let value = match from.place {
            Place::Advice(column) => self.rows[usize::from(column)][row],
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
            if let Some(gather) = &self.columns.gather {
                self.rows[gather.max][row] = gather.values.iter().map(|&g| self.rows[g][row]).max().unwrap_or(0);
            }
        }
    }

    fn units(&mut self, step: &UnitStep) {
        let lanes = self.layout.shape.lanes;
        let bits = self.graph.bits;
        let offset = 1i64 << (bits - 1);
        let held = self.held(step);
        for (slot, &element) in step.slots.elements.iter().enumerate() {
            let (row, lane) = (step.row0 + slot / lanes, slot % lanes);
            let (u, v, r) = if let Cells::Values(values) = &held {
                let v = if step.kind == Kind::Signed { offset } else { 0 };
                if element == NONE {
                    (0, 0, 0)
                } else {
                    (values[index(element)], v, 0)
                }
            } else {
                let t = match &held {
                    Cells::Slots(sums) => sums[slot],
                    Cells::Elements(sums) if element != NONE => sums[index(element)],
                    _ => 0,
                };
                let sum = t * (1 << (bits - step.shift)) + self.layout.fixed[self.fixed.units.constant].get(row);
                let (q, r) = (sum.div_euclid(1 << bits), sum.rem_euclid(1 << bits));
                if element == NONE {
                    // Any integer as a difference of two numbers with the sum 0 or 1.
                    let odd = q & 1;
                    ((q + odd) / 2, (odd - q) / 2, r)
                } else if step.kind == Kind::Relu {
                    (q.max(0), (-q).max(0), r)
                } else {
                    (q + offset, offset, r)
                }
            };
            self.rows[self.columns.units.u[lane]][row] = u;
            self.rows[self.columns.units.v[lane]][row] = v;
            self.rows[self.columns.units.r[lane]][row] = r;
            if let (Kind::Table(table), true) = (step.kind, element != NONE) {
                let table = &self.graph.tables[table];
                let at: usize = fit(u - i64::from(table.first));
                self.rows[self.columns.units.f[lane]][row] = i64::from(table.values[at]);
                if let Some(&f2) = self.columns.units.f2.get(lane) {
                    self.rows[f2][row] = table.second.get(at).map_or(0, |&v| i64::from(v));
                }
            }
        }
    }

    /// What the units of a step hold.
    fn held(&self, step: &UnitStep) -> Cells {
        let node = self.graph.node(step.node);
        let tensor = &self.tensors[step.node.0];
        let args: Vec<&[i32]> = node.inputs.iter().map(|id| self.tensors[id.0].as_slice()).collect();
        if node.op.is_input() {
            return Cells::Values(tensor.iter().map(|&value| value.into()).collect());
        }
        if let Some(flat) = &step.flat {
            return Cells::Slots(convolve_flat(self.graph, step, flat, &args, step.slots.block_rows * self.layout.shape.lanes));
        }
        let operation = node.op.operation();
        match (&node.op, operation.make(self.graph, node, &args)) {
            // Rows of channels have the bias.
            (Op::Linear(linear), Ok(Made::Sums(mut sums))) => {
                let positions = sums.len() / linear.bias.len();
                let in_rows = linear.channels == Channels::Last && positions > 1 && !step.by_position;
                sums.iter_mut().enumerate().filter(|_| in_rows).for_each(|(i, sum)| *sum -= linear.bias[i % linear.bias.len()]);
                Cells::Elements(sums)
            }
            (_, Ok(Made::Sums(sums))) if step.part == 0 => Cells::Elements(sums),
            _ => {
                let steps: Vec<&UnitStep> = self.layout.steps.iter().filter_map(Step::units).filter(|s| s.node == step.node).collect();
                let cells = operation.cells(self.graph, node, &args, &steps, self.layout.shape.lanes);
                cells
                    .ok()
                    .and_then(|(mut cells, _)| (step.part < cells.len()).then(|| cells.swap_remove(step.part)))
                    .unwrap_or(Cells::Values(Vec::new()))
            }
        }
    }

    fn high_limbs(&mut self) {
        let bits = self.layout.shape.table_bits();
        for (range, &high) in self.layout.shape.ranges().iter().zip(&self.columns.lookups.high) {
            for row in 0..self.layout.usable_rows() {
                let value: i64 = range.iter().map(|&(column, factor)| factor * self.rows[column][row]).sum();
                self.rows[high][row] = value >> bits;
            }
        }
    }

    /// Counts every lookup of the argument.
    fn multiplicities(&mut self) -> Result<(), WitnessError> {
        let fixed = |column: usize, row: usize| self.layout.fixed[column].get(row);
        let range = 1i64 << self.layout.shape.table_bits();
        let mut starts = vec![0usize];
        let mut start = fit(range);
        for table in tables(self.graph) {
            starts.push(start);
            start += table.values.len();
        }
        let mut counts = vec![0i64; start];
        let mut count = |row: usize, value: i64, tag: usize| {
            let (first, length) = match tag {
                0 => (0, range),
                _ => (i64::from(self.graph.tables[tag - 1].first), fit(self.graph.tables[tag - 1].values.len())),
            };
            let at = value - first;
            if !(0..length).contains(&at) {
                return Err(WitnessError::NotInTable { row, value });
            }
            counts[starts[tag] + fit::<_, usize>(at)] += 1;
            Ok(())
        };
        let cell = |column: usize, row: usize| self.rows[column][row];
        let lookups = self.layout.shape.range_lookups();
        for row in 0..self.layout.usable_rows() {
            for entry in &lookups {
                count(row, entry.iter().map(|&(column, factor)| factor * cell(column, row)).sum(), 0)?;
            }
            let Some(tag) = self.fixed.units.tag else { continue };
            for lane in 0..self.layout.shape.lanes {
                count(row, cell(self.columns.units.r[lane], row), 0)?;
                let wanted = fixed(self.fixed.units.table_mask[lane], row) == 1;
                let (value, tag) = if wanted { (cell(self.columns.units.u[lane], row), fit(fixed(tag, row))) } else { (0, 0) };
                count(row, value, tag)?;
            }
        }
        self.rows[self.columns.lookups.multiplicity][..start].copy_from_slice(&counts);
        Ok(())
    }
}

/// The accumulators of every slot, without bias: all overlaps of kernel and image.
pub(super) fn convolve_flat(graph: &QuantGraph, step: &UnitStep, flat: &FlatConvolution, args: &[&[i32]], size: usize) -> Vec<i64> {
    let node = graph.node(step.node);
    let Op::Linear(linear) = &node.op else { return Vec::new() };
    let outputs = linear.bias.len();
    // Every channel of every input as a flat block.
    let blocks: Vec<(usize, Vec<i64>)> = flat
        .terms
        .iter()
        .zip(args)
        .map(|(term, x)| {
            let dims = term.view.dims;
            let length = flat.spacing.slot(dims[1] - 1, dims[2] - 1, dims[3] - 1) + 1;
            let mut block = vec![0i64; dims[0] * length];
            for (at, &element) in term.view.elements.iter().enumerate().filter(|(_, &e)| e != NONE) {
                let (c, n, h, w) =
                    (at / (dims[1] * dims[2] * dims[3]), at / (dims[2] * dims[3]) % dims[1], at / dims[3] % dims[2], at % dims[3]);
                block[c * length + flat.spacing.slot(n, h, w)] = i64::from(x[index(element)]);
            }
            (length, block)
        })
        .collect();
    let mut out = vec![0i64; outputs * size];
    out.par_chunks_mut(size).enumerate().for_each(|(o, acc)| {
        for ((term, flat_term), (length, block)) in linear.terms.iter().zip(&flat.terms).zip(&blocks) {
            let mut add = |channel: usize, shift: usize, weight: i64| {
                let x = &block[channel * length..][..*length];
                acc[shift..shift + length].iter_mut().zip(x).for_each(|(a, &x)| *a += weight * x);
            };
            match term {
                Term::Scale(factor) => add(o, flat_term.taps[0].2, i64::from(*factor)),
                Term::Conv(conv) => {
                    let inputs = flat_term.view.dims[0] / flat_term.phases / conv.groups;
                    let kernel = conv.kernel[0] * conv.kernel[1];
                    let group = o / (outputs / conv.groups);
                    for c in 0..inputs {
                        for &(tap, phase, shift) in &flat_term.taps {
                            let weight = conv.weights.get((o * inputs + c) * kernel + tap);
                            add((group * inputs + c) * flat_term.phases + phase, shift, weight);
                        }
                    }
                }
            }
        }
    });
    out
}
