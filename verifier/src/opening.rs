//! SHPLONK: one opening for all evaluations [BDFG20, §4].
//!
//! ```text
//! sets S_i   polynomials opened at the same points, in the order of their first query
//! r_i(u)     = Σ_j y^j Σ_{p ∈ S_i} p_ij(p) · ℓ_p(u)              ℓ_p: Lagrange polynomials on S_i
//! Z_i(u)     = Π_{p ∈ S_i} (u − p),      D_i = Π_{p ∉ S_i} (u − p)
//! F          = Σ_i v^i D_i/D_0 (Σ_j y^j C_ij − r_i(u)·G1) − Z_0(u)·W + u·W'
//! e(W', s·G2) = e(F, G2)
//! ```
//!
//! F is a sum of the proof's points, the key's commitments and the generator: a [`Claim`] has the scalars of each.
//!
//! \[BDFG20\]: <https://eprint.iacr.org/2020/081>

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use ark_ff::{batch_inversion, AdditiveGroup, Field, Zero};

use crate::constraints::{index, ConstraintSystem, Query};
use crate::field::{rotate, Fr};
use crate::key::Domain;
use crate::lagrange::powers;
use crate::point::G1Affine;
use crate::proof::Proof;
use crate::shape::Shape;

/// A commitment that is opened.
#[derive(Clone, Copy, Debug)]
enum Commitment {
    /// The point of the proof at this position.
    Proof(usize),
    /// A fixed column.
    Fixed(usize),
    /// A column of the permutation.
    Sigma(usize),
    /// The limbs with powers of x^n.
    Quotient,
}

/// A polynomial and the positions of its values, by the rotations of its set. The quotient's is behind the scalars of the proof.
#[derive(Clone, Debug)]
struct Member {
    commitment: Commitment,
    values: Vec<usize>,
}

/// Polynomials that are opened at the same rotations.
#[derive(Clone, Debug)]
struct Set {
    rotations: Vec<i32>,
    members: Vec<Member>,
}

/// Which polynomial is opened where.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    rotations: Vec<i32>,
    sets: Vec<Set>,
}

/// That `e(W', s·G2) = e(F, G2)`.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// Those of the proof; the last is W'.
    pub(crate) points: Vec<G1Affine>,
    /// Scalars of F, for the points of the proof.
    pub(crate) scalars: Vec<Fr>,
    /// For the fixed commitments of the key that are opened.
    pub(crate) fixed: Vec<(usize, Fr)>,
    /// For its permutation commitments.
    pub(crate) sigma: Vec<Fr>,
    /// For the generator.
    pub(crate) generator: Fr,
}

/// Polynomials with rotations and positions of values, in the order of their first query.
fn by_column(
    queries: &[Query],
    first_value: usize,
    commitment: impl Fn(usize) -> Option<Commitment>,
) -> Vec<(Commitment, Vec<(i32, usize)>)> {
    let mut columns: Vec<(u32, Vec<(i32, usize)>)> = Vec::new();
    let mut known = BTreeMap::new();
    for (query, value) in queries.iter().zip(first_value..) {
        let at = *known.entry(query.column).or_insert(columns.len());
        match columns.get_mut(at) {
            Some((_, values)) => values.push((query.rotation, value)),
            None => columns.push((query.column, alloc::vec![(query.rotation, value)])),
        }
    }
    columns.into_iter().filter_map(|(column, values)| Some((commitment(index(column))?, values))).collect()
}

impl Plan {
    /// The order of halo2's queries: advice, running products, fixed, permutation, quotient, random.
    pub(crate) fn new(constraints: &ConstraintSystem, shape: &Shape) -> Self {
        let mut opened = by_column(&constraints.advice_queries, 0, |c| shape.advice.get(c).copied().map(Commitment::Proof));
        for product in 0..shape.products {
            let value = shape.product_value(product);
            let rotations = [0, 1, constraints.last_rotation()];
            let count = if product.saturating_add(1) < shape.products { 3 } else { 2 };
            let commitment = Commitment::Proof(shape.first_product().saturating_add(product));
            opened.push((commitment, rotations.into_iter().zip(value..).take(count).collect()));
        }
        opened.extend(by_column(&constraints.fixed_queries, shape.first_fixed_value(), |c| Some(Commitment::Fixed(c))));
        opened.extend((0..shape.sigma_values).zip(shape.first_sigma_value()..).map(|(c, at)| (Commitment::Sigma(c), alloc::vec![(0, at)])));
        opened.push((Commitment::Quotient, alloc::vec![(0, shape.scalars())]));
        opened.push((Commitment::Proof(shape.random()), alloc::vec![(0, shape.random_value())]));

        let mut sets: Vec<Set> = Vec::new();
        for (commitment, mut values) in opened {
            values.sort_unstable();
            let rotations: Vec<i32> = values.iter().map(|v| v.0).collect();
            let member = Member { commitment, values: values.iter().map(|v| v.1).collect() };
            match sets.iter_mut().find(|set| set.rotations == rotations) {
                Some(set) => set.members.push(member),
                None => sets.push(Set { rotations, members: alloc::vec![member] }),
            }
        }
        let all: BTreeSet<i32> = sets.iter().flat_map(|set| set.rotations.iter().copied()).collect();
        Self { rotations: all.into_iter().collect(), sets }
    }

