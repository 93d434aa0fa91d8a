//! Reading a model: an `.onnx` file becomes a float [`Graph`].
//!
//! `tract` reads the protobuf message and computes what is constant; each node is lowered by its file in `ops/`, in the
//! order of the model. A node that cannot be lowered does not stop the others, so that all are reported at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use sworn_circuits::memory::Budget;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use tract_onnx::prelude::Framework;
use tract_onnx::Onnx;

use crate::error::{NodeError, OnnxError, Problem};
use crate::evaluate::evaluate;
use crate::fold::fold;
use crate::graph::{Graph, Op, Source};
use crate::memory::Memory;
use crate::names::make_printable;
use crate::operator::{elements, Operator, Value, MAX_ELEMENTS};
use crate::ops;
use crate::tensor::{Folder, Tensor};

/// The newest operator set whose semantics are known.
pub const MAX_OPSET: i64 = 28;

/// What a model leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Size of the first dimensions that are not fixed; 1 where it is not given.
    pub batch: Option<usize>,
    /// Sizes of named dimensions.
    pub dimensions: BTreeMap<String, usize>,
    /// Shapes of inputs by name; they replace those of the model.
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// The memory that importing it may take.
    pub memory: Budget,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { batch: None, dimensions: BTreeMap::new(), shapes: BTreeMap::new(), memory: Budget::SYSTEM }
    }
}

/// Reads a model from a file; external data is looked up beside it.
///
/// # Errors
/// A file that cannot be read or is not an ONNX model, and whatever the model holds that is not supported.
pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Graph, OnnxError> {
    let path = path.as_ref();
    let unreadable = |e: std::io::Error| OnnxError::Read { path: path.to_path_buf(), kind: e.kind() };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    // The file and the message.
    options.memory.require(size.saturating_mul(2), "the model")?;
    let bytes = std::fs::read(path).map_err(unreadable)?;
    import(&bytes, Some(&Folder::of(path)), options)
}

/// Reads a model from memory; it cannot have external data.
///
/// # Errors
/// As [`load`].
pub fn load_bytes(bytes: &[u8], options: &LoadOptions) -> Result<Graph, OnnxError> {
    import(bytes, None, options)
}

fn import(bytes: &[u8], folder: Option<&Folder>, options: &LoadOptions) -> Result<Graph, OnnxError> {
    let model = decode(bytes)?;
    let graph = model.graph.as_ref().ok_or(OnnxError::NotOnnx { rule: "it holds no graph" })?;
    let opset = opset(&model)?;
    check_names(graph)?;
    let needed = needed_nodes(graph);
    let read: HashSet<&str> =
        needed.iter().flat_map(|n| &n.input).chain(graph.output.iter().map(|o| &o.name)).map(String::as_str).collect();
    let memory = Memory::new(options.memory);
    let mut import = Import { graph: Graph::default(), values: HashMap::new(), failed: Vec::new(), opset, read, memory };
    for proto in graph.initializer.iter().filter(|t| import.read.contains(t.name.as_str())).collect::<Vec<_>>() {
        let tensor = Tensor::read(proto, &proto.name, folder, &import.memory)?;
        import.values.insert(&proto.name, Some(Value::Constant(tensor.into())));
    }
    if let Some(sparse) = graph.sparse_initializer.first() {
        let tensor = sparse.values.as_ref().map(|v| v.name.clone()).unwrap_or_default();
        return Err(OnnxError::Tensor { tensor, rule: "sparse tensors are not supported" });
    }
    let mut problems = import.add_inputs(graph, options)?;
    for node in needed {
        import.lower(node, &model)?;
    }
    if !import.failed.is_empty() {
        problems.push(OnnxError::Nodes(std::mem::take(&mut import.failed)));
    }
    match problems.len() {
        0 => {}
        1 => return Err(problems.remove(0)),
        _ => return Err(OnnxError::Several(problems)),
    }
    import.add_outputs(graph)?;
    import.check_masks()?;
    Ok(import.graph)
}

/// `tract`'s reader of models, whose registry of operators is built once.
pub(crate) fn tract() -> &'static Onnx {
    static READER: OnceLock<Onnx> = OnceLock::new();
    READER.get_or_init(tract_onnx::onnx)
}

