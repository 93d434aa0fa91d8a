//! Softmax: probabilities of a row of scores, by the shift of the row. No maximum, no division.
//!
//! ```text
//! z[j] = m − x[j]        x[j] = −⌊(2^(s−1) − acc[j]) / 2^s⌋        the scores, rounded
//! e[j] = e(z[j])         e(z) ≈ S·exp(−δ·z), a table that falls from e(0) ≥ S
//! m    = the largest integer with Σ_j e(m − x[j]) ≥ S
//! ```
//!
//! so that a row sums to `S`, the total, a factor of at most exp(δ) and the rounding of e aside.
//!
//! | part | cells | checked by |
//! |------|-------|------------|
//! | m    | a signed value for each row | its range |
//! | z, e | m·2^s − acc[j] = z·2^s + rem; (z, e(z), e(z + 1)) | the identity of the scores, with m's evaluation; the table |
//! | low  | Σ_j e(z[j]) − S ∈ [0, 2^bits) | an identity, its range |
//! | high | S − 1 − Σ_j e(z[j] + 1) ∈ [0, 2^bits) | an identity, its range |
//!
//! An element that is hidden has no look-up and no value: its lane is one that nobody wants, and zero in every sum.
//!
//! # Soundness
//! `m` is an integer by its range check: a fraction A/2^s would do for 2^s values of A. For an integer `m` the units give each `z` as an
//! integer, the table its `e(z)` and `e(z + 1)`. The sum falls as `m` rises, so `low` and `high` together leave one `m`, and the row
//! is a function of the scores. A negative `z` is not in the table. What a lying prover could put: a larger `m` is refused by `low`, a
//! smaller one by `high`.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::product::Product;
use super::{Cells, Made, Operation};
use crate::error::{GraphError, LayoutError};
use crate::graph::{Node, NodeId, QuantGraph, Table};
use crate::layout::arrange::{Arrangement, Kind, Part};
use crate::layout::demand::{Demand, View, NONE};
use crate::layout::identity::{Block, Factor, Product as Term};
use crate::layout::room::Room;
use crate::layout::rows::{Base, Origin, Site};
use crate::layout::UnitStep;
use crate::number::{fit, index};

/// `y[n, i, ·] = softmax(scores[n, i, ·])`, in units of `1/total`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Softmax {
    /// The scores.
    pub scores: Scores,
    /// Elements of probability 0: none, or a pattern that repeats over the elements.
    pub hidden: Vec<bool>,
    /// The table of e, which has e(z + 1) as its second function.
    pub table: usize,
    /// What a row sums to: real probabilities are divided by it.
    pub total: i64,
}

/// What is scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Scores {
    /// The sums of a product; its activation is not applied.
    Product(Product),
    /// A tensor of `rows · columns`, times a factor.
    Tensor {
        /// Elements of a row.
        columns: usize,
        /// Factor.
        factor: i32,
    },
}

/// The part of the shift of each row.
const SHIFT: usize = 1;
/// The part of the lower bound of each row.
const LOW: usize = 2;
/// The part of the upper bound of each row.
const HIGH: usize = 3;

/// One row, computed.
struct Row {
    shift: i64,
    values: Vec<i32>,
    low: i64,
    high: i64,
}

impl Softmax {
    /// `[matrices, rows, columns]`.
    fn dims(&self, node: &Node) -> [usize; 3] {
        match &self.scores {
            Scores::Product(product) => [product.dims[0], product.dims[1], product.dims[3]],
            Scores::Tensor { columns, .. } => [1, node.elements() / columns, *columns],
        }
    }

    /// Whether an element is hidden.
    fn is_hidden(&self, element: usize) -> bool {
        !self.hidden.is_empty() && self.hidden[element % self.hidden.len()]
    }

    fn sums(&self, args: &[&[i32]]) -> Vec<i64> {
        match &self.scores {
            Scores::Product(product) => product.sums(args),
            Scores::Tensor { factor, .. } => args[0].iter().map(|&x| i64::from(*factor) * i64::from(x)).collect(),
        }
    }

