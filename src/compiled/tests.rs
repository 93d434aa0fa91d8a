//! A device that fails: the processor takes over, or the error is handed on.

use std::ops::ControlFlow;
use std::sync::Arc;

use sworn_gpu::Device;

use super::{Chosen, Compiled};
use crate::backend::{first_of, AnyProver, OnDevice, Parts};
use crate::{silent, Backend, Context, DeviceOptions, Error, Input, Model, Options, Proved, Receipt, SrsPolicy, Stage};

/// A tiny model with the emulated device, and no proof too small for it.
fn compiled(backend: Backend, memory: Option<u64>) -> (Compiled, Input) {
    let input = Input::read("tests/vectors/tiny.json").unwrap();
    let compiled = Model::load("tests/vectors/tiny.onnx").unwrap().compile(&Options::default(), std::slice::from_ref(&input)).unwrap();
    let device = DeviceOptions { plugin: Some(sworn_gpu_emulated::PLUGIN.into()), memory, overhead: 0.0, measure: true };
    (compiled.with_backend(backend).with_device(device), input)
}

/// Proves, and counts how often progress told of a failed device.
fn prove(compiled: &Compiled, input: &Input) -> (Result<Proved, Error>, usize) {
    let mut fallbacks = 0;
    let proved = compiled.prove_with(input, &mut |stage, _| {
        fallbacks += usize::from(stage == Stage::Fallback);
        ControlFlow::Continue(())
    });
    (proved, fallbacks)
}

fn with_device(compiled: &Compiled, f: impl FnOnce(&Device)) {
    let Chosen { prover, .. } = compiled.chosen(&mut silent()).unwrap();
    match prover.as_ref() {
        AnyProver::Cuda(prover) => f(prover.backend()),
        _ => panic!("the plugin's device was chosen"),
    }
}

fn assert_on_cpu(compiled: &Compiled, proved: Result<Proved, Error>, reason: &str) {
    let proved = proved.unwrap();
    proved.receipt.verify(compiled.verifying_key(), SrsPolicy::INSECURE).unwrap();
    assert_eq!((proved.backend, proved.device), ("cpu", None));
    let fallback = proved.fallback.unwrap().to_string();
    assert!(fallback.contains(reason), "{fallback}");
}

#[test]
fn a_device_that_works() {
    let (compiled, input) = compiled(Backend::Auto, None);
    let (proved, fallbacks) = prove(&compiled, &input);
    let proved = proved.unwrap();
    assert_eq!((proved.backend, fallbacks), ("cuda", 0));
    let device = proved.device.unwrap();
    assert!(proved.fallback.is_none() && device.memory > 1 << 10 && device.busy.unwrap().kernels > 100, "{device:?}");
}

/// Launches that fail early and late in a proof: the processor proves anew, says so once, and stays.
#[test]
fn the_processor_takes_over_in_the_middle_of_a_proof() {
    for launches in [0, 40, 200] {
        let (compiled, input) = compiled(Backend::Auto, None);
        with_device(&compiled, |device| device.fail_after(None, Some(launches)).unwrap());
        let (proved, fallbacks) = prove(&compiled, &input);
        assert_on_cpu(&compiled, proved, "injected by a test");
        assert_eq!(fallbacks, 1, "after {launches} launches");
        let (proved, fallbacks) = prove(&compiled, &input);
        assert_on_cpu(&compiled, proved, "injected by a test");
        assert_eq!(fallbacks, 0, "the device is not tried again");
    }
}

#[test]
fn the_processor_takes_over_when_memory_runs_out() {
    let (compiled, input) = compiled(Backend::Auto, None);
    with_device(&compiled, |device| device.fail_after(Some(100), None).unwrap());
    assert_on_cpu(&compiled, prove(&compiled, &input).0, "too little memory");
}

/// Too little memory for the key.
#[test]
fn the_processor_takes_over_before_the_first_proof() {
    let (compiled, input) = compiled(Backend::Auto, Some(1000));
    let (proved, fallbacks) = prove(&compiled, &input);
    assert_on_cpu(&compiled, proved, "too little memory");
    assert_eq!(fallbacks, 1);
}

#[test]
fn a_plugin_that_was_named_is_missed() {
    let (compiled, input) = compiled(Backend::Auto, None);
    let compiled =
        compiled.with_device(DeviceOptions { plugin: Some("/nowhere/libsworn_cuda.so".into()), overhead: 0.0, ..DeviceOptions::default() });
    assert_on_cpu(&compiled, prove(&compiled, &input).0, "/nowhere/libsworn_cuda.so");
}

