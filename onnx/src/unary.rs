//! Functions of one real variable, as ONNX defines them.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

/// A function of one real variable with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// `|x|`.
    Abs,
    /// Inverse cosine, for −1 ≤ x ≤ 1.
    Acos,
    /// Inverse hyperbolic cosine, for x ≥ 1.
    Acosh,
    /// Inverse sine, for −1 ≤ x ≤ 1.
    Asin,
    /// Inverse hyperbolic sine.
    Asinh,
    /// Inverse tangent.
    Atan,
    /// Inverse hyperbolic tangent, for −1 < x < 1.
    Atanh,
    /// The smallest integer that is not below x.
    Ceil,
    /// `max(0, x) + min(0, α·(e^(x/α) − 1))`.
    Celu {
        /// α.
        alpha: f32,
    },
    /// `min(max(x, min), max)`; infinite bounds are none.
    Clip {
        /// Lower bound.
        min: f32,
        /// Upper bound; it wins where the two cross.
        max: f32,
    },
    /// Cosine.
    Cos,
    /// Hyperbolic cosine.
    Cosh,
    /// `x` above 0, else `α·(e^x − 1)`.
    Elu {
        /// α.
        alpha: f32,
    },
    /// `2/√π · ∫₀ˣ e^(−t²) dt`.
    Erf,
    /// `e^x`.
    Exp,
    /// The largest integer that is not above x.
    Floor,
    /// `x/2 · (1 + erf(x/√2))`.
    Gelu,
    /// `x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))`.
    GeluTanh,
    /// `max(0, min(1, α·x + β))`.
    HardSigmoid {
        /// α.
        alpha: f32,
        /// β.
        beta: f32,
    },
    /// `x · max(0, min(1, x/6 + 1/2))`.
    HardSwish,
    /// `x` above 0, else `α·x`.
    LeakyRelu {
        /// α.
        alpha: f32,
    },
    /// Natural logarithm, for x > 0.
    Log,
    /// `x · tanh(ln(1 + e^x))`.
    Mish,
    /// `−x`.
    Neg,
    /// `x^p`; for p that are not integers, x ≥ 0.
    Power {
        /// p.
        exponent: f32,
    },
    /// `1 / x`, for x ≠ 0.
    Reciprocal,
    /// `max(x, 0)`.
    Relu,
    /// The nearest integer; halves to the even one.
    Round,
    /// `γ·x` above 0, else `γ·α·(e^x − 1)`.
    Selu {
        /// α.
        alpha: f32,
        /// γ.
        gamma: f32,
    },
    /// `x + bias` below −λ, `x − bias` above λ, else 0.
    Shrink {
        /// Subtracted from the absolute value.
        bias: f32,
        /// λ.
        lambda: f32,
    },
    /// `1 / (1 + e^−x)`.
    Sigmoid,
    /// −1, 0 or 1.
    Sign,
    /// Sine.
    Sin,
    /// Hyperbolic sine.
    Sinh,
    /// `ln(1 + e^x)`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// Square root, for x ≥ 0.
    Sqrt,
    /// `x / (1 + e^(−α·x))`.
    Swish {
        /// α.
        alpha: f32,
    },
    /// Tangent.
    Tan,
    /// Hyperbolic tangent.
    Tanh,
    /// `x` above α, else 0.
    ThresholdedRelu {
        /// α.
        alpha: f32,
    },
}