    /// A row of accumulators, the first of them of an element.
    fn row(&self, graph: &QuantGraph, node: &Node, first: usize, acc: &[i64]) -> Result<Row, GraphError> {
        let table = &graph.tables[self.table];
        let total = self.total;
        let half = 1i64 << node.shift >> 1;
        let shown = |j: &usize| !self.is_hidden(first + j);
        let scores: Vec<i64> = (0..acc.len()).filter(shown).map(|j| -((half - acc[j]) >> node.shift)).collect();
        let at = |values: &[i32], z: i64| usize::try_from(z).ok().and_then(|z| values.get(z)).map_or(0, |&e| i64::from(e));
        let sum = |m: i64| scores.iter().map(|x| at(&table.values, m - x)).sum::<i64>();
        let refuse = |value: i64, low: i64, high: i64| {
            Err(GraphError::OutOfRange { node: node.name.clone(), value: value.to_string(), range: format!("[{low}, {high}]") })
        };
        // At the largest score its element alone suffices; beyond the table nothing is left.
        let mut low = scores.iter().copied().max().unwrap_or(0);
        let mut high = low + fit::<_, i64>(table.values.len());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            *(if sum(middle) >= total { &mut low } else { &mut high }) = middle;
        }
        let shift = low;
        let bound = 1i64 << (graph.bits - 1);
        if shift < -bound || shift >= bound {
            return refuse(shift, -bound, bound - 1);
        }
        let last = fit::<_, i64>(table.values.len()) - 1;
        if let Some(z) = scores.iter().map(|x| shift - x).find(|&z| z > last) {
            return refuse(z, 0, last);
        }
        let mut shown_scores = scores.iter();
        let values = (0..acc.len()).map(|j| if shown(&j) { shown_scores.next().map_or(0, |x| at(&table.values, shift - x)) } else { 0 });
        let values: Vec<i32> = values.map(fit).collect();
        let (low, high) = (sum(shift) - total, total - 1 - scores.iter().map(|x| at(&table.second, shift - x)).sum::<i64>());
        for slack in [low, high] {
            if !(0..2 * bound).contains(&slack) {
                return refuse(slack, 0, 2 * bound - 1);
            }
        }
        Ok(Row { shift, values, low, high })
    }

    fn rows(&self, graph: &QuantGraph, node: &Node, acc: &[i64]) -> Result<Vec<Row>, GraphError> {
        let [_, _, columns] = self.dims(node);
        let rows: Vec<Result<Row, GraphError>> =
            acc.par_chunks(columns).enumerate().map(|(at, acc)| self.row(graph, node, at * columns, acc)).collect();
        // The first error, whichever thread met one.
        rows.into_iter().collect()
    }

    /// The blocks of the probabilities: for each matrix, a block of its rows for each column.
    fn blocks(&self, node: &Node) -> View {
        let mut view = View::columns(self.dims(node));
        view.elements.iter_mut().filter(|element| self.is_hidden(index(**element))).for_each(|element| *element = NONE);
        view
    }

    /// The rule that a table breaks.
    fn check_table(&self, table: &Table) -> Result<(), &'static str> {
        let values = &table.values;
        let falls = values.windows(2).all(|pair| pair[0] >= pair[1]) && values.last().is_some_and(|&e| e >= 0);
        let shifted = values.iter().skip(1).copied().chain([0]).eq(table.second.iter().copied());
        (table.first == 0 && falls && shifted && values.first().is_some_and(|&e| i64::from(e) >= self.total))
            .then_some(())
            .ok_or("the table of a softmax falls from the total, and has its values one later as the second function")
    }
}

