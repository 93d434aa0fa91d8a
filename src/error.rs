//! Why a job of the facade fails.

use std::path::PathBuf;

use sworn_circuits::error::{GraphError, LayoutError};
use sworn_contracts::ExportError;
use sworn_gpu::{DeviceError, NoDevice, NoIcicle};
use sworn_onnx::quantize::audit::AuditError;
use sworn_onnx::OnnxError;
use sworn_prover::srs::SrsError;
use sworn_prover::{KeyError, ProveError};

use crate::{Digest, FileError, InputError, RangeError, Rejection};

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
    Audit(#[from] AuditError),
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
            Self::Onnx(_) | Self::Graph(_) => Some("`sworn inspect MODEL.onnx` reads the model without compiling it"),
            Self::Key(KeyError::SrsNextPower { .. }) => Some("a file of twice as many powers, of the same ceremony, has what is missing"),
            Self::Prove(ProveError::Memory { .. }) => Some("raise `--memory`, or leave it out to use what is free"),
            Self::Key(_) | Self::Prove(_) => Some("`sworn inspect` prints what the model needs"),
            Self::InsecureContract => Some("for a test, pass `--allow-insecure-srs`; else compile with the SRS of a ceremony"),
            Self::Export(ExportError::Exists { .. }) => Some("name a new folder, or remove that one"),
            Self::Export(_) => Some("`sworn inspect` prints what the model needs"),
            Self::Cancelled => None,
        }
    }
}
