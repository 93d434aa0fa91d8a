//! Reading a model: an `.onnx` file becomes a float [`Graph`].
//!
//! `tract` reads the protobuf message and computes what is constant; each node is lowered by its file in `ops/`, in the
//! order of the model. A node that cannot be lowered does not stop the others, so that all are reported at once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use tract_onnx::prelude::Framework;

use crate::error::{NodeError, OnnxError, Problem};
use crate::evaluate::evaluate;
use crate::fold::fold;
use crate::graph::{Graph, Op, Source};
use crate::names::make_printable;
use crate::operator::{elements, Operator, Value, MAX_ELEMENTS};
use crate::ops;
use crate::tensor::{Data, Tensor};

/// The newest operator set whose semantics are known.
pub const MAX_OPSET: i64 = 28;

/// What a model leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Size of a first dimension that is not fixed.
    pub batch: usize,
    /// Sizes of named dimensions.
    pub dimensions: BTreeMap<String, usize>,
    /// Shapes of inputs by name; they replace those of the model.
    pub shapes: BTreeMap<String, Vec<usize>>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { batch: 1, dimensions: BTreeMap::new(), shapes: BTreeMap::new() }
    }
}

/// Reads a model from a file; external data is looked up beside it.
///
/// # Errors
/// A file that cannot be read or is not an ONNX model, and whatever the model holds that is not supported.
pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Graph, OnnxError> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|e| OnnxError::Read { path: path.to_path_buf(), kind: e.kind() })?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    import(&bytes, Some(folder), options)
}

/// Reads a model from memory; it cannot have external data.
///
/// # Errors
/// As [`load`].
pub fn load_bytes(bytes: &[u8], options: &LoadOptions) -> Result<Graph, OnnxError> {
    import(bytes, None, options)
}

fn import(bytes: &[u8], folder: Option<&Path>, options: &LoadOptions) -> Result<Graph, OnnxError> {
    let model = decode(bytes)?;
    let graph = model.graph.as_ref().ok_or(OnnxError::NotOnnx { rule: "it holds no graph" })?;
    let opset = opset(&model)?;
    let needed = needed_nodes(graph);
    let read: HashSet<&str> =
        needed.iter().flat_map(|n| &n.input).chain(graph.output.iter().map(|o| &o.name)).map(String::as_str).collect();
    let mut import = Import { graph: Graph::default(), values: HashMap::new(), failed: Vec::new(), opset, read };
    for proto in graph.initializer.iter().filter(|t| import.read.contains(t.name.as_str())).collect::<Vec<_>>() {
        let tensor = Tensor::read(proto, &proto.name, folder)?;
        import.values.insert(&proto.name, Some(Value::Constant(tensor.into())));
    }
    if let Some(sparse) = graph.sparse_initializer.first() {
        let tensor = sparse.values.as_ref().map(|v| v.name.clone()).unwrap_or_default();
        return Err(OnnxError::Tensor { tensor, rule: "sparse tensors are not supported" });
    }
    import.add_inputs(graph, options)?;
    for node in needed {
        import.lower(node, &model)?;
    }
    if !import.failed.is_empty() {
        return Err(OnnxError::Nodes(import.failed));
    }
    import.add_outputs(graph)?;
    Ok(import.graph)
}

/// The protobuf message, with what every model has.
fn decode(bytes: &[u8]) -> Result<ModelProto, OnnxError> {
    let not = |rule| Err(OnnxError::NotOnnx { rule });
    if bytes.is_empty() {
        return not("the file is empty");
    }
    let Ok(mut model) = tract_onnx::onnx().proto_model_for_read(&mut &*bytes) else {
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
}

impl<'a> Import<'a> {
    fn add_inputs(&mut self, graph: &'a GraphProto, options: &LoadOptions) -> Result<(), OnnxError> {
        let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(|i| !graph.initializer.iter().any(|t| t.name == i.name)).collect();
        if let Some(unknown) = options.shapes.keys().find(|name| !inputs.iter().any(|i| i.name == **name)) {
            return Err(OnnxError::UnknownInput { input: unknown.clone() });
        }
        for input in inputs {
            let shape = input_shape(input, options)?;
            let id = self.graph.push(&input.name, Op::Input, vec![], shape);
            self.graph.inputs.push(id);
            self.values.insert(&input.name, Some(Value::Node(id)));
        }
        Ok(())
    }

    fn add_outputs(&mut self, graph: &'a GraphProto) -> Result<(), OnnxError> {
        for output in &graph.output {
            let value = self.values.get(output.name.as_str()).cloned().flatten();
            let undefined = || OnnxError::UndefinedTensor { reader: "model output".into(), tensor: output.name.clone() };
            let id = match value.ok_or_else(undefined)? {
                Value::Node(id) => id,
                Value::Constant(tensor) => {
                    let Data::Float(values) = &tensor.data else {
                        let actual = "an integer type or bool".into();
                        return Err(OnnxError::ElementType { tensor: output.name.clone(), expected: "a float type", actual });
                    };
                    let sources = values.iter().map(|&v| Source::Constant(v)).collect();
                    self.graph.push(&output.name, Op::Gather(sources), vec![], tensor.shape.clone())
                }
            };
            self.graph.outputs.push(id);
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
        let result = if known {
            self.lower_known(node, name, domain, opset, inputs).and_then(|outputs| self.require_outputs(node, outputs)).map(Some)
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

    /// Outputs that are read must be among those that the lowering makes.
    fn require_outputs(&self, node: &NodeProto, outputs: Vec<Value>) -> Result<Vec<Value>, Problem> {
        let missing = node.output.iter().skip(outputs.len()).any(|o| self.read.contains(o.as_str()));
        if missing {
            return Err(Problem::Feature { feature: "its optional outputs" });
        }
        Ok(outputs)
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
        let constants = constants.filter(|c| domain.is_empty() && c.iter().any(Option::is_some));
        let lower = ops::find(domain, &node.op_type, opset);
        let Some(constants) = constants else {
            let mut operator = Operator { proto: node, opset, name, inputs, graph: &mut self.graph };
            return lower?(&mut operator);
        };
        match fold(node, opset, &constants) {
            Ok(outputs) => return Ok(outputs.into_iter().map(|t| Value::Constant(Arc::new(t))).collect()),
            Err(Problem::Fold) => {}
            Err(problem) => return Err(problem),
        }
        // In a graph of its own, which is evaluated at once.
        let mut graph = Graph::default();
        let mut operator = Operator { proto: node, opset, name, inputs, graph: &mut graph };
        let outputs = lower?(&mut operator)?;
        let tensors = evaluate(&graph, &[]).map_err(|_| Problem::Fold)?;
        let constant = |value| match value {
            Value::Node(id) => {
                Value::Constant(Arc::new(Tensor { shape: graph.node(id).shape.clone(), data: Data::Float(tensors[id.0].clone()) }))
            }
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
                fixed.or((axis == 0).then_some(options.batch)).ok_or_else(dynamic)
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
