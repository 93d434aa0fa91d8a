//! The digest of an imported model: two files with the same graph have the same one.
//!
//! Each node is hashed as its debug form, but for weights, which are hashed as they are; then the nodes' hashes.

use std::fmt::{self, Debug, Write};

use sworn_onnx::graph::{Conv, Graph, Linear, Node, Op, Term};

use crate::Digest;

const CONTEXT: &str = "sworn 2026 source model v1";

/// A hasher that is written to like a string.
struct HashText(blake3::Hasher);

impl Write for HashText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

impl HashText {
    /// The length closes each part: no two lists of parts are hashed alike.
    fn put(&mut self, part: impl Debug) {
        let before = self.0.count();
        // `write_str` above has no error to answer.
        let _ = write!(self, "{part:?}");
        let length = self.0.count() - before;
        self.0.update(&length.to_le_bytes());
    }

    fn put_floats(&mut self, values: &[f32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.0.update(&bytes).update(&(bytes.len() as u64).to_le_bytes());
    }
}

pub(super) fn digest(graph: &Graph) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for node in &graph.nodes {
        hasher.update(hash_node(node).as_bytes());
    }
    let mut ends = HashText(hasher);
    ends.put((&graph.inputs, &graph.outputs));
    Digest(*ends.0.finalize().as_bytes())
}

fn hash_node(node: &Node) -> blake3::Hash {
    let mut hasher = HashText(blake3::Hasher::new());
    hasher.put((&node.name, &node.inputs, &node.shape));
    let Op::Linear(Linear { channels, terms, bias }) = &node.op else {
        hasher.put(&node.op);
        return hasher.0.finalize();
    };
    hasher.put((channels, terms.len()));
    hasher.put_floats(bias);
    for term in terms {
        match term {
            Term::Conv(Conv { kernel, stride, pad_before, dilation, groups, weights }) => {
                hasher.put((kernel, stride, pad_before, dilation, groups));
                hasher.put_floats(weights);
            }
            Term::Scale(_) => hasher.put(term),
        }
    }
    hasher.0.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sworn_circuits::graph::{Channels, NodeId, Output};

    fn graph(weight: f32, name: &str) -> Graph {
        let mut graph = Graph::default();
        let x = graph.push("x", Op::Input, vec![], vec![1, 1]);
        let conv = Conv { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], dilation: [1, 1], groups: 1, weights: vec![weight] };
        let linear = Linear { channels: Channels::Last, terms: vec![Term::Conv(conv)], bias: vec![0.0] };
        let y = graph.push(name, Op::Linear(linear), vec![x], vec![1, 1]);
        (graph.inputs, graph.outputs) = (vec![x], vec![Output::new(y, "y")]);
        graph
    }

    #[test]
    fn digests_tell_models_apart() {
        let base = digest(&graph(1.0, "y"));
        assert_eq!(base, digest(&graph(1.0, "y")));
        assert_ne!(base, digest(&graph(1.5, "y")));
        assert_ne!(base, digest(&graph(1.0, "z")));
        let mut other = graph(1.0, "y");
        other.outputs[0].node = NodeId(0);
        assert_ne!(base, digest(&other));
    }
}
