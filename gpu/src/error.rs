//! Why there is no device, or no more.

use std::path::PathBuf;

use crate::devices::PLUGIN;

/// What the system's loader says, which is behind what `libloading` does.
pub(crate) fn loader_says(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// A plugin that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The file is no library, or the system's loader refuses it.
    #[error("{} cannot be loaded: {}", path.display(), loader_says(source))]
    Load {
        /// The file.
        path: PathBuf,
        /// What the loader says.
        source: libloading::Error,
    },
    /// The file ends before its tables do. The system's loader would end the process with it.
    #[error("{} is cut off: copy or build it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// A function is not there.
    #[error("{} is no plugin of Sworn: it has no function `{symbol}`", path.display())]
    Symbol {
        /// The file.
        path: PathBuf,
        /// The function.
        symbol: &'static str,
    },
    /// The plugin is of another version of Sworn.
    #[error("{} has version {actual} of the interface, this program needs {expected}: build the plugin from this version's sources", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version of this crate.
        expected: u32,
        /// The plugin's.
        actual: u32,
    },
    /// The plugin has no usable device.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// A device that does not do its work. What it had done before is as good as ever; nothing after it is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The memory of the device or of its budget is used up.
    #[error("the device has too little memory: {reason}; raise its budget, use a device with more memory, or prove on the CPU")]
    OutOfMemory {
        /// What was asked for.
        reason: String,
    },
    /// The device or its driver failed.
    #[error("the device failed: {reason}")]
    Failed {
        /// What the driver says.
        reason: String,
    },
    /// The plugin refuses what it was asked to do: a fault of this program.
    #[error("the plugin refuses its arguments ({reason}): this is a fault of Sworn, please report it")]
    Refused {
        /// What is wrong with them.
        reason: String,
    },
    /// An answer is no field element or no point of the curve.
    #[error("the device gave a wrong answer: {what} that is none; its memory or the plugin is broken")]
    WrongAnswer {
        /// What it should have been.
        what: &'static str,
    },
}

/// Why this machine has no device to prove on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoDevice {
    /// There is no CUDA driver.
    #[error("there is no CUDA driver ({reason})")]
    NoDriver {
        /// What the system's loader says.
        reason: String,
    },
    /// The driver is too old.
    #[error("the CUDA driver supports CUDA {}.{}, and {}.{} is the oldest that will do: update the driver",
        actual / 1000, actual % 1000 / 10, oldest / 1000, oldest % 1000 / 10)]
    OldDriver {
        /// Its version, major · 1000 + minor · 10.
        actual: u32,
        /// The oldest that will do.
        oldest: u32,
    },
    /// The driver does not work.
    #[error("the CUDA driver fails: `{call}` {}", code.map_or("is not there".to_owned(), |code| format!("returns error {code}")))]
    Driver {
        /// The function.
        call: &'static str,
        /// Its error, if it is there at all.
        code: Option<i32>,
    },
    /// There is a driver, but no device.
    #[error("there is a CUDA driver, but it has no device")]
    NoDevice,
    /// No place was named to look for the plugin.
    #[error("there is no plugin")]
    NoPlugin,
    /// There is a device, but no usable plugin.
    #[error("there is a CUDA device, but no plugin that can use it: {0}; build it with `cargo xtask cuda` and put it beside this program")]
    Plugin(PluginError),
}

impl NoDevice {
    /// Whether something is simply not there: a driver, a device or a plugin. All else is at fault.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::NoDriver { .. } | Self::NoDevice | Self::NoPlugin => true,
            // The loader found no file of the plugin's name. A library that the plugin needs has another.
            Self::Plugin(PluginError::Load { path, source }) if path.as_os_str() == PLUGIN => {
                let says = loader_says(source);
                says.contains(PLUGIN) && says.contains("No such file")
            }
            Self::OldDriver { .. } | Self::Driver { .. } | Self::Plugin(_) => false,
        }
    }
}
