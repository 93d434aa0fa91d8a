//! Models that must be refused, each with its own error, and bytes that must never panic.

use std::collections::BTreeMap;

use sworn_onnx::error::{ExternalDataProblem, NodeError, Problem};
use sworn_onnx::evaluate::evaluate;
use sworn_onnx::{load, load_bytes, LoadOptions, OnnxError};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::{ModelProto, OperatorSetIdProto, StringStringEntryProto};

use crate::message::{bytes, dense, floats, ints, model, node, value};

fn error(model: &ModelProto) -> OnnxError {
    load_bytes(&bytes(model), &LoadOptions::default()).expect_err("the model must be refused")
}

fn node_errors(model: &ModelProto) -> Vec<NodeError> {
    match error(model) {
        OnnxError::Nodes(nodes) => nodes,
        other => panic!("expected node errors, got {other}"),
    }
}

#[test]
fn a_good_model() {
    let graph = load_bytes(&bytes(&dense()), &LoadOptions::default()).expect("a good model");
    let tensors = evaluate(&graph, &[vec![1.0, 2.0, 3.0, 4.0]]).expect("good inputs");
    let expected = [3.0f32, 3.5, 5.0];
    assert_eq!(tensors[graph.outputs[0].node.0], expected);
}

#[test]
fn a_missing_file() {
    let error = load("no/such/model.onnx", &LoadOptions::default()).expect_err("no file");
    assert!(matches!(error, OnnxError::Read { kind: std::io::ErrorKind::NotFound, .. }), "{error}");
}

#[test]
fn not_an_onnx_file() {
    for bytes in [&b""[..], b"not a model", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"{\"input_data\": [[1]]}", &[0; 64], &[0xff; 64]] {
        let error = load_bytes(bytes, &LoadOptions::default()).expect_err("not a model");
        assert!(matches!(error, OnnxError::NotOnnx { .. }), "{bytes:?}: {error}");
    }
}

#[test]
fn truncated() {
    let whole = bytes(&dense());
    for length in 0..whole.len() {
        let error = load_bytes(&whole[..length], &LoadOptions::default()).expect_err("a truncated model");
        assert!(matches!(error, OnnxError::NotOnnx { .. }), "{length} of {} bytes: {error}", whole.len());
    }
}

#[test]
fn flipped_bits_never_panic() {
    let whole = bytes(&dense());
    for i in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[i / 8] ^= 1 << (i % 8);
        if let Ok(graph) = load_bytes(&changed, &LoadOptions::default()) {
            let inputs: Vec<Vec<f32>> = graph.inputs.iter().map(|&id| vec![0.5; graph.node(id).elements()]).collect();
            assert!(evaluate(&graph, &inputs).is_ok());
        }
    }
}

#[test]
fn every_unsupported_node_is_reported() {
    let mut custom = node("Fancy", &["b"], &["c"]);
    custom.domain = "com.example".into();
    let nodes = vec![
        node("Einsum", &["x"], &["a"]),
        node("Relu", &["a"], &["b"]),
        custom,
        node("NonZero", &["x"], &["d"]),
        node("Add", &["c", "d"], &["y"]),
    ];
    let errors = node_errors(&model(nodes, vec![]));
    let found: Vec<(&str, &str, &str, i64)> = errors.iter().map(|e| (e.node.as_str(), e.op.as_str(), e.domain.as_str(), e.opset)).collect();
    assert_eq!(found, [("Einsum of a", "Einsum", "", 17), ("Fancy of c", "Fancy", "com.example", 0), ("NonZero of d", "NonZero", "", 17)]);
    assert!(errors.iter().all(|e| e.problem == Problem::Operator));
    let text = OnnxError::Nodes(errors).to_string();
    assert!(text.contains("Einsum of a") && text.contains("com.example") && text.contains("opset 17"), "{text}");
}

#[test]
fn an_unsupported_node_that_nothing_needs_is_left_out() {
    let nodes = vec![node("Einsum", &["x"], &["a"]), node("Relu", &["x"], &["y"])];
    assert!(load_bytes(&bytes(&model(nodes, vec![])), &LoadOptions::default()).is_ok());
}

#[test]
fn an_operator_of_an_opset_that_is_too_old() {
    let mut old = model(vec![node("Mish", &["x"], &["y"])], vec![]);
    old.opset_import[0].version = 17;
    assert_eq!(node_errors(&old)[0].problem, Problem::Opset { expected: 18, actual: 17 });
}

