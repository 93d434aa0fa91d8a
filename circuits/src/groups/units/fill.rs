//! Fills the columns of the units, which depend on accumulators and tensors only.

use rayon::prelude::*;

use super::Units;
use crate::column::IntColumn;
use crate::graph::{Activation, QuantGraph};
use crate::layout::{Layout, Step, UnitStep, NONE};
use crate::number::index;
use crate::witness::Evaluation;

/// The columns of a lane: `u`, `v`, `r` and `f`.
type Cells = [IntColumn; 4];

/// Fills the columns of all lanes.
pub(crate) fn fill(columns: &Units, graph: &QuantGraph, layout: &Layout, evaluation: &Evaluation, first: &mut [IntColumn]) {
    let filler = Filler { graph, layout, evaluation };
    let rows = filler.num_rows();
    let constants: Vec<i64> = (0..rows).map(|row| layout.fixed[columns.constant].get(row)).collect();
    let lanes: Vec<Cells> = (0..layout.shape.lanes).into_par_iter().map(|lane| filler.lane(lane, &constants)).collect();
    for (lane, [u, v, r, f]) in lanes.into_iter().enumerate() {
        (first[columns.u[lane]], first[columns.v[lane]], first[columns.r[lane]]) = (u, v, r);
        if let Some(&column) = columns.f.get(lane) {
            first[column] = f;
        }
    }
}

struct Filler<'a> {
    graph: &'a QuantGraph,
    layout: &'a Layout,
    evaluation: &'a Evaluation,
}

impl Filler<'_> {
    fn steps(&self) -> impl Iterator<Item = &UnitStep> {
        self.layout.steps.iter().filter_map(|step| if let Step::Units(step) = step { Some(step) } else { None })
    }

    /// Rows up to the last unit.
    fn num_rows(&self) -> usize {
        self.steps().map(|step| step.row0 + step.slots.elements.len() / self.layout.shape.lanes).max().unwrap_or(0)
    }

    fn lane(&self, lane: usize, constants: &[i64]) -> Cells {
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
        columns.map(|column| IntColumn::new(&column))
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
