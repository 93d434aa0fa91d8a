//! Proofs from one generator are the CPU's and the reference's, byte by byte.

use std::ops::ControlFlow;

use halo2_proofs::halo2curves::bn256::Fr;
use sworn_prover::{Backend, Cpu, Reference};

use crate::mock::Installation;
use crate::models::{self, Keyed};

/// The mock makes the CPU's proof, twice with one prover, and the verifier accepts it.
fn assert_same_proof(keyed: &Keyed, seed: u64) {
    let expected = keyed.prove(Cpu, seed);
    assert_eq!(
        sworn_verifier::verify(keyed.key.verifying_key(), sworn_verifier::Context::NONE, &expected.instance, &expected.bytes),
        Ok(())
    );
    let installation = Installation::new();
    let prover = keyed.prover(installation.open().expect("the mock"));
    for count in 0..2 {
        let before = installation.count().0;
        let proof = models::prove(&prover, &keyed.inputs, seed, &mut |_, _| ControlFlow::Continue(()));
        assert!(proof.is_ok_and(|proof| proof.bytes == expected.bytes), "{}, proof {count}", keyed.name);
        assert!(installation.count().0 > before + 50, "{}: ICICLE's functions are called", keyed.name);
    }
    drop(prover);
    assert_eq!(installation.count().1, 0, "{}: memory is given back", keyed.name);
}

#[test]
fn the_reference_cpu_and_icicle_agree() {
    let tiny = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]);
    for keyed in [tiny.keyed(), tiny.packed(6), tiny.onchain()] {
        let device = Installation::new().open().expect("the mock");
        assert!(keyed.prove(Reference, 11).bytes == keyed.prove(device, 11).bytes, "packs of {}", keyed.key.layout().pack);
        assert_same_proof(&keyed, 11);
    }
}

#[test]
fn models_plain_and_packed() {
    for keyed in [models::convolution().keyed(), models::maxima().packed(3), models::residual().packed(8)] {
        assert_same_proof(&keyed, 4);
    }
}

/// Coefficients stay on the device up to half of its free memory, 2 MiB here; the others go to the host, and all are the same.
#[test]
fn columns_beyond_the_memory_of_the_device() {
    let installation = Installation::new();
    let device = installation.open().expect("the mock");
    let rows = 1 << 13;
    let columns: Vec<Vec<Fr>> = (0..12).map(|c| (0..rows).map(|r| Fr::from(c * rows + r).square()).collect()).collect();
    fn transform<B: Backend>(backend: &B, columns: &[Vec<Fr>]) -> (Vec<B::Column>, Vec<Vec<Fr>>) {
        let domain = backend.domain(13);
        let columns: Vec<B::Column> = columns.iter().map(|values| backend.fields(values.clone())).collect();
        let coefficients = backend.interpolate(&domain, &columns.iter().collect::<Vec<_>>());
        let values = backend.coset(&domain, &coefficients.iter().collect::<Vec<_>>(), 7.into());
        (coefficients, values.iter().map(|column| backend.read(column, 5..99)).collect())
    }
    let (kept, values) = transform(&device, &columns);
    assert_eq!(values, transform(&Cpu, &columns).1);
    assert_eq!(installation.count().1, 8 * 32 * rows, "eight of twelve columns stay");
    drop(kept);
    assert_eq!(installation.count().1, 0);
}
