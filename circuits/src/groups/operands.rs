//! Operands: two cells beside a unit, copies of what an element-wise operation reads.
//!
//! ```text
//! t + bias = ca·e + cb·e2 + cm·e·e2 + c        e, e2 : the operands
//! ```
//!
//! | constraint    | degree | identity                                                                       |
//! |---------------|--------|--------------------------------------------------------------------------------|
//! | `elementwise` | 5      | on · elementwise · (t − ca·e − cb·e2 − cm·e·e2 − cc) = 0                        |
//!
//! `ca` and `cc` are fixed by lane, `cb` and `cm` by row. A lane without a value has operands 0 and `cc = 0`; its unit is
//! then any cells with `t = 0`.
//!
//! # Soundness
//! Operands are copies of values that their own units bound, so both sides are integers below p/2 and the unit's
//! division is unique. Only the gate holds them to it; no evaluation reads these rows' `t`.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

use super::{Counter, FixedValues};
use crate::gates::Gates;
use crate::groups::units::UnitRow;
use crate::shape::Shape;

/// The columns of operands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operands {
    /// First operand: one for each lane.
    pub first: Vec<usize>,
    /// Second operand.
    pub second: Vec<usize>,
    /// Fixed: 1 on element-wise rows.
    pub elementwise: usize,
    /// Fixed: factor of the first operand, by lane.
    pub ca: Vec<usize>,
    /// Fixed: constant, by lane.
    pub cc: Vec<usize>,
    /// Fixed: factor of the second operand.
    pub cb: usize,
    /// Fixed: factor of the product.
    pub cm: usize,
}

/// A column of operands by role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    First(u16),
    Second(u16),
}

impl Operands {
    pub(super) fn first_phase(&mut self, c: &mut Counter, shape: &Shape) {
        (self.first, self.second) = (c.many(shape.lanes), c.many(shape.lanes));
    }

    pub(super) fn fixed(&mut self, c: &mut Counter, shape: &Shape) {
        self.elementwise = c.one();
        (self.ca, self.cc) = (c.many(shape.lanes), c.many(shape.lanes));
        (self.cb, self.cm) = (c.one(), c.one());
    }

    pub(super) fn column(&self, lane: Lane) -> Option<usize> {
        match lane {
            Lane::First(j) => self.first.get(usize::from(j)).copied(),
            Lane::Second(j) => self.second.get(usize::from(j)).copied(),
        }
    }

    /// Adds the gates.
    pub(crate) fn configure(&self, meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) {
        for lane in 0..gates.shape.lanes {
            let (e, e2) = (gates.advice(self.first[lane]), gates.advice(self.second[lane]));
            let (ca, cc) = (gates.fixed(self.ca[lane]), gates.fixed(self.cc[lane]));
            // on · elementwise · (t − ca·e − cb·e2 − cm·e·e2 − cc) = 0
            let sum = ca * e.clone() + gates.fixed(self.cb) * e2.clone() + gates.fixed(self.cm) * e * e2 + cc;
            let accumulator = gates.columns.units.accumulator(gates, lane);
            let gate = gates.on() * gates.fixed(self.elementwise) * (accumulator - sum);
            meta.create_gate("elementwise", |_| [gate]);
        }
    }

    pub(super) fn fill_fixed(&self, values: &mut FixedValues<'_>) {
        let rows = &values.arrangement.units;
        let lane_factors = &values.arrangement.lane_factors;
        let column = |f: &dyn Fn(&UnitRow) -> i64| rows.iter().map(f).collect::<Vec<i64>>();
        values.set(Some(self.elementwise), || column(&|r| i64::from(r.elementwise)));
        values.set(Some(self.cb), || column(&|r| r.cb));
        values.set(Some(self.cm), || column(&|r| r.cm));
        for (j, (&ca, &cc)) in self.ca.iter().zip(&self.cc).enumerate() {
            let mut factors = vec![(0, 0); rows.len()];
            for (&row, lanes) in lane_factors {
                factors[row] = lanes[j];
            }
            values.set(Some(ca), || factors.iter().map(|f| f.0).collect());
            values.set(Some(cc), || factors.iter().map(|f| f.1).collect());
        }
    }
}