#[test]
fn an_opset_that_is_too_new() {
    let mut new = dense();
    new.opset_import[0].version = 1000;
    assert!(matches!(error(&new), OnnxError::Opset { actual: 1000, .. }));
}

#[test]
fn a_use_of_an_operator_that_is_not_supported() {
    let quotient = node_errors(&model(vec![node("Div", &["x", "x"], &["y"])], vec![]));
    assert!(matches!(quotient[0].problem, Problem::Feature { .. }), "{}", quotient[0]);
    let mut resize = node("Resize", &["x", "", "scales"], &["y"]);
    resize.attribute.push(text("mode", "cubic"));
    let resize = node_errors(&model(vec![resize], vec![floats("scales", &[2], &[1.0, 2.0])]));
    assert_eq!(resize[0].problem, Problem::Attribute { attribute: "mode", value: "cubic".into() });
}

#[test]
fn operators_of_another_domain() {
    let of = |op: &str, domain: &str, version: Option<i64>| {
        let mut node = node(op, &["x"], &["y"]);
        node.domain = domain.into();
        let mut model = model(vec![node], vec![]);
        model.opset_import.extend(version.map(|version| OperatorSetIdProto { domain: domain.into(), version }));
        model
    };
    let microsoft = "com.microsoft";
    assert!(load_bytes(&bytes(&of("QuickGelu", microsoft, Some(1))), &LoadOptions::default()).is_ok());
    let problem = |model: &ModelProto| node_errors(model).remove(0).problem;
    assert_eq!(problem(&of("QuickGelu", microsoft, None)), Problem::Opset { expected: 1, actual: 0 });
    assert!(matches!(problem(&of("QuickGelu", microsoft, Some(2))), Problem::Feature { .. }));
    for (op, domain) in [("Relu", microsoft), ("QuickGelu", "com.example"), ("QuickGelu", "")] {
        assert_eq!(problem(&of(op, domain, (!domain.is_empty()).then_some(1))), Problem::Operator);
    }
    // A hint of old operator sets of the standard domain alone.
    let mut hinted = of("Gelu", microsoft, Some(1));
    graph(&mut hinted).node[0].attribute.push(ints("consumed_inputs", &[0]));
    assert_eq!(problem(&hinted), Problem::UnknownAttribute { attribute: "consumed_inputs".into() });
    let mut wide = of("BiasGelu", microsoft, Some(1));
    graph(&mut wide).node[0].input.push("b".into());
    graph(&mut wide).initializer = vec![floats("b", &[1], &[1.0])];
    assert!(matches!(problem(&wide), Problem::Malformed { .. }));
}

