//! Files that are no plugin and drivers that are none are refused, and the error says why.

use std::path::{Path, PathBuf};
use std::process::Command;

use sworn_gpu::{Device, DeviceError, Devices, NoDevice, Plugin, PluginError};

/// A library from one C++ source.
fn library(folder: &Path, source: &str) -> PathBuf {
    let (file, library) = (folder.join("plugin.cpp"), folder.join("libplugin.so"));
    std::fs::write(&file, source).expect("a source file");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let status = Command::new(compiler).args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&file).status();
    assert!(status.is_ok_and(|status| status.success()), "the emulated device was built with the same compiler");
    library
}

fn refusal(path: impl AsRef<Path>) -> PluginError {
    Plugin::load(path).expect_err("no plugin")
}

#[test]
fn a_file_that_is_not_there() {
    let error = refusal("/nowhere/libsworn_cuda.so");
    assert!(matches!(error, PluginError::Load { .. }) && error.to_string().contains("/nowhere/libsworn_cuda.so"), "{error}");
}

#[test]
fn a_file_that_is_no_library() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in [("empty", &b""[..]), ("text", b"not a library"), ("long", &[7; 4096])] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        assert!(matches!(refusal(&path), PluginError::Load { .. }), "{name}");
    }
}

#[test]
fn a_plugin_that_is_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = std::fs::read(sworn_gpu_emulated::PLUGIN).expect("the emulated plugin");
    for length in [64, plugin.len() / 3, plugin.len() - 1] {
        let path = folder.path().join("libsworn_cuda.so");
        std::fs::write(&path, &plugin[..length]).expect("a file");
        assert!(matches!(refusal(&path), PluginError::Truncated { .. }), "{length} bytes of {}", plugin.len());
    }
}

#[test]
fn a_library_that_is_no_plugin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = library(folder.path(), "extern \"C\" int other() { return 1; }");
    assert!(matches!(refusal(path), PluginError::Symbol { symbol: "sworn_cuda_abi_version", .. }));
}

#[test]
fn a_plugin_that_lacks_a_function() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = library(folder.path(), "extern \"C\" unsigned sworn_cuda_abi_version() { return 2; }");
    let error = refusal(path);
    assert!(matches!(error, PluginError::Symbol { symbol: "sworn_cuda_device_count", .. }), "{error}");
}

#[test]
fn a_plugin_of_another_version() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = library(folder.path(), "extern \"C\" unsigned sworn_cuda_abi_version() { return 7; }");
    let error = refusal(path);
    assert!(matches!(error, PluginError::Version { expected: 2, actual: 7, .. }), "{error}");
    assert!(error.to_string().contains("build the plugin"), "{error}");
}

/// What is not there is told from what is broken.
#[test]
fn absence() {
    let absent = |error| NoDevice::Plugin(error).is_absence();
    assert!(NoDevice::NoDevice.is_absence() && NoDevice::NoPlugin.is_absence());
    assert!(absent(refusal(sworn_gpu::PLUGIN)), "the system's loader finds none");
    assert!(!absent(refusal("/nowhere/libsworn_cuda.so")), "it was named");
    let folder = tempfile::tempdir().expect("a folder");
    assert!(!absent(refusal(library(folder.path(), "extern \"C\" int other() { return 1; }"))));
    assert!(!NoDevice::OldDriver { actual: 11_040, oldest: 12_000 }.is_absence());
}

/// The version in the header is the one that Rust asks for, and the emulated plugin loads.
#[test]
fn the_emulated_plugin() {
    let plugin = Plugin::load(sworn_gpu_emulated::PLUGIN).expect("the emulated plugin");
    let devices = plugin.devices().expect("its devices");
    assert!(devices.len() == 1 && devices[0].is_emulated && devices[0].name == "emulated device", "{devices:?}");
    let missing = Device::open(&plugin, 1, None).err();
    assert!(matches!(&missing, Some(DeviceError::Failed { reason }) if reason.contains("no device 1")), "{missing:?}");
}

/// A driver that says so.
fn driver(folder: &Path, version: u32, init: u32, count: u32) -> PathBuf {
    let source = format!(
        "extern \"C\" int cuDriverGetVersion(int *v) {{ *v = {version}; return 0; }}
         extern \"C\" int cuInit(unsigned) {{ return {init}; }}
         extern \"C\" int cuDeviceGetCount(int *n) {{ *n = {count}; return 0; }}"
    );
    library(folder, &source)
}

fn no_device(driver: &Path, plugins: &[PathBuf]) -> NoDevice {
    Devices::find_at(driver, plugins).expect_err("no device")
}

#[test]
fn drivers() {
    let folder = tempfile::tempdir().expect("a folder");
    let emulated = [PathBuf::from(sworn_gpu_emulated::PLUGIN)];
    let at = |version, init, count| {
        no_device(&driver(tempfile::tempdir_in(&folder).expect("a folder").keep().as_path(), version, init, count), &emulated)
    };
    assert!(matches!(no_device(Path::new("libno-such-driver.so"), &emulated), NoDevice::NoDriver { .. }));
    let old = at(11_040, 0, 1);
    assert!(matches!(old, NoDevice::OldDriver { actual: 11_040, .. }) && old.to_string().contains("CUDA 11.4, and 12.0"), "{old}");
    assert!(matches!(at(13_000, 100, 0), NoDevice::NoDevice));
    assert!(matches!(at(13_000, 0, 0), NoDevice::NoDevice));
    assert!(matches!(at(13_000, 803, 1), NoDevice::Driver { call: "cuInit", code: Some(803) }));
    let other = library(folder.path(), "extern \"C\" int other() { return 1; }");
    assert!(matches!(no_device(&other, &emulated), NoDevice::Driver { call: "cuDriverGetVersion", code: None }));
}

#[test]
fn plugins_of_a_machine_with_a_device() {
    let folder = tempfile::tempdir().expect("a folder");
    let driver = driver(folder.path(), 13_000, 0, 2);
    let missing = PathBuf::from("/nowhere/libsworn_cuda.so");
    assert!(matches!(no_device(&driver, &[]), NoDevice::NoPlugin));
    let error = no_device(&driver, std::slice::from_ref(&missing));
    assert!(matches!(error, NoDevice::Plugin(PluginError::Load { .. })) && error.to_string().contains("cargo xtask cuda"), "{error}");
    let devices = Devices::find_at(&driver, &[missing, sworn_gpu_emulated::PLUGIN.into()]).expect("the emulated device");
    assert_eq!(devices.list.len(), 1);
}
