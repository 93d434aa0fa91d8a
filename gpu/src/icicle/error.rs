//! Why ICICLE cannot be used.

use std::path::PathBuf;

use crate::error::{loader_says, DeviceError, NoDevice};

/// Why there is no ICICLE to prove with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoIcicle {
    /// There is no CUDA driver, or no device. ICICLE's library for CUDA would end the process.
    #[error(transparent)]
    Driver(#[from] NoDevice),
    /// None of the places has ICICLE's libraries.
    #[error(
        "ICICLE is not installed: there is no libicicle_device in {}, nor does the system's loader find it ({reason}); \
         install its release to /opt/icicle, or set ICICLE_BACKEND_INSTALL_DIR to the folder of its backends",
        list(places)
    )]
    NotInstalled {
        /// The folders.
        places: Vec<PathBuf>,
        /// What the loader says.
        reason: String,
    },
    /// A file is no library, or the system's loader refuses it.
    #[error("{} cannot be loaded: {}", path.display(), loader_says(source))]
    Load {
        /// The file.
        path: PathBuf,
        /// What the loader says.
        source: libloading::Error,
    },
    /// A file ends before its tables do. The system's loader would end the process with it.
    #[error("{} is cut off: install ICICLE again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// A function is not there.
    #[error("{} has no function `{symbol}`: ICICLE 3.2 to 4 for BN254 has it, install one of these", path.display())]
    Symbol {
        /// The file.
        path: PathBuf,
        /// The function.
        symbol: &'static str,
    },
    /// A library of ICICLE's CUDA devices is not there.
    #[error(
        "ICICLE's CUDA backend is not installed: there is no {file} in {}; install it there, or set \
         ICICLE_BACKEND_INSTALL_DIR to its folder",
        folder.display()
    )]
    NoBackend {
        /// Where it was looked for, with all folders below.
        folder: PathBuf,
        /// Its name.
        file: String,
    },
    /// No library has announced devices of this kind.
    #[error("ICICLE has no {kind} device: the library for these devices did not announce any")]
    NoKind {
        /// ICICLE's name of the kind.
        kind: &'static str,
    },
    /// There are fewer devices.
    #[error("ICICLE has no {kind} device {index}, but {count} of them")]
    NoIndex {
        /// ICICLE's name of the kind.
        kind: &'static str,
        /// The device that was asked for.
        index: u32,
        /// How many there are.
        count: i32,
    },
    /// An operation gives another result than the CPU.
    #[error(
        "ICICLE's {operation} gives another result than the CPU: this release has another interface than 3.2 to 4, or its \
         device fails"
    )]
    WrongResult {
        /// The operation.
        operation: &'static str,
    },
    /// The device does not do its work.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl NoIcicle {
    /// Whether something is simply not there: a driver, a device, or ICICLE for it. All else is at fault.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::Driver(reason) => reason.is_absence(),
            Self::NotInstalled { .. } | Self::NoBackend { .. } | Self::NoKind { .. } => true,
            _ => false,
        }
    }
}

fn list(places: &[PathBuf]) -> String {
    let names: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    names.join(", ")
}
