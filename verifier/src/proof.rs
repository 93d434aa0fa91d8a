//! A proof: points, evaluations, and the challenges that the transcript draws between them.
//!
//! ```text
//!  1  key digest, context, instance              absorbed
//!  2  advice of the first phase                  read
//!  3  challenges of the circuit                  squeezed
//!  4  advice of the second phase                 read
//!  5  θ' (of plookup, unused), β, γ              squeezed
//!  6  running products                           read
//!  7  random polynomial                          read
//!  8  y                                          squeezed
//!  9  limbs of the quotient                      read
//! 10  x                                          squeezed
//! 11  evaluations at x and its rotations         read
//! 12  SHPLONK: y, v; W; u; W'                    squeezed, read
//! ```
//!
//! Where polynomials are packed, "read" means the commitments of packs, there are partial products behind the running product, there is
//! no random polynomial, and y of SHPLONK is unused.

use alloc::vec::Vec;

use crate::context::Context;
use crate::error::VerifyError;
use crate::field::{decode, Fr};
use crate::key::VerifyingKey;
use crate::point::{decode_g1, G1Affine, PointError, G1_BYTES};
use crate::transcript::Transcript;

/// What is squeezed from the transcript of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenges {
    /// Those of the circuit, after the first phase.
    pub circuit: Vec<Fr>,
    /// β of the permutation.
    pub beta: Fr,
    /// γ of the permutation.
    pub gamma: Fr,
    /// y, which combines gates.
    pub y: Fr,
    /// x, where everything is evaluated.
    pub x: Fr,
    /// y of SHPLONK, which combines polynomials of a set.
    pub opening_y: Fr,
    /// v of SHPLONK, which combines sets.
    pub opening_v: Fr,
    /// u of SHPLONK, where the openings are checked.
    pub opening_u: Fr,
}

/// A decoded proof. Points and values are in the order of [`crate::shape`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Commitments, W and W'.
    pub points: Vec<G1Affine>,
    /// Evaluations.
    pub values: Vec<Fr>,
    /// What was squeezed.
    pub challenges: Challenges,
    /// The state after all: it binds key, context, instance and proof.
    pub state: [u8; 32],
}

/// Reads points and scalars, and absorbs them.
struct Reader<'b> {
    bytes: &'b [u8],
    transcript: Transcript,
    points: Vec<G1Affine>,
    values: Vec<Fr>,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        self.transcript.absorb(bytes);
        Some(*bytes)
    }

    fn points(&mut self, count: usize) -> Result<(), VerifyError> {
        for _ in 0..count {
            let index = self.points.len();
            let bytes = self.take::<G1_BYTES>().ok_or(VerifyError::Point { index })?;
            let point = decode_g1(&bytes).map_err(|error| match error {
                PointError::Identity => VerifyError::Identity { index },
                PointError::Invalid => VerifyError::Point { index },
            })?;
            self.points.push(point);
        }
        Ok(())
    }

    fn scalars(&mut self, count: usize) -> Result<(), VerifyError> {
        for _ in 0..count {
            let index = self.values.len();
            let value = self.take().and_then(|bytes| decode(&bytes));
            self.values.push(value.ok_or(VerifyError::Scalar { index })?);
        }
        Ok(())
    }
}

impl Proof {
    /// Decodes a proof for a key, a context and an instance, and draws its challenges.
    ///
    /// # Errors
    /// All of [`VerifyError`] but `Rejected`; lengths are checked first.
    pub fn read(key: &VerifyingKey, context: Context, instance: &[Fr], bytes: &[u8]) -> Result<Self, VerifyError> {
        let shape = key.shape();
        if instance.len() != key.num_instances() {
            return Err(VerifyError::InstanceCount { expected: key.num_instances(), actual: instance.len() });
        }
        if bytes.len() != shape.bytes() {
            return Err(VerifyError::ProofLength { expected: shape.bytes(), actual: bytes.len() });
        }
        let transcript = Transcript::new(&key.digest());
        let (points, values) = (Vec::with_capacity(shape.points()), Vec::with_capacity(shape.scalars().saturating_add(1)));
        let mut reader = Reader { bytes, transcript, points, values };
        reader.transcript.absorb(&context.0);
        instance.iter().for_each(|value| reader.transcript.absorb_scalar(value));
        reader.points(shape.phases[0])?;
        let circuit = (0..shape.challenges).map(|_| reader.transcript.challenge()).collect();
        reader.points(shape.phases[1])?;
        let _theta = reader.transcript.challenge();
        let (beta, gamma) = (reader.transcript.challenge(), reader.transcript.challenge());
        reader.points(shape.product_points)?;
        let y = reader.transcript.challenge();
        reader.points(shape.limb_points)?;
        let x = reader.transcript.challenge();
        reader.scalars(shape.scalars())?;
        let (opening_y, opening_v) = (reader.transcript.challenge(), reader.transcript.challenge());
        reader.points(1)?;
        let opening_u = reader.transcript.challenge();
        reader.points(1)?;
        let Reader { mut transcript, points, values, .. } = reader;
        let challenges = Challenges { circuit, beta, gamma, y, x, opening_y, opening_v, opening_u };
        Ok(Self { points, values, challenges, state: transcript.squeeze() })
    }
}
