//! Fiat-Shamir by Keccak-256, as the EVM computes it.
//!
//! ```text
//! state_0     = digest of the verifying key
//! absorb      buffer ← buffer ‖ x ‖ y (points) or s (scalars), 32 bytes big-endian each
//! challenge   state_{i+1} = keccak256(state_i ‖ buffer ‖ [1 if buffer is empty]),   challenge = state_{i+1} mod r
//! ```
//!
//! The digest stands for the whole key: gates, commitments, reference string and the schema of the instance. The context and the
//! instance are absorbed after it, then every byte of the proof in its order. [`crate::proof`] says where challenges are squeezed.

use sha3::{Digest, Keccak256};

use crate::field::{encode, reduce, Fr};

/// The state of a transcript.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// Has hashed the state and the buffer.
    hasher: Keccak256,
    is_empty: bool,
}

impl Transcript {
    /// A transcript that starts from the digest of a verifying key.
    pub fn new(digest: &[u8; 32]) -> Self {
        Self { hasher: Keccak256::new_with_prefix(digest), is_empty: true }
    }

    /// Absorbs points or scalars as bytes.
    pub fn absorb(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.is_empty &= bytes.is_empty();
    }

    /// Absorbs a scalar.
    pub fn absorb_scalar(&mut self, scalar: &Fr) {
        self.absorb(&encode(scalar));
    }

    /// The next state.
    pub fn squeeze(&mut self) -> [u8; 32] {
        if self.is_empty {
            self.hasher.update([1]);
        }
        let state: [u8; 32] = self.hasher.finalize_reset().into();
        *self = Self::new(&state);
        state
    }

    /// The next state modulo r.
    pub fn challenge(&mut self) -> Fr {
        reduce(&self.squeeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keccak(parts: &[&[u8]]) -> [u8; 32] {
        Keccak256::digest(parts.concat()).into()
    }

    #[test]
    fn states_are_hashes_of_state_and_buffer() {
        let mut transcript = Transcript::new(&[7; 32]);
        transcript.absorb(&[1, 2]);
        transcript.absorb(&[]);
        transcript.absorb_scalar(&Fr::from(3));
        let mut three = [0; 32];
        three[31] = 3;
        let first = keccak(&[&[7; 32], &[1, 2], &three]);
        assert_eq!(transcript.squeeze(), first);
        assert_eq!(transcript.challenge(), reduce(&keccak(&[&first, &[1]])));
    }
}