/// The protobuf message, with what every model has.
pub(crate) fn decode(bytes: &[u8]) -> Result<ModelProto, OnnxError> {
    let not = |rule| Err(OnnxError::NotOnnx { rule });
    if bytes.is_empty() {
        return not("the file is empty");
    }
    let Ok(mut model) = tract().proto_model_for_read(&mut &*bytes) else {
        return not("it is not a whole protobuf message");
    };
    make_printable(&mut model);
    let Some(graph) = &model.graph else {
        return not("it holds no graph");
    };
    if model.opset_import.is_empty() {
        return not("it names no operator set");
    }
    if graph.output.is_empty() {
        return not("its graph has no outputs");
    }
    let mut domains = HashSet::new();
    if !model.opset_import.iter().all(|o| domains.insert(standard(&o.domain))) {
        return not("it names two operator sets of one domain");
    }
    Ok(model)
}

/// Version of the standard operator set.
fn opset(model: &ModelProto) -> Result<i64, OnnxError> {
    let opset = version(model, "").unwrap_or(1);
    if opset > MAX_OPSET {
        return Err(OnnxError::Opset { expected: MAX_OPSET, actual: opset });
    }
    Ok(opset)
}

fn version(model: &ModelProto, domain: &str) -> Option<i64> {
    model.opset_import.iter().find(|o| standard(&o.domain) == domain).map(|o| o.version)
}

/// The standard domain has two names.
fn standard(domain: &str) -> &str {
    if domain == "ai.onnx" {
        ""
    } else {
        domain
    }
}

/// Each tensor is made once, and each output has a name of its own.
fn check_names(graph: &GraphProto) -> Result<(), OnnxError> {
    // An initializer may be the default of an input.
    let initializers: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let inputs = graph.input.iter().map(|i| &i.name).filter(|name| !initializers.contains(name.as_str()));
    let made = graph.initializer.iter().map(|t| &t.name).chain(graph.node.iter().flat_map(|n| &n.output));
    once(inputs.chain(made), "it is made twice: by two nodes, inputs or initializers")?;
    once(graph.output.iter().map(|o| &o.name), "it is listed twice among the outputs of the model")
}

fn once<'a>(mut names: impl Iterator<Item = &'a String>, rule: &'static str) -> Result<(), OnnxError> {
    let mut seen = HashSet::new();
    match names.find(|name| !name.is_empty() && !seen.insert(name.as_str())) {
        Some(name) => Err(OnnxError::Tensor { tensor: name.clone(), rule }),
        None => Ok(()),
    }
}

/// The nodes that the outputs depend on, in order.
fn needed_nodes(graph: &GraphProto) -> Vec<&NodeProto> {
    let mut wanted: HashSet<&str> = graph.output.iter().map(|o| o.name.as_str()).collect();
    let mut nodes: Vec<&NodeProto> = Vec::new();
    for node in graph.node.iter().rev() {
        if node.output.iter().any(|o| !o.is_empty() && wanted.contains(o.as_str())) {
            wanted.extend(node.input.iter().map(String::as_str));
            nodes.push(node);
        }
    }
    nodes.reverse();
    nodes
}

/// A model while it is lowered.
struct Import<'a> {
    graph: Graph,
    /// Tensors by name; `None` for outputs of nodes that failed.
    values: HashMap<&'a str, Option<Value>>,
    failed: Vec<NodeError>,
    opset: i64,
    /// Names of the tensors that something reads.
    read: HashSet<&'a str>,
    memory: Memory,
}

impl<'a> Import<'a> {
    /// Answers what is wrong with single inputs, so that the nodes are looked at too.
    fn add_inputs(&mut self, graph: &'a GraphProto, options: &LoadOptions) -> Result<Vec<OnnxError>, OnnxError> {
        let mut problems = Vec::new();
        let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(|i| !graph.initializer.iter().any(|t| t.name == i.name)).collect();
        if let Some(unknown) = options.shapes.keys().find(|name| !inputs.iter().any(|i| i.name == **name)) {
            return Err(OnnxError::UnknownInput { input: unknown.clone() });
        }
        check_options(&inputs, options)?;
        for input in inputs {
            let shape = match input_shape(input, options) {
                Ok(shape) => shape,
                Err(problem) => {
                    problems.push(problem);
                    self.values.insert(&input.name, None);
                    continue;
                }
            };
            self.memory.tensor(shape.iter().product())?;
            let id = self.graph.push(&input.name, Op::Input, vec![], shape);
            self.graph.inputs.push(id);
            self.values.insert(&input.name, Some(Value::Node(id)));
        }
        Ok(problems)
    }

