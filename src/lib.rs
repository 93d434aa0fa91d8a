//! Zero-knowledge proofs that an ONNX model computed an output.
//!
//! A [`Model`] is compiled once to a [`Compiled`] one, which proves what it answers for an [`Input`]. The [`Receipt`] holds the
//! answer and the proof; whoever has the [`VerifyingKey`] checks it.

mod compiled;
mod digest;
mod error;
mod file;
mod folder;
mod input;
mod inspection;
mod key;
mod model;
mod progress;
mod receipt;
mod srs_source;

pub use compiled::{Compiled, Proved};
pub use digest::Digest;
pub use error::Error;
pub use file::{check_writable, FileError, FileKind};
pub use folder::{Manifest, ManifestSrs, Settings, EXTENSION, VERIFYING_KEY};
pub use input::{Input, InputError, InputSpec, Tensor};
pub use inspection::Inspection;
pub use key::VerifyingKey;
pub use model::{Model, Options};
pub use progress::{silent, Progress, Stage};
pub use receipt::{Field, Receipt, ReceiptTensor, Rejection, SrsPolicy};
pub use srs_source::SrsSource;
pub use sworn_onnx::LoadOptions;
pub use sworn_prover::srs::{Srs, SrsCache, SrsError};