/// A proof that does not verify is the device's failure.
#[test]
fn the_processor_takes_over_when_a_proof_is_rejected() {
    for backend in [Backend::Auto, Backend::Cuda, Backend::Cpu] {
        let (compiled, input) = compiled(backend.clone(), None);
        let checks = std::cell::Cell::new(0);
        let reject_first = |receipt: &Receipt| {
            checks.set(checks.get() + 1);
            match checks.get() {
                1 => Receipt::from_json(b"not a receipt").map(|_| ()),
                _ => receipt.verify(compiled.verifying_key(), SrsPolicy::INSECURE),
            }
        };
        let proved = compiled.prove_checked(Context::NONE, &input, &mut silent(), &reject_first);
        if backend == Backend::Auto {
            assert_on_cpu(&compiled, proved, "");
            assert_eq!(prove(&compiled, &input).0.unwrap().backend, "cpu", "the device is not tried again");
        } else {
            assert!(matches!(proved, Err(Error::SelfCheck(_))) && checks.get() == 1, "{backend:?}");
        }
    }
}

/// Progress can stop the second attempt too.
#[test]
fn the_second_attempt_can_be_cancelled() {
    let (compiled, input) = compiled(Backend::Auto, None);
    with_device(&compiled, |device| device.fail_after(None, Some(40)).unwrap());
    let stop = |stage, _| if stage == Stage::Fallback { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    assert!(matches!(compiled.prove_with(&input, &mut { stop }), Err(Error::Cancelled)));
}

/// With `cuda` the error is handed on, and the next proof opens the device again.
#[test]
fn a_device_that_was_asked_for_fails_clearly() {
    let (compiled, input) = compiled(Backend::Cuda, None);
    with_device(&compiled, |device| device.fail_after(None, Some(40)).unwrap());
    let (error, fallbacks) = prove(&compiled, &input);
    let error = error.unwrap_err();
    assert!(matches!(&error, Error::Prove(_)) && error.to_string().contains("the device failed"), "{error}");
    assert!(error.hint().unwrap().contains("--backend cpu") && fallbacks == 0);
    assert_eq!(prove(&compiled, &input).0.unwrap().backend, "cuda");
}

/// Inputs that the model refuses are no failure of a device.
#[test]
fn other_errors_are_handed_on() {
    let (compiled, input) = compiled(Backend::Auto, None);
    let mut steps = 0;
    let stop = &mut |_, _| {
        steps += 1;
        if steps > 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    assert!(matches!(compiled.prove_with(&input, stop), Err(Error::Cancelled)));
    assert_eq!(prove(&compiled, &input).0.unwrap().backend, "cuda", "the device is used on");
}

/// Threads that meet one failure together end up with one prover.
#[test]
fn threads_fall_back_together() {
    let (compiled, input) = compiled(Backend::Auto, None);
    with_device(&compiled, |device| device.fail_after(None, Some(40)).unwrap());
    let proved: Vec<Proved> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| compiled.prove(&input).map(|_| prove(&compiled, &input).0))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap().unwrap()).collect()
    });
    let reasons: Vec<_> = proved.iter().map(|p| p.fallback.clone().unwrap()).collect();
    assert!(Arc::ptr_eq(&reasons[0], &reasons[1]), "one failure, one reason");
}

/// That a machine has no device is silent; a device that cannot be used is a reason.
#[test]
fn what_is_broken_is_told() {
    use sworn_gpu::{IcicleLibrary, NoDevice, NoIcicle, PluginError};
    let (compiled, _) = compiled(Backend::Auto, None);
    let parts = Parts { device: &DeviceOptions::default(), ..compiled.parts() };
    let reason = |devices: &[OnDevice]| {
        let chosen = first_of(devices, &parts).unwrap();
        assert!(!chosen.prover.is_on_device());
        chosen.fallback.map(|error| error.to_string())
    };
    let no_driver: OnDevice = |_| Err(NoDevice::NoDriver { reason: String::new() }.into());
    let no_icicle: OnDevice = |_| Err(NoIcicle::NotInstalled { places: Vec::new(), reason: String::new() }.into());
    let old_driver: OnDevice = |_| Err(NoDevice::OldDriver { actual: 11_040, oldest: 12_000 }.into());
    let old_plugin: OnDevice =
        |_| Err(NoDevice::Plugin(PluginError::Version { path: "libsworn_cuda.so".into(), expected: 2, actual: 1 }).into());
    let no_icicle_driver: OnDevice = |_| Err(NoIcicle::Driver(NoDevice::NoDevice).into());
    let other_icicle: OnDevice = |_| Err(IcicleLibrary::load("/nowhere").unwrap_err().into());
    assert_eq!(reason(&[no_driver, no_icicle]), None);
    assert_eq!(reason(&[no_driver, no_icicle_driver]), None);
    assert!(reason(&[old_driver, no_icicle]).unwrap().contains("CUDA 11.4"));
    assert!(reason(&[old_plugin, no_icicle]).unwrap().contains("has version 1 of the interface"));
    assert!(reason(&[no_driver, other_icicle]).unwrap().contains("/nowhere"));
    assert!(reason(&[old_plugin, other_icicle]).unwrap().contains("has version 1"), "the first reason");
}
