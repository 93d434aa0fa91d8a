//! ICICLE's libraries: where they are, and what of them is loaded.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::NoIcicle;
use super::ffi::{self, Functions, RawDevice};
use crate::driver;
use crate::error::loader_says;

/// log₂ of the order of the roots of unity that each device has.
pub(crate) type Roots = Vec<(RawDevice, u32)>;

/// The libraries that programs are linked with.
pub(crate) struct Library {
    pub(crate) functions: Functions,
    /// Held by every call.
    pub(crate) roots: Mutex<Roots>,
}

/// ICICLE's libraries, loaded. They stay so until the process ends.
#[derive(Clone)]
pub struct IcicleLibrary(pub(crate) Arc<Library>, PathBuf);

/// The libraries of this process: ICICLE keeps devices and roots of unity for all of it, so what they are is kept here once.
static LOADED: Mutex<Vec<IcicleLibrary>> = Mutex::new(Vec::new());

/// Where ICICLE looks for its backends, if the variable does not say.
const BACKENDS: &str = "/opt/icicle/lib/backend";
/// Folders below that of the backends.
const DEPTH: u32 = 4;

impl std::fmt::Debug for IcicleLibrary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("IcicleLibrary").field(&self.1).finish()
    }
}

/// The file of a library, as the system names it.
fn file(name: &str) -> String {
    format!("{}icicle_{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// The folder of backends: `ICICLE_BACKEND_INSTALL_DIR` if there is one, else that of its releases.
fn backends() -> PathBuf {
    let named = std::env::var_os("ICICLE_BACKEND_INSTALL_DIR").map(PathBuf::from).filter(|folder| folder.exists());
    named.unwrap_or_else(|| BACKENDS.into())
}

impl IcicleLibrary {
    /// Finds ICICLE: beside the folder of its backends, where its releases are unpacked to, or where the system's loader looks.
    ///
    /// # Errors
    /// It is not there, or cannot be loaded.
    pub fn find() -> Result<Self, NoIcicle> {
        let backends = backends();
        let places = [backends.join(".."), backends.join("../lib"), "/opt/icicle/lib".into(), "/usr/local/lib".into()];
        match places.iter().find(|place| place.join(file("device")).is_file()) {
            Some(place) => Self::load(place),
            None => Self::load("").map_err(|error| match error {
                NoIcicle::Load { source, .. } => NoIcicle::NotInstalled { places: places.into(), reason: loader_says(&source) },
                other => other,
            }),
        }
    }

    /// Loads the libraries of a folder, or, for an empty one, those that the system's loader finds. Their code runs in this
    /// process: they are to be trusted as this program is.
    ///
    /// # Errors
    /// A file that is not there or no library, or one without the functions of ICICLE.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self, NoIcicle> {
        let folder = folder.as_ref().canonicalize().unwrap_or_else(|_| folder.as_ref().to_path_buf());
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = loaded.iter().find(|library| library.1 == folder) {
            return Ok(library.clone());
        }
        let paths = ["device", "field_bn254", "curve_bn254"].map(|name| folder.join(file(name)));
        let functions = ffi::load(paths.each_ref().map(PathBuf::as_path))?;
        let library = Self(Arc::new(Library { functions, roots: Mutex::default() }), folder);
        loaded.push(library.clone());
        Ok(library)
    }

    /// The folder that the libraries are from; empty if the system's loader found them.
    pub fn folder(&self) -> &Path {
        &self.1
    }

    /// Loads what makes ICICLE work on CUDA devices, from the folder that `ICICLE_BACKEND_INSTALL_DIR` names or
    /// `/opt/icicle/lib/backend`. The driver is asked first: without one, or without a device, these libraries end the process.
    ///
    /// # Errors
    /// No driver, no device, no such libraries, or some that cannot be loaded.
    pub fn load_cuda(&self) -> Result<(), NoIcicle> {
        self.load_cuda_at(Path::new(driver::DRIVER), &backends())
    }

    /// As [`IcicleLibrary::load_cuda`], with a driver and libraries at other places.
    ///
    /// # Errors
    /// As [`IcicleLibrary::load_cuda`].
    pub fn load_cuda_at(&self, driver: &Path, backends: &Path) -> Result<(), NoIcicle> {
        driver::num_devices(driver)?;
        // ICICLE would load all that is there, of every field, and be silent about what it cannot load; an operation of a library
        // that is missing ends the process. The curve's library needs the field's, and both the device's.
        for (name, is_global) in [("device", true), ("field_bn254", false), ("curve_bn254", false)] {
            let file = file(&format!("backend_cuda_{name}"));
            let missing = || NoIcicle::NoBackend { folder: backends.to_path_buf(), file: file.clone() };
            ffi::load_backend(&find(backends, &file, DEPTH).ok_or_else(missing)?, is_global)?;
        }
        Ok(())
    }
}

/// A file of this name, in the folder or below.
fn find(folder: &Path, file: &str, depth: u32) -> Option<PathBuf> {
    let here = folder.join(file);
    if here.is_file() {
        return Some(here);
    }
    let depth = depth.checked_sub(1)?;
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.iter().find_map(|folder| find(folder, file, depth))
}
