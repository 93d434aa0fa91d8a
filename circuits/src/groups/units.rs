//! Units: three cells that hold a requantised value, with relu or without, and the evaluations of the tensors that lie in them.
//!
//! ```text
//! t = (u − v)·2^s + r − c      the accumulator, never a cell: evaluations read this expression     s = bits
//! relu rows:    u = max(q, 0)     v = max(−q, 0)     c = 2^(s−1) + bias
//! signed rows:  u = q             v = 2^(s−1)        c = 2^(s−1) + bias − 2^(s−1)·2^s
//! ```
//!
//! so that `t + bias = q·2^s + r − 2^(s−1)` with `q = u − v` or `q = u`: the Euclidean division of [`crate::graph`].
//!
//! ```text
//! an image lies in blocks, one for each channel; slot σ of a block is lane σ mod L of its row ⌊σ / L⌋
//! X_c = Σ_σ b^(E−σ) out[c, σ]            E = last slot of the block's last row        out = u, or f where a table is
//! Y_o = Σ_σ b^(E−σ) t[o, σ]
//! D   = Σ_o a^(O−1−o) Y_o
//! ```
//!
//! A vector lies in one block and is evaluated in the channel challenge: `Y = Σ_i a^(E−i) t[i]`. An image that is summed is evaluated
//! at `b = 1`. A tensor may also lie position slow and channel fast: each position is a vector, and `D` combines them in the position
//! challenge, `D = Σ_p b^(P−1−p) Y_p`, which is the same polynomial. Its values are evaluated in the channel challenge then, row by row or
//! in equal parts of a row, and `Q = Σ out²` sums their squares.
//!
//! | constraint | degree | identity                                                             | where            |
//! |------------|--------|----------------------------------------------------------------------|------------------|
//! | `relu`     | 5      | on · relu · mask · u · v = 0                                         | relu rows        |
//! | `signed`   | 4      | on · signed · mask' · (v − 2^(s−1)) = 0                              | signed rows      |
//! | lookup     | 1      | u + v ∈ [0, 2^s)                                                     | all rows         |
//! | lookup     | 1      | r ∈ [0, 2^s)                                                         | all rows         |
//! | lookup     |        | (u, f) or (u, f, f2) in the row's table                              | table_mask       |
//! | `y`        | 5      | on · (Y − keep·ρ·Y' − Σ_j c_j·t_j) = 0      ' is the row before      | all rows         |
//! | `x`        | 5      | on · (X − keep'·σ·X' − Σ_j d_j·out_j) = 0                            | all rows         |
//! | `d`        | 4      | on · (D − (d_hold + d_step·a + d_step'·b)·D' − d_end·Y) = 0          | all rows         |
//! | `x_second` | 4      | on · (X2 − keep'·σ·X2' − Σ_j d_j·table_mask_j·f2_j) = 0              | all rows         |
//! | `squares`  | 4      | on · (Q − keep'·Q' − Σ_j mask_j·u_j²) = 0                            | all rows         |
//!
//! `mask' = mask + table_mask`: both kinds of wanted lanes. `ρ = b^L` and `c_j = b^(L−1−j)` on image rows, `ρ = a^L`, `c_j = a^(L−1−j)`
//! on vector rows; `σ`, `d_j` likewise with 1 in place of `b` on rows that are summed, and `a` where values are evaluated in it. `keep'` is
//! `keep` but where parts of a row begin.
//!
//! # Soundness
//! On a relu row one of `u`, `v` is zero and their sum lies in `[0, 2^s)`, so the other lies there too, and `q = u − v`
//! has `|q| < 2^s`. On a signed row `u + 2^(s−1) ∈ [0, 2^s)`. With `0 ≤ r < 2^s` the pair `(q, r)` is the unique Euclidean
//! division of the accumulator, which is below p/2 in absolute value because every factor is bounded
//! ([`crate::layout::bounds::check`]).
//!
//! A lane without a mask holds an *unwanted* value: a border output of a convolution, which the evaluation identity
//! determines and nobody reads. There `u − v` is any integer; the two lookups still hold, with `u + v ∈ {0, 1}`. Evaluations assume
//! nothing of it: `out` is zero there, and `t` is whatever the cells say.

mod fill;
mod rows;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

pub(crate) use fill::fill;
pub(crate) use rows::UnitRow;

use super::evaluation::accumulate;
use super::{Counter, FixedValues};
use crate::derivation::Derivation;
use crate::gates::{sum, Expr, Gates};
use crate::shape::Shape;

