//! LogUp: every looked-up value is a row of the table, by a sum of logarithmic derivatives.
//!
//! ```text
//! entry       e = value                         range lookup; for two limbs, value − 2^t·high and high
//!             e = mask·(in + θ·out + θ²·tag)    function table; 0 where the lane has none; + θ³·second if there are two functions
//! table row   T = in + θ·out + θ²·tag           the range table has out = tag = 0, function tables have tag ≥ 1
//! Σ_rows Σ_lookups 1/(λ + e) = Σ_rows multiplicity/(λ + T)
//! ```
//!
//! | constraint     | degree | identity                                                                     |
//! |----------------|--------|------------------------------------------------------------------------------|
//! | `helper`       | 5      | on · (h·(λ+e_1)(λ+e_2)(λ+e_3) − Σ_i Π_{j≠i} (λ+e_j)) = 0                      |
//! | `table_helper` | 5      | on · (h·(λ+e)(λ+r) − (λ+e) − (λ+r)) = 0                                       |
//! | `running_sum`  | 4      | on · ((φ − on'·φ' − Σ h)·(λ+T) + multiplicity) = 0     ' is the row before    |
//! | `total`        | 2      | last · φ = 0                                                                  |
//!
//! The range table has `t = bits / limbs` bits. With two limbs a value of `2t` bits costs one more cell and one more lookup,
//! and the table 2^t rows only: that is what makes small models small.
//!
//! # Soundness
//! With `0 ≤ value − 2^t·high < 2^t` and `0 ≤ high < 2^t` the value is an integer in `[0, 2^2t)`.
//!
//! Entries, tables and multiplicities are committed before `θ` and `λ`. If an entry is no table row, the two sides differ
//! as rational functions of `λ` (the number of lookups is far below p, so no pole cancels by characteristic), and they
//! agree at a random `λ` with probability below (lookups + rows)/p ([Hab22], section 3). Distinct rows `(in, out, tag)` have distinct
//! `T` except with probability 2/p for each pair. `on'` is zero before row 0, so the sum starts there; rows that are not
//! usable are not counted on either side.
//!
//! [Hab22]: https://eprint.iacr.org/2022/1530

mod count;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

pub(crate) use count::{high_limb, multiplicities};

use super::{Counter, FixedValues};
use crate::derivation::Derivation;
use crate::field::embed;
use crate::gates::{one, sum, Expr, Gates};
use crate::layout::tables;
use crate::number::fit;
use crate::shape::{Shape, LOOKUPS_PER_HELPER};

/// The columns of the look-ups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// High limbs of range checks, in the order of [`Shape::ranges`].
    pub high: Vec<usize>,
    /// Multiplicities of the table rows.
    pub multiplicity: usize,
    /// Helpers of up to three lookups of degree 1.
    pub helpers: Vec<usize>,
    /// Helpers of a table lookup.
    pub table_helpers: Vec<usize>,
    /// Running sum.
    pub phi: usize,
    /// Fixed: 1 on usable rows.
    pub on: usize,
    /// Fixed: 1 on the last usable row.
    pub last: usize,
    /// Fixed: the table's arguments.
    pub table: usize,
    /// Fixed: the table's values.
    pub table_value: Option<usize>,
    /// Fixed: the table's tags.
    pub table_tag: Option<usize>,
    /// Fixed: the values of second functions.
    pub table_second: Option<usize>,
}

impl Lookups {
    pub(super) fn first_phase(&mut self, c: &mut Counter, shape: &Shape) {
        self.high = c.many_when(shape.limbs > 1, shape.num_ranges());
        self.multiplicity = c.one();
    }

    pub(super) fn second_phase(&mut self, c: &mut Counter, shape: &Shape) {
        self.helpers = c.many(shape.num_range_lookups().div_ceil(LOOKUPS_PER_HELPER));
        self.table_helpers = c.many_when(shape.tables, shape.lanes);
        self.phi = c.one();
    }

    pub(super) fn fixed(&mut self, c: &mut Counter, shape: &Shape) {
        (self.on, self.last, self.table) = (c.one(), c.one(), c.one());
        (self.table_value, self.table_tag) = (c.when(shape.tables), c.when(shape.tables));
        self.table_second = c.when(shape.second_tables);
    }

