//! Pointwise: a composed function of one variable, such as `x · sigmoid(x)`, that becomes a single table.
//!
//! ```text
//! v₀ = x      vₖ = f(vᵢ)   or   vₖ = ca·vᵢ + cb·vⱼ + cm·vᵢ·vⱼ + c,  i, j < k      y = the last v
//! ```
//!
//! Any part of a graph whose steps all depend, element by element, on one tensor is such a function, so SiLU, GELU, Mish,
//! HardSwish and whatever a model composes by hand cost one lookup each, like the named functions.

use crate::unary::Unary;

/// A function of one variable, as a list of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointwise {
    steps: Vec<Step>,
}

/// One value `vₖ`, from values before it. Index 0 is the variable; index `k` is the value of step `k − 1`.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// `f(vᵢ)`.
    Unary(Unary, usize),
    /// `ca·vᵢ + cb·vⱼ + cm·vᵢ·vⱼ + c`.
    Combine {
        /// `i` and `j`.
        of: [usize; 2],
        /// Factor of `vᵢ`.
        ca: f64,
        /// Factor of `vⱼ`.
        cb: f64,
        /// Factor of the product.
        cm: f64,
        /// Constant.
        c: f64,
    },
}

impl Pointwise {
    /// The function of `steps`, or `None` when a step reads a value that is not before it.
    pub fn new(steps: Vec<Step>) -> Option<Self> {
        let well_formed = steps.iter().enumerate().all(|(before, step)| match *step {
            Step::Unary(_, i) => i <= before,
            Step::Combine { of: [i, j], .. } => i <= before && j <= before,
        });
        well_formed.then_some(Self { steps })
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The value at `x`.
    pub fn apply(&self, x: f64) -> f64 {
        let mut values = Vec::with_capacity(self.steps.len() + 1);
        values.push(x);
        for step in &self.steps {
            values.push(match *step {
                Step::Unary(f, i) => f.apply(values[i]),
                Step::Combine { of: [i, j], ca, cb, cm, c } => {
                    let (a, b) = (values[i], values[j]);
                    // A factor of 0 leaves its operand out, also when the operand is infinite.
                    let term = |factor: f64, value: f64| if factor == 0.0 { 0.0 } else { factor * value };
                    term(ca, a) + term(cb, b) + term(cm, a * b) + c
                }
            });
        }
        values[self.steps.len()]
    }
}
