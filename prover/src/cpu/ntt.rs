//! Number-theoretic transforms: values on a domain, or on a coset of it, and coefficients.
//!
//! ```text
//! n = 2^k,  ω = ROOT_OF_UNITY^(2^(28−k)) of order n,  rev(i) the k bits of i in reverse
//!
//! to_coefficients   v_i = f(ω^i)     ->  c_rev(i),  f(x) = Σ_j c_j x^j
//! to_coset          c_rev(i)         ->  v_i = f(shift·ω^i)
//! ```
//!
//! Coefficients are only ever held in bit-reversed order, so that nothing is reordered. Read the values as a polynomial
//! V(x) = Σ_i v_i x^i; then n·c_j = V(ω^(−j)), and the remainders of V modulo the factors of x^n − 1 are taken down a
//! binary tree until they are constants, the one at leaf i being n·c_rev(i):
//!
//! ```text
//! x^(2h) − r² = (x^h − r)(x^h + r)       a + b·x^h  ->  a + r·b,  a − r·b
//! ```
//!
//! Node i of any level has r = ω^(−rev(i)), rev taken over k − 1 bits: one table in bit-reversed order serves all levels
//! by its prefixes, and a butterfly's root is constant over its block. `to_coset` walks the same tree upwards with
//! ω for ω^(−1), after scaling c_j by shift^j. \[vzGG13\] §8.2 has the tree, \[Sei18\] §2 the order of the roots.
//!
//! A block that fits a cache is finished before its neighbour is begun, whatever the cache's size; all arithmetic is exact, so the
//! result does not depend on the number of threads.
//!
//! \[vzGG13\]: von zur Gathen, Gerhard, Modern Computer Algebra, 3rd ed.
//! \[Sei18\]: <https://eprint.iacr.org/2018/039>

use super::ifma::{Ifma, Scale, Transform};
use super::scalar::{add_plain, reduce, sub_plain, with_multiplier, Limbs, Multiplier, Prime, Scalar};
use super::vector;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use rayon::prelude::*;

/// log₂ of the elements of a block transformed layer by layer: 32 KiB.
const LOG_BLOCK: u32 = 10;
/// Elements of a task when a pass over a column is shared out.
const TASK: usize = 1 << 9;

/// The 2^k-th roots of unity, with their powers for both directions.
///
/// ```text
/// up_i = ω^rev(i),   down_i = ω^(−rev(i)),   i < n/2,   rev over k − 1 bits
/// ```
#[derive(Clone, Debug)]
pub struct Domain {
    k: u32,
    omega: Fr,
    n_inv: Fr,
    up: Vec<Fr>,
    down: Vec<Fr>,
    vector: Option<Transform>,
    scalar: Scalar,
}

impl Domain {
    /// The domain of 2^k points, k from 0 to 28.
    ///
    /// # Panics
    /// If k is above 28: the field has no such root.
    pub fn new(k: u32) -> Self {
        let domain = Self::portable(k);
        let vector = Ifma::detect().and_then(|ifma| Transform::new(ifma, k, &domain.down, &domain.up));
        Self { vector, scalar: Scalar::detect(), ..domain }
    }

    /// The same in plain Rust.
    ///
    /// # Panics
    /// As [`Self::new`].
    pub fn portable(k: u32) -> Self {
        assert!(k <= Fr::S, "no root of unity of order 2^{k}");
        let omega = (k..Fr::S).fold(Fr::ROOT_OF_UNITY, |w, _| w.square());
        let omega_inv = (k..Fr::S).fold(Fr::ROOT_OF_UNITY_INV, |w, _| w.square());
        let half = |w| match k {
            0 => Vec::new(),
            _ => reversed_powers(Fr::ONE, w, k - 1),
        };
        let n_inv = Fr::TWO_INV.pow_vartime([u64::from(k)]);
        Self { k, omega, n_inv, up: half(omega), down: half(omega_inv), vector: None, scalar: Scalar::PLAIN }
    }

    /// The generator ω.
    pub fn omega(&self) -> Fr {
        self.omega
    }

    /// The number of points, 2^k.
    #[expect(clippy::len_without_is_empty, reason = "a domain has at least one point")]
    pub fn len(&self) -> usize {
        1 << self.k
    }

