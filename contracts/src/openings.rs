//! Where the parts of a proof are, in bytes, and what the transcript absorbs before each challenge.
//!
//! ```text
//! commitments ‖ evaluations ‖ W ‖ W'         what they are of: `sworn_verifier::shape`, `sworn_verifier::sets`
//! ```

use sworn_verifier::shape::Shape;

/// Bytes of a point in a proof.
const POINT: usize = 64;

/// Bytes of a proof.
#[derive(Clone, Debug)]
pub(crate) struct Bytes {
    /// Byte of the first evaluation.
    pub(crate) evaluations: usize,
    pub(crate) num_evaluations: usize,
    /// Byte of W.
    pub(crate) opening: usize,
    /// Bytes of a proof.
    pub(crate) length: usize,
    /// Bytes that are absorbed before each challenge.
    pub(crate) absorbed: Vec<usize>,
}

impl Bytes {
    pub(crate) fn new(shape: &Shape) -> Self {
        let num_evaluations = shape.scalars();
        let evaluations = shape.opening() * POINT;
        let mut absorbed = vec![0; shape.challenges + 8];
        absorbed[0] = shape.phases[0] * POINT;
        // θ, β, γ, y, x, y', v, u follow the circuit's challenges.
        let after = shape.challenges;
        absorbed[after] += shape.phases[1] * POINT;
        absorbed[after + 3] = shape.product_points * POINT;
        absorbed[after + 4] = shape.limb_points * POINT;
        absorbed[after + 5] = 32 * num_evaluations;
        absorbed[after + 7] = POINT;
        Self { evaluations, num_evaluations, opening: evaluations + 32 * num_evaluations, length: shape.bytes(), absorbed }
    }

    /// Byte of a commitment.
    pub(crate) fn point(position: usize) -> usize {
        position * POINT
    }
}
