//! The verifier as a WebAssembly module: the bytes of a receipt, of a verifying key and of options in, JSON out.
//!
//! ```text
//! answer(receipt, key, options) -> what `sworn verify --json` prints, with "accepted": true
//!                                | {"accepted": false, "status", "kind", "error", "hint"}
//! options = {"allowInsecureSrs": false, "allowUnknownSrs": false, "ceremony": "0x…", "context": "0x…"}       each may be missing
//! ```
//!
//! It is what `sworn verify --json` prints, with `status` its exit status: 1 where the receipt is rejected, 2 where the key
//! is none or the options are. `verifier/js` is what calls it.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod abi;

use alloc::format;
use alloc::string::{String, ToString};

use serde::Deserialize;
use serde_json::json;
use sworn_receipt::{parse_word, Context, Digest, FormatError, Receipt, Rejection, SrsPolicy, VerifyingKey};

/// Exit status of `sworn verify` for a receipt that is not accepted.
const REJECTED: u8 = 1;
/// Exit status of `sworn verify` for a key that cannot be read.
const FAILED: u8 = 2;

/// What `sworn verify` has options for.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Options {
    allow_insecure_srs: bool,
    allow_unknown_srs: bool,
    ceremony: Option<String>,
    context: Option<String>,
}

/// Why there is nothing to accept.
enum Refusal {
    Options(String),
    Key(FormatError),
    Receipt(Rejection),
}

/// The answer about a receipt, as JSON, from the bytes of its file, those of the verifying key's file, and those of the options.
pub fn answer(receipt: &[u8], key: &[u8], options: &[u8]) -> String {
    let (status, kind, error, hint) = match verify(receipt, key, options) {
        Ok(accepted) => return accepted,
        Err(Refusal::Options(e)) => (FAILED, "options", format!("the options cannot be read: {e}"), "index.d.ts lists the options"),
        Err(Refusal::Key(e)) => (FAILED, e.kind(), format!("the verifying key's file {e}"), e.hint()),
        Err(Refusal::Receipt(e)) => (REJECTED, e.kind(), e.to_string(), e.hint()),
    };
    json!({ "accepted": false, "status": status, "kind": kind, "error": error, "hint": hint }).to_string()
}

/// In the order of `sworn verify`: options first; a key that cannot be read is told before anything of the receipt.
fn verify(receipt: &[u8], key: &[u8], options: &[u8]) -> Result<String, Refusal> {
    let options: Options = serde_json::from_slice(options).map_err(|e| Refusal::Options(e.to_string()))?;
    let context = options.context.as_deref().map(parse_word).transpose().map_err(|e| Refusal::Options(format!("context: {e}")))?;
    let ceremony: Option<Digest> =
        options.ceremony.map(|text| text.parse()).transpose().map_err(|e| Refusal::Options(format!("ceremony: {e}")))?;
    let policy = SrsPolicy {
        allow_insecure_dev: options.allow_insecure_srs,
        allow_unknown: options.allow_unknown_srs,
        ceremony: ceremony.map(|digest| digest.0),
    };
    let key = VerifyingKey::from_bytes(key).map_err(Refusal::Key)?;
    let receipt = Receipt::from_json(receipt).map_err(Refusal::Receipt)?;
    let accepted = match context.map(Context) {
        Some(context) => receipt.accept_in(context, &key, policy),
        None => receipt.accept(&key, policy),
    };
    Ok(accepted.map_err(Refusal::Receipt)?.to_json().to_string())
}
