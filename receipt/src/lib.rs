//! Receipts and verifying keys as the bytes of files, and when a receipt is accepted.
//!
//! ```text
//! VerifyingKey::from_bytes(&[u8])             -> Result<VerifyingKey, FormatError>
//! Receipt::from_json(&[u8])                   -> Result<Receipt, Rejection>
//! Receipt::accept(&VerifyingKey, SrsPolicy)   -> Result<Accepted, Rejection>
//! ```
//!
//! The command line and the verifier in the browser both are this crate: it is `no_std`, reads no files, and answers the same on
//! machines of 32 and of 64 bits. Bytes of any origin are an error or a value, never a panic.

#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::string_slice
)]

extern crate alloc;

mod accepted;
mod digest;
mod frame;
mod hexadecimal;
mod key;
mod printable;
mod receipt;
mod rejection;
mod srs;

pub use accepted::Accepted;
pub use digest::Digest;
pub use frame::{open, FileKind, FormatError, Header};
pub use hexadecimal::parse_word;
pub use key::VerifyingKey;
pub use printable::{is_printable, printable_json};
pub use receipt::{Receipt, ReceiptTensor, Visibility, Visible};
pub use rejection::{Field, Rejection};
pub use srs::{Srs, SrsKind, SrsPolicy};
pub use sworn_verifier::Context;
