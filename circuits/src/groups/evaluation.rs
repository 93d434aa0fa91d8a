//! Evaluations of tensors at the challenges, by Horner's rule with one cell a row.
//!
//! ```text
//! acc = keep·ρ·acc' + Σ_j c_j·term_j        ρ = base^L,  c_j = base^(L−1−j)        ' is the row before
//! ```
//!
//! A block of rows is evaluated in one base: a challenge, or the constant 1 for a sum. The evaluation is the cell of its last row.
//!
//! # Soundness
//! Each column is determined by the first phase and the challenges: `keep = 0` starts afresh, and before row 0 it is 0.

use halo2_proofs::plonk::Challenge;

use crate::derivation::Derivation;
use crate::gates::{horner, one, power, sum, Expr, Gates};

/// The accumulator of `column`, in the base `first`, or in another where its fixed column is 1 (`None` stands for the constant 1). At
/// most one of them is 1 in a row.
pub(super) fn accumulate(
    gates: &Gates<'_>,
    column: usize,
    keep: usize,
    terms: &[Expr],
    first: Challenge,
    others: &[(Option<usize>, Option<Challenge>)],
) -> Derivation {
    let plain = (power(first, terms.len()), horner(terms.iter().cloned(), first));
    let (mut rho, mut term) = plain.clone();
    for (switch, other) in others.iter().filter_map(|&(switch, other)| Some((switch?, other))) {
        let other = match other {
            Some(challenge) => (power(challenge, terms.len()), horner(terms.iter().cloned(), challenge)),
            None => (one(), sum(terms.iter().cloned())),
        };
        let change = |x: Expr, from: &Expr, to: Expr| x + gates.fixed(switch) * (to - from.clone());
        (rho, term) = (change(rho, &plain.0, other.0), change(term, &plain.1, other.1));
    }
    Derivation::Recurrence { column, factor: gates.fixed(keep) * rho, term }
}
