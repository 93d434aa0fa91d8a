//! What is opened where, in halo2's order: commitments, evaluations, sets of rotations.
//!
//! ```text
//! points of a proof        advice of phase 0 ‖ of phase 1 ‖ running products ‖ random ‖ limbs ‖ evaluations ‖ W ‖ W'
//! evaluations              advice ‖ fixed ‖ random ‖ permutation ‖ running products (at x, ωx, and all but the last at ω^last x)
//! order of the openings    advice ‖ running products ‖ fixed ‖ permutation ‖ quotient ‖ random
//! sets                     by the rotations, in the order of the first member
//! ```

use std::collections::BTreeSet;

use crate::key::{At, Key};

/// Bytes of a point in a proof.
const POINT: usize = 64;

/// Where a commitment is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commitment {
    /// At this byte of the proof.
    Proof(usize),
    Fixed(usize),
    Sigma(usize),
    /// The limbs of the quotient.
    Quotient,
}

/// An evaluation: one of the proof's, or the quotient's, which follows from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evaluation {
    Proof(usize),
    Quotient,
}

/// A polynomial and its values at rotations.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) commitment: Commitment,
    pub(crate) values: Vec<(i32, Evaluation)>,
}

/// Polynomials that are opened at the same rotations.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) rotations: Vec<i32>,
    pub(crate) members: Vec<Member>,
}

/// Bytes and evaluations of a proof.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Byte of each advice commitment.
    advice: Vec<usize>,
    products: usize,
    pub(crate) num_products: usize,
    random: usize,
    /// Byte of the first limb of the quotient.
    pub(crate) limbs: usize,
    pub(crate) num_limbs: usize,
    /// Byte of the first evaluation.
    pub(crate) evaluations: usize,
    pub(crate) num_evaluations: usize,
    pub(crate) fixed_evaluations: usize,
    random_evaluation: usize,
    pub(crate) sigma_evaluations: usize,
    pub(crate) product_evaluations: usize,
    /// Byte of W.
    pub(crate) opening: usize,
    /// Bytes of a proof.
    pub(crate) length: usize,
    /// Bytes that are absorbed before each challenge.
    pub(crate) absorbed: Vec<usize>,
}

impl Shape {
    pub(crate) fn new(key: &Key) -> Self {
        let first = key.advice_phases.iter().filter(|p| **p == 0).count();
        let (mut next_first, mut next_second) = (0, first * POINT);
        let mut place = |phase: &u8| {
            let next = if *phase == 0 { &mut next_first } else { &mut next_second };
            *next += POINT;
            *next - POINT
        };
        let advice: Vec<usize> = key.advice_phases.iter().map(&mut place).collect();
        let products = advice.len() * POINT;
        let num_products = key.permutation.len().div_ceil(key.chunk);
        let random = products + num_products * POINT;
        let limbs = random + POINT;
        let num_limbs = key.degree - 1;
        let evaluations = limbs + num_limbs * POINT;
        let fixed_evaluations = key.advice_queries.len();
        let random_evaluation = fixed_evaluations + key.fixed_queries.len();
        let sigma_evaluations = random_evaluation + 1;
        let product_evaluations = sigma_evaluations + key.sigma.len();
        let num_evaluations = product_evaluations + (3 * num_products).saturating_sub(1);
        let opening = evaluations + 32 * num_evaluations;
        let second = (advice.len() - first) * POINT;
        let mut absorbed = vec![0; key.num_challenges + 8];
        absorbed[0] = first * POINT;
        // θ, β, γ, y, x, y', v, u follow the circuit's challenges.
        let after = key.num_challenges;
        absorbed[after] += second;
        absorbed[after + 3] = (num_products + 1) * POINT;
        absorbed[after + 4] = num_limbs * POINT;
        absorbed[after + 5] = 32 * num_evaluations;
        absorbed[after + 7] = POINT;
        Self {
            advice,
            products,
            num_products,
            random,
            limbs,
            num_limbs,
            evaluations,
            num_evaluations,
            fixed_evaluations,
            random_evaluation,
            sigma_evaluations,
            product_evaluations,
            opening,
            length: opening + 2 * POINT,
            absorbed,
        }
    }

    /// Everything that is opened, by rotations.
    pub(crate) fn sets(&self, key: &Key) -> Vec<Set> {
        let mut members = Vec::new();
        by_column(&key.advice_queries, 0, &|c| Commitment::Proof(self.advice[c]), &mut members);
        for index in 0..self.num_products {
            let first = self.product_evaluations + 3 * index;
            let mut values = vec![(0, Evaluation::Proof(first)), (1, Evaluation::Proof(first + 1))];
            if index + 1 < self.num_products {
                values.push((-(key.last_row as i32), Evaluation::Proof(first + 2)));
            }
            members.push(Member { commitment: Commitment::Proof(self.products + index * POINT), values });
        }
        by_column(&key.fixed_queries, self.fixed_evaluations, &Commitment::Fixed, &mut members);
        let single = |commitment, value| Member { commitment, values: vec![(0, value)] };
        members.extend((0..key.sigma.len()).map(|c| single(Commitment::Sigma(c), Evaluation::Proof(self.sigma_evaluations + c))));
        members.push(single(Commitment::Quotient, Evaluation::Quotient));
        members.push(single(Commitment::Proof(self.random), Evaluation::Proof(self.random_evaluation)));
        let mut sets: Vec<Set> = Vec::new();
        for member in members {
            let rotations: BTreeSet<i32> = member.values.iter().map(|v| v.0).collect();
            let rotations: Vec<i32> = rotations.into_iter().collect();
            match sets.iter_mut().find(|s| s.rotations == rotations) {
                Some(set) => set.members.push(member),
                None => sets.push(Set { rotations, members: vec![member] }),
            }
        }
        sets
    }
}

/// Columns in the order of their first query.
fn by_column(queries: &[At], first: usize, commitment: &dyn Fn(usize) -> Commitment, members: &mut Vec<Member>) {
    let start = members.len();
    let mut seen: Vec<usize> = Vec::new();
    for (index, query) in queries.iter().enumerate() {
        let value = (query.rotation, Evaluation::Proof(first + index));
        if let Some(at) = seen.iter().position(|c| *c == query.column) {
            members[start + at].values.push(value);
        } else {
            seen.push(query.column);
            members.push(Member { commitment: commitment(query.column), values: vec![value] });
        }
    }
}
