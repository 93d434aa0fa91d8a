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
use crate::key::Key;
use crate::protocol::Protocol;

/// What the operations cost, with the opcodes around them as the compiler makes them.
mod cost {
    /// A transaction, and what does not depend on the key: pairing, inversion, access of the first data contract.
    pub(super) const BASE: u64 = 21_000 + 113_000 + 4_178;
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
}

/// Gas of the deployment of a `ModelVerifier`, which deploys the verifier, as solc 0.8.37 compiles them for a few public tensors.
pub(crate) const MODEL_DEPLOYMENT: u64 = 1_382_000;

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

/// Gas of the transaction `verify` of `SwornVerifier`.
pub(crate) fn estimate(key: &Key, protocol: &Protocol, data: &Data) -> u64 {
    let (instances, shape) = (key.num_instances() as u64, &protocol.bytes);
    // Small integers are mostly zeros, their negatives mostly not; packed ones are as long as a field element.
    let packed: usize = key.tensors.iter().filter(|t| t.packing.is_some()).map(|t| t.num_values).sum();
    let plain = 16 * (cost::NONZERO_BYTE + cost::ZERO_BYTE) * (instances - packed as u64);
    let public = plain + 32 * cost::NONZERO_BYTE * packed as u64;
    let proof = shape.length as u64;
    let calldata =
        4 * 32 * cost::ZERO_BYTE + 100 + public + proof * cost::NONZERO_BYTE - proof / 256 * (cost::NONZERO_BYTE - cost::ZERO_BYTE);
    let scalars = shape.num_evaluations as u64;
    let checks = (proof - 32 * scalars) / 64 * cost::CHECK_POINT + (scalars + instances) * cost::CHECK_SCALAR;
    let absorbed: usize = shape.absorbed.iter().sum();
    let challenges =
        shape.absorbed.len() as u64 * cost::CHALLENGE + (absorbed as u64 / 32 + instances) * (cost::WORD_OF_HASH + cost::WORD_OF_COPY);
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
    let largest = shape.absorbed.iter().copied().max().unwrap_or(0).max(shape.absorbed[0] + 32 * key.num_instances());
    let part = data.parts[1..].iter().map(Vec::len).max().unwrap_or(0);
    let words = (data.memory + (largest + 64).max(part)) as u64 / 32;
    let memory = 3 * words + words * words / 512;
    let copies = (data.parts[0].len() as u64 / 32 + scalars) * cost::WORD_OF_COPY;

    cost::BASE + calldata + checks + challenges + inverses + instances * cost::INSTANCE + programs + points + memory + copies
}
