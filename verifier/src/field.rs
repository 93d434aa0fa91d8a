//! The scalar field of BN254: encoding, the embedding of integers, roots of unity.
//!
//! ```text
//! encoding    32 bytes, big-endian, below the modulus
//! ω           7^((r−1)/2^k), of order 2^k             δ = 7^(2^28), of odd order
//! ```

use ark_ff::{BigInt, Field, MontFp, PrimeField};

pub use ark_bn254::{Fq, Fr};

/// log₂ of the order of [`ROOT_OF_UNITY`].
pub const TWO_ADICITY: u32 = 28;
/// `7^((r−1)/2^28)`: halo2's, which is not that of arkworks.
pub const ROOT_OF_UNITY: Fr = MontFp!("1748695177688661943023146337482803886740723238769601073607632802312037301404");
/// `7^(2^28)`: its powers name the cosets of permuted columns.
pub const DELTA: Fr = MontFp!("4131629893567559867359510883348571134090853742863529169391034518566172092834");
/// `2^128`.
const SHIFT: Fr = MontFp!("340282366920938463463374607431768211456");

/// The field element of an integer: `v ↦ v` for `v ≥ 0`, `v ↦ r − |v|` for `v < 0`.
pub fn embed(value: i64) -> Fr {
    Fr::from(value)
}

/// The root of unity of order `2^log_rows`.
pub fn root_of_unity(log_rows: u32) -> Fr {
    (log_rows..TWO_ADICITY).fold(ROOT_OF_UNITY, |root, _| root.square())
}

/// `base^rotation`, given `1/base`.
pub(crate) fn rotate(base: Fr, inverse: Fr, rotation: i32) -> Fr {
    let base = if rotation < 0 { inverse } else { base };
    base.pow([u64::from(rotation.unsigned_abs())])
}

/// 32 bytes, big-endian.
pub fn encode<F: PrimeField<BigInt = BigInt<4>>>(value: &F) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, limb) in out.rchunks_exact_mut(8).zip(value.into_bigint().0) {
        to.copy_from_slice(&limb.to_be_bytes());
    }
    out
}

/// The field element of 32 bytes, big-endian, if they are below the modulus.
pub fn decode<F: PrimeField<BigInt = BigInt<4>>>(bytes: &[u8; 32]) -> Option<F> {
    F::from_bigint(BigInt(limbs(bytes)))
}

/// A number of 256 bits modulo r.
pub(crate) fn reduce(bytes: &[u8; 32]) -> Fr {
    let [a, b, c, d] = limbs(bytes);
    let wide = |low: u64, high: u64| Fr::from(u128::from(high) << 64 | u128::from(low));
    wide(c, d) * SHIFT + wide(a, b)
}

/// The lower 128 bits, which are not 0 but with probability 2^−128; then 1.
pub(crate) fn short(bytes: &[u8; 32]) -> Fr {
    let [a, b, ..] = limbs(bytes);
    Fr::from((u128::from(b) << 64 | u128::from(a)).max(1))
}

/// Least significant first.
fn limbs(bytes: &[u8; 32]) -> [u64; 4] {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.rchunks_exact(8)) {
        *limb = chunk.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    limbs
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::AdditiveGroup;

    #[test]
    fn the_constants_are_powers_of_seven() {
        let seven = Fr::from(7);
        assert_eq!(DELTA, seven.pow([1 << TWO_ADICITY]));
        let mut exponent = Fr::MODULUS;
        exponent.0[0] -= 1;
        (0..TWO_ADICITY).for_each(|_| ark_ff::BigInteger::div2(&mut exponent));
        assert_eq!(ROOT_OF_UNITY, seven.pow(exponent));
        assert_ne!(root_of_unity(1), Fr::ONE);
        assert_eq!(root_of_unity(1).square(), Fr::ONE);
    }

    #[test]
    fn encodings_are_canonical() {
        for value in [Fr::ZERO, Fr::ONE, -Fr::ONE, DELTA] {
            assert_eq!(decode(&encode(&value)), Some(value));
            assert_eq!(reduce(&encode(&value)), value);
        }
        let mut modulus = encode(&-Fr::ONE);
        modulus[31] += 1;
        assert_eq!(decode::<Fr>(&modulus), None);
        assert_eq!(decode::<Fr>(&[255; 32]), None);
        assert_eq!(reduce(&modulus), Fr::ZERO);
        assert_eq!(reduce(&[255; 32]), Fr::from(2).pow([256]) - Fr::ONE);
    }
}
