//! Linear layers as identities between polynomials in challenges: evaluations of tensors, and sums over weights.

pub(crate) mod evaluation;
pub(crate) mod weights;
