//! Every operator against every schema that it has: see `tests/make_schemas.py`, which makes the cases.
//!
//! What a lowering does not read is refused, so that no attribute, input or output is passed over.

use prost::Message;
use serde::Deserialize;
use sworn_onnx::evaluate::evaluate;
use sworn_onnx::{load_bytes, LoadOptions};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto};

use crate::message::{bytes, model, node, value};

#[derive(Deserialize)]
struct Case {
    /// The standard one, if there is none.
    #[serde(default)]
    domain: String,
    op: String,
    opset: i64,
    what: String,
    expect: Expect,
    /// Messages, in hexadecimal.
    attributes: Vec<String>,
    /// Those of the last plain case, if there are none.
    inputs: Option<Vec<Option<Input>>>,
    outputs: usize,
    expected: Option<Vec<Expected>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Agrees,
    Either,
    Refused,
    Imported,
}

#[derive(Deserialize)]
struct Input {
    kind: Kind,
    r#type: i32,
    shape: Vec<i64>,
    values: Vec<f64>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Input,
    Constant,
}

#[derive(Deserialize)]
struct Expected {
    shape: Vec<usize>,
    float: bool,
    values: Vec<f64>,
}

#[test]
fn nothing_of_a_node_is_passed_over() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../schemas.json")).expect("cases");
    assert!(cases.len() > 2000);
    let mut plain: &[Option<Input>] = &[];
    let mut wrong = Vec::new();
    for case in &cases {
        let inputs = case.inputs.as_deref().unwrap_or(plain);
        if case.what == "plain" {
            plain = inputs;
        }
        if let Err(why) = check(case, inputs) {
            wrong.push(format!("{} {} {}, {}: {why}", case.domain, case.op, case.opset, case.what));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn check(case: &Case, inputs: &[Option<Input>]) -> Result<(), String> {
    let graph = match load_bytes(&bytes(&build(case, inputs)), &LoadOptions::default()) {
        Err(_) if matches!(case.expect, Expect::Refused | Expect::Either) => return Ok(()),
        // What is not a float can be no output of a graph.
        Err(_) if case.expected.iter().flatten().any(|e| !e.float) => return Ok(()),
        Err(error) => return Err(error.to_string()),
        Ok(_) if case.expect == Expect::Refused => return Err("it is imported".into()),
        Ok(graph) => graph,
    };
    let values: Vec<Vec<f32>> =
        inputs.iter().flatten().filter(|i| i.kind == Kind::Input).map(|i| i.values.iter().map(|&v| v as f32).collect()).collect();
    let tensors = evaluate(&graph, &values).map_err(|e| e.to_string())?;
    for (output, expected) in graph.outputs.iter().zip(case.expected.iter().flatten()) {
        let (shape, actual) = (&graph.node(output.node).shape, &tensors[output.node.0]);
        let close = |(&a, &e): (&f32, &f64)| (f64::from(a) - e).abs() <= 1e-3 * e.abs().max(1.0);
        if *shape != expected.shape || !actual.iter().zip(&expected.values).all(close) {
            return Err(format!("{shape:?} {actual:?}, expected {:?} {:?}", expected.shape, expected.values));
        }
    }
    Ok(())
}

fn build(case: &Case, inputs: &[Option<Input>]) -> ModelProto {
    let names: Vec<String> = inputs.iter().enumerate().map(|(i, x)| x.as_ref().map_or(String::new(), |_| format!("x{i}"))).collect();
    let outputs: Vec<String> = (0..case.outputs).map(|i| format!("y{i}")).collect();
    let as_str = |list: &[String]| list.iter().map(String::clone).collect::<Vec<_>>();
    let attribute = case.attributes.iter().map(|hex| AttributeProto::decode(&*decode(hex)).expect("an attribute")).collect();
    let node =
        NodeProto { input: as_str(&names), output: outputs.clone(), attribute, domain: case.domain.clone(), ..node(&case.op, &[], &["y"]) };
    let of_kind = |kind| names.iter().zip(inputs).filter_map(move |(name, x)| x.as_ref().filter(|x| x.kind == kind).map(|x| (name, x)));
    let mut built = model(vec![node], of_kind(Kind::Constant).map(|(name, x)| constant(name, x)).collect());
    if case.domain.is_empty() {
        built.opset_import[0].version = case.opset;
    } else {
        built.opset_import.push(OperatorSetIdProto { domain: case.domain.clone(), version: case.opset });
    }
    if let Some(graph) = &mut built.graph {
        let dims = |x: &Input| x.shape.iter().map(|&d| Some(Size::DimValue(d))).collect::<Vec<_>>();
        graph.input = of_kind(Kind::Input).map(|(name, x)| value(name, DataType::Float, &dims(x))).collect();
        let read = if case.op == "Split" { case.outputs } else { 1 };
        graph.output = outputs[..read].iter().map(|name| ValueInfoProto { name: name.clone(), ..Default::default() }).collect();
    }
    built
}

fn constant(name: &str, input: &Input) -> TensorProto {
    let mut tensor = TensorProto { name: name.into(), dims: input.shape.clone(), data_type: input.r#type, ..Default::default() };
    match DataType::try_from(input.r#type) {
        Ok(DataType::Float) => tensor.float_data = input.values.iter().map(|&v| v as f32).collect(),
        Ok(DataType::Double) => tensor.double_data.clone_from(&input.values),
        Ok(DataType::Int64) => tensor.int64_data = input.values.iter().map(|&v| v as i64).collect(),
        _ => tensor.int32_data = input.values.iter().map(|&v| v as i32).collect(),
    }
    tensor
}

fn decode(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hexadecimal digits")).collect()
}
