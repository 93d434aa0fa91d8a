//! Nodes that mean something else than what is imported, names, options, and small files of large shapes.

use std::collections::BTreeMap;

use sworn_circuits::memory::{resident_bytes, Budget, MemoryError};
use sworn_onnx::error::{NodeError, Problem};
use sworn_onnx::evaluate::evaluate;
use sworn_onnx::graph::Graph;
use sworn_onnx::{load, load_bytes, LoadOptions, OnnxError};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::{
    AttributeProto, FunctionProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, ValueInfoProto,
};

use crate::message::{bytes, dense, floats, ints, model, node, value};

fn import(model: &ModelProto) -> Result<Graph, OnnxError> {
    load_bytes(&bytes(model), &LoadOptions::default())
}

fn problem(model: &ModelProto) -> Problem {
    match import(model) {
        Err(OnnxError::Nodes(mut nodes)) => nodes.remove(0).problem,
        other => panic!("expected a node error, got {other:?}"),
    }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 2, i, ..Default::default() }
}

fn scalar(name: &str, kind: DataType) -> TensorProto {
    let raw_data = vec![0; if kind == DataType::Int64 { 8 } else { 1 }];
    TensorProto { name: name.into(), data_type: kind as i32, raw_data, ..Default::default() }
}

fn with(mut node: NodeProto, attributes: &[AttributeProto]) -> NodeProto {
    node.attribute = attributes.to_vec();
    node
}

/// With other inputs, outputs and opset than `x : [1, 4]`, `y` and 17.
fn shaped(mut model: ModelProto, input: &[i64], outputs: &[&str], opset: i64) -> ModelProto {
    let graph = model.graph.as_mut().expect("a graph");
    graph.input = vec![value("x", DataType::Float, &input.iter().map(|&d| Some(Size::DimValue(d))).collect::<Vec<_>>())];
    graph.output = outputs.iter().map(|&name| ValueInfoProto { name: name.into(), ..Default::default() }).collect();
    model.opset_import[0].version = opset;
    model
}

#[test]
fn batch_normalization_in_training_mode() {
    let of = |opset, outputs: &[&str], attributes: &[AttributeProto]| {
        let parameters = ["s", "b", "m", "v"].map(|name| floats(name, &[2], &[0.5, 2.0])).to_vec();
        let node = with(node("BatchNormalization", &["x", "s", "b", "m", "v"], outputs), attributes);
        shaped(model(vec![node], parameters), &[1, 2, 3, 3], &["y"], opset)
    };
    let training = Problem::Feature { feature: "training mode" };
    let five = ["y", "mean", "var", "saved mean", "saved var"];
    for opset in [7, 9, 13] {
        assert!(import(&of(opset, &["y"], &[])).is_ok());
        assert_eq!(problem(&of(opset, &five, &[])), training);
        assert_eq!(problem(&of(opset, &["y"], &[int("is_test", 1)])), Problem::UnknownAttribute { attribute: "is_test".into() });
    }
    assert_eq!(problem(&of(6, &["y"], &[])), training);
    assert_eq!(problem(&of(6, &five, &[int("is_test", 1)])), Problem::Output { output: 1 });
    assert!(import(&of(6, &["y"], &[int("is_test", 1)])).is_ok());
    assert_eq!(problem(&of(14, &["y"], &[int("training_mode", 1)])), training);
    assert_eq!(problem(&of(14, &five[..3], &[])), Problem::Output { output: 1 });
}

#[test]
fn casts_that_round_are_no_identity() {
    for kind in [DataType::Bool, DataType::Int64, DataType::Uint8] {
        let like = model(vec![node("CastLike", &["x", "k"], &["i"]), node("CastLike", &["i", "x"], &["y"])], vec![scalar("k", kind)]);
        assert!(matches!(problem(&like), Problem::InputType { input: 1, .. }));
        let cast = with(node("Cast", &["x"], &["i"]), &[int("to", kind as i64)]);
        let cast = model(vec![cast, with(node("Cast", &["i"], &["y"]), &[int("to", 1)])], vec![]);
        assert!(matches!(problem(&cast), Problem::Attribute { attribute: "to", .. }));
    }
    let half = model(vec![with(node("Cast", &["x"], &["y"]), &[int("to", DataType::Float16 as i64)])], vec![]);
    assert!(import(&half).is_ok());
}

