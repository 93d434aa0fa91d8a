//! `verify`: one proof.

use alloc::vec::Vec;

use ark_ec::{AffineRepr, CurveGroup};

use crate::context::Context;
use crate::error::VerifyError;
use crate::field::Fr;
use crate::key::VerifyingKey;
use crate::lagrange::Lagrange;
use crate::msm::msm;
use crate::opening::{self, Claim};
use crate::pairing::is_one;
use crate::point::G1Affine;
use crate::proof::Proof;

/// Accepts or rejects a proof.
///
/// `context` is what the proof must be bound to, [`Context::NONE`] if it is bound to nothing; `instance` holds the public tensors in the
/// order of the key's `tensors`; `proof` is exactly one proof.
///
/// # Errors
/// The rule that the proof breaks.
pub fn verify(key: &VerifyingKey, context: Context, instance: &[Fr], proof: &[u8]) -> Result<(), VerifyError> {
    let proof = Proof::read(key, context, instance, proof)?;
    let claim = claim(key, instance, proof).ok_or(VerifyError::Rejected)?;
    let opening = claim.points.last().copied().ok_or(VerifyError::Rejected)?;
    let commitments = claim
        .fixed
        .iter()
        .filter_map(|(at, scalar)| Some((key.fixed_commitments.get(*at)?, scalar)))
        .chain(key.permutation_commitments.iter().zip(&claim.sigma));
    let generator = G1Affine::generator();
    let terms = claim.points.iter().zip(&claim.scalars).chain(commitments).chain([(&generator, &claim.generator)]);
    let (points, scalars): (Vec<G1Affine>, Vec<Fr>) = terms.map(|(point, scalar)| (*point, *scalar)).unzip();
    let combined = msm(&points, &scalars).into_affine();
    if is_one(&[(opening, &key.prepared.s_g2), (combined, &key.prepared.negative_g2)]) {
        Ok(())
    } else {
        Err(VerifyError::Rejected)
    }
}

/// What is left to check of a decoded proof: a pairing. `None` for a few values of x and u.
pub(crate) fn claim(key: &VerifyingKey, instance: &[Fr], proof: Proof) -> Option<Claim> {
    let (shape, prepared) = (key.shape(), &key.prepared);
    let lagrange = Lagrange::new(key, proof.challenges.x, instance)?;
    let quotient = prepared.vanishing.quotient(shape, &proof, &lagrange)?;
    opening::claim(shape, &prepared.domain, proof, quotient, lagrange.power)
}
