//! The gas of a call, from the operations that the contract will do.
//!
//! ```text
//! transaction   21,000 and the calldata; a byte of a proof is zero once in 256 times
//! points        150 + 6,000 + the calls and copies for each commitment; 113,000 for the pairing
//! scalars       one inversion by `modexp` for all (EIP-7883), and products
//! program       by steps of four and items of runs
//! memory        3 gas a word and its square / 512
//! ```

use crate::data::{Data, LOAD};
use crate::key::{Key, Tensor};
use crate::protocol::Protocol;
use crate::wrapper::is_typed;

/// What the operations cost, with the opcodes around them as the compiler makes them.
mod cost {
    pub(super) const TRANSACTION: u64 = 21_000;
    /// What does not depend on the key: pairing, inversion, access of the first data contract.
    pub(super) const BASE: u64 = 113_000 + 4_178;
    pub(super) const NONZERO_BYTE: u64 = 16;
    pub(super) const ZERO_BYTE: u64 = 4;
    /// `ecMul` and `ecAdd` with their calls.
    pub(super) const FOLD: u64 = 6_492;
    pub(super) const TERM: u64 = 6_600;
    pub(super) const SEGMENT: u64 = 190;
    /// A data contract that was not accessed before, and the storage slot of its address.
    pub(super) const LOAD: u64 = 2_600 + 2_100 + 330;
    pub(super) const WORD_OF_COPY: u64 = 3;
    pub(super) const CHECK_POINT: u64 = 184;
    pub(super) const CHECK_SCALAR: u64 = 32;
    pub(super) const CHALLENGE: u64 = 262;
    pub(super) const WORD_OF_HASH: u64 = 6;
    /// Four steps.
    pub(super) const STEPS: u64 = 435;
    pub(super) const RUN: u64 = 170;
    pub(super) const ITEM: u64 = 85;
    pub(super) const INVERSE: u64 = 165;
    pub(super) const LAGRANGE: u64 = 102;
    pub(super) const INSTANCE: u64 = 125;
    /// `ModelVerifier`: its dispatch, and the access of the verifier.
    pub(super) const MODEL: u64 = 4_050;
    /// A tensor from calldata to memory and from there to public values.
    pub(super) const TENSOR: u64 = 700;
    /// An element that is a public value, and one that is packed.
    pub(super) const ELEMENT: u64 = 445;
    pub(super) const PACKED_ELEMENT: u64 = 236;
    /// An element of a tensor that is no argument of its own, more than others.
    pub(super) const NESTED_ELEMENT: u64 = 75;
    /// A public value in the call of the verifier.
    pub(super) const PUBLIC_VALUE: u64 = 82;
}

/// Gas of the transactions that check a proof.
pub(crate) struct Gas {
    /// `verify` of `ModelVerifier`.
    pub(crate) model: u64,
    /// `verify` of `SwornVerifier`.
    pub(crate) verifier: u64,
}

/// Gas of the deployment of a `ModelVerifier`, which deploys the verifier, as solc 0.8.37 compiles them for a few public tensors.
pub(crate) const MODEL_DEPLOYMENT: u64 = 1_637_000;

/// Gas of the deployment of a data contract: transaction, creation, calldata, init code (EIP-3860), the copy and the code itself.
pub(crate) fn deployment(init_code: &[u8], code: &[u8]) -> u64 {
    let calldata: u64 = init_code.iter().map(|byte| if *byte == 0 { cost::ZERO_BYTE } else { cost::NONZERO_BYTE }).sum();
    let words = code.len().div_ceil(32) as u64;
    let memory = 3 * words + words * words / 512;
    21_000
        + 32_000
        + calldata
        + 2 * init_code.len().div_ceil(32) as u64
        + cost::WORD_OF_COPY * words
        + memory
        + 200 * code.len() as u64
        + 22
}

/// Words, steps of four and items of a program.
fn program(code: &[u8]) -> u64 {
    let mut at = 0;
    let mut gas = 0;
    while at + 10 <= code.len() {
        let pair = |i: usize| u64::from(u16::from_be_bytes([code[i], code[i + 1]]));
        let words = pair(at);
        at += 2 + 32 * words as usize;
        let (start, end) = (pair(at + 4), pair(at + 6));
        gas += words * cost::STEPS + cost::RUN + start.abs_diff(end) * cost::ITEM;
        at += 8;
    }
    gas
}

