//! Roots of unity and cosets.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;

/// The root of unity of order `2^log_rows` that halo2 uses.
pub(crate) fn root_of_unity(log_rows: u32) -> Fr {
    (log_rows..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square())
}

/// Shifts of `count` cosets of the `2^log_rows`-th roots of unity. Their `2^log_rows`-th powers differ, and none is 1.
pub(crate) fn coset_shifts(log_rows: u32, count: usize) -> Vec<Fr> {
    // g·ω_m^j with ω_m of order m·n, m the next power of two: the n-th powers are g^n times distinct m-th roots of unity.
    let log_count = count.next_power_of_two().trailing_zeros();
    let step = root_of_unity(log_rows + log_count);
    std::iter::successors(Some(Fr::MULTIPLICATIVE_GENERATOR), |s| Some(s * step)).take(count).collect()
}
