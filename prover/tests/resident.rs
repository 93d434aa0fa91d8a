//! A proof's resident memory is what its limit says: measured in processes of their own.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod models;

use std::ops::ControlFlow;
use std::process::Command;

use models::build::{Build, ConvSpec};
use models::Keyed;
use sworn_circuits::graph::Activation;
use sworn_circuits::layout::{Choice, Layout, Visibility};
use sworn_circuits::memory::peak_bytes;
use sworn_prover::{about, setup, Cpu, ProveError, Srs};

/// Which model, packs of how many, and tenths that the limit is above the least.
const CASE: &str = "SWORN_TEST_CASE";

/// A convolution, a maximum and a dense layer; or wide dense layers.
fn keyed(model: usize, pack: usize) -> Keyed {
    let mut b = Build::new(8, 5);
    let out = if model == 0 {
        let x = b.input(&[1, 4, 40, 40]);
        let y = b.conv(x, 8, ConvSpec::square(3, 1, 1), Activation::Relu);
        let y = b.max_pool(y, 2);
        let y = b.flatten(y);
        b.dense(y, 10, Activation::None)
    } else {
        let x = b.input(&[1, 2000]);
        let y = b.dense(x, 500, Activation::Relu);
        b.dense(y, 10, Activation::None)
    };
    let (graph, mut inputs) = b.finish(&[out]);
    while graph.evaluate(&inputs).is_err() {
        inputs.iter_mut().flatten().for_each(|v| *v /= 2);
    }
    let plain = Layout::new(&graph, Visibility::default()).unwrap();
    let layout = Layout::restore(&graph, Visibility::default(), Choice { pack, ..plain.choice() }).unwrap();
    let srs = Srs::dev(layout.choice().log_powers()).unwrap();
    let about = about("resident", &graph);
    let key = setup(graph, Visibility::default(), layout, about, &srs).unwrap();
    Keyed { name: "resident", inputs, srs, key }
}

/// Runs the test below in a process of its own; the limit and the peak.
fn measured(model: usize, pack: usize, tenths: u64) -> (u64, u64) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "one_case", "--ignored", "--nocapture"])
        .env(CASE, format!("{model} {pack} {tenths}"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{text}{}", String::from_utf8_lossy(&child.stderr));
    let line = text.lines().find_map(|line| line.split_once("measured ")).unwrap().1;
    let (limit, peak) = line.split_once(' ').unwrap();
    (limit.parse().unwrap(), peak.trim().parse().unwrap())
}

#[test]
#[ignore = "a case of the test below, in a process of its own"]
fn one_case() {
    let case: Vec<u64> = std::env::var(CASE).unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
    let keyed = keyed(case[0] as usize, case[1] as usize);
    let prover = keyed.prover(Cpu).with_memory(Some(0));
    let refused = models::prove(&prover, &keyed.inputs, 3, &mut |_, _| ControlFlow::Continue(()));
    let Err(ProveError::Memory { needed, .. }) = refused else { panic!("a proof without memory") };
    let limit = needed + needed * case[2] / 10;
    let prover = prover.with_memory(Some(limit));
    // From here on the peak is that of the proof.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let proof = models::prove(&prover, &keyed.inputs, 3, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(!proof.bytes.is_empty());
    println!("measured {limit} {}", peak_bytes().unwrap());
}

#[test]
fn a_limit_holds() {
    for (model, pack, tenths) in [(0, 1, 0), (0, 1, 3), (0, 1, 9), (0, 4, 0), (1, 1, 0), (1, 8, 0)] {
        let (limit, peak) = measured(model, pack, tenths);
        assert!(peak <= limit + limit / 10, "model {model}, packs of {pack}: {peak} bytes resident within {limit}");
        // What is asked for is needed, but for what the allocator has left from before.
        assert!(peak >= limit / 10 * 7, "model {model}, packs of {pack}: {peak} bytes resident and {limit} asked for");
    }
}
