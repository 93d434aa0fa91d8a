//! Keys, structured reference strings and proofs.
//!
//! ```text
//! setup(QuantGraph, Layout, &Srs) -> ProvingKey        prove(&ProvingKey, &Srs, inputs) -> Proof
//! ```

pub mod error;
pub mod key;
mod prove;
pub mod srs;

pub use error::{KeyError, ProveError};
pub use key::{setup, ProvingKey};
pub use prove::{prove, Proof, Stage};
pub use srs::Srs;
