#![doc = include_str!("../README.md")]

mod context;
mod device;
mod devices;
mod driver;
pub mod error;
mod ffi;
pub mod icicle;
mod plugin;
mod program;

pub use device::{Busy, Column, Device, Domain, Map, Points};
pub use devices::{Devices, PLUGIN, PREDICTED_OVERHEAD};
pub use driver::OLDEST_DRIVER;
pub use error::{DeviceError, NoDevice, PluginError};
pub use icicle::{Icicle, IcicleDevice, IcicleLibrary, NoIcicle};
pub use plugin::{Description, Plugin};
