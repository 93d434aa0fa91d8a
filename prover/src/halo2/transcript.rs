//! The verifier's transcript as halo2's prover and verifier read and write it.
//!
//! halo2 absorbs a hash of its verifying key first, made of a debug text. Our protocol has the digest of the key for that,
//! which the transcript starts from, and the context: the first scalar that halo2 absorbs is discarded.

use std::io::{self, Read, Write};

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::transcript::{EncodedChallenge, Transcript as HaloTranscript, TranscriptRead, TranscriptWrite};
use sworn_verifier::field;
use sworn_verifier::point::decode_g1;
use sworn_verifier::transcript::Transcript;
use sworn_verifier::Context;

use super::convert::{from_fr, from_g1, g1_bytes, to_fr};

/// A transcript over a proof that is read (`S: Read`) or written (`S: Write`).
#[derive(Clone, Debug)]
pub struct KeccakTranscript<S> {
    transcript: Transcript,
    stream: S,
    /// halo2 has absorbed its hash of the key.
    has_key: bool,
}

/// A challenge.
#[derive(Clone, Copy, Debug)]
pub struct KeccakChallenge(Fr);

impl EncodedChallenge<G1Affine> for KeccakChallenge {
    type Input = Fr;

    fn new(challenge: &Fr) -> Self {
        Self(*challenge)
    }

    fn get_scalar(&self) -> Fr {
        self.0
    }
}

impl<S> KeccakTranscript<S> {
    /// A transcript for halo2, that starts from the digest of our verifying key and a context.
    pub fn new(digest: &[u8; 32], context: Context, stream: S) -> Self {
        let mut transcript = Transcript::new(digest);
        transcript.absorb(&context.0);
        Self { transcript, stream, has_key: false }
    }

    /// The proof that was written, or what is left of the one that was read.
    pub fn into_stream(self) -> S {
        self.stream
    }
}

fn encoded(point: &G1Affine) -> io::Result<[u8; 64]> {
    Some(g1_bytes(point)).filter(|bytes| bytes != &[0; 64]).ok_or_else(|| io::Error::other("the identity has no encoding"))
}

impl<S> HaloTranscript<G1Affine, KeccakChallenge> for KeccakTranscript<S> {
    fn squeeze_challenge(&mut self) -> KeccakChallenge {
        KeccakChallenge(from_fr(&self.transcript.challenge()))
    }

    fn common_point(&mut self, point: G1Affine) -> io::Result<()> {
        self.transcript.absorb(&encoded(&point)?);
        Ok(())
    }

    fn common_scalar(&mut self, scalar: Fr) -> io::Result<()> {
        if self.has_key {
            self.transcript.absorb_scalar(&to_fr(&scalar));
        }
        self.has_key = true;
        Ok(())
    }
}

impl<R: Read> TranscriptRead<G1Affine, KeccakChallenge> for KeccakTranscript<R> {
    fn read_point(&mut self) -> io::Result<G1Affine> {
        let mut bytes = [0u8; 64];
        self.stream.read_exact(&mut bytes)?;
        let point = decode_g1(&bytes).map_err(|_| io::Error::other("a point is not canonical or not on the curve"))?;
        self.transcript.absorb(&bytes);
        Ok(from_g1(&point))
    }

    fn read_scalar(&mut self) -> io::Result<Fr> {
        let mut bytes = [0u8; 32];
        self.stream.read_exact(&mut bytes)?;
        let scalar = field::decode(&bytes).ok_or_else(|| io::Error::other("a scalar is not canonical"))?;
        self.transcript.absorb(&bytes);
        Ok(from_fr(&scalar))
    }
}

impl<W: Write> TranscriptWrite<G1Affine, KeccakChallenge> for KeccakTranscript<W> {
    fn write_point(&mut self, point: G1Affine) -> io::Result<()> {
        let bytes = encoded(&point)?;
        self.transcript.absorb(&bytes);
        self.stream.write_all(&bytes)
    }

    fn write_scalar(&mut self, scalar: Fr) -> io::Result<()> {
        let bytes = field::encode(&to_fr(&scalar));
        self.transcript.absorb(&bytes);
        self.stream.write_all(&bytes)
    }
}