    /// Values at 1, ω, ω², … to coefficients in bit-reversed order, in place.
    ///
    /// # Panics
    /// If a column's length is not that of the domain.
    pub fn to_coefficients(&self, columns: &mut [Vec<Fr>]) {
        self.check(columns.iter().map(Vec::len));
        let inner = shares_columns(columns.len());
        if let Some(vector) = &self.vector {
            return for_batches(columns, |batch| descend_batch(vector, batch, Scale::Divide, inner));
        }
        with_multiplier!(self.scalar, by => columns.par_iter_mut().for_each(|column| {
            descend(by, column, 0, &self.down, inner);
            for_tasks(column, inner, |_, task| task.iter_mut().for_each(|c| *c = by.mul(c, &self.n_inv)));
        }));
    }

    /// Coefficients in bit-reversed order to values at shift·ω^i, in natural order.
    ///
    /// # Panics
    /// If a column's length is not that of the domain.
    pub fn to_coset(&self, coefficients: &[&[Fr]], shift: Fr) -> Vec<Vec<Fr>> {
        self.to_coset_in(coefficients, shift, Vec::new())
    }

    /// As [`Self::to_coset`], in the memory of columns that are no longer needed, as far as they go: the operating system takes a
    /// tenth of the time for fresh memory.
    pub(crate) fn to_coset_in(&self, coefficients: &[&[Fr]], shift: Fr, spare: Vec<Vec<Fr>>) -> Vec<Vec<Fr>> {
        self.check(coefficients.iter().map(|c| c.len()));
        let inner = shares_columns(coefficients.len());
        let powers = self.shift_powers(shift);
        let spare = spare.into_iter().chain(std::iter::repeat_with(Vec::new));
        let mut columns: Vec<(&[Fr], Vec<Fr>)> = coefficients.iter().copied().zip(spare).collect();
        if let Some(vector) = &self.vector {
            for_batches(&mut columns, |batch| {
                let mut scratch = vector.scratch();
                for (from, to) in batch {
                    to.resize(from.len(), Fr::ZERO);
                    vector.ascend(from, &powers, to, &mut scratch, inner);
                }
            });
        } else {
            with_multiplier!(self.scalar, by => columns.par_iter_mut().for_each(|(from, to)| {
                to.clear();
                to.extend_from_slice(from);
                for_tasks(to, inner, |at, task| task.iter_mut().zip(&powers[at..]).for_each(|(v, s)| *v = mul_lazy(by, v, s)));
                ascend(by, to, 0, &self.up, inner);
                for_tasks(to, inner, |_, task| task.iter_mut().for_each(|v| *v = Fr::from_limbs(reduce(v.limbs(), &Fr::P))));
            }));
        }
        columns.into_iter().map(|(_, values)| values).collect()
    }

    /// Values at shift·ω^i to coefficients in bit-reversed order, in place: the inverse of [`Self::to_coset`].
    ///
    /// # Panics
    /// If a column's length is not that of the domain, or the shift is zero.
    pub fn from_coset(&self, columns: &mut [Vec<Fr>], shift: Fr) {
        self.check(columns.iter().map(Vec::len));
        let inner = shares_columns(columns.len());
        let powers = reversed_powers(self.n_inv, invert_shift(shift), self.k);
        if let Some(vector) = &self.vector {
            return for_batches(columns, |batch| descend_batch(vector, batch, Scale::Powers(&powers), inner));
        }
        with_multiplier!(self.scalar, by => columns.par_iter_mut().for_each(|column| {
            descend(by, column, 0, &self.down, inner);
            for_tasks(column, inner, |at, task| task.iter_mut().zip(&powers[at..]).for_each(|(v, s)| *v = by.mul(v, s)));
        }));
    }

    /// The powers shift^rev(i) which scale coefficients in bit-reversed order.
    pub fn shift_powers(&self, shift: Fr) -> Vec<Fr> {
        reversed_powers(Fr::ONE, shift, self.k)
    }

    /// Natural order to bit-reversed order or back, in place.
    ///
    /// # Panics
    /// If the number of values is not that of the domain.
    pub fn reverse(&self, values: &mut [Fr]) {
        self.check(std::iter::once(values.len()));
        for i in 0..values.len() {
            let j = i.reverse_bits().unbounded_shr(usize::BITS - self.k);
            if i < j {
                values.swap(i, j);
            }
        }
    }

    fn check(&self, lengths: impl Iterator<Item = usize>) {
        for length in lengths {
            assert_eq!(length, self.len(), "length of a column on a domain of 2^{} points", self.k);
        }
    }
}

