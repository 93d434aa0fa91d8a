//! Functions of one real variable, as ONNX defines them.

/// A function of one real variable with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// `max(x, 0)`.
    Relu,
    /// `1 / (1 + e^−x)`.
    Sigmoid,
}
