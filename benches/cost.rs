//! The cost model of layouts against measurements: `cargo bench -p sworn-benches --bench cost`.
//!
//! Prints, for networks of several sizes, the estimate that `sworn inspect` prints and the measured time of a proof, then the cost
//! law: seconds a weight, seconds an activation and a constant, by least squares of the relative errors.
//! Without `--bench` (as `cargo test` runs it) only the smallest is proved.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::ops::ControlFlow;
use std::time::Instant;

use sworn_circuits::graph::{Activation, Channels, Conv, Gather, Linear, Node, NodeId, Op, Output, QuantGraph, Reduce, Term};
use sworn_circuits::layout::{Layout, LayoutProfile, Visibility};

/// A chain of `convolutions` 3×3 convolutions with relu on an image, means of its channels, and a dense layer.
fn network(bits: u32, channels: usize, size: usize, convolutions: usize, outputs: usize) -> QuantGraph {
    let node = |name: String, op, inputs: Vec<NodeId>, shape: Vec<usize>| Node { name, op, inputs, shape, scale: 1.0, shift: bits };
    let shape = vec![1, channels, size, size];
    let elements = channels * size * size;
    let weights = |count: usize| (0..count).map(|i| (i * 7 % 13) as i32 - 6).collect::<Vec<_>>();
    let linear = |layout, conv, outputs: usize, activation| {
        Op::Linear(Linear { channels: layout, terms: vec![Term::Conv(conv)], bias: vec![0; outputs], activation })
    };
    let mut nodes = vec![node("input".into(), Op::Input, vec![], shape.clone())];
    for index in 0..convolutions {
        let conv = Conv::new([3, 3], [1, 1], [1, 1], [1, 1], 1, weights(channels * channels * 9));
        let op = linear(Channels::First, conv, channels, Activation::Relu);
        nodes.push(node(format!("conv {index}"), op, vec![NodeId(index)], shape.clone()));
    }
    let mut push = |name: &str, op, shape: Vec<usize>| {
        let last = NodeId(nodes.len() - 1);
        nodes.push(node(name.into(), op, vec![last], shape));
    };
    // Convolutions end in a mean of each channel, as classifiers do.
    let features = if convolutions == 0 { elements } else { channels };
    if convolutions > 0 {
        push("flatten", Op::Gather(Gather::identity(elements)), vec![channels, size * size]);
        let factor = (1 << bits) / (size * size) as i32;
        push("mean", Op::Reduce(Reduce { inner: size * size, factor, activation: Activation::None }), vec![channels]);
    }
    push("features", Op::Gather(Gather::identity(features)), vec![1, features]);
    push("dense", linear(Channels::Last, Conv::dense(weights(features * outputs)), outputs, Activation::Relu), vec![1, outputs]);
    let outputs = vec![Output::new(NodeId(nodes.len() - 1), "y")];
    QuantGraph { bits, nodes, inputs: vec![NodeId(0)], outputs, tables: vec![] }
}

/// Bits, channels, side of the image, convolutions, outputs of the dense layer: weights and activations vary independently.
const NETWORKS: [(u32, usize, usize, usize, usize); 9] = [
    (8, 1, 4, 0, 4),
    (12, 1, 28, 0, 128),
    (12, 1, 28, 0, 1024),
    (12, 1, 56, 0, 1024),
    (12, 1, 112, 0, 1024),
    (12, 8, 16, 4, 10),
    (12, 8, 32, 4, 10),
    (12, 8, 64, 4, 10),
    (12, 128, 16, 5, 512),
];

/// A measured proof.
struct Point {
    weights: f64,
    activations: f64,
    seconds: f64,
}

/// `seconds ≈ x_0·weights + x_1·activations + x_2`, weighted by 1/seconds: the normal equations, by Gauss and Jordan.
fn fit(points: &[Point]) -> [f64; 3] {
    let mut m = [[0.0; 4]; 3];
    for p in points {
        let row = [p.weights, p.activations, 1.0, p.seconds].map(|v| v / p.seconds);
        for (i, equation) in m.iter_mut().enumerate() {
            equation.iter_mut().zip(row).for_each(|(sum, v)| *sum += row[i] * v);
        }
    }
    for i in 0..3 {
        let pivot = m[i].map(|v| v / m[i][i]);
        m[i] = pivot;
        for (_, row) in m.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = row[i];
            row.iter_mut().zip(pivot).for_each(|(v, p)| *v -= factor * p);
        }
    }
    [m[0][3], m[1][3], m[2][3]]
}

fn main() {
    let all = std::env::args().any(|a| a == "--bench");
    println!("rows  advice  fixed  permuted  weights  activations  estimate s  measured s  ratio");
    let mut points = Vec::new();
    for (bits, channels, size, convolutions, outputs) in NETWORKS.into_iter().take(if all { usize::MAX } else { 1 }) {
        let graph = network(bits, channels, size, convolutions, outputs);
        let visibility = Visibility::default();
        let layout = Layout::with_profile(&graph, visibility, LayoutProfile::Fast).unwrap();
        let estimate = layout.estimate.clone();
        let srs = sworn_prover::Srs::dev(layout.choice().log_powers()).unwrap();
        let input = vec![(0..graph.nodes[0].elements()).map(|i| (i % 3) as i32 - 1).collect::<Vec<i32>>()];
        let about = sworn_prover::about("network", &graph);
        let key = sworn_prover::setup(graph, visibility, layout, about, &srs).unwrap();
        let mut seconds: Vec<f64> = (0..if all { 5 } else { 1 })
            .map(|_| {
                let start = Instant::now();
                sworn_prover::prove(&key, &srs, sworn_verifier::Context::NONE, &input, rand::rngs::OsRng, &mut |_, _| {
                    ControlFlow::Continue(())
                })
                .unwrap();
                start.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        let measured = seconds[seconds.len() / 2];
        println!(
            "2^{:<3}  {:>5}  {:>5}  {:>8}  {:>8} {:>11}  {:>10.3}  {:>10.3}  {:>5.2}",
            estimate.log_rows,
            estimate.advice_columns,
            estimate.fixed_columns,
            estimate.permuted_columns,
            estimate.weights,
            estimate.activations,
            estimate.prove_seconds,
            measured,
            measured / estimate.prove_seconds
        );
        points.push(Point { weights: estimate.weights as f64, activations: estimate.activations as f64, seconds: measured });
    }
    if points.len() < 4 {
        return;
    }
    let [weight, activation, constant] = fit(&points);
    println!("{:.1} ns a weight + {:.2} us an activation + {:.1} ms", 1e9 * weight, 1e6 * activation, 1e3 * constant);
    for p in &points {
        println!("    {:>8.3} s measured, {:>8.3} s by the law", p.seconds, weight * p.weights + activation * p.activations + constant);
    }
}
