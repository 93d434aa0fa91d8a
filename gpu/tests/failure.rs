//! A device that fails, at any of its allocations or launches, ends a proof with its error: never a proof, never a panic.

mod emulated;
#[path = "../../prover/tests/models/mod.rs"]
mod models;

use std::ops::ControlFlow;

use models::Keyed;
use sworn_gpu::{Device, DeviceError};
use sworn_prover::backend::{Backend, Failure};
use sworn_prover::{KeyError, Proof, ProveError, Prover, ProvingKey};

fn tiny() -> [Keyed; 2] {
    let tiny = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]);
    [tiny.keyed(), tiny.packed(5)]
}

fn prove(prover: &Prover<Device, &ProvingKey>, keyed: &Keyed) -> Result<Proof, ProveError> {
    models::prove(prover, &keyed.inputs, 5, &mut |_, _| ControlFlow::Continue(()))
}

/// The device's error in a failure.
fn device_error(failure: &Failure) -> &DeviceError {
    failure.downcast_ref().unwrap_or_else(|| panic!("{failure} is no error of a device"))
}

fn is_out_of_memory(error: &DeviceError) -> bool {
    matches!(error, DeviceError::OutOfMemory { .. })
}

fn is_failed(error: &DeviceError) -> bool {
    matches!(error, DeviceError::Failed { .. })
}

/// Lets the operation at each of the positions fail that are `step` apart, up to one that a proof does not reach.
fn every_position(
    keyed: &Keyed,
    step: u64,
    fail_after: impl Fn(&Device, u64) -> Result<(), DeviceError>,
    is_expected: impl Fn(&DeviceError) -> bool,
) {
    let mut failures = 0;
    for position in (0..).step_by(step as usize) {
        let prover = keyed.prover(emulated::device(None));
        let device = prover.backend();
        fail_after(device, position).expect("faults are injected");
        match prove(&prover, keyed) {
            Ok(_) => {
                assert!(device.failure().is_none());
                break;
            }
            Err(ProveError::Backend(failure)) => assert!(is_expected(device_error(&failure)), "position {position}: {failure}"),
            Err(other) => panic!("position {position}: {other}"),
        }
        failures += 1;
        // Once failed, always failed, also if the cause is gone.
        device.fail_after(None, None).expect("no more faults");
        assert!(matches!(prove(&prover, keyed), Err(ProveError::Backend(_))), "position {position}, again");
    }
    assert!(failures > 20, "{failures} positions");
}

#[test]
fn allocations() {
    for keyed in tiny() {
        every_position(&keyed, 23, |device, n| device.fail_after(Some(n), None), is_out_of_memory);
    }
}

#[test]
fn launches() {
    for keyed in tiny() {
        every_position(&keyed, 7, |device, n| device.fail_after(None, Some(n)), is_failed);
    }
}

#[test]
fn a_key_that_cannot_be_taken_over() {
    for keyed in tiny() {
        for position in 0..12 {
            let device = emulated::device(None);
            device.fail_after(Some(position), None).expect("faults are injected");
            match Prover::new(device, &keyed.key, &keyed.srs) {
                Err(KeyError::Backend(failure)) => assert!(is_out_of_memory(device_error(&failure))),
                Err(other) => panic!("allocation {position}: {other}"),
                Ok(_) => panic!("allocation {position}: the key was taken over"),
            }
        }
    }
}

/// Budgets from nothing to enough: either the CPU's proof or an error. Within it the device stays below its budget.
#[test]
fn budgets() {
    let [keyed, _] = tiny();
    let expected = keyed.prove(sworn_prover::Cpu, 5).bytes;
    let roomy = keyed.prover(emulated::device(None));
    prove(&roomy, &keyed).expect("a proof");
    let (_, peak) = roomy.backend().memory().expect("its memory");
    let mut made = 0;
    for budget in (0..=8).map(|eighths| peak * eighths / 8) {
        let prover = Prover::new(emulated::device(Some(budget)), &keyed.key, &keyed.srs);
        let error = match prover.map_err(ProveError::Key) {
            Err(error) => error,
            Ok(prover) => {
                let proof = prove(&prover, &keyed);
                let (now, peak) = prover.backend().memory().expect("its memory");
                assert!(now <= peak && peak <= budget, "{now} and {peak} of {budget} bytes");
                match proof {
                    Err(error) => error,
                    Ok(proof) => {
                        assert!(proof.bytes == expected, "a budget of {budget} bytes");
                        made += 1;
                        continue;
                    }
                }
            }
        };
        match error {
            ProveError::Backend(failure) | ProveError::Key(KeyError::Backend(failure)) => {
                assert!(is_out_of_memory(device_error(&failure)), "a budget of {budget} bytes: {failure}");
            }
            other => panic!("a budget of {budget} bytes: {other}"),
        }
    }
    assert!(made > 0, "the most that was used is enough");
}

/// Memory goes back with what lay in it.
#[test]
fn nothing_is_left_behind() {
    let [keyed, _] = tiny();
    let prover = keyed.prover(emulated::device(None));
    let resident = prover.backend().memory().expect("its memory").0;
    prove(&prover, &keyed).expect("a proof");
    assert_eq!(prover.backend().memory().expect("its memory").0, resident, "a proof leaves nothing");

    let device = emulated::device(None);
    let objects =
        (device.points(&[Default::default(); 8]), device.domain(3), device.fields(vec![Default::default(); 8]), device.map(&[0; 8]));
    assert!(device.memory().expect("its memory").0 >= 8 * (64 + 32 + 32 + 4));
    drop(objects);
    assert_eq!(device.memory().expect("its memory").0, 0);
}

/// What a device returns after it failed has the right shape.
#[test]
fn answers_after_a_failure() {
    let device = emulated::device(None);
    let (points, domain) = (device.points(&[Default::default(); 8]), device.domain(3));
    let mut column = device.fields(vec![Default::default(); 8]);
    device.fail_after(Some(0), None).expect("faults are injected");
    assert!(device.check().is_ok());
    assert_eq!(device.interpolate(&domain, &[&column, &column]).len(), 2);
    assert!(device.check().is_err_and(|failure| is_out_of_memory(device_error(&failure))));
    device.fail_after(None, None).expect("no more faults");
    device.write_tail(&mut column, &[Default::default(); 2]);
    assert_eq!(device.read(&column, 2..7).len(), 5);
    assert_eq!(device.commit(&points, &[&column, &column, &column]).len(), 3);
    assert_eq!(device.inner_products(&[(&column, 1)], &column).len(), 1);
    assert_eq!(device.multiplicities(&[], 4, 16), Ok(vec![0; 16]));
    assert_eq!(device.read(&device.scan(None, &column), 0..8).len(), 8);
    device.invert(&mut column);
    assert!(device.failure().is_some_and(is_out_of_memory), "the first failure stays");
}
