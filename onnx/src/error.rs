//! Why a model is refused.

use std::fmt;
use std::path::PathBuf;

/// A model that cannot be imported, or an input that does not fit it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {kind}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        kind: std::io::ErrorKind,
    },
    /// The bytes are not an ONNX model.
    #[error("not an ONNX model: {rule}\nhint: the file may be truncated, or of another format")]
    NotOnnx {
        /// The rule that the bytes break.
        rule: &'static str,
    },
    /// The model needs a newer operator set than this version knows.
    #[error("the model uses opset {actual}; the newest known is {expected}\nhint: export it with opset_version={expected}")]
    Opset {
        /// The newest operator set known.
        expected: i64,
        /// The operator set of the model.
        actual: i64,
    },
    /// A file with weights is missing or too short.
    #[error("tensor `{tensor}`: its data is in `{}`, which cannot be read: {problem}\nhint: keep the data files of a model beside its .onnx file", .location.escape_debug())]
    ExternalData {
        /// The tensor.
        tensor: String,
        /// The file that the model names.
        location: String,
        /// What is wrong with it.
        problem: ExternalDataProblem,
    },
    /// A tensor of the file is not well formed.
    #[error("tensor `{tensor}`: {rule}")]
    Tensor {
        /// The tensor.
        tensor: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A tensor of the file has another number of elements than its shape says.
    #[error("tensor `{tensor}` has the shape of {expected} elements and holds {actual}\nhint: the file may be truncated")]
    TensorLength {
        /// The tensor.
        tensor: String,
        /// Elements of its shape.
        expected: usize,
        /// Elements found.
        actual: usize,
    },
    /// A tensor or an input has an element type that is not supported.
    #[error("`{tensor}` has elements of type {actual}, which is not supported here; expected {expected}")]
    ElementType {
        /// The tensor or input.
        tensor: String,
        /// What is supported.
        expected: &'static str,
        /// The type, as ONNX names it.
        actual: String,
    },
    /// A weight is NaN or infinite.
    #[error("tensor `{tensor}`: element {index} is {value}; weights must be finite")]
    NonFinite {
        /// The initializer or constant.
        tensor: String,
        /// Flat index of the element.
        index: usize,
        /// `NaN`, `inf` or `-inf`.
        value: String,
    },
    /// An input has a dimension that is not known.
    #[error("input `{input}`: dimension {axis} ({name}) is open\nhint: {}", open_dimension(.name))]
    DynamicDimension {
        /// The input.
        input: String,
        /// Which dimension.
        axis: usize,
        /// Its symbol, or `unnamed`.
        name: String,
    },
    /// An input has no shape or one that is not supported.
    #[error("input `{input}`: {rule}")]
    InputShape {
        /// The input.
        input: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A shape was given for an input that does not exist.
    #[error("a shape was given for the input `{input}`, which the model does not have")]
    UnknownInput {
        /// The name given.
        input: String,
    },
    /// A size was given for a dimension that no input has.
    #[error("a size was given for the dimension `{dimension}`, which the model does not have\nhint: {}", named_dimensions(.named))]
    UnknownDimension {
        /// The name given.
        dimension: String,
        /// The names that the dimensions of its inputs have.
        named: Vec<String>,
    },
    /// A batch was given, and there is nothing that it applies to.
    #[error("a batch was given, and the first dimension of every input is fixed\nhint: leave out `--batch`, or export the model with an open batch dimension")]
    FixedBatch,
    /// A tensor is read that nothing makes.
    #[error("`{reader}` reads the tensor `{tensor}`, which no earlier node makes\nhint: the nodes of an ONNX model stand in the order in which they run; `onnx.checker.check_model` tells what else is wrong with it")]
    UndefinedTensor {
        /// The node, or `model output`.
        reader: String,
        /// The tensor.
        tensor: String,
    },
    /// Nodes that cannot be lowered, all of them.
    #[error("{}", list(.0))]
    Nodes(Vec<NodeError>),
    /// Several of these.
    #[error("{}", several(.0))]
    Several(Vec<OnnxError>),
    /// The model has another number of inputs.
    #[error("the model has {expected} inputs, {actual} were given")]
    InputCount {
        /// Inputs of the model.
        expected: usize,
        /// Inputs given.
        actual: usize,
    },
    /// An input has another number of elements.
    #[error("input `{input}` has {expected} elements, {actual} were given")]
    InputLength {
        /// The input.
        input: String,
        /// Elements of the input.
        expected: usize,
        /// Elements given.
        actual: usize,
    },
    /// There is nothing to calibrate with.
    #[error("no samples were given\nhint: `--calibrate` takes a file or a folder of inputs")]
    NoSamples,
    /// Samples and ranges in their place.
    #[error("samples and ranges of the inputs were given\nhint: leave out `--calibrate` or `--input-range`")]
    SamplesAndRanges,
    /// A tensor is NaN or infinite for a sample.
    #[error("node `{node}` has values that are not finite for sample {sample}")]
    ValueNotFinite {
        /// The node.
        node: String,
        /// Which sample.
        sample: usize,
    },
    /// A function is NaN or infinite inside the range of its arguments.
    #[error("node `{node}`: {function} is not finite at {at}, inside the calibrated range [{low}, {high}]\nhint: calibrate with samples that keep its argument where it is finite")]
    FunctionNotFinite {
        /// The node.
        node: String,
        /// The function.
        function: String,
        /// The argument.
        at: String,
        /// Smallest argument.
        low: String,
        /// Largest argument.
        high: String,
    },
    /// A bit width that is not supported.
    #[error("{actual} bits were asked for; {expected} are supported")]
    Bits {
        /// The widths supported.
        expected: &'static str,
        /// The width asked for.
        actual: u32,
    },
    /// A coefficient leaves 32 bits: the node's values are too small beside its inputs.
    #[error("node `{node}`: a quantised coefficient is {actual}, at most {expected} is supported\nhint: fewer `--bits`, or samples for which the node's values are larger")]
    CoefficientTooLarge {
        /// The node.
        node: String,
        /// Largest absolute value.
        expected: i64,
        /// The value.
        actual: String,
    },
    /// An accumulator could leave its bound.
    #[error("node `{node}`: its accumulator can reach {actual}, at most {expected} is supported\nhint: fewer `--bits`")]
    AccumulatorTooLarge {
        /// The node.
        node: String,
        /// Largest absolute value.
        expected: i64,
        /// What it can reach.
        actual: String,
    },
    /// A value of an input is outside the range that the calibration chose.
    #[error(transparent)]
    InputOutOfRange(#[from] Box<OutOfRange>),
    /// It does not fit into memory.
    #[error(transparent)]
    Memory(#[from] sworn_circuits::memory::MemoryError),
    /// The quantised model cannot be evaluated.
    #[error(transparent)]
    Quantised(#[from] sworn_circuits::error::GraphError),
    /// An element of an input is NaN or infinite.
    #[error("input `{input}`: element {index} is not finite")]
    InputNotFinite {
        /// The input.
        input: String,
        /// Flat index of the element.
        index: usize,
    },
}

/// A value of an input that is outside the range that the calibration chose; values in the units of the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("input `{input}`: element [{place}] is {value}, and its calibrated range is [{low}, {high}]; the input given ranges over [{smallest}, {largest}]\nhint: compile again with `--calibrate` and samples that cover this input")]
pub struct OutOfRange {
    /// The input.
    pub input: String,
    /// Indices of the element, one for each dimension.
    pub place: String,
    /// The element.
    pub value: String,
    /// Smallest value.
    pub low: String,
    /// Largest value.
    pub high: String,
    /// The smallest value of the input given.
    pub smallest: String,
    /// The largest value of the input given.
    pub largest: String,
}

/// What is wrong with a file of external data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalDataProblem {
    /// The system refuses it.
    #[error("{0}")]
    Read(std::io::ErrorKind),
    /// The model was given as bytes, or the location leaves the model's folder.
    #[error("it is not inside the folder of the model")]
    Outside,
    /// The file ends before the data does.
    #[error("it ends before the data does: {expected} bytes are needed, {actual} are there")]
    TooShort {
        /// Bytes needed.
        expected: u64,
        /// Bytes in the file.
        actual: u64,
    },
    /// Offset or length is not a number.
    #[error("offset or length is not a number")]
    Malformed,
}

/// A node that cannot be lowered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeError {
    /// Name of the node; its first output if it has none.
    pub node: String,
    /// Operator.
    pub op: String,
    /// Domain of the operator; empty for the standard one.
    pub domain: String,
    /// Version of the operator set.
    pub opset: i64,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The operator is not supported.
    #[error("the operator is not supported")]
    Operator,
    /// The operator is supported from a later opset on.
    #[error("the operator is supported from opset {expected} on, this is {actual}")]
    Opset {
        /// Oldest opset supported.
        expected: i64,
        /// Opset of the model.
        actual: i64,
    },
    /// The operator is supported, this use of it is not.
    #[error("not supported: {feature}")]
    Feature {
        /// What is not supported.
        feature: &'static str,
    },
    /// An attribute has a value that is not supported.
    #[error("attribute `{attribute}` has the value `{}`, which is not supported", .value.escape_debug())]
    Attribute {
        /// The attribute.
        attribute: &'static str,
        /// Its value.
        value: String,
    },
    /// An attribute is missing that the operator needs.
    #[error("the attribute `{attribute}` is missing")]
    MissingAttribute {
        /// The attribute.
        attribute: &'static str,
    },
    /// An attribute is of another type than the operator needs.
    #[error("attribute `{attribute}` must be {expected}")]
    AttributeType {
        /// The attribute.
        attribute: String,
        /// What it must be.
        expected: &'static str,
    },
    /// An attribute that nothing reads: leaving it out could change the result.
    #[error("attribute `{attribute}` is not one that is supported for the operator in this opset")]
    UnknownAttribute {
        /// The attribute.
        attribute: String,
    },
    /// An input that nothing reads: leaving it out could change the result.
    #[error("input {input} is not one that is supported for the operator in this opset")]
    UnreadInput {
        /// Which input.
        input: usize,
    },
    /// An output that is not made.
    #[error("output {output} is not supported")]
    Output {
        /// Which output.
        output: usize,
    },
    /// An input must be known when the model is compiled.
    #[error("input {input} must be a constant")]
    NotConstant {
        /// Which input.
        input: usize,
    },
    /// An input is missing.
    #[error("input {input} is missing")]
    MissingInput {
        /// Which input.
        input: usize,
    },
    /// A constant is of another type than the operator needs.
    #[error("input {input} must hold {expected}")]
    InputType {
        /// Which input.
        input: usize,
        /// What it must hold.
        expected: &'static str,
    },
    /// The rank of a tensor is not one that the operator takes.
    #[error("input {input} has rank {actual}, expected {expected}")]
    Rank {
        /// Which input.
        input: usize,
        /// Ranks that are supported.
        expected: &'static str,
        /// The rank.
        actual: usize,
    },
    /// The node breaks a rule of its operator.
    #[error("not well formed: {rule}")]
    Malformed {
        /// The rule.
        rule: &'static str,
    },
    /// The node's tensor is larger than any model that can be proved.
    #[error("its tensors are too large: at most {expected} elements are supported")]
    TooLarge {
        /// The most elements a tensor may have.
        expected: usize,
    },
    /// Its tensors and those before it do not fit into memory.
    #[error(transparent)]
    Memory(#[from] sworn_circuits::memory::MemoryError),
    /// A tensor attribute cannot be read.
    #[error("{0}")]
    Tensor(Box<OnnxError>),
    /// Its constants give a value that is NaN or infinite.
    #[error("its constants give values that are not finite")]
    NonFinite,
    /// It computes a constant, and that failed.
    #[error("its inputs are constants, and the value cannot be computed")]
    Fold,
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = if self.domain.is_empty() { "ai.onnx" } else { &self.domain };
        write!(f, "node `{}` ({}, {} opset {}): {}", self.node, self.op, domain, self.opset, self.problem)
    }
}

impl std::error::Error for NodeError {}

fn several(errors: &[OnnxError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn open_dimension(name: &str) -> String {
    match name {
        "unnamed" => "export the model with fixed shapes, or fix them with `python -m onnxruntime.tools.make_dynamic_shape_fixed`".into(),
        name => format!("`--dimension {name}=SIZE` gives its size"),
    }
}

fn named_dimensions(names: &[String]) -> String {
    match names {
        [] => "it has no named dimensions".into(),
        names => format!("it has {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

fn list(nodes: &[NodeError]) -> String {
    let lines: Vec<String> = nodes.iter().map(|n| format!("  {n}")).collect();
    let what = if nodes.len() == 1 { "a node" } else { "nodes" };
    format!("{what} of the model cannot be imported; what reads their outputs is not looked at yet:\n{}", lines.join("\n"))
}
