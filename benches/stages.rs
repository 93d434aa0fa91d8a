//! Every stage between an ONNX file and a checked proof, by itself.
//!
//! `cargo bench --package sworn-benches` measures them on the digits example, and on the models that `cargo xtask models` has made.
//! Ids are `stage/model`, so `-- witness/` measures one stage and `-- /digits` one model.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{criterion_group, criterion_main, BenchmarkGroup, Criterion};
use sworn_benches::{models, Model};
use sworn_circuits::graph::QuantGraph;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_circuits::witness::Witness;
use sworn_onnx::compile::{compile, Options};
use sworn_onnx::graph::Graph;
use sworn_onnx::quantize::quantize_input;
use sworn_onnx::{load, LoadOptions};

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
    Layout::new(graph, Visibility::default()).unwrap_or_else(|error| panic!("{}: {error}", model.name))
}

fn integers(model: &Model, graph: &QuantGraph) -> Vec<Vec<i32>> {
    let integers = |(index, values): (usize, &Vec<f32>)| quantize_input(graph, index, values);
    model.input.iter().enumerate().map(integers).collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{}: {error}", model.name))
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
        drop(black_box(Witness::new(graph, layout, Visibility::default(), inputs)));
    });
}

criterion_group!(stages, import, quantise, evaluate, layout, witness);
criterion_main!(stages);
