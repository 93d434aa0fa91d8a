//! Less memory changes the time of a proof, not its bytes; too little is an error; a proof stops wherever it is cancelled.

mod models;

use std::ops::ControlFlow;

use models::{Keyed, Model};
use sworn_prover::{Backend, Cpu, ProveError, Prover, ProvingKey, Reference, Stage};

fn some() -> [Model; 3] {
    [models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]), models::maxima(), models::elementwise_and_tables()]
}

/// A prover with the least budget that is enough, and that budget.
fn with_least<B: Backend>(keyed: &Keyed, backend: B) -> (Prover<B, &ProvingKey>, u64) {
    let prover = keyed.prover(backend).with_memory(Some(0));
    match models::prove(&prover, &keyed.inputs, 3, &mut |_, _| ControlFlow::Continue(())) {
        Err(ProveError::Memory { needed, budget }) if budget < needed => (prover.with_memory(Some(needed)), needed),
        other => panic!("{:?} with no memory", other.map(|p| p.bytes.len())),
    }
}

#[test]
fn less_memory_makes_the_same_proof() {
    for model in some() {
        let keyed = model.keyed();
        let bytes = keyed.prove(Cpu, 3).bytes;
        let (mut prover, least) = with_least(&keyed, Cpu);
        // From the least budget, at which nothing is kept, to one at which all is: coefficients, and from the second proof on
        // what only depends on the key.
        for budget in [least].into_iter().chain((0..28).step_by(3).map(|i| least + (1 << i))).chain([u64::MAX]) {
            prover = prover.with_memory(Some(budget));
            for count in 0..3 {
                let proof = models::prove(&prover, &keyed.inputs, 3, &mut |_, _| ControlFlow::Continue(())).unwrap();
                assert_eq!(proof.bytes, bytes, "{}, {budget} bytes, proof {count}", keyed.name);
            }
        }
    }
    let keyed = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]).keyed();
    let (prover, _) = with_least(&keyed, Reference);
    let proof = models::prove(&prover, &keyed.inputs, 3, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(proof.bytes, keyed.prove(Cpu, 3).bytes);
}

#[test]
fn too_little_memory_is_an_error() {
    for model in some() {
        let keyed = model.keyed();
        let (prover, least) = with_least(&keyed, Cpu);
        let prover = prover.with_memory(Some(least - 1));
        let mut calls = 0;
        let refused = models::prove(&prover, &keyed.inputs, 3, &mut |_, _| {
            calls += 1;
            ControlFlow::Continue(())
        });
        assert!(matches!(refused, Err(ProveError::Memory { needed, budget }) if needed == least && budget < least));
        assert_eq!(calls, 0, "it is refused before any work");
    }
    let message = ProveError::Memory { needed: 12_300_000_000, budget: 4_000_000_000 }.to_string();
    assert!(message.contains("12300 MB") && message.contains("4000 MB"), "{message}");
}

#[test]
fn a_proof_stops_at_any_call() {
    for model in some() {
        let keyed = model.keyed();
        let prover = keyed.prover(Cpu);
        let mut calls = Vec::new();
        let whole = models::prove(&prover, &keyed.inputs, 3, &mut |stage, fraction| {
            calls.push((stage, fraction));
            ControlFlow::Continue(())
        });
        assert!(whole.is_ok());
        assert!(calls.windows(2).all(|w| w[0].0 < w[1].0 || w[0].0 == w[1].0 && w[0].1 <= w[1].1), "progress goes on: {calls:?}");
        assert!(calls.iter().all(|c| (0.0..=1.0).contains(&c.1)) && Stage::ALL.iter().all(|s| calls.contains(&(*s, 0.0))));
        for stop in 0..calls.len() {
            let mut left = stop;
            let mut called = 0;
            let cancelled = models::prove(&prover, &keyed.inputs, 3, &mut |_, _| {
                called += 1;
                match left.checked_sub(1) {
                    Some(fewer) => {
                        left = fewer;
                        ControlFlow::Continue(())
                    }
                    None => ControlFlow::Break(()),
                }
            });
            assert!(matches!(cancelled, Err(ProveError::Cancelled)), "{}, call {stop}", keyed.name);
            assert_eq!(called, stop + 1, "nothing is called after a cancellation");
        }
        // The prover is as good as before.
        assert_eq!(models::prove(&prover, &keyed.inputs, 3, &mut |_, _| ControlFlow::Continue(())).unwrap().bytes, whole.unwrap().bytes);
    }
}

/// Proofs that share what a prover keeps do not disturb each other.
#[test]
fn one_prover_makes_proofs_at_once() {
    let keyed = models::maxima().keyed();
    let prover = keyed.prover(Cpu);
    let one = |seed: u64| models::prove(&prover, &keyed.inputs, seed, &mut |_, _| ControlFlow::Continue(())).unwrap().bytes;
    let at_once: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|seed| scope.spawn(move || one(seed / 2))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let alone: Vec<Vec<u8>> = (0..4).map(|seed| keyed.prove(Cpu, seed / 2).bytes).collect();
    assert!(at_once == alone, "proofs made at once are those made alone");
}
