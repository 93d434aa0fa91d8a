//! ONNX models to quantised integer graphs.

pub mod graph;
pub mod pointwise;
pub mod unary;
