//! Our prover against halo2's own: keys, proofs and their shape.
#![expect(clippy::unwrap_used, reason = "tests")]

use halo2_proofs::plonk::keygen_vk;
use sworn_circuits::circuit::SwornCircuit;
use sworn_circuits::graph::*;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_prover::{setup, Srs};

/// `relu` of a dense layer on four inputs: 16 weights.
fn graph(weight: i32) -> QuantGraph {
    let mut weights = vec![17; 16];
    weights[5] = weight;
    let node = |name: &str, op, inputs, shape: Vec<usize>| Node { name: name.into(), op, inputs, shape, scale: 0.25 };
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
        outputs: vec![NodeId(1)],
        tables: vec![],
    }
}

#[test]
fn keys_are_halo2s() {
    let graph = graph(40);
    let layout = Layout::new(&graph, Visibility::default()).unwrap();
    let srs = Srs::dev(layout.log_rows).unwrap();
    let stock = keygen_vk(srs.params(), &SwornCircuit { layout: &layout, witness: None }).unwrap();
    let key = setup(graph, Visibility::default(), layout, &srs).unwrap();
    let ours = key.verifying_key();
    assert_eq!(&ours.fixed_commitments, stock.fixed_commitments());
    assert_eq!(&ours.permutation_commitments, stock.permutation().commitments());
    assert_eq!(ours.transcript_repr(), stock.transcript_repr());
}

fn accepted<B: sworn_prover::Backend>(backend: B) -> bool {
    let graph = graph(40);
    let layout = Layout::new(&graph, Visibility::default()).unwrap();
    let srs = Srs::dev(layout.log_rows).unwrap();
    let key = setup(graph, Visibility::default(), layout, &srs).unwrap();
    let rng = <rand_chacha::ChaCha20Rng as rand::SeedableRng>::seed_from_u64(1);
    let prover = sworn_prover::Prover::new(backend, &key, &srs).unwrap();
    let proof = prover.prove(&[vec![60, -60, 33, 1]], rng, &mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
    sworn_verifier::verify(key.verifying_key(), &proof.instance, &proof.bytes).is_ok()
}

#[test]
fn reference() {
    assert!(accepted(sworn_prover::Reference));
}

#[test]
fn cpu() {
    assert!(accepted(sworn_prover::Cpu));
}
