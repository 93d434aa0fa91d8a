//! The backend over ICICLE's interface, with libraries built for the host: the conformance suite of backends, proofs, failures
//! and loading.
#![cfg(target_os = "linux")]

mod failure;
mod loading;
mod mock;
#[path = "../../../prover/tests/models/mod.rs"]
mod models;
mod proofs;

mod suite {
    sworn_prover::backend_tests!(crate::mock::device());
}
