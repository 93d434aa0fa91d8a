//! halo2's unmodified `verify_proof`: the oracle of the tests.

use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::{self, permutation, verify_proof};
use halo2_proofs::poly::kzg::commitment::{KZGCommitmentScheme, ParamsKZG};
use halo2_proofs::poly::kzg::multiopen::VerifierSHPLONK;
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::poly::EvaluationDomain;
use rand::rngs::mock::StepRng;
use sworn_verifier::{Context, VerifyingKey};

use super::constraints::to_halo2;
use super::convert::{from_fr, from_g1, from_g2};
use super::transcript::{KeccakChallenge, KeccakTranscript};
use crate::domain::root_of_unity;

/// halo2's verifying key. Its domain has no twiddles: nothing is transformed with it. `None` of a packed key, which halo2 does not
/// know: it would be one without copy constraints.
pub fn verifying_key(key: &VerifyingKey) -> Option<plonk::VerifyingKey<G1Affine>> {
    if key.shape().is_packed() {
        return None;
    }
    let meta = to_halo2(&key.constraints);
    let domain = domain(meta.degree() as u32, key.log_rows);
    let sigma = permutation::VerifyingKey::from_commitments(key.permutation_commitments.iter().map(from_g1).collect());
    Some(plonk::VerifyingKey::from_parts(domain, key.fixed_commitments.iter().map(from_g1).collect(), sigma, meta, vec![], false))
}

/// Whether halo2's verifier accepts a proof; it knows no packed ones. Points and scalars are decoded strictly, and nothing may be behind the proof.
pub fn verify(key: &VerifyingKey, context: Context, instance: &[sworn_verifier::Fr], proof: &[u8]) -> bool {
    let Some(halo_key) = verifying_key(key) else { return false };
    // The verifier reads the generator of G1 and the two points of G2 only.
    let smallest = ParamsKZG::<Bn256>::setup(1, StepRng::new(1, 1));
    let params = smallest.from_parts(key.log_rows, vec![G1Affine::generator()], Some(vec![]), from_g2(&key.g2), from_g2(&key.s_g2));
    let mut transcript = KeccakTranscript::new(&key.digest(), context, proof);
    let instance: Vec<Fr> = instance.iter().map(from_fr).collect();
    let accepted = verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, KeccakChallenge, _, _>(
        &params,
        &halo_key,
        SingleStrategy::new(&params),
        &[&[&instance]],
        &mut transcript,
    );
    accepted.is_ok() && transcript.into_stream().is_empty()
}

/// halo2's domain for a degree and a number of rows, without the 960n bytes of twiddles that only a prover reads.
fn domain(degree: u32, log_rows: u32) -> EvaluationDomain<Fr> {
    // The smallest domain of this degree has the same extension; what depends on n is set below.
    let mut domain = EvaluationDomain::new(degree, 1);
    let extension = domain.extended_k - domain.k;
    let inverse = |value: Fr| value.invert().unwrap_or(Fr::ZERO);
    domain.k = log_rows;
    domain.n = 1 << log_rows;
    domain.extended_k = log_rows + extension;
    domain.omega = root_of_unity(log_rows);
    domain.omega_inv = inverse(domain.omega);
    domain.extended_omega = root_of_unity(domain.extended_k);
    domain.extended_omega_inv = inverse(domain.extended_omega);
    domain.ifft_divisor = inverse(Fr::from(domain.n));
    domain.extended_ifft_divisor = inverse(Fr::from(domain.n << extension));
    domain.barycentric_weight = domain.ifft_divisor;
    domain.t_evaluations.clear();
    domain.fft_data.clear();
    domain
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
