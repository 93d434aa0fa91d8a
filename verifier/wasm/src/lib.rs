//! The verifier as a WebAssembly module: the bytes of a receipt and of a verifying key in, JSON out.
//!
//! ```text
//! answer(receipt, key, policy) -> {"accepted": true, "model", "verifying_key", "insecure_dev", "inputs", "outputs"}
//!                               | {"accepted": false, "status", "kind", "error", "hint"}
//! ```
//!
//! It is what `sworn verify --json` prints, with `status` its exit status: 1 where the receipt is rejected, 2 where the key
//! is none. `verifier/js` is what calls it.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod abi;

use alloc::format;
use alloc::string::{String, ToString};

use serde_json::json;
use sworn_receipt::{FormatError, Receipt, Rejection, SrsPolicy, VerifyingKey};

/// Exit status of `sworn verify` for a receipt that is not accepted.
const REJECTED: u8 = 1;
/// Exit status of `sworn verify` for a key that cannot be read.
const FAILED: u8 = 2;

/// Why there is nothing to accept.
enum Refusal {
    Key(FormatError),
    Receipt(Rejection),
}

/// The answer about a receipt, as JSON, from the bytes of its file and those of the verifying key's file.
pub fn answer(receipt: &[u8], key: &[u8], policy: SrsPolicy) -> String {
    let (status, kind, error, hint) = match verify(receipt, key, policy) {
        Ok(accepted) => return accepted,
        Err(Refusal::Key(e)) => (FAILED, e.kind(), format!("the verifying key's file {e}"), e.hint()),
        Err(Refusal::Receipt(e)) => (REJECTED, e.kind(), e.to_string(), e.hint()),
    };
    json!({ "accepted": false, "status": status, "kind": kind, "error": error, "hint": hint }).to_string()
}

/// In the order of `sworn verify`: a key that cannot be read is told before anything of the receipt.
fn verify(receipt: &[u8], key: &[u8], policy: SrsPolicy) -> Result<String, Refusal> {
    let key = VerifyingKey::from_bytes(key).map_err(Refusal::Key)?;
    let receipt = Receipt::from_json(receipt).map_err(Refusal::Receipt)?;
    let accepted = receipt.accept(&key, policy).map_err(Refusal::Receipt)?;
    Ok(accepted.to_json().to_string())
}
