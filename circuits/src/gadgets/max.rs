//! Max: the largest of four gathered values.
//!
//! ```text
//! g_0 … g_3 : copies of the window's elements      m = max g_t
//! ```
//!
//! | constraint | degree | identity                        |
//! |------------|--------|---------------------------------|
//! | `one_of`   | 5      | on · Π_t (m − g_t) = 0          |
//! | lookup     | 1      | m − g_t ∈ [0, 2^s)              |
//!
//! A longer window chains rows: the next row's `g_0` is a copy of `m`. A shorter one repeats an element. Rows that only
//! carry a tensor in another order are no exception: there `m` is the maximum too, and nobody reads it.
//!
//! # Soundness
//! `m` is one of the `g_t` and none of them is larger: values of a tensor differ by less than `2^s`, far below p/2, so
//! the differences are those of integers.

use super::super::gates::{Expr, Gates};
use crate::shape::GATHER_LANES;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// `m − g_t`, for each lane.
pub(crate) fn differences(gates: &Gates<'_>) -> Vec<Expr> {
    match gates.a.m {
        Some(m) => gates.a.g[..GATHER_LANES].iter().map(|&g| gates.advice(m) - gates.advice(g)).collect(),
        None => Vec::new(),
    }
}

/// Adds the gate.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) {
    // on · Π_t (m − g_t) = 0
    if let Some(product) = differences(gates).into_iter().reduce(|acc, d| acc * d) {
        let gate = gates.on() * product;
        meta.create_gate("one_of", |_| [gate]);
    }
}
