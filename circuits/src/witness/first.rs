//! The first phase: units of every step, then copied and gathered values in the order of the layout's steps, then high limbs.
//!
//! Cells are functions of the accumulators: [`Evaluation`] has those of every slot, from which the tensors are read, so that
//! no layer is computed twice. `witness/reference.rs` is the plain definition.

use rayon::prelude::*;

use crate::column::IntColumn;
use crate::error::GraphError;
use crate::evaluate::evaluate_with;
use crate::graph::QuantGraph;
use crate::groups::lookups::high_limb;
use crate::groups::{units, Columns};
use crate::layout::{Layout, Step, UnitStep};
use crate::number::index;
use crate::ops::Cells;
use crate::shape::{Cell, Place};

/// What the first phase is made of.
pub(crate) struct Evaluation {
    /// The tensor of every node, as [`QuantGraph::evaluate`] has it.
    pub(crate) tensors: Vec<Vec<i32>>,
    /// For every node: what the units of its tensors hold.
    pub(crate) cells: Vec<Vec<Cells>>,
}

impl Evaluation {
    /// Runs the model on inputs.
    pub(super) fn new(graph: &QuantGraph, layout: &Layout, inputs: &[Vec<i32>]) -> Result<Self, GraphError> {
        let mut steps: Vec<Vec<&UnitStep>> = vec![Vec::new(); graph.nodes.len()];
        for step in layout.steps.iter().filter_map(Step::units) {
            steps[step.node.0].push(step);
        }
        let mut cells: Vec<Vec<Cells>> = (0..graph.nodes.len()).map(|_| Vec::new()).collect();
        let tensors = evaluate_with(graph, inputs, |id, args| {
            let node = graph.node(id);
            let (kept, made) = node.op.operation().cells(graph, node, args, &steps[id.0], layout.shape.lanes)?;
            cells[id.0] = kept;
            Ok(made)
        })?;
        for id in &graph.inputs {
            cells[id.0] = vec![Cells::Values(tensors[id.0].iter().map(|&value| value.into()).collect())];
        }
        Ok(Self { tensors, cells })
    }
}

/// The columns but for that of the multiplicities.
pub(super) fn columns(graph: &QuantGraph, layout: &Layout, evaluation: &Evaluation) -> Vec<IntColumn> {
    let columns = layout.shape.columns();
    let mut first = vec![IntColumn::I8(Vec::new()); columns.num_first_phase];
    units::fill(&columns.units, graph, layout, evaluation, &mut first);
    copy(layout, &columns, &mut first);
    let ranges = layout.shape.ranges();
    let high: Vec<IntColumn> = ranges.par_iter().zip(&columns.lookups.high).map(|(range, _)| high_limb(layout, &first, range)).collect();
    columns.lookups.high.iter().zip(high).for_each(|(&column, limb)| first[column] = limb);
    first
}

/// Performs the copies of the steps, in their order, and fills what follows from them.
fn copy(layout: &Layout, columns: &Columns, first: &mut [IntColumn]) {
    // The columns that copies fill, on usable rows; the others are empty.
    let mut cells = vec![Vec::new(); first.len()];
    for column in columns.copied() {
        cells[column] = vec![0; layout.usable_rows()];
    }
    let copy = |copy: usize, cells: &mut [Vec<i64>]| {
        let (from, to): (Cell, Cell) = layout.step_copies[copy];
        let row = index(from.row);
        let value = match from.place {
            Place::Advice(column) => {
                let column = usize::from(column);
                cells[column].get(row).copied().unwrap_or_else(|| first[column].get(row))
            }
            Place::Fixed(_) | Place::Instance => i64::from(layout.constants[row]),
        };
        if let Place::Advice(column) = to.place {
            cells[usize::from(column)][index(to.row)] = value;
        }
    };
    for step in &layout.steps {
        match step {
            Step::Units(step) => step.copies.clone().for_each(|i| copy(i, &mut cells)),
            Step::Gather { rows, copies } => {
                let row_of = |i: usize| index(layout.step_copies[i].1.row);
                if let Some(gather) = &columns.gather {
                    gather.fill(rows.clone(), copies.clone(), row_of, copy, &mut cells);
                }
            }
        }
    }
    let filled: Vec<Option<IntColumn>> = cells.par_iter().map(|rows| (!rows.is_empty()).then(|| IntColumn::new(rows))).collect();
    for (column, filled) in first.iter_mut().zip(filled) {
        if let Some(filled) = filled {
            *column = filled;
        }
    }
}
