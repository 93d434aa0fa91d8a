//! A compiled model: it proves.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::SeedableRng;
use sworn_circuits::error::WitnessError;
use sworn_circuits::graph::QuantGraph;
use sworn_circuits::layout::Layout;
use sworn_onnx::quantize::quantize_input;
use sworn_prover::{Profile, ProveError, ProvingKey, Srs};

use crate::backend::AnyProver;
use crate::file::write_atomic;
use crate::folder::{check_replaceable, Contents, Manifest};
use crate::progress::tell;
use crate::{silent, Backend, Error, FileError, Input, InputSpec, Progress, Receipt, SrsPolicy, SrsSource, Stage, VerifyingKey};

/// A model with its keys.
pub struct Compiled {
    manifest: Manifest,
    proving_key: Arc<ProvingKey>,
    verifying_key: VerifyingKey,
    srs: Srs,
    memory: Option<u64>,
    backend: Backend,
    /// Made by the first proof, and again after a device failed.
    prover: Mutex<Option<Arc<AnyProver>>>,
}

/// A receipt, and what making it took.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The receipt.
    pub receipt: Receipt,
    /// Where the time and the memory went.
    pub profile: Profile,
}

impl Proved {
    /// Writes the profile as a trace that chrome://tracing and Perfetto read.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_profile(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        use std::io::Write;
        write_atomic(path.as_ref(), |file| file.write_all(self.profile.to_chrome_trace().to_string().as_bytes()))
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

impl Compiled {
    pub(crate) fn new(manifest: Manifest, proving_key: ProvingKey, verifying_key: VerifyingKey, srs: Srs) -> Self {
        Self {
            manifest,
            proving_key: Arc::new(proving_key),
            verifying_key,
            srs,
            memory: None,
            backend: Backend::default(),
            prover: Mutex::default(),
        }
    }

    /// Sets the bytes that a proof may take; by default what the system has free. Less memory makes it slower.
    #[must_use]
    pub fn with_memory(mut self, bytes: Option<u64>) -> Self {
        self.memory = bytes;
        self.prover = Mutex::default();
        self
    }

    /// Sets where proofs are made; by default on the CPU. The first proof finds out whether there is such a place.
    #[must_use]
    pub fn with_backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self.prover = Mutex::default();
        self
    }

    /// Reads a folder that [`Compiled::save`] wrote.
    ///
    /// # Errors
    /// A file is missing, damaged or of another model, or the reference string is not at hand.
    pub fn open(folder: impl AsRef<Path>, srs: &SrsSource) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let manifest = Manifest::read(folder)?;
        let verifying_key = manifest.read_verifying_key(folder)?;
        let bytes = manifest.read_proving_key(folder)?;
        let choice = ProvingKey::choice_of(&bytes).map_err(Error::Key)?;
        let srs = srs.find(&choice, manifest.srs.digest, manifest.srs.ceremony)?;
        let proving_key = ProvingKey::from_bytes(&bytes, &srs).map_err(Error::Key)?;
        match proving_key.verifying_key() == verifying_key.key() && verifying_key.model() == manifest.model {
            true => Ok(Self::new(manifest, proving_key, verifying_key, srs)),
            false => Err(Error::Key(sworn_prover::KeyError::Mismatch)),
        }
    }

    /// Writes a folder for [`Compiled::open`], whole or not at all.
    ///
    /// # Errors
    /// The folder cannot be written, or holds files that are not ours.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        let contents = Contents {
            manifest: self.manifest.clone(),
            circuit: self.graph(),
            proving_key: self.proving_key.to_bytes(),
            verifying_key: &self.verifying_key,
        };
        Ok(contents.write(folder.as_ref())?)
    }

    /// Whether [`Compiled::save`] could write a folder, to ask before the work that it is for.
    ///
    /// # Errors
    /// It could not.
    pub fn check_writable(folder: impl AsRef<Path>) -> Result<(), FileError> {
        check_replaceable(folder.as_ref())
    }

    /// Proves what the model answers for an input; the proof is checked before it is handed out.
    ///
    /// # Errors
    /// The input does not fit, a value leaves the range that the samples called for, or the device is missing or fails.
    pub fn prove(&self, input: &Input) -> Result<Receipt, Error> {
        Ok(self.prove_with(input, &mut silent())?.receipt)
    }

    /// As [`Compiled::prove`], telling its progress.
    ///
    /// # Errors
    /// As [`Compiled::prove`], or [`Error::Cancelled`].
    pub fn prove_with(&self, input: &Input, progress: &mut Progress<'_>) -> Result<Proved, Error> {
        let proved = self.prove_unchecked(input, progress)?;
        tell(progress, Stage::Verify, 0.0)?;
        proved.receipt.verify(&self.verifying_key, SrsPolicy::AllowInsecure).map_err(Error::SelfCheck)?;
        tell(progress, Stage::Verify, 1.0)?;
        Ok(proved)
    }

    /// As [`Compiled::prove_with`], without checking the proof.
    ///
    /// # Errors
    /// As [`Compiled::prove_with`].
    pub fn prove_unchecked(&self, input: &Input, progress: &mut Progress<'_>) -> Result<Proved, Error> {
        let graph = self.graph();
        let values = input.fit(&self.inputs())?;
        let integers = values.iter().enumerate().map(|(i, v)| quantize_input(graph, i, v)).collect::<Result<Vec<_>, _>>()?;
        let mut inner = |stage, done| -> ControlFlow<()> { progress(Stage::Prove(stage), done) };
        let rng = StdRng::from_entropy();
        let proof = self.prover()?.prove(&integers, rng, &mut inner);
        if let Err(ProveError::Backend(_)) = proof {
            // A device that failed stays failed: the next proof opens it again.
            *self.prover.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let proof = proof.map_err(|e| match e {
            ProveError::Cancelled => Error::Cancelled,
            ProveError::Witness(WitnessError::Graph(e)) => Error::Graph(e),
            e => Error::Prove(e),
        })?;
        let inputs = if self.manifest.settings.public_input { integers } else { Vec::new() };
        let tensors: Vec<Vec<i32>> = inputs.into_iter().chain(proof.outputs).collect();
        let receipt = Receipt::new(&self.verifying_key, &tensors, &proof.instance, &proof.bytes);
        Ok(Proved { receipt, profile: proof.profile })
    }

    /// The key on the machine that proves, taken there by the first proof.
    fn prover(&self) -> Result<Arc<AnyProver>, Error> {
        let mut prover = self.prover.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prover) = prover.as_ref() {
            return Ok(prover.clone());
        }
        let made = Arc::new(self.backend.prover(self.proving_key.clone(), &self.srs, self.memory)?);
        *prover = Some(made.clone());
        Ok(made)
    }

    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.manifest.model
    }

    /// What it was made from.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What checks its receipts.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    /// The quantised model.
    pub fn graph(&self) -> &QuantGraph {
        self.proving_key.graph()
    }

    /// Its layout.
    pub fn layout(&self) -> &Layout {
        self.proving_key.layout()
    }

    /// Its inputs.
    pub fn inputs(&self) -> Vec<InputSpec> {
        let graph = self.graph();
        graph.inputs.iter().map(|id| graph.node(*id)).map(|n| InputSpec { name: n.name.clone(), shape: n.shape.clone() }).collect()
    }
}
