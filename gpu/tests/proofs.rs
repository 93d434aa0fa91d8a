//! Proofs from one generator are the same on the emulated device as on the CPU and by the reference, byte by byte.

mod emulated;
#[path = "../../prover/tests/models/mod.rs"]
mod models;

use models::Keyed;
use sworn_prover::{Cpu, Reference};

/// The emulated device makes the CPU's proof, twice with one prover, and the verifier accepts it.
fn assert_same_proof(keyed: &Keyed, seed: u64) {
    let expected = keyed.prove(Cpu, seed);
    assert_eq!(
        sworn_verifier::verify(keyed.key.verifying_key(), sworn_verifier::Context::NONE, &expected.instance, &expected.bytes),
        Ok(())
    );
    let prover = keyed.prover(emulated::device(None));
    for count in 0..2 {
        let proof = models::prove(&prover, &keyed.inputs, seed, &mut |_, _| std::ops::ControlFlow::Continue(()));
        assert!(proof.is_ok_and(|proof| proof.bytes == expected.bytes), "{}, proof {count}", keyed.name);
    }
}

#[test]
fn the_reference_cpu_and_device_agree() {
    let tiny = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]);
    for keyed in [tiny.keyed(), tiny.packed(6), tiny.onchain()] {
        assert!(keyed.prove(Reference, 11).bytes == keyed.prove(emulated::device(None), 11).bytes, "packs of {}", keyed.key.layout().pack);
        assert_same_proof(&keyed, 11);
    }
}

#[test]
fn every_model_plain() {
    for (seed, model) in (0..).zip(models::all()) {
        assert_same_proof(&model.keyed(), seed);
    }
}

#[test]
fn every_model_packed() {
    for ((seed, model), pack) in (100..).zip(models::all()).zip([2, 3, 5, 8, 13, 16].into_iter().cycle()) {
        assert_same_proof(&model.packed(pack), seed);
    }
}

/// Less memory for a proof changes what is kept on the device, not the proof.
#[test]
fn a_prover_that_keeps_nothing() {
    let keyed = models::maxima().keyed();
    let expected = keyed.prove(Cpu, 3).bytes;
    let prover = keyed.prover(emulated::device(None)).with_memory(Some(0));
    let refused = models::prove(&prover, &keyed.inputs, 3, &mut |_, _| std::ops::ControlFlow::Continue(()));
    let Err(sworn_prover::ProveError::Memory { needed, .. }) = refused else { panic!("a proof without memory") };
    let prover = prover.with_memory(Some(needed));
    let proof = models::prove(&prover, &keyed.inputs, 3, &mut |_, _| std::ops::ControlFlow::Continue(()));
    assert!(proof.is_ok_and(|proof| proof.bytes == expected));
}
