//! Lagrange polynomials at x, and with them the instance.
//!
//! ```text
//! L_r(x)       = (x^n − 1)/n · ω^r/(x − ω^r)
//! l_0 = L_0,   l_last = L_{−b−1},   l_blind = Σ_{−b ≤ r < 0} L_r              b random rows behind the last usable one
//! I(ω^d x)     = Σ_i instance[i] · L_i(ω^d x)
//! ```
//!
//! Of the same polynomials are the values of columns in closed form, see [`crate::closed`].

use alloc::vec::Vec;

use ark_ff::{batch_inversion, Field, Zero};

use crate::closed::Closed;
use crate::field::{rotate, Fr};
use crate::key::VerifyingKey;

/// What is known at x without the prover.
pub(crate) struct Lagrange {
    /// `x^n`.
    pub(crate) power: Fr,
    /// `1/(x^n − 1)`.
    pub(crate) vanishing_inverse: Fr,
    pub(crate) first: Fr,
    pub(crate) last: Fr,
    pub(crate) blind: Fr,
    /// L of the last usable row.
    last_usable: Fr,
    /// By instance query.
    pub(crate) instance: Vec<Fr>,
}

impl Lagrange {
    /// `None` if x is a row: with probability 2^−225.
    pub(crate) fn new(key: &VerifyingKey, x: Fr, instance: &[Fr]) -> Option<Self> {
        let domain = &key.prepared.domain;
        let power = (0..domain.log_rows).fold(x, |power, _| power.square());
        let vanishing = power - Fr::ONE;
        let queries = &key.constraints.instance_queries;

        // ω^r for r = 0, −1, …, −b−2, then for the rows of the instance, for each query.
        let behind = key.constraints.blinding_factors().saturating_add(3);
        let mut roots: Vec<Fr> = powers(domain.omega_inverse).take(behind).collect();
        roots.extend(queries.iter().flat_map(|_| powers(domain.omega).take(instance.len())));
        let mut inverses: Vec<Fr> = roots.iter().take(behind).map(|root| x - root).collect();
        for query in queries {
            let point = x * rotate(domain.omega, domain.omega_inverse, query.rotation);
            inverses.extend(powers(domain.omega).take(instance.len()).map(|root| point - root));
        }
        inverses.push(vanishing);
        if inverses.iter().any(Zero::is_zero) {
            return None;
        }
        batch_inversion(&mut inverses);
        let vanishing_inverse = inverses.pop()?;

        let factor = vanishing * domain.rows_inverse;
        let mut values = roots.iter().zip(&inverses).map(|(root, inverse)| factor * root * inverse);
        let first = values.next()?;
        let blind = values.by_ref().take(behind.saturating_sub(3)).sum();
        let last = values.next()?;
        let last_usable = values.next()?;
        let mut at_query = || instance.iter().zip(values.by_ref()).map(|(value, lagrange)| *value * lagrange).sum();
        let instance = queries.iter().map(|_| at_query()).collect();
        Some(Self { power, vanishing_inverse, first, last, blind, last_usable, instance })
    }

    /// The value of a fixed column in closed form.
    pub(crate) fn closed(&self, value: Closed) -> Fr {
        match value {
            Closed::Usable => Fr::ONE - (self.last + self.blind),
            Closed::UsableBefore => Fr::ONE - (self.first + self.blind),
            Closed::LastUsable => self.last_usable,
        }
    }
}

/// 1, base, base², …
pub(crate) fn powers(base: Fr) -> impl Iterator<Item = Fr> {
    core::iter::successors(Some(Fr::ONE), move |power| Some(*power * base))
}
