//! Packed keys: what their commitments are, and that proofs do not depend on the machine. What the verifier accepts is in
//! `tests/verifier.rs`.

mod models;

use std::ops::ControlFlow;

use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::poly::EvaluationDomain;
use models::{naive, Keyed};
use rayon::prelude::*;
use sworn_circuits::field::embed;
use sworn_circuits::graph::QuantGraph;
use sworn_circuits::layout::{Choice, Visibility};
use sworn_prover::halo2::convert::from_g1;
use sworn_prover::{Cpu, DecodedKey, KeyError, ProveError, ProvingKey, Reference};
use sworn_verifier::sets::{Commitment, Polynomial};
use sworn_verifier::shape::Shape;
use sworn_verifier::{verify, ClosedColumns, Context, KeyParts, VerifyingKey};

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
    assert_eq!(verify(keyed.key.verifying_key(), Context::NONE, &expected.instance, &expected.bytes), Ok(()));
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| keyed.prove(Cpu, 11)).bytes, expected.bytes, "{threads} threads");
    }
}

/// Sizes that no circuit has are refused before anybody makes a reference string of them.
#[test]
fn proving_keys_of_impossible_sizes_are_refused() {
    #[derive(serde::Serialize)]
    struct Body<'a> {
        graph: &'a QuantGraph,
        visibility: Visibility,
        choice: Choice,
        srs_digest: [u8; 32],
        verifying: Vec<u8>,
    }
    let keyed = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]).packed(3);
    let key = &keyed.key;
    let good = key.layout().choice();
    let bytes = |choice: Choice| {
        let (srs_digest, verifying) = (keyed.srs.digest(), key.verifying_key().to_bytes());
        let body = Body { graph: key.graph(), visibility: key.visibility(), choice, srs_digest, verifying };
        [key.to_bytes()[..12].to_vec(), postcard::to_stdvec(&body).unwrap()].concat()
    };
    assert_eq!(bytes(good), key.to_bytes());
    let packs = [0, 257, 1 << 20, usize::MAX].map(|pack| Choice { pack, ..good });
    let rows = [0, 3, 25, u32::MAX].map(|log_rows| Choice { log_rows, ..good });
    for choice in packs.into_iter().chain(rows).chain([Choice { pack: 256, log_rows: 24, ..good }]) {
        assert!(matches!(DecodedKey::new(&bytes(choice)), Err(KeyError::Encoding)), "{choice:?}");
        assert!(matches!(ProvingKey::from_bytes(&bytes(choice), &keyed.srs), Err(KeyError::Encoding)), "{choice:?}");
    }
}

/// Usable rows and the last of them have no commitment and no evaluation in packed keys, and both in plain ones.
#[test]
fn columns_in_closed_form_are_not_opened() {
    for model in models::all() {
        let (plain, packed) = (model.keyed(), model.packed(5));
        let of = |keyed: &Keyed, column: u32| {
            let sets = &keyed.key.verifying_key().shape().sets;
            sets.iter().flat_map(|set| &set.members).filter(|m| m.polynomial == Polynomial::Fixed(column as usize)).count()
        };
        let (key, layout) = (packed.key.verifying_key(), packed.key.layout());
        let usable = layout.usable_rows();
        let columns = [(key.closed.usable.unwrap(), 0..usable), (key.closed.last_usable.unwrap(), usable - 1..usable)];
        let mut queries = 0;
        for (column, ones) in columns {
            let values = &layout.fixed[column as usize];
            assert!((0..1 << layout.log_rows).all(|row| values.get(row) == i64::from(ones.contains(&row))), "{}", model.name);
            assert_eq!((of(&plain, column), of(&packed, column)), (1, 0), "{}", model.name);
            queries += key.constraints.fixed_queries.iter().filter(|q| q.column == column).count();
        }
        assert_eq!(queries, 3, "usable rows at x and x/ω, the last one at x");
        assert_eq!(key.shape().fixed_values + queries, plain.key.verifying_key().shape().fixed_values, "{}", model.name);
        assert_eq!(plain.key.verifying_key().closed, ClosedColumns::default());
    }
}

