//! ONNX models to quantised integer graphs.

pub mod error;
pub mod evaluate;
mod fold;
pub mod graph;
pub mod model;
mod operator;
mod ops;
pub mod pointwise;
mod tensor;
pub mod unary;

pub use error::OnnxError;
pub use model::{load, load_bytes, LoadOptions};
