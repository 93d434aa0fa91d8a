//! Unit: three cells that hold a requantised value, with relu or without.
//!
//! ```text
//! t = (u − v)·2^s + r − c      the accumulator, never a cell: evaluations read this expression     s = bits
//! relu rows:    u = max(q, 0)     v = max(−q, 0)     c = 2^(s−1) + bias
//! signed rows:  u = q             v = 2^(s−1)        c = 2^(s−1) + bias − 2^(s−1)·2^s
//! ```
//!
//! so that `t + bias = q·2^s + r − 2^(s−1)` with `q = u − v` or `q = u`: the Euclidean division of [`crate::graph`].
//!
//! | constraint | degree | identity                                      | where                    |
//! |------------|--------|-----------------------------------------------|--------------------------|
//! | `relu`     | 5      | on · relu · mask · u · v = 0                  | relu rows                |
//! | `signed`   | 4      | on · signed · mask' · (v − 2^(s−1)) = 0       | signed rows              |
//! | lookup     | 1      | u + v ∈ [0, 2^s)                              | all rows, `lookups/logup` |
//! | lookup     | 1      | r ∈ [0, 2^s)                                  | all rows                 |
//!
//! `mask' = mask + table_mask`: both kinds of wanted lanes.
//!
//! # Soundness
//! On a relu row one of `u`, `v` is zero and their sum lies in `[0, 2^s)`, so the other lies there too, and `q = u − v`
//! has `|q| < 2^s`. On a signed row `u + 2^(s−1) ∈ [0, 2^s)`. With `0 ≤ r < 2^s` the pair `(q, r)` is the unique Euclidean
//! division of the accumulator, which is below p/2 in absolute value because every factor is bounded
//! ([`crate::layout::bounds::check`]).
//!
//! A lane without a mask holds an *unwanted* value: a border output of a convolution, which the evaluation identity
//! determines and nobody reads. There `u − v` is any integer; the two lookups still hold, with `u + v ∈ {0, 1}`.

use super::super::gates::{Expr, Gates};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// The accumulator `t` of a lane.
pub(crate) fn accumulator(gates: &Gates<'_>, lane: usize) -> Expr {
    let a = &gates.a;
    (gates.advice(a.u[lane]) - gates.advice(a.v[lane])) * gates.unit() + gates.advice(a.r[lane]) - gates.fixed(gates.f.constant)
}

/// The output of a lane, or zero where it holds none.
pub(crate) fn output(gates: &Gates<'_>, lane: usize) -> Expr {
    let value = gates.fixed(gates.f.mask[lane]) * gates.advice(gates.a.u[lane]);
    if gates.shape.tables {
        value + gates.fixed(gates.f.table_mask[lane]) * gates.advice(gates.a.f[lane])
    } else {
        value
    }
}

/// 1 where a lane holds a value of a tensor.
pub(crate) fn wanted(gates: &Gates<'_>, lane: usize) -> Expr {
    let mask = gates.fixed(gates.f.mask[lane]);
    if gates.shape.tables {
        mask + gates.fixed(gates.f.table_mask[lane])
    } else {
        mask
    }
}

/// Adds the gates.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) {
    let offset = Expr::Constant(Fr::from(1u64 << (gates.shape.bits - 1)));
    for lane in 0..gates.shape.lanes {
        let (u, v) = (gates.advice(gates.a.u[lane]), gates.advice(gates.a.v[lane]));
        // on · relu · mask · u · v = 0
        let relu = gates.on() * gates.fixed(gates.f.relu) * gates.fixed(gates.f.mask[lane]) * u * v.clone();
        meta.create_gate("relu", |_| [relu]);
        // on · signed · (mask + table_mask) · (v − 2^(s−1)) = 0
        let signed = gates.on() * gates.fixed(gates.f.signed) * wanted(gates, lane) * (v - offset.clone());
        meta.create_gate("signed", |_| [signed]);
    }
}