/// The powers start·base^rev(i), i < 2^log, rev over log bits.
fn reversed_powers(start: Fr, base: Fr, log: u32) -> Vec<Fr> {
    // steps[j] = base^(2^(log − 1 − j)), the weight of bit j of the index.
    let mut steps: Vec<Fr> = std::iter::successors(Some(base), |b| Some(b.square())).take(log as usize).collect();
    steps.reverse();
    let mut powers = vec![start; 1 << log];
    for (j, step) in steps.iter().enumerate() {
        let (known, rest) = powers.split_at_mut(1 << j);
        let next = &mut rest[..1 << j];
        next.par_chunks_mut(TASK).zip(known.par_chunks(TASK)).for_each(|(next, known)| {
            next.copy_from_slice(known);
            vector::mul_scalar(next, *step);
        });
    }
    powers
}

fn invert_shift(shift: Fr) -> Fr {
    let inverse = shift.invert();
    assert!(bool::from(inverse.is_some()), "the shift of a coset is zero");
    inverse.unwrap_or(Fr::ZERO)
}

/// Whether the threads must share out a column: there are fewer columns than threads.
fn shares_columns(columns: usize) -> bool {
    columns < rayon::current_num_threads()
}

/// Shares out the columns in batches, each with its own scratch memory.
fn for_batches<T: Send>(columns: &mut [T], apply: impl Fn(&mut [T]) + Send + Sync) {
    let size = columns.len().div_ceil(2 * rayon::current_num_threads()).max(1);
    columns.par_chunks_mut(size).for_each(apply);
}

fn descend_batch(vector: &Transform, columns: &mut [Vec<Fr>], scale: Scale, inner: bool) {
    let mut scratch = vector.scratch();
    for column in columns {
        vector.descend(column, scale, &mut scratch, inner);
    }
}

/// Calls `apply` on pieces of a column with the index of their first element.
fn for_tasks(column: &mut [Fr], parallel: bool, apply: impl Fn(usize, &mut [Fr]) + Sync) {
    if parallel {
        column.par_chunks_mut(TASK).enumerate().for_each(|(i, task)| apply(i * TASK, task));
    } else {
        apply(0, column);
    }
}

/// Remainders of the block at node `index` modulo the factors at the leaves below it; all below 4p.
fn descend(by: impl Multiplier, block: &mut [Fr], index: usize, roots: &[Fr], parallel: bool) {
    if block.len() > 1 << LOG_BLOCK {
        let (low, high) = block.split_at_mut(block.len() / 2);
        let layer = |low: &mut [Fr], high: &mut [Fr]| split(by, low, high, index, roots);
        if parallel {
            low.par_chunks_mut(TASK).zip(high.par_chunks_mut(TASK)).for_each(|(low, high)| layer(low, high));
            rayon::join(|| descend(by, low, 2 * index, roots, true), || descend(by, high, 2 * index + 1, roots, true));
        } else {
            layer(low, high);
            descend(by, low, 2 * index, roots, false);
            descend(by, high, 2 * index + 1, roots, false);
        }
        return;
    }
    let mut half = block.len() / 2;
    let mut first = index;
    while half > 0 {
        for (i, pair) in block.chunks_exact_mut(2 * half).enumerate() {
            let (low, high) = pair.split_at_mut(half);
            split(by, low, high, first + i, roots);
        }
        half /= 2;
        first *= 2;
    }
}

/// The polynomial of the block at node `index` from its remainders at the leaves below, times the block's length; all
/// below 2p.
fn ascend(by: impl Multiplier, block: &mut [Fr], index: usize, roots: &[Fr], parallel: bool) {
    if block.len() > 1 << LOG_BLOCK {
        let (low, high) = block.split_at_mut(block.len() / 2);
        let layer = |low: &mut [Fr], high: &mut [Fr]| merge(by, low, high, index, roots);
        if parallel {
            rayon::join(|| ascend(by, low, 2 * index, roots, true), || ascend(by, high, 2 * index + 1, roots, true));
            low.par_chunks_mut(TASK).zip(high.par_chunks_mut(TASK)).for_each(|(low, high)| layer(low, high));
        } else {
            ascend(by, low, 2 * index, roots, false);
            ascend(by, high, 2 * index + 1, roots, false);
            layer(low, high);
        }
        return;
    }
    let mut half = 1;
    while half < block.len() {
        let first = index * (block.len() / (2 * half));
        for (i, pair) in block.chunks_exact_mut(2 * half).enumerate() {
            let (low, high) = pair.split_at_mut(half);
            merge(by, low, high, first + i, roots);
        }
        half *= 2;
    }
}

