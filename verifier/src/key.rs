//! The verifying key: self-contained, in one canonical encoding.
//!
//! ```text
//! encoding = magic (8) ‖ version (4) ‖ postcard(body) ‖ postcard(closed columns), if the key is packed
//!                                                              points as in `point`; zeros for the identity, which a fixed
//!                                                              column of zeros commits to. Version 5 is of plain keys, 6 of
//!                                                              packed ones
//! digest   = keccak256(encoding)                               the transcript starts from it
//! ```

use alloc::vec::Vec;
use core::ops::Deref;

use ark_bn254::Bn254;
use ark_ec::pairing::Pairing;
use ark_ec::AffineRepr;
use ark_ff::Field;
use serde::{Deserialize, Serialize};
use sha3::{Digest, Keccak256};

use crate::about::{About, MAX_NAME};
use crate::closed::ClosedColumns;
use crate::constraints::ConstraintSystem;
use crate::error::{InstanceError, KeyError};
use crate::field::{root_of_unity, Fr};
use crate::point::{decode_g1, decode_g2, encode_g1, encode_g2, G1Affine, G2Affine, PointError, G1_BYTES, G2_BYTES};
use crate::sets::{Commitment, Polynomial, Set};
use crate::shape::Shape;
use crate::srs::is_degenerate;
use crate::tensor::{self, PublicTensor};
use crate::vanishing::Vanishing;

/// Marks a verifying key.
const MAGIC: &[u8; 8] = b"SWORNVK\0";
/// Version of the encoding and of the protocol of keys with a commitment for each polynomial.
const PLAIN_VERSION: u32 = 5;
/// Of packed keys.
const PACKED_VERSION: u32 = 6;
/// log₂ of the number of rows.
const LOG_ROWS: core::ops::RangeInclusive<u32> = 4..=28;
/// The most polynomials of a commitment.
pub const MAX_PACK: u32 = 256;

/// The version of a key: plain and packed ones have protocols of their own.
fn version(pack: u32) -> u32 {
    if pack > 1 {
        PACKED_VERSION
    } else {
        PLAIN_VERSION
    }
}

/// Everything a verifier needs to know of a model and its setup.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyParts {
    /// log₂ of the number of rows.
    pub log_rows: u32,
    /// The most polynomials of a commitment: 1, or up to [`MAX_PACK`] packed ones. See [`crate::sets`].
    pub pack: u32,
    /// Columns, challenges, gates and permutation.
    pub constraints: ConstraintSystem,
    /// Fixed columns without a commitment, which verifiers compute: none in plain keys.
    pub closed: ClosedColumns,
    /// Commitments of the fixed columns, weights first; or of packs of fixed columns and the permutation.
    pub fixed_commitments: Vec<G1Affine>,
    /// Commitments of the permutation; none if they are packed.
    pub permutation_commitments: Vec<G1Affine>,
    /// Generator of G2.
    pub g2: G2Affine,
    /// The reference string's secret in G2.
    pub s_g2: G2Affine,
    /// Digest of the quantised model, with what no commitment binds: scales of private tensors, names.
    pub graph_digest: [u8; 32],
    /// Which model it is of, and how that was quantised.
    pub about: About,
    /// The public tensors in the order of the instance.
    pub tensors: Vec<PublicTensor>,
}

/// A checked key, with its digest and what every verification needs of it. Its parts are read as fields.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    parts: KeyParts,
    pub(crate) prepared: Prepared,
}

/// What follows from the parts of a key.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    digest: [u8; 32],
    shape: Shape,
    num_instances: usize,
    pub(crate) vanishing: Vanishing,
    pub(crate) domain: Domain,
    pub(crate) s_g2: <Bn254 as Pairing>::G2Prepared,
    /// Of −G2.
    pub(crate) negative_g2: <Bn254 as Pairing>::G2Prepared,
}

/// The rows.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    pub(crate) log_rows: u32,
    pub(crate) omega: Fr,
    pub(crate) omega_inverse: Fr,
    pub(crate) rows_inverse: Fr,
}

impl Domain {
    fn new(log_rows: u32) -> Option<Self> {
        let omega = root_of_unity(log_rows);
        let rows_inverse = Fr::from(1u64 << log_rows).inverse()?;
        Some(Self { log_rows, omega, omega_inverse: omega.inverse()?, rows_inverse })
    }
}

impl Deref for VerifyingKey {
    type Target = KeyParts;

