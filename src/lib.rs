//! Zero-knowledge proofs that an ONNX model computed an output.
//!
//! A [`Model`] is compiled once to a [`Compiled`] one, which proves what it answers for an [`Input`]. The [`Receipt`] holds the
//! answer and the proof; whoever has the [`VerifyingKey`] checks it.
//!
//! ```
//! use sworn::{Input, Model, Options, Receipt, SrsPolicy};
//!
//! let model = Model::load("tests/vectors/tiny.onnx")?;
//! // Keys and receipts show the samples that the model is compiled for: no private input may be among them.
//! let compiled = model.compile(&Options::default(), &[Input::read("tests/vectors/calibration.json")?])?;
//! let receipt = compiled.prove(&Input::read("tests/vectors/tiny.json")?)?.to_json();
//!
//! // Whoever checks it has the receipt and the verifying key. Without an SRS of a ceremony in the options, the proof rests on
//! // the development one, which has to be allowed.
//! let receipt = Receipt::from_json(receipt.as_bytes())?;
//! receipt.verify(compiled.verifying_key(), SrsPolicy::INSECURE)?;
//! println!("{:?}", receipt.outputs()[0].reals);
//! # Ok::<(), sworn::Error>(())
//! ```
//!
//! Nothing here prints, reads the environment or keeps global state. The long jobs have variants that tell their
//! [`Progress`] and can be stopped by it. All types can be sent to and shared between threads.

mod audit;
mod backend;
mod compiled;
mod error;
mod export;
mod file;
mod folder;
mod input;
mod inspection;
mod key;
mod model;
mod options;
mod progress;
mod receipt;
mod srs_source;

pub use audit::{AuditOptions, Audited, Measured};
pub use backend::{Backend, DeviceOptions, DeviceUse};
pub use compiled::{Compiled, Proved};
pub use error::Error;
pub use export::Call;
pub use file::{check_output, FileError};
pub use folder::{Manifest, ManifestSrs, Reserved, Settings, EXTENSION, VERIFYING_KEY};
pub use input::{Input, InputError, InputSpec, Tensor};
pub use inspection::Inspection;
pub use key::VerifyingKey;
pub use model::{Model, TARGET_ERROR};
pub use options::{name_of as profile_name, Asked, Calibration, Difference, InputRange, Options, RangeError};
pub use progress::{silent, Progress, Stage};
pub use receipt::Receipt;
pub use srs_source::{write_srs, SrsSource};
pub use sworn_circuits::layout::LayoutProfile;
pub use sworn_contracts::{ExportError, Package};
pub use sworn_gpu::{Busy as DeviceBusy, Description as DeviceDescription, DeviceError, Devices, Icicle, NoDevice, NoIcicle};
pub use sworn_onnx::{external_files, LoadOptions};
pub use sworn_prover::cpu::Instructions;
pub use sworn_prover::srs::{Srs, SrsCache, SrsEntry, SrsError};
pub use sworn_prover::{peak_bytes, Profile, Span, Stage as ProofStage};
pub use sworn_receipt::{
    is_printable, parse_word, printable_json, Accepted, Context, Digest, Field, FileKind, FormatError, ReceiptTensor, Rejection,
    Srs as ReceiptSrs, SrsKind, SrsPolicy, Visibility, Visible,
};
pub use sworn_verifier::srs::{Ceremony, Origin as SrsOrigin, CEREMONIES};