#[test]
fn indices_that_do_not_fit() {
    let of = |op: &str, shape: &[i64], indices: &[i64], others: &[&str]| {
        let mut places = int64("i", indices);
        places.dims = shape.to_vec();
        let nodes = vec![node(op, &[&["x", "i"], others].concat(), &["y"])];
        node_errors(&model(nodes, vec![places, floats("u", &[2], &[1.0, 2.0]), floats("v", &[1, 2], &[1.0, 2.0])])).remove(0).problem
    };
    type Case = (&'static str, &'static [i64], &'static [i64], &'static [&'static str]);
    let cases: [Case; 13] = [
        ("GatherElements", &[1, 1], &[1], &[]),
        ("GatherElements", &[1, 5], &[0; 5], &[]),
        ("GatherElements", &[1], &[0], &[]),
        ("GatherND", &[1, 2], &[0, 4], &[]),
        ("GatherND", &[1, 3], &[0; 3], &[]),
        ("GatherND", &[], &[0], &[]),
        ("GatherND", &[1, 0], &[], &[]),
        ("ScatterElements", &[1, 2], &[0, i64::MIN], &["v"]),
        ("ScatterElements", &[1, 2], &[0, 0], &["u"]),
        ("ScatterND", &[2, 2], &[0, 1, 0, -5], &["u"]),
        ("ScatterND", &[1, 2], &[0, 1], &["u"]),
        ("ReverseSequence", &[4], &[1, 1, 1, 2], &[]),
        ("CumSum", &[], &[2], &[]),
    ];
    for (op, shape, indices, others) in cases {
        let problem = of(op, shape, indices, others);
        assert!(matches!(problem, Problem::Malformed { .. }), "{op} {shape:?} {indices:?}: {problem}");
    }
    assert!(matches!(of("ScatterND", &[2, 2], &[0, 1, 0, -3], &["u"]), Problem::Feature { .. }));
    assert_eq!(of("CumSum", &[2], &[0, 1], &[]), Problem::InputType { input: 1, expected: "one integer" });
    assert_eq!(of("Trilu", &[2], &[0, 1], &[]), Problem::InputType { input: 1, expected: "one integer" });
    assert_eq!(of("Trilu", &[0], &[], &[]), Problem::InputType { input: 1, expected: "one integer" });
}

#[test]
fn a_convolution_over_three_axes() {
    let mut model = model(vec![node("Conv", &["x", "w"], &["y"])], vec![floats("w", &[1, 1, 1, 1, 1], &[1.0])]);
    let dims = [1, 1, 2, 2, 2].map(|d| Some(Size::DimValue(d)));
    graph(&mut model).input = vec![value("x", DataType::Float, &dims)];
    assert!(matches!(node_errors(&model)[0].problem, Problem::Rank { input: 0, actual: 5, .. }));
}

#[test]
fn an_input_of_an_unsupported_type() {
    let mut model = dense();
    graph(&mut model).input = vec![value("x", DataType::Int64, &[Some(Size::DimValue(1)), Some(Size::DimValue(4))])];
    assert!(matches!(error(&model), OnnxError::ElementType { tensor, actual, .. } if tensor == "x" && actual == "int64"));
}

#[test]
fn a_weight_of_an_unsupported_type() {
    let mut model = dense();
    graph(&mut model).initializer[0].data_type = DataType::Complex64 as i32;
    assert!(matches!(error(&model), OnnxError::ElementType { tensor, .. } if tensor == "w"));
}

#[test]
fn a_weight_with_too_few_elements() {
    let mut model = dense();
    graph(&mut model).initializer[0].raw_data.truncate(44);
    assert_eq!(error(&model), OnnxError::TensorLength { tensor: "w".into(), expected: 12, actual: 11 });
}

#[test]
fn weights_that_are_not_finite() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut model = dense();
        graph(&mut model).initializer[1] = floats("b", &[3], &[0.0, bad, 0.0]);
        assert_eq!(error(&model), OnnxError::NonFinite { tensor: "b".into(), index: 1, value: bad.to_string() });
    }
    let divided = model(vec![node("Div", &["x", "zero"], &["y"])], vec![floats("zero", &[1], &[0.0])]);
    assert_eq!(node_errors(&divided)[0].problem, Problem::NonFinite);
}

#[test]
fn a_dynamic_dimension() {
    let mut model = dense();
    let batch = Some(Size::DimParam("batch".into()));
    graph(&mut model).input = vec![value("x", DataType::Float, &[batch.clone(), Some(Size::DimParam("width".into()))])];
    assert_eq!(error(&model), OnnxError::DynamicDimension { input: "x".into(), axis: 1, name: "width".into() });
    let options = LoadOptions { batch: Some(2), dimensions: BTreeMap::from([("width".into(), 4)]), ..LoadOptions::default() };
    let loaded = load_bytes(&bytes(&model), &options).expect("all dimensions are known");
    assert_eq!(loaded.node(loaded.outputs[0].node).shape, [2, 3]);
    let options = LoadOptions { shapes: BTreeMap::from([("x".into(), vec![3, 4])]), ..LoadOptions::default() };
    let loaded = load_bytes(&bytes(&model), &options).expect("the shape is given");
    assert_eq!(loaded.node(loaded.outputs[0].node).shape, [3, 3]);
    let options = LoadOptions { shapes: BTreeMap::from([("z".into(), vec![3, 4])]), ..LoadOptions::default() };
    assert_eq!(load_bytes(&bytes(&model), &options), Err(OnnxError::UnknownInput { input: "z".into() }));
}

#[test]
fn a_symbolic_batch_is_one() {
    let mut model = dense();
    for batch in [Some(Size::DimParam("N".into())), None] {
        graph(&mut model).input = vec![value("x", DataType::Float, &[batch, Some(Size::DimValue(4))])];
        let loaded = load_bytes(&bytes(&model), &LoadOptions::default()).expect("a symbolic batch");
        assert_eq!(loaded.node(loaded.outputs[0].node).shape, [1, 3]);
    }
}