/// a, b -> a + r·b, a − r·b; node 0 has r = 1. Below 4p, from below 4p.
fn split(by: impl Multiplier, low: &mut [Fr], high: &mut [Fr], index: usize, roots: &[Fr]) {
    // Both operands below 2p.
    let set = |a: &mut Fr, b: &mut Fr, x: &Limbs, t: &Limbs| {
        *a = Fr::from_limbs(add_plain(x, t));
        *b = Fr::from_limbs(sub_plain(&add_plain(x, &Fr::TWO_P), t));
    };
    if index == 0 {
        let operand = |v: &Fr| reduce(v.limbs(), &Fr::TWO_P);
        low.iter_mut().zip(high).for_each(|(a, b)| set(a, b, &operand(a), &operand(b)));
        return;
    }
    let root = roots[index].limbs();
    // The product is below (1 + 0.1891·4)·p.
    low.iter_mut().zip(high).for_each(|(a, b)| set(a, b, &reduce(a.limbs(), &Fr::TWO_P), &by.mul_lazy::<Fr>(b.limbs(), root)));
}

/// a, b -> a + b, r·(a − b): `split` undone, times 2, for r^(−1) there. Below 2p, from below 2p.
fn merge(by: impl Multiplier, low: &mut [Fr], high: &mut [Fr], index: usize, roots: &[Fr]) {
    let sum = |a: &Fr, b: &Fr| Fr::from_limbs(reduce(&add_plain(a.limbs(), b.limbs()), &Fr::TWO_P));
    // Below 4p.
    let difference = |a: &Fr, b: &Fr| sub_plain(&add_plain(a.limbs(), &Fr::TWO_P), b.limbs());
    if index == 0 {
        let set = |(a, b): (&mut Fr, &mut Fr)| (*a, *b) = (sum(a, b), Fr::from_limbs(reduce(&difference(a, b), &Fr::TWO_P)));
        low.iter_mut().zip(high).for_each(set);
        return;
    }
    let root = roots[index].limbs();
    let set = |(a, b): (&mut Fr, &mut Fr)| (*a, *b) = (sum(a, b), Fr::from_limbs(by.mul_lazy::<Fr>(&difference(a, b), root)));
    low.iter_mut().zip(high).for_each(set);
}