    fn deref(&self) -> &KeyParts {
        &self.parts
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

#[derive(Serialize, Deserialize)]
struct Body {
    log_rows: u32,
    pack: u32,
    constraints: ConstraintSystem,
    fixed_commitments: Vec<Bytes<2>>,
    permutation_commitments: Vec<Bytes<2>>,
    g2: Bytes<4>,
    s_g2: Bytes<4>,
    graph_digest: [u8; 32],
    about: About,
    tensors: Vec<PublicTensor>,
}

impl VerifyingKey {
    /// A key of these parts, which are checked as those of a decoded key.
    ///
    /// # Errors
    /// They break a rule of the protocol.
    pub fn new(parts: &KeyParts) -> Result<Self, KeyError> {
        // Their encoding has no place for them.
        if parts.pack <= 1 && parts.closed != ClosedColumns::default() {
            return Err(KeyError::Range { what: "column in closed form of a plain key", actual: 0 });
        }
        Self::from_bytes(&parts.to_bytes())
    }

    /// Decodes a key.
    ///
    /// # Errors
    /// Bytes that are no key, of another version, not canonical, or that break a rule of the protocol.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(KeyError::Encoding)?;
        let (head, rest) = rest.split_first_chunk().ok_or(KeyError::Encoding)?;
        let actual = u32::from_le_bytes(*head);
        if ![PLAIN_VERSION, PACKED_VERSION].contains(&actual) {
            return Err(KeyError::Version { expected: PACKED_VERSION, actual });
        }
        let (body, mut rest): (Body, _) = postcard::take_from_bytes(rest).map_err(|_| KeyError::Encoding)?;
        let expected = version(body.pack);
        if actual != expected {
            return Err(KeyError::Version { expected, actual });
        }
        let mut closed = ClosedColumns::default();
        if body.pack > 1 {
            (closed, rest) = postcard::take_from_bytes(rest).map_err(|_| KeyError::Encoding)?;
        }
        if !rest.is_empty() {
            return Err(KeyError::NotCanonical);
        }
        let parts = body.decode(closed)?;
        if parts.to_bytes() != bytes {
            return Err(KeyError::NotCanonical);
        }
        Self::prepare(parts, bytes)
    }

    fn prepare(parts: KeyParts, bytes: &[u8]) -> Result<Self, KeyError> {
        let shape = parts.check()?;
        let range = || KeyError::Range { what: "log₂ of the rows", actual: crate::constraints::index(parts.log_rows) };
        let prepared = Prepared {
            digest: Keccak256::digest(bytes).into(),
            num_instances: tensor::num_values(&parts.tensors),
            vanishing: Vanishing::new(&parts.constraints, &shape).ok_or(KeyError::Encoding)?,
            domain: Domain::new(parts.log_rows).ok_or_else(range)?,
            s_g2: parts.s_g2.into(),
            negative_g2: (-parts.g2).into(),
            shape,
        };
        Ok(Self { parts, prepared })
    }

    /// Keccak-256 of the encoding: the identity of the model and its setup.
    pub fn digest(&self) -> [u8; 32] {
        self.prepared.digest
    }

    /// The counts and positions of the parts of a proof.
    pub fn shape(&self) -> &Shape {
        &self.prepared.shape
    }

    /// Number of instance values.
    pub fn num_instances(&self) -> usize {
        self.prepared.num_instances
    }

    /// The instance of the public tensors: `integers` are their elements, row-major, one tensor after another.
    ///
    /// # Errors
    /// Another number of elements than the tensors have, or an element out of the range of a packed tensor.
    pub fn instance(&self, integers: &[i64]) -> Result<Vec<Fr>, InstanceError> {
        tensor::instance(&self.parts.tensors, integers)
    }

    /// The elements of the public tensors of an instance: [`instance`](Self::instance) backwards.
    ///
    /// # Errors
    /// Another number of public values, or one that is not of elements of its tensor.
    pub fn integers(&self, instance: &[Fr]) -> Result<Vec<i64>, InstanceError> {
        tensor::integers(&self.parts.tensors, instance)
    }
}

impl KeyParts {
    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let encode = |points: &[G1Affine]| points.iter().map(|p| Bytes::from_flat(&encode_g1(p))).collect();
        let body = Body {
            log_rows: self.log_rows,
            pack: self.pack,
            constraints: self.constraints.clone(),
            fixed_commitments: encode(&self.fixed_commitments),
            permutation_commitments: encode(&self.permutation_commitments),
            g2: Bytes::from_flat(&encode_g2(&self.g2)),
            s_g2: Bytes::from_flat(&encode_g2(&self.s_g2)),
            graph_digest: self.graph_digest,
            about: self.about.clone(),
            tensors: self.tensors.clone(),
        };
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&version(self.pack).to_le_bytes());
        // Writing to a vector cannot fail, and every field has a length.
        out.extend(postcard::to_allocvec(&body).unwrap_or_default());
        if self.pack > 1 {
            out.extend(postcard::to_allocvec(&self.closed).unwrap_or_default());
        }
        out
    }

    /// Checks all rules, and answers the shape of the key's proofs.
    fn check(&self) -> Result<Shape, KeyError> {
        let range = |what, actual: usize, fits: bool| if fits { Ok(()) } else { Err(KeyError::Range { what, actual }) };
        range("log₂ of the rows", crate::constraints::index(self.log_rows), LOG_ROWS.contains(&self.log_rows))?;
        self.constraints.check()?;
        self.closed.check(&self.constraints)?;
        let (fixed, permuted) = (self.fixed_commitments.len(), self.permutation_commitments.len());
        range("number of polynomials of a commitment", crate::constraints::index(self.pack), (1..=MAX_PACK).contains(&self.pack))?;
        let shape = Shape::new(&self.constraints, crate::constraints::index(self.pack), &self.closed);
        let expected = match shape.is_packed() {
            true => (shape.key_points, 0),
            false => (crate::constraints::index(self.constraints.num_fixed), self.constraints.permutation.len()),
        };
        range("number of fixed commitments", fixed, fixed == expected.0)?;
        range("number of permutation commitments", permuted, permuted == expected.1)?;
        let usable = (1usize << self.log_rows).saturating_sub(self.constraints.blinding_factors().saturating_add(1));
        range("packing of a tensor", 0, self.tensors.iter().all(PublicTensor::is_valid))?;
        let values = tensor::num_values(&self.tensors);
        range("number of public values", values, values <= usable)?;
        // Another generator would hide that the secret of `s_g2` is a known one.
        range("generator of G2", 0, self.g2 == G2Affine::generator())?;
        if is_degenerate(&self.s_g2) {
            return Err(KeyError::KnownSecret);
        }
        self.about.check()?;
        let names = || self.tensors.iter().map(|t| t.name.len());
        range("length of a name", names().max().unwrap_or(0), names().all(|length| length <= MAX_NAME))?;
        // As wide as the narrowest machine's, so that all read the same keys.
        let dimensions = || self.tensors.iter().flat_map(|t| t.shape.iter().copied());
        range("dimension", dimensions().max().unwrap_or(0), dimensions().all(|d| u32::try_from(d).is_ok()))?;
        range("scale", 0, self.tensors.iter().all(|t| t.scale.is_finite() && t.scale > 0.0))?;
        // σ has no column of zeros: its values are names of cells. Its own commitments were checked as they were decoded.
        let of_sigma = |set: &Set| set.members.iter().any(|member| matches!(member.polynomial, Polynomial::Sigma(_)));
        for set in shape.sets.iter().filter(|set| shape.is_packed() && of_sigma(set)) {
            let identity =
                |c: &Commitment| matches!(c, Commitment::Fixed(at) if self.fixed_commitments.get(*at).is_none_or(AffineRepr::is_zero));
            if let Some(Commitment::Fixed(index)) = set.commitments.iter().copied().find(identity) {
                return Err(KeyError::Point { index });
            }
        }
        Ok(shape)
    }
}

