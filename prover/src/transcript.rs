//! The transcript of a proof that is written: the verifier's, and the bytes that it absorbs.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use sworn_verifier::field::encode;
use sworn_verifier::transcript::Transcript;
use sworn_verifier::Context;

use crate::error::ProveError;
use crate::halo2::convert::{from_fr, g1_bytes, to_fr};

/// A proof in the making.
pub(crate) struct ProofWriter {
    transcript: Transcript,
    bytes: Vec<u8>,
}

impl ProofWriter {
    /// A proof for the key with this digest, a context and an instance.
    pub(crate) fn new(digest: &[u8; 32], context: Context, instance: &[sworn_verifier::Fr]) -> Self {
        let mut transcript = Transcript::new(digest);
        transcript.absorb(&context.0);
        instance.iter().for_each(|value| transcript.absorb_scalar(value));
        Self { transcript, bytes: Vec::new() }
    }

    pub(crate) fn challenge(&mut self) -> Fr {
        from_fr(&self.transcript.challenge())
    }

    /// # Errors
    /// The identity, which has no encoding.
    pub(crate) fn write_point(&mut self, point: &G1Affine) -> Result<(), ProveError> {
        let bytes = g1_bytes(point);
        if bytes == [0; 64] {
            return Err(ProveError::Identity);
        }
        self.write(&bytes);
        Ok(())
    }

    pub(crate) fn write_scalar(&mut self, scalar: &Fr) {
        self.write(&encode(&to_fr(scalar)));
    }

    fn write(&mut self, bytes: &[u8]) {
        self.transcript.absorb(bytes);
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
