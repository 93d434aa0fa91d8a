//! Messages: small models, built field by field.

use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{dimension::Value as Size, Dimension};
use tract_onnx::pb::type_proto::{Tensor, Value};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
};

/// A model of `nodes` over one input `x : [1, 4]`, with output `y`.
pub(crate) fn model(nodes: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    let input = vec![value("x", DataType::Float, &[Some(Size::DimValue(1)), Some(Size::DimValue(4))])];
    let output = vec![ValueInfoProto { name: "y".into(), ..Default::default() }];
    let graph = GraphProto { node: nodes, initializer, input, output, name: "graph".into(), ..Default::default() };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
    ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..Default::default() }
}

/// The model `relu(x · w + b)` with `w : [4, 3]`.
pub(crate) fn dense() -> ModelProto {
    let weights: Vec<f32> = (0..12).map(|i| i as f32 / 8.0 - 0.5).collect();
    let nodes = vec![node("Gemm", &["x", "w", "b"], &["h"]), node("Relu", &["h"], &["y"])];
    model(nodes, vec![floats("w", &[4, 3], &weights), floats("b", &[3], &[0.5, -0.25, 0.0])])
}

pub(crate) fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let names = |list: &[&str]| list.iter().map(|s| s.to_string()).collect();
    NodeProto {
        op_type: op.into(),
        name: format!("{op} of {}", outputs[0]),
        input: names(inputs),
        output: names(outputs),
        ..Default::default()
    }
}

pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 7, ints: values.to_vec(), ..Default::default() }
}

pub(crate) fn floats(name: &str, shape: &[i64], values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto { name: name.into(), dims: shape.to_vec(), data_type: DataType::Float as i32, raw_data, ..Default::default() }
}

pub(crate) fn value(name: &str, kind: DataType, dims: &[Option<Size>]) -> ValueInfoProto {
    let dim = dims.iter().map(|value| Dimension { value: value.clone(), ..Default::default() }).collect();
    let tensor = Tensor { elem_type: kind as i32, shape: Some(TensorShapeProto { dim }) };
    let r#type = Some(TypeProto { value: Some(Value::TensorType(tensor)), ..Default::default() });
    ValueInfoProto { name: name.into(), r#type, ..Default::default() }
}

pub(crate) fn bytes(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}
