//! Options that say where to prove.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sworn::{Backend, Compiled, DeviceOptions, Proved};

/// Where to prove.
#[derive(Args, Clone, Debug)]
pub(super) struct BackendArgs {
    /// Where to prove; auto is the first CUDA device, by the plugin or else by ICICLE, if the proof is large enough for it, or the
    /// processor if there is none or it fails
    #[arg(long, value_name = "BACKEND", value_enum, default_value_t)]
    pub(super) backend: BackendName,
    /// Memory of the device that the proof may take; what has no room waits on the host [default: nine tenths]
    #[arg(long, value_name = "SIZE", value_parser = bytes, help_heading = "Device")]
    device_memory: Option<u64>,
    /// What a proof on the device takes at least: auto proves on the processor what should take less there
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value_t = DeviceOptions::default().overhead, help_heading = "Device")]
    device_overhead: f64,
    /// Plugin to use in place of the one that is installed; its code runs as this program's
    #[arg(long, value_name = "FILE", help_heading = "Device")]
    device_plugin: Option<PathBuf>,
}

/// [`Backend`] by name.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BackendName {
    #[default]
    Cpu,
    Cuda,
    Icicle,
    Auto,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Self {
        match name {
            BackendName::Cpu => Self::Cpu,
            BackendName::Cuda => Self::Cuda,
            BackendName::Icicle => Self::Icicle,
            BackendName::Auto => Self::Auto,
        }
    }
}

impl BackendArgs {
    /// A model that proves there, and measures the device.
    pub(super) fn apply(&self, compiled: Compiled, measure: bool) -> Compiled {
        let plugin = self.device_plugin.clone();
        let options = DeviceOptions { plugin, memory: self.device_memory, overhead: self.device_overhead, measure };
        compiled.with_backend(self.backend.into()).with_device(options)
    }

    /// The same options, for a process of one step.
    pub(super) fn to_args(&self) -> Vec<OsString> {
        let name = self.backend.to_possible_value().map(|name| name.get_name().to_owned()).unwrap_or_default();
        let mut args: Vec<OsString> = vec!["--backend".into(), name.into()];
        args.extend(["--device-overhead".into(), self.device_overhead.to_string().into()]);
        if let Some(memory) = self.device_memory {
            args.extend(["--device-memory".into(), memory.to_string().into()]);
        }
        if let Some(plugin) = &self.device_plugin {
            args.extend(["--device-plugin".into(), plugin.into()]);
        }
        args
    }
}

/// What is said if the device was not used as it was meant.
pub(super) fn warning(proved: &Proved) -> Option<String> {
    let error = proved.fallback.as_ref()?;
    Some(format!("warning: {error}; proved on the processor\nhint: `--backend cuda` makes this an error, `--backend cpu` asks no device"))
}

/// A number of bytes: `1500`, `500MB`, `4GB`, `4GiB`.
pub(super) fn bytes(text: &str) -> Result<u64, &'static str> {
    const UNITS: [(&str, u64); 7] =
        [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1)];
    let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).unwrap_or((text, 1));
    let value: f64 = number.trim().parse().map_err(|_| "expected a size such as 500MB or 4GB")?;
    if value.is_finite() && value > 0.0 {
        Ok((value * unit as f64) as u64)
    } else {
        Err("the size is a positive number")
    }
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|s: &f64| s.is_finite() && *s >= 0.0).ok_or("expected a number of seconds such as 0.5")
}