#[test]
fn attributes_of_another_type_or_given_twice() {
    let flatten = |attributes: &[AttributeProto]| model(vec![with(node("Flatten", &["x"], &["y"]), attributes)], vec![]);
    assert!(import(&flatten(&[int("axis", 1)])).is_ok());
    let expected = Problem::AttributeType { attribute: "axis".into(), expected: "an integer" };
    assert_eq!(problem(&flatten(&[ints("axis", &[1])])), expected);
    assert_eq!(problem(&flatten(&[int("axis", 1), int("axis", 0)])), Problem::UnknownAttribute { attribute: "axis".into() });
    assert_eq!(problem(&flatten(&[int("momentum", 1)])), Problem::UnknownAttribute { attribute: "momentum".into() });
    // Also where all inputs are constants.
    let add = with(node("Add", &["w", "w"], &["k"]), &[int("axis", 0)]);
    let folded = model(vec![add, node("Add", &["x", "k"], &["y"])], vec![floats("w", &[4], &[1.0; 4])]);
    assert_eq!(problem(&folded), Problem::UnknownAttribute { attribute: "axis".into() });
    let trilu = with(node("Trilu", &["w"], &["k"]), &[int("upper", 2)]);
    let folded = model(vec![trilu, node("MatMul", &["x", "k"], &["y"])], vec![floats("w", &[4, 4], &[1.0; 16])]);
    assert_eq!(problem(&folded), Problem::Attribute { attribute: "upper", value: "2".into() });
}

#[test]
fn outputs_keep_the_names_of_the_model() {
    let nodes = vec![
        node("Relu", &["x"], &["hidden"]),
        node("Identity", &["hidden"], &["first"]),
        node("Add", &["hidden", "zero"], &["second"]),
        with(node("Cast", &["hidden"], &["third"]), &[int("to", 1)]),
    ];
    let names = ["third", "first", "x", "second", "constant"];
    let model = shaped(model(nodes, vec![floats("zero", &[1], &[0.0]), floats("constant", &[2], &[1.0, 2.0])]), &[1, 4], &names, 17);
    let graph = sworn_onnx::simplify::simplify(import(&model).expect("a good model"));
    assert_eq!(graph.outputs.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), names);
    let tensors = evaluate(&graph, &[vec![-1.0, 2.0, -3.0, 4.0]]).expect("good inputs");
    let of = |i: usize| tensors[graph.outputs[i].node.0].clone();
    assert_eq!([of(0), of(1), of(3)], [(); 3].map(|()| vec![0.0, 2.0, 0.0, 4.0]));
    assert_eq!((of(2), of(4)), (vec![-1.0, 2.0, -3.0, 4.0], vec![1.0, 2.0]));
}

#[test]
fn names_that_stand_for_two_tensors() {
    let twice = |model: &ModelProto, name: &str| match import(model) {
        Err(OnnxError::Tensor { tensor, .. }) => assert_eq!(tensor, name),
        other => panic!("{other:?}"),
    };
    let relu = |output: &str| node("Relu", &["x"], &[output]);
    twice(&shaped(model(vec![relu("y")], vec![]), &[1, 4], &["y", "y"], 17), "y");
    twice(&model(vec![relu("y"), node("Neg", &["x"], &["y"])], vec![]), "y");
    twice(&model(vec![relu("x"), node("Neg", &["x"], &["y"])], vec![]), "x");
    twice(&model(vec![relu("w"), node("Add", &["w", "x"], &["y"])], vec![floats("w", &[1], &[1.0])]), "w");
}

