//! The files beside a model that hold its weights.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tract_onnx::pb::TensorProto;

use crate::error::OnnxError;
use crate::model::decode;

/// The files that tensors of a model name, each once, as they lie beside it. They need not be there.
///
/// # Errors
/// The file cannot be read or is not an ONNX model.
pub fn external_files(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, OnnxError> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|e| OnnxError::Read { path: path.to_path_buf(), kind: e.kind() })?;
    let model = decode(&bytes)?;
    let graph = model.graph.iter();
    let initializers = graph.clone().flat_map(|graph| &graph.initializer);
    let attributes = graph.flat_map(|graph| &graph.node).flat_map(|node| &node.attribute).filter_map(|attribute| attribute.t.as_ref());
    let locations: BTreeSet<&str> = initializers.chain(attributes).filter_map(location).collect();
    Ok(locations.into_iter().map(|location| path.with_file_name(location)).collect())
}

fn location(tensor: &TensorProto) -> Option<&str> {
    tensor.external_data.iter().find(|entry| entry.key == "location").map(|entry| entry.value.as_str())
}
