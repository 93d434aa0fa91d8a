//! The CUDA kernels of `sworn-gpu`, built for the host: a plugin with the interface of the one for devices, from the same
//! sources, whose device is the host. For tests.

/// The plugin's file.
pub const PLUGIN: &str = env!("SWORN_EMULATED_PLUGIN");
