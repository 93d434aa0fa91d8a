//! ONNX models to quantised integer graphs.

pub mod graph;
pub mod unary;
