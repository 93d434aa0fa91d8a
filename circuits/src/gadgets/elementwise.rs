//! Elementwise: an accumulator from two operands in the same row.
//!
//! ```text
//! t + bias = ca·e + cb·e2 + cm·e·e2 + c        e, e2 : copies of the operands
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

use super::super::gates::Gates;
use super::unit;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// Adds the gates.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) {
    let (Some(selector), Some(cb), Some(cm)) = (gates.f.elementwise, gates.f.cb, gates.f.cm) else { return };
    for lane in 0..gates.shape.lanes {
        let (e, e2) = (gates.advice(gates.a.e[lane]), gates.advice(gates.a.e2[lane]));
        let (ca, cc) = (gates.fixed(gates.f.ca[lane]), gates.fixed(gates.f.cc[lane]));
        // on · elementwise · (t − ca·e − cb·e2 − cm·e·e2 − cc) = 0
        let sum = ca * e.clone() + gates.fixed(cb) * e2.clone() + gates.fixed(cm) * e * e2 + cc;
        let gate = gates.on() * gates.fixed(selector) * (unit::accumulator(gates, lane) - sum);
        meta.create_gate("elementwise", |_| [gate]);
    }
}
