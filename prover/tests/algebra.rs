//! Compiled expressions beside halo2's naive evaluation, on random expressions; and what is computed once.

use std::cell::RefCell;
use std::collections::HashMap;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::{ConstraintSystem, Expression, FirstPhase, SecondPhase};
use halo2_proofs::poly::Rotation;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sworn_prover::algebra::{Algebra, Compiled, Query, Slot, Source, Sum, Symbol};
use sworn_prover::program::{Operand, Program};

/// The highest degree and the most nodes of random expressions.
const MAX_DEGREE: usize = 9;
const MAX_NODES: usize = 300;

/// Columns at rotations, and challenges.
fn leaves() -> Vec<Expression<Fr>> {
    let mut meta = ConstraintSystem::<Fr>::default();
    let advice = [meta.advice_column(), meta.advice_column(), meta.advice_column_in(SecondPhase)];
    let (fixed, instance) = ([meta.fixed_column(), meta.fixed_column()], meta.instance_column());
    let challenges = [meta.challenge_usable_after(FirstPhase), meta.challenge_usable_after(FirstPhase)];
    let mut leaves = Vec::new();
    meta.create_gate("leaves", |cells| {
        for rotation in [-1, 0, 1].map(Rotation) {
            leaves.extend(advice.map(|c| cells.query_advice(c, rotation)));
        }
        leaves.extend(fixed.map(|c| cells.query_fixed(c, Rotation::cur())));
        leaves.push(cells.query_instance(instance, Rotation::cur()));
        leaves.extend(challenges.map(|c| cells.query_challenge(c)));
        vec![leaves[0].clone()]
    });
    leaves
}

/// Expressions made of each other, so that they share parts; the last ones are the largest.
fn expressions(rng: &mut ChaCha20Rng, count: usize) -> Vec<Expression<Fr>> {
    let mut pool: Vec<(Expression<Fr>, usize)> = leaves().into_iter().map(|e| (e, 1)).collect();
    let small = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(2), Fr::random(&mut *rng)];
    pool.extend(small.map(|c| (Expression::Constant(c), 1)));
    let first = pool.len();
    while pool.len() < first + count {
        let mut any = || pool[rng.gen_range(0..pool.len())].clone();
        let ((a, n), (b, m)) = (any(), any());
        let made = match rng.gen_range(0..9) {
            0 => (-a, n + 1),
            1 => (a * small[rng.gen_range(0..small.len())], n + 1),
            2 => (a.clone() * b.clone() + a, 2 * n + m + 2),
            3 => (a - b, n + m + 1),
            4 | 5 => (a + b, n + m + 1),
            _ => (a * b, n + m + 1),
        };
        if made.1 <= MAX_NODES && made.0.degree() <= MAX_DEGREE {
            pool.push(made);
        }
    }
    pool.split_off(first).into_iter().map(|(e, _)| e).collect()
}

/// Random values of columns at rotations and of challenges.
struct Point {
    rng: RefCell<ChaCha20Rng>,
    queries: RefCell<HashMap<Query, Fr>>,
    symbols: RefCell<HashMap<Symbol, Fr>>,
}

impl Point {
    fn new(seed: u64) -> Self {
        Self { rng: RefCell::new(ChaCha20Rng::seed_from_u64(seed)), queries: RefCell::default(), symbols: RefCell::default() }
    }

    fn query(&self, query: Query) -> Fr {
        *self.queries.borrow_mut().entry(query).or_insert_with(|| Fr::random(&mut *self.rng.borrow_mut()))
    }

    fn symbol(&self, symbol: Symbol) -> Fr {
        *self.symbols.borrow_mut().entry(symbol).or_insert_with(|| Fr::random(&mut *self.rng.borrow_mut()))
    }

    fn naive(&self, expression: &Expression<Fr>) -> Fr {
        expression.evaluate(
            &|c| c,
            &|_| Fr::ZERO,
            &|q| self.query(Source::Fixed(q.column_index() as u32).rotated(q.rotation().0)),
            &|q| self.query(Source::Advice(q.column_index() as u32).rotated(q.rotation().0)),
            &|q| self.query(Source::Instance.rotated(q.rotation().0)),
            &|c| self.symbol(Symbol::Challenge(c.index() as u32)),
            &|a| -a,
            &|a, b| a + b,
            &|a, b| a * b,
            &|a, s| a * s,
        )
    }

