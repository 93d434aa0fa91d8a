//! The contracts on a real EVM, beside the Rust verifier.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::allow_attributes)]

mod accept;
mod anvil;
mod context;
mod deployment;
mod escrow;
mod evm;
mod fixture;
mod hostile;
#[path = "../../../prover/tests/models/mod.rs"]
mod models;
mod oracle;
mod public_values;
mod synthetic;
mod tensors;
mod wide;
mod wrapper;
