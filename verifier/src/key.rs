//! The verifying key: self-contained, in one canonical encoding.
//!
//! ```text
//! encoding = magic (8) ‖ version (4) ‖ postcard(body)          points are x ‖ y, 32 bytes big-endian each
//! digest   = keccak256(encoding)                               the transcript starts from it
//! ```

use halo2_proofs::halo2curves::bn256::{G1Affine, G2Affine};
use halo2_proofs::halo2curves::serde::SerdeObject;
use serde::{Deserialize, Serialize};
use sha3::{Digest, Keccak256};

use crate::constraints::ConstraintSystem;
use crate::error::KeyError;
use crate::transcript::{decode_point, encode_point};

/// Marks a verifying key.
const MAGIC: &[u8; 8] = b"SWORNVK\0";
/// Version of the encoding and of the protocol.
const VERSION: u32 = 1;
/// log₂ of the largest number of rows.
const MAX_LOG_ROWS: u32 = 28;

/// What a public tensor is to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// An input.
    Input,
    /// An output.
    Output,
}

/// A tensor in the instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublicTensor {
    /// Its name in the model.
    pub name: String,
    /// Input or output.
    pub role: Role,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// Real value of the integer 1.
    pub scale: f64,
}

impl PublicTensor {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1usize, |n, &d| n.saturating_mul(d))
    }
}

/// Everything a verifier needs to know of a model and its setup.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyingKey {
    /// log₂ of the number of rows.
    pub log_rows: u32,
    /// Columns, challenges, gates and permutation.
    pub constraints: ConstraintSystem,
    /// Commitments of the fixed columns: weights first.
    pub fixed_commitments: Vec<G1Affine>,
    /// Commitments of the permutation.
    pub permutation_commitments: Vec<G1Affine>,
    /// Generator of G2.
    pub g2: G2Affine,
    /// The reference string's secret in G2.
    pub s_g2: G2Affine,
    /// Digest of the reference string of the keys' size.
    pub srs_digest: [u8; 32],
    /// Digest of the quantised model, with what no commitment binds: scales of private tensors, names.
    pub graph_digest: [u8; 32],
    /// The public tensors in the order of the instance.
    pub tensors: Vec<PublicTensor>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    log_rows: u32,
    constraints: ConstraintSystem,
    fixed_commitments: Vec<Point>,
    permutation_commitments: Vec<Point>,
    g2: Vec<u8>,
    s_g2: Vec<u8>,
    srs_digest: [u8; 32],
    graph_digest: [u8; 32],
    tensors: Vec<PublicTensor>,
}

/// `x` and `y`; zeros for the identity, which a column of zeros commits to.
#[derive(Serialize, Deserialize)]
struct Point([u8; 32], [u8; 32]);

impl From<&G1Affine> for Point {
    fn from(point: &G1Affine) -> Self {
        let bytes = encode_point(point).unwrap_or([0; 64]);
        let (mut x, mut y) = ([0; 32], [0; 32]);
        x.copy_from_slice(&bytes[..32]);
        y.copy_from_slice(&bytes[32..]);
        Self(x, y)
    }
}

impl Point {
    fn decode(&self, index: usize) -> Result<G1Affine, KeyError> {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.0);
        bytes[32..].copy_from_slice(&self.1);
        if bytes == [0; 64] {
            return Ok(G1Affine::default());
        }
        decode_point(&bytes).ok_or(KeyError::Point { index })
    }
}

impl VerifyingKey {
    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let body = Body {
            log_rows: self.log_rows,
            constraints: self.constraints.clone(),
            fixed_commitments: self.fixed_commitments.iter().map(Point::from).collect(),
            permutation_commitments: self.permutation_commitments.iter().map(Point::from).collect(),
            g2: self.g2.to_raw_bytes(),
            s_g2: self.s_g2.to_raw_bytes(),
            srs_digest: self.srs_digest,
            graph_digest: self.graph_digest,
            tensors: self.tensors.clone(),
        };
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        // Writing to a vector cannot fail, and every field has a length.
        out.extend(postcard::to_stdvec(&body).unwrap_or_default());
        out
    }

    /// Decodes a key.
    ///
    /// # Errors
    /// Bytes that are no key, of another version, not canonical, or that break a rule of the protocol.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(KeyError::Encoding)?;
        let (version, rest) = rest.split_at_checked(4).ok_or(KeyError::Encoding)?;
        let actual = version.iter().rev().fold(0u32, |v, &b| v << 8 | u32::from(b));
        if actual != VERSION {
            return Err(KeyError::Version { expected: VERSION, actual });
        }
        let body: Body = postcard::from_bytes(rest).map_err(|_| KeyError::Encoding)?;
        let g2 = |bytes: &[u8], index: usize| {
            let size = G2Affine::default().to_raw_bytes().len();
            let point = if bytes.len() == size { G2Affine::from_raw_bytes(bytes) } else { None };
            point.filter(crate::verify::is_in_subgroup).ok_or(KeyError::Point { index })
        };
        let points = body.fixed_commitments.len();
        let decode = |(index, point): (usize, &Point)| point.decode(index);
        let key = Self {
            log_rows: body.log_rows,
            fixed_commitments: body.fixed_commitments.iter().enumerate().map(decode).collect::<Result<_, _>>()?,
            permutation_commitments: body.permutation_commitments.iter().enumerate().map(decode).collect::<Result<_, _>>()?,
            g2: g2(&body.g2, points)?,
            s_g2: g2(&body.s_g2, points)?,
            constraints: body.constraints,
            srs_digest: body.srs_digest,
            graph_digest: body.graph_digest,
            tensors: body.tensors,
        };
        key.check()?;
        if key.to_bytes() != bytes {
            return Err(KeyError::NotCanonical);
        }
        Ok(key)
    }

    /// Keccak-256 of the encoding: the identity of the model and its setup.
    pub fn digest(&self) -> [u8; 32] {
        Keccak256::digest(self.to_bytes()).into()
    }

    /// Number of instance values.
    pub fn num_instances(&self) -> usize {
        self.tensors.iter().fold(0, |n, t| n.saturating_add(t.elements()))
    }

    fn check(&self) -> Result<(), KeyError> {
        self.constraints.check()?;
        let range = |what, actual: usize, fits: bool| if fits { Ok(()) } else { Err(KeyError::Range { what, actual }) };
        range("log₂ of the rows", self.log_rows as usize, (4..=MAX_LOG_ROWS).contains(&self.log_rows))?;
        let (fixed, permuted) = (self.fixed_commitments.len(), self.permutation_commitments.len());
        range("number of fixed commitments", fixed, fixed == self.constraints.num_fixed as usize)?;
        range("number of permutation commitments", permuted, permuted == self.constraints.permutation.len())?;
        range("number of public values", self.num_instances(), self.num_instances() < 1 << self.log_rows)?;
        range("scale", 0, self.tensors.iter().all(|t| t.scale.is_finite() && t.scale > 0.0))
    }
}
