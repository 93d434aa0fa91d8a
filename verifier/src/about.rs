//! What a key says of its model beyond the circuit: what a receipt shows, and an auditor compares.
//!
//! | field | says | bound |
//! |---|---|---|
//! | model | the model's name, for people | 1024 bytes |
//! | source | digest of the imported ONNX graph | |
//! | bits | width of an activation | 1 to 31 |
//! | input scales | for each input, public or private, the real value of the integer 1: one, or one for each feature | positive, finite |
//! | samples | how many samples the ranges were calibrated with; 0 for declared ranges | |
//! | report | digest of the report on the errors over the samples | |
//! | relative error | the largest error of an output over them, as a fraction of the largest output | finite, at least 0 |
//!
//! No constraint depends on it. It is in the digest so that nobody can put other words beside the same commitments: who trusts a key's
//! digest knows which model it was made from, how coarsely, and how far its answers were off. That the words are true is shown by
//! compiling again, not by a proof.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::constraints::index;
use crate::error::KeyError;

/// Bytes of the longest name of a model or a tensor.
pub const MAX_NAME: usize = 1024;
/// The most inputs of a model.
const MAX_INPUTS: usize = 1 << 16;
/// Bits of an activation.
const BITS: core::ops::RangeInclusive<u32> = 1..=31;

/// The model of a key, and how it was quantised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Name of the model.
    pub model: String,
    /// Digest of the imported ONNX graph.
    pub source: [u8; 32],
    /// Bits of an activation.
    pub bits: u32,
    /// The scales of all inputs, in their order.
    pub input_scales: Vec<InputScale>,
    /// Samples that the ranges are of; 0 if they were declared.
    pub samples: u32,
    /// Digest of the report on the errors over the samples.
    pub report: [u8; 32],
    /// The largest error of an output over the samples, as a fraction of the largest output.
    pub relative_error: f64,
}

/// How an input is quantised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputScale {
    /// Its name in the model.
    pub name: String,
    /// Real values of the integer 1: one for all elements, or one for each feature.
    pub scales: Vec<f64>,
}

impl About {
    /// Checks lengths and numbers. Each value has one encoding: there is no second zero.
    pub(crate) fn check(&self) -> Result<(), KeyError> {
        let range = |what, actual: usize, fits: bool| if fits { Ok(()) } else { Err(KeyError::Range { what, actual }) };
        range("length of the model's name", self.model.len(), self.model.len() <= MAX_NAME)?;
        range("number of bits", index(self.bits), BITS.contains(&self.bits))?;
        range("number of inputs", self.input_scales.len(), self.input_scales.len() <= MAX_INPUTS)?;
        for input in &self.input_scales {
            range("length of a name", input.name.len(), input.name.len() <= MAX_NAME)?;
            range("number of scales of an input", input.scales.len(), !input.scales.is_empty())?;
            range("scale of an input", 0, input.scales.iter().all(|scale| scale.is_finite() && *scale > 0.0))?;
        }
        range("relative error", 0, self.relative_error.is_finite() && self.relative_error.is_sign_positive())
    }
}
