//! Vector: a model with inputs and the outputs that another runtime computed for them, as `NAME.onnx` and `NAME.json`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sworn_onnx::evaluate::evaluate;
use sworn_onnx::{load, LoadOptions, OnnxError};

/// What `NAME.json` holds. A value that is not finite is null.
#[derive(Deserialize)]
pub(crate) struct Vector {
    /// Name of the test; several vectors may belong to one.
    pub(crate) case: String,
    /// Operator that it tests.
    pub(crate) op: String,
    /// Allowed error, relative to the largest expected value of a tensor, 1 at least.
    pub(crate) tolerance: f64,
    inputs: Vec<Vec<Option<f32>>>,
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    shape: Vec<usize>,
    values: Vec<Option<f64>>,
}

/// What came of a vector.
pub(crate) enum Outcome {
    /// Shapes and values agree.
    Agrees,
    /// They do not.
    Differs(String),
    /// The model was not imported.
    Refused(OnnxError),
    /// Its inputs are not finite.
    NotFinite,
}

/// The paths `NAME.json` of a folder, sorted.
pub(crate) fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> =
        entries.map(|e| e.expect("entry").path()).filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    paths.sort();
    paths
}

pub(crate) fn read(path: &Path) -> Vector {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Imports the model beside `path` and compares its outputs.
pub(crate) fn check(path: &Path, vector: &Vector) -> Outcome {
    let graph = match load(path.with_extension("onnx"), &LoadOptions::default()) {
        Ok(graph) => graph,
        Err(error) => return Outcome::Refused(error),
    };
    let inputs: Option<Vec<Vec<f32>>> = vector.inputs.iter().map(|x| x.iter().copied().collect()).collect();
    let Some(inputs) = inputs else { return Outcome::NotFinite };
    let tensors = match evaluate(&graph, &inputs) {
        Ok(tensors) => tensors,
        Err(error) => return Outcome::Differs(error.to_string()),
    };
    if graph.outputs.len() != vector.outputs.len() {
        return Outcome::Differs(format!("{} outputs, expected {}", graph.outputs.len(), vector.outputs.len()));
    }
    for (output, expected) in graph.outputs.iter().zip(&vector.outputs) {
        let (node, actual) = (graph.node(output.node), &tensors[output.node.0]);
        if node.shape != expected.shape || actual.len() != expected.values.len() {
            return Outcome::Differs(format!("`{}` has shape {:?}, expected {:?}", node.name, node.shape, expected.shape));
        }
        let largest = expected.values.iter().flatten().fold(1.0, |m: f64, v| m.max(v.abs()));
        let off = |(&a, e): (&f32, &Option<f64>)| match e {
            Some(e) => a.is_nan() || (f64::from(a) - e).abs() > vector.tolerance * largest,
            None => a.is_finite(),
        };
        if let Some(i) = actual.iter().zip(&expected.values).position(off) {
            return Outcome::Differs(format!("`{}`[{i}] is {}, expected {:?}", node.name, actual[i], expected.values[i]));
        }
    }
    Outcome::Agrees
}
