//! Budgets that a proof has too little of: columns wait on the host, the proof is the same, and the budget is kept.

mod emulated;
#[path = "../../prover/tests/models/mod.rs"]
mod models;

use std::ops::ControlFlow;
use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use models::Keyed;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sworn_circuits::column::IntColumn;
use sworn_gpu::{Busy, Device, DeviceError};
use sworn_prover::backend::{Backend, Failure};
use sworn_prover::{Cpu, KeyError, ProveError, Prover, ProvingKey};

/// A proof in so much memory, or why there is none.
fn prove(keyed: &Keyed, budget: u64) -> Result<Vec<u8>, Failure> {
    let prover: Prover<Device, &ProvingKey> = match Prover::new(emulated::device(Some(budget)), &keyed.key, &keyed.srs) {
        Ok(prover) => prover,
        Err(KeyError::Backend(failure)) => return Err(failure),
        Err(other) => panic!("{other}"),
    };
    let mut proof = Err("no proof".into());
    // The second proof keeps more.
    for _ in 0..2 {
        proof = match models::prove(&prover, &keyed.inputs, 5, &mut |_, _| ControlFlow::Continue(())) {
            Ok(proof) => Ok(proof.bytes),
            Err(ProveError::Backend(failure)) => Err(failure),
            Err(other) => panic!("{other}"),
        };
        let (now, peak) = prover.backend().memory().expect("its memory");
        assert!(now <= peak && peak <= budget, "{now} and {peak} of {budget} bytes");
    }
    proof
}

/// The most memory of two proofs that nothing limits.
fn peak(keyed: &Keyed) -> u64 {
    let prover = keyed.prover(emulated::device(None));
    for _ in 0..2 {
        models::prove(&prover, &keyed.inputs, 5, &mut |_, _| ControlFlow::Continue(())).expect("a proof");
    }
    prover.backend().memory().expect("its memory").1
}

/// Every budget down to the least that is enough makes the CPU's proof, and every smaller one an error that says why.
fn budgets(keyed: &Keyed, enough: u64) {
    let expected = keyed.prove(Cpu, 5).bytes;
    let peak = peak(keyed);
    let mut failed = None;
    for hundredth in (10..=100).rev().step_by(10) {
        let budget = peak * hundredth / 100;
        match prove(keyed, budget) {
            Ok(proof) => {
                assert!(proof == expected, "{}: {hundredth} % of {peak} bytes", keyed.name);
                assert!(failed.is_none(), "{}: {hundredth} % are enough, and {failed:?} % are not", keyed.name);
            }
            Err(failure) => {
                let error: Option<&DeviceError> = failure.downcast_ref();
                assert!(matches!(error, Some(DeviceError::OutOfMemory { .. })), "{}: {hundredth} %: {failure}", keyed.name);
                failed = failed.or(Some(hundredth));
            }
        }
    }
    println!("{}: {peak} bytes, and not {failed:?} % of them", keyed.name);
    assert!(failed.is_some_and(|hundredth| hundredth < enough), "{}: {failed:?} % are not enough", keyed.name);
}

#[test]
fn proofs_with_less_memory() {
    budgets(&models::convolution().keyed(), 50);
    budgets(&models::elementwise_and_tables().keyed(), 50);
}

#[test]
fn packed_proofs_with_less_memory() {
    budgets(&models::maxima().packed(5), 50);
}

