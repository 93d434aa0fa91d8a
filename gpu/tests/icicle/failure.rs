//! A device that fails, at any of its calls, or gives wrong answers, ends a proof with its error: never a proof, never a panic.

use std::ops::ControlFlow;

use sworn_gpu::{DeviceError, Icicle};
use sworn_prover::backend::{Backend, Failure};
use sworn_prover::{KeyError, Proof, ProveError, Prover, ProvingKey};

use crate::mock::{self, Installation, COPY_FAILED, NOTHING, OUT_OF_MEMORY};
use crate::models::{self, Keyed};

fn tiny() -> [Keyed; 2] {
    let tiny = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]);
    [tiny.keyed(), tiny.packed(5)]
}

fn prove(prover: &Prover<Icicle, &ProvingKey>, keyed: &Keyed) -> Result<Proof, ProveError> {
    models::prove(prover, &keyed.inputs, 5, &mut |_, _| ControlFlow::Continue(()))
}

/// The device's error in a failure.
fn device_error(failure: &Failure) -> &DeviceError {
    failure.downcast_ref().unwrap_or_else(|| panic!("{failure} is no error of a device"))
}

/// Whether it is the error of this code.
fn is_of(code: i32, error: &DeviceError) -> bool {
    match error {
        DeviceError::OutOfMemory { .. } => code == OUT_OF_MEMORY,
        DeviceError::Failed { reason } => code == COPY_FAILED && reason.contains("code 6: a copy failed"),
        _ => false,
    }
}

/// Lets the call at each of the positions fail that are `step` apart, up to one that a proof does not reach.
#[test]
fn every_position() {
    for (keyed, code, step) in tiny().iter().zip([OUT_OF_MEMORY, COPY_FAILED]).map(|(keyed, code)| (keyed, code, 53)) {
        let mut failures = 0;
        for position in (0..).step_by(step) {
            let installation = Installation::new();
            let prover = keyed.prover(installation.open().expect("the mock"));
            installation.set(NOTHING, Some(position), code);
            match prove(&prover, keyed) {
                Ok(_) => {
                    assert!(prover.backend().failure().is_none());
                    break;
                }
                Err(ProveError::Backend(failure)) => assert!(is_of(code, device_error(&failure)), "position {position}: {failure}"),
                Err(other) => panic!("position {position}: {other}"),
            }
            failures += 1;
            // Once failed, always failed, also if the cause is gone.
            installation.set(NOTHING, None, 0);
            assert!(matches!(prove(&prover, keyed), Err(ProveError::Backend(_))), "position {position}, again");
        }
        assert!(failures > 5, "{failures} positions");
    }
}

#[test]
fn a_key_that_cannot_be_taken_over() {
    for keyed in tiny() {
        for position in 0..6 {
            let installation = Installation::new();
            let device = installation.open().expect("the mock");
            installation.set(NOTHING, Some(position), OUT_OF_MEMORY);
            match Prover::new(device, &keyed.key, &keyed.srs) {
                Err(KeyError::Backend(failure)) => assert!(is_of(OUT_OF_MEMORY, device_error(&failure))),
                Err(other) => panic!("call {position}: {other}"),
                Ok(_) => panic!("call {position}: the key was taken over"),
            }
        }
    }
}

/// A device that is right when it is opened and wrong later, where that shows.
#[test]
fn wrong_answers() {
    let keyed = models::convolution().keyed();
    assert!(keyed.key.layout().log_rows > 6, "columns are longer than the examples of an opening");
    for (mode, what) in [(mock::BROKEN_POINT, "a point of the curve"), (mock::BROKEN_FIELD, "a field element")] {
        let installation = Installation::new();
        let prover = keyed.prover(installation.open().expect("the mock"));
        installation.set(mode, None, 0);
        let Err(ProveError::Backend(failure)) = prove(&prover, &keyed) else { panic!("{what}: a proof") };
        assert_eq!(device_error(&failure), &DeviceError::WrongAnswer { what });
    }
}

/// Roots of unity that another part of the process gave ICICLE stay there, and are seen.
#[test]
fn roots_of_another() {
    let installation = Installation::new();
    let device = installation.open().expect("the mock");
    installation.set(mock::OTHER_ROOTS, None, 0);
    device.domain(7);
    assert_eq!(device.failure(), Some(&DeviceError::WrongAnswer { what: "a root of unity" }));
}

/// What a device returns after it failed has the right shape.
#[test]
fn answers_after_a_failure() {
    let installation = Installation::new();
    let device = installation.open().expect("the mock");
    let (points, domain) = (device.points(&[Default::default(); 8]), device.domain(3));
    let mut column = device.fields(vec![Default::default(); 8]);
    let coefficients = device.interpolate(&domain, &[&column]);
    installation.set(NOTHING, Some(0), OUT_OF_MEMORY);
    assert!(device.check().is_ok());
    assert_eq!(device.coset(&domain, &[&coefficients[0], &column], 7.into()).len(), 2);
    assert!(device.check().is_err_and(|failure| is_of(OUT_OF_MEMORY, device_error(&failure))));
    installation.set(NOTHING, None, 0);
    assert_eq!(device.read(&coefficients[0], 2..7).len(), 5);
    assert_eq!(device.read(&coefficients[0], 0..8).len(), 8);
    assert_eq!(device.interpolate(&domain, &[&column, &column]).len(), 2);
    assert_eq!(device.limbs(&domain, vec![device.fields(vec![Default::default(); 8])], &[7.into()]).len(), 1);
    assert_eq!(device.commit(&points, &[&column, &coefficients[0], &column]).len(), 3);
    device.write_tail(&mut column, &[Default::default(); 2]);
    device.invert(&mut column);
    assert_eq!(device.inner_products(&[(&column, 1)], &column).len(), 1);
    assert!(device.failure().is_some_and(|error| is_of(OUT_OF_MEMORY, error)), "the first failure stays");
}
