//! The models that the benchmarks run on: the digits example, and those of `models/make_models.py` that have been made.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A model and one input for it.
#[derive(Clone, Debug)]
pub struct Model {
    /// Name in the benchmark's id.
    pub name: &'static str,
    /// The ONNX file.
    pub path: PathBuf,
    /// The values of each input of the model.
    pub input: Vec<Vec<f32>>,
}

/// Names of the benchmark models that each stage is measured on.
const MADE: [&str; 3] = ["mlp_16", "mnist_cnn4", "lenet5_max"];

/// The digits example and the made models that are in `folder`.
///
/// # Panics
/// If a model's input file is damaged.
pub fn models(folder: &Path) -> Vec<Model> {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/digits");
    let mut models = vec![Model { name: "digits", path: digits.join("digits.onnx"), input: read_input(&digits.join("images/0.json")) }];
    for name in MADE {
        let path = folder.join(name).join("network.onnx");
        if path.exists() {
            models.push(Model { name, path, input: read_input(&folder.join(name).join("input.json")) });
        }
    }
    models
}

fn read_input(path: &Path) -> Vec<Vec<f32>> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_value(value["input_data"].clone()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
