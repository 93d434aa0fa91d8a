//! Fiat-Shamir by Keccak-256, as the EVM computes it.
//!
//! ```text
//! state_0     = digest of the verifying key
//! absorb      buffer ← buffer ‖ x ‖ y (points) or s (scalars), 32 bytes big-endian each
//! challenge   state_{i+1} = keccak256(state_i ‖ buffer ‖ [1 if buffer is empty]),   challenge = state_{i+1} mod r
//! ```
//!
//! Points in a proof are uncompressed and canonical; the identity has no encoding. Scalars are below r.

use std::io::{self, Read, Write};

use halo2_proofs::halo2curves::bn256::{Fq, Fr, G1Affine};
use halo2_proofs::halo2curves::ff::{FromUniformBytes, PrimeField};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::CurveAffine;
use halo2_proofs::transcript::{EncodedChallenge, Transcript, TranscriptRead, TranscriptWrite};
use sha3::{Digest, Keccak256};

/// A transcript over a proof that is read (`S: Read`) or written (`S: Write`).
#[derive(Clone, Debug)]
pub struct KeccakTranscript<S> {
    state: [u8; 32],
    buffer: Vec<u8>,
    stream: S,
}

/// A challenge: a Keccak-256 state modulo r.
#[derive(Clone, Copy, Debug)]
pub struct KeccakChallenge(Fr);

impl EncodedChallenge<G1Affine> for KeccakChallenge {
    type Input = [u8; 32];

    fn new(state: &[u8; 32]) -> Self {
        let mut wide = [0u8; 64];
        for (to, from) in wide.iter_mut().zip(state.iter().rev()) {
            *to = *from;
        }
        Self(Fr::from_uniform_bytes(&wide))
    }

    fn get_scalar(&self) -> Fr {
        self.0
    }
}

impl<S> KeccakTranscript<S> {
    /// A transcript that starts from the digest of a verifying key.
    pub fn new(digest: [u8; 32], stream: S) -> Self {
        Self { state: digest, buffer: Vec::new(), stream }
    }

    /// The proof that was written, or what is left of the one that was read.
    pub fn into_stream(self) -> S {
        self.stream
    }
}

/// 32 bytes, big-endian.
fn big_endian<F: PrimeField<Repr = R>, R: AsRef<[u8]>>(value: &F) -> [u8; 32] {
    let mut out = [0u8; 32];
    for (to, from) in out.iter_mut().rev().zip(value.to_repr().as_ref()) {
        *to = *from;
    }
    out
}

/// A canonical field element from 32 bytes, big-endian.
fn from_big_endian<F: PrimeField>(bytes: &[u8; 32]) -> Option<F> {
    let mut repr = F::Repr::default();
    for (to, from) in repr.as_mut().iter_mut().zip(bytes.iter().rev()) {
        *to = *from;
    }
    F::from_repr(repr).into()
}

/// A point as `x ‖ y`; `None` for the identity.
pub fn encode_point(point: &G1Affine) -> Option<[u8; 64]> {
    let coordinates = Option::from(point.coordinates()).filter(|_| !bool::from(point.is_identity()));
    coordinates.map(|c: halo2_proofs::halo2curves::Coordinates<G1Affine>| {
        let mut out = [0u8; 64];
        let (x, y) = out.split_at_mut(32);
        x.copy_from_slice(&big_endian(c.x()));
        y.copy_from_slice(&big_endian(c.y()));
        out
    })
}

/// A point of the curve, canonical and not the identity. G1 has prime order, so there is no subgroup to check.
pub fn decode_point(bytes: &[u8; 64]) -> Option<G1Affine> {
    let (mut x, mut y) = ([0u8; 32], [0u8; 32]);
    let (left, right) = bytes.split_at(32);
    x.copy_from_slice(left);
    y.copy_from_slice(right);
    let point = Option::<G1Affine>::from(G1Affine::from_xy(from_big_endian::<Fq>(&x)?, from_big_endian::<Fq>(&y)?))?;
    (!bool::from(point.is_identity())).then_some(point)
}

impl<S> Transcript<G1Affine, KeccakChallenge> for KeccakTranscript<S> {
    fn squeeze_challenge(&mut self) -> KeccakChallenge {
        let mut hasher = Keccak256::new();
        hasher.update(self.state);
        hasher.update(&self.buffer);
        if self.buffer.is_empty() {
            hasher.update([1u8]);
        }
        self.state = hasher.finalize().into();
        self.buffer.clear();
        KeccakChallenge::new(&self.state)
    }

    fn common_point(&mut self, point: G1Affine) -> io::Result<()> {
        let bytes = encode_point(&point).ok_or_else(|| io::Error::other("the identity has no encoding"))?;
        self.buffer.extend_from_slice(&bytes);
        Ok(())
    }

    fn common_scalar(&mut self, scalar: Fr) -> io::Result<()> {
        self.buffer.extend_from_slice(&big_endian(&scalar));
        Ok(())
    }
}

impl<R: Read> TranscriptRead<G1Affine, KeccakChallenge> for KeccakTranscript<R> {
    fn read_point(&mut self) -> io::Result<G1Affine> {
        let mut bytes = [0u8; 64];
        self.stream.read_exact(&mut bytes)?;
        let point = decode_point(&bytes).ok_or_else(|| io::Error::other("a point is not canonical or not on the curve"))?;
        self.common_point(point)?;
        Ok(point)
    }

    fn read_scalar(&mut self) -> io::Result<Fr> {
        let mut bytes = [0u8; 32];
        self.stream.read_exact(&mut bytes)?;
        let scalar = from_big_endian(&bytes).ok_or_else(|| io::Error::other("a scalar is not canonical"))?;
        self.common_scalar(scalar)?;
        Ok(scalar)
    }
}

impl<W: Write> TranscriptWrite<G1Affine, KeccakChallenge> for KeccakTranscript<W> {
    fn write_point(&mut self, point: G1Affine) -> io::Result<()> {
        self.common_point(point)?;
        let start = self.buffer.len() - 64;
        self.stream.write_all(&self.buffer[start..])
    }

    fn write_scalar(&mut self, scalar: Fr) -> io::Result<()> {
        self.common_scalar(scalar)?;
        let start = self.buffer.len() - 32;
        self.stream.write_all(&self.buffer[start..])
    }
}
