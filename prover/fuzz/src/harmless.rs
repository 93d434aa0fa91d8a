//! What holds for bytes of any origin: an error, or a graph or key that works; no panic, and no more memory than there is.
//!
//! ```text
//! circuit        the contents of circuit.bin: a quantised graph
//! proving_key    the contents of proving.key
//! ```

use sworn_circuits::graph::QuantGraph;
use sworn_circuits::layout::{Layout, LayoutProfile, Visibility};
use sworn_circuits::memory::Budget;
use sworn_circuits::witness::Witness;
use sworn_prover::DecodedKey;

/// The most resident memory: what a file asks for beyond it is refused.
pub const MEMORY: u64 = 512 << 20;
/// Elements of inputs that are made to run a graph.
const MAX_INPUTS: usize = 1 << 16;

/// An error, or a graph that has another encoding at most in the length of its numbers, is laid out and runs.
pub fn circuit(data: &[u8]) {
    let budget = Budget::limited(MEMORY);
    let Ok(graph) = QuantGraph::from_bytes(data, budget) else { return };
    let again = QuantGraph::from_bytes(&graph.to_bytes(), budget).expect("a graph that was decoded");
    assert_eq!(again.to_bytes(), graph.to_bytes());
    let Ok(layout) = Layout::within(&graph, Visibility { input: true, pack_public: true }, LayoutProfile::Plain, budget) else { return };
    let elements = graph.inputs.iter().map(|&id| graph.node(id).elements());
    if elements.clone().sum::<usize>() <= MAX_INPUTS {
        let inputs: Vec<Vec<i32>> = elements.map(|count| vec![1; count]).collect();
        // A value may leave its range.
        let _ = Witness::new(&graph, &layout, &inputs);
    }
    let restored = Layout::restore_within(&graph, Visibility { input: true, pack_public: true }, layout.choice(), budget);
    assert_eq!(restored.expect("the choice of a layout").choice(), layout.choice());
}

/// An error, or a key whose parts belong together; its reference string is not made.
pub fn proving_key(data: &[u8]) {
    let budget = Budget::limited(MEMORY);
    let Ok(key) = DecodedKey::within(data, budget) else { return };
    assert!(key.choice().is_sized());
    // It may take more memory than there is here.
    let _ = key.check_memory(budget);
}
