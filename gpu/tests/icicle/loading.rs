//! Machines without a driver, installations that are incomplete or broken, and releases with another interface are refused, and
//! the error says why. Nothing ends the process, as ICICLE does where it is asked for what is not there.

use std::path::Path;

use sworn_gpu::{DeviceError, Icicle, IcicleDevice, IcicleLibrary, NoDevice, NoIcicle};
use sworn_gpu_emulated::{DRIVER, EMPTY, ICICLE, ICICLE_OTHER_LAYOUT};

use crate::mock::{self, Installation, BACKENDS, NOTHING, OUT_OF_MEMORY};

fn load_cuda(installation: &Installation, driver: &str) -> Result<IcicleLibrary, NoIcicle> {
    let library = installation.load()?;
    library.load_cuda_at(Path::new(driver), &installation.backends())?;
    Ok(library)
}

#[test]
fn a_machine_without_a_driver() {
    // Whatever there is on the machine that runs this, it is used or refused.
    if let Err(error) = IcicleLibrary::find() {
        assert!(!matches!(&error, NoIcicle::NotInstalled { .. }) || error.to_string().contains("/opt/icicle"), "{error}");
    }
    let installation = Installation::new();
    let error = load_cuda(&installation, "libno-such-driver.so").expect_err("no driver");
    assert!(matches!(error, NoIcicle::Driver(NoDevice::NoDriver { .. })), "{error}");
    // Its CUDA libraries were left alone: there is no such device, and its own processor is there.
    let library = installation.load().expect("the mock");
    assert!(matches!(Icicle::open(&library, IcicleDevice::Cuda(0)), Err(NoIcicle::NoKind { kind: "CUDA" })));
    assert!(Icicle::open(&library, IcicleDevice::Cpu).is_ok());
}

#[test]
fn no_installation() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = IcicleLibrary::load(folder.path()).expect_err("no libraries");
    assert!(matches!(error, NoIcicle::Load { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("libicicle_device.so") && text.contains("No such file"), "{text}");
}

#[test]
fn backends_that_are_missing() {
    for missing in BACKENDS {
        let installation = Installation::new();
        std::fs::remove_file(installation.backends().join(missing)).expect("a library");
        let error = load_cuda(&installation, DRIVER).expect_err("a library is missing");
        let expected = Path::new(missing).file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(matches!(&error, NoIcicle::NoBackend { file, .. } if file == expected), "{error}");
        assert!(error.to_string().contains("ICICLE_BACKEND_INSTALL_DIR"), "{error}");
    }
}

#[test]
fn broken_libraries() {
    let mock = std::fs::read(ICICLE).expect("the mock");
    for (name, bytes) in [("empty", &b""[..]), ("text", b"not a library"), ("cut off", &mock[..mock.len() / 2])] {
        let is_expected = |error: &NoIcicle| match name {
            "cut off" => matches!(error, NoIcicle::Truncated { .. }),
            _ => matches!(error, NoIcicle::Load { .. }),
        };
        let installation = Installation::new();
        std::fs::write(installation.backends().join(BACKENDS[2]), bytes).expect("a file");
        let error = load_cuda(&installation, DRIVER).expect_err(name);
        assert!(is_expected(&error), "{name}: {error}");
        let other = tempfile::tempdir().expect("a folder");
        for file in ["libicicle_device.so", "libicicle_field_bn254.so"] {
            std::fs::copy(ICICLE, other.path().join(file)).expect("a file");
        }
        std::fs::write(other.path().join("libicicle_curve_bn254.so"), bytes).expect("a file");
        let error = IcicleLibrary::load(other.path()).expect_err(name);
        assert!(is_expected(&error), "{name}: {error}");
    }
}

#[test]
fn libraries_of_another_program() {
    let error = Installation::of(EMPTY).load().expect_err("no functions");
    assert!(matches!(error, NoIcicle::Symbol { symbol: "icicle_is_device_available", .. }), "{error}");
}

/// A release with another field in its structs, which its symbols do not tell.
#[test]
fn a_release_with_another_layout() {
    let error = Installation::of(ICICLE_OTHER_LAYOUT).open().map(drop).expect_err("another layout");
    assert!(matches!(error, NoIcicle::WrongResult { operation: "vector_add" }), "{error}");
    assert!(error.to_string().contains("another interface"), "{error}");
}

/// Releases with other conventions.
#[test]
fn other_conventions() {
    for (mode, expected) in [(mock::OTHER_ROOTS, "ntt_init_domain"), (mock::JACOBIAN, "msm"), (mock::MONTGOMERY, "msm")] {
        let installation = Installation::new();
        load_cuda(&installation, DRIVER).expect("the mock");
        installation.set(mode, None, 0);
        let error = installation.open().map(drop).expect_err("other results");
        assert!(matches!(&error, NoIcicle::WrongResult { operation } if *operation == expected), "{expected}: {error}");
    }
}

#[test]
fn no_license() {
    let installation = Installation::new();
    load_cuda(&installation, DRIVER).expect("the mock");
    installation.set(mock::NO_LICENSE, None, 0);
    let error = installation.open().map(drop).expect_err("no license");
    assert!(matches!(&error, NoIcicle::Device(DeviceError::Failed { reason }) if reason.contains("license")), "{error}");
}

/// The example of an opening meets a failure at each of its calls.
#[test]
fn a_device_that_fails_when_it_is_opened() {
    let mut failures = 0;
    for position in 0.. {
        let installation = Installation::new();
        load_cuda(&installation, DRIVER).expect("the mock");
        installation.set(NOTHING, Some(position), OUT_OF_MEMORY);
        match installation.open() {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, NoIcicle::Device(DeviceError::OutOfMemory { .. })), "call {position}: {error}"),
        }
        failures += 1;
    }
    assert!(failures > 20, "{failures} calls");
}

#[test]
fn a_device_beyond_the_last() {
    let library = load_cuda(&Installation::new(), DRIVER).expect("the mock");
    let error = Icicle::open(&library, IcicleDevice::Cuda(1)).map(drop).expect_err("one device");
    assert!(matches!(error, NoIcicle::NoIndex { kind: "CUDA", index: 1, count: 1 }), "{error}");
}
