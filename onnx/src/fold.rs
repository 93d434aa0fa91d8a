//! Constant folding: a node whose inputs are all constants is computed by `tract`, in the types that the model gives them.

mod bound;
mod known;

use std::panic::{catch_unwind, AssertUnwindSafe};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto};
use tract_onnx::prelude::{f16, tvec, DatumType, Framework, InferenceModelExt, IntoRunnable, TractResult};

use crate::error::Problem;
use crate::memory::Memory;
use crate::model::tract;
use crate::operator::{axes, axis};
use crate::tensor::{Data, Tensor};

/// The most elements of a constant that is computed: weights may be larger than activations.
const MAX_ELEMENTS: usize = 1 << 28;

/// The outputs of `node`, or [`Problem::Fold`] for what is not for `tract` to compute.
pub(crate) fn fold(node: &NodeProto, opset: i64, inputs: &[Option<&Tensor>], memory: &Memory) -> Result<Vec<Tensor>, Problem> {
    let op = node.op_type.as_str();
    let reduces_nothing = op.starts_with("Reduce") && inputs.first().copied().flatten().is_some_and(|t| t.len() == 0);
    if !known::is_known(op) || node.output.iter().any(String::is_empty) || divides_by_zero(op, inputs) || reduces_nothing {
        return Err(Problem::Fold);
    }
    known::check_attributes(node)?;
    check_positions(node, inputs)?;
    let Some(largest) = bound::largest_output(node, inputs).filter(|&n| n <= MAX_ELEMENTS) else {
        return Err(Problem::Fold);
    };
    // The inputs as messages and as tensors, the result, and it again as ours.
    memory.allot::<[u64; 2]>(inputs.iter().flatten().map(|t| t.len()).sum::<usize>().saturating_add(largest))?;
    // What tract cannot compute it refuses with an error; the rest of the model does not depend on it if it panics.
    match catch_unwind(AssertUnwindSafe(|| run(node, opset, inputs))) {
        Ok(Ok(outputs)) if outputs.len() == node.output.len() && outputs.iter().all(Tensor::is_number) => Ok(outputs),
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
    let shape = |i: usize| inputs.get(i).copied().flatten().map_or(&[][..], |t| t.shape.as_slice());
    let rank = shape(0).len();
    let at = |default| axis(attribute("axis").map_or(default, |a| a.i), rank);
    let outside = Problem::Malformed { rule: "an index is outside its axis" };
    let inside = |indices: &[i64], length: usize| indices.iter().all(|&i| axis(i, length).is_ok());
    match node.op_type.as_str() {
        "Gather" | "GatherElements" | "ScatterElements" => {
            let length = shape(0)[at(0)?];
            inside(&ints(1), length).then_some(()).ok_or(outside)
        }
        "GatherND" | "ScatterND" => {
            let first = attribute("batch_dims").map_or(Some(0), |a| usize::try_from(a.i).ok());
            let lengths = first.and_then(|first| shape(0).get(first..)).unwrap_or_default();
            let tuple = shape(1).last().copied().unwrap_or(0);
            let fits = (1..=lengths.len()).contains(&tuple)
                && ints(1).chunks(tuple).all(|place| place.iter().zip(lengths).all(|(&i, &length)| axis(i, length).is_ok()));
            fits.then_some(()).ok_or(outside)
        }
        "Squeeze" | "Unsqueeze" => {
            let list = attribute("axes").map_or_else(|| ints(1), |a| a.ints.clone());
            let added = if node.op_type == "Unsqueeze" { list.len() } else { 0 };
            axes(&list, rank + added).map(drop)
        }
        "Split" => {
            let (length, parts) = (shape(0)[at(0)?], node.output.len().max(1));
            let equal = |a: &AttributeProto| usize::try_from(a.i) == Ok(parts) && length.is_multiple_of(parts);
            attribute("num_outputs").is_none_or(equal).then_some(()).ok_or(Problem::Fold)
        }
        "Concat" | "ArgMax" | "ArgMin" => at(0).map(drop),
        "Softmax" | "LogSoftmax" | "Hardmax" | "TopK" | "LayerNormalization" => at(-1).map(drop),
        "CumSum" => ints(1).iter().try_for_each(|&a| axis(a, rank).map(drop)),
        "ReduceLogSumExp" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceSum" => {
            axes(&attribute("axes").map_or_else(|| ints(1), |a| a.ints.clone()), rank).map(drop)
        }
        "Transpose" => attribute("perm").map_or(Ok(()), |a| axes(&a.ints, rank).map(drop)),
        _ => Ok(()),
    }
}

