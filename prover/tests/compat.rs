//! Golden keys and proofs: the bytes of a graph, inputs and a seed do not change unnoticed.
//!
//! The file of a proof has the digest of the verifying key, the public values and the proof, 32 bytes a line: a difference shows which
//! commitment or evaluation changed. After a change that is meant:
//!
//! ```text
//! cargo test -p sworn-prover --test compat -- --ignored
//! ```

mod models;

use std::path::PathBuf;

use models::Keyed;
use sworn_prover::Cpu;

const SEED: u64 = 2026;

fn golden() -> [(&'static str, Keyed); 3] {
    let tiny = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]);
    [("tiny", tiny.keyed()), ("tiny_packed", tiny.packed(11)), ("two_limbs", models::two_limbs().keyed())]
}

fn path(what: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{what}_{name}.hex"))
}

fn lines(bytes: &[u8]) -> String {
    bytes.chunks(32).map(|chunk| hex::encode(chunk) + "\n").collect()
}

fn key(keyed: &Keyed) -> String {
    lines(&keyed.key.verifying_key().to_bytes())
}

fn vector(keyed: &Keyed) -> String {
    let proof = keyed.prove(Cpu, SEED);
    assert_eq!(sworn_verifier::verify(keyed.key.verifying_key(), sworn_verifier::Context::NONE, &proof.instance, &proof.bytes), Ok(()));
    let public: Vec<String> = proof.public.iter().map(i64::to_string).collect();
    format!("key {}\npublic {}\nproof\n{}", hex::encode(keyed.key.verifying_key().digest()), public.join(" "), lines(&proof.bytes))
}

#[test]
fn keys_and_proofs_are_those_of_the_vectors() {
    for (name, keyed) in golden() {
        let read = |what: &str| std::fs::read_to_string(path(what, name)).unwrap();
        assert!(key(&keyed) == read("key"), "{name}: the verifying key; see the head of this file");
        let (expected, actual) = (read("proof"), vector(&keyed));
        let differs = actual.lines().zip(expected.lines()).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{name}: first line that differs, from 0; see the head of this file");
        assert_eq!(actual.len(), expected.len(), "{name}");
    }
}

#[test]
#[ignore = "writes the vectors"]
fn write_vectors() {
    for (name, keyed) in golden() {
        std::fs::write(path("key", name), key(&keyed)).unwrap();
        std::fs::write(path("proof", name), vector(&keyed)).unwrap();
    }
}
