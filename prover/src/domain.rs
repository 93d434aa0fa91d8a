//! Roots of unity and cosets.

use halo2_proofs::arithmetic::lagrange_interpolate;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};

/// The root of unity of order `2^log_rows` that halo2 uses.
pub fn root_of_unity(log_rows: u32) -> Fr {
    (log_rows..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square())
}

/// Shifts of `count` cosets of the `2^log_rows`-th roots of unity. Their `2^log_rows`-th powers differ, and none is 1.
pub(crate) fn coset_shifts(log_rows: u32, count: usize) -> Vec<Fr> {
    // g·ω_m^j with ω_m of order m·n, m the next power of two: the n-th powers are g^n times distinct m-th roots of unity.
    let log_count = count.next_power_of_two().trailing_zeros();
    let step = root_of_unity(log_rows + log_count);
    std::iter::successors(Some(Fr::MULTIPLICATIVE_GENERATOR), |s| Some(s * step)).take(count).collect()
}

/// Row `i` gives limb `i` from the remainders modulo `X^n − c_j`, `c_j = shift_j^n`: the inverse of `(c_j^i)`.
pub fn inverse_vandermonde(rows: usize, shifts: &[Fr]) -> Vec<Vec<Fr>> {
    let constants: Vec<Fr> = shifts.iter().map(|s| s.pow_vartime([rows as u64])).collect();
    let unit = |j: usize| (0..shifts.len()).map(|i| Fr::from(u64::from(i == j))).collect::<Vec<_>>();
    // The polynomial in c that is 1 at c_j and 0 at the others.
    let bases: Vec<Vec<Fr>> = (0..shifts.len()).map(|j| lagrange_interpolate(&constants, &unit(j))).collect();
    (0..shifts.len()).map(|i| bases.iter().map(|basis| basis[i]).collect()).collect()
}