impl Operation for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn table(&self) -> Option<usize> {
        Some(self.table)
    }

    fn check(&self, graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
        let fits = match &self.scores {
            Scores::Product(product) => product.check_inputs(graph, node),
            Scores::Tensor { columns, .. } => {
                *columns > 0
                    && node.elements().is_multiple_of(*columns)
                    && node.inputs.len() == 1
                    && graph.node(node.inputs[0]).elements() == node.elements()
            }
        };
        if !fits {
            return Err("scores are those of the inputs");
        }
        if !(1..1 << graph.bits).contains(&self.total) {
            return Err("probabilities have at most `bits` bits");
        }
        let Some(table) = graph.tables.get(self.table) else { return Err("its table exists") };
        self.check_table(table)?;
        let [_, _, columns] = self.dims(node);
        let (length, elements) = (self.hidden.len(), node.elements());
        let row_shown = |row: usize| (row * columns..(row + 1) * columns).any(|element| !self.is_hidden(element));
        let pattern = length == 0 || elements.is_multiple_of(length) && length.is_multiple_of(columns);
        (pattern && (0..length / columns).all(row_shown)).then_some(()).ok_or("each row has an element that is not hidden")
    }

    fn largest_sum(&self, node: &Node, sizes: &[u128]) -> u128 {
        let scores = match &self.scores {
            Scores::Product(product) => product.bound(sizes),
            Scores::Tensor { factor, .. } => sizes[0] * u128::from(factor.unsigned_abs()),
        };
        // m·2^s beside the scores, and the sum of a row.
        let [_, _, columns] = self.dims(node);
        let shifts = 1u128 << (node.shift + 21);
        (scores + shifts).max(fit::<_, u128>(columns) << 21)
    }

    fn range(&self, _node: &Node, bits: u32, _ranges: &[(i64, i64)]) -> (i64, i64) {
        (0, (1 << bits) - 1)
    }

    fn make(&self, graph: &QuantGraph, node: &Node, args: &[&[i32]]) -> Result<Made, GraphError> {
        let rows = self.rows(graph, node, &self.sums(args))?;
        Ok(Made::Values(rows.into_iter().flat_map(|row| row.values).collect()))
    }

    fn cells(
        &self,
        graph: &QuantGraph,
        node: &Node,
        args: &[&[i32]],
        steps: &[&UnitStep],
        lanes: usize,
    ) -> Result<(Vec<Cells>, Made), GraphError> {
        let acc = self.sums(args);
        let rows = self.rows(graph, node, &acc)?;
        let [matrices, length, columns] = self.dims(node);
        let size = steps.iter().find(|step| step.part == 0).map_or(0, |step| step.slots.block_rows * lanes);
        let mut slots = vec![0i64; matrices * columns * size];
        slots.par_chunks_mut(size.max(1)).enumerate().for_each(|(block, slots)| {
            let (n, j) = (block / columns, block % columns);
            for (i, slot) in slots[size - length..].iter_mut().enumerate() {
                let row = n * length + i;
                *slot = (rows[row].shift << node.shift) - acc[row * columns + j];
            }
        });
        let of = |f: &dyn Fn(&Row) -> i64| rows.iter().map(f).collect::<Vec<i64>>();
        let total = self.total;
        let shifts = Cells::Values(of(&|row| row.shift));
        let low = Cells::Elements(of(&|row| row.low + total));
        let high = Cells::Elements(of(&|row| row.high - total + 1));
        let made = Made::Values(rows.into_iter().flat_map(|row| row.values).collect());
        Ok((vec![Cells::Slots(slots), shifts, low, high], made))
    }

    fn is_grid(&self, _node: &Node) -> bool {
        true
    }

    fn demand(&self, graph: &QuantGraph, id: NodeId, demands: &mut [Option<Demand>], room: &mut Room) -> Result<(), LayoutError> {
        match &self.scores {
            Scores::Product(product) => product.demands(graph, id, demands, room),
            Scores::Tensor { .. } => Ok(()),
        }
    }

    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError> {
        let node = arrangement.graph.node(id);
        let [matrices, rows, columns] = self.dims(node);
        let mut scores = match &self.scores {
            Scores::Product(product) => product.terms(arrangement, &node.inputs, -i64::from(product.factor))?,
            Scores::Tensor { factor, .. } => vec![arrangement.scaled_terms(node.inputs[0], [rows, columns], -factor)?],
        };
        let part = |index, kind, shift| Part { node: id, index, kind, shift };
        let of_rows = View::blocks(matrices, rows);
        let shifts = arrangement.place_blocks(&part(SHIFT, Kind::Signed, 0), matrices * rows, &of_rows, |_| 0)?;
        let shift_evaluations = arrangement.evaluations(shifts.form, Base::Position);
        for (terms, shift) in scores.iter_mut().zip(shift_evaluations) {
            let block = Block::Given(vec![1 << node.shift; columns]);
            terms.push(Term { jump: 0, factor: Factor::Cell(shift), block });
        }
        let view = self.blocks(node);
        let probabilities = arrangement.place_blocks(&part(0, Kind::Table(self.table), node.shift), node.elements(), &view, |_| 0)?;
        arrangement.equate(&probabilities, matrices, scores, node.shift);
        let total = self.total;
        let bound = 1i64 << (arrangement.graph.bits - 1);
        let sums = |evaluations: Vec<Site>, value: i64| -> Vec<Vec<Term>> {
            let term = |&site| Term { jump: 0, factor: Factor::Cell(site), block: Block::One { output: 0, value } };
            evaluations.chunks(columns).map(|sites| sites.iter().map(term).collect()).collect()
        };
        let now = arrangement.evaluations(probabilities.form, Base::Position);
        let later = arrangement.second_evaluations(probabilities.form);
        for (number, evaluations, sign) in [(LOW, now, 1), (HIGH, later, -1)] {
            // q = ±(Σ e − S) − [high] − 2^(bits−1), whose range check is that of [0, 2^bits) for what is in front of it.
            let bias = -sign * total - i64::from(sign < 0) - bound;
            let placed = arrangement.place_blocks(&part(number, Kind::None, 0), matrices * rows, &of_rows, |_| bias)?;
            arrangement.equate(&placed, matrices, sums(evaluations, sign), 0);
        }
        Ok(probabilities.origins)
    }
}