/// The columns of the units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Positive part, or the value itself: one for each lane.
    pub u: Vec<usize>,
    /// Negative part, or an offset.
    pub v: Vec<usize>,
    /// Remainder.
    pub r: Vec<usize>,
    /// Table output.
    pub f: Vec<usize>,
    /// Output of the table's second function.
    pub f2: Vec<usize>,
    /// Accumulators, evaluated.
    pub y: usize,
    /// Channels of `y`, combined.
    pub d: Option<usize>,
    /// Outputs, evaluated.
    pub x: Option<usize>,
    /// Outputs of second functions, evaluated.
    pub x2: Option<usize>,
    /// Sums of squares.
    pub squares: Option<usize>,
    /// Fixed: 1 where a lane holds a value of a tensor in `u`.
    pub mask: Vec<usize>,
    /// Fixed: 1 where a lane holds a value of a tensor in `f`.
    pub table_mask: Vec<usize>,
    /// Fixed: 1 on relu rows.
    pub relu: usize,
    /// Fixed: 1 on rows whose `u` is the signed value.
    pub signed: usize,
    /// Fixed: constant of a row: half, bias and offset.
    pub constant: usize,
    /// Fixed: 1 where an evaluation goes on from the row before.
    pub keep: usize,
    /// Fixed: 1 where the evaluation of values goes on, if that is not where accumulators do.
    pub keep_values: Option<usize>,
    /// Fixed: 1 on rows of vectors, which are evaluated in the channel challenge.
    pub vector: Option<usize>,
    /// Fixed: 1 on rows that are summed.
    pub sum: Option<usize>,
    /// Fixed: 1 on rows whose values are evaluated in the channel challenge.
    pub channel: Option<usize>,
    /// Fixed: `d` stays.
    pub d_hold: Option<usize>,
    /// Fixed: `d` moves to the next channel.
    pub d_step: Option<usize>,
    /// Fixed: `d` moves to the next position.
    pub d_step_position: Option<usize>,
    /// Fixed: a channel ends: `y` is added to `d`.
    pub d_end: Option<usize>,
    /// Fixed: tag of the row's table.
    pub tag: Option<usize>,
}

/// A column of the units by role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    /// `u` of a lane.
    Value(u16),
    /// `f` of a lane.
    Output(u16),
    X,
    /// `X` of second functions.
    X2,
    Squares,
    Y,
    D,
}

impl Units {
    pub(super) fn first_phase(&mut self, c: &mut Counter, shape: &Shape) {
        let lanes = shape.lanes;
        (self.u, self.v, self.r) = (c.many(lanes), c.many(lanes), c.many(lanes));
        self.f = c.many_when(shape.tables, lanes);
        self.f2 = c.many_when(shape.second_tables, lanes);
    }

    pub(super) fn second_phase(&mut self, c: &mut Counter, shape: &Shape) {
        self.y = c.one();
        (self.d, self.x) = (c.when(shape.grids), c.when(shape.grids));
        (self.x2, self.squares) = (c.when(shape.second_tables), c.when(shape.roots));
    }

    pub(super) fn fixed(&mut self, c: &mut Counter, shape: &Shape) {
        self.mask = c.many(shape.lanes);
        self.table_mask = c.many_when(shape.tables, shape.lanes);
        (self.relu, self.signed, self.constant, self.keep) = (c.one(), c.one(), c.one(), c.one());
        self.vector = c.when(shape.grids);
        self.sum = c.when(shape.sums);
        (self.d_hold, self.d_step, self.d_end) = (c.when(shape.grids), c.when(shape.grids), c.when(shape.grids));
        (self.channel, self.keep_values) = (c.when(shape.channel_blocks), c.when(shape.split_blocks));
        self.d_step_position = c.when(shape.position_steps);
    }

    pub(super) fn column(&self, lane: Lane) -> Option<usize> {
        match lane {
            Lane::Value(j) => self.u.get(usize::from(j)).copied(),
            Lane::Output(j) => self.f.get(usize::from(j)).copied(),
            Lane::X => self.x,
            Lane::X2 => self.x2,
            Lane::Squares => self.squares,
            Lane::Y => Some(self.y),
            Lane::D => self.d,
        }
    }

    /// What is range-checked; beside a table, a remainder shares the helper of the table's look-up instead.
    pub(super) fn ranges(&self) -> Vec<Vec<(usize, i64)>> {
        let values = self.u.iter().zip(&self.v).map(|(&u, &v)| vec![(u, 1), (v, 1)]);
        let remainders = self.r.iter().filter(|_| self.f.is_empty()).map(|&r| vec![(r, 1)]);
        values.chain(remainders).collect()
    }

    /// The accumulator `t` of a lane.
    pub(super) fn accumulator(&self, gates: &Gates<'_>, lane: usize) -> Expr {
        let value = gates.advice(self.u[lane]) - gates.advice(self.v[lane]);
        value * gates.unit() + gates.advice(self.r[lane]) - gates.fixed(self.constant)
    }

    /// The output of a lane, or zero where it holds none.
    fn output(&self, gates: &Gates<'_>, lane: usize) -> Expr {
        let value = gates.fixed(self.mask[lane]) * gates.advice(self.u[lane]);
        match (self.table_mask.get(lane), self.f.get(lane)) {
            (Some(&mask), Some(&f)) => value + gates.fixed(mask) * gates.advice(f),
            _ => value,
        }
    }

    /// 1 where a lane holds a value of a tensor.
    fn wanted(&self, gates: &Gates<'_>, lane: usize) -> Expr {
        let mask = gates.fixed(self.mask[lane]);
        match self.table_mask.get(lane) {
            Some(&table) => mask + gates.fixed(table),
            None => mask,
        }
    }

