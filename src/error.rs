//! Why a job of the facade fails.

use std::path::PathBuf;

use sworn_circuits::error::{GraphError, LayoutError};
use sworn_contracts::{CheckError, ExportError};
use sworn_gpu::{DeviceError, NoDevice, NoIcicle};
use sworn_onnx::quantize::audit::AuditError;
use sworn_onnx::OnnxError;
use sworn_prover::srs::SrsError;
use sworn_prover::{KeyError, ProveError};

use crate::{Digest, FileError, InputError, RangeError, Rejection};

const INSPECT_INPUTS: &str = "`sworn inspect MODEL` lists the model's inputs and their shapes";

/// An error of [`Model`](crate::Model), [`Compiled`](crate::Compiled) and [`Receipt`](crate::Receipt).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model cannot be imported or quantised.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// An input cannot be read or does not fit.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Ranges do not fit the model's inputs.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A file of ours cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The structured reference string is refused.
    #[error(transparent)]
    Srs(#[from] SrsError),
    /// The model's reference string is not at hand.
    #[error("the model was compiled with the SRS of identity {identity}, which is not in the cache")]
    SrsMissing {
        /// What identifies it.
        identity: Digest,
    },
    /// The reference string given is another one than the model's.
    #[error("the SRS has the identity {actual}, the model was compiled with {expected}")]
    SrsIdentity {
        /// That of the model.
        expected: Digest,
        /// That of the file.
        actual: Digest,
    },
    /// The circuit is not that of the model.
    #[error("the circuit is not the quantisation of this model: {0}")]
    Audit(Box<AuditError>),
    /// The integer graph is refused, or a value leaves its range.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The circuit cannot be laid out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The keys cannot be made or do not belong together.
    #[error("{0}")]
    Key(#[source] KeyError),
    /// The proof cannot be made.
    #[error("{0}")]
    Prove(#[source] ProveError),
    /// Contracts are wanted for a model of the development reference string, and not allowed.
    #[error("the model was compiled with the insecure development SRS: anyone can forge proofs for its contract")]
    InsecureContract,
    /// There are no contracts or no call for the key.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A package or a contract is not what the key makes.
    #[error("{}{}", if .0.is_rejection() { "rejected: " } else { "" }, .0)]
    Package(#[from] CheckError),
    /// The path is neither a model nor a folder of a compiled one.
    #[error("`{}` is neither an ONNX model nor a folder of a compiled one", path.display())]
    NotAModel {
        /// The path.
        path: PathBuf,
    },
    /// There is no device to prove on.
    #[error("cannot prove on a CUDA device: {0}")]
    NoDevice(#[from] NoDevice),
    /// There is no ICICLE to prove with.
    #[error("cannot prove with ICICLE: {0}")]
    NoIcicle(#[from] NoIcicle),
    /// The device to prove on cannot be opened.
    #[error(transparent)]
    Device(DeviceError),
    /// A receipt that was just made does not verify.
    #[error("the proof that was made is not accepted: {0}")]
    SelfCheck(#[source] Rejection),
    /// The receipt is not accepted.
    #[error("rejected: {0}")]
    Rejected(#[from] Rejection),
    /// The caller's progress function stopped the work.
    #[error("cancelled")]
    Cancelled,
}

impl From<AuditError> for Error {
    fn from(error: AuditError) -> Self {
        Self::Audit(Box::new(error))
    }
}

impl Error {
    /// What to do about it, where it is not in the message.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Input(e) => Some(e.hint()),
            Self::Range(_) => Some("give every input its range with `--input-range NAME=LOW..HIGH`"),
            Self::File(e) => Some(e.hint()),
            Self::Audit(_) => Some("do not use this folder: compile the model yourself with `sworn compile`"),
            Self::Srs(e) => Some(e.hint()),
            Self::SrsMissing { .. } => Some("give its file with `--srs FILE`, or import it with `sworn srs import FILE`"),
            Self::SrsIdentity { .. } => Some("give the file of the same ceremony, or compile the model again"),
            Self::NotAModel { .. } => Some("give a .onnx file, or a .sworn folder that `sworn compile` wrote"),
            Self::Layout(LayoutError::Memory(_)) | Self::Key(KeyError::Memory(_) | KeyError::Layout(LayoutError::Memory(_))) => {
                Some("raise `--memory` and the limits of this process, or use a machine with more memory")
            }
            Self::Layout(_) => Some("fewer `--bits` make smaller tables; `sworn inspect` prints what the model needs"),
            Self::NoDevice(_)
            | Self::NoIcicle(_)
            | Self::Device(_)
            | Self::Key(KeyError::Backend(_))
            | Self::Prove(ProveError::Backend(_)) => {
                Some("`--backend cpu` proves on the processor; `sworn inspect --devices` prints what there is")
            }
            Self::SelfCheck(_) => Some("this is a bug of sworn: please report it with the model"),
            Self::Rejected(e) => Some(e.hint()),
            Self::Onnx(e) => Some(onnx_hint(e)),
            Self::Graph(e) => Some(graph_hint(e)),
            Self::Key(KeyError::SrsNextPower { .. }) => Some("a file of twice as many powers, of the same ceremony, has what is missing"),
            Self::Prove(ProveError::Memory { .. }) => Some("raise `--memory`, or leave it out to use what is free"),
            Self::Key(KeyError::Encoding | KeyError::Mismatch | KeyError::Verifying(_)) => {
                Some("compile the model again with `sworn compile`, or fetch the folder again")
            }
            Self::Key(_) | Self::Prove(_) => Some("`sworn inspect` prints what the model needs"),
            Self::InsecureContract => Some("for a test, pass `--allow-insecure-srs`; else compile with the SRS of a ceremony"),
            Self::Export(ExportError::Exists { .. }) => Some("name a new folder, or remove that one"),
            Self::Export(ExportError::Write { .. }) => Some("check the permissions of the folder and the free space"),
            Self::Package(CheckError::Foreign { .. }) => {
                Some("remove what a build has left, `out` and `cache`, and all else that `sworn export` did not write")
            }
            Self::Package(CheckError::Read { .. }) => Some("name the folder of a package, or a file of a contract's code"),
            Self::Package(_) => Some("do not rely on it: export the package again from the verifying key"),
            Self::Export(_) => Some("`sworn inspect` prints what the model needs"),
            Self::Cancelled => None,
        }
    }
}

/// What to do about a model that is refused. Reading it in another way would refuse it as well.
fn onnx_hint(error: &OnnxError) -> &'static str {
    match error {
        OnnxError::Read { .. } => "check the path and its permissions",
        OnnxError::InputCount { .. } | OnnxError::InputLength { .. } | OnnxError::UnknownInput { .. } => INSPECT_INPUTS,
        OnnxError::Bits { .. } => "leave out `--bits` to have them chosen",
        OnnxError::NonFinite { .. } => "train or export the model again: there is no proof about such a weight",
        OnnxError::ValueNotFinite { .. } | OnnxError::FunctionNotFinite { .. } => {
            "leave out the samples that go there, or keep the model from it, by a Clip for example"
        }
        OnnxError::InputNotFinite { .. } => "replace NaN and infinite values",
        OnnxError::Nodes(_) => "export the model without what is named: simpler operators, constant shapes, inference mode",
        OnnxError::Quantised(e) => graph_hint(e),
        _ => "export the model again; `onnx.checker.check_model` says whether the file is well formed",
    }
}

fn graph_hint(error: &GraphError) -> &'static str {
    match error {
        GraphError::InputCount { .. } | GraphError::InputLength { .. } => INSPECT_INPUTS,
        GraphError::OutOfRange { .. } => "compile again with `--calibrate` and samples that cover this input",
        _ => "compile the model again with `sworn compile`, or fetch the folder again",
    }
}
