//! Account: what of its node a lowering has read, or said to be without effect. The rest is refused.
//!
//! ```text
//! attribute   read, or ignored because it cannot change the result
//! input       its elements read, or ignored
//! output      made, or ignored; one that is ignored must not be read by anything
//! ```
//!
//! An operator does not list what it refuses: whatever a newer operator set, another framework or a liar adds to a node is
//! refused because nothing has read it.

use std::cell::Cell;

use tract_onnx::pb::NodeProto;

use crate::error::Problem;
use crate::operator::{Operator, Value};

/// Before this opset, nodes may carry hints about the reuse of memory, in the attribute `consumed_inputs`.
fn hints_removed(op: &str) -> i64 {
    if op == "Reshape" {
        5
    } else {
        6
    }
}

/// One flag for each attribute, input and output of a node.
pub(super) struct Accounted {
    attributes: Vec<Cell<bool>>,
    inputs: Vec<Cell<bool>>,
    outputs: Vec<Cell<bool>>,
}

impl Accounted {
    pub(super) fn new(node: &NodeProto) -> Self {
        let none = |n: usize| vec![Cell::new(false); n];
        Self { attributes: none(node.attribute.len()), inputs: none(node.input.len()), outputs: none(node.output.len()) }
    }

    pub(super) fn attribute(&self, i: usize) {
        mark(&self.attributes, i);
    }

    pub(super) fn input(&self, i: usize) {
        mark(&self.inputs, i);
    }
}

fn mark(flags: &[Cell<bool>], i: usize) {
    if let Some(flag) = flags.get(i) {
        flag.set(true);
    }
}

impl Operator<'_> {
    /// These attributes do not change the result, whatever their values.
    pub(crate) fn ignore_attributes(&self, names: &[&str]) {
        for (i, attribute) in self.proto.attribute.iter().enumerate() {
            if names.contains(&attribute.name.as_str()) {
                self.accounted.attribute(i);
            }
        }
    }

    /// The elements of input `i` do not change the result.
    pub(crate) fn ignore_input(&self, i: usize) {
        self.accounted.input(i);
    }

    /// Output `i` is not made, and says nothing about the others.
    pub(crate) fn ignore_output(&self, i: usize) {
        mark(&self.accounted.outputs, i);
    }

    /// The outputs, if all of the node is accounted for; `read` tells which tensors something reads.
    pub(crate) fn finish(&self, outputs: Vec<Value>, read: impl Fn(&str) -> bool) -> Result<Vec<Value>, Problem> {
        for (attribute, accounted) in self.proto.attribute.iter().zip(&self.accounted.attributes) {
            let hint = self.is_standard() && self.opset < hints_removed(self.kind()) && attribute.name == "consumed_inputs";
            if !accounted.get() && !hint {
                return Err(Problem::UnknownAttribute { attribute: attribute.name.clone() });
            }
        }
        if let Some(input) = (0..self.inputs.len()).find(|&i| self.has(i) && !self.accounted.inputs.get(i).is_some_and(Cell::get)) {
            return Err(Problem::UnreadInput { input });
        }
        for (output, name) in self.proto.output.iter().enumerate().skip(outputs.len()) {
            let ignored = self.accounted.outputs.get(output).is_some_and(Cell::get);
            if !name.is_empty() && (!ignored || read(name)) {
                return Err(Problem::Output { output });
            }
        }
        Ok(outputs)
    }
}
