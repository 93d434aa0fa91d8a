//! Where proofs are made: on the CPU, or on a CUDA device, by our kernels or by ICICLE; and what happens when a device fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::rngs::StdRng;
use sworn_circuits::layout::cost::Estimate;
use sworn_gpu::{Busy, Device, DeviceError, Devices, Icicle, IcicleDevice, IcicleLibrary, NoDevice, Plugin, PREDICTED_OVERHEAD};
use sworn_prover::{Cpu, KeyError, Proof, ProveError, Prover, ProvingKey, Srs};

use crate::{Context, Error};

/// Where a [`Compiled`](crate::Compiled) model proves. Receipts do not depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The processor.
    #[default]
    Cpu,
    /// The first CUDA device; an error if there is none, or if it fails.
    Cuda,
    /// The first CUDA device by the installed ICICLE; an error if there is no device or no ICICLE, or if it fails.
    Icicle,
    /// The first CUDA device, by the plugin or else by ICICLE, for proofs that are large enough, or the processor if there is none
    /// or it fails. [`Proved`](crate::Proved) tells which it was.
    Auto,
    /// The processor by the ICICLE of this folder, whose code is to be trusted as this program's: to check an installation, as it
    /// is slower than [`Backend::Cpu`].
    IcicleProcessor(PathBuf),
}

/// How a device is used.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceOptions {
    /// A file whose code is to be trusted as this program's, in place of the driver and the plugin of this machine.
    pub plugin: Option<PathBuf>,
    /// Bytes of the device's memory that proofs may take, by default nine tenths of it. What has no room waits on the host.
    pub memory: Option<u64>,
    /// Seconds that a proof on the device takes however small it is, by default [predicted](PREDICTED_OVERHEAD).
    /// [`Backend::Auto`] proves on the processor what is estimated to take less there.
    pub overhead: f64,
    /// Measures what the device is busy with in each proof, which costs a little time itself.
    pub measure: bool,
}

/// What a proof used of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeviceUse {
    /// The most bytes of its memory that were in use, in this proof or before.
    pub memory: u64,
    /// What it was busy with, if that was [measured](DeviceOptions::measure).
    pub busy: Option<Busy>,
}

impl Default for DeviceOptions {
    fn default() -> Self {
        Self { plugin: None, memory: None, overhead: PREDICTED_OVERHEAD, measure: false }
    }
}

/// Cores of the machine that an [`Estimate`]'s seconds are of.
const ESTIMATED_CORES: f64 = 2.0;

/// Whether a proof is worth a device: it takes the processor longer than the device takes for any.
fn pays_on_device(estimate: &Estimate, cores: usize, options: &DeviceOptions) -> bool {
    estimate.prove_seconds * ESTIMATED_CORES / cores as f64 > options.overhead
}

/// A key on a machine that proves.
pub(crate) enum AnyProver {
    Cpu(Box<Prover<Cpu, Arc<ProvingKey>>>),
    Cuda(Box<Prover<Device, Arc<ProvingKey>>>),
    Icicle(Box<Prover<Icicle, Arc<ProvingKey>>>),
}

/// A prover, and why it is not on the device that was tried first.
#[derive(Clone)]
pub(crate) struct Chosen {
    pub(crate) prover: Arc<AnyProver>,
    pub(crate) fallback: Option<Arc<Error>>,
}

/// What a prover is made of.
pub(crate) struct Parts<'a> {
    pub(crate) key: &'a Arc<ProvingKey>,
    pub(crate) srs: &'a Srs,
    pub(crate) memory: Option<u64>,
    pub(crate) device: &'a DeviceOptions,
}

impl Parts<'_> {
    fn take<B: sworn_prover::Backend>(&self, backend: B) -> Result<Box<Prover<B, Arc<ProvingKey>>>, Error> {
        let prover = Prover::new(backend, self.key.clone(), self.srs).map_err(Error::Key)?;
        Ok(Box::new(prover.with_memory(self.memory)))
    }

    /// On the processor, for this reason if a device was tried before.
    pub(crate) fn on_cpu(&self, fallback: Option<Error>) -> Result<Chosen, Error> {
        Ok(Chosen { prover: Arc::new(AnyProver::Cpu(self.take(Cpu)?)), fallback: fallback.map(Arc::new) })
    }

    fn on_cuda(&self) -> Result<Chosen, Error> {
        let prover = AnyProver::Cuda(self.take(open_cuda(self.device)?)?);
        Ok(Chosen { prover: Arc::new(prover), fallback: None })
    }

    fn on_icicle(&self, icicle: Icicle) -> Result<Chosen, Error> {
        Ok(Chosen { prover: Arc::new(AnyProver::Icicle(self.take(icicle)?)), fallback: None })
    }
}

