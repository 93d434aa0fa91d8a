//! Gather: the largest of four copied values; also a tensor copied into another order, and its evaluations.
//!
//! ```text
//! g_0 … g_3 : copies of the window's elements      m = max g_t
//! ```
//!
//! | constraint | degree | identity                                                 |
//! |------------|--------|----------------------------------------------------------|
//! | `one_of`   | 5      | on · Π_t (m − g_t) = 0                                   |
//! | lookup     | 1      | m − g_t ∈ [0, 2^s)                                       |
//! | `x_gather` | 4      | on · (X − keep·σ·X' − Σ_j d_j·mask_j·g_j) = 0            |
//! | `x_max`    | 4      | on · (X − max_keep·σ·X' − max_mask·m) = 0                |
//!
//! `σ` and `d_j` are powers of the position challenge as in [`super::units`], or 1 on rows that are summed, or of the channel challenge. A longer window chains
//! rows: the next row's `g_0` is a copy of `m`. A shorter one repeats an element. Rows that only carry a tensor in another order are no
//! exception: there `m` is the maximum too, and nobody reads it.
//!
//! # Soundness
//! `m` is one of the `g_t` and none of them is larger: values of a tensor differ by less than `2^s`, far below p/2, so
//! the differences are those of integers.

use std::ops::Range;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

use super::evaluation::accumulate;
use super::{Counter, FixedValues};
use crate::derivation::Derivation;
use crate::gates::{Expr, Gates};
use crate::shape::{Shape, GATHER_LANES};

/// The columns of the gather group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gather {
    /// Gathered values.
    pub values: Vec<usize>,
    /// Their maximum.
    pub max: usize,
    /// Gathered values, evaluated.
    pub x: usize,
    /// Maxima, evaluated.
    pub x_max: usize,
    /// Fixed: 1 where a gathered tensor goes on.
    pub keep: usize,
    /// Fixed: 1 where maxima go on.
    pub max_keep: usize,
    /// Fixed: 1 on rows that are summed.
    pub sum: Option<usize>,
    /// Fixed: 1 on rows that are evaluated in the channel challenge.
    pub channel: Option<usize>,
    /// Fixed: 1 where a lane holds a gathered value.
    pub mask: Vec<usize>,
    /// Fixed: 1 where the maximum is a value of a tensor.
    pub max_mask: usize,
}

/// A column of the gather group by role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    Value(u16),
    Max,
    X,
    XMax,
}

/// What is fixed in a row of the gather group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GatherRow {
    pub(crate) mask: u8,
    pub(crate) max_mask: bool,
    pub(crate) keep: bool,
    pub(crate) max_keep: bool,
    pub(crate) sum: bool,
    pub(crate) channel: bool,
}

impl Gather {
    pub(super) fn first_phase(&mut self, c: &mut Counter) {
        (self.values, self.max) = (c.many(GATHER_LANES), c.one());
    }

    pub(super) fn second_phase(&mut self, c: &mut Counter) {
        (self.x, self.x_max) = (c.one(), c.one());
    }

    pub(super) fn fixed(&mut self, c: &mut Counter, shape: &Shape) {
        (self.keep, self.max_keep, self.sum) = (c.one(), c.one(), c.when(shape.sums));
        (self.mask, self.max_mask) = (c.many(GATHER_LANES), c.one());
        self.channel = c.when(shape.channel_blocks);
    }

    pub(super) fn column(&self, lane: Lane) -> Option<usize> {
        match lane {
            Lane::Value(j) => self.values.get(usize::from(j)).copied(),
            Lane::Max => Some(self.max),
            Lane::X => Some(self.x),
            Lane::XMax => Some(self.x_max),
        }
    }

    /// What is range-checked: how much each value is below the maximum.
    pub(super) fn ranges(&self) -> Vec<Vec<(usize, i64)>> {
        self.values.iter().map(|&value| vec![(self.max, 1), (value, -1)]).collect()
    }

    /// Adds the gate of cells.
    pub(crate) fn configure(&self, meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) {
        let differences = self.values.iter().map(|&g| gates.advice(self.max) - gates.advice(g));
        // on · Π_t (m − g_t) = 0
        if let Some(product) = differences.reduce(|acc, d| acc * d) {
            let gate = gates.on() * product;
            meta.create_gate("one_of", |_| [gate]);
        }
    }

    /// Adds the gates of evaluations; how their columns are derived.
    pub(crate) fn configure_evaluations(&self, meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) -> Vec<Derivation> {
        let (channel, position) = (gates.challenges.channel, gates.challenges.position);
        let others = [(self.sum, None), (self.channel, Some(channel))];
        let values: Vec<Expr> = self.values.iter().zip(&self.mask).map(|(&g, &mask)| gates.fixed(mask) * gates.advice(g)).collect();
        let x = accumulate(gates, self.x, self.keep, &values, position, &others);
        x.gate(meta, gates, "x_gather");
        let value = [gates.fixed(self.max_mask) * gates.advice(self.max)];
        let x_max = accumulate(gates, self.x_max, self.max_keep, &value, position, &others);
        x_max.gate(meta, gates, "x_max");
        vec![x, x_max]
    }

    pub(super) fn fill_fixed(&self, values: &mut FixedValues<'_>) {
        let rows = &values.arrangement.gather;
        let column = |f: &dyn Fn(&GatherRow) -> bool| rows.iter().map(|r| i64::from(f(r))).collect::<Vec<i64>>();
        for (j, &mask) in self.mask.iter().enumerate() {
            values.set(Some(mask), || column(&|r| r.mask >> j & 1 == 1));
        }
        values.set(Some(self.keep), || column(&|r| r.keep));
        values.set(Some(self.max_keep), || column(&|r| r.max_keep));
        values.set(Some(self.max_mask), || column(&|r| r.max_mask));
        values.set(self.sum, || column(&|r| r.sum));
        values.set(self.channel, || column(&|r| r.channel));
    }

    /// Fills rows in order, since one may read the maximum of one before it: `copy(i, cells)` performs copy `i` of `copies`, whose
    /// target is in row `row_of(i)`.
    pub(crate) fn fill(
        &self,
        rows: Range<usize>,
        copies: Range<usize>,
        row_of: impl Fn(usize) -> usize,
        mut copy: impl FnMut(usize, &mut [Vec<i64>]),
        cells: &mut [Vec<i64>],
    ) {
        let mut next = copies.start;
        for row in rows {
            while next < copies.end && row_of(next) == row {
                copy(next, cells);
                next += 1;
            }
            cells[self.max][row] = self.values.iter().map(|&g| cells[g][row]).max().unwrap_or(0);
        }
    }
}
