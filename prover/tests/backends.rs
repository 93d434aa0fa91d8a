//! The conformance suite of the CPU backend, with the machine's threads and with one and three.

use sworn_prover::{testing, Cpu};

sworn_prover::backend_tests!(Cpu);

/// Every check in a pool of its own.
fn in_pool(threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("a pool of threads").install(|| testing::all(&Cpu));
}

#[test]
fn one_thread() {
    in_pool(1);
}

#[test]
fn three_threads() {
    in_pool(3);
}

/// What the reference can be held against besides itself: contents, known polynomials, values that come back.
mod reference {
    use sworn_prover::Reference;

    sworn_prover::backend_tests!(Reference => columns, interpolate, limbs);
}