/// Takes a key to a device of one kind.
pub(crate) type OnDevice = fn(&Parts<'_>) -> Result<Chosen, Error>;

/// The kinds of devices, those that are preferred first.
const DEVICES: [OnDevice; 2] = [|parts| parts.on_cuda(), |parts| parts.on_icicle(Icicle::find()?)];

/// The key on the first device that there is, or on the processor, with the reason if that is more than that there is none.
pub(crate) fn first_of(devices: &[OnDevice], parts: &Parts<'_>) -> Result<Chosen, Error> {
    let mut reason = None;
    for on_device in devices {
        match on_device(parts) {
            // That a machine has no device is the common case, and no fault.
            Err(Error::NoDevice(error)) if parts.device.plugin.is_none() && error.is_absence() => {}
            Err(Error::NoIcicle(error)) if error.is_absence() => {}
            // Another kind may do.
            Err(error @ (Error::NoDevice(_) | Error::NoIcicle(_))) if parts.device.plugin.is_none() => reason = reason.or(Some(error)),
            Err(error @ (Error::NoDevice(_) | Error::NoIcicle(_) | Error::Device(_) | Error::Key(KeyError::Backend(_)))) => {
                return parts.on_cpu(reason.or(Some(error)));
            }
            made => return made,
        }
    }
    parts.on_cpu(reason)
}

/// The first device of the plugin that was named, or that this machine has.
fn open_cuda(options: &DeviceOptions) -> Result<Device, Error> {
    let named = |path: &Path| Plugin::load(path).map_err(NoDevice::Plugin);
    let plugin = match &options.plugin {
        Some(path) => named(path)?,
        None => Devices::find()?.plugin,
    };
    Device::open(&plugin, 0, options.memory).map_err(Error::Device)
}

impl Backend {
    /// Takes the key to a machine.
    pub(crate) fn choose(&self, parts: &Parts<'_>) -> Result<Chosen, Error> {
        match self {
            Self::Cpu => parts.on_cpu(None),
            Self::Cuda => parts.on_cuda(),
            Self::Icicle => parts.on_icicle(Icicle::find()?),
            Self::IcicleProcessor(folder) => parts.on_icicle(Icicle::open(&IcicleLibrary::load(folder)?, IcicleDevice::Cpu)?),
            Self::Auto => {
                let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
                if !pays_on_device(&parts.key.layout().estimate, cores, parts.device) {
                    return parts.on_cpu(None);
                }
                first_of(&DEVICES, parts)
            }
        }
    }

    /// Whether the processor takes over what a device fails to do.
    pub(crate) fn falls_back(&self) -> bool {
        *self == Self::Auto
    }
}

/// Whether a proof failed because of its device: it says so, or what it made is no proof, which the processor can tell.
pub(crate) fn is_of_device(error: &ProveError) -> bool {
    matches!(error, ProveError::Backend(_) | ProveError::Unsatisfied | ProveError::Identity)
}

impl AnyProver {
    pub(crate) fn prove(
        &self,
        context: Context,
        inputs: &[Vec<i32>],
        rng: StdRng,
        measure: bool,
        progress: &mut sworn_prover::Progress<'_>,
    ) -> Result<(Proof, Option<DeviceUse>), ProveError> {
        match self {
            Self::Cpu(prover) => Ok((prover.prove(context, inputs, rng, progress)?, None)),
            Self::Icicle(prover) => Ok((prover.prove(context, inputs, rng, progress)?, None)),
            Self::Cuda(prover) => {
                let device = prover.backend();
                let failed = |error: DeviceError| ProveError::Backend(error.into());
                if measure {
                    device.measure(true).map_err(failed)?;
                }
                let proof = prover.prove(context, inputs, rng, progress)?;
                let busy = if measure { Some(device.busy().map_err(failed)?) } else { None };
                Ok((proof, Some(DeviceUse { memory: device.memory().map_err(failed)?.1, busy })))
            }
        }
    }

    /// The name of its backend.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Cpu(prover) => sworn_prover::Backend::name(prover.backend()),
            Self::Cuda(prover) => sworn_prover::Backend::name(prover.backend()),
            Self::Icicle(prover) => sworn_prover::Backend::name(prover.backend()),
        }
    }

    pub(crate) fn is_on_device(&self) -> bool {
        !matches!(self, Self::Cpu(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small proofs stay on the processor, more cores keep more of them there, and the caller may know better.
    #[test]
    fn the_choice() {
        let build = |seconds| {
            let model = crate::Model::load("tests/vectors/tiny.onnx")?;
            let compiled = model.compile(&crate::Options::default(), &[crate::Input::read("tests/vectors/tiny.json")?])?;
            Ok::<_, Error>(Estimate { prove_seconds: seconds, ..compiled.layout().estimate.clone() })
        };
        let options = DeviceOptions::default();
        let slower = DeviceOptions { overhead: 20.0, ..DeviceOptions::default() };
        let pays = |seconds, cores, options| build(seconds).map(|estimate| pays_on_device(&estimate, cores, options));
        let answers =
            [pays(0.4, 2, &options), pays(0.6, 2, &options), pays(0.6, 4, &options), pays(10.0, 32, &options), pays(10.0, 2, &slower)];
        assert_eq!(answers.map(Result::ok), [Some(false), Some(true), Some(false), Some(true), Some(false)]);
    }
}