/// Columns of all kinds that do not fit together: what is asked of them, in any order, is what they were made of.
#[test]
fn columns_come_back() {
    const ROWS: usize = 1 << 10;
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let random = |rng: &mut ChaCha20Rng, count: usize| -> Vec<Fr> { (0..count).map(|_| Fr::random(&mut *rng)).collect() };
    // Room for four of 32 KiB.
    let device = emulated::device(Some(4 * 32 * ROWS as u64 + 8192));
    let mut columns = Vec::new();
    for i in 0..12 {
        if i % 3 == 0 {
            let values = random(&mut rng, ROWS);
            columns.push((device.fields(values.clone()), Cpu.fields(values)));
        } else {
            let values: Vec<i64> = (0..ROWS - 6).map(|_| rng.gen_range(-30_000..30_000) << (i % 4 * 12)).collect();
            let values = Arc::new(IntColumn::new(&values));
            let mut pair = (device.integers(&values, ROWS), Cpu.integers(&values, ROWS));
            let tail = random(&mut rng, 6);
            device.write_tail(&mut pair.0, &tail);
            Cpu.write_tail(&mut pair.1, &tail);
            columns.push(pair);
        }
    }
    let check = |i: usize, columns: &[(sworn_gpu::Column, _)]| {
        assert!(device.read(&columns[i].0, 0..ROWS) == Cpu.read(&columns[i].1, 0..ROWS), "column {i}");
    };
    for _ in 0..3 {
        for _ in 0..20 {
            check(rng.gen_range(0..columns.len()), &columns);
        }
        // What was changed after it came back is not what lies on the host.
        let i = rng.gen_range(0..columns.len());
        let tail = random(&mut rng, 6);
        device.write_tail(&mut columns[i].0, &tail);
        Cpu.write_tail(&mut columns[i].1, &tail);
        (0..columns.len()).for_each(|i| check(i, &columns));
    }
    let scalars = random(&mut rng, columns.len());
    let terms: Vec<_> = columns.iter().zip(&scalars).map(|((c, _), s)| (c, 3, *s)).collect();
    let expected: Vec<_> = columns.iter().zip(&scalars).map(|((_, c), s)| (c, 3, *s)).collect();
    let (sum, expected) = (device.combine(&terms), Cpu.combine(&expected));
    assert!(device.read(&sum, 0..ROWS) == Cpu.read(&expected, 0..ROWS), "a combination of all");
    let slots: Vec<_> = columns.iter().map(|(c, _)| (c, -1)).collect();
    let products = device.inner_products(&slots, &sum);
    assert!(products == Cpu.inner_products(&columns.iter().map(|(_, c)| (c, -1)).collect::<Vec<_>>(), &expected), "inner products");
    assert_eq!(device.failure(), None);
    let (now, peak) = device.memory().expect("its memory");
    assert!(now <= peak && peak <= 4 * 32 * ROWS as u64 + 8192, "{now}, {peak}");
    drop((columns, sum));
    assert_eq!(device.memory().expect("its memory").0, 0, "nothing is left behind");
}

/// One operation on more than there is room for.
#[test]
fn an_operation_that_does_not_fit() {
    const ROWS: usize = 1 << 10;
    let device = emulated::device(Some(2 * 32 * ROWS as u64));
    let column = device.fields(vec![Fr::ONE; ROWS]);
    let scanned = device.scan(Some(&column), &column);
    assert!(device.failure().is_some_and(|error| matches!(error, DeviceError::OutOfMemory { .. })), "{:?}", device.failure());
    assert_eq!(device.read(&scanned, 0..2), [Fr::ZERO; 2]);
}

/// The emulated device works while the host waits: what it was busy with is most of the time, and never more than all.
#[test]
fn what_a_device_is_busy_with() {
    let keyed = models::convolution().keyed();
    let prover = keyed.prover(emulated::device(None));
    let device = prover.backend();
    assert_eq!(device.busy().expect("its figures"), Busy::default(), "nothing is measured unasked");
    device.measure(true).expect("it measures");
    let start = std::time::Instant::now();
    models::prove(&prover, &keyed.inputs, 5, &mut |_, _| ControlFlow::Continue(())).expect("a proof");
    let seconds = start.elapsed().as_secs_f64();
    let busy = device.busy().expect("its figures");
    let sum = busy.kernel_seconds + busy.copy_seconds;
    assert!(busy.kernel_seconds > busy.copy_seconds && sum > seconds / 10.0 && sum <= seconds, "{busy:?} of {seconds} s");
    assert!(busy.kernels > 100 && busy.copies > 100, "{busy:?}");
    device.measure(true).expect("it measures");
    assert_eq!(device.busy().expect("its figures"), Busy::default(), "it begins at zero");
}