    fn add_outputs(&mut self, graph: &'a GraphProto) -> Result<(), OnnxError> {
        for output in &graph.output {
            let value = self.values.get(output.name.as_str()).cloned().flatten();
            let undefined = || OnnxError::UndefinedTensor { reader: "model output".into(), tensor: output.name.clone() };
            let id = match value.ok_or_else(undefined)? {
                Value::Node(id) => id,
                Value::Constant(tensor) => {
                    let Some(values) = tensor.floats() else {
                        let actual = "an integer type or bool".into();
                        return Err(OnnxError::ElementType { tensor: output.name.clone(), expected: "a float type", actual });
                    };
                    self.memory.allot::<Source>(values.len())?;
                    let sources = values.iter().map(|&v| Source::Constant(v)).collect();
                    self.graph.push(&output.name, Op::Gather(sources), vec![], tensor.shape.clone())
                }
            };
            self.graph.push_output(&output.name, id);
        }
        Ok(())
    }

    /// The smallest number stands for −∞ where a softmax hides a score. What else reads it would have another number than the model.
    fn check_masks(&self) -> Result<(), OnnxError> {
        let graph = &self.graph;
        let mut live = vec![false; graph.nodes.len()];
        graph.outputs.iter().for_each(|output| live[output.node.0] = true);
        for (index, node) in graph.nodes.iter().enumerate().rev().filter(|(_, node)| !node.inputs.is_empty()) {
            if !live[index] {
                continue;
            }
            node.inputs.iter().for_each(|id| live[id.0] = true);
            let masks = match &node.op {
                Op::Elementwise { c, .. } => c.contains(&f32::MIN),
                Op::Gather(sources) => sources.contains(&Source::Constant(f32::MIN)),
                _ => false,
            };
            if masks {
                let problem = Problem::Feature { feature: "a mask of −∞ that something else than a softmax reads" };
                let error = NodeError { node: node.name.clone(), op: "a mask".into(), domain: String::new(), opset: self.opset, problem };
                return Err(OnnxError::Nodes(vec![error]));
            }
        }
        Ok(())
    }

    /// Lowers one node; what is wrong with it is collected.
    fn lower(&mut self, node: &'a NodeProto, model: &ModelProto) -> Result<(), OnnxError> {
        let name = node_name(node);
        let domain = standard(&node.domain);
        let opset = if domain.is_empty() { self.opset } else { version(model, domain).unwrap_or(0) };
        let mut inputs = Vec::with_capacity(node.input.len());
        let mut known = true;
        for input in &node.input {
            match self.values.get(input.as_str()) {
                _ if input.is_empty() => inputs.push(None),
                Some(Some(value)) => inputs.push(Some(value.clone())),
                Some(None) => known = false,
                None => return Err(OnnxError::UndefinedTensor { reader: name.to_string(), tensor: input.clone() }),
            }
        }
        let is_function = model.functions.iter().any(|f| standard(f.domain()) == domain && f.name() == node.op_type);
        let result = if is_function {
            Err(Problem::Feature { feature: "a function that the model defines itself" })
        } else if known {
            self.lower_known(node, name, domain, opset, inputs).map(Some)
        } else {
            ops::find(domain, &node.op_type, opset).map(|_| None)
        };
        let outputs = match result {
            Ok(outputs) => outputs,
            Err(problem) => {
                let (op, domain) = (node.op_type.clone(), domain.to_string());
                self.failed.push(NodeError { node: name.to_string(), op, domain, opset, problem });
                None
            }
        };
        for (i, output) in node.output.iter().enumerate().filter(|(_, o)| !o.is_empty()) {
            self.values.insert(output, outputs.as_ref().and_then(|values| values.get(i).cloned()));
        }
        Ok(())
    }

    fn lower_known(
        &mut self,
        node: &NodeProto,
        name: &str,
        domain: &str,
        opset: i64,
        inputs: Vec<Option<Value>>,
    ) -> Result<Vec<Value>, Problem> {
        let constants: Option<Vec<Option<&Tensor>>> = inputs
            .iter()
            .map(|value| match value {
                None => Some(None),
                Some(Value::Constant(tensor)) => Some(Some(&**tensor)),
                Some(Value::Node(_)) => None,
            })
            .collect();
        let constants = constants.filter(|c| c.iter().any(Option::is_some));
        let lower = ops::find(domain, &node.op_type, opset);
        let Some(constants) = constants else {
            let mut operator = Operator::new((node, name), opset, inputs, &mut self.graph, &self.memory);
            let outputs = lower?(&mut operator)?;
            return operator.finish(outputs, |tensor| self.read.contains(tensor));
        };
        let kind = constants.iter().flatten().find(|t| t.floats().is_some()).map_or(DataType::Float, |t| t.kind);
        let folded = if domain.is_empty() { fold(node, opset, &constants, &self.memory) } else { Err(Problem::Fold) };
        let refused = match folded {
            Ok(outputs) => return Ok(outputs.into_iter().map(|t| Value::Constant(Arc::new(t))).collect()),
            Err(problem) => problem,
        };
        let lower = lower.map_err(|problem| if refused == Problem::Fold { problem } else { refused });
        // In a graph of its own, which is evaluated at once.
        let mut graph = Graph::default();
        let mut operator = Operator::new((node, name), opset, inputs, &mut graph, &self.memory);
        let outputs = lower?(&mut operator)?;
        let outputs = operator.finish(outputs, |tensor| self.read.contains(tensor))?;
        let tensors = evaluate(&graph, &[]).map_err(|_| Problem::Fold)?;
        if outputs.iter().any(|value| matches!(value, Value::Node(id) if tensors[id.0].iter().any(|v| v.is_nan()))) {
            return Err(Problem::NonFinite);
        }
        let constant = |value| match value {
            Value::Node(id) => Value::Constant(Arc::new(Tensor::of_kind(graph.node(id).shape.clone(), tensors[id.0].clone(), kind))),
            constant => constant,
        };
        Ok(outputs.into_iter().map(constant).collect())
    }
}