impl Unary {
    /// The value at `x`; NaN or infinite outside the domain, and NaN at NaN.
    pub fn apply(self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        match self {
            Self::Abs => x.abs(),
            Self::Acos => x.acos(),
            Self::Acosh => x.acosh(),
            Self::Asin => x.asin(),
            Self::Asinh => x.asinh(),
            Self::Atan => x.atan(),
            Self::Atanh => x.atanh(),
            Self::Ceil => x.ceil(),
            Self::Celu { alpha } => x.max(0.0) + (f64::from(alpha) * (x / f64::from(alpha)).exp_m1()).min(0.0),
            Self::Clip { min, max } => x.max(f64::from(min)).min(f64::from(max)),
            Self::Cos => x.cos(),
            Self::Cosh => x.cosh(),
            Self::Elu { alpha } => above(x, 0.0, x, f64::from(alpha) * x.exp_m1()),
            Self::Erf => libm::erf(x),
            Self::Exp => x.exp(),
            Self::Floor => x.floor(),
            Self::Gelu => 0.5 * x * (1.0 + libm::erf(x * FRAC_1_SQRT_2)),
            Self::GeluTanh => 0.5 * x * (1.0 + (FRAC_2_PI.sqrt() * (x + 0.044_715 * x * x * x)).tanh()),
            Self::HardSigmoid { alpha, beta } => (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0),
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::LeakyRelu { alpha } => above(x, 0.0, x, f64::from(alpha) * x),
            Self::Log => x.ln(),
            Self::Mish => x * softplus(x).tanh(),
            Self::Neg => -x,
            Self::Power { exponent } => x.powf(f64::from(exponent)),
            Self::Reciprocal => x.recip(),
            Self::Relu => x.max(0.0),
            Self::Round => x.round_ties_even(),
            Self::Selu { alpha, gamma } => f64::from(gamma) * above(x, 0.0, x, f64::from(alpha) * x.exp_m1()),
            Self::Shrink { bias, lambda } => {
                let (bias, lambda) = (f64::from(bias), f64::from(lambda));
                above(x, lambda, x - bias, if x < -lambda { x + bias } else { 0.0 })
            }
            Self::Sigmoid => sigmoid(x),
            Self::Sign => above(x, 0.0, 1.0, if x < 0.0 { -1.0 } else { 0.0 }),
            Self::Sin => x.sin(),
            Self::Sinh => x.sinh(),
            Self::Softplus => softplus(x),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Sqrt => x.sqrt(),
            Self::Swish { alpha } => x * sigmoid(f64::from(alpha) * x),
            Self::Tan => x.tan(),
            Self::Tanh => x.tanh(),
            Self::ThresholdedRelu { alpha } => above(x, f64::from(alpha), x, 0.0),
        }
    }

    /// The operator's name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Abs => "Abs",
            Self::Acos => "Acos",
            Self::Acosh => "Acosh",
            Self::Asin => "Asin",
            Self::Asinh => "Asinh",
            Self::Atan => "Atan",
            Self::Atanh => "Atanh",
            Self::Ceil => "Ceil",
            Self::Celu { .. } => "Celu",
            Self::Clip { .. } => "Clip",
            Self::Cos => "Cos",
            Self::Cosh => "Cosh",
            Self::Elu { .. } => "Elu",
            Self::Erf => "Erf",
            Self::Exp => "Exp",
            Self::Floor => "Floor",
            Self::Gelu | Self::GeluTanh => "Gelu",
            Self::HardSigmoid { .. } => "HardSigmoid",
            Self::HardSwish => "HardSwish",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Log => "Log",
            Self::Mish => "Mish",
            Self::Neg => "Neg",
            Self::Power { .. } => "Pow",
            Self::Reciprocal => "Reciprocal",
            Self::Relu => "Relu",
            Self::Round => "Round",
            Self::Selu { .. } => "Selu",
            Self::Shrink { .. } => "Shrink",
            Self::Sigmoid => "Sigmoid",
            Self::Sign => "Sign",
            Self::Sin => "Sin",
            Self::Sinh => "Sinh",
            Self::Softplus => "Softplus",
            Self::Softsign => "Softsign",
            Self::Sqrt => "Sqrt",
            Self::Swish { .. } => "Swish",
            Self::Tan => "Tan",
            Self::Tanh => "Tanh",
            Self::ThresholdedRelu { .. } => "ThresholdedRelu",
        }
    }
}

fn above(x: f64, threshold: f64, yes: f64, no: f64) -> f64 {
    if x > threshold {
        yes
    } else {
        no
    }
}

/// Without overflow for either sign.
fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 {
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + e)
    }
}

/// `ln(1 + e^x)` without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let cases = [
            (Unary::Erf, 0.5, 0.520_499_877_813_046_5),
            (Unary::Gelu, 1.0, 0.841_344_746_068_542_9),
            (Unary::GeluTanh, 1.0, 0.841_191_990_608_276),
            (Unary::Round, 2.5, 2.0),
            (Unary::Round, -1.5, -2.0),
            (Unary::Softplus, 1000.0, 1000.0),
            (Unary::Sigmoid, -1000.0, 0.0),
            (Unary::Sign, -0.0, 0.0),
            (Unary::Clip { min: -1.0, max: f32::INFINITY }, -3.0, -1.0),
            (Unary::Mish, 1.0, 0.865_098_388_267_158_4),
            (Unary::Shrink { bias: 0.5, lambda: 1.0 }, 2.0, 1.5),
        ];
        for (function, x, expected) in cases {
            let y = function.apply(x);
            assert!((y - expected).abs() < 1e-9, "{}({x}) = {y}, expected {expected}", function.name());
            assert!(function.apply(f64::NAN).is_nan(), "{}", function.name());
        }
        assert!(Unary::Relu.apply(f64::NAN).is_nan() && Unary::Celu { alpha: 1.0 }.apply(f64::NAN).is_nan());
    }
}
