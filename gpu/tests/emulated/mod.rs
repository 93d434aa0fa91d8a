//! The emulated device.

use sworn_gpu::{Device, Plugin};

/// The device, with a budget of bytes.
pub(crate) fn device(memory: Option<u64>) -> Device {
    let plugin = Plugin::load(sworn_gpu_emulated::PLUGIN).expect("the emulated plugin");
    Device::open(&plugin, 0, memory).expect("the emulated device")
}