/// v·s, below 1.2p.
#[inline(always)]
fn mul_lazy(by: impl Multiplier, v: &Fr, s: &Fr) -> Fr {
    Fr::from_limbs(by.mul_lazy::<Fr>(v.limbs(), s.limbs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field elements without a pattern.
    fn column(n: usize, seed: u64) -> Vec<Fr> {
        let base = Fr::from(seed).pow_vartime([12345]) + Fr::MULTIPLICATIVE_GENERATOR;
        std::iter::successors(Some(base), |x| Some(x.square() + base)).take(n).collect()
    }

    fn horner(coefficients: &[Fr], x: Fr) -> Fr {
        coefficients.iter().rev().fold(Fr::ZERO, |sum, c| sum * x + c)
    }

    fn values(domain: &Domain, coefficients: &[Fr], shift: Fr) -> Vec<Fr> {
        let points = std::iter::successors(Some(shift), |x| Some(*x * domain.omega()));
        points.take(domain.len()).map(|x| horner(coefficients, x)).collect()
    }

    /// By each kind of scalar products, and what this machine takes.
    fn paths(k: u32) -> impl Iterator<Item = Domain> {
        Scalar::all().into_iter().map(move |scalar| Domain { scalar, ..Domain::portable(k) }).chain([Domain::new(k)])
    }

    #[test]
    fn naive_evaluation() {
        for (k, domain) in (0..=8).flat_map(|k| paths(k).map(move |domain| (k, domain))) {
            assert_eq!(domain.omega().pow_vartime([1 << k]), Fr::ONE);
            for shift in [Fr::ONE, Fr::MULTIPLICATIVE_GENERATOR, Fr::DELTA] {
                for seed in 1..4 {
                    let natural = column(domain.len(), seed);
                    let expected = values(&domain, &natural, shift);
                    let mut coefficients = natural.clone();
                    domain.reverse(&mut coefficients);
                    assert_eq!(domain.to_coset(&[&coefficients, &coefficients], shift), [expected.clone(), expected.clone()], "k = {k}");
                    let mut back = [expected.clone(), expected.clone()];
                    domain.from_coset(&mut back, shift);
                    assert_eq!(back, [coefficients.clone(), coefficients.clone()], "k = {k}");
                    if shift == Fr::ONE {
                        let mut back = [expected];
                        domain.to_coefficients(&mut back);
                        assert_eq!(back, [coefficients], "k = {k}");
                    }
                }
            }
        }
    }

    #[test]
    fn round_trips_above_a_block() {
        for k in [10, LOG_BLOCK, LOG_BLOCK + 1, LOG_BLOCK + 3] {
            let domain = Domain::new(k);
            let start: Vec<Vec<Fr>> = (1..4).map(|seed| column(domain.len(), seed)).collect();
            let mut columns = start.clone();
            domain.to_coefficients(&mut columns);
            let slices: Vec<&[Fr]> = columns.iter().map(Vec::as_slice).collect();
            assert_eq!(domain.to_coset(&slices, Fr::ONE), start);
            let mut coset = domain.to_coset(&slices, Fr::MULTIPLICATIVE_GENERATOR);
            let mut natural = columns[0].clone();
            domain.reverse(&mut natural);
            for i in [0, 1, domain.len() / 2 + 3, domain.len() - 1] {
                let x = Fr::MULTIPLICATIVE_GENERATOR * domain.omega().pow_vartime([i as u64]);
                assert_eq!(coset[0][i], horner(&natural, x));
            }
            domain.from_coset(&mut coset, Fr::MULTIPLICATIVE_GENERATOR);
            assert_eq!(coset, columns);
        }
    }

    #[test]
    fn every_path_equals_the_plain_one() {
        for (k, domain) in (6..=15).flat_map(|k| paths(k).map(move |domain| (k, domain))) {
            let portable = Domain::portable(k);
            let edges = [Fr::ZERO, Fr::ONE, -Fr::ONE];
            let mut columns: Vec<Vec<Fr>> = (0..3).map(|i| column(domain.len(), 11 + i)).collect();
            columns.push((0..domain.len()).map(|i| edges[i * i % 7 % 3]).collect());
            columns.extend([vec![Fr::ZERO; domain.len()], vec![-Fr::ONE; domain.len()]]);
            for columns in [&columns[..1], &columns[..]] {
                let slices: Vec<&[Fr]> = columns.iter().map(Vec::as_slice).collect();
                assert_eq!(domain.to_coset(&slices, Fr::DELTA), portable.to_coset(&slices, Fr::DELTA), "k = {k}");
                let (mut fast, mut plain) = (columns.to_vec(), columns.to_vec());
                domain.to_coefficients(&mut fast);
                portable.to_coefficients(&mut plain);
                assert_eq!(fast, plain, "k = {k}");
                domain.from_coset(&mut fast, -Fr::DELTA);
                portable.from_coset(&mut plain, -Fr::DELTA);
                assert_eq!(fast, plain, "k = {k}");
            }
        }
    }

    #[test]
    fn zero_and_constant() {
        for k in [0, 1, 5, 9] {
            let domain = Domain::new(k);
            let n = domain.len();
            let mut columns = vec![vec![Fr::ZERO; n], vec![-Fr::ONE; n]];
            domain.to_coefficients(&mut columns);
            let mut constant = vec![Fr::ZERO; n];
            constant[0] = -Fr::ONE;
            assert_eq!(columns, [vec![Fr::ZERO; n], constant.clone()]);
            let shifted = domain.to_coset(&[&columns[0], &columns[1]], Fr::DELTA);
            assert_eq!(shifted, [vec![Fr::ZERO; n], vec![-Fr::ONE; n]]);
        }
        assert!(Domain::new(3).to_coset(&[], Fr::ONE).is_empty());
    }

    #[test]
    fn threads_do_not_matter() {
        let run = |threads: usize, columns: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let domain = Domain::new(LOG_BLOCK + 2);
                let mut columns: Vec<Vec<Fr>> = (0..columns).map(|i| column(domain.len(), 7 + i as u64)).collect();
                domain.to_coefficients(&mut columns);
                let slices: Vec<&[Fr]> = columns.iter().map(Vec::as_slice).collect();
                let values = domain.to_coset(&slices, Fr::DELTA);
                (columns, values)
            })
        };
        for columns in [1, 4] {
            assert_eq!(run(1, columns), run(3, columns));
        }
    }

    #[test]
    fn shift_powers_and_order() {
        let domain = Domain::new(4);
        let mut powers = domain.shift_powers(Fr::DELTA);
        domain.reverse(&mut powers);
        assert_eq!(powers, (0..16).map(|i| Fr::DELTA.pow_vartime([i])).collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "shift of a coset is zero")]
    fn zero_shift() {
        Domain::new(2).from_coset(&mut [vec![Fr::ONE; 4]], Fr::ZERO);
    }

    #[test]
    #[should_panic(expected = "length of a column")]
    fn wrong_length() {
        Domain::new(2).to_coefficients(&mut [vec![Fr::ONE; 8]]);
    }
}
