//! The cost model of layouts against measurements: `cargo bench -p sworn-benches --bench cost`.
//!
//! Prints, for networks of several sizes, the estimate that `sworn inspect` prints and the measured time and memory of a proof.
//! Without `--bench` (as `cargo test` runs it) only the smallest is proved.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::ops::ControlFlow;
use std::time::Instant;

use sworn_circuits::graph::{Activation, Channels, Conv, Gather, Linear, Node, NodeId, Op, QuantGraph, Term};
use sworn_circuits::layout::{Layout, Visibility};

/// A chain of `convolutions` 3×3 convolutions with relu on an image, and a dense layer.
fn network(bits: u32, channels: usize, size: usize, convolutions: usize, outputs: usize) -> QuantGraph {
    let node = |name: String, op, inputs: Vec<NodeId>, shape: Vec<usize>| Node { name, op, inputs, shape, scale: 1.0 };
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
    let last = NodeId(nodes.len() - 1);
    nodes.push(node("flatten".into(), Op::Gather(Gather::identity(elements)), vec![last], vec![1, elements]));
    let op = linear(Channels::Last, Conv::dense(weights(elements * outputs)), outputs, Activation::Relu);
    nodes.push(node("dense".into(), op, vec![NodeId(nodes.len() - 1)], vec![1, outputs]));
    let outputs = vec![NodeId(nodes.len() - 1)];
    QuantGraph { bits, nodes, inputs: vec![NodeId(0)], outputs, tables: vec![] }
}

fn main() {
    let all = std::env::args().any(|a| a == "--bench");
    let networks = [(8, 1, 4, 0, 4), (12, 1, 16, 1, 10), (12, 1, 28, 0, 128), (12, 4, 16, 2, 10), (12, 8, 16, 4, 10), (12, 16, 32, 3, 10)];
    println!("rows  advice  fixed  permuted  estimate s  measured s  ratio");
    for (bits, channels, size, convolutions, outputs) in networks.into_iter().take(if all { usize::MAX } else { 1 }) {
        let graph = network(bits, channels, size, convolutions, outputs);
        let visibility = Visibility::default();
        let layout = Layout::new(&graph, visibility).unwrap();
        let estimate = layout.estimate.clone();
        let srs = sworn_prover::Srs::dev(layout.log_rows).unwrap();
        let input = vec![(0..graph.nodes[0].elements()).map(|i| (i % 3) as i32 - 1).collect::<Vec<i32>>()];
        let key = sworn_prover::setup(graph, visibility, layout, &srs).unwrap();
        let mut seconds: Vec<f64> = (0..if all { 3 } else { 1 })
            .map(|_| {
                let start = Instant::now();
                sworn_prover::prove(&key, &srs, &input, rand::rngs::OsRng, &mut |_, _| ControlFlow::Continue(())).unwrap();
                start.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        let measured = seconds[seconds.len() / 2];
        println!(
            "2^{:<3}  {:>5}  {:>5}  {:>8}  {:>10.3}  {:>10.3}  {:>5.2}",
            estimate.log_rows,
            estimate.advice_columns,
            estimate.fixed_columns,
            estimate.permuted_columns,
            estimate.prove_seconds,
            measured,
            measured / estimate.prove_seconds
        );
    }
}
