//! The CUDA driver: whether there is one, and devices. It is asked before the plugin, because it is what machines without a
//! GPU lack, and because a driver that is too old for the plugin says so less clearly later.
#![expect(unsafe_code, reason = "calls of the driver")]

use std::ffi::c_int;
use std::path::Path;

use libloading::Library;

use crate::error::{loader_says, NoDevice};

/// The driver as the system's loader finds it.
pub(crate) const DRIVER: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };

/// The oldest version of the driver's interface that the plugin works with: major · 1000 + minor · 10.
pub const OLDEST_DRIVER: u32 = 12_000;

/// Finds the driver, and asks it for the number of devices, which is not 0.
pub(crate) fn num_devices(path: &Path) -> Result<u32, NoDevice> {
    // SAFETY: the driver of the system, or of a caller that trusts it.
    let library = unsafe { Library::new(path) }.map_err(|source| NoDevice::NoDriver { reason: loader_says(&source) })?;
    let version = ask(&library, b"cuDriverGetVersion", "cuDriverGetVersion")?;
    if version < OLDEST_DRIVER {
        return Err(NoDevice::OldDriver { actual: version, oldest: OLDEST_DRIVER });
    }
    let init: libloading::Symbol<'_, unsafe extern "C" fn(u32) -> c_int> =
        // SAFETY: the type is that of the driver's header, in all versions.
        unsafe { library.get(b"cuInit") }.map_err(|_| NoDevice::Driver { call: "cuInit", code: None })?;
    // SAFETY: the driver may be initialised any number of times; its flags are 0.
    match unsafe { init(0) } {
        0 => {}
        // CUDA_ERROR_NO_DEVICE.
        100 => return Err(NoDevice::NoDevice),
        code => return Err(NoDevice::Driver { call: "cuInit", code: Some(code) }),
    }
    match ask(&library, b"cuDeviceGetCount", "cuDeviceGetCount")? {
        0 => Err(NoDevice::NoDevice),
        count => Ok(count),
    }
}

/// A number that a function of the driver writes.
fn ask(library: &Library, symbol: &[u8], call: &'static str) -> Result<u32, NoDevice> {
    let function: libloading::Symbol<'_, unsafe extern "C" fn(*mut c_int) -> c_int> =
        // SAFETY: the type is that of the driver's header, in all versions.
        unsafe { library.get(symbol) }.map_err(|_| NoDevice::Driver { call, code: None })?;
    let mut number = 0;
    // SAFETY: the pointer is to a live integer.
    match unsafe { function(&mut number) } {
        0 => u32::try_from(number).map_err(|_| NoDevice::Driver { call, code: None }),
        code => Err(NoDevice::Driver { call, code: Some(code) }),
    }
}
