//! Golden proofs: the bytes of a graph, inputs and a seed do not change unnoticed.
//!
//! A file has the digest of the verifying key, the public values and the proof, 32 bytes a line: a difference shows which
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

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/proof_{name}.hex"))
}

fn vector(keyed: &Keyed) -> String {
    let proof = keyed.prove(Cpu, SEED);
    assert_eq!(sworn_verifier::verify(keyed.key.verifying_key(), &proof.instance, &proof.bytes), Ok(()));
    let public: Vec<String> = proof.public.iter().map(i64::to_string).collect();
    let lines: Vec<String> = proof.bytes.chunks(32).map(hex::encode).collect();
    format!("key {}\npublic {}\nproof\n{}\n", hex::encode(keyed.key.verifying_key().digest()), public.join(" "), lines.join("\n"))
}

#[test]
fn proofs_are_those_of_the_vectors() {
    for (name, keyed) in golden() {
        let expected = std::fs::read_to_string(path(name)).unwrap();
        let actual = vector(&keyed);
        let differs = actual.lines().zip(expected.lines()).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{name}: first line that differs, from 0; see the head of this file");
        assert_eq!(actual.len(), expected.len(), "{name}");
    }
}

#[test]
#[ignore = "writes the vectors"]
fn write_vectors() {
    for (name, keyed) in golden() {
        std::fs::write(path(name), vector(&keyed)).unwrap();
    }
}
