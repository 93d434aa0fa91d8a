//! `verify`: by halo2's unmodified `verify_proof`, with strict decoding before it.

use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine, G2Affine};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
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

impl VerifyingKey {
    /// halo2's key. Its domain has no twiddles: nothing is transformed with it.
    pub fn to_halo2(&self) -> HaloKey<G1Affine> {
        let meta = self.constraints.to_halo2();
        let domain = domain(meta.degree() as u32, self.log_rows);
        let sigma = permutation::VerifyingKey::from_commitments(self.permutation_commitments.clone());
        HaloKey::from_parts(domain, self.fixed_commitments.clone(), sigma, meta, vec![], false)
    }

    /// What halo2's transcript absorbs of the key.
    pub fn transcript_repr(&self) -> Fr {
        self.to_halo2().transcript_repr()
    }
}

/// halo2's domain for a degree and a number of rows, without the 960n bytes of twiddles that only a prover reads.
fn domain(degree: u32, log_rows: u32) -> EvaluationDomain<Fr> {
    // The smallest domain of this degree has the same extension; what depends on n is set below.
    let mut domain = EvaluationDomain::new(degree, 1);
    let extension = domain.extended_k - domain.k;
    let root = |k: u32| (k..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square());
    let inverse = |value: Fr| value.invert().unwrap_or(Fr::ZERO);
    domain.k = log_rows;
    domain.n = 1 << log_rows;
    domain.extended_k = log_rows + extension;
    domain.omega = root(log_rows);
    domain.omega_inv = inverse(domain.omega);
    domain.extended_omega = root(domain.extended_k);
    domain.extended_omega_inv = inverse(domain.extended_omega);
    domain.ifft_divisor = inverse(Fr::from(domain.n));
    domain.extended_ifft_divisor = inverse(Fr::from(domain.n << extension));
    domain.barycentric_weight = domain.ifft_divisor;
    domain.t_evaluations.clear();
    domain.fft_data.clear();
    domain
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
    let halo_key = key.to_halo2();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_halo2s() {
        for k in [1, 4, 9] {
            let (ours, theirs) = (domain(5, k), EvaluationDomain::<Fr>::new(5, k));
            assert_eq!(format!("{:?}", ours.pinned()), format!("{:?}", theirs.pinned()));
            let numbers = |d: &EvaluationDomain<Fr>| (d.n, d.k, d.extended_k, d.quotient_poly_degree);
            assert_eq!(numbers(&ours), numbers(&theirs));
            let fields =
                |d: &EvaluationDomain<Fr>| [d.omega, d.omega_inv, d.extended_omega, d.extended_omega_inv, d.g_coset, d.g_coset_inv];
            assert_eq!(fields(&ours), fields(&theirs));
            let divisors = |d: &EvaluationDomain<Fr>| [d.ifft_divisor, d.extended_ifft_divisor, d.barycentric_weight];
            assert_eq!(divisors(&ours), divisors(&theirs));
        }
    }
}
