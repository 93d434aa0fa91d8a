//! Keys, structured reference strings and proofs.
//!
//! ```text
//! setup(QuantGraph, Layout, About, &Srs) -> ProvingKey        prove(&ProvingKey, &Srs, Context, inputs) -> Proof
//! ```

pub mod algebra;
pub mod backend;
mod circuit;
pub mod cpu;
pub mod domain;
pub mod error;
pub mod halo2;
pub mod key;
mod memory;
mod pack;
mod permutation;
mod profile;
pub mod program;
mod prove;
pub mod reference;
mod resident;
pub mod srs;
pub mod testing;
mod transcript;

pub use backend::Backend;
pub use cpu::Cpu;
pub use error::{KeyError, ProveError};
pub use key::{about, setup, DecodedKey, ProvingKey};
pub use memory::check_setup;
pub use profile::{Profile, Span, Stage};
pub use prove::{prove, Progress, Proof, Prover};
pub use reference::Reference;
pub use srs::Srs;
pub use sworn_circuits::memory::peak_bytes;

#[doc = include_str!("../docs/zero-knowledge.md")]
pub mod zero_knowledge {}
