//! The functions of the verifier's fuzz targets, on random bytes and on random changes of the golden keys and proofs.

#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
#[path = "../../verifier/fuzz/src/harmless.rs"]
mod harmless;

use harmless::{Golden, GOLDEN};
use proptest::prelude::*;
use proptest::sample::Index;

/// Bytes that overwrite others, each run from some place on.
type Runs = Vec<(Index, Vec<u8>)>;

fn runs() -> impl Strategy<Value = Runs> {
    prop::collection::vec((any::<Index>(), prop::collection::vec(any::<u8>(), 1..40)), 1..4)
}

fn overwritten(mut bytes: Vec<u8>, runs: &Runs) -> Vec<u8> {
    for (at, run) in runs {
        let at = at.index(bytes.len());
        bytes.iter_mut().skip(at).zip(run).for_each(|(to, from)| *to = *from);
    }
    bytes
}

/// An input of a target's corpus.
fn seed(target: &str, which: bool) -> Vec<u8> {
    let mut inputs = harmless::corpus().into_iter().filter(|(name, ..)| *name == target).map(|(.., bytes)| bytes);
    inputs.nth(usize::from(which)).expect("two inputs for each target")
}

#[test]
fn the_corpus_is_accepted() {
    for Golden { key, instance, proof } in GOLDEN.iter() {
        assert_eq!(sworn_verifier::verify(key, sworn_verifier::Context::NONE, instance, proof), Ok(()));
    }
    for (target, name, bytes) in harmless::corpus() {
        match target {
            "verifying_key" => harmless::verifying_key(&bytes),
            "proof" => harmless::proof(&bytes),
            "key_then_proof" => harmless::key_then_proof(&bytes),
            other => panic!("{other}/{name} is of no target"),
        }
    }
}

#[test]
#[ignore = "writes the corpus"]
fn write_corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../verifier/fuzz/corpus");
    for (target, name, bytes) in harmless::corpus() {
        std::fs::create_dir_all(folder.join(target)).unwrap();
        std::fs::write(folder.join(target).join(name), bytes).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_are_harmless(bytes in prop::collection::vec(any::<u8>(), 0..3000), which: bool) {
        harmless::verifying_key(&bytes);
        harmless::proof(&bytes);
        harmless::key_then_proof(&bytes);
        // Behind what every key begins with, and of the length of a proof.
        let Golden { key, proof, .. } = &GOLDEN[usize::from(which)];
        let head = key.to_bytes()[..12].to_vec();
        harmless::verifying_key(&[head, bytes.clone()].concat());
        let of_length = bytes.into_iter().chain(0..=255).cycle().take(proof.len());
        harmless::proof(&std::iter::once(u8::from(which)).chain(of_length).collect::<Vec<u8>>());
    }

    #[test]
    fn changed_keys_are_harmless(runs in runs(), which: bool) {
        harmless::verifying_key(&overwritten(seed("verifying_key", which), &runs));
    }

    #[test]
    fn changed_proofs_are_harmless(runs in runs(), which: bool) {
        harmless::proof(&overwritten(seed("proof", which), &runs));
    }

    #[test]
    fn changed_keys_with_proofs_are_harmless(runs in runs(), which: bool) {
        harmless::key_then_proof(&overwritten(seed("key_then_proof", which), &runs));
    }
}
