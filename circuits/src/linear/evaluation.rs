//! Evaluations of tensors at the challenges, by Horner's rule with one cell a row.
//!
//! ```text
//! an image lies in blocks, one for each channel; slot σ of a block is lane σ mod L of its row ⌊σ / L⌋
//! X_c = Σ_σ b^(E−σ) out[c, σ]            E = last slot of the block's last row
//! Y_o = Σ_σ b^(E−σ) t[o, σ]              t = the accumulator, `gadgets/unit`
//! D   = Σ_o a^(O−1−o) Y_o
//! ```
//!
//! A vector lies in one block and is evaluated in the channel challenge: `Y = Σ_i a^(E−i) t[i]`. An image that is summed
//! is evaluated at `b = 1`.
//!
//! | constraint | degree | identity                                                             |
//! |------------|--------|----------------------------------------------------------------------|
//! | `y`        | 5      | on · (Y − keep·ρ·Y' − Σ_j c_j·t_j) = 0      ' is the row before      |
//! | `x`        | 5      | on · (X − keep·σ·X' − Σ_j d_j·out_j) = 0                             |
//! | `d`        | 4      | on · (D − d_hold·D' − d_step·a·D' − d_end·Y) = 0                     |
//!
//! with `ρ = b^L` and `c_j = b^(L−1−j)` on image rows, `ρ = a^L`, `c_j = a^(L−1−j)` on vector rows; `σ`, `d_j` likewise with
//! 1 in place of `b` on rows that are summed.
//!
//! # Soundness
//! Each column is determined by the first phase and the challenges: `keep = 0` starts afresh, and before row 0 it is 0.
//! Nothing is assumed of unmasked lanes: `out` is zero there, and `t` is whatever the cells say.

use super::super::gates::{horner, one, power, Expr, Gates};
use crate::derivation::Derivation;
use crate::gadgets::unit;
use crate::shape::GATHER_LANES;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Challenge, ConstraintSystem};

/// `acc = keep·ρ·acc' + Σ`, with `ρ` and the lane powers of `first`, or of `second` where `switch` is 1
/// (`None` stands for the constant 1).
fn accumulate(
    gates: &Gates<'_>,
    column: usize,
    keep: usize,
    terms: &[Expr],
    first: Challenge,
    second: Option<(usize, Option<Challenge>)>,
) -> Derivation {
    let plain = (power(first, terms.len()), horner(terms.iter().cloned(), first));
    let (rho, sum) = match second {
        None => plain,
        Some((switch, other)) => {
            let other = match other {
                Some(challenge) => (power(challenge, terms.len()), horner(terms.iter().cloned(), challenge)),
                None => (one(), super::super::gates::sum(terms.iter().cloned())),
            };
            let blend = |x: Expr, y: Expr| x.clone() + gates.fixed(switch) * (y - x);
            (blend(plain.0, other.0), blend(plain.1, other.1))
        }
    };
    Derivation::Recurrence { column, factor: gates.fixed(keep) * rho, term: sum }
}

/// Adds the gates; how their columns are derived.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) -> Vec<Derivation> {
    let mut derivations = Vec::new();
    let (channel, position) = (gates.challenges.channel, gates.challenges.position);
    let (a, f) = (&gates.a, &gates.f);
    let accumulators: Vec<Expr> = (0..gates.shape.lanes).map(|j| unit::accumulator(gates, j)).collect();
    let y = match f.vector {
        Some(vector) => accumulate(gates, a.y, f.keep, &accumulators, position, Some((vector, Some(channel)))),
        None => accumulate(gates, a.y, f.keep, &accumulators, channel, None),
    };
    y.gate(meta, gates, "y");
    derivations.push(y);
    if let (Some(x), Some(d), Some(hold), Some(step), Some(end)) = (a.x, a.d, f.d_hold, f.d_step, f.d_end) {
        let outputs: Vec<Expr> = (0..gates.shape.lanes).map(|j| unit::output(gates, j)).collect();
        let x = accumulate(gates, x, f.keep, &outputs, position, f.sum.map(|s| (s, None)));
        x.gate(meta, gates, "x");
        // on · (D − d_hold·D' − d_step·a·D' − d_end·Y) = 0
        let factor = gates.fixed(hold) + gates.fixed(step) * channel.expr();
        let d = Derivation::Recurrence { column: d, factor, term: gates.fixed(end) * gates.advice(a.y) };
        d.gate(meta, gates, "d");
        derivations.extend([x, d]);
    }
    if let (Some(x), Some(keep)) = (a.x_gather, f.gather_keep) {
        let values: Vec<Expr> = (0..GATHER_LANES).map(|j| gates.fixed(f.gather_mask[j]) * gates.advice(a.g[j])).collect();
        let x = accumulate(gates, x, keep, &values, position, f.gather_sum.map(|s| (s, None)));
        x.gate(meta, gates, "x_gather");
        derivations.push(x);
    }
    if let (Some(x), Some(m), Some(keep), Some(mask)) = (a.x_max, a.m, f.max_keep, f.max_mask) {
        let value = [gates.fixed(mask) * gates.advice(m)];
        let x = accumulate(gates, x, keep, &value, position, f.gather_sum.map(|s| (s, None)));
        x.gate(meta, gates, "x_max");
        derivations.push(x);
    }
    derivations
}
