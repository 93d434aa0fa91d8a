//! Whole proofs: made, accepted, and rejected when changed.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::ops::ControlFlow;

use halo2_proofs::halo2curves::bn256::Bn256;
use halo2_proofs::poly::commitment::ParamsProver;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::SerdeFormat;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sworn_circuits::graph::*;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_prover::{about, prove, setup, Cpu, DecodedKey, KeyError, Proof, ProveError, Prover, ProvingKey, Srs};
use sworn_verifier::{verify, About, Context, Fr, KeyParts, VerifyError, VerifyingKey};

/// `relu` of a dense layer on four inputs: 16 weights.
fn graph(weight: i32) -> QuantGraph {
    let mut weights = vec![17; 16];
    weights[5] = weight;
    let node = |name: &str, op, inputs, shape: Vec<usize>| Node { name: name.into(), op, inputs, shape, scale: 0.25, shift: 7 };
    let linear = Linear {
        channels: Channels::Last,
        terms: vec![Term::Conv(Conv::dense(weights))],
        bias: vec![5, 0, -3, 900],
        activation: Activation::Relu,
    };
    QuantGraph {
        bits: 7,
        nodes: vec![node("x", Op::Input, vec![], vec![1, 4]), node("y", Op::Linear(linear), vec![NodeId(0)], vec![1, 4])],
        inputs: vec![NodeId(0)],
        outputs: vec![Output::new(NodeId(1), "y")],
        tables: vec![],
    }
}

fn key(weight: i32, srs: &Srs) -> ProvingKey {
    let graph = graph(weight);
    let layout = Layout::new(&graph, Visibility::default()).unwrap();
    let about = about("tiny", &graph);
    setup(graph, Visibility::default(), layout, about, srs).unwrap()
}

fn srs() -> Srs {
    Srs::dev(Layout::new(&graph(1), Visibility::default()).unwrap().log_rows).unwrap()
}

fn proof(key: &ProvingKey, srs: &Srs) -> Proof {
    prove(key, srs, Context::NONE, &[vec![60, -60, 33, 1]], ChaCha20Rng::seed_from_u64(1), &mut |_, _| ControlFlow::Continue(())).unwrap()
}

#[test]
fn good_proofs_are_accepted_and_changed_ones_rejected() {
    let srs = srs();
    let key = key(40, &srs);
    let proof = proof(&key, &srs);
    let vk = VerifyingKey::from_bytes(&key.verifying_key().to_bytes()).unwrap();
    assert_eq!(verify(&vk, Context::NONE, &proof.instance, &proof.bytes), Ok(()));
    assert_eq!(proof.outputs, vec![graph(40).evaluate(&[vec![60, -60, 33, 1]]).unwrap()[1].clone()]);

    for position in (0..proof.bytes.len()).step_by(37) {
        let mut bytes = proof.bytes.clone();
        bytes[position] ^= 1;
        assert!(verify(&vk, Context::NONE, &proof.instance, &bytes).is_err(), "byte {position}");
    }
    for index in 0..proof.instance.len() {
        let mut instance = proof.instance.clone();
        instance[index] += Fr::from(1);
        assert_eq!(verify(&vk, Context::NONE, &instance, &proof.bytes), Err(VerifyError::Rejected), "instance {index}");
    }
    let short = &proof.instance[1..];
    assert_eq!(verify(&vk, Context::NONE, short, &proof.bytes), Err(VerifyError::InstanceCount { expected: 4, actual: 3 }));
    let expected = proof.bytes.len();
    let longer: Vec<u8> = proof.bytes.iter().copied().chain([0]).collect();
    assert_eq!(verify(&vk, Context::NONE, &proof.instance, &longer), Err(VerifyError::ProofLength { expected, actual: expected + 1 }));
    let shorter = &proof.bytes[..expected - 1];
    assert_eq!(verify(&vk, Context::NONE, &proof.instance, shorter), Err(VerifyError::ProofLength { expected, actual: expected - 1 }));
}

