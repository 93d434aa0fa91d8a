//! Every stage between an ONNX file and a checked proof, by itself.
//!
//! `cargo bench --package sworn-benches` measures them on the digits example, and on the models that `cargo xtask models` has made.
//! Ids are `stage/model`, so `-- witness/` measures one stage and `-- /digits` one model.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{criterion_group, criterion_main, BenchmarkGroup, Criterion};
use rand::rngs::OsRng;
use sworn_benches::{models, Model};
use sworn_circuits::graph::QuantGraph;
use sworn_circuits::layout::{Layout, LayoutProfile, Visibility};
use sworn_circuits::witness::Witness;
use sworn_onnx::compile::{compile, Options};
use sworn_onnx::graph::Graph;
use sworn_onnx::quantize::quantize_input;
use sworn_onnx::{load, LoadOptions};
use sworn_prover::{Proof, ProvingKey, Srs};

fn made() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../models")
}

fn imported(model: &Model) -> Graph {
    load(&model.path, &LoadOptions::default()).unwrap_or_else(|error| panic!("{}: {error}", model.name))
}

fn quantised(model: &Model) -> QuantGraph {
    compile(imported(model), std::slice::from_ref(&model.input), &Options::default())
        .unwrap_or_else(|error| panic!("{}: {error}", model.name))
        .graph
}

fn laid_out(model: &Model, graph: &QuantGraph) -> Layout {
    Layout::with_profile(graph, Visibility::default(), LayoutProfile::Fast).unwrap_or_else(|error| panic!("{}: {error}", model.name))
}

fn integers(model: &Model, graph: &QuantGraph) -> Vec<Vec<i32>> {
    let integers = |(index, values): (usize, &Vec<f32>)| quantize_input(graph, index, values);
    model.input.iter().enumerate().map(integers).collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{}: {error}", model.name))
}

fn key(model: &Model, graph: &QuantGraph, layout: Layout, srs: &Srs) -> ProvingKey {
    let about = sworn_prover::about(model.name, graph);
    sworn_prover::setup(graph.clone(), Visibility::default(), layout, about, srs).unwrap_or_else(|error| panic!("{}: {error}", model.name))
}

fn srs(k: u32) -> Srs {
    Srs::dev(k).unwrap_or_else(|error| panic!("development SRS: {error}"))
}

fn proof(model: &Model, key: &ProvingKey, srs: &Srs, inputs: &[Vec<i32>]) -> Proof {
    sworn_prover::prove(key, srs, sworn_verifier::Context::NONE, inputs, OsRng, &mut |_, _| ControlFlow::Continue(()))
        .unwrap_or_else(|error| panic!("{}: {error}", model.name))
}

/// One stage on every model: `prepare` makes what `measure` reads.
fn stage<T>(c: &mut Criterion, name: &str, prepare: impl Fn(&Model) -> T, measure: impl Fn(&Model, &T)) {
    let mut group: BenchmarkGroup<'_, WallTime> = c.benchmark_group(name);
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for model in models(&made()) {
        let prepared = prepare(&model);
        group.bench_function(model.name, |b| b.iter(|| measure(&model, &prepared)));
    }
    group.finish();
}

fn import(c: &mut Criterion) {
    stage(c, "import", |_| (), |model, ()| drop(black_box(imported(model))));
}

fn quantise(c: &mut Criterion) {
    let samples = |model: &Model| vec![model.input.clone()];
    stage(c, "quantise", imported, |model, graph| drop(black_box(compile(graph.clone(), &samples(model), &Options::default()))));
}

/// The integer semantics alone: the part of the witness that is the model itself.
fn evaluate(c: &mut Criterion) {
    let prepare = |model: &Model| {
        let graph = quantised(model);
        let inputs = integers(model, &graph);
        (graph, inputs)
    };
    stage(c, "evaluate", prepare, |_, (graph, inputs)| drop(black_box(graph.evaluate(inputs))));
}

fn layout(c: &mut Criterion) {
    stage(c, "layout", quantised, |model, graph| drop(black_box(laid_out(model, graph))));
}

fn witness(c: &mut Criterion) {
    let prepare = |model: &Model| {
        let graph = quantised(model);
        let (layout, inputs) = (laid_out(model, &graph), integers(model, &graph));
        (graph, layout, inputs)
    };
    stage(c, "witness", prepare, |_, (graph, layout, inputs)| {
        drop(black_box(Witness::new(graph, layout, inputs)));
    });
}

fn setup(c: &mut Criterion) {
    let prepare = |model: &Model| {
        let graph = quantised(model);
        let srs = srs(laid_out(model, &graph).choice().log_powers());
        (graph, srs)
    };
    // The layout goes into the key, so it is made here too; the stage before measures it.
    stage(c, "setup", prepare, |model, (graph, srs)| drop(black_box(key(model, graph, laid_out(model, graph), srs))));
}

/// What proving needs.
fn provable(model: &Model) -> (ProvingKey, Srs, Vec<Vec<i32>>) {
    let graph = quantised(model);
    let (layout, inputs) = (laid_out(model, &graph), integers(model, &graph));
    let srs = srs(layout.choice().log_powers());
    (key(model, &graph, layout, &srs), srs, inputs)
}

fn prove(c: &mut Criterion) {
    stage(c, "prove", provable, |model, (key, srs, inputs)| drop(black_box(proof(model, key, srs, inputs))));
}

fn verify(c: &mut Criterion) {
    let prepare = |model: &Model| {
        let (key, srs, inputs) = provable(model);
        let proof = proof(model, &key, &srs, &inputs);
        (key, proof)
    };
    stage(c, "verify", prepare, |model, (key, proof)| {
        sworn_verifier::verify(key.verifying_key(), sworn_verifier::Context::NONE, &proof.instance, &proof.bytes)
            .unwrap_or_else(|error| panic!("{}: {error}", model.name));
    });
}

criterion_group!(stages, import, quantise, evaluate, layout, witness, setup, prove, verify);
criterion_main!(stages);
