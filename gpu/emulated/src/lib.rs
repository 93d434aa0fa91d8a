//! The CUDA kernels of `sworn-gpu`, built for the host: a plugin with the interface of the one for devices, from the same
//! sources, whose device is the host. And a library with ICICLE's interface. For tests.

/// The plugin's file.
pub const PLUGIN: &str = env!("SWORN_LIBRARY_EMULATED");
/// A library with ICICLE's interface, of its device, field and curve.
pub const ICICLE: &str = env!("SWORN_LIBRARY_ICICLE");
/// The same of a release with another field in its structs.
pub const ICICLE_OTHER_LAYOUT: &str = env!("SWORN_LIBRARY_ICICLE_OTHER_LAYOUT");
/// A library without anything in it.
pub const EMPTY: &str = env!("SWORN_LIBRARY_EMPTY");
/// A CUDA driver that has one device.
pub const DRIVER: &str = env!("SWORN_LIBRARY_DRIVER");
