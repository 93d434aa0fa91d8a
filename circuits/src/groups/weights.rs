//! Weights: blocks of a matrix in fixed columns, evaluated in the channel challenge, and their sum of products.
//!
//! ```text
//! V   = Σ_o a^(O−1−o) w[o]           one block: the weights of one input channel and one kernel element
//! dot = Σ_k b^κ_k Σ_c X_c · V_{c,k}  kernel elements k in descending order of the exponent κ
//! ```
//!
//! A linear layer holds if `D = dot` ([`super::units`]), which is one copy constraint. For an image with rows of `S`
//! slots and a kernel element at `(dh, dw)`: `κ = const + dh·S + dw`, the distance by which it moves the image. This is
//! multiplication of polynomials in `(b^S, b)`, and border outputs are part of it.
//!
//! | constraint | degree | identity                                                                              |
//! |------------|--------|---------------------------------------------------------------------------------------|
//! | `weights`  | 3      | on · (V − weight_keep·a^L·V') = Σ_c a^(L−1−c) w_c                                      |
//! | `one`      | 3      | on · one · (factor − 1) = 0                                                           |
//! | `dot`      | 4      | on · (dot − dot_hold·dot' − Σ_i jump_i·b^{e_i}·dot' − product·factor·V − pair·factor·right) = 0 |
//!
//! `right`, where products of two cells are summed, is a copy as `factor` is. `dot_hold` is 1 where the sum stays, and a radix in the rows that pack public values ([`crate::layout::packing`]).
//!
//! Weights are zero on rows that are not used and not usable, so their sum needs no selector: it is *linear* in the fixed
//! columns with challenge coefficients.
//!
//! # Soundness
//! `D` and `dot` are polynomials in `(a, b)` of degree below 2^30 with coefficients that the first phase and the key fix
//! (`factor` is a copy of an evaluation, of a first-phase cell, or 1). If a wanted accumulator differed from the layer's,
//! they would differ in one coefficient: the slots of wanted outputs receive no product of a wrapped-around row, which
//! [`crate::layout`] guarantees by the choice of `S`. They then agree with probability below 2^30/p [Schwartz-Zippel].

mod place;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

pub(crate) use place::{num_rows, Jumps, WeightGroup, WeightRow};

use super::{Counter, FixedValues};
use crate::derivation::Derivation;
use crate::gates::{horner, one, power, Gates};
use crate::number::index;
use crate::shape::Shape;

/// The columns of the weight group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// Fixed: weights; the first columns, in one canonical order.
    pub lanes: Vec<usize>,
    /// Weights, evaluated.
    pub acc: usize,
    /// Factor of a weight block.
    pub factor: usize,
    /// Sum of products.
    pub dot: usize,
    /// Second factor of a product of two cells.
    pub right: Option<usize>,
    /// Fixed: 1 where a weight block goes on.
    pub keep: usize,
    /// Fixed: 1 where a weight block ends: its product is added.
    pub product: usize,
    /// Fixed: 1 where the factor is the constant 1.
    pub one: usize,
    /// Fixed: factor of the sum of products before: 1 where it stays, the radix where public values are packed.
    pub hold: usize,
    /// Fixed: the sum of products is multiplied by a power.
    pub jumps: Vec<usize>,
    /// Fixed: factor of a product of two cells.
    pub pair: Option<usize>,
}

/// A column of the weight group by role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    Dot,
    Factor,
    Right,
}

impl Weights {
    pub(super) fn second_phase(&mut self, c: &mut Counter, shape: &Shape) {
        (self.acc, self.factor, self.dot) = (c.one(), c.one(), c.one());
        self.right = c.when(shape.pairs);
    }

    pub(super) fn fixed(&mut self, c: &mut Counter, shape: &Shape) {
        (self.keep, self.product, self.one, self.hold) = (c.one(), c.one(), c.one(), c.one());
        self.jumps = c.many(shape.jumps.len());
        self.pair = c.when(shape.pairs);
    }

    pub(super) fn column(&self, lane: Lane) -> Option<usize> {
        match lane {
            Lane::Dot => Some(self.dot),
            Lane::Factor => Some(self.factor),
            Lane::Right => self.right,
        }
    }

    /// Adds the gates; how their columns are derived.
    pub(crate) fn configure(&self, meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) -> Vec<Derivation> {
        let (channel, position) = (gates.challenges.channel, gates.challenges.position);
        // on · (V − weight_keep·a^L·V') − Σ_c a^(L−1−c) w_c = 0
        let weights = horner(self.lanes.iter().map(|&w| gates.fixed(w)), channel);
        let rho = power(channel, gates.shape.weight_lanes);
        let v = gates.advice(self.acc);
        let keep = gates.fixed(self.keep) * rho;
        let gate = gates.on() * (v.clone() - keep.clone() * gates.advice_before(self.acc)) - weights.clone();
        meta.create_gate("weights", |_| [gate]);
        // on · one · (factor − 1) = 0
        let gate = gates.on() * gates.fixed(self.one) * (gates.advice(self.factor) - one());
        meta.create_gate("one", |_| [gate]);
        // on · (dot − dot_hold·dot' − Σ_i jump_i·b^{e_i}·dot' − product·factor·V) = 0
        let mut factor = gates.fixed(self.hold);
        for (&jump, &exponent) in self.jumps.iter().zip(&gates.shape.jumps) {
            factor = factor + gates.fixed(jump) * power(position, index(exponent));
        }
        let mut product = gates.fixed(self.product) * gates.advice(self.factor) * v;
        let mut derivations = vec![
            Derivation::Recurrence { column: self.acc, factor: keep, term: weights },
            Derivation::Copies { column: self.factor, one: Some(self.one) },
        ];
        if let (Some(right), Some(pair)) = (self.right, self.pair) {
            product = product + gates.fixed(pair) * gates.advice(self.factor) * gates.advice(right);
            derivations.push(Derivation::Copies { column: right, one: None });
        }
        let dot = Derivation::Recurrence { column: self.dot, factor, term: product };
        dot.gate(meta, gates, "dot");
        derivations.push(dot);
        derivations
    }

    pub(super) fn fill_fixed(&self, values: &mut FixedValues<'_>, group: &mut WeightGroup) {
        for (&column, lane) in self.lanes.iter().zip(std::mem::take(&mut group.weights)) {
            values.out[column] = lane;
        }
        let column = |f: &dyn Fn(&WeightRow) -> i64| group.rows.iter().map(f).collect::<Vec<i64>>();
        values.set(Some(self.keep), || column(&|r| i64::from(r.keep)));
        values.set(Some(self.product), || column(&|r| i64::from(r.product)));
        values.set(Some(self.one), || column(&|r| i64::from(r.one)));
        values.set(self.pair, || column(&|r| r.pair));
        values.set(Some(self.hold), || column(&|r| i64::from(r.hold)));
        for (at, &jump) in self.jumps.iter().enumerate() {
            values.set(Some(jump), || column(&|r| i64::from(usize::from(r.jump) == at + 1)));
        }
    }
}
