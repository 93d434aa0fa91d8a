//! Calls of the contracts.
//!
//! ```text
//! selector ‖ 0x60 ‖ context ‖ 0x80 + 32n ‖ n ‖ public values ‖ length ‖ proof        every word of 32 bytes, big-endian
//! ```

use sha3::{Digest, Keccak256};
use sworn_verifier::{Context, VerifyingKey};

use crate::error::ExportError;
use crate::key::Key;
use crate::wrapper::is_typed;

/// The verifier's function.
const VERIFY: &str = "verify(uint256[],bytes32,bytes)";

/// The first four bytes of a call.
pub fn selector(signature: &str) -> [u8; 4] {
    let hash = Keccak256::digest(signature);
    [hash[0], hash[1], hash[2], hash[3]]
}

/// A number as a word.
pub fn word(value: usize) -> [u8; 32] {
    let mut out = [0; 32];
    out[24..].copy_from_slice(&(value as u64).to_be_bytes());
    out
}

/// A call of `SwornVerifier.verify`: public values as field elements, 32 bytes big-endian each, the context and the proof.
///
/// # Errors
/// Another number of values or bytes than the key's proofs have. What they contain is for the contract to judge.
pub fn calldata(key: &VerifyingKey, context: Context, instances: &[[u8; 32]], proof: &[u8]) -> Result<Vec<u8>, ExportError> {
    let key = Key::new(key);
    let (expected, actual) = (key.num_instances(), instances.len());
    if expected != actual {
        return Err(ExportError::InstanceCount { expected, actual });
    }
    check_length(&key, proof)?;
    Ok(encode(context, instances, proof))
}

fn check_length(key: &Key, proof: &[u8]) -> Result<(), ExportError> {
    let (expected, actual) = (key.shape.bytes(), proof.len());
    if expected == actual {
        Ok(())
    } else {
        Err(ExportError::ProofLength { expected, actual })
    }
}

fn encode(context: Context, instances: &[[u8; 32]], proof: &[u8]) -> Vec<u8> {
    let mut out = selector(VERIFY).to_vec();
    out.extend([word(0x60), context.0, word(0x80 + 32 * instances.len()), word(instances.len())].concat());
    out.extend(instances.concat());
    out.extend(word(proof.len()));
    out.extend(proof);
    out
}

/// A call of the typed `verify` of the model's contract: the public tensors as integers, in their order, the context and the proof.
///
/// # Errors
/// Another number of tensors, elements or bytes than the key's proofs have.
pub fn typed_calldata(key: &VerifyingKey, context: Context, tensors: &[Vec<i64>], proof: &[u8]) -> Result<Vec<u8>, ExportError> {
    let key = Key::new(key);
    let matches = tensors.len() == key.tensors.len() && tensors.iter().zip(&key.tensors).all(|(v, t)| v.len() == t.elements);
    if !matches {
        let expected = key.tensors.iter().map(|t| t.elements).sum();
        let actual = tensors.iter().map(Vec::len).sum();
        return Err(ExportError::ElementCount { expected, actual });
    }
    check_length(&key, proof)?;
    let types = if is_typed(tensors.len()) { "int256[],".repeat(tensors.len()) } else { "int256[][],".into() };
    let signature = format!("verify({types}bytes32,bytes)");
    let mut parts = arguments(tensors);
    parts.push(Part::Word(context.0));
    let padding = proof.len().next_multiple_of(32) - proof.len();
    parts.push(Part::Dynamic([&word(proof.len()), proof, &vec![0; padding]].concat()));
    Ok([selector(&signature).to_vec(), tuple(&parts)].concat())
}

/// The `proof` of the model's `IProofVerifier`: the context, and the proof.
pub fn bound_proof(context: Context, proof: &[u8]) -> Vec<u8> {
    [&context.0, proof].concat()
}

/// What `SwornEscrow.context` answers: the context of a job's proof. Addresses are of 20 bytes.
pub fn escrow_context(chain: u64, escrow: &[u8; 20], job: u64, payee: &[u8; 20]) -> Context {
    let number = |value: u64| [&[0; 24], value.to_be_bytes().as_slice()].concat();
    let address = |address: &[u8; 20]| [&[0; 12], address.as_slice()].concat();
    Context(Keccak256::digest([number(chain), address(escrow), number(job), address(payee)].concat()).into())
}

/// Bytes of [`typed_calldata`].
pub(crate) fn typed_size(key: &Key) -> usize {
    let elements: usize = key.tensors.iter().map(|t| t.elements).sum();
    let (proof, count) = (key.shape.bytes().next_multiple_of(32), key.tensors.len());
    // The context, offset and length of the proof; of each tensor too; of the array of them, if they are one.
    let heads = 3 + 2 * count + if is_typed(count) { 0 } else { 2 };
    4 + 32 * (heads + elements) + proof
}

/// The ABI encoding of tensors, one after another: what `inputHash` and `outputHash` of `IProofVerifier` are of.
pub fn encode_tensors(tensors: &[Vec<i64>]) -> Vec<u8> {
    tuple(&arrays(tensors))
}

/// The metadata of the model's `IProofVerifier`: all public tensors.
pub fn metadata(tensors: &[Vec<i64>]) -> Vec<u8> {
    tuple(&arguments(tensors))
}

/// An argument, or an element of an array.
enum Part {
    Word([u8; 32]),
    Dynamic(Vec<u8>),
}

fn arrays(tensors: &[Vec<i64>]) -> Vec<Part> {
    tensors.iter().map(|t| Part::Dynamic(array(t))).collect()
}

/// The tensors as the model's contract takes them: as arguments, or as one array of arrays.
fn arguments(tensors: &[Vec<i64>]) -> Vec<Part> {
    if is_typed(tensors.len()) {
        arrays(tensors)
    } else {
        vec![Part::Dynamic([word(tensors.len()).to_vec(), tuple(&arrays(tensors))].concat())]
    }
}

/// `int256[]`.
fn array(values: &[i64]) -> Vec<u8> {
    let mut out = word(values.len()).to_vec();
    for value in values {
        let mut word = [if *value < 0 { 0xff } else { 0 }; 32];
        word[24..].copy_from_slice(&value.to_be_bytes());
        out.extend(word);
    }
    out
}

/// A tuple: words, or offsets of dynamic values; and these.
fn tuple(parts: &[Part]) -> Vec<u8> {
    let head = 32 * parts.len();
    let (mut out, mut tail): (Vec<u8>, Vec<u8>) = Default::default();
    for part in parts {
        match part {
            Part::Word(value) => out.extend(value),
            Part::Dynamic(value) => {
                out.extend(word(head + tail.len()));
                tail.extend(value);
            }
        }
    }
    out.extend(tail);
    out
}