#[test]
fn external_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut model = dense();
    let weights = std::mem::take(&mut graph(&mut model).initializer[0].raw_data);
    let entry = |key: &str, value: &str| StringStringEntryProto { key: key.into(), value: value.into() };
    graph(&mut model).initializer[0].data_location = Some(1);
    graph(&mut model).initializer[0].external_data = vec![entry("location", "w.bin"), entry("offset", "4"), entry("length", "48")];
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes(&model)).expect("written");
    let load = || load(&path, &LoadOptions::default());
    let problem = |error: Result<_, OnnxError>| match error {
        Err(OnnxError::ExternalData { tensor, problem, .. }) if tensor == "w" => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(problem(load()), ExternalDataProblem::Read(std::io::ErrorKind::NotFound));
    assert_eq!(problem(load_bytes(&bytes(&model), &LoadOptions::default())), ExternalDataProblem::Outside);
    std::fs::write(folder.path().join("w.bin"), &weights).expect("written");
    assert_eq!(problem(load()), ExternalDataProblem::TooShort { expected: 52, actual: 48 });
    std::fs::write(folder.path().join("w.bin"), [&[0; 4], weights.as_slice()].concat()).expect("written");
    assert_eq!(load(), load_bytes(&bytes(&dense()), &LoadOptions::default()));
    assert_eq!(sworn_onnx::external_files(&path), Ok(vec![folder.path().join("w.bin")]));
    graph(&mut model).initializer[0].external_data[0] = entry("location", "../w.bin");
    std::fs::write(&path, bytes(&model)).expect("written");
    assert_eq!(problem(load()), ExternalDataProblem::Outside);
}

#[test]
fn a_tensor_that_nothing_makes() {
    let undefined = model(vec![node("Relu", &["nothing"], &["y"])], vec![]);
    assert!(matches!(error(&undefined), OnnxError::UndefinedTensor { tensor, .. } if tensor == "nothing"));
    let no_output = model(vec![node("Relu", &["x"], &["z"])], vec![]);
    assert!(matches!(error(&no_output), OnnxError::UndefinedTensor { tensor, .. } if tensor == "y"));
}

#[test]
fn attributes_out_of_range() {
    let huge = i64::MAX;
    for (name, values) in
        [("kernel_shape", [0, 2]), ("kernel_shape", [huge, huge]), ("strides", [0, 1]), ("pads", [-1, huge]), ("dilations", [huge, 1])]
    {
        let mut pool = node("MaxPool", &["x"], &["y"]);
        pool.attribute = vec![ints("kernel_shape", &[1, 1])];
        pool.attribute.retain(|a| a.name != name);
        pool.attribute.push(ints(name, &values));
        let mut model = model(vec![pool], vec![]);
        let dims = [1, 1, 4, 4].map(|d| Some(Size::DimValue(d)));
        graph(&mut model).input = vec![value("x", DataType::Float, &dims)];
        assert!(!node_errors(&model).is_empty());
    }
    let expand = model(vec![node("Expand", &["x", "s"], &["y"])], vec![int64("s", &[huge, huge, 1, 4])]);
    assert!(matches!(node_errors(&expand)[0].problem, Problem::TooLarge { .. }));
    let constant = model(
        vec![node("Expand", &["c", "s"], &["k"]), node("Add", &["x", "k"], &["y"])],
        vec![floats("c", &[1], &[1.0]), int64("s", &[huge, huge, 1, 4])],
    );
    assert!(matches!(node_errors(&constant)[0].problem, Problem::TooLarge { .. }));
}

#[test]
fn inputs_that_do_not_fit() {
    let graph = load_bytes(&bytes(&dense()), &LoadOptions::default()).expect("a good model");
    assert_eq!(evaluate(&graph, &[]), Err(OnnxError::InputCount { expected: 1, actual: 0 }));
    assert_eq!(evaluate(&graph, &[vec![0.0; 3]]), Err(OnnxError::InputLength { input: "x".into(), expected: 4, actual: 3 }));
    assert_eq!(evaluate(&graph, &[vec![0.0, f32::NAN, 0.0, 0.0]]), Err(OnnxError::InputNotFinite { input: "x".into(), index: 1 }));
}

fn graph(model: &mut ModelProto) -> &mut tract_onnx::pb::GraphProto {
    model.graph.as_mut().expect("a graph")
}

fn int64(name: &str, values: &[i64]) -> tract_onnx::pb::TensorProto {
    let (dims, data_type) = (vec![values.len() as i64], DataType::Int64 as i32);
    tract_onnx::pb::TensorProto { name: name.into(), dims, data_type, int64_data: values.to_vec(), ..Default::default() }
}

fn text(name: &str, value: &str) -> tract_onnx::pb::AttributeProto {
    tract_onnx::pb::AttributeProto { name: name.into(), r#type: 3, s: value.as_bytes().to_vec(), ..Default::default() }
}
