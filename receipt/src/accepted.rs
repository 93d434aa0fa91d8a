//! What an accepted receipt says.

use alloc::vec::Vec;

use serde_json::{json, Value};
use sworn_verifier::Fr;

use crate::Receipt;

/// A receipt that was accepted; only [`Receipt::accept`] makes one.
#[derive(Clone, Debug)]
pub struct Accepted<'a> {
    pub(crate) receipt: &'a Receipt,
    pub(crate) tensors: Vec<&'a [i32]>,
    pub(crate) instance: Vec<Fr>,
    pub(crate) proof: Vec<u8>,
}

impl Accepted<'_> {
    /// The public integers, tensor by tensor in the order of the key's.
    pub fn tensors(&self) -> &[&[i32]] {
        &self.tensors
    }

    /// Their field elements, as the proof is about them.
    pub fn instance(&self) -> &[Fr] {
        &self.instance
    }

    /// The bytes of the proof.
    pub fn proof(&self) -> &[u8] {
        &self.proof
    }

    /// The answer to whoever asked: model, verifying key, and the public tensors.
    pub fn to_json(&self) -> Value {
        let receipt = self.receipt;
        json!({
            "accepted": true, "model": receipt.model(), "verifying_key": receipt.verifying_key(),
            "insecure_dev": receipt.is_insecure_dev(), "inputs": receipt.inputs(), "outputs": receipt.outputs(),
        })
    }
}