/// Gas of the transactions of both contracts, without a context.
pub(crate) fn estimate(key: &Key, protocol: &Protocol, data: &Data) -> Gas {
    let proof = protocol.bytes.length as u64;
    let execution = execution(key, protocol, data);
    let of_proof = proof * cost::NONZERO_BYTE - proof / 256 * (cost::NONZERO_BYTE - cost::ZERO_BYTE);
    // The selector, and words with a small number.
    let words = |count: u64| 4 * cost::NONZERO_BYTE + count * (32 * cost::ZERO_BYTE + 18);
    // Small integers are mostly zeros, their negatives mostly not; packed ones are as long as a field element.
    let integer = 16 * (cost::NONZERO_BYTE + cost::ZERO_BYTE);
    let sum = |count: fn(&Tensor) -> usize, is_packed: bool| {
        let tensors = key.tensors.iter().filter(|t| t.packing.is_some() == is_packed);
        tensors.map(count).sum::<usize>() as u64
    };
    let (plain, packed) = (sum(|t| t.num_values, false), sum(|t| t.num_values, true));
    let public = integer * plain + 32 * cost::NONZERO_BYTE * packed;
    let verifier = cost::TRANSACTION + words(5) + public + of_proof + execution;

    let (elements, packed_elements) = (sum(|t| t.elements, false), sum(|t| t.elements, true));
    let (tensors, instances) = (key.tensors.len() as u64, plain + packed);
    let arguments = words(3 + 2 * tensors) + integer * (elements + packed_elements) + of_proof;
    let embedding =
        cost::TENSOR * tensors + cost::ELEMENT * elements + cost::PACKED_ELEMENT * packed_elements + cost::PUBLIC_VALUE * instances;
    let nested = if is_typed(key.tensors.len()) { 0 } else { cost::NESTED_ELEMENT * (elements + packed_elements) };
    // Tensors, public values, and these again with the proof for the call.
    let memory = elements + packed_elements + 2 * tensors + 2 * instances + proof / 32 + 16;
    let memory = (3 + cost::WORD_OF_COPY) * memory + memory * memory / 512;
    let model = cost::TRANSACTION + arguments + cost::MODEL + embedding + nested + memory + execution;
    Gas { model, verifier }
}

/// Gas of a call of `SwornVerifier`.
fn execution(key: &Key, protocol: &Protocol, data: &Data) -> u64 {
    let (instances, shape) = (key.num_instances() as u64, &protocol.bytes);
    let proof = shape.length as u64;
    let scalars = shape.num_evaluations as u64;
    let checks = (proof - 32 * scalars) / 64 * cost::CHECK_POINT + (scalars + instances) * cost::CHECK_SCALAR;
    let absorbed: usize = shape.absorbed.iter().sum();
    let challenges =
        shape.absorbed.len() as u64 * cost::CHALLENGE + (absorbed as u64 / 32 + instances + 1) * (cost::WORD_OF_HASH + cost::WORD_OF_COPY);
    let slots = &protocol.slots;
    let inverses = (slots.instance - slots.inverses) as u64 * cost::INVERSE + slots.num_lagrange as u64 * cost::LAGRANGE;
    let programs = program(&data.before) + program(&data.after);
    let mut points = 0;
    for segment in &data.segments {
        points += cost::SEGMENT;
        points += match segment.action {
            LOAD => cost::LOAD + data.parts[segment.offset + 1].len() as u64 / 32 * cost::WORD_OF_COPY,
            0 => segment.count as u64 * cost::FOLD,
            _ => cost::TERM,
        };
    }
    let largest = shape.absorbed.iter().copied().max().unwrap_or(0).max(shape.absorbed[0] + 32 * (key.num_instances() + 1));
    let part = data.parts[1..].iter().map(Vec::len).max().unwrap_or(0);
    let words = (data.memory + (largest + 64).max(part)) as u64 / 32;
    let memory = 3 * words + words * words / 512;
    let copies = (data.parts[0].len() as u64 / 32 + scalars) * cost::WORD_OF_COPY;

    cost::BASE + checks + challenges + inverses + instances * cost::INSTANCE + programs + points + memory + copies
}
