//! Arithmetic on slices of field elements, by vector instructions where the processor has them.
//!
//! ```text
//! add  a += b      mul_assign  a *= b      add_scaled   acc += a·s
//! sub  a -= b      mul_scalar  a *= s      add_product  acc += a·b
//! ```
//!
//! Results are exact and fully reduced on every processor. `portable` is the reference of the vector path, and takes
//! the elements left over by whole vectors; sums alone are no faster by vectors. None of these functions starts a thread.

use super::ifma::{Ifma, WIDTH};
use halo2_proofs::halo2curves::bn256::Fr;

/// Calls a method of `Ifma` on whole vectors, if there are any, and the portable function on the rest.
macro_rules! dispatch {
    ($name:ident, $out:ident, [$($slice:ident),*], [$($scalar:ident),*]) => {{
        $(assert_eq!($out.len(), $slice.len(), "lengths of the slices");)*
        let whole = match Ifma::detect() {
            Some(ifma) if $out.len() >= WIDTH => {
                let whole = $out.len() / WIDTH * WIDTH;
                ifma.$name(&mut $out[..whole], $(&$slice[..whole],)* $(&$scalar)*);
                whole
            }
            _ => 0,
        };
        portable::$name(&mut $out[whole..], $(&$slice[whole..],)* $(&$scalar)*);
    }};
}

/// a += b.
///
/// # Panics
/// If the lengths differ, here and below.
pub fn add(a: &mut [Fr], b: &[Fr]) {
    assert_eq!(a.len(), b.len(), "lengths of the slices");
    portable::add(a, b);
}

/// a −= b.
pub fn sub(a: &mut [Fr], b: &[Fr]) {
    assert_eq!(a.len(), b.len(), "lengths of the slices");
    portable::sub(a, b);
}

/// a *= b, element by element.
pub fn mul_assign(a: &mut [Fr], b: &[Fr]) {
    dispatch!(mul_assign, a, [b], []);
}

/// a *= s.
pub fn mul_scalar(a: &mut [Fr], s: Fr) {
    dispatch!(mul_scalar, a, [], [s]);
}

/// acc += a·s.
pub fn add_scaled(acc: &mut [Fr], a: &[Fr], s: Fr) {
    dispatch!(add_scaled, acc, [a], [s]);
}

/// acc += a·b, element by element.
pub fn add_product(acc: &mut [Fr], a: &[Fr], b: &[Fr]) {
    dispatch!(add_product, acc, [a, b], []);
}

/// The same without vector instructions.
pub mod portable {
    use super::Fr;

    /// a += b.
    pub fn add(a: &mut [Fr], b: &[Fr]) {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    }

    /// a −= b.
    pub fn sub(a: &mut [Fr], b: &[Fr]) {
        a.iter_mut().zip(b).for_each(|(a, b)| *a -= b);
    }

    /// a *= b, element by element.
    pub fn mul_assign(a: &mut [Fr], b: &[Fr]) {
        a.iter_mut().zip(b).for_each(|(a, b)| *a *= b);
    }

    /// a *= s.
    pub fn mul_scalar(a: &mut [Fr], s: &Fr) {
        a.iter_mut().for_each(|a| *a *= s);
    }

    /// acc += a·s.
    pub fn add_scaled(acc: &mut [Fr], a: &[Fr], s: &Fr) {
        acc.iter_mut().zip(a).for_each(|(acc, a)| *acc += *a * s);
    }

    /// acc += a·b, element by element.
    pub fn add_product(acc: &mut [Fr], a: &[Fr], b: &[Fr]) {
        acc.iter_mut().zip(a).zip(b).for_each(|((acc, a), b)| *acc += *a * b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::halo2curves::ff::Field;

    /// Pairs of edge values, then elements without a pattern.
    fn operands(n: usize, seed: u64) -> [Vec<Fr>; 3] {
        let edges = [Fr::ZERO, Fr::ONE, -Fr::ONE, -Fr::from(2), Fr::from(u64::MAX)];
        let mut state = Fr::from(seed + 3).pow_vartime([999]);
        [1, 5, 25].map(|period| {
            let element = |i: usize| {
                state = state.square() + Fr::from(7);
                if (i + seed as usize) % 250 < 125 {
                    edges[(i + seed as usize) / period % 5]
                } else {
                    state
                }
            };
            (0..n).map(element).collect()
        })
    }

    #[test]
    fn vectors_equal_portable() {
        for n in (0..=64).chain([127, 1000, 1003, 4095]) {
            for seed in 0..20 {
                let [a, b, c] = operands(n, 37 * seed);
                let check = |fast: &dyn Fn(&mut [Fr]), plain: &dyn Fn(&mut [Fr])| {
                    let (mut x, mut y) = (c.clone(), c.clone());
                    fast(&mut x);
                    plain(&mut y);
                    assert_eq!(x, y, "n = {n}, seed = {seed}");
                };
                check(&|x| add(x, &a), &|x| portable::add(x, &a));
                check(&|x| sub(x, &a), &|x| portable::sub(x, &a));
                check(&|x| mul_assign(x, &a), &|x| portable::mul_assign(x, &a));
                check(&|x| add_product(x, &a, &b), &|x| portable::add_product(x, &a, &b));
                for s in [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(5).pow_vartime([seed + 200])] {
                    check(&|x| mul_scalar(x, s), &|x| portable::mul_scalar(x, &s));
                    check(&|x| add_scaled(x, &a, s), &|x| portable::add_scaled(x, &a, &s));
                }
            }
        }
    }
}
