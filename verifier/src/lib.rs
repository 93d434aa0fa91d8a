//! What a proof is, and when it is accepted.
//!
//! ```text
//! verify(&VerifyingKey, &[Fr], &[u8]) -> Result<(), VerifyError>
//! ```
//!
//! A [`VerifyingKey`] is self-contained: constraint system, commitments, the reference string's part on G2 and the schema
//! of the public tensors, in one canonical encoding with one digest.

mod constraints;
pub mod error;
pub mod expression;
pub mod key;
pub mod transcript;
mod verify;

pub use constraints::{ColumnKind, ConstraintSystem, Query};
pub use error::{KeyError, VerifyError};
pub use key::{PublicTensor, Role, VerifyingKey};
pub use verify::verify;