/// Integers have no value there.
fn divides_by_zero(op: &str, inputs: &[Option<&Tensor>]) -> bool {
    let zero = |t: &&Tensor| matches!(&t.data, Data::Int(v) if v.contains(&0));
    matches!(op, "Div" | "Mod") && inputs.iter().skip(1).flatten().any(zero)
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
    let output = node.output.iter().map(|o| ValueInfoProto { name: o.clone(), ..Default::default() }).collect();
    let graph = GraphProto { node: vec![node], initializer, output, ..Default::default() };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: opset }];
    let model = ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..Default::default() };
    let plan = tract().model_for_proto_model(&model)?.into_typed()?.into_runnable()?;
    plan.run(tvec!())?.iter().map(|value| read(value)).collect()
}

fn message(tensor: &Tensor, name: &str) -> TensorProto {
    macro_rules! bytes {
        ($values:expr, $map:expr) => {
            $values.iter().flat_map(|&v| $map(v).to_le_bytes()).collect()
        };
    }
    // The elements are of the type that they are cast to: see `Tensor::kind`.
    let raw_data = match (&tensor.data, tensor.kind) {
        (Data::Float(v), DataType::Float16) => bytes!(v, |v| f16::from_f32(v).to_bits()),
        (Data::Float(v), DataType::Bfloat16) => bytes!(v, |v: f32| (v.to_bits() >> 16) as u16),
        (Data::Float(v), _) => bytes!(v, |v: f32| v),
        (Data::Double(v), _) => bytes!(v, |v: f64| v),
        (Data::Int(v), DataType::Int8 | DataType::Uint8) => bytes!(v, |v| v as u8),
        (Data::Int(v), DataType::Int16 | DataType::Uint16) => bytes!(v, |v| v as u16),
        (Data::Int(v), DataType::Int32 | DataType::Uint32) => bytes!(v, |v| v as u32),
        (Data::Int(v), _) => bytes!(v, |v: i64| v),
        (Data::Bool(v), _) => v.iter().map(|&v| u8::from(v)).collect(),
    };
    let dims = tensor.shape.iter().map(|&d| d as i64).collect();
    TensorProto { name: name.to_string(), dims, data_type: tensor.kind as i32, raw_data, ..Default::default() }
}

fn read(value: &tract_onnx::prelude::Tensor) -> TractResult<Tensor> {
    let kind = match value.datum_type() {
        DatumType::F16 => DataType::Float16,
        DatumType::F32 => DataType::Float,
        DatumType::F64 => DataType::Double,
        DatumType::Bool => DataType::Bool,
        DatumType::I8 => DataType::Int8,
        DatumType::U8 => DataType::Uint8,
        DatumType::I16 => DataType::Int16,
        DatumType::U16 => DataType::Uint16,
        DatumType::I32 => DataType::Int32,
        DatumType::U32 => DataType::Uint32,
        DatumType::U64 => DataType::Uint64,
        _ => DataType::Int64,
    };
    let data = match kind {
        DataType::Float16 | DataType::Float => Data::Float(value.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec()),
        DataType::Double => Data::Double(value.try_as_plain_ram()?.as_slice::<f64>()?.to_vec()),
        DataType::Bool => Data::Bool(value.try_as_plain_ram()?.as_slice::<bool>()?.to_vec()),
        _ => Data::Int(value.cast_to::<i64>()?.try_as_plain_ram()?.as_slice::<i64>()?.to_vec()),
    };
    Ok(Tensor { shape: value.shape().to_vec(), data, kind })
}