    /// The claim that the commitments of a proof open to its values and to `quotient`. `None` if u or x is one of a few numbers
    /// that a challenge is with probability 2^−240.
    pub(crate) fn claim(&self, shape: &Shape, domain: &Domain, mut proof: Proof, quotient: Fr, power: Fr) -> Option<Claim> {
        let (x, y, v, u) = {
            let c = &proof.challenges;
            (c.x, c.opening_y, c.opening_v, c.opening_u)
        };
        proof.values.push(quotient);
        let points: Vec<Fr> = self.rotations.iter().map(|d| x * rotate(domain.omega, domain.omega_inverse, *d)).collect();
        let distances = |set: &Set, inside: bool| -> Fr {
            let chosen = self.rotations.iter().zip(&points).filter(|(d, _)| set.rotations.contains(d) == inside);
            chosen.map(|(_, point)| u - point).product()
        };
        let basis = self.basis(&points, u)?;
        let first = self.sets.first()?;
        let normal = distances(first, false).inverse()?;

        let mut claim = Claim {
            points: proof.points,
            scalars: alloc::vec![Fr::ZERO; shape.points()],
            fixed: Vec::new(),
            sigma: alloc::vec![Fr::ZERO; shape.sigma_values],
            generator: Fr::ZERO,
        };
        let mut values_of_basis = basis.iter();
        for ((set, v), number) in self.sets.iter().zip(powers(v)).zip(0u32..) {
            let scale = if number == 0 { Fr::ONE } else { v * normal * distances(set, false) };
            let basis: Vec<Fr> = values_of_basis.by_ref().take(set.rotations.len()).copied().collect();
            let mut scalar = scale;
            for member in &set.members {
                let values = member.values.iter().zip(&basis);
                let value: Fr = values.map(|(at, basis)| proof.values.get(*at).map(|v| *v * basis)).sum::<Option<Fr>>()?;
                claim.generator -= scalar * value;
                claim.add(member.commitment, scalar, shape, power)?;
                scalar *= y;
            }
        }
        *claim.scalars.get_mut(shape.opening())? = -distances(first, true);
        *claim.scalars.last_mut()? = u;
        Some(claim)
    }

    /// `ℓ_p(u)` for the points of each set. `None` if points are equal.
    fn basis(&self, points: &[Fr], u: Fr) -> Option<Vec<Fr>> {
        let (mut above, mut below) = (Vec::new(), Vec::new());
        for set in &self.sets {
            let at: Vec<Fr> = self.rotations.iter().zip(points).filter(|(d, _)| set.rotations.contains(d)).map(|(_, p)| *p).collect();
            for (number, p) in at.iter().enumerate() {
                let others = || at.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, q)| *q);
                above.push(others().map(|q| u - q).product::<Fr>());
                below.push(others().map(|q| *p - q).product::<Fr>());
            }
        }
        if below.iter().any(Zero::is_zero) {
            return None;
        }
        batch_inversion(&mut below);
        Some(above.into_iter().zip(below).map(|(a, b)| a * b).collect())
    }
}

impl Claim {
    /// Adds a multiple of a commitment to F.
    fn add(&mut self, commitment: Commitment, scalar: Fr, shape: &Shape, power: Fr) -> Option<()> {
        match commitment {
            Commitment::Proof(at) => *self.scalars.get_mut(at)? += scalar,
            Commitment::Sigma(at) => *self.sigma.get_mut(at)? += scalar,
            Commitment::Fixed(at) => self.fixed.push((at, scalar)),
            Commitment::Quotient => {
                let limbs = self.scalars.iter_mut().skip(shape.first_limb()).take(shape.limbs);
                limbs.zip(powers(power)).for_each(|(limb, power)| *limb += scalar * power);
            }
        }
        Some(())
    }
}
