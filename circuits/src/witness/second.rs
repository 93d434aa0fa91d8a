//! The second phase: Horner accumulators and LogUp, from the columns of the first phase and the challenges.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::BatchInvert;
use rayon::prelude::*;

use crate::column::IntColumn;
use crate::field::embed;
use crate::gates::Challenges;
use crate::layout::Layout;
use crate::number::{fit, index};
use crate::shape::{AdviceColumns, FixedColumns, Place, GATHER_LANES, LOOKUPS_PER_HELPER};

/// The columns, on usable rows.
pub(super) fn columns(layout: &Layout, first: &[IntColumn], challenges: Challenges<Fr>) -> Vec<Vec<Fr>> {
    let (advice, fixed) = (layout.shape.advice(), layout.shape.fixed());
    let count = advice.count - advice.num_first_phase;
    let mut second = Second { layout, first, challenges, columns: vec![Vec::new(); count], advice, fixed };
    second.evaluations();
    second.weights();
    second.lookups();
    second.columns
}

struct Second<'a> {
    layout: &'a Layout,
    first: &'a [IntColumn],
    challenges: Challenges<Fr>,
    advice: AdviceColumns,
    fixed: FixedColumns,
    columns: Vec<Vec<Fr>>,
}

/// Powers `base^(n−1), …, base, 1`.
fn descending_powers(base: Fr, n: usize) -> Vec<Fr> {
    let mut powers: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |p| Some(p * base)).take(n).collect();
    powers.reverse();
    powers
}