    /// Adds the gates; how their columns are derived.
    pub(crate) fn configure(&self, meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) -> Vec<Derivation> {
        let mut derivations = Vec::new();
        let units = &gates.columns.units;
        let lambda = || gates.challenges.lambda.expr();
        for (entries, &helper) in range_entries(gates).chunks(LOOKUPS_PER_HELPER).zip(&self.helpers) {
            let factors: Vec<Expr> = entries.iter().map(|e| e.clone() + lambda()).collect();
            meta.create_gate("helper", |_| [helper_gate(gates, helper, &factors)]);
            derivations.push(Derivation::Reciprocals { column: helper, denominators: factors });
        }
        for (lane, &helper) in self.table_helpers.iter().enumerate() {
            let tag = units.tag.map_or_else(one, |tag| gates.fixed(tag));
            let second = units.f2.get(lane).map(|&f2| gates.advice(f2));
            let values = [gates.advice(units.u[lane]), gates.advice(units.f[lane]), tag];
            let entry = gates.fixed(units.table_mask[lane]) * compress(gates, values, second);
            let factors = [entry + lambda(), gates.advice(units.r[lane]) + lambda()];
            meta.create_gate("table_helper", |_| [helper_gate(gates, helper, &factors)]);
            derivations.push(Derivation::Reciprocals { column: helper, denominators: factors.into() });
        }
        let table = match (self.table_value, self.table_tag) {
            (Some(value), Some(tag)) => {
                let second = self.table_second.map(|second| gates.fixed(second));
                compress(gates, [gates.fixed(self.table), gates.fixed(value), gates.fixed(tag)], second)
            }
            _ => gates.fixed(self.table),
        };
        let helpers = sum(self.helpers.iter().chain(&self.table_helpers).map(|&h| gates.advice(h)));
        let (phi, before) = (gates.advice(self.phi), gates.advice_before(self.phi));
        // on · ((φ − on'·φ' − Σ h)·(λ + T) + multiplicity) = 0
        let step = phi.clone() - gates.fixed_before(self.on) * before - helpers.clone();
        let (numerator, denominator) = (gates.advice(self.multiplicity), table + lambda());
        let running = gates.on() * (step * denominator.clone() + numerator.clone());
        meta.create_gate("running_sum", |_| [running]);
        derivations.push(Derivation::RunningSum { column: self.phi, term: helpers, numerator, denominator });
        // last · φ = 0
        let total = gates.fixed(self.last) * phi;
        meta.create_gate("total", |_| [total]);
        derivations
    }

    /// Usable rows, and the tables: that of ranges, then functions with tags from 1.
    pub(super) fn fill_fixed(&self, values: &mut FixedValues<'_>) {
        let usable = values.usable;
        values.set(Some(self.on), || vec![1; usable]);
        values.set(Some(self.last), || (1..=usable).map(|row| i64::from(row == usable)).collect());
        let mut rows: Vec<[i64; 4]> = (0..1i64 << values.table_bits).map(|v| [v, 0, 0, 0]).collect();
        for (index, table) in tables(values.arrangement.graph).iter().enumerate() {
            let second = |i: usize| table.second.get(i).map_or(0, |&v| i64::from(v));
            let row = |(i, &v): (usize, &i32)| [i64::from(table.first) + fit::<_, i64>(i), i64::from(v), fit(index + 1), second(i)];
            rows.extend(table.values.iter().enumerate().map(row));
        }
        values.set(Some(self.table), || rows.iter().map(|r| r[0]).collect());
        values.set(self.table_value, || rows.iter().map(|r| r[1]).collect());
        values.set(self.table_tag, || rows.iter().map(|r| r[2]).collect());
        values.set(self.table_second, || rows.iter().map(|r| r[3]).collect());
    }
}

/// `in + θ·out + θ²·tag + θ³·second`.
fn compress(gates: &Gates<'_>, [input, output, tag]: [Expr; 3], second: Option<Expr>) -> Expr {
    let theta = gates.challenges.theta.expr();
    let rest = match second {
        Some(second) => tag + theta.clone() * second,
        None => tag,
    };
    input + theta.clone() * (output + theta * rest)
}

/// The entries of the range lookups.
fn range_entries(gates: &Gates<'_>) -> Vec<Expr> {
    let term = |&(column, factor): &(usize, i64)| match factor {
        1 => gates.advice(column),
        factor => gates.advice(column) * Expr::Constant(embed(factor)),
    };
    gates.shape.range_lookups().iter().map(|entry| sum(entry.iter().map(term))).collect()
}

/// `on · (h · Π factors − Σ_i Π_{j≠i} factors) = 0`.
fn helper_gate(gates: &Gates<'_>, helper: usize, factors: &[Expr]) -> Expr {
    let product = |skip: Option<usize>| {
        let kept = factors.iter().enumerate().filter(|(i, _)| Some(*i) != skip).map(|(_, f)| f.clone());
        kept.reduce(|acc, f| acc * f).unwrap_or_else(one)
    };
    let numerator = sum((0..factors.len()).map(|i| product(Some(i))));
    gates.on() * (gates.advice(helper) * product(None) - numerator)
}
