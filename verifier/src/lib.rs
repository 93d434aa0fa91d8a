//! What a proof is, and when it is accepted.
//!
//! ```text
//! verify(&VerifyingKey, Context, &[Fr], &[u8]) -> Result<(), VerifyError>
//! verify_batch(&[Claimed])                     -> Result<(), Vec<(usize, VerifyError)>>
//! ```
//!
//! A [`VerifyingKey`] is self-contained: constraint system, commitments, the reference string's part on G2 and the schema
//! of the public tensors, in one canonical encoding with one digest. The crate is `no_std` and has no unsafe code; bytes of
//! any origin are an error or a key, an error or a proof, never a panic.
//!
//! | file | what it says |
//! |---|---|
//! | `key`, `constraints`, `expression` | the verifying key |
//! | `about` | what it says of its model |
//! | `tensor` | its public tensors, and the instance that their integers make |
//! | `context` | what else a proof is bound to |
//! | `shape`, `sets`, `proof`, `transcript` | the bytes of a proof and the challenges that they make |
//! | `lagrange`, `permutation`, `vanishing` | the value that the quotient must have at x |
//! | `opening`, `msm`, `pairing` | SHPLONK: all evaluations are those of the commitments |
//! | `verify`, `batch` | one proof, many proofs |
//! | `srs` | what identifies a reference string, and where it comes from |

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

pub mod about;
pub mod batch;
pub mod closed;
pub mod constraints;
pub mod context;
pub mod error;
pub mod expression;
pub mod field;
pub mod key;
mod lagrange;
mod msm;
mod opening;
mod pairing;
mod permutation;
pub mod point;
pub mod proof;
pub mod sets;
pub mod shape;
pub mod srs;
pub mod tensor;
pub mod transcript;
mod vanishing;
mod verify;

pub use about::{About, InputScale};
pub use batch::{verify_batch, Claimed};
pub use closed::ClosedColumns;
pub use constraints::{ColumnKind, ConstraintSystem, Query};
pub use context::Context;
pub use error::{InstanceError, KeyError, VerifyError};
pub use field::{embed, Fq, Fr};
pub use key::{KeyParts, VerifyingKey};
pub use point::{G1Affine, G2Affine};
pub use proof::Proof;
pub use tensor::{Features, Form, Packing, PublicTensor, Role};
pub use verify::verify;