    fn run(&self, algebra: &Algebra, compiled: &Compiled) -> Vec<Fr> {
        assert!(compiled.program.is_valid(compiled.slots.len(), compiled.scalars.len()), "a compiled program is valid");
        let values = algebra.scalars.evaluate(|symbol| self.symbol(symbol));
        let slot = |slot: &Slot| match slot {
            Slot::Query(query) => self.query(*query),
            Slot::Combination(terms) => terms.iter().map(|(query, s)| self.query(*query) * values.get(*s)).sum(),
        };
        let slots: Vec<Fr> = compiled.slots.iter().map(slot).collect();
        let scalars: Vec<Fr> = compiled.scalars.iter().map(|s| values.get(*s)).collect();
        compiled.program.run(&slots, &scalars)
    }
}

/// No step and no slot is there twice, and every step is read.
fn assert_lean(compiled: &Compiled) {
    let Compiled { program, slots, scalars } = compiled;
    for (index, slot) in slots.iter().enumerate() {
        assert!(!slots[..index].contains(slot), "slot {index} is there twice");
    }
    for (index, scalar) in scalars.iter().enumerate() {
        assert!(!scalars[..index].contains(scalar), "scalar {index} is there twice");
    }
    let single = |program: &Program, at: usize| program.steps[at].products.len() == 1 && program.steps[at].sums.is_empty();
    for register in 0..program.steps.len() {
        let read = |o: Operand| o == Operand::Register(register as u32);
        let used = program.steps.iter().any(|s| s.operands().any(read)) || program.outputs.iter().any(|&o| read(o));
        assert!(used || !single(program, register), "step {register} is not read");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// However linear parts are hoisted, a program computes what the expressions say.
    #[test]
    fn programs_compute_their_expressions(seed in any::<u64>(), count in 1usize..40) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut expressions = expressions(&mut rng, count);
        let chosen = expressions.split_off(expressions.len().saturating_sub(6));
        let mut algebra = Algebra::default();
        let sums: Vec<Sum> = chosen.iter().map(|e| algebra.expression(e)).collect();
        let programs = [
            algebra.compile(&sums, &|_| true),
            algebra.compile(&sums, &|_| false),
            algebra.compile(&sums, &|terms| terms.len() > 2),
        ];
        let sparing: Vec<Vec<Compiled>> = [0, 1, 3, 100].map(|most| sums.iter().map(|sum| algebra.compile_sparing(sum, most)).collect()).to_vec();
        prop_assert!(programs[1].slots.iter().all(|s| matches!(s, Slot::Query(_))), "nothing is hoisted");
        programs.iter().chain(sparing.iter().flatten()).for_each(assert_lean);
        for at in 0..2 {
            let point = Point::new(seed ^ at);
            let expected: Vec<Fr> = chosen.iter().map(|e| point.naive(e)).collect();
            for program in &programs {
                prop_assert_eq!(&point.run(&algebra, program), &expected);
            }
            for programs in &sparing {
                let values: Vec<Fr> = programs.iter().flat_map(|p| point.run(&algebra, p)).collect();
                prop_assert_eq!(&values, &expected);
            }
        }
    }

    /// Sums, differences, products and multiples of sums are those of their values.
    #[test]
    fn sums_are_added_and_multiplied(seed in any::<u64>()) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let [a, b]: [Expression<Fr>; 2] = expressions(&mut rng, 20).split_off(18).try_into().unwrap();
        let mut algebra = Algebra::default();
        let (x, y) = (algebra.expression(&a), algebra.expression(&b));
        let beta = algebra.symbol(Symbol::Beta);
        let factor = algebra.scalars.symbol(Symbol::Y);
        let point = Point::new(seed);
        let (u, v, s, t) = (point.naive(&a), point.naive(&b), point.symbol(Symbol::Beta), point.symbol(Symbol::Y));
        let sums = [
            (algebra.add(x.clone(), &y), u + v),
            (algebra.sub(x.clone(), &y), u - v),
            (algebra.mul(&x, &y), u * v),
            (algebra.mul(&x, &beta), u * s),
            (algebra.scale(&y, factor), v * t),
            (algebra.sub(x.clone(), &x), Fr::ZERO),
        ];
        for (sum, expected) in sums {
            let compiled = algebra.compile(&[sum], &|_| false);
            prop_assert_eq!(point.run(&algebra, &compiled), [expected]);
        }
    }
}

/// Columns to write examples with.
fn columns(algebra: &mut Algebra) -> [Sum; 6] {
    [0, 1, 2, 3, 4, 5].map(|c| algebra.query(Source::Advice(c).cur()))
}

fn num_products(compiled: &Compiled) -> usize {
    compiled.program.steps.iter().map(|s| s.products.len()).sum()
}