/// The name of a node; its first output if it has none.
fn node_name(node: &NodeProto) -> &str {
    match (&node.name, node.output.iter().find(|o| !o.is_empty())) {
        (name, Some(output)) if name.is_empty() => output,
        (name, _) => name,
    }
}

/// Options that apply to no input are a mistake of whoever gives them.
fn check_options(inputs: &[&ValueInfoProto], options: &LoadOptions) -> Result<(), OnnxError> {
    let dims = |input: &ValueInfoProto| match input.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(Type::TensorType(tensor)) => tensor.shape.as_ref().map(|s| s.dim.clone()).unwrap_or_default(),
        _ => Vec::new(),
    };
    let named: BTreeSet<String> = inputs
        .iter()
        .flat_map(|input| dims(input))
        .filter_map(|d| if let Some(Dimension::DimParam(name)) = d.value { Some(name) } else { None })
        .collect();
    if let Some(dimension) = options.dimensions.keys().find(|name| !named.contains(*name)) {
        return Err(OnnxError::UnknownDimension { dimension: dimension.clone(), named: named.into_iter().collect() });
    }
    let is_open = |input: &&ValueInfoProto| {
        let first = dims(input).into_iter().next();
        let fixed = match first.map(|d| d.value) {
            Some(Some(Dimension::DimValue(size))) => size >= 0,
            Some(Some(Dimension::DimParam(name))) => options.dimensions.contains_key(&name),
            Some(None) => false,
            None => true,
        };
        !fixed && !options.shapes.contains_key(&input.name)
    };
    if options.batch.is_some() && !inputs.iter().any(is_open) {
        return Err(OnnxError::FixedBatch);
    }
    Ok(())
}

/// The shape of an input, with what the options fix.
fn input_shape(input: &ValueInfoProto, options: &LoadOptions) -> Result<Vec<usize>, OnnxError> {
    let refuse = |rule| OnnxError::InputShape { input: input.name.clone(), rule };
    let Some(Type::TensorType(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return Err(refuse("it is not a tensor"));
    };
    let kind = DataType::try_from(tensor.elem_type).unwrap_or(DataType::Undefined);
    if !matches!(kind, DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16) {
        let actual = format!("{kind:?}").to_lowercase();
        return Err(OnnxError::ElementType { tensor: input.name.clone(), expected: "a float type", actual });
    }
    let shape = match options.shapes.get(&input.name) {
        Some(shape) => shape.clone(),
        None => {
            let dims = &tensor.shape.as_ref().ok_or_else(|| refuse("it has no shape; give one"))?.dim;
            let size = |(axis, dim): (usize, &tract_onnx::pb::tensor_shape_proto::Dimension)| {
                let (fixed, name) = match &dim.value {
                    // Some exporters write −1 for a size that is not fixed.
                    Some(Dimension::DimValue(size)) => (usize::try_from(*size).ok(), "unnamed"),
                    Some(Dimension::DimParam(name)) => (options.dimensions.get(name).copied(), name.as_str()),
                    None => (None, "unnamed"),
                };
                let dynamic = || OnnxError::DynamicDimension { input: input.name.clone(), axis, name: name.to_string() };
                fixed.or((axis == 0).then_some(options.batch.unwrap_or(1))).ok_or_else(dynamic)
            };
            dims.iter().enumerate().map(size).collect::<Result<_, _>>()?
        }
    };
    elements(&shape).map_err(|problem| match problem {
        Problem::TooLarge { expected: MAX_ELEMENTS } => refuse("it is too large"),
        _ => refuse("it has no elements"),
    })?;
    Ok(shape)
}
