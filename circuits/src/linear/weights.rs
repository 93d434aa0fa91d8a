//! Weights: blocks of a matrix in fixed columns, evaluated in the channel challenge, and their sum of products.
//!
//! ```text
//! V   = Σ_o a^(O−1−o) w[o]           one block: the weights of one input channel and one kernel element
//! dot = Σ_k b^κ_k Σ_c X_c · V_{c,k}  kernel elements k in descending order of the exponent κ
//! ```
//!
//! A linear layer holds if `D = dot` ([`super::evaluation`]), which is one copy constraint. For an image with rows of `S`
//! slots and a kernel element at `(dh, dw)`: `κ = const + dh·S + dw`, the distance by which it moves the image. This is
//! multiplication of polynomials in `(b^S, b)`, and border outputs are part of it.
//!
//! | constraint | degree | identity                                                                              |
//! |------------|--------|---------------------------------------------------------------------------------------|
//! | `weights`  | 3      | on · (V − weight_keep·a^L·V') = Σ_c a^(L−1−c) w_c                                      |
//! | `one`      | 3      | on · one · (factor − 1) = 0                                                           |
//! | `dot`      | 4      | on · (dot − dot_hold·dot' − Σ_i jump_i·b^{e_i}·dot' − product·factor·V) = 0           |
//!
//! `dot_hold` is 1 where the sum stays, and a radix in the rows that pack public values ([`crate::layout::packing`]).
//!
//! Weights are zero on rows that are not used and not usable, so their sum needs no selector: it is *linear* in the fixed
//! columns with challenge coefficients.
//!
//! # Soundness
//! `D` and `dot` are polynomials in `(a, b)` of degree below 2^30 with coefficients that the first phase and the key fix
//! (`factor` is a copy of an evaluation, of a first-phase cell, or 1). If a wanted accumulator differed from the layer's,
//! they would differ in one coefficient: the slots of wanted outputs receive no product of a wrapped-around row, which
//! [`crate::layout`] guarantees by the choice of `S`. They then agree with probability below 2^30/p [Schwartz-Zippel].

use super::super::gates::{horner, one, power, Gates};
use crate::derivation::Derivation;
use crate::number::index;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// Adds the gates; how their columns are derived.
pub(crate) fn configure(meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>) -> Vec<Derivation> {
    let (a, f) = (&gates.a, &gates.f);
    let (channel, position) = (gates.challenges.channel, gates.challenges.position);
    // on · (V − weight_keep·a^L·V') − Σ_c a^(L−1−c) w_c = 0
    let weights = horner(f.weights.iter().map(|&w| gates.fixed(w)), channel);
    let rho = power(channel, gates.shape.weight_lanes);
    let v = gates.advice(a.weight_acc);
    let keep = gates.fixed(f.weight_keep) * rho;
    let gate = gates.on() * (v.clone() - keep.clone() * gates.advice_before(a.weight_acc)) - weights.clone();
    meta.create_gate("weights", |_| [gate]);
    // on · one · (factor − 1) = 0
    let gate = gates.on() * gates.fixed(f.one) * (gates.advice(a.factor) - one());
    meta.create_gate("one", |_| [gate]);
    // on · (dot − dot_hold·dot' − Σ_i jump_i·b^{e_i}·dot' − product·factor·V) = 0
    let mut factor = gates.fixed(f.dot_hold);
    for (&jump, &exponent) in f.dot_jumps.iter().zip(&gates.shape.jumps) {
        factor = factor + gates.fixed(jump) * power(position, index(exponent));
    }
    let product = gates.fixed(f.product) * gates.advice(a.factor) * v;
    let dot = Derivation::Recurrence { column: a.dot, factor, term: product };
    dot.gate(meta, gates, "dot");
    vec![
        Derivation::Recurrence { column: a.weight_acc, factor: keep, term: weights },
        Derivation::Copies { column: a.factor, one: f.one },
        dot,
    ]
}