#[test]
fn an_operator_that_the_model_defines_itself() {
    let mut shadowed = model(vec![node("Relu", &["x"], &["y"])], vec![]);
    shadowed.functions = vec![FunctionProto { name: Some("Relu".into()), ..Default::default() }];
    assert_eq!(problem(&shadowed), Problem::Feature { feature: "a function that the model defines itself" });
    let mut twice = model(vec![node("Relu", &["x"], &["y"])], vec![]);
    twice.opset_import.push(OperatorSetIdProto { domain: "ai.onnx".into(), version: 5 });
    assert!(matches!(import(&twice), Err(OnnxError::NotOnnx { .. })));
}

#[test]
fn options_that_cannot_apply() {
    let with = |options: &LoadOptions, dims: &[Option<Size>]| {
        let mut model = dense();
        model.graph.as_mut().expect("a graph").input = vec![value("x", DataType::Float, dims)];
        load_bytes(&bytes(&model), options)
    };
    let open = [Some(Size::DimParam("batch".into())), Some(Size::DimValue(4))];
    let fixed = [Some(Size::DimValue(1)), Some(Size::DimValue(4))];
    let batch = LoadOptions { batch: Some(3), ..LoadOptions::default() };
    assert_eq!(with(&batch, &open).map(|graph| graph.nodes[0].shape.clone()), Ok(vec![3, 4]));
    assert_eq!(with(&batch, &fixed), Err(OnnxError::FixedBatch));
    let named = |name: &str| LoadOptions { dimensions: BTreeMap::from([(name.into(), 2)]), ..LoadOptions::default() };
    assert_eq!(with(&named("batch"), &open).map(|graph| graph.nodes[0].shape.clone()), Ok(vec![2, 4]));
    assert_eq!(with(&LoadOptions { batch: Some(3), ..named("batch") }, &open), Err(OnnxError::FixedBatch));
    let unknown = |named: &[&str]| {
        Err(OnnxError::UnknownDimension { dimension: "width".into(), named: named.iter().map(|s| s.to_string()).collect() })
    };
    assert_eq!(with(&named("width"), &open), unknown(&["batch"]));
    assert_eq!(with(&named("width"), &fixed), unknown(&[]));
}

#[test]
fn messages_say_what_to_do() {
    let text = |model: &ModelProto| import(model).expect_err("it is refused").to_string();
    let mut dynamic = dense();
    let graph = dynamic.graph.as_mut().expect("a graph");
    graph.input = vec![value("x", DataType::Float, &[Some(Size::DimValue(1)), Some(Size::DimParam("width".into()))])];
    assert!(text(&dynamic).contains("`--dimension width=SIZE` gives its size"), "{}", text(&dynamic));
    dynamic.graph.as_mut().expect("a graph").input = vec![value("x", DataType::Float, &[Some(Size::DimValue(1)), None])];
    assert!(text(&dynamic).contains("make_dynamic_shape_fixed"), "{}", text(&dynamic));
    let unsorted = model(vec![node("Relu", &["t"], &["y"]), node("Neg", &["x"], &["t"])], vec![]);
    assert!(text(&unsorted).contains("in the order in which they run"), "{}", text(&unsorted));
    // An input and a node at once.
    let mut both = model(vec![node("Hardmax", &["f"], &["y"]), with(node("Cast", &["x"], &["f"]), &[int("to", 1)])], vec![]);
    let graph = both.graph.as_mut().expect("a graph");
    graph.node.reverse();
    graph.input = vec![value("x", DataType::Int64, &[Some(Size::DimValue(1)), Some(Size::DimValue(4))])];
    assert!(text(&both).contains("int64") && text(&both).contains("Hardmax"), "{}", text(&both));
}

#[test]
fn not_a_number_stays_one() {
    let graph = import(&model(vec![node("Sqrt", &["x"], &["a"]), node("Relu", &["a"], &["y"])], vec![])).expect("a good model");
    for graph in [graph.clone(), sworn_onnx::simplify::simplify(graph)] {
        let tensors = evaluate(&graph, &[vec![4.0, -1.0, 0.0, 1.0]]).expect("good inputs");
        let y = &tensors[graph.outputs[0].node.0];
        assert!(y[1].is_nan() && [y[0], y[2], y[3]] == [2.0, 0.0, 1.0], "{y:?}");
    }
}

