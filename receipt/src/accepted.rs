//! What an accepted receipt says.

use alloc::vec::Vec;

use serde_json::{json, Value};
use sworn_verifier::{Context, Fr};

use crate::{Digest, Receipt};

/// A receipt that was accepted; only [`Receipt::accept`] makes one.
#[derive(Clone, Debug)]
pub struct Accepted<'a> {
    pub(crate) receipt: &'a Receipt,
    pub(crate) tensors: Vec<&'a [i32]>,
    pub(crate) instance: Vec<Fr>,
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
        self.receipt.proof()
    }

    /// What the proof is bound to.
    pub fn context(&self) -> Context {
        self.receipt.context()
    }

    /// The answer to whoever asked: all that the receipt says but the proof.
    pub fn to_json(&self) -> Value {
        let receipt = self.receipt;
        json!({
            "accepted": true, "id": receipt.id(), "model": receipt.model(), "verifying_key": receipt.verifying_key(),
            "source": receipt.source(), "bits": receipt.bits(), "samples": receipt.samples(), "relative_error": receipt.relative_error(),
            "srs": receipt.srs(), "insecure_dev": receipt.is_insecure_dev(), "visibility": receipt.visibility(),
            "context": Digest(receipt.context().0), "inputs": receipt.inputs(), "outputs": receipt.outputs(),
        })
    }
}
