//! Options that say where to prove.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sworn::{Backend, Compiled, DeviceOptions, Proved};

use super::error::CliError;

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
    /// What a proof on the device takes at least: auto proves on the processor what should take less there [default: 0.5]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Device")]
    device_overhead: Option<f64>,
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
    /// Whether the backend reads each option that was given.
    pub(super) fn check(&self) -> Result<(), CliError> {
        let given = [
            (self.device_memory.is_some(), "--device-memory", &[BackendName::Cuda, BackendName::Icicle, BackendName::Auto][..]),
            (self.device_overhead.is_some(), "--device-overhead", &[BackendName::Auto]),
            (self.device_plugin.is_some(), "--device-plugin", &[BackendName::Cuda, BackendName::Auto]),
        ];
        match given.into_iter().find(|(given, _, backends)| *given && !backends.contains(&self.backend)) {
            Some((_, option, _)) => Err(CliError::OptionNeedsBackend { option }),
            None => Ok(()),
        }
    }

    /// A model that proves there, and measures the device.
    pub(super) fn apply(&self, compiled: Compiled, measure: bool) -> Compiled {
        let plugin = self.device_plugin.clone();
        let overhead = self.device_overhead.unwrap_or(DeviceOptions::default().overhead);
        let options = DeviceOptions { plugin, memory: self.device_memory, overhead, measure };
        compiled.with_backend(self.backend.into()).with_device(options)
    }

    /// The same options, for a process of one step.
    pub(super) fn to_args(&self) -> Vec<OsString> {
        let name = self.backend.to_possible_value().map(|name| name.get_name().to_owned()).unwrap_or_default();
        let mut args: Vec<OsString> = vec!["--backend".into(), name.into()];
        if let Some(overhead) = self.device_overhead {
            args.extend(["--device-overhead".into(), overhead.to_string().into()]);
        }
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

/// A number of bytes: `1500`, `500MB`, `1.5GiB`, `10mb`, `1 TB`. Units are of bytes, however they are written.
pub(super) fn bytes(text: &str) -> Result<u64, &'static str> {
    const PREFIXES: [char; 4] = ['k', 'm', 'g', 't'];
    let lower = text.trim().to_ascii_lowercase();
    let (number, base, power) = match lower.strip_suffix('b') {
        None => (lower.as_str(), 1f64, 0),
        Some(rest) => {
            let (rest, base) = rest.strip_suffix('i').map_or((rest, 1000.0), |rest| (rest, 1024.0));
            match PREFIXES.iter().position(|prefix| rest.ends_with(*prefix)) {
                Some(place) => (&rest[..rest.len() - 1], base, place as i32 + 1),
                None if base == 1000.0 => (rest, base, 0),
                None => return Err("expected a size such as 500MB or 4GiB"),
            }
        }
    };
    let value: f64 = number.trim_end().parse().map_err(|_| "expected a size such as 500MB or 4GiB")?;
    if value.is_finite() && value > 0.0 {
        Ok((value * base.powi(power)) as u64)
    } else {
        Err("the size is a positive number")
    }
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|s: &f64| s.is_finite() && *s >= 0.0).ok_or("expected a number of seconds such as 0.5")
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes() {
        let sizes = [
            ("1500", 1500),
            ("7B", 7),
            ("10mb", 10_000_000),
            ("10 MB", 10_000_000),
            ("1TB", 1_000_000_000_000),
            ("1.5GiB", 3 << 29),
            ("2kib", 2048),
            ("4Gb", 4_000_000_000),
            ("1tib", 1 << 40),
            ("1e3kB", 1_000_000),
        ];
        for (text, size) in sizes {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "B", "MB", "ib", "5ib", "lots", "0", "-1GB", "nan", "infGB", "1e400GB", "5 parsecs", "4G", "1 2MB", "1PBB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
