//! Where proofs are made: on the CPU, or on a CUDA device, by our kernels or by ICICLE.

use std::path::PathBuf;
use std::sync::Arc;

use rand::rngs::StdRng;
use sworn_gpu::{Device, Devices, Icicle, IcicleDevice, IcicleLibrary, NoDevice, Plugin};
use sworn_prover::{Cpu, KeyError, Proof, ProveError, Prover, ProvingKey, Srs};

use crate::Error;

/// Where a [`Compiled`](crate::Compiled) model proves. Receipts do not depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The processor.
    #[default]
    Cpu,
    /// The first CUDA device; an error if there is none.
    Cuda,
    /// The first CUDA device by the installed ICICLE; an error if there is no device or no ICICLE.
    Icicle,
    /// The first CUDA device if there is one, by the plugin or else by ICICLE, else the processor.
    Auto,
    /// The first device of this plugin, whose code is to be trusted as this program's.
    Plugin(PathBuf),
    /// The processor by the ICICLE of this folder, whose code is to be trusted as this program's: to check an installation, as it
    /// is slower than [`Backend::Cpu`].
    IcicleProcessor(PathBuf),
}

/// A machine to prove on.
enum Machine {
    Cpu,
    Cuda(Device),
    Icicle(Icicle),
}

/// A key on the machine that proves.
pub(crate) enum AnyProver {
    Cpu(Box<Prover<Cpu, Arc<ProvingKey>>>),
    Cuda(Box<Prover<Device, Arc<ProvingKey>>>),
    Icicle(Box<Prover<Icicle, Arc<ProvingKey>>>),
}

impl Backend {
    /// Opens the device, if it is one.
    fn open(&self) -> Result<Machine, Error> {
        let first = |devices: Devices| Device::open(&devices.plugin, 0, None).map(Machine::Cuda).map_err(Error::Device);
        match self {
            Self::Cpu => Ok(Machine::Cpu),
            Self::Cuda => first(Devices::find()?),
            Self::Icicle => Ok(Machine::Icicle(Icicle::find()?)),
            Self::Auto => match Devices::find() {
                Ok(devices) => first(devices),
                Err(_) => Ok(Icicle::find().map_or(Machine::Cpu, Machine::Icicle)),
            },
            Self::Plugin(path) => {
                let plugin = Plugin::load(path).map_err(NoDevice::Plugin)?;
                Device::open(&plugin, 0, None).map(Machine::Cuda).map_err(Error::Device)
            }
            Self::IcicleProcessor(folder) => Ok(Machine::Icicle(Icicle::open(&IcicleLibrary::load(folder)?, IcicleDevice::Cpu)?)),
        }
    }

    pub(crate) fn prover(&self, key: Arc<ProvingKey>, srs: &Srs, memory: Option<u64>) -> Result<AnyProver, Error> {
        let taken = match self.open()? {
            Machine::Cpu => Prover::new(Cpu, key, srs).map(|prover| AnyProver::Cpu(Box::new(prover.with_memory(memory)))),
            Machine::Cuda(device) => Prover::new(device, key, srs).map(|prover| AnyProver::Cuda(Box::new(prover.with_memory(memory)))),
            Machine::Icicle(device) => Prover::new(device, key, srs).map(|prover| AnyProver::Icicle(Box::new(prover.with_memory(memory)))),
        };
        taken.map_err(|error: KeyError| Error::Key(error))
    }
}

impl AnyProver {
    pub(crate) fn prove(&self, inputs: &[Vec<i32>], rng: StdRng, progress: &mut sworn_prover::Progress<'_>) -> Result<Proof, ProveError> {
        match self {
            Self::Cpu(prover) => prover.prove(inputs, rng, progress),
            Self::Cuda(prover) => prover.prove(inputs, rng, progress),
            Self::Icicle(prover) => prover.prove(inputs, rng, progress),
        }
    }
}
