//! `MODEL.sworn/`: a compiled model, self-contained.
//!
//! ```text
//! manifest.json    format, version, tool, model, source, settings, record, srs, report, files: name -> digest, digest of itself
//! circuit.bin      the quantised graph
//! proving.key      graph, layout and keys for the prover
//! verifying.key    what checks the receipts; the only file that a verifier needs
//! ```
//!
//! An interrupted compilation leaves the old folder or none. The manifest names the digest of each other file, so files of two models
//! cannot be mixed. Circuit and proving key hold the weights and are for their owner alone; the others are for whom the umask lets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sworn_circuits::graph::QuantGraph;
use sworn_circuits::layout::{LayoutProfile, Visibility};
use sworn_circuits::memory::Budget;
use sworn_onnx::quantize::Record;
use sworn_receipt::{FileKind, FormatError};

use crate::file::{self, FileError};
use crate::{Calibration, Digest, VerifyingKey};

mod reserve;

pub(crate) use reserve::check_replaceable;
pub use reserve::Reserved;

const FORMAT: &str = "sworn-model";
const VERSION: u32 = 3;
const MANIFEST: &str = "manifest.json";
const CIRCUIT: &str = "circuit.bin";
const PROVING_KEY: &str = "proving.key";
/// Name of the verifying key in a folder.
pub const VERIFYING_KEY: &str = "verifying.key";
const FILES: [&str; 4] = [MANIFEST, CIRCUIT, PROVING_KEY, VERIFYING_KEY];
/// A digest that nothing has.
const UNKNOWN: Digest = Digest([0; 32]);
/// Extension of such a folder.
pub const EXTENSION: &str = "sworn";

/// What a folder holds, and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    version: u32,
    /// Version of the tool that wrote it.
    pub tool: String,
    /// Name of the model.
    pub model: String,
    /// Digest of the imported float model.
    pub source: Digest,
    /// How it was compiled.
    pub settings: Settings,
    /// The scales that were chosen: with the float model they make the circuit again.
    pub record: Record,
    /// The reference string of the keys.
    pub srs: ManifestSrs,
    /// Errors of the quantised model over the samples, as fractions of its outputs.
    pub report: serde_json::Value,
    files: BTreeMap<String, Digest>,
    /// Of the manifest itself, with zeros here.
    digest: Digest,
}

/// How a model was compiled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The bit width that was asked for; chosen by the compiler if there is none.
    pub bits: Option<u32>,
    /// Whether receipts show the input.
    pub public_input: bool,
    /// Whether public integers share field elements.
    pub pack_public: bool,
    /// What the circuit is to be cheap for.
    pub profile: LayoutProfile,
    /// Where the ranges of its tensors come from. Nothing of the samples stands here: a digest would tell whoever guesses them.
    pub calibration: Calibration,
}

impl Settings {
    pub(crate) fn visibility(&self) -> Visibility {
        Visibility { input: self.public_input, pack_public: self.pack_public }
    }
}

/// The reference string of a compiled model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestSrs {
    /// `log2` of its powers.
    pub k: u32,
    /// Its digest.
    pub digest: Digest,
    /// What identifies it for verifiers.
    pub identity: Digest,
}

impl Manifest {
    /// The largest error of an output over the samples, as a fraction of its largest value.
    pub fn relative_error(&self) -> f64 {
        let outputs = self.report["outputs"].as_array().map_or(&[][..], Vec::as_slice);
        // What is not finite has no text.
        outputs.iter().map(|output| output["relative"].as_f64().unwrap_or(f64::INFINITY)).fold(0.0, f64::max)
    }

    pub(crate) fn new(
        model: &str,
        source: Digest,
        settings: Settings,
        record: Record,
        srs: ManifestSrs,
        report: serde_json::Value,
    ) -> Self {
        let (format, tool, files) = (FORMAT.into(), env!("CARGO_PKG_VERSION").into(), BTreeMap::new());
        Self { format, version: VERSION, tool, model: model.into(), source, settings, record, srs, report, files, digest: UNKNOWN }
    }

    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// There is none, or it is damaged or of another version.
    pub fn read(folder: &Path) -> Result<Self, FileError> {
        let path = folder.join(MANIFEST);
        let file = std::fs::File::open(&path).map_err(|source| FileError::Read { path: path.clone(), source })?;
        let bytes = file::read_text(&path, file)?;
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|source| FileError::Manifest { path: path.clone(), source })?;
        if manifest.format != FORMAT || manifest.version != VERSION {
            let source = FormatError::Version { expected: VERSION, actual: manifest.version };
            return Err(FileError::Format { path, source });
        }
        let (expected, actual) = (manifest.digest, manifest.own_digest());
        let damaged = |actual| FileError::Format { path, source: FormatError::Digest { expected, actual } };
        if expected != actual {
            return Err(damaged(actual));
        }
        // Another text of the same values, such as a longer form of a number.
        match bytes == manifest.to_text() {
            true => Ok(manifest),
            false => Err(damaged(Digest::of(&bytes))),
        }
    }

    fn to_text(&self) -> Vec<u8> {
        // A manifest is made of strings, numbers and maps of them: it has a text.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    fn own_digest(&self) -> Digest {
        Digest::of(&Self { digest: UNKNOWN, ..self.clone() }.to_text())
    }

    fn check(&self, path: PathBuf, actual: Digest) -> Result<(), FileError> {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let expected = self.files.get(name).copied().unwrap_or(UNKNOWN);
        match expected == actual {
            true => Ok(()),
            false => Err(FileError::Swapped { path, expected, actual }),
        }
    }

    pub(crate) fn read_circuit(&self, folder: &Path) -> Result<QuantGraph, FileError> {
        let path = folder.join(CIRCUIT);
        let (bytes, digest) = file::read(&path, FileKind::Circuit)?;
        self.check(path.clone(), digest)?;
        QuantGraph::from_bytes(&bytes, Budget::SYSTEM).map_err(|source| FileError::Circuit { path, source })
    }

    pub(crate) fn read_proving_key(&self, folder: &Path) -> Result<Vec<u8>, FileError> {
        let path = folder.join(PROVING_KEY);
        let (bytes, digest) = file::read(&path, FileKind::ProvingKey)?;
        self.check(path, digest)?;
        Ok(bytes)
    }

    pub(crate) fn read_verifying_key(&self, folder: &Path) -> Result<VerifyingKey, FileError> {
        let path = folder.join(VERIFYING_KEY);
        let (key, digest) = VerifyingKey::read_digested(&path)?;
        self.check(path, digest)?;
        Ok(key)
    }
}

/// The contents of a folder that is to be written.
pub(crate) struct Contents<'a> {
    pub(crate) manifest: Manifest,
    pub(crate) circuit: &'a QuantGraph,
    pub(crate) proving_key: Vec<u8>,
    pub(crate) verifying_key: &'a VerifyingKey,
}