#[test]
fn another_models_key_has_another_digest_and_rejects() {
    let srs = srs();
    let (one, other) = (key(40, &srs), key(41, &srs));
    assert_ne!(one.verifying_key().digest(), other.verifying_key().digest());
    let proof = proof(&one, &srs);
    assert_eq!(verify(other.verifying_key(), Context::NONE, &proof.instance, &proof.bytes), Err(VerifyError::Rejected));
}

#[test]
fn a_model_with_another_scale_of_a_private_input_is_another_model() {
    let srs = srs();
    let mut scaled = graph(40);
    scaled.nodes[0].scale = 0.5;
    let layout = Layout::new(&scaled, Visibility::default()).unwrap();
    let about = about("tiny", &scaled);
    let scaled = setup(scaled, Visibility::default(), layout, about, &srs).unwrap();
    assert_ne!(scaled.verifying_key().digest(), key(40, &srs).verifying_key().digest());
}

/// What nobody has checked may have a secret that undoes the blinding: no key and no proof is made of it.
#[test]
fn unchecked_and_other_strings_are_refused() {
    let srs = srs();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.srs");
    srs.write(&path).unwrap();
    let unchecked = Srs::read(&path).unwrap();
    let key = key(40, &srs);
    let layout = Layout::new(&graph(40), Visibility::default()).unwrap();
    assert!(matches!(setup(graph(40), Visibility::default(), layout, about("tiny", &graph(40)), &unchecked), Err(KeyError::SrsUnchecked)));
    assert!(matches!(ProvingKey::from_bytes(&key.to_bytes(), &unchecked), Err(KeyError::SrsUnchecked)));
    let refused = |srs: &Srs| Prover::new(Cpu, &key, srs).map(|_| ()).unwrap_err();
    assert!(matches!(refused(&unchecked), KeyError::SrsUnchecked));
    assert!(Prover::new(Cpu, &key, &unchecked.checked().unwrap()).is_ok());
    // Another string of the same size, and the same one of another size.
    let mut bytes = Vec::new();
    ParamsKZG::<Bn256>::new(srs.k() + 1).write_custom(&mut bytes, SerdeFormat::RawBytes).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let other = Srs::open(&path, Some(srs.k())).unwrap();
    assert!(matches!(refused(&other), KeyError::SrsMismatch));
    assert!(matches!(ProvingKey::from_bytes(&key.to_bytes(), &other), Err(KeyError::SrsMismatch)));
    assert!(matches!(refused(&Srs::dev(srs.k() + 1).unwrap()), KeyError::SrsMismatch));
}

#[test]
fn two_proofs_of_one_witness_differ() {
    let srs = srs();
    let key = key(40, &srs);
    let first = proof(&key, &srs);
    let second =
        prove(&key, &srs, Context::NONE, &[vec![60, -60, 33, 1]], ChaCha20Rng::seed_from_u64(2), &mut |_, _| ControlFlow::Continue(()))
            .unwrap();
    assert_ne!(first.bytes, second.bytes);
    assert_eq!(first.instance, second.instance);
}

#[test]
fn keys_survive_their_encoding_and_refuse_others() {
    let srs = srs();
    let key = key(40, &srs);
    let bytes = key.to_bytes();
    assert_eq!(DecodedKey::new(&bytes).unwrap().choice().log_powers(), srs.k());
    let read = ProvingKey::from_bytes(&bytes, &srs).unwrap();
    let proof = proof(&read, &srs);
    assert_eq!(verify(key.verifying_key(), Context::NONE, &proof.instance, &proof.bytes), Ok(()));
    assert!(matches!(ProvingKey::from_bytes(&bytes[1..], &srs), Err(KeyError::Encoding)));
    for cut in [8, 12, 40, bytes.len() - 1] {
        assert!(ProvingKey::from_bytes(&bytes[..cut], &srs).is_err(), "cut at {cut}");
    }
    let wrong = Srs::dev(srs.k() + 1).unwrap();
    assert!(matches!(ProvingKey::from_bytes(&bytes, &wrong), Err(KeyError::SrsSize { .. })));

    let vk = key.verifying_key().to_bytes();
    for position in (0..vk.len()).step_by(11) {
        let mut changed = vk.clone();
        changed[position] ^= 1;
        if let Ok(other) = VerifyingKey::from_bytes(&changed) {
            assert_ne!(other.digest(), key.verifying_key().digest(), "byte {position}");
            assert!(verify(&other, Context::NONE, &proof.instance, &proof.bytes).is_err(), "byte {position}");
        }
    }
}

