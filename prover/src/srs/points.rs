//! Points in files: `x, y`, each coordinate as four little-endian words in Montgomery form.
//!
//! snarkjs, halo2 (`SerdeFormat::RawBytes`) and our cache agree on this layout, G2 coordinates being `c0, c1`.
//! halo2's own reader does not ask whether a point is on its curve; [`decode_g1`] and [`decode_g2`] do.

use halo2_proofs::halo2curves::bn256::{G1Affine, G2Affine};
use halo2_proofs::halo2curves::group::cofactor::CofactorGroup;
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::GroupEncoding;
use halo2_proofs::halo2curves::serde::SerdeObject;
use rayon::prelude::*;

use super::error::{Array, SrsError};

/// Bytes of a point of G1.
pub(super) const G1_BYTES: usize = 64;
/// Bytes of a point of G2.
pub(super) const G2_BYTES: usize = 128;

/// Points of G1 that are on the curve and not at infinity. The cofactor is 1: on the curve is in the subgroup.
pub(super) fn decode_g1(bytes: &[u8], array: Array) -> Result<Vec<G1Affine>, SrsError> {
    decode(bytes, G1_BYTES, array, G1Affine::from_raw_bytes)
}

/// As [`decode_g1`], from the compressed encoding of 32 bytes.
pub(super) fn decode_g1_compressed(bytes: &[u8], array: Array) -> Result<Vec<G1Affine>, SrsError> {
    decode(bytes, G1_BYTES / 2, array, |chunk| {
        let mut repr = <G1Affine as GroupEncoding>::Repr::default();
        repr.as_mut().copy_from_slice(chunk);
        G1Affine::from_bytes(&repr).into()
    })
}

/// Points of G2 that are on the curve, in the subgroup and not at infinity.
pub(super) fn decode_g2(bytes: &[u8]) -> Result<Vec<G2Affine>, SrsError> {
    let points = decode(bytes, G2_BYTES, Array::PowersG2, G2Affine::from_raw_bytes)?;
    check_g2(points)
}

/// As [`decode_g2`], from the compressed encoding of 64 bytes.
pub(super) fn decode_g2_compressed(bytes: &[u8]) -> Result<Vec<G2Affine>, SrsError> {
    let points = decode(bytes, G2_BYTES / 2, Array::PowersG2, |chunk| {
        let mut repr = <G2Affine as GroupEncoding>::Repr::default();
        repr.as_mut().copy_from_slice(chunk);
        G2Affine::from_bytes(&repr).into()
    })?;
    check_g2(points)
}

/// The bytes that [`decode_g1`] reads.
pub(super) fn encode_g1(points: &[G1Affine]) -> Vec<u8> {
    let mut bytes = vec![0; points.len() * G1_BYTES];
    bytes.par_chunks_mut(G1_BYTES).zip(points).for_each(|(out, p)| out.copy_from_slice(&p.to_raw_bytes()));
    bytes
}

fn check_g2(points: Vec<G2Affine>) -> Result<Vec<G2Affine>, SrsError> {
    match points.iter().position(|p| !bool::from(p.to_curve().is_torsion_free())) {
        Some(index) => Err(SrsError::Subgroup { array: Array::PowersG2, index }),
        None => Ok(points),
    }
}

fn decode<P: PrimeCurveAffine>(
    bytes: &[u8],
    size: usize,
    array: Array,
    parse: impl Fn(&[u8]) -> Option<P> + Send + Sync,
) -> Result<Vec<P>, SrsError> {
    bytes
        .par_chunks_exact(size)
        .enumerate()
        .map(|(index, chunk)| {
            let point = parse(chunk).ok_or(SrsError::OffCurve { array, index })?;
            match bool::from(point.is_identity()) {
                true => Err(SrsError::Infinity { array, index }),
                false => Ok(point),
            }
        })
        .collect()
}
