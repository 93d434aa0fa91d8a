//! What a proof is bound to besides its statement: a job, a caller, a nonce.
//!
//! ```text
//! context = 32 bytes, absorbed between the digest of the key and the instance; zeros for none
//! ```
//!
//! It is absorbed as it is, not as a scalar: numbers of 256 bits that are equal modulo r are different contexts. It comes in no
//! constraint: a proof in one context says the same as in another, and is none in any other. So whoever has seen a proof cannot use it
//! again where another context is asked for, and whoever asks must choose one that was not asked for before.

/// 32 bytes that a proof is bound to; all zeros by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context(pub [u8; 32]);

impl Context {
    /// Of proofs that are bound to nothing.
    pub const NONE: Self = Self([0; 32]);

    /// Whether a proof is bound to nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}
