//! A compiled model: it proves.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::SeedableRng;
use sworn_circuits::error::WitnessError;
use sworn_circuits::graph::QuantGraph;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_circuits::memory::Budget;
use sworn_onnx::quantize::quantize_input;
use sworn_prover::{DecodedKey, Profile, Proof, ProveError, ProvingKey, Srs};

use crate::backend::{is_of_device, AnyProver, Chosen, DeviceOptions, DeviceUse, Parts};
use crate::file::{write_whole, Access};
use crate::folder::{check_replaceable, Contents, Manifest, Reserved};
use crate::progress::tell;
use crate::{
    silent, Backend, Context, Error, FileError, Input, InputSpec, Progress, Receipt, Rejection, SrsPolicy, SrsSource, Stage, VerifyingKey,
};

/// A model with its keys.
pub struct Compiled {
    manifest: Manifest,
    proving_key: Arc<ProvingKey>,
    verifying_key: VerifyingKey,
    srs: Srs,
    memory: Option<u64>,
    backend: Backend,
    device: DeviceOptions,
    /// Made by the first proof, and again after a device failed.
    chosen: Mutex<Option<Chosen>>,
}

/// A receipt, and what making it took.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The receipt.
    pub receipt: Receipt,
    /// Where the time and the memory went.
    pub profile: Profile,
    /// Where it was made: `cpu`, or the kind of the device.
    pub backend: &'static str,
    /// What it used of the device, if it was made on one.
    pub device: Option<DeviceUse>,
    /// Why [`Backend::Auto`] did not prove on the device that it chose, or does so no more. Made on the processor, the
    /// receipt is as good as any.
    pub fallback: Option<Arc<Error>>,
}

