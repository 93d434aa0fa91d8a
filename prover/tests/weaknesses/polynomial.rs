//! Polynomials by their coefficients, by definitions.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use rayon::prelude::*;

/// Coefficients.
pub(crate) type Poly = Vec<Fr>;

/// The value at a point.
pub(crate) fn evaluate(coefficients: &[Fr], at: Fr) -> Fr {
    coefficients.iter().rev().fold(Fr::ZERO, |sum, c| sum * at + c)
}

/// 1, base, base², …
pub(crate) fn powers(base: Fr) -> impl Iterator<Item = Fr> {
    std::iter::successors(Some(Fr::ONE), move |power| Some(power * base))
}

/// `base^exponent`.
pub(crate) fn pow(base: Fr, exponent: usize) -> Fr {
    base.pow_vartime([exponent as u64])
}

/// The root of unity of this order.
pub(crate) fn root(order: usize) -> Fr {
    (order.ilog2()..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square())
}

/// Coefficients of the polynomial with these values on `shift·ω^r`.
pub(crate) fn interpolate(values: &[Fr], shift: Fr) -> Poly {
    let (inverse, shift) = (root(values.len()).invert().unwrap(), shift.invert().unwrap());
    let count = Fr::from(values.len() as u64).invert().unwrap();
    (0..values.len()).into_par_iter().map(|j| evaluate(values, pow(inverse, j)) * pow(shift, j) * count).collect()
}

/// Adds a multiple of a polynomial to another.
pub(crate) fn add(sum: &mut Poly, polynomial: &[Fr], factor: Fr) {
    sum.resize(sum.len().max(polynomial.len()), Fr::ZERO);
    sum.iter_mut().zip(polynomial).for_each(|(to, from)| *to += *from * factor);
}

/// The quotient by `X^t − a`, without the remainder.
pub(crate) fn divide(polynomial: &[Fr], t: usize, a: Fr) -> Poly {
    let mut rest = polynomial.to_vec();
    for at in (t..rest.len()).rev() {
        let c = rest[at];
        rest[at - t] += a * c;
    }
    rest.split_off(t.min(rest.len()))
}
