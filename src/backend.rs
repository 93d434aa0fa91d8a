//! Where proofs are made: on the CPU, or on a CUDA device.

use std::path::PathBuf;
use std::sync::Arc;

use rand::rngs::StdRng;
use sworn_gpu::{Device, Devices, NoDevice, Plugin};
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
    /// The first CUDA device if there is one, else the processor.
    Auto,
    /// The first device of this plugin, whose code is to be trusted as this program's.
    Plugin(PathBuf),
}

/// A key on the machine that proves.
pub(crate) enum AnyProver {
    Cpu(Box<Prover<Cpu, Arc<ProvingKey>>>),
    Cuda(Box<Prover<Device, Arc<ProvingKey>>>),
}

impl Backend {
    /// Opens the device, or none for the CPU.
    fn open(&self) -> Result<Option<Device>, Error> {
        let first = |devices: Devices| Device::open(&devices.plugin, 0, None).map(Some).map_err(Error::Device);
        match self {
            Self::Cpu => Ok(None),
            Self::Cuda => first(Devices::find()?),
            Self::Auto => Devices::find().map_or(Ok(None), first),
            Self::Plugin(path) => {
                let plugin = Plugin::load(path).map_err(NoDevice::Plugin)?;
                Device::open(&plugin, 0, None).map(Some).map_err(Error::Device)
            }
        }
    }

    pub(crate) fn prover(&self, key: Arc<ProvingKey>, srs: &Srs, memory: Option<u64>) -> Result<AnyProver, Error> {
        let taken = match self.open()? {
            None => Prover::new(Cpu, key, srs).map(|prover| AnyProver::Cpu(Box::new(prover.with_memory(memory)))),
            Some(device) => Prover::new(device, key, srs).map(|prover| AnyProver::Cuda(Box::new(prover.with_memory(memory)))),
        };
        taken.map_err(|error: KeyError| Error::Key(error))
    }
}

impl AnyProver {
    pub(crate) fn prove(&self, inputs: &[Vec<i32>], rng: StdRng, progress: &mut sworn_prover::Progress<'_>) -> Result<Proof, ProveError> {
        match self {
            Self::Cpu(prover) => prover.prove(inputs, rng, progress),
            Self::Cuda(prover) => prover.prove(inputs, rng, progress),
        }
    }
}
