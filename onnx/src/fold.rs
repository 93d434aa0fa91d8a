//! Constant folding: a node of shape arithmetic whose inputs are all constants is computed by `tract`.

use std::panic::{catch_unwind, AssertUnwindSafe};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto};
use tract_onnx::prelude::{tvec, DatumType, Framework, InferenceModelExt, IntoRunnable, TractResult};

use crate::error::Problem;
use crate::operator::{axes, axis};
use crate::tensor::{Data, Tensor};

/// The most elements of a constant that is computed: weights may be larger than activations.
const MAX_ELEMENTS: usize = 1 << 28;

/// Operators that `tract` computes: arithmetic of shapes, and movement of weights. The others are lowered into a graph of
/// their own, which is evaluated; so are these where `tract` refuses.
const FOLDED: &[&str] = &[
    "Abs",
    "Add",
    "And",
    "Ceil",
    "Concat",
    "DequantizeLinear",
    "Div",
    "Equal",
    "Floor",
    "Gather",
    "GatherElements",
    "GatherND",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "MatMul",
    "Max",
    "Min",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "Pow",
    "Range",
    "ReduceMax",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "Reshape",
    "ScatterElements",
    "ScatterND",
    "Slice",
    "Split",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
    "Where",
];

/// The outputs of `node`, or [`Problem::Fold`].
pub(crate) fn fold(node: &NodeProto, opset: i64, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Problem> {
    let op = node.op_type.as_str();
    if !FOLDED.contains(&op) || node.output.iter().any(String::is_empty) || divides_by_zero(op, inputs) || !is_small(op, inputs) {
        return Err(Problem::Fold);
    }
    check_positions(node, inputs)?;
    // What tract cannot compute it refuses with an error; the rest of the model does not depend on it if it panics.
    match catch_unwind(AssertUnwindSafe(|| run(node, opset, inputs))) {
        Ok(Ok(outputs)) => Ok(outputs),
        _ => Err(Problem::Fold),
    }
}

/// Axes and indices must lie in their tensor, which `tract` takes for granted.
fn check_positions(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<(), Problem> {
    let ints = |i: usize| match inputs.get(i).copied().flatten().map(|t| &t.data) {
        Some(Data::Int(v)) => v.clone(),
        _ => Vec::new(),
    };
    let attribute = |name: &str| node.attribute.iter().find(|a| a.name == name);
    let rank = inputs.first().copied().flatten().map_or(0, |t| t.shape.len());
    match node.op_type.as_str() {
        "Gather" => {
            let at = axis(attribute("axis").map_or(0, |a| a.i), rank)?;
            let length = inputs.first().copied().flatten().map_or(0, |t| t.shape[at]);
            ints(1)
                .iter()
                .try_for_each(|&i| axis(i, length).map(|_| ()))
                .map_err(|_| Problem::Malformed { rule: "an index is outside its axis" })
        }
        "Squeeze" | "Unsqueeze" => {
            let list = attribute("axes").map_or_else(|| ints(1), |a| a.ints.clone());
            let added = if node.op_type == "Unsqueeze" { list.len() } else { 0 };
            axes(&list, rank + added).map(|_| ())
        }
        "Concat" | "Split" | "GatherElements" | "ScatterElements" => axis(attribute("axis").map_or(0, |a| a.i), rank).map(|_| ()),
        "Transpose" => attribute("perm").map_or(Ok(()), |a| axes(&a.ints, rank).map(|_| ())),
        _ => Ok(()),
    }
}

/// Integers have no value there.
fn divides_by_zero(op: &str, inputs: &[Option<&Tensor>]) -> bool {
    let zero = |t: &&Tensor| matches!(&t.data, Data::Int(v) if v.contains(&0));
    matches!(op, "Div" | "Mod") && inputs.iter().skip(1).flatten().any(zero)
}

/// Whether the result is sure to be small enough: broadcasting and products of matrices stay below the product of the
/// largest dimensions, `Gather` below the product of the lengths.
fn is_small(op: &str, inputs: &[Option<&Tensor>]) -> bool {
    let inputs: Vec<&Tensor> = inputs.iter().flatten().copied().collect();
    let bound = |sizes: Vec<usize>| sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1))).is_some_and(|n| n <= MAX_ELEMENTS);
    match op {
        "Gather" => bound(inputs.iter().map(|t| t.len()).collect()),
        "Range" => inputs.iter().all(|t| match &t.data {
            Data::Int(v) => v.iter().all(|v| v.unsigned_abs() < 1 << 20),
            _ => false,
        }),
        _ => {
            let rank = inputs.iter().map(|t| t.shape.len()).max().unwrap_or(0);
            let largest = |i: usize| inputs.iter().filter_map(|t| t.shape.iter().rev().nth(i)).copied().max().unwrap_or(1);
            inputs.iter().all(|t| t.len() <= MAX_ELEMENTS) && bound((0..rank).map(largest).collect())
        }
    }
}

/// Runs a model of this one node.
fn run(node: &NodeProto, opset: i64, inputs: &[Option<&Tensor>]) -> TractResult<Vec<Tensor>> {
    let mut node = node.clone();
    let mut initializer = Vec::new();
    for (i, tensor) in inputs.iter().enumerate() {
        if let Some(tensor) = tensor {
            node.input[i] = format!("input {i}");
            initializer.push(message(tensor, &node.input[i]));
        }
    }
    let output = node.output.iter().filter(|o| !o.is_empty()).map(|o| ValueInfoProto { name: o.clone(), ..Default::default() }).collect();
    let graph = GraphProto { node: vec![node], initializer, output, ..Default::default() };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: opset }];
    let model = ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..Default::default() };
    let plan = tract_onnx::onnx().model_for_proto_model(&model)?.into_typed()?.into_runnable()?;
    plan.run(tvec!())?.iter().map(|value| read(value)).collect()
}

fn message(tensor: &Tensor, name: &str) -> TensorProto {
    let (data_type, raw_data) = match &tensor.data {
        Data::Float(v) => (DataType::Float, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
        Data::Int(v) => (DataType::Int64, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
        Data::Bool(v) => (DataType::Bool, v.iter().map(|&v| u8::from(v)).collect()),
    };
    let dims = tensor.shape.iter().map(|&d| d as i64).collect();
    TensorProto { name: name.to_string(), dims, data_type: data_type as i32, raw_data, ..Default::default() }
}

fn read(value: &tract_onnx::prelude::Tensor) -> TractResult<Tensor> {
    let data = match value.datum_type() {
        DatumType::F32 | DatumType::F16 | DatumType::F64 => {
            Data::Float(value.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
        }
        DatumType::Bool => Data::Bool(value.try_as_plain_ram()?.as_slice::<bool>()?.to_vec()),
        _ => Data::Int(value.cast_to::<i64>()?.try_as_plain_ram()?.as_slice::<i64>()?.to_vec()),
    };
    Ok(Tensor { shape: value.shape().to_vec(), data })
}