fn int64(name: &str, values: &[i64]) -> TensorProto {
    let (dims, data_type) = (vec![values.len() as i64], DataType::Int64 as i32);
    TensorProto { name: name.into(), dims, data_type, int64_data: values.to_vec(), ..Default::default() }
}

/// Each tensor is within its bound; all of them are not.
#[test]
fn small_files_of_large_shapes() {
    const LARGE: i64 = 1 << 24;
    let constants = |count: usize| {
        let mut nodes = vec![node("Identity", &["x"], &["a"])];
        let mut sum = String::from("a");
        for i in 0..count {
            let [c, r, next] = [format!("c{i}"), format!("r{i}"), format!("a{i}")];
            nodes.push(node("ConstantOfShape", &["s"], &[&c]));
            nodes.push(node("ReduceSum", &[&c], &[&r]));
            nodes.push(node("Add", &[&sum, &r], &[&next]));
            sum = next;
        }
        shaped(model(nodes, vec![int64("s", &[LARGE])]), &[1, 4], &[&sum], 17)
    };
    let expanded = |count: usize| {
        let mut nodes = Vec::new();
        let mut x = String::from("x");
        for i in 0..count {
            let [e, r, m] = [format!("e{i}"), format!("r{i}"), format!("m{i}")];
            nodes.push(node("Expand", &[&x, "s"], &[&e]));
            nodes.push(node("Relu", &[&e], &[&r]));
            nodes.push(with(node("ReduceMean", &[&r], &[&m]), &[ints("axes", &[1])]));
            x = m;
        }
        shaped(model(nodes, vec![int64("s", &[1, LARGE])]), &[1, 1], &[&x], 17)
    };
    for model in [constants(12), expanded(10)] {
        let before = resident_bytes().expect("the memory of this process");
        let options = LoadOptions { memory: Budget::limited(before + (16 << 20)), ..LoadOptions::default() };
        let refused = load_bytes(&bytes(&model), &options);
        let memory = match &refused {
            Err(OnnxError::Memory(error)) => Some(error),
            Err(OnnxError::Nodes(nodes)) => nodes.iter().find_map(of_memory),
            _ => None,
        };
        assert!(memory.is_some_and(|m| m.needed > m.available), "{refused:?}");
    }
}

fn of_memory(node: &NodeError) -> Option<&MemoryError> {
    match &node.problem {
        Problem::Memory(error) => Some(error),
        _ => None,
    }
}

/// A cache keeps files under the digests of their contents, and gives them names by links in a folder of their own.
#[cfg(unix)]
#[test]
fn external_data_behind_links() {
    use std::os::unix::fs::symlink;
    let cache = tempfile::tempdir().expect("a folder");
    let (blobs, snapshot) = (cache.path().join("blobs"), cache.path().join("snapshots/main/onnx"));
    for folder in [&blobs, &snapshot] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    let mut model = dense();
    let tensor = &mut model.graph.as_mut().expect("a graph").initializer[0];
    std::fs::write(blobs.join("b2"), std::mem::take(&mut tensor.raw_data)).expect("written");
    tensor.data_location = Some(1);
    tensor.external_data = vec![StringStringEntryProto { key: "location".into(), value: "model.onnx_data".into() }];
    std::fs::write(blobs.join("a1"), bytes(&model)).expect("written");
    symlink("../../../blobs/a1", snapshot.join("model.onnx")).expect("linked");
    symlink("../../../blobs/b2", snapshot.join("model.onnx_data")).expect("linked");
    let load = || load(snapshot.join("model.onnx"), &LoadOptions::default());
    assert_eq!(load(), import(&dense()));
    // Beside neither the link nor the file.
    std::fs::rename(blobs.join("b2"), cache.path().join("b2")).expect("moved");
    std::fs::remove_file(snapshot.join("model.onnx_data")).expect("removed");
    symlink("../../../b2", snapshot.join("model.onnx_data")).expect("linked");
    assert!(matches!(load(), Err(OnnxError::ExternalData { .. })));
}
