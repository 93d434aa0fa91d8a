//! `Π e(P_i, Q_i) = 1`, with one final exponentiation.

use ark_bn254::Bn254;
use ark_ec::pairing::Pairing;
use ark_ec::AffineRepr;
use ark_ff::One;

use crate::point::G1Affine;

/// A point of G2 with the lines of its Miller loop.
pub(crate) type Prepared = <Bn254 as Pairing>::G2Prepared;

/// Whether the product of the pairings is 1.
pub(crate) fn is_one(pairs: &[(G1Affine, &Prepared)]) -> bool {
    let pairs = || pairs.iter().filter(|(point, _)| !point.is_zero());
    let left = pairs().map(|(point, _)| *point);
    let right = pairs().map(|(_, prepared)| Prepared::clone(prepared));
    Bn254::final_exponentiation(Bn254::multi_miller_loop(left, right)).is_some_and(|product| product.0.is_one())
}