/// A proving key is a file that anybody may have written: its digest of the powers, its point of G2 and its words must be those of
/// the string and of the graph.
#[test]
fn keys_of_other_strings_and_with_other_words_are_refused() {
    let srs = srs();
    let key = key(40, &srs);
    let (bytes, vk) = (key.to_bytes(), key.verifying_key());
    let replaced = |from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
        let changed = [&bytes[..at], to, &bytes[at + from.len()..]].concat();
        ProvingKey::from_bytes(&changed, &srs).map(|_| ())
    };
    let with = |change: fn(&mut KeyParts)| {
        let mut parts = KeyParts::clone(vk);
        change(&mut parts);
        replaced(&vk.to_bytes(), &VerifyingKey::new(&parts).unwrap().to_bytes())
    };
    assert!(matches!(replaced(&srs.digest(), &[7; 32]), Err(KeyError::SrsMismatch)));
    // The digest of the right string beside the point of another one.
    assert!(matches!(with(|parts| parts.s_g2 = (parts.s_g2 + parts.g2).into()), Err(KeyError::SrsMismatch)));
    assert!(matches!(with(|parts| parts.about.bits = 8), Err(KeyError::Mismatch)));
    assert!(matches!(with(|parts| parts.about.input_scales[0].scales[0] = 0.5), Err(KeyError::Mismatch)));
    assert!(matches!(with(|parts| parts.about.input_scales[0].name = "z".into()), Err(KeyError::Mismatch)));
    // What no graph shows is whoever's word made the key.
    assert!(with(|parts| parts.about.relative_error = 0.5).is_ok());
    let about = About { bits: 8, ..about("tiny", &graph(40)) };
    let layout = Layout::new(&graph(40), Visibility::default()).unwrap();
    assert!(matches!(setup(graph(40), Visibility::default(), layout, about, &srs), Err(KeyError::Mismatch)));
}

#[test]
fn a_cancelled_proof_stops() {
    let srs = srs();
    let key = key(40, &srs);
    let cancelled = prove(&key, &srs, Context::NONE, &[vec![0; 4]], ChaCha20Rng::seed_from_u64(1), &mut |_, _| ControlFlow::Break(()));
    assert!(matches!(cancelled, Err(ProveError::Cancelled)));
}

#[test]
fn values_outside_their_range_are_refused() {
    let srs = srs();
    let key = key(40, &srs);
    let refused =
        prove(&key, &srs, Context::NONE, &[vec![64, 0, 0, 0]], ChaCha20Rng::seed_from_u64(1), &mut |_, _| ControlFlow::Continue(()));
    assert!(refused.unwrap_err().to_string().contains("`x`"));
}

#[test]
fn a_reference_string_without_a_power_to_spare_is_refused_at_setup() {
    let srs = srs();
    let mut bytes = Vec::new();
    srs.params().write_custom(&mut bytes, halo2_proofs::SerdeFormat::RawBytes).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("exact.srs");
    std::fs::write(&path, bytes).unwrap();
    let exact = Srs::import_halo2(&path, None).unwrap();
    let layout = Layout::new(&graph(40), Visibility::default()).unwrap();
    let refused = setup(graph(40), Visibility::default(), layout, about("tiny", &graph(40)), &exact).unwrap_err();
    assert!(matches!(refused, KeyError::SrsNextPower { k } if k == srs.k()));
    assert!(refused.to_string().contains("one more"));
    // The power survives the cache and a truncation.
    let larger = Srs::dev(srs.k() + 1).unwrap().truncate(srs.k()).unwrap();
    assert_eq!(larger.next_power(), srs.next_power());
    let cached = dir.path().join("cached.srs");
    srs.write(&cached).unwrap();
    assert_eq!(Srs::read(&cached).unwrap().next_power(), srs.next_power());
}