    /// Adds the gates of cells.
    pub(crate) fn configure(&self, meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) {
        let offset = Expr::Constant(Fr::from(1u64 << (gates.shape.bits - 1)));
        for lane in 0..gates.shape.lanes {
            let (u, v) = (gates.advice(self.u[lane]), gates.advice(self.v[lane]));
            // on · relu · mask · u · v = 0
            let relu = gates.on() * gates.fixed(self.relu) * gates.fixed(self.mask[lane]) * u * v.clone();
            meta.create_gate("relu", |_| [relu]);
            // on · signed · (mask + table_mask) · (v − 2^(s−1)) = 0
            let signed = gates.on() * gates.fixed(self.signed) * self.wanted(gates, lane) * (v - offset.clone());
            meta.create_gate("signed", |_| [signed]);
        }
    }

    /// Adds the gates of evaluations; how their columns are derived.
    pub(crate) fn configure_evaluations(&self, meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) -> Vec<Derivation> {
        let (channel, position) = (gates.challenges.channel, gates.challenges.position);
        let accumulators: Vec<Expr> = (0..gates.shape.lanes).map(|j| self.accumulator(gates, j)).collect();
        let y = match self.vector {
            Some(vector) => accumulate(gates, self.y, self.keep, &accumulators, position, &[(Some(vector), Some(channel))]),
            None => accumulate(gates, self.y, self.keep, &accumulators, channel, &[]),
        };
        y.gate(meta, gates, "y");
        let mut derivations = vec![y];
        if let (Some(x), Some(d), Some(hold), Some(step), Some(end)) = (self.x, self.d, self.d_hold, self.d_step, self.d_end) {
            let outputs: Vec<Expr> = (0..gates.shape.lanes).map(|j| self.output(gates, j)).collect();
            let others = [(self.sum, None), (self.channel, Some(channel))];
            let keep = self.keep_values.unwrap_or(self.keep);
            let x = accumulate(gates, x, keep, &outputs, position, &others);
            x.gate(meta, gates, "x");
            if let Some(x2) = self.x2 {
                let second: Vec<Expr> = self.table_mask.iter().zip(&self.f2).map(|(&m, &f)| gates.fixed(m) * gates.advice(f)).collect();
                let x2 = accumulate(gates, x2, keep, &second, position, &others);
                x2.gate(meta, gates, "x_second");
                derivations.push(x2);
            }
            if let Some(squares) = self.squares {
                let square = |(&mask, &u): (&usize, &usize)| gates.fixed(mask) * gates.advice(u) * gates.advice(u);
                let term = sum(self.mask.iter().zip(&self.u).map(square));
                let squares = Derivation::Recurrence { column: squares, factor: gates.fixed(keep), term };
                squares.gate(meta, gates, "squares");
                derivations.push(squares);
            }
            // on · (D − (d_hold + d_step·a + d_step'·b)·D' − d_end·Y) = 0
            let mut factor = gates.fixed(hold) + gates.fixed(step) * channel.expr();
            if let Some(step) = self.d_step_position {
                factor = factor + gates.fixed(step) * position.expr();
            }
            let d = Derivation::Recurrence { column: d, factor, term: gates.fixed(end) * gates.advice(self.y) };
            d.gate(meta, gates, "d");
            derivations.extend([x, d]);
        }
        derivations
    }

    pub(super) fn fill_fixed(&self, values: &mut FixedValues<'_>) {
        let rows = &values.arrangement.units;
        let column = |f: &dyn Fn(&UnitRow) -> i64| rows.iter().map(f).collect::<Vec<i64>>();
        for (j, &mask) in self.mask.iter().enumerate() {
            values.set(Some(mask), || column(&|r| i64::from(r.mask >> j & 1 == 1)));
        }
        for (j, &mask) in self.table_mask.iter().enumerate() {
            values.set(Some(mask), || column(&|r| i64::from(r.table_mask >> j & 1 == 1)));
        }
        values.set(Some(self.relu), || column(&|r| i64::from(r.relu)));
        values.set(Some(self.signed), || column(&|r| i64::from(r.signed)));
        values.set(Some(self.constant), || column(&|r| r.constant));
        values.set(Some(self.keep), || column(&|r| i64::from(r.keep)));
        values.set(self.vector, || column(&|r| i64::from(r.vector)));
        values.set(self.keep_values, || column(&|r| i64::from(r.keep_values)));
        values.set(self.sum, || column(&|r| i64::from(r.sum)));
        values.set(self.channel, || column(&|r| i64::from(r.channel)));
        values.set(self.d_hold, || column(&|r| i64::from(r.d_hold)));
        values.set(self.d_step, || column(&|r| i64::from(r.d_step)));
        values.set(self.d_step_position, || column(&|r| i64::from(r.d_step_position)));
        values.set(self.d_end, || column(&|r| i64::from(r.d_end)));
        values.set(self.tag, || column(&|r| i64::from(r.tag)));
    }
}
