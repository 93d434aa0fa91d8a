//! `verify`: by halo2's unmodified `verify_proof`, with strict decoding before it.

use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine, G2Affine};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::CurveAffine;
use halo2_proofs::plonk::{permutation, verify_proof, VerifyingKey as HaloKey};
use halo2_proofs::poly::kzg::commitment::{KZGCommitmentScheme, ParamsKZG};
use halo2_proofs::poly::kzg::multiopen::VerifierSHPLONK;
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::poly::EvaluationDomain;
use rand::rngs::mock::StepRng;

use crate::error::VerifyError;
use crate::key::VerifyingKey;
use crate::transcript::{KeccakChallenge, KeccakTranscript};

/// Whether a point of the twist is on it, in the subgroup of order r, and not the identity.
pub(crate) fn is_in_subgroup(point: &G2Affine) -> bool {
    use halo2_proofs::halo2curves::group::cofactor::CofactorGroup;
    bool::from(point.is_on_curve()) && !bool::from(point.is_identity()) && bool::from(point.to_curve().is_torsion_free())
}

/// Accepts or rejects a proof.
///
/// `instance` holds the public tensors in the order of [`VerifyingKey::tensors`]; `proof` is exactly one proof.
///
/// # Errors
/// The rule that the proof breaks.
pub fn verify(key: &VerifyingKey, instance: &[Fr], proof: &[u8]) -> Result<(), VerifyError> {
    let expected = key.num_instances();
    if instance.len() != expected {
        return Err(VerifyError::InstanceCount { expected, actual: instance.len() });
    }
    let meta = key.constraints.to_halo2();
    let domain = EvaluationDomain::new(meta.degree() as u32, key.log_rows);
    let sigma = permutation::VerifyingKey::from_commitments(key.permutation_commitments.clone());
    let halo_key: HaloKey<G1Affine> = HaloKey::from_parts(domain, key.fixed_commitments.clone(), sigma, meta, vec![], false);
    // The verifier reads the generator of G1 and the two points of G2 only.
    let smallest = ParamsKZG::<Bn256>::setup(1, StepRng::new(1, 1));
    let params = smallest.from_parts(key.log_rows, vec![G1Affine::generator()], Some(vec![]), key.g2, key.s_g2);
    let mut transcript = KeccakTranscript::new(key.digest(), proof);
    verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, KeccakChallenge, _, _>(
        &params,
        &halo_key,
        SingleStrategy::new(&params),
        &[&[instance]],
        &mut transcript,
    )
    .map_err(|_| VerifyError::Rejected)?;
    let count = transcript.into_stream().len();
    if count > 0 {
        return Err(VerifyError::TrailingBytes { count });
    }
    Ok(())
}
