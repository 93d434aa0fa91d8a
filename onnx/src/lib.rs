//! ONNX models to quantised integer graphs.

#[cfg(test)]
mod arbitrary;
pub mod calibrate;
pub mod compile;
pub mod error;
pub mod evaluate;
mod external;
mod fold;
pub mod graph;
pub mod interval;
mod memory;
pub mod model;
mod names;
mod operator;
mod ops;
pub mod pointwise;
pub mod quantize;
pub mod report;
pub mod simplify;
pub mod synthetic;
mod tensor;
pub mod unary;

pub use error::{OnnxError, OutOfRange};
pub use external::external_files;
pub use model::{load, load_bytes, LoadOptions};
