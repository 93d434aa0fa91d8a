//! SHPLONK: one opening for all evaluations [BDFG20, §4].
//!
//! ```text
//! sets S_i   polynomials opened at the same points, in the order of their first query; members C_ij
//! r_i(u)     = Σ_j y^j Σ_{p ∈ S_i} p_ij(p) · ℓ_p(u)              ℓ_p: Lagrange polynomials on S_i
//! Z_i(u)     = Π_{p ∈ S_i} (u − p),      D_i = Π_{p ∉ S_i} (u − p)
//! F          = Σ_i v^i D_i/D_0 (Σ_j y^j C_ij − r_i(u)·G1) − Z_0(u)·W + u·W'
//! e(W', s·G2) = e(F, G2)
//! ```
//!
//! Packed, `C_i` commits to `g_i(X) = Σ_j X^j f_ij(X^t)`, and `f_ij` has the values `f_ij(p)` if and only if `Z_i(X^t)` divides
//! `g_i(X) − Σ_j X^j r_ij(X^t)` [GW21, §3]. So at X = u everything is as above with u^t for u in ℓ, Z and D, one commitment for
//! all members, and **u^j for y^j**.
//!
//! F is a sum of the proof's points, the key's commitments and the generator: a [`Claim`] has the scalars of each.
//!
//! \[BDFG20\]: <https://eprint.iacr.org/2020/081>
//! \[GW21\]: fflonk, <https://eprint.iacr.org/2021/1167>

use alloc::vec::Vec;

use ark_ff::{batch_inversion, AdditiveGroup, Field, Zero};

use crate::field::{rotate, Fr};
use crate::key::Domain;
use crate::lagrange::powers;
use crate::point::G1Affine;
use crate::proof::Proof;
use crate::sets::{rotations, Commitment, Set};
use crate::shape::Shape;

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

/// The points where a proof is opened.
struct Points {
    rotations: Vec<i32>,
    /// `x·ω^d`, by rotation.
    at: Vec<Fr>,
    /// u, or u^t for packs of t.
    from: Fr,
}

/// The claim that the commitments of a proof open to its values and the quotient to `quotient`. `power` is x^n. `None` if u or x is
/// one of a few numbers that a challenge is with probability 2^−240.
pub(crate) fn claim(shape: &Shape, domain: &Domain, mut proof: Proof, quotient: Fr, power: Fr) -> Option<Claim> {
    let (x, y, v, u) = {
        let c = &proof.challenges;
        (c.x, c.opening_y, c.opening_v, c.opening_u)
    };
    let limbs = if shape.is_packed() { other_limbs(shape, &proof, x, power)? } else { Fr::ZERO };
    proof.values.push(quotient - limbs);
    let exponent = u64::try_from(shape.pack).ok()?;
    let rotations = rotations(&shape.sets);
    let at = rotations.iter().map(|d| x * rotate(domain.omega, domain.omega_inverse, *d)).collect();
    let points = Points { rotations, at, from: if shape.is_packed() { u.pow([exponent]) } else { u } };
    let member_factor = if shape.is_packed() { u } else { y };
    let basis = points.basis(&shape.sets)?;
    let first = shape.sets.first()?;
    let normal = points.distances(first, false).inverse()?;

    let mut claim = Claim {
        points: proof.points,
        scalars: alloc::vec![Fr::ZERO; shape.points()],
        fixed: Vec::new(),
        sigma: alloc::vec![Fr::ZERO; shape.sigma_values],
        generator: Fr::ZERO,
    };
    let mut values_of_basis = basis.iter();
    for ((set, v), number) in shape.sets.iter().zip(powers(v)).zip(0u32..) {
        let scale = if number == 0 { Fr::ONE } else { v * normal * points.distances(set, false) };
        let basis: Vec<Fr> = values_of_basis.by_ref().take(set.rotations.len()).copied().collect();
        for (member, factor) in set.members.iter().zip(powers(member_factor)) {
            let values = member.values.iter().zip(&basis);
            let value: Fr = values.map(|(at, basis)| proof.values.get(*at).map(|v| *v * basis)).sum::<Option<Fr>>()?;
            claim.generator -= scale * factor * value;
        }
        for (commitment, factor) in set.commitments.iter().zip(powers(member_factor)) {
            claim.add(*commitment, scale * factor, shape, power)?;
        }
    }
    *claim.scalars.get_mut(shape.opening())? = -points.distances(first, true);
    *claim.scalars.last_mut()? = u;
    Some(claim)
}

/// `Σ_{i>0} x^{i(n−2)}·limb_i(x)`. `None` if x is 0.
fn other_limbs(shape: &Shape, proof: &Proof, x: Fr, power: Fr) -> Option<Fr> {
    let step = power * x.inverse()?.square();
    let values = proof.values.get(shape.first_limb_value()..shape.scalars())?;
    Some(values.iter().zip(powers(step).skip(1)).map(|(value, power)| *value * power).sum())
}

impl Points {
    /// `Π (u − p)` over the points inside a set or outside.
    fn distances(&self, set: &Set, inside: bool) -> Fr {
        let chosen = self.rotations.iter().zip(&self.at).filter(|(d, _)| set.rotations.contains(d) == inside);
        chosen.map(|(_, point)| self.from - point).product()
    }

    /// `ℓ_p(u)` for the points of each set. `None` if points are equal.
    fn basis(&self, sets: &[Set]) -> Option<Vec<Fr>> {
        let (mut above, mut below) = (Vec::new(), Vec::new());
        for set in sets {
            let at: Vec<Fr> = self.rotations.iter().zip(&self.at).filter(|(d, _)| set.rotations.contains(d)).map(|(_, p)| *p).collect();
            for (number, p) in at.iter().enumerate() {
                let others = || at.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, q)| *q);
                above.push(others().map(|q| self.from - q).product::<Fr>());
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
