//! Field elements and coordinates as ICICLE has them: words of the integer, or of the Montgomery form where only sums and
//! multiples by integers are asked for, which are the same for both.

use halo2_proofs::halo2curves::bn256::{Fq, Fr, G1Affine};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::serde::SerdeObject;
use halo2_proofs::halo2curves::CurveAffine;

use super::ffi::Words;
use crate::error::DeviceError;

fn of_bytes(bytes: &[u8]) -> Words {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    }
    words
}

fn to_bytes(words: &Words) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The words of the Montgomery form.
pub(crate) fn montgomery(value: &Fr) -> Words {
    let mut bytes = [0; 32];
    // An array of 32 bytes takes the 32 that are written.
    let written = value.write_raw(&mut bytes.as_mut_slice());
    debug_assert!(written.is_ok());
    of_bytes(&bytes)
}

/// A value from the words of its Montgomery form, which must be below r.
pub(crate) fn of_montgomery(words: &Words) -> Result<Fr, DeviceError> {
    Fr::from_raw_bytes(&to_bytes(words)).ok_or(DeviceError::WrongAnswer { what: "a field element" })
}

/// The words of the integer.
pub(crate) fn integer<F: PrimeField>(value: &F) -> Words {
    of_bytes(value.to_repr().as_ref())
}

/// The integer 1/2^256 modulo r, by which a Montgomery form becomes its integer.
pub(crate) fn inverse_radix() -> Words {
    integer(&Fr::from(2).pow_vartime([256]).invert().unwrap_or(Fr::ZERO))
}

/// An affine point: x, y, and zeros for the identity.
pub(crate) fn affine(point: &G1Affine) -> [Words; 2] {
    if bool::from(point.is_identity()) {
        return [[0; 4]; 2];
    }
    [integer(&point.x), integer(&point.y)]
}

/// A point from homogeneous coordinates, x/z and y/z; it must lie on the curve.
pub(crate) fn point([x, y, z]: &[Words; 3]) -> Result<G1Affine, DeviceError> {
    let wrong = DeviceError::WrongAnswer { what: "a point of the curve" };
    let coordinate = |words| Option::<Fq>::from(Fq::from_repr(to_bytes(words)));
    let (Some(x), Some(y), Some(z)) = (coordinate(x), coordinate(y), coordinate(z)) else { return Err(wrong) };
    match Option::<Fq>::from(z.invert()) {
        Some(inverse) => Option::from(G1Affine::from_xy(x * inverse, y * inverse)).ok_or(wrong),
        // (0 : y : 0)
        None if bool::from(x.is_zero() & !y.is_zero()) => Ok(G1Affine::identity()),
        None => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use halo2_proofs::halo2curves::bn256::G1;
    use halo2_proofs::halo2curves::ff::FromUniformBytes;
    use halo2_proofs::halo2curves::group::Curve;

    use super::*;

    #[test]
    fn words_and_values() {
        for value in [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from_uniform_bytes(&[7; 64])] {
            assert_eq!(of_montgomery(&montgomery(&value)), Ok(value));
        }
        assert_eq!(integer(&Fr::from(0x1_0000_0005)), [0x1_0000_0005, 0, 0, 0]);
        // Of the Montgomery form, 2^256, the integer is 1.
        assert_eq!(of_montgomery(&montgomery(&Fr::ONE)).map(|one| integer(&one)), Ok([1, 0, 0, 0]));
        assert!(of_montgomery(&[u64::MAX; 4]).is_err());
    }

    #[test]
    fn homogeneous_points() {
        let expected = (G1::generator() * Fr::from(5)).to_affine();
        let z = Fq::from(77);
        let words = [integer(&(expected.x * z)), integer(&(expected.y * z)), integer(&z)];
        assert_eq!(point(&words), Ok(expected));
        assert_eq!(point(&[[0; 4], [1, 0, 0, 0], [0; 4]]), Ok(G1Affine::identity()));
        // Jacobian coordinates of the same point, no point at all, and coordinates beyond the modulus.
        let jacobian = [integer(&(expected.x * z.square())), integer(&(expected.y * z.cube())), integer(&z)];
        for wrong in [jacobian, [[0; 4]; 3], [[u64::MAX; 4]; 3]] {
            assert!(point(&wrong).is_err());
        }
    }
}