impl Second<'_> {
    fn rows(&self) -> usize {
        self.layout.usable_rows()
    }

    fn set(&mut self, column: usize, values: Vec<Fr>) {
        self.columns[column - self.advice.num_first_phase] = values;
    }

    fn cell(&self, column: usize, row: usize) -> i64 {
        self.first[column].get(row)
    }

    fn fixed(&self, column: usize, row: usize) -> i64 {
        self.layout.fixed[column].get(row)
    }

    fn is_set(&self, column: Option<usize>, row: usize) -> bool {
        column.is_some_and(|c| self.fixed(c, row) == 1)
    }

    /// `acc = keep·ρ·acc' + Σ_j c_j·term_j`, with the second base where `switch` is set.
    fn accumulate(
        &self,
        keep: usize,
        lanes: usize,
        bases: [Fr; 2],
        switch: Option<usize>,
        term: impl Fn(usize, usize) -> i64 + Sync,
    ) -> Vec<Fr> {
        let powers = bases.map(|base| descending_powers(base, lanes));
        let rho = bases.map(|base| base.pow_vartime([fit(lanes)]));
        let sums: Vec<Fr> = (0..self.rows())
            .into_par_iter()
            .map(|row| {
                let powers = &powers[usize::from(self.is_set(switch, row))];
                (0..lanes).map(|j| (term(row, j), powers[j])).filter(|(t, _)| *t != 0).map(|(t, p)| embed(t) * p).sum()
            })
            .collect();
        let mut acc = Fr::ZERO;
        sums.into_iter()
            .enumerate()
            .map(|(row, sum)| {
                acc = if self.fixed(keep, row) == 1 { acc * rho[usize::from(self.is_set(switch, row))] + sum } else { sum };
                acc
            })
            .collect()
    }

    fn evaluations(&mut self) {
        let lanes = self.layout.shape.lanes;
        let bits = self.layout.shape.bits;
        let (channel, position) = (self.challenges.channel, self.challenges.position);
        let accumulator = |row: usize, j: usize| {
            let cell = |columns: &[usize]| self.cell(columns[j], row);
            ((cell(&self.advice.u) - cell(&self.advice.v)) << bits) + cell(&self.advice.r) - self.fixed(self.fixed.constant, row)
        };
        let bases = if self.fixed.vector.is_some() { [position, channel] } else { [channel, channel] };
        let y = self.accumulate(self.fixed.keep, lanes, bases, self.fixed.vector, accumulator);
        if let (Some(x), Some(d)) = (self.advice.x, self.advice.d) {
            let output = |row: usize, j: usize| {
                if self.fixed(self.fixed.mask[j], row) == 1 {
                    self.cell(self.advice.u[j], row)
                } else if self.fixed.table_mask.get(j).is_some_and(|&c| self.fixed(c, row) == 1) {
                    self.cell(self.advice.f[j], row)
                } else {
                    0
                }
            };
            let values = self.accumulate(self.fixed.keep, lanes, [position, Fr::ONE], self.fixed.sum, output);
            self.set(x, values);
            let mut acc = Fr::ZERO;
            let combined = (0..self.rows())
                .map(|row| {
                    if self.is_set(self.fixed.d_step, row) {
                        acc *= channel;
                    } else if !self.is_set(self.fixed.d_hold, row) {
                        acc = Fr::ZERO;
                    }
                    if self.is_set(self.fixed.d_end, row) {
                        acc += y[row];
                    }
                    acc
                })
                .collect();
            self.set(d, combined);
        }
        self.set(self.advice.y, y);
        if let (Some(gather), Some(max), Some(m)) = (self.advice.x_gather, self.advice.x_max, self.advice.m) {
            let value = |row: usize, j: usize| self.cell(self.advice.g[j], row) * self.fixed(self.fixed.gather_mask[j], row);
            let keep = self.fixed.gather_keep.unwrap_or_default();
            let values = self.accumulate(keep, GATHER_LANES, [position, Fr::ONE], self.fixed.gather_sum, value);
            self.set(gather, values);
            let mask = self.fixed.max_mask.unwrap_or_default();
            let keep = self.fixed.max_keep.unwrap_or_default();
            let value = |row: usize, _: usize| self.cell(m, row) * self.fixed(mask, row);
            let values = self.accumulate(keep, 1, [position, Fr::ONE], self.fixed.gather_sum, value);
            self.set(max, values);
        }
    }

    fn weights(&mut self) {
        let lanes = self.layout.shape.weight_lanes;
        let base = self.challenges.channel;
        let weight = |row: usize, j: usize| self.fixed(self.fixed.weights[j], row);
        let v = self.accumulate(self.fixed.weight_keep, lanes, [base, base], None, weight);
        let mut factor = vec![Fr::ZERO; self.rows()];
        for (row, value) in factor.iter_mut().enumerate() {
            if self.fixed(self.fixed.one, row) == 1 {
                *value = Fr::ONE;
            }
        }
        for (from, to) in &self.layout.copies {
            if to.place == Place::Advice(fit(self.advice.factor)) {
                factor[index(to.row)] = self.value(from.place, index(from.row));
            }
        }
        let powers: Vec<Fr> = self.layout.shape.jumps.iter().map(|&e| self.challenges.position.pow_vartime([u64::from(e)])).collect();
        let mut acc = Fr::ZERO;
        let dot = (0..self.rows())
            .map(|row| {
                match self.fixed(self.fixed.dot_hold, row) {
                    0 => {
                        let jump = self.fixed.dot_jumps.iter().position(|&c| self.fixed(c, row) == 1);
                        acc = jump.map_or(Fr::ZERO, |j| acc * powers[j]);
                    }
                    1 => {}
                    radix => acc *= embed(radix),
                }
                if self.fixed(self.fixed.product, row) == 1 {
                    acc += factor[row] * v[row];
                }
                acc
            })
            .collect();
        self.set(self.advice.weight_acc, v);
        self.set(self.advice.factor, factor);
        self.set(self.advice.dot, dot);
    }

    fn value(&self, place: Place, row: usize) -> Fr {
        match place {
            Place::Advice(column) if usize::from(column) < self.advice.num_first_phase => embed(self.cell(usize::from(column), row)),
            Place::Advice(column) => self.columns[usize::from(column) - self.advice.num_first_phase][row],
            Place::Fixed(column) => embed(self.fixed(usize::from(column), row)),
            Place::Instance => Fr::ZERO,
        }
    }

    /// `1/(λ + e)` for every row.
    fn inverses(&self, entry: impl Fn(usize) -> Fr + Sync) -> Vec<Fr> {
        let lambda = self.challenges.lambda;
        let mut values: Vec<Fr> = (0..self.rows()).into_par_iter().map(|row| lambda + entry(row)).collect();
        values.par_chunks_mut(1 << 12).for_each(|chunk| {
            chunk.batch_invert();
        });
        values
    }

    fn lookups(&mut self) {
        let a = self.advice.clone();
        let theta = self.challenges.theta;
        let entries = self.layout.shape.range_lookups();
        let value = |entry: &[(usize, i64)], row: usize| embed(entry.iter().map(|&(column, factor)| factor * self.cell(column, row)).sum());
        let add = |mut x: Vec<Fr>, y: Vec<Fr>| {
            x.par_iter_mut().zip(&y).for_each(|(x, y)| *x += y);
            x
        };
        let mut helpers: Vec<Vec<Fr>> = entries
            .chunks(LOOKUPS_PER_HELPER)
            .map(|chunk| chunk.iter().map(|e| self.inverses(|row| value(e, row))).reduce(add).unwrap_or_default())
            .collect();
        for lane in 0..a.table_helpers.len() {
            let entry = |row: usize| {
                if self.fixed(self.fixed.table_mask[lane], row) == 0 {
                    return Fr::ZERO;
                }
                let tag = self.fixed.tag.map_or(0, |tag| self.fixed(tag, row));
                embed(self.cell(a.u[lane], row)) + theta * (embed(self.cell(a.f[lane], row)) + theta * embed(tag))
            };
            helpers.push(add(self.inverses(entry), self.inverses(|row| embed(self.cell(a.r[lane], row)))));
        }
        let table = self.inverses(|row| {
            let optional = |column: Option<usize>| column.map_or(Fr::ZERO, |c| embed(self.fixed(c, row)));
            embed(self.fixed(self.fixed.table, row)) + theta * (optional(self.fixed.table_value) + theta * optional(self.fixed.table_tag))
        });
        let mut acc = Fr::ZERO;
        let phi = (0..self.rows())
            .map(|row| {
                acc += helpers.iter().map(|h| h[row]).sum::<Fr>() - embed(self.cell(a.multiplicity, row)) * table[row];
                acc
            })
            .collect();
        let (columns, phi_column) = (a.helpers.iter().chain(&a.table_helpers).copied().collect::<Vec<_>>(), a.phi);
        for (column, values) in columns.into_iter().zip(helpers) {
            self.set(column, values);
        }
        self.set(phi_column, phi);
    }
}
