//! Packed keys: what their commitments are, and that proofs do not depend on the machine. What the verifier accepts is in
//! `tests/verifier.rs`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod models;

use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::poly::EvaluationDomain;
use models::Keyed;
use sworn_circuits::field::embed;
use sworn_prover::halo2::convert::from_g1;
use sworn_prover::{Cpu, Reference};
use sworn_verifier::sets::{Commitment, Polynomial};
use sworn_verifier::verify;

/// `Σ_i Σ_j f_ij·s^{i+tj}·G1` for the fixed columns of each pack; packs with columns of the permutation are left out.
fn commitments(keyed: &Keyed) -> Vec<(usize, G1Affine)> {
    let (layout, key) = (keyed.key.layout(), keyed.key.verifying_key());
    let (rows, pack) = (1usize << layout.log_rows, key.pack as usize);
    let domain = EvaluationDomain::<Fr>::new(5, layout.log_rows);
    let mut made = Vec::new();
    for set in &key.shape().sets {
        let Some(Commitment::Fixed(at)) = set.commitments.first() else { continue };
        let mut coefficients = vec![Fr::ZERO; rows * pack];
        let mut of_columns = 0;
        for (i, member) in set.members.iter().enumerate() {
            let Polynomial::Fixed(c) = member.polynomial else { continue };
            let values = (0..rows).map(|row| embed(layout.fixed[c].get(row))).collect();
            let polynomial = domain.lagrange_to_coeff(domain.lagrange_from_vec(values));
            polynomial.iter().enumerate().for_each(|(j, value)| coefficients[i + pack * j] = *value);
            of_columns += 1;
        }
        if of_columns == set.members.len() {
            made.push((*at, best_multiexp(&coefficients, &keyed.srs.g()[..rows * pack]).to_affine()));
        }
    }
    made
}

#[test]
fn a_commitment_of_the_key_is_of_its_columns() {
    let mut compared = 0;
    for (model, pack) in models::all().iter().zip([2, 3, 5, 8, 13, 16].into_iter().cycle()) {
        let keyed = model.packed(pack);
        for (at, expected) in commitments(&keyed) {
            assert_eq!(from_g1(&keyed.key.verifying_key().fixed_commitments[at]), expected, "{}: pack {at}", model.name);
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared} commitments");
}

#[test]
fn proofs_are_the_same_on_every_backend_and_number_of_threads() {
    let keyed = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]).packed(6);
    let expected = keyed.prove(Reference, 11);
    assert_eq!(verify(keyed.key.verifying_key(), &expected.instance, &expected.bytes), Ok(()));
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| keyed.prove(Cpu, 11)).bytes, expected.bytes, "{threads} threads");
    }
}

#[test]
fn keys_are_read_back() {
    let keyed = models::maxima().packed(9);
    let read = sworn_prover::ProvingKey::from_bytes(&keyed.key.to_bytes(), &keyed.srs).unwrap();
    assert_eq!(read.verifying_key(), keyed.key.verifying_key());
    assert_eq!(sworn_prover::ProvingKey::required_k(&keyed.key.to_bytes()).unwrap(), keyed.srs.k());
    let small = sworn_prover::Srs::dev(keyed.srs.k() - 1).unwrap();
    assert!(matches!(sworn_prover::ProvingKey::from_bytes(&keyed.key.to_bytes(), &small), Err(sworn_prover::KeyError::SrsSize { .. })));
}
