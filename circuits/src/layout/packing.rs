//! Packing: several elements of a public tensor in one public value. On chain a public value costs its calldata, its check and a
//! Lagrange polynomial, whatever it holds.
//!
//! ```text
//! p = Σ_{i<n} v_i·B^i        B = 2^w        n ≤ ⌊253 / w⌋        v_i ∈ [low, low + B),  −B < low ≤ 0
//! ```
//!
//! Element `i` of a value is element `i` of a run of `n` in the tensor, row-major; the last run may be shorter. `w` is the least width
//! with which `[low, low + B)` holds the tensor's range ([`super::bounds::ranges`]) and zero.
//!
//! | constraint | degree | identity                                                                       |
//! |------------|--------|--------------------------------------------------------------------------------|
//! | `dot`      | 4      | on · (dot − B·dot' − factor) = 0           `groups/weights`, `dot_hold = B`, `V = 1` |
//!
//! A run is Horner's rule in rows of the weight group, last element first: no column and no gate of its own. `factor` is a copy of the
//! element's cell, `V` the single weight 1, `dot_hold` 0 in the first row and `B` in the others; the last `dot` is copied to the
//! instance.
//!
//! # Soundness
//! The cells are those that a tensor without packing copies to the instance, each bounded where it is made: units and inputs by
//! `groups/units`, table outputs by the table, maxima as one of their operands, constants by the key. So `v_i − low ∈ [0, B)`, and
//! `Σ (v_i − low)·B^i ∈ [0, B^n)` with `B^n ≤ 2^253 < r`: two runs of elements with the same `p` mod r have the same digits. The
//! shift by `low·Σ B^i` is the same for all runs of a length. `factor`, `V` and `dot` are determined by the copies, the key and the
//! gate: there is no cell to choose.

use crate::graph::NodeId;
use crate::layout::rows::Site;
use crate::number::{fit, index};

/// Bits of a public value: `2^253 < r`.
pub const PACKED_BITS: u32 = 253;

/// How the elements of a public tensor lie in public values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// The least digit; at most 0.
    pub low: i32,
    /// Bits of a digit.
    pub width: u32,
}

impl Packing {
    /// The packing of a tensor with values in `[low, high]`, each of at most 31 bits.
    pub(crate) fn new((low, high): (i64, i64)) -> Self {
        let low = low.min(0);
        let span = (high.max(0) - low).unsigned_abs().max(1);
        Self { low: fit(low), width: u64::BITS - span.leading_zeros() }
    }

    /// The most elements of a public value.
    pub fn digits(self) -> usize {
        index(PACKED_BITS / self.width)
    }

    /// `B`.
    pub fn radix(self) -> u32 {
        1 << self.width
    }
}

/// A node whose tensor is in the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicNode {
    /// The node that makes it.
    pub node: NodeId,
    /// Number of its elements.
    pub elements: usize,
    /// How it is packed, if it is.
    pub packing: Option<Packing>,
}

/// One public value of a packed tensor.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) radix: u32,
    /// The cells of its elements.
    pub(crate) digits: Vec<Site>,
    /// Its row in the instance.
    pub(crate) row: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_hold_their_range() {
        let all = [
            ((-128, 127), (-128, 8, 31)),
            ((0, 255), (0, 8, 31)),
            ((0, 256), (0, 9, 28)),
            ((-16384, 16383), (-16384, 15, 16)),
            ((-32767, 32767), (-32767, 16, 15)),
            ((5, 7), (0, 3, 84)),
            ((-9, -2), (-9, 4, 63)),
            ((0, 0), (0, 1, 253)),
        ];
        for ((low, high), (least, width, digits)) in all {
            let packing = Packing::new((low, high));
            assert_eq!((packing.low, packing.width, packing.digits()), (least, width, digits), "[{low}, {high}]");
            assert!(high < i64::from(packing.low) + i64::from(packing.radix()) && i64::from(packing.low) <= low);
        }
    }
}
