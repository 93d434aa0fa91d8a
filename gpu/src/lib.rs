#![doc = include_str!("../README.md")]

mod context;
mod device;
pub mod error;
mod ffi;
mod plugin;
mod program;

pub use device::{Column, Device, Domain, Map, Points};
pub use error::{DeviceError, PluginError};
pub use plugin::{Description, Plugin};
