//! What holds for bytes of any origin: they are refused, without a panic. The prover's tests run the same functions.
//!
//! ```text
//! verifying_key     key
//! proof             which golden key (its lowest bit) ‖ proof
//! key_then_proof    length of the key, 4 bytes little-endian ‖ key ‖ context, 32 bytes ‖ public values, 32 bytes each ‖ proof
//! ```
//!
//! Only the golden proofs themselves are accepted, for their keys and instances: an input of a corpus that was made of them is one.

use std::sync::LazyLock;

use sworn_verifier::{verify, verify_batch, Context, Fr, VerifyingKey};

/// A key with a proof that it accepts.
pub struct Golden {
    /// The key.
    pub key: VerifyingKey,
    /// The public values.
    pub instance: Vec<Fr>,
    /// The proof.
    pub proof: Vec<u8>,
}

/// The golden proofs of the smallest model: with a commitment for each column, and packed.
pub static GOLDEN: LazyLock<[Golden; 2]> = LazyLock::new(|| {
    [
        golden(include_str!("../../../prover/tests/vectors/key_tiny.hex"), include_str!("../../../prover/tests/vectors/proof_tiny.hex")),
        golden(
            include_str!("../../../prover/tests/vectors/key_tiny_packed.hex"),
            include_str!("../../../prover/tests/vectors/proof_tiny_packed.hex"),
        ),
    ]
});

/// Reads the vectors of a model.
fn golden(key: &str, proof: &str) -> Golden {
    let bytes = |lines: &str| hex::decode(lines.split_whitespace().collect::<String>()).expect("a vector of hexadecimal digits");
    let key = VerifyingKey::from_bytes(&bytes(key)).expect("a golden key");
    let (head, proof) = proof.split_once("proof\n").expect("a vector with a proof");
    let public = head.lines().find_map(|line| line.strip_prefix("public ")).expect("a vector with public values");
    let value = |word: &str| sworn_verifier::embed(word.parse().expect("an integer"));
    Golden { key, instance: public.split(' ').map(value).collect(), proof: bytes(proof) }
}

/// An error, or a key that has no other encoding; one that is not golden accepts no golden proof.
pub fn verifying_key(data: &[u8]) {
    let Ok(key) = VerifyingKey::from_bytes(data) else { return };
    assert_eq!(key.to_bytes(), data, "a key with two encodings");
    for golden in GOLDEN.iter() {
        let accepted = verify(&key, Context::NONE, &golden.instance, &golden.proof).is_ok();
        assert_eq!(accepted, key.digest() == golden.key.digest(), "a golden proof with another key");
    }
}

/// A proof for a golden key is golden or refused.
pub fn proof(data: &[u8]) {
    let Some((which, proof)) = data.split_first() else { return };
    let golden = &GOLDEN[usize::from(which & 1)];
    refused_or_golden(&golden.key, Context::NONE, &golden.instance, proof);
}

/// A key with values and a proof for it: refused or golden.
pub fn key_then_proof(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk() else { return };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let Some((key, rest)) = rest.split_at_checked(length) else { return };
    let Ok(key) = VerifyingKey::from_bytes(key) else { return };
    let Some((context, rest)) = rest.split_first_chunk() else { return };
    let Some((values, proof)) = key.num_instances().checked_mul(32).and_then(|length| rest.split_at_checked(length)) else { return };
    let value = |bytes: &[u8]| sworn_verifier::field::decode(bytes.try_into().ok()?);
    let Some(instance) = values.chunks_exact(32).map(value).collect::<Option<Vec<Fr>>>() else { return };
    refused_or_golden(&key, Context(*context), &instance, proof);
}

fn refused_or_golden(key: &VerifyingKey, context: Context, instance: &[Fr], proof: &[u8]) {
    let is_golden = |g: &Golden| g.key.digest() == key.digest() && context.is_none() && g.instance == instance && g.proof == proof;
    let accepted = verify(key, context, instance, proof);
    assert_eq!(accepted.is_ok(), GOLDEN.iter().any(is_golden), "{accepted:?}");
    let batch = verify_batch(&[(key, context, instance, proof)]);
    assert_eq!(batch, accepted.map_err(|error| vec![(0, error)]), "a batch of one");
}

/// Inputs to start from: for each target, names and bytes.
pub fn corpus() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut inputs = Vec::new();
    for (name, (which, golden)) in ["plain", "packed"].into_iter().zip((0u8..).zip(GOLDEN.iter())) {
        let key = golden.key.to_bytes();
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes();
        let values: Vec<u8> = golden.instance.iter().flat_map(sworn_verifier::field::encode).collect();
        inputs.push(("proof", name.into(), [&[which], golden.proof.as_slice()].concat()));
        inputs.push(("key_then_proof", name.into(), [&length, key.as_slice(), &[0; 32], &values, &golden.proof].concat()));
        inputs.push(("verifying_key", name.into(), key));
    }
    inputs
}
