//! Verification: one proof, batches, and reading keys and proofs, on circuits made without an ONNX file.
//!
//! `cargo bench --package sworn-benches --bench verify`. Ids are `verify/what/model`; batches are proofs of one key, and the throughput is
//! in proofs.

use std::hint::black_box;
use std::time::Duration;

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use sworn_circuits::layout::LayoutProfile;
use sworn_prover::Cpu;
use sworn_verifier::{verify, verify_batch, Claimed, Context, Proof, VerifyingKey};

#[path = "../prover/tests/models/mod.rs"]
mod models;

/// Different proofs in a batch; they are repeated.
const PROOFS: u64 = 10;

fn verification(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    let small = [models::two_limbs(), models::residual()].map(|model| (model.name.to_owned(), model.keyed()));
    let profiles = [LayoutProfile::Plain, LayoutProfile::Fast, LayoutProfile::Onchain];
    let large = profiles.map(|profile| (format!("wide, {profile:?}").to_lowercase(), models::wide().profiled(profile)));
    for (name, keyed) in small.into_iter().chain(large) {
        let key = keyed.key.verifying_key();
        let proofs: Vec<_> = (0..PROOFS).map(|seed| keyed.prove(Cpu, seed)).collect();
        let Some(one) = proofs.first() else { continue };
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("one/{name}"), |b| b.iter(|| verify(key, Context::NONE, &one.instance, &one.bytes)));
        group.bench_function(format!("read/{name}"), |b| b.iter(|| black_box(Proof::read(key, Context::NONE, &one.instance, &one.bytes))));
        let bytes = key.to_bytes();
        group.bench_function(format!("key/{name}"), |b| b.iter(|| black_box(VerifyingKey::from_bytes(&bytes))));
        for size in [10, 100, 1000] {
            let batch: Vec<Claimed<'_>> =
                proofs.iter().cycle().take(size).map(|p| (key, Context::NONE, p.instance.as_slice(), p.bytes.as_slice())).collect();
            group.throughput(Throughput::Elements(size as u64));
            group.bench_function(format!("batch {size}/{name}"), |b| b.iter(|| verify_batch(&batch)));
        }
    }
    group.finish();
}

criterion_group!(benches, verification);
criterion_main!(benches);