/// `on·a + on·keep·b + on·keep·c` is `on·(a + keep·(b + c))`.
#[test]
fn common_factors_are_taken_out() {
    let mut algebra = Algebra::default();
    let [on, keep, a, b, c, _] = columns(&mut algebra);
    let product = |algebra: &mut Algebra, factors: &[&Sum]| {
        let one = algebra.constant(Fr::ONE);
        factors.iter().fold(one, |product, factor| algebra.mul(&product, factor))
    };
    let terms = [product(&mut algebra, &[&on, &a]), product(&mut algebra, &[&on, &keep, &b]), product(&mut algebra, &[&on, &keep, &c])];
    let sum = terms.iter().fold(Sum::new(), |sum, term| algebra.add(sum, term));
    let compiled = algebra.compile(&[sum], &|_| false);
    assert_eq!((compiled.program.steps.len(), num_products(&compiled)), (3, 2));
}

/// `(a + b)·c`, `(a + b)·d` and `(a + b)·c·e`: the sum is one step, and so is its product with `c`.
#[test]
fn shared_parts_are_computed_once() {
    let mut algebra = Algebra::default();
    let [a, b, c, d, e, _] = columns(&mut algebra);
    let sum = algebra.add(a, &b);
    let (first, second) = (algebra.mul(&sum, &c), algebra.mul(&sum, &d));
    let both = algebra.compile(&[first.clone(), second.clone(), sum.clone()], &|_| false);
    // Three outputs: a + b is an output of its own beside the factor.
    assert_eq!(num_products(&both), 2);
    let third = algebra.mul(&first, &e);
    let one = algebra.compile(std::slice::from_ref(&third), &|_| false);
    let three = algebra.compile(&[first.clone(), second, third.clone()], &|_| false);
    assert_eq!((num_products(&one), three.program.steps.len()), (2, 5));
    let again = algebra.compile(&[third.clone(), third], &|_| false);
    assert!(again.program.steps.len() <= 2 * one.program.steps.len() - 2, "a sum and a product are shared");
    // Two equal factors.
    let square = algebra.mul(&sum, &sum);
    let square = algebra.compile(&[square], &|_| false);
    assert_eq!((square.program.steps.len(), num_products(&square)), (2, 1));
}

/// What cancels is gone, where no challenge is its scalar.
#[test]
fn what_cancels_is_not_computed() {
    let mut algebra = Algebra::default();
    let [a, b, c, d, _, _] = columns(&mut algebra);
    let (sum, product) = (algebra.add(a, &b), algebra.mul(&c, &d));
    let product = algebra.mul(&product, &sum);
    let total = algebra.add(sum.clone(), &product);
    let rest = algebra.sub(total, &product);
    assert_eq!(rest, sum);
    assert!(algebra.sub(rest, &sum).is_empty());
}

/// A linear part becomes one slot; challenges in it become its scalars.
#[test]
fn linear_parts_become_one_column() {
    let mut algebra = Algebra::default();
    let [on, a, b, c, _, _] = columns(&mut algebra);
    let (beta, gamma) = (algebra.symbol(Symbol::Beta), algebra.symbol(Symbol::Gamma));
    let scaled = algebra.mul(&beta, &b);
    let sum = algebra.add(a, &scaled);
    let sum = algebra.sub(sum, &c);
    let sum = algebra.add(sum, &gamma);
    let product = algebra.mul(&on, &sum);
    let hoisted = algebra.compile(std::slice::from_ref(&product), &|_| true);
    let combinations: Vec<usize> =
        hoisted.slots.iter().filter_map(|s| if let Slot::Combination(t) = s { Some(t.len()) } else { None }).collect();
    assert_eq!((combinations, hoisted.columns(), num_products(&hoisted)), (vec![3], vec![Source::Advice(0)], 1));
    // Two columns that no product reads are saved; with columns that are read anyway nothing is.
    assert_eq!(algebra.compile_sparing(&product, 100).slots.len(), 2);
    let mut reading = product.clone();
    for column in [1, 2, 3] {
        let query = algebra.query(Source::Advice(column).cur());
        let square = algebra.mul(&query, &query);
        reading = algebra.add(reading, &square);
    }
    let sparing = algebra.compile_sparing(&reading, 100);
    assert!(sparing.slots.iter().all(|s| matches!(s, Slot::Query(_))) && sparing.slots.len() == 4);
    // Unless they are too many.
    assert!(algebra.compile_sparing(&reading, 2).slots.iter().any(|s| matches!(s, Slot::Combination(_))));
}
