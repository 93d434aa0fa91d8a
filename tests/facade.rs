//! The library: threads, cancellation, folders.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ops::ControlFlow;

use sworn::{
    silent, Backend, Compiled, DeviceOptions, Error, Input, Model, Options, Receipt, Rejection, SrsPolicy, SrsSource, VerifyingKey,
};

fn tiny() -> (Model, Input) {
    (Model::load("tests/vectors/tiny.onnx").unwrap(), Input::read("tests/vectors/tiny.json").unwrap())
}

#[test]
fn types_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<(Model, Compiled, Receipt, VerifyingKey, Input, Options, Error)>();
}

#[test]
fn every_stage_can_be_cancelled() {
    let (model, input) = tiny();
    let samples = [input.clone()];
    let mut calls = 0;
    let mut count = |_, _| {
        calls += 1;
        ControlFlow::Continue(())
    };
    let compiled = model.compile_with(&Options::default(), &samples, &mut count).unwrap();
    let compile_calls = calls;
    compiled
        .prove_with(&input, &mut |_, _| {
            calls += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(compile_calls >= 4 && calls >= compile_calls + 6);
    for limit in 0..calls {
        let mut left = if limit < compile_calls { limit } else { limit - compile_calls };
        let mut stop = |_, _| {
            left = match left {
                0 => return ControlFlow::Break(()),
                n => n - 1,
            };
            ControlFlow::Continue(())
        };
        let error = match limit < compile_calls {
            true => model.compile_with(&Options::default(), &samples, &mut stop).map(|_| ()),
            false => compiled.prove_with(&input, &mut stop).map(|_| ()),
        };
        assert!(matches!(error, Err(Error::Cancelled)), "stopped at call {limit}");
    }
}

#[test]
fn folders_hold_everything() {
    let (model, input) = tiny();
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("tiny.sworn");
    let options = Options { public_input: true, ..Options::default() };
    let compiled = model.compile(&options, std::slice::from_ref(&input)).unwrap();
    compiled.save(&folder).unwrap();
    compiled.save(&folder).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
    let opened = Compiled::open(&folder, &SrsSource::default()).unwrap();
    assert_eq!(opened.verifying_key(), compiled.verifying_key());
    let receipt = opened.prove_with(&input, &mut silent()).unwrap().receipt;
    receipt.verify(compiled.verifying_key(), SrsPolicy::INSECURE).unwrap();
    assert!(matches!(receipt.verify(compiled.verifying_key(), SrsPolicy::SECURE), Err(Rejection::InsecureSrs)));
    let float = model.evaluate(&input).unwrap();
    let error = receipt.outputs()[0].reals.iter().zip(&float[0]).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
    assert!(error < 0.01, "{error}");
}

/// What is this small is proved on the processor, whatever there is.
#[test]
fn auto_keeps_small_proofs() {
    let (model, input) = tiny();
    let compiled = model.compile(&Options::default(), std::slice::from_ref(&input)).unwrap().with_backend(Backend::Auto);
    let proved = compiled.prove_with(&input, &mut silent()).unwrap();
    assert!(proved.backend == "cpu" && proved.fallback.is_none());
}

/// A device behind the facade; the emulated one is a plugin as any.
#[test]
fn a_plugin_proves() {
    let (model, input) = tiny();
    let compiled = model.compile(&Options::default(), std::slice::from_ref(&input)).unwrap();
    let device = |plugin: &str| DeviceOptions { plugin: Some(plugin.into()), ..DeviceOptions::default() };
    let compiled = compiled.with_backend(Backend::Cuda).with_device(device(sworn_gpu_emulated::PLUGIN));
    for _ in 0..2 {
        let receipt = compiled.prove(&input).unwrap();
        receipt.verify(compiled.verifying_key(), SrsPolicy::INSECURE).unwrap();
    }
    let missing = compiled.with_device(device("/nowhere/libsworn_cuda.so")).prove(&input).unwrap_err();
    assert!(matches!(&missing, Error::NoDevice(_)) && missing.hint().unwrap().contains("--backend cpu"), "{missing}");
}

/// ICICLE behind the facade, as its interface is built for tests.
#[test]
#[cfg(target_os = "linux")]
fn icicle_proves() {
    let (model, input) = tiny();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(sworn_gpu_emulated::ICICLE, folder.path().join("libicicle_device.so")).unwrap();
    let compiled = model.compile(&Options::default(), std::slice::from_ref(&input)).unwrap();
    let compiled = compiled.with_backend(Backend::IcicleProcessor(folder.path().into()));
    let incomplete = compiled.prove(&input).unwrap_err();
    assert!(matches!(&incomplete, Error::NoIcicle(_)) && incomplete.hint().unwrap().contains("--backend cpu"), "{incomplete}");
    for name in ["libicicle_field_bn254.so", "libicicle_curve_bn254.so"] {
        std::os::unix::fs::symlink("libicicle_device.so", folder.path().join(name)).unwrap();
    }
    let receipt = compiled.prove(&input).unwrap();
    receipt.verify(compiled.verifying_key(), SrsPolicy::INSECURE).unwrap();
}
