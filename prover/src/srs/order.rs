//! The multiplicative order of the secret: a small one undoes the blinding.
//!
//! A commitment to t columns of n = 2^k rows is `Σ a_ij·s^i·L_j(s^t)·G1`, i < t, j < n; the last rows of each column are random.
//! With the domain D = {ω^j : j < n},
//!
//! ```text
//! s^t ∈ D  ⟹  L_j(s^t) = 1 where ω^j = s^t, and 0 in all other rows, the random ones among them
//! ```
//!
//! What is left is a sum of t small integers of one row, which whoever knows `s` finds by trial. So no string is accepted whose
//! secret is such a root for any t up to [`MAX_PACK`] and any n: the order of `s` then divides 2^28·t and hence, as
//! r − 1 = 2^28·3²·13·29·983·…, it divides 2^28·d for one of the odd d of [`ODD_ORDERS`]. In particular `s` is not 1 or −1.
//!
//! ```text
//! s^d ∈ μ, the group of order 2^28        ⟺        x(γ^(−2^14·a)·g[d]) = x(γ^b·G1) for some a < 2^13, b < 2^14
//! ```
//!
//! where γ generates μ and g[d] = s^d·G1: points of one x are ± each other, −1 is in μ, and 2^14·a + b runs over μ/±1. That are
//! 2^14 multiples of G1 and 2^13 of each g[d]; g[d] is there for each d that a pack of the string can have.

use std::collections::HashSet;

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use rayon::prelude::*;

use super::fixed_base::{powers, FixedBase};

#[cfg(doc)]
use sworn_verifier::key::MAX_PACK;

/// The odd numbers up to [`MAX_PACK`] that divide r − 1.
const ODD_ORDERS: [usize; 8] = [1, 3, 9, 13, 29, 39, 87, 117];
/// How many powers are asked for at most.
pub(super) const POWERS: usize = 128;
/// log₂ of the number of multiples of the generator.
const LOG_BABY_STEPS: u32 = 14;
/// log₂ of the number of multiples of a power; one bit of an exponent is the sign of a point.
const LOG_GIANT_STEPS: u32 = Fr::S - 1 - LOG_BABY_STEPS;

/// The first `d` of [`ODD_ORDERS`] for which the order of `s` divides 2^28·d, from the powers `s^i·G1`.
pub(super) fn odd_part_of_small_order(powers_of_s: &[G1Affine]) -> Option<usize> {
    let there: Vec<usize> = ODD_ORDERS.into_iter().filter(|d| *d < powers_of_s.len()).collect();
    // Those that divide none of the others: if s^d is in the group, so is each power of it.
    let largest = there.iter().filter(|d| !there.iter().any(|e| e > *d && e % *d == 0));
    let baby_steps = BabySteps::new();
    let hit = |d: &usize| powers_of_s.get(*d).is_some_and(|power| baby_steps.meet(power));
    let multiple = largest.copied().find(hit)?;
    there.into_iter().filter(|d| multiple % d == 0).find(hit)
}

/// `x(γ^b·G1)` for all b below 2^14.
struct BabySteps(HashSet<[u8; 32]>);

impl BabySteps {
    fn new() -> Self {
        let scalars = powers(Fr::ROOT_OF_UNITY, 1 << LOG_BABY_STEPS);
        let points = FixedBase::new(&G1Affine::generator(), LOG_BABY_STEPS).multiply(&scalars);
        Self(points.iter().map(|point| point.x.to_repr()).collect())
    }

    /// Whether a point is a multiple of the generator by an element of the group of order 2^28.
    fn meet(&self, point: &G1Affine) -> bool {
        let step = Fr::ROOT_OF_UNITY_INV.pow_vartime([1 << LOG_BABY_STEPS]);
        let points = FixedBase::new(point, LOG_GIANT_STEPS).multiply(&powers(step, 1 << LOG_GIANT_STEPS));
        points.par_iter().any(|point| self.0.contains(&point.x.to_repr()))
    }
}

#[cfg(test)]
mod tests {
    use halo2_proofs::halo2curves::bn256::G1;
    use num_bigint::BigUint;
    use sworn_verifier::key::MAX_PACK;

    use super::*;

    fn order_of_group() -> BigUint {
        BigUint::from_bytes_le(&(-Fr::ONE).to_repr())
    }

    /// An element whose order is `order`, which divides r − 1.
    fn of_order(order: u64) -> Fr {
        let exponent = order_of_group() / BigUint::from(order);
        let root = Fr::MULTIPLICATIVE_GENERATOR.pow_vartime(exponent.to_u64_digits());
        assert_eq!(root.pow_vartime([order]), Fr::ONE);
        root
    }

    fn powers_of(s: Fr, n: usize) -> Vec<G1Affine> {
        powers(s, n).into_iter().map(|power| (G1::generator() * power).into()).collect()
    }

    #[test]
    fn odd_orders_are_all_there_are() {
        let divides = |d: &usize| order_of_group() % BigUint::from(*d) == BigUint::ZERO;
        let all: Vec<usize> = (1..=MAX_PACK as usize).step_by(2).filter(divides).collect();
        assert_eq!(all, ODD_ORDERS);
    }

    #[test]
    fn small_orders_are_found_and_large_ones_are_not() {
        let root = Fr::ROOT_OF_UNITY;
        let weak = [
            (Fr::ONE, 1),
            (-Fr::ONE, 1),
            (of_order(1 << 10).pow([77]), 1),
            (root, 1),
            (root.invert().unwrap(), 1),
            (root.pow([(1 << 28) - (1 << 14) - 1]), 1),
            (root.pow([0x0abc_def1]), 1),
            (of_order(3 << 28), 3),
            (of_order(9 << 4), 9),
            (of_order(13), 13),
            (of_order(29 << 28), 29),
            (of_order(39 << 5), 39),
            (of_order(87 << 28), 87),
            (of_order(117 << 8), 117),
        ];
        for (s, expected) in weak {
            assert_eq!(odd_part_of_small_order(&powers_of(s, 128)), Some(expected), "{s:?}");
        }
        for s in [Fr::from(2), Fr::MULTIPLICATIVE_GENERATOR, of_order(983 << 28), of_order(13 * 29), root + Fr::ONE] {
            assert_eq!(odd_part_of_small_order(&powers_of(s, 128)), None, "{s:?}");
        }
    }

    /// A short string has no packs of more columns than it has powers.
    #[test]
    fn short_strings_are_searched_as_far_as_they_go() {
        assert_eq!(odd_part_of_small_order(&powers_of(of_order(13), 14)), Some(13));
        assert_eq!(odd_part_of_small_order(&powers_of(of_order(13), 13)), None);
        assert_eq!(odd_part_of_small_order(&powers_of(of_order(9), 16)), Some(9));
        assert_eq!(odd_part_of_small_order(&powers_of(-Fr::ONE, 2)), Some(1));
        assert_eq!(odd_part_of_small_order(&powers_of(-Fr::ONE, 1)), None);
    }
}
