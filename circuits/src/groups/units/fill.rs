//! Fills the columns of the units, which depend on accumulators and tensors only.

use rayon::prelude::*;

use super::Units;
use crate::column::IntColumn;
use crate::graph::QuantGraph;
use crate::layout::{Kind, Layout, Step, UnitStep, NONE};
use crate::number::index;
use crate::ops::Cells as Held;
use crate::witness::Evaluation;

/// The columns of a lane: `u`, `v`, `r`, `f` and `f2`.
type Cells = [IntColumn; 5];

/// Fills the columns of all lanes.
pub(crate) fn fill(columns: &Units, graph: &QuantGraph, layout: &Layout, evaluation: &Evaluation, first: &mut [IntColumn]) {
    let filler = Filler { graph, layout, evaluation };
    let rows = filler.num_rows();
    let constants: Vec<i64> = (0..rows).map(|row| layout.fixed[columns.constant].get(row)).collect();
    let lanes: Vec<Cells> = (0..layout.shape.lanes).into_par_iter().map(|lane| filler.lane(lane, &constants)).collect();
    for (lane, [u, v, r, f, f2]) in lanes.into_iter().enumerate() {
        (first[columns.u[lane]], first[columns.v[lane]], first[columns.r[lane]]) = (u, v, r);
        if let Some(&column) = columns.f.get(lane) {
            first[column] = f;
        }
        if let Some(&column) = columns.f2.get(lane) {
            first[column] = f2;
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
        self.layout.steps.iter().filter_map(Step::units)
    }

    /// Rows up to the last unit.
    fn num_rows(&self) -> usize {
        self.steps().map(|step| step.row0 + step.slots.elements.len() / self.layout.shape.lanes).max().unwrap_or(0)
    }

    fn lane(&self, lane: usize, constants: &[i64]) -> Cells {
        let lanes = self.layout.shape.lanes;
        let mut columns = [(); 5].map(|()| vec![0i64; constants.len()]);
        for step in self.steps() {
            let rows = step.row0..step.row0 + step.slots.elements.len() / lanes;
            let [u, v, r, f, f2] = columns.each_mut().map(|column| &mut column[rows.clone()]);
            self.step(step, lane, &constants[rows], [u, v, r]);
            if let Kind::Table(table) = step.kind {
                let table = &self.graph.tables[table];
                let elements = step.slots.elements[lane..].iter().step_by(lanes);
                for (((f, f2), u), _) in f.iter_mut().zip(f2).zip(u).zip(elements).filter(|(_, &e)| e != NONE) {
                    // An argument that is not in the table was refused before.
                    let at = usize::try_from(*u - i64::from(table.first)).unwrap_or(usize::MAX);
                    let of = |values: &[i32]| values.get(at).map_or(0, |&value| i64::from(value));
                    (*f, *f2) = (of(&table.values), of(&table.second));
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
        let Some(held) = self.evaluation.cells[step.node.0].get(step.part) else { return };
        let elements = step.slots.elements[lane..].iter().step_by(lanes);
        let cells = u.iter_mut().zip(v).zip(r).map(|((u, v), r)| (u, v, r));
        if let Held::Values(values) = held {
            for ((u, v, _), &element) in cells.zip(elements).filter(|(_, &e)| e != NONE) {
                (*u, *v) = (values[index(element)], if step.kind == Kind::Signed { offset } else { 0 });
            }
            return;
        }
        for (at, ((u, v, r), (&element, constant))) in cells.zip(elements.zip(constants)).enumerate() {
            let t = match held {
                Held::Slots(sums) => sums[at * lanes + lane],
                Held::Elements(sums) if element != NONE => sums[index(element)],
                Held::Elements(_) | Held::Values(_) => 0,
            };
            let sum = (t << (bits - step.shift)) + constant;
            let q = sum >> bits;
            *r = sum & ((1 << bits) - 1);
            (*u, *v) = if element == NONE {
                // Any integer as a difference of two numbers with the sum 0 or 1.
                let odd = q & 1;
                ((q + odd) / 2, (odd - q) / 2)
            } else if step.kind == Kind::Relu {
                (q.max(0), (-q).max(0))
            } else {
                (q + offset, offset)
            };
        }
    }
}
