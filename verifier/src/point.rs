//! Points in bytes: uncompressed, canonical, one encoding each.
//!
//! ```text
//! G1     x ‖ y                       64 bytes
//! G2     x₁ ‖ x₀ ‖ y₁ ‖ y₀          128 bytes, x = x₀ + x₁·u: as the EVM's pairing reads it
//! ```
//!
//! The identity has no encoding. G1 has prime order, so a point of the curve is in the group; G2 is the subgroup of order r
//! of the twist.

use ark_bn254::Fq2;
use ark_ec::AffineRepr;

use crate::field::{decode, encode, Fq};

pub use ark_bn254::{G1Affine, G2Affine};

/// Bytes of a point of G1.
pub const G1_BYTES: usize = 64;
/// Bytes of a point of G2.
pub const G2_BYTES: usize = 128;

/// Why bytes are no point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointError {
    /// All zeros, which stand for the identity elsewhere.
    Identity,
    /// A coordinate is not below the modulus, or the point is not on the curve or in the group.
    Invalid,
}

/// A point of G1 as bytes; zeros for the identity.
pub fn encode_g1(point: &G1Affine) -> [u8; G1_BYTES] {
    let (x, y) = point.xy().unwrap_or_default();
    join([encode(&x), encode(&y)])
}

/// A point of G1 that is not the identity.
///
/// # Errors
/// Bytes that [`encode_g1`] does not make, or those of the identity.
pub fn decode_g1(bytes: &[u8; G1_BYTES]) -> Result<G1Affine, PointError> {
    if bytes == &[0; G1_BYTES] {
        return Err(PointError::Identity);
    }
    let [x, y] = coordinates(bytes).ok_or(PointError::Invalid)?;
    let point = G1Affine::new_unchecked(x, y);
    if point.is_on_curve() {
        Ok(point)
    } else {
        Err(PointError::Invalid)
    }
}

/// A point of G2 as bytes; zeros for the identity.
pub fn encode_g2(point: &G2Affine) -> [u8; G2_BYTES] {
    let (x, y) = point.xy().unwrap_or_default();
    join([encode(&x.c1), encode(&x.c0), encode(&y.c1), encode(&y.c0)])
}

/// A point of G2 that is not the identity.
///
/// # Errors
/// Bytes that [`encode_g2`] does not make, or those of the identity.
pub fn decode_g2(bytes: &[u8; G2_BYTES]) -> Result<G2Affine, PointError> {
    if bytes == &[0; G2_BYTES] {
        return Err(PointError::Identity);
    }
    let [x1, x0, y1, y0] = coordinates(bytes).ok_or(PointError::Invalid)?;
    let point = G2Affine::new_unchecked(Fq2::new(x0, x1), Fq2::new(y0, y1));
    if point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve() {
        Ok(point)
    } else {
        Err(PointError::Invalid)
    }
}

fn join<const N: usize, const BYTES: usize>(coordinates: [[u8; 32]; N]) -> [u8; BYTES] {
    let mut out = [0; BYTES];
    for (to, from) in out.chunks_exact_mut(32).zip(coordinates) {
        to.copy_from_slice(&from);
    }
    out
}

fn coordinates<const N: usize>(bytes: &[u8]) -> Option<[Fq; N]> {
    let mut out = [Fq::default(); N];
    for (to, from) in out.iter_mut().zip(bytes.chunks_exact(32)) {
        *to = decode(from.try_into().ok()?)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_canonical() {
        let (one, two) = (G1Affine::generator(), G2Affine::generator());
        assert_eq!(decode_g1(&encode_g1(&one)), Ok(one));
        assert_eq!(decode_g2(&encode_g2(&two)), Ok(two));
        assert_eq!(decode_g1(&encode_g1(&G1Affine::identity())), Err(PointError::Identity));
        assert_eq!(decode_g2(&encode_g2(&G2Affine::identity())), Err(PointError::Identity));
        assert_eq!(decode_g1(&[255; 64]), Err(PointError::Invalid));
        // (1, 3), and 1 + q.
        let mut bytes = encode_g1(&one);
        bytes[63] = 3;
        assert_eq!(decode_g1(&bytes), Err(PointError::Invalid));
        let mut bytes = encode_g1(&one);
        bytes[..32].copy_from_slice(&encode(&-Fq::from(1)));
        bytes[31] += 2;
        assert_eq!(decode_g1(&bytes), Err(PointError::Invalid));
    }

    #[test]
    fn points_of_the_twist_outside_the_group_are_refused() {
        use ark_bn254::g2::Config;
        use ark_ec::short_weierstrass::Affine;
        let outside = (0u64..)
            .filter_map(|x| Affine::<Config>::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::from(1)), true))
            .find(|p| !p.is_in_correct_subgroup_assuming_on_curve())
            .unwrap();
        assert!(outside.is_on_curve());
        assert_eq!(decode_g2(&encode_g2(&outside)), Err(PointError::Invalid));
    }
}
