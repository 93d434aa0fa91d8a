//! How long a witness takes: `cargo test --release -p sworn-circuits --test speed -- --ignored --nocapture --test-threads 1`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod build;

use std::time::Instant;

use build::{Build, ConvSpec};
use sworn_circuits::graph::*;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_circuits::witness::Witness;

/// Weights with which a tensor of random signs keeps its size.
fn unit_gain(b: &mut Build, id: NodeId) {
    let bits = b.graph.bits;
    let Op::Linear(linear) = &mut b.graph.nodes[id.0].op else { return };
    let outputs = linear.bias.len();
    for term in &mut linear.terms {
        if let Term::Conv(conv) = term {
            let fan_in = conv.weights.len() / outputs;
            let size = (f64::from(1 << bits) * 1.7 / (fan_in as f64).sqrt()) as i64;
            build::change_weights(conv, |weights| weights.iter_mut().for_each(|w| *w = b.rng.int(-size, size) as i32));
        }
    }
}

fn convolution(b: &mut Build, x: NodeId, outputs: usize, kernel: usize, pad: usize) -> NodeId {
    let y = b.conv(x, outputs, ConvSpec::square(kernel, 1, pad), Activation::Relu);
    unit_gain(b, y);
    y
}

fn dense(b: &mut Build, x: NodeId, outputs: usize, activation: Activation) -> NodeId {
    let y = b.dense(x, outputs, activation);
    unit_gain(b, y);
    y
}

fn vgg() -> (QuantGraph, Vec<Vec<i32>>) {
    let mut b = Build::new(12, 1);
    let mut x = b.input(&[1, 3, 32, 32]);
    for stage in [&[64, 64][..], &[128, 128], &[256; 3], &[512; 3], &[512; 3]] {
        for &outputs in stage {
            x = convolution(&mut b, x, outputs, 3, 1);
        }
        x = b.max_pool(x, 2);
    }
    x = b.flatten(x);
    x = dense(&mut b, x, 512, Activation::Relu);
    x = dense(&mut b, x, 512, Activation::Relu);
    x = dense(&mut b, x, 10, Activation::None);
    quieter(b.finish(&[x]))
}

fn lenet() -> (QuantGraph, Vec<Vec<i32>>) {
    let mut b = Build::new(12, 2);
    let mut x = b.input(&[1, 1, 28, 28]);
    x = convolution(&mut b, x, 6, 5, 2);
    x = b.max_pool(x, 2);
    x = convolution(&mut b, x, 16, 5, 0);
    x = b.max_pool(x, 2);
    x = b.flatten(x);
    x = dense(&mut b, x, 120, Activation::Relu);
    x = dense(&mut b, x, 84, Activation::Relu);
    x = dense(&mut b, x, 10, Activation::None);
    quieter(b.finish(&[x]))
}

/// Inputs with which no value leaves its range.
fn quieter((graph, mut inputs): (QuantGraph, Vec<Vec<i32>>)) -> (QuantGraph, Vec<Vec<i32>>) {
    while graph.evaluate(&inputs).is_err() {
        inputs.iter_mut().flatten().for_each(|v| *v = *v * 3 / 4);
    }
    (graph, inputs)
}

fn timed<T>(what: &str, mut f: impl FnMut() -> T) -> T {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..5 {
        let start = Instant::now();
        last = Some(f());
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("  {what:<24} {:8.1} ms (median of {}), {:8.1} ms (least)", times[times.len() / 2], times.len(), times[0]);
    last.unwrap()
}

fn measure(name: &str, (graph, inputs): (QuantGraph, Vec<Vec<i32>>)) {
    let start = Instant::now();
    let layout = Layout::new(&graph, Visibility::default()).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{name}: {} weights, {:?}, laid out in {seconds:.1} s, {} threads",
        graph.num_weights(),
        layout.choice(),
        rayon::current_num_threads()
    );
    let bytes = timed("encode", || postcard::to_stdvec(&graph).unwrap());
    let decoded: QuantGraph = timed("decode", || postcard::from_bytes(&bytes).unwrap());
    assert!(decoded == graph);
    println!("  encoding of {} bytes", bytes.len());
    let tensors = timed("evaluate", || graph.evaluate(&inputs).unwrap());
    let last = tensors.last().unwrap();
    println!("  last tensor {} {}", last.iter().min().unwrap(), last.iter().max().unwrap());
    let witness = timed("all but multiplicities", || Witness::without_multiplicities(&graph, &layout, &inputs).unwrap());
    timed("multiplicities", || witness.count(&layout, &graph).unwrap());
    timed("witness", || Witness::new(&graph, &layout, &inputs).unwrap());
}

#[test]
#[ignore = "a measurement"]
fn lenet_witness() {
    measure("LeNet", lenet());
}

#[test]
#[ignore = "a measurement"]
fn vgg_witness() {
    measure("VGG", vgg());
}
