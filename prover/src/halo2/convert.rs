//! Field elements and points between halo2curves and arkworks, by their canonical bytes.

use halo2_proofs::halo2curves::bn256::{Fq, Fq2, Fr, G1Affine, G2Affine};
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::halo2curves::CurveAffine;
use sworn_verifier::{field, point};

/// Our field element of halo2's.
pub fn to_fr(value: &Fr) -> sworn_verifier::Fr {
    // Both are canonical and of one field.
    field::decode(&reversed(value.to_repr().as_ref())).unwrap_or_default()
}

/// halo2's field element of ours.
pub fn from_fr(value: &sworn_verifier::Fr) -> Fr {
    Option::from(Fr::from_repr(reversed(&field::encode(value)))).unwrap_or_default()
}

/// Our point of halo2's.
pub fn to_g1(point: &G1Affine) -> point::G1Affine {
    point::decode_g1(&g1_bytes(point)).unwrap_or_default()
}

/// halo2's point of ours.
pub fn from_g1(point: &point::G1Affine) -> G1Affine {
    let bytes = point::encode_g1(point);
    let (x, y) = bytes.split_at(32);
    Option::from(G1Affine::from_xy(fq(x), fq(y))).unwrap_or_default()
}

/// Our point of halo2's.
pub fn to_g2(point: &G2Affine) -> point::G2Affine {
    let coordinates = Option::from(point.coordinates()).map(|c: halo2_proofs::halo2curves::Coordinates<G2Affine>| {
        [c.x().c1, c.x().c0, c.y().c1, c.y().c0].map(|coordinate| reversed(coordinate.to_repr().as_ref()))
    });
    let mut bytes = [0; point::G2_BYTES];
    bytes.copy_from_slice(coordinates.unwrap_or_default().as_flattened());
    point::decode_g2(&bytes).unwrap_or_default()
}

/// halo2's point of ours.
pub fn from_g2(point: &point::G2Affine) -> G2Affine {
    let bytes = point::encode_g2(point);
    let mut coordinates = bytes.chunks_exact(32).map(fq);
    let mut next = || coordinates.next().unwrap_or_default();
    let (x1, x0, y1, y0) = (next(), next(), next(), next());
    Option::from(G2Affine::from_xy(Fq2::new(x0, x1), Fq2::new(y0, y1))).unwrap_or_default()
}

/// halo2's point as a proof has it, `x ‖ y`; zeros for the identity.
pub fn g1_bytes(point: &G1Affine) -> [u8; point::G1_BYTES] {
    let coordinates = Option::from(point.coordinates()).map(|c: halo2_proofs::halo2curves::Coordinates<G1Affine>| {
        [*c.x(), *c.y()].map(|coordinate| reversed(coordinate.to_repr().as_ref()))
    });
    let mut bytes = [0; point::G1_BYTES];
    bytes.copy_from_slice(coordinates.unwrap_or_default().as_flattened());
    bytes
}

fn fq(bytes: &[u8]) -> Fq {
    Option::from(Fq::from_repr(reversed(bytes))).unwrap_or_default()
}

/// Big-endian to little-endian and back.
fn reversed(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(bytes.iter().rev()) {
        *to = *from;
    }
    out
}
