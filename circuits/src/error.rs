//! Why a graph, a layout or a witness is refused.

use crate::memory::MemoryError;

/// A graph that breaks its own rules, or a value outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The model has another number of inputs.
    #[error("the model has {expected} inputs, {actual} were given")]
    InputCount {
        /// Inputs of the model.
        expected: usize,
        /// Inputs given.
        actual: usize,
    },
    /// An input has another number of elements.
    #[error("input `{}` has {expected} elements, {actual} were given", .node.escape_debug())]
    InputLength {
        /// Name of the input.
        node: String,
        /// Elements of the input.
        expected: usize,
        /// Elements given.
        actual: usize,
    },
    /// A value is outside the range that the calibration chose.
    #[error("node `{}`: the value {value} is outside the calibrated range {range}\nhint: compile again with `--calibrate` and samples that cover this input", .node.escape_debug())]
    OutOfRange {
        /// Name of the node.
        node: String,
        /// The value before the activation, in the tensor's units; before a function, the integer that is looked up.
        value: String,
        /// The values allowed, `[smallest, largest]`.
        range: String,
    },
    /// The graph is not well formed.
    #[error("node `{}` is not well formed: {rule}", .node.escape_debug())]
    Malformed {
        /// Name of the node.
        node: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
}

/// A graph that cannot be laid out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The graph breaks a rule.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// It takes more memory than there is.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The numbers of a layout do not hold the graph.
    #[error("the layout does not belong to the model")]
    Choice,
    /// It needs too many rows.
    #[error("the model needs more than 2^{max} rows")]
    TooLarge {
        /// log₂ of the largest number of rows.
        max: u32,
    },
}

/// A witness that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// The model cannot be evaluated.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A looked-up value is not in the table: the layout and the interpreter disagree.
    #[error("row {row}: the value {value} is in no lookup table")]
    NotInTable {
        /// The row.
        row: usize,
        /// The value.
        value: i64,
    },
}
