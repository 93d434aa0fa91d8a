//! Arithmetic on slices of field elements, by vector instructions or `mulx` where the processor has them.
//!
//! ```text
//! add  a += b      mul_assign  a *= b      add_scaled   acc += a·s
//! sub  a -= b      mul_scalar  a *= s      add_product  acc += a·b
//! ```
//!
//! Results are exact and fully reduced on every processor. `portable` is the reference of the vector path, and takes
//! the elements left over by whole vectors; sums alone are no faster by vectors. None of these functions starts a thread.

use super::ifma::{Ifma, WIDTH};
use super::scalar::{with_multiplier, Scalar};
use halo2_proofs::halo2curves::bn256::Fr;

/// Calls a method of `Ifma` on whole vectors, if there are any, and the scalar function on the rest.
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
        if whole < $out.len() {
            with_multiplier!(Scalar::detect(), by => scalar::$name(by, &mut $out[whole..], $(&$slice[whole..],)* $(&$scalar)*));
        }
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

/// The same by scalar products of one kind.
pub(crate) mod scalar {
    use super::super::scalar::{add_plain, reduce_twice, Multiplier, Prime};
    use super::Fr;

    /// a *= b, element by element.
    pub(crate) fn mul_assign(by: impl Multiplier, a: &mut [Fr], b: &[Fr]) {
        a.iter_mut().zip(b).for_each(|(a, b)| *a = by.mul(a, b));
    }

    /// a *= s.
    pub(crate) fn mul_scalar(by: impl Multiplier, a: &mut [Fr], s: &Fr) {
        a.iter_mut().for_each(|a| *a = by.mul(a, s));
    }

    /// acc += a·s.
    pub(crate) fn add_scaled(by: impl Multiplier, acc: &mut [Fr], a: &[Fr], s: &Fr) {
        acc.iter_mut().zip(a).for_each(|(acc, a)| *acc = mul_add(by, a, s, acc));
    }

    /// acc += a·b, element by element.
    pub(crate) fn add_product(by: impl Multiplier, acc: &mut [Fr], a: &[Fr], b: &[Fr]) {
        acc.iter_mut().zip(a).zip(b).for_each(|((acc, a), b)| *acc = mul_add(by, a, b, acc));
    }

    /// a·b + c.
    #[inline(always)]
    fn mul_add(by: impl Multiplier, a: &Fr, b: &Fr, c: &Fr) -> Fr {
        // Below 2.2p.
        let sum = add_plain(&by.mul_lazy::<Fr>(a.limbs(), b.limbs()), c.limbs());
        Fr::from_limbs(reduce_twice::<Fr>(&sum))
    }
}

/// The same in plain Rust.
pub mod portable {
    use super::super::scalar::Plain;
    use super::{scalar, Fr};

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
        scalar::mul_assign(Plain, a, b);
    }

    /// a *= s.
    pub fn mul_scalar(a: &mut [Fr], s: &Fr) {
        scalar::mul_scalar(Plain, a, s);
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
    fn every_path_follows_the_definition() {
        for n in (0..=64).chain([127, 1000, 1003, 4095]) {
            for seed in 0..20 {
                let [a, b, c] = operands(n, 37 * seed);
                let check = |found: &dyn Fn(&mut [Fr]), expected: &dyn Fn(usize) -> Fr, path: &dyn std::fmt::Debug| {
                    let mut x = c.clone();
                    found(&mut x);
                    assert_eq!(x, (0..n).map(expected).collect::<Vec<_>>(), "n = {n}, seed = {seed}, {path:?}");
                };
                check(&|x| add(x, &a), &|i| c[i] + a[i], &"add");
                check(&|x| sub(x, &a), &|i| c[i] - a[i], &"sub");
                check(&|x| mul_assign(x, &a), &|i| c[i] * a[i], &"detected");
                check(&|x| add_product(x, &a, &b), &|i| c[i] + a[i] * b[i], &"detected");
                for path in Scalar::all() {
                    check(&|x| with_multiplier!(path, by => scalar::mul_assign(by, x, &a)), &|i| c[i] * a[i], &path);
                    check(&|x| with_multiplier!(path, by => scalar::add_product(by, x, &a, &b)), &|i| c[i] + a[i] * b[i], &path);
                }
                for s in [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(5).pow_vartime([seed + 200])] {
                    check(&|x| mul_scalar(x, s), &|i| c[i] * s, &"detected");
                    check(&|x| add_scaled(x, &a, s), &|i| c[i] + a[i] * s, &"detected");
                    for path in Scalar::all() {
                        check(&|x| with_multiplier!(path, by => scalar::mul_scalar(by, x, &s)), &|i| c[i] * s, &path);
                        check(&|x| with_multiplier!(path, by => scalar::add_scaled(by, x, &a, &s)), &|i| c[i] + a[i] * s, &path);
                    }
                }
            }
        }
    }
}