/// A key that says of another column that it is in closed form is a key of another circuit: proofs of this one are refused, with the
/// column's commitment and without.
#[test]
fn a_column_that_is_called_closed_is_computed() {
    let keyed = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]).packed(5);
    let (key, proof) = (keyed.key.verifying_key(), keyed.prove(Cpu, 1));
    let (usable, last_usable) = (key.closed.usable, key.closed.last_usable);
    let single = |column: &u32| key.constraints.fixed_queries.iter().filter(|q| q.column == *column).all(|q| q.rotation == 0);
    let others = (0..key.constraints.num_fixed).filter(|column| !key.closed.contains(*column)).filter(single);
    let mut forged: Vec<ClosedColumns> = vec![ClosedColumns { last_usable: None, usable }, ClosedColumns { usable: None, last_usable }];
    for column in others {
        forged.push(ClosedColumns { usable: Some(column), last_usable });
        forged.push(ClosedColumns { usable, last_usable: Some(column) });
    }
    assert!(forged.len() > 10);
    let mut made = 0;
    for closed in forged {
        let mut parts = KeyParts { closed, ..KeyParts::clone(key) };
        let points = Shape::new(&parts.constraints, parts.pack as usize, &closed).key_points;
        let spare = parts.fixed_commitments[0];
        parts.fixed_commitments.resize(points, spare);
        let Ok(forged) = VerifyingKey::new(&parts) else { continue };
        let mut bytes = proof.bytes.clone();
        bytes.resize(forged.shape().bytes(), 0);
        assert!(
            verify(&forged, Context::NONE, &proof.instance, &bytes).is_err()
                && !naive::accepts(&forged, Context::NONE, &proof.instance, &bytes),
            "{closed:?}"
        );
        made += 1;
    }
    assert!(made > 10, "{made} keys");
}

/// σ is never zero, so neither is what commits to it.
#[test]
fn a_pack_of_sigma_is_not_the_identity() {
    let keyed = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]).packed(3);
    let key = keyed.key.verifying_key();
    for set in &key.shape().sets {
        let Some(&Commitment::Fixed(at)) = set.commitments.first() else { continue };
        let has_sigma = set.members.iter().any(|m| matches!(m.polynomial, Polynomial::Sigma(_)));
        let mut parts = KeyParts::clone(key);
        parts.fixed_commitments[at] = sworn_verifier::G1Affine::default();
        let error = sworn_verifier::KeyError::Point { index: at };
        assert_eq!(VerifyingKey::new(&parts).err(), has_sigma.then_some(error), "pack {at}");
    }
    for pack in [0, 257, u32::MAX] {
        let parts = KeyParts { pack, ..KeyParts::clone(key) };
        assert!(matches!(VerifyingKey::new(&parts), Err(sworn_verifier::KeyError::Range { .. })), "{pack}");
    }
}

/// Every bit of a packed key: an error, or a key that refuses the proof.
#[test]
fn changed_packed_keys_accept_nothing() {
    let keyed = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]).packed(5);
    let (proof, bytes) = (keyed.prove(Cpu, 1), keyed.key.verifying_key().to_bytes());
    (0..8 * bytes.len()).into_par_iter().for_each(|bit| {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(key) = VerifyingKey::from_bytes(&changed) {
            let mut resized = proof.bytes.clone();
            resized.resize(key.shape().bytes(), 0);
            assert!(verify(&key, Context::NONE, &proof.instance, &proof.bytes).is_err(), "bit {bit}");
            assert!(verify(&key, Context::NONE, &proof.instance, &resized).is_err(), "bit {bit}");
        }
    });
}

/// Less memory, same proof.
#[test]
fn memory_does_not_change_a_proof() {
    let keyed = models::maxima().packed(11);
    let expected = keyed.prove(Cpu, 3).bytes;
    let mut prover = keyed.prover(Cpu).with_memory(Some(0));
    let refused = models::prove(&prover, &keyed.inputs, 3, &mut |_, _| ControlFlow::Continue(()));
    let Err(ProveError::Memory { needed, .. }) = refused else { panic!("no memory is enough") };
    for memory in [needed, needed + 100_000, u64::MAX] {
        prover = prover.with_memory(Some(memory));
        let proof = models::prove(&prover, &keyed.inputs, 3, &mut |_, _| ControlFlow::Continue(()));
        assert_eq!(proof.unwrap().bytes, expected, "{memory} bytes");
    }
}

#[test]
fn keys_are_read_back() {
    let keyed = models::maxima().packed(9);
    let read = ProvingKey::from_bytes(&keyed.key.to_bytes(), &keyed.srs).unwrap();
    assert_eq!(read.verifying_key(), keyed.key.verifying_key());
    assert_eq!(DecodedKey::new(&keyed.key.to_bytes()).unwrap().choice().log_powers(), keyed.srs.k());
    let small = sworn_prover::Srs::dev(keyed.srs.k() - 1).unwrap();
    assert!(matches!(ProvingKey::from_bytes(&keyed.key.to_bytes(), &small), Err(KeyError::SrsSize { .. })));
}
