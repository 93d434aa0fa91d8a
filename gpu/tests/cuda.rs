//! The same checks on a card, and what the plugin says where there is none. All of them need the plugin:
//!
//! ```text
//! cargo xtask cuda
//! SWORN_CUDA_PLUGIN=$PWD/target/cuda/libsworn_cuda.so cargo test -p sworn-gpu --test cuda -- --ignored --test-threads 1
//! ```

#[path = "../../prover/tests/models/mod.rs"]
mod models;

use sworn_gpu::{Device, DeviceError, Plugin, PluginError};
use sworn_prover::{testing, Cpu};

fn plugin() -> Plugin {
    let path = std::env::var_os("SWORN_CUDA_PLUGIN").expect("SWORN_CUDA_PLUGIN, the plugin's file");
    Plugin::load(path).expect("the plugin")
}

#[test]
#[ignore = "needs the plugin"]
fn it_lists_devices_or_says_why_there_are_none() {
    match plugin().devices() {
        Ok(devices) => assert!(devices.iter().all(|device| device.memory > 0), "{devices:?}"),
        Err(PluginError::Device(error @ DeviceError::Failed { .. })) => assert!(error.to_string().contains("driver"), "{error}"),
        Err(other) => panic!("{other}"),
    }
}

#[test]
#[ignore = "needs the plugin and a device"]
fn the_conformance_suite() {
    testing::all(&Device::open(&plugin(), 0, None).expect("a device"));
}

#[test]
#[ignore = "needs the plugin and a device"]
fn proofs_are_the_cpus() {
    for (seed, model) in (0..).zip(models::all()) {
        for keyed in [model.keyed(), model.packed(7)] {
            let device = Device::open(&plugin(), 0, None).expect("a device");
            assert!(keyed.prove(device, seed).bytes == keyed.prove(Cpu, seed).bytes, "{}", keyed.name);
        }
    }
}