impl Body {
    fn decode(self, closed: ClosedColumns) -> Result<KeyParts, KeyError> {
        let (fixed, permuted) = (self.fixed_commitments.len(), self.permutation_commitments.len());
        let g1 = |(index, point): (usize, &Bytes<2>)| match decode_g1(&point.flat::<G1_BYTES>()) {
            Err(PointError::Identity) if index < fixed => Ok(G1Affine::identity()),
            decoded => decoded.map_err(|_| KeyError::Point { index }),
        };
        let g2 = |point: &Bytes<4>, index: usize| decode_g2(&point.flat::<G2_BYTES>()).map_err(|_| KeyError::Point { index });
        let points = fixed.saturating_add(permuted);
        Ok(KeyParts {
            log_rows: self.log_rows,
            pack: self.pack,
            fixed_commitments: (0..).zip(&self.fixed_commitments).map(g1).collect::<Result<_, _>>()?,
            permutation_commitments: (fixed..).zip(&self.permutation_commitments).map(g1).collect::<Result<_, _>>()?,
            g2: g2(&self.g2, points)?,
            s_g2: g2(&self.s_g2, points.saturating_add(1))?,
            constraints: self.constraints,
            closed,
            graph_digest: self.graph_digest,
            about: self.about,
            tensors: self.tensors,
        })
    }
}

/// The coordinates of a point, 32 bytes each: serde has arrays of up to 32.
#[derive(Clone, Copy)]
struct Bytes<const N: usize>([[u8; 32]; N]);

impl<const N: usize> Bytes<N> {
    fn from_flat(bytes: &[u8]) -> Self {
        let mut out = [[0; 32]; N];
        for (to, from) in out.iter_mut().zip(bytes.chunks_exact(32)) {
            to.copy_from_slice(from);
        }
        Self(out)
    }

    fn flat<const BYTES: usize>(&self) -> [u8; BYTES] {
        let mut out = [0; BYTES];
        for (to, from) in out.chunks_exact_mut(32).zip(&self.0) {
            to.copy_from_slice(from);
        }
        out
    }
}

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut tuple = serializer.serialize_tuple(N)?;
        self.0.iter().try_for_each(|coordinate| tuple.serialize_element(coordinate))?;
        tuple.end()
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<const N: usize>;
        impl<'de, const N: usize> serde::de::Visitor<'de> for Visitor<N> {
            type Value = Bytes<N>;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{N} coordinates")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes<N>, A::Error> {
                let mut out = [[0; 32]; N];
                for (index, coordinate) in out.iter_mut().enumerate() {
                    *coordinate = seq.next_element()?.ok_or_else(|| serde::de::Error::invalid_length(index, &self))?;
                }
                Ok(Bytes(out))
            }
        }
        deserializer.deserialize_tuple(N, Visitor)
    }
}