impl Proved {
    /// Writes the profile as a trace that chrome://tracing and Perfetto read.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_profile(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        use std::io::Write;
        write_whole(path.as_ref(), Access::Shared, |file| file.write_all(self.profile.to_chrome_trace().to_string().as_bytes()))
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
            device: DeviceOptions::default(),
            chosen: Mutex::default(),
        }
    }

    /// Sets the bytes that a proof may take; by default what the system has free. Less memory makes it slower.
    #[must_use]
    pub fn with_memory(mut self, bytes: Option<u64>) -> Self {
        self.memory = bytes;
        self.chosen = Mutex::default();
        self
    }

    /// Sets where proofs are made; by default on the CPU. The first proof finds out whether there is such a place.
    #[must_use]
    pub fn with_backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self.chosen = Mutex::default();
        self
    }

    /// Sets how a device is used.
    #[must_use]
    pub fn with_device(mut self, options: DeviceOptions) -> Self {
        self.device = options;
        self.chosen = Mutex::default();
        self
    }

    /// Reads a folder that [`Compiled::save`] wrote.
    ///
    /// # Errors
    /// A file is missing, damaged or of another model, or the reference string is not at hand.
    pub fn open(folder: impl AsRef<Path>, srs: &SrsSource) -> Result<Self, Error> {
        Self::open_within(folder, srs, None)
    }

    /// As [`Compiled::open`], for proofs in so many bytes of memory: what cannot fit is an error before the reference string is read.
    ///
    /// # Errors
    /// As [`Compiled::open`], or there is too little memory.
    pub fn open_within(folder: impl AsRef<Path>, srs: &SrsSource, memory: Option<u64>) -> Result<Self, Error> {
        let budget = memory.map_or(Budget::SYSTEM, Budget::limited);
        let folder = folder.as_ref();
        let manifest = Manifest::read(folder)?;
        let verifying_key = manifest.read_verifying_key(folder)?;
        let bytes = manifest.read_proving_key(folder)?;
        let decoded = DecodedKey::within(&bytes, budget).map_err(Error::Key)?;
        drop(bytes);
        decoded.check_memory(budget).map_err(Error::Prove)?;
        let srs = srs.find(&decoded.choice(), manifest.srs.digest, manifest.srs.identity)?;
        let proving_key = decoded.open(&srs).map_err(Error::Key)?;
        let same = proving_key.verifying_key() == verifying_key.key()
            && verifying_key.model() == manifest.model
            && proving_key.visibility() == manifest.settings.visibility();
        match same {
            true => Ok(Self::new(manifest, proving_key, verifying_key, srs).with_memory(memory)),
            false => Err(Error::Key(sworn_prover::KeyError::Mismatch)),
        }
    }

    /// Writes a folder for [`Compiled::open`], whole or not at all.
    ///
    /// # Errors
    /// The folder cannot be written, or holds files that are not ours.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        self.save_to(Reserved::new(folder)?)
    }

    /// As [`Compiled::save`], to a place that was reserved before the work.
    ///
    /// # Errors
    /// As [`Compiled::save`].
    pub fn save_to(&self, place: Reserved) -> Result<(), Error> {
        let contents = Contents {
            manifest: self.manifest.clone(),
            circuit: self.graph(),
            proving_key: self.proving_key.to_bytes(),
            verifying_key: &self.verifying_key,
        };
        Ok(place.write(contents)?)
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
    /// The input does not fit, a value leaves the range that the samples called for, or the device is missing or fails and
    /// [`Backend::Auto`] was not asked for.
    pub fn prove(&self, input: &Input) -> Result<Receipt, Error> {
        Ok(self.prove_with(input, &mut silent())?.receipt)
    }

    /// As [`Compiled::prove`], telling its progress.
    ///
    /// # Errors
    /// As [`Compiled::prove`], or [`Error::Cancelled`].
    pub fn prove_with(&self, input: &Input, progress: &mut Progress<'_>) -> Result<Proved, Error> {
        self.prove_in(Context::NONE, input, progress)
    }

    /// As [`Compiled::prove_with`], bound to a context: the receipt is good for nobody who asks for another one.
    ///
    /// # Errors
    /// As [`Compiled::prove_with`].
    pub fn prove_in(&self, context: Context, input: &Input, progress: &mut Progress<'_>) -> Result<Proved, Error> {
        let check = |receipt: &Receipt| receipt.accept_in(context, &self.verifying_key, SrsPolicy::ANY).map(drop);
        self.prove_checked(context, input, progress, &check)
    }

    /// Hands out what the check accepts alone. A proof by a device that it rejects is that device's failure, as in `proof`.
    fn prove_checked(
        &self,
        context: Context,
        input: &Input,
        progress: &mut Progress<'_>,
        check: &dyn Fn(&Receipt) -> Result<(), Rejection>,
    ) -> Result<Proved, Error> {
        let (mut proved, prover) = self.prove_by_chosen(context, input, progress)?;
        tell(progress, Stage::Verify, 0.0)?;
        if let Err(rejection) = check(&proved.receipt) {
            let error = Error::SelfCheck(rejection);
            if !prover.is_on_device() {
                return Err(error);
            }
            self.replace(&prover, error)?;
            drop(prover);
            tell(progress, Stage::Fallback, 0.0)?;
            (proved, _) = self.prove_by_chosen(context, input, progress)?;
            tell(progress, Stage::Verify, 0.0)?;
            check(&proved.receipt).map_err(Error::SelfCheck)?;
        }
        tell(progress, Stage::Verify, 1.0)?;
        Ok(proved)
    }

    /// As [`Compiled::prove_with`], without checking the proof.
    ///
    /// # Errors
    /// As [`Compiled::prove_with`].
    pub fn prove_unchecked(&self, input: &Input, progress: &mut Progress<'_>) -> Result<Proved, Error> {
        Ok(self.prove_by_chosen(Context::NONE, input, progress)?.0)
    }

    /// The proof, and what made it.
    fn prove_by_chosen(&self, context: Context, input: &Input, progress: &mut Progress<'_>) -> Result<(Proved, Arc<AnyProver>), Error> {
        let graph = self.graph();
        let values = input.fit(&self.inputs())?;
        let integers = values.iter().enumerate().map(|(i, v)| quantize_input(graph, i, v)).collect::<Result<Vec<_>, _>>()?;
        let (proof, device, chosen) = self.proof(context, &integers, progress)?;
        let inputs = if self.shows_input() { integers } else { Vec::new() };
        let tensors: Vec<Vec<i32>> = inputs.into_iter().chain(proof.outputs).collect();
        let receipt = Receipt::new(&self.verifying_key, context, &tensors, &proof.instance, &proof.bytes);
        let Chosen { prover, fallback } = chosen;
        Ok((Proved { receipt, profile: proof.profile, backend: prover.name(), device, fallback }, prover))
    }

    /// A proof by the chosen prover, or by the processor if that is a device which fails and [`Backend::Auto`] chose it.
    ///
    /// The second attempt has randomness of its own. Its proof alone is handed out, and the transcript of the first is dropped
    /// before anyone saw a byte of it, so what is seen has the distribution of any proof. Even both together would tell nothing:
    /// they are independent proofs of one witness, and no randomness of one is used under challenges of the other.
    fn proof(
        &self,
        context: Context,
        inputs: &[Vec<i32>],
        progress: &mut Progress<'_>,
    ) -> Result<(Proof, Option<DeviceUse>, Chosen), Error> {
        let chosen = self.chosen(progress)?;
        let attempt = |prover: &AnyProver, progress: &mut Progress<'_>| {
            let mut progress = |stage, done| progress(Stage::Prove(stage), done);
            prover.prove(context, inputs, StdRng::from_entropy(), self.device.measure, &mut progress)
        };
        match attempt(&chosen.prover, progress) {
            Ok((proof, device)) => Ok((proof, device, chosen)),
            Err(error) if chosen.prover.is_on_device() && is_of_device(&error) => {
                let processor = self.replace(&chosen.prover, Error::Prove(error))?;
                // The device's memory is not needed any more.
                drop(chosen);
                tell(progress, Stage::Fallback, 0.0)?;
                let (proof, device) = attempt(&processor.prover, progress).map_err(failed)?;
                Ok((proof, device, processor))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The key on the machine that proves, taken there by the first proof.
    fn chosen(&self, progress: &mut Progress<'_>) -> Result<Chosen, Error> {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chosen) = chosen.as_ref() {
            return Ok(chosen.clone());
        }
        let made = self.backend.choose(&self.parts())?;
        *chosen = Some(made.clone());
        drop(chosen);
        if made.fallback.is_some() {
            tell(progress, Stage::Fallback, 0.0)?;
        }
        Ok(made)
    }

    /// What proves in place of a device that failed, from now on. A lost device is seldom found again by the process that lost it,
    /// and what had too little memory once has it again: the processor stays, unless the backend is set anew.
    ///
    /// # Errors
    /// The failure, if the backend is that device and no other. Then the next proof opens it again.
    fn replace(&self, failed: &Arc<AnyProver>, error: Error) -> Result<Chosen, Error> {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        match chosen.as_ref() {
            // Another thread was here before.
            Some(other) if self.backend.falls_back() && !Arc::ptr_eq(&other.prover, failed) => return Ok(other.clone()),
            Some(other) if Arc::ptr_eq(&other.prover, failed) => *chosen = None,
            _ => {}
        }
        if !self.backend.falls_back() {
            return Err(error);
        }
        let made = self.parts().on_cpu(Some(error))?;
        *chosen = Some(made.clone());
        Ok(made)
    }

    fn parts(&self) -> Parts<'_> {
        Parts { key: &self.proving_key, srs: &self.srs, memory: self.memory, device: &self.device }
    }

    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.manifest.model
    }

    /// What it was made from.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether its receipts show the input.
    pub fn shows_input(&self) -> bool {
        self.visibility().input
    }

    pub(crate) fn visibility(&self) -> Visibility {
        self.proving_key.visibility()
    }

    pub(crate) fn srs(&self) -> &Srs {
        &self.srs
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

fn failed(error: ProveError) -> Error {
    match error {
        ProveError::Cancelled => Error::Cancelled,
        ProveError::Witness(WitnessError::Graph(e)) => Error::Graph(e),
        e => Error::Prove(e),
    }
}

#[cfg(test)]
mod tests;
