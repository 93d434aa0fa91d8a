//! Roots: rows of the weight group that hold the factor of a row of a tensor to the inverse of its length.
//!
//! ```text
//! low    C² − g²·(Q + E) = Σ_i low_i·B^i            g : factor     Q : the sum of squares, an evaluation of `units`
//! high   (g + 1)²·(Q + E) − C² − 1 = Σ_i high_i·B^i          B = 2^bits, each limb in [0, B)
//! ```
//!
//! | constraint | degree | identity                                                        |
//! |------------|--------|-----------------------------------------------------------------|
//! | `low`      | 5      | on · low · (c² − factor²·(right + e) − dot) = 0                  |
//! | `high`     | 5      | on · high · ((factor + 1)²·(right + e) − c² − 1 − dot) = 0       |
//!
//! The limbs are summed by Horner's rule in rows in front, as packed public values are: `dot = B·dot' + factor·V`, `V = 1`. In the row of
//! the gate `dot` stays, `factor` is a copy of `g`, `right` one of `Q`.
//!
//! # Soundness
//! Every cell is a copy of one that its own range bounds, and `Q` is determined by such. All sides are below 2^126, so equality mod p
//! is equality of integers, and a sum of limbs is not negative.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

use super::{Counter, FixedValues};
use crate::gates::{one, Expr, Gates};
use crate::groups::weights::{WeightGroup, WeightRow};
use crate::layout::rows::Site;

/// The fixed columns of roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// 1 where the lower bound is checked.
    pub low: usize,
    /// 1 where the upper bound is checked.
    pub high: usize,
    /// `C`.
    pub constant: usize,
    /// `E`.
    pub epsilon: usize,
}

/// The factor of one row of a tensor.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) factor: Site,
    pub(crate) squares: Site,
    /// The lowest limb first.
    pub(crate) low: Vec<Site>,
    pub(crate) high: Vec<Site>,
    pub(crate) constant: i64,
    pub(crate) epsilon: i64,
}

impl Root {
    /// Rows that it takes.
    pub(crate) fn num_rows(&self) -> usize {
        self.low.len() + self.high.len() + 2
    }
}

/// What is fixed in a row that checks a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RootRow {
    pub(crate) low: bool,
    pub(crate) high: bool,
    pub(crate) constant: i64,
    pub(crate) epsilon: i64,
}

impl Roots {
    pub(super) fn fixed(&mut self, c: &mut Counter) {
        (self.low, self.high, self.constant, self.epsilon) = (c.one(), c.one(), c.one(), c.one());
    }

    /// Adds the gates.
    pub(crate) fn configure(&self, meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) {
        let weights = &gates.columns.weights;
        let Some(right) = weights.right else { return };
        let (factor, dot) = (gates.advice(weights.factor), gates.advice(weights.dot));
        let (constant, squares) = (gates.fixed(self.constant), gates.advice(right) + gates.fixed(self.epsilon));
        let squared = constant.clone() * constant;
        let scaled = |factor: Expr| factor.clone() * factor * squares.clone();
        // on · low · (c² − factor²·(right + e) − dot) = 0
        let low = gates.on() * gates.fixed(self.low) * (squared.clone() - scaled(factor.clone()) - dot.clone());
        meta.create_gate("low", |_| [low]);
        // on · high · ((factor + 1)²·(right + e) − c² − 1 − dot) = 0
        let high = gates.on() * gates.fixed(self.high) * (scaled(factor + one()) - squared - one() - dot);
        meta.create_gate("high", |_| [high]);
    }

    pub(super) fn fill_fixed(&self, values: &mut FixedValues<'_>, group: &WeightGroup) {
        let column = |f: &dyn Fn(&RootRow) -> i64| group.rows.iter().map(|row: &WeightRow| f(&row.root)).collect::<Vec<i64>>();
        values.set(Some(self.low), || column(&|r| i64::from(r.low)));
        values.set(Some(self.high), || column(&|r| i64::from(r.high)));
        values.set(Some(self.constant), || column(&|r| r.constant));
        values.set(Some(self.epsilon), || column(&|r| r.epsilon));
    }
}
