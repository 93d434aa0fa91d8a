//! What this machine has to prove on: the driver is asked, then the plugin is found and asked.

use std::path::{Path, PathBuf};

use crate::driver;
use crate::error::NoDevice;
use crate::plugin::{Description, Plugin};

/// A plugin and the devices that it can open, one or more.
#[derive(Clone, Debug)]
pub struct Devices {
    /// The plugin.
    pub plugin: Plugin,
    /// Its devices, by index.
    pub list: Vec<Description>,
}

/// The plugin's file name.
pub const PLUGIN: &str = "libsworn_cuda.so";

/// Seconds that a proof on a device takes however small it is. A prediction: a process spends some 0.3 s to open a device, and a
/// proof 0.2 s on launches and waits that no kernel hides. `cargo xtask gpu-check` prints it beside what it measures.
pub const PREDICTED_OVERHEAD: f64 = 0.5;

impl Devices {
    /// Finds the devices of this machine. The plugin is that beside the program, in `../lib/sworn` from there, or the one that
    /// the system's loader finds.
    ///
    /// # Errors
    /// Why there is none; on most machines because there is no driver.
    pub fn find() -> Result<Self, NoDevice> {
        let program = std::env::current_exe().ok();
        let folder = program.as_deref().and_then(Path::parent);
        let beside = folder.map(|folder| [folder.join(PLUGIN), folder.join("../lib/sworn").join(PLUGIN)]);
        let mut places: Vec<PathBuf> = beside.into_iter().flatten().filter(|place| place.is_file()).collect();
        places.push(PLUGIN.into());
        Self::find_at(Path::new(driver::DRIVER), &places)
    }

    /// As [`Devices::find`], with a driver and plugins at other places. The first plugin that loads is taken, and the error is
    /// that of the first.
    ///
    /// # Errors
    /// As [`Devices::find`].
    pub fn find_at(driver: &Path, plugins: &[PathBuf]) -> Result<Self, NoDevice> {
        driver::num_devices(driver)?;
        let mut first = None;
        for path in plugins {
            match Plugin::load(path).and_then(|plugin| Ok(Self { list: plugin.devices()?, plugin })) {
                Ok(devices) if devices.list.is_empty() => return Err(NoDevice::NoDevice),
                Ok(devices) => return Ok(devices),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.map_or(NoDevice::NoPlugin, NoDevice::Plugin))
    }
}
