//! What is opened does not tell two witnesses of one statement apart.
//!
//! ```text
//! y = relu(W·x + b) = 0                for both inputs A and B: same key, same public values
//! proofs of A and of B, many seeds  -> one number in 0 … 15 from each commitment and evaluation -> chi-square, 15 degrees of freedom
//! ```
//!
//! The number is made of the last four bits: of a commitment's x coordinate, of an evaluation `e`, and of `e − p_A(x)`, where
//! `p_A` is the column that witness A and the challenges of the proof give, with zeros in the tail. This is 0 for every proof of
//! A if the column is not blinded, although `e` itself looks random for different x.
//!
//! Each sample is compared with the uniform distribution, and the samples of A and of B with each other. A statistic above
//! [`LIMIT`] has a probability of 10^−7; there are some hundred, so a run with new seeds fails once in 10^5. Seeds are fixed.
//!
//! What statistics do not see, such as the blinding of the quotient's limbs, which depend on all other blinds, is counted: which
//! commitment each random value of a proof changes first. How many there must be is in `docs/zero-knowledge.md`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod models;

use std::ops::ControlFlow;

use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::{BatchInvert, Field, PrimeField};
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::halo2curves::CurveAffine;
use models::Keyed;
use rand::{CryptoRng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use rayon::prelude::*;
use sworn_circuits::field::embed;
use sworn_circuits::layout::UNUSABLE_ROWS;
use sworn_circuits::shape::{Cell, Place};
use sworn_circuits::witness::Witness;
use sworn_circuits::Challenges;
use sworn_prover::halo2::convert::{from_fr, from_g1};
use sworn_prover::{Cpu, Proof};
use sworn_verifier::sets::{Commitment, Polynomial};
use sworn_verifier::{ColumnKind, Context};

/// Proofs of each witness.
const PROOFS: u64 = 150;
/// Chi-square with 15 degrees of freedom exceeds this with probability 10^−7.
const LIMIT: f64 = 62.4;

const A: [i32; 4] = [60, -60, 33, 1];
const B: [i32; 4] = [-1, 2, -64, 5];

/// A layer whose outputs are 0 for all inputs.
fn keyed(inputs: [i32; 4]) -> Keyed {
    models::tiny(17, [-6000, -7000, -6500, -8000], inputs).keyed()
}

/// A proof, read as a verifier reads it.
struct Opened {
    /// Advice of both phases, running products, random polynomial, limbs of the quotient, W and W'.
    points: Vec<G1Affine>,
    /// Those of the circuit, β, γ, y, x.
    challenges: Vec<Fr>,
    advice: Vec<Fr>,
    products: Vec<Fr>,
    /// Of the random polynomial, or of packed limbs.
    others: Vec<Fr>,
}

fn open(keyed: &Keyed, proof: &Proof) -> Opened {
    let vk = keyed.key.verifying_key();
    let shape = vk.shape();
    let read = sworn_verifier::Proof::read(vk, Context::NONE, &proof.instance, &proof.bytes).unwrap();
    let values: Vec<Fr> = read.values.iter().map(from_fr).collect();
    let c = read.challenges;
    let challenges = c.circuit.iter().chain([&c.beta, &c.gamma, &c.y, &c.x]).map(from_fr).collect();
    Opened {
        points: read.points.iter().map(from_g1).collect(),
        challenges,
        advice: values[..shape.advice_values].to_vec(),
        products: values[shape.product_value(0)..shape.first_limb_value()].to_vec(),
        others: match shape.is_packed() {
            true => values[shape.first_limb_value()..shape.scalars()].to_vec(),
            false => vec![values[shape.random_value()]],
        },
    }
}

fn witness(keyed: &Keyed) -> Witness {
    Witness::new(keyed.key.graph(), keyed.key.layout(), &keyed.inputs).unwrap()
}

/// What anybody can compute of a witness that they guess.
struct Guess<'a> {
    keyed: &'a Keyed,
    /// `ω^r`.
    points: Vec<Fr>,
    /// The names that the permutation sends cells to, by permuted column.
    sigma: Vec<Vec<Fr>>,
}

impl<'a> Guess<'a> {
    fn new(keyed: &'a Keyed) -> Self {
        let (layout, vk) = (keyed.key.layout(), keyed.key.verifying_key());
        let rows = 1usize << layout.log_rows;
        let omega = (layout.log_rows..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square());
        let points: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |p| Some(p * omega)).take(rows).collect();
        // Cycles of equal cells are merged copy by copy, the smaller into the larger.
        let columns = &vk.constraints.permutation;
        let cell = |c: &Cell| {
            let column = match c.place {
                Place::Advice(i) => (ColumnKind::Advice, u32::from(i)),
                Place::Fixed(i) => (ColumnKind::Fixed, u32::from(i)),
                Place::Instance => (ColumnKind::Instance, 0),
            };
            columns.iter().position(|p| *p == column).unwrap() * rows + c.row as usize
        };
        let mut next: Vec<usize> = (0..columns.len() * rows).collect();
        let cycle = |next: &[usize], start: usize| {
            let mut cells = vec![start];
            while next[*cells.last().unwrap()] != start {
                cells.push(next[*cells.last().unwrap()]);
            }
            cells
        };
        for (left, right) in &layout.copies {
            let (left, right) = (cell(left), cell(right));
            if !cycle(&next, left).contains(&right) {
                next.swap(left, right);
            }
        }
        let name = |cell: usize| Fr::DELTA.pow_vartime([(cell / rows) as u64]) * points[cell % rows];
        let sigma: Vec<Vec<Fr>> = next.chunks(rows).map(|column| column.iter().map(|&c| name(c)).collect()).collect();
        let commit = |column: &Vec<Fr>| best_multiexp(column, keyed.srs.g_lagrange()).to_affine();
        if !vk.shape().is_packed() {
            let expected: Vec<G1Affine> = vk.permutation_commitments.iter().map(from_g1).collect();
            assert_eq!(sigma.iter().map(commit).collect::<Vec<_>>(), expected, "the permutation of the key");
        }
        Self { keyed, points, sigma }
    }

    /// Advice columns of both phases, with zeros in the tails.
    fn advice(&self, witness: &Witness, challenges: &[Fr]) -> Vec<Vec<Fr>> {
        let rows = self.points.len();
        let &[channel, position, theta, lambda] = &challenges[..4] else { panic!("four challenges") };
        let first = witness.first.iter().map(|c| (0..rows).map(|r| embed(c.get(r))).collect());
        let second = witness.second_phase(self.keyed.key.layout(), Challenges { channel, position, theta, lambda });
        first
            .chain(second.into_iter().map(|mut column| {
                column.resize(rows, Fr::ZERO);
                column
            }))
            .collect()
    }

    /// Running products, or one and the partial products, with zeros in the tails.
    fn products(&self, witness: &Witness, advice: &[Vec<Fr>], beta: Fr, gamma: Fr) -> Vec<Vec<Fr>> {
        let (rows, system) = (self.points.len(), &self.keyed.key.verifying_key().constraints);
        let instance = witness.instance();
        let value = |(kind, index): (ColumnKind, u32), row: usize| match kind {
            ColumnKind::Advice => advice[index as usize][row],
            ColumnKind::Fixed => embed(self.keyed.key.layout().fixed[index as usize].get(row)),
            ColumnKind::Instance => instance.get(row).copied().unwrap_or(Fr::ZERO),
        };
        let length = system.degree as usize - 2;
        let columns: Vec<(usize, (ColumnKind, u32))> = system.permutation.iter().copied().enumerate().collect();
        let ratios = |chunk: &[(usize, (ColumnKind, u32))]| -> Vec<Fr> {
            let side =
                |row: usize, name: &dyn Fn(usize) -> Fr| chunk.iter().map(|&(c, p)| value(p, row) + beta * name(c) + gamma).product::<Fr>();
            let mut ratios: Vec<Fr> = (0..rows).map(|row| side(row, &|c| self.sigma[c][row])).collect();
            ratios.iter_mut().batch_invert();
            let above = |row: usize| side(row, &|c| Fr::DELTA.pow_vartime([c as u64]) * self.points[row]);
            ratios.iter_mut().enumerate().for_each(|(row, ratio)| *ratio *= above(row));
            ratios
        };
        let (ratios, last) = (columns.chunks(length).map(ratios).collect::<Vec<_>>(), rows - UNUSABLE_ROWS);
        let mut products = vec![vec![Fr::ZERO; rows]; ratios.len()];
        let mut carry = Fr::ONE;
        if self.keyed.key.layout().pack > 1 {
            for row in 0..last {
                for (product, ratios) in products.iter_mut().zip(&ratios) {
                    product[row] = carry;
                    carry *= ratios[row];
                }
            }
            products.iter_mut().take(1).for_each(|running| running[last] = carry);
            return products;
        }
        for (product, ratios) in products.iter_mut().zip(&ratios) {
            for row in 0..=last {
                product[row] = carry;
                carry *= ratios[row];
            }
            carry = product[last];
        }
        products
    }

    /// The advice and product evaluations of a proof, if its columns had no tails.
    fn evaluations(&self, witness: &Witness, opened: &Opened) -> Vec<Fr> {
        let system = &self.keyed.key.verifying_key().constraints;
        let &[.., beta, gamma, _, x] = opened.challenges.as_slice() else { panic!("challenges") };
        let advice = self.advice(witness, &opened.challenges);
        let products = self.products(witness, &advice, beta, gamma);
        let end = if self.keyed.key.layout().pack > 1 { products.first() } else { products.last() };
        assert!(end.is_none_or(|z| z[z.len() - UNUSABLE_ROWS] == Fr::ONE), "copies hold");
        // L_r(x), up to the factor (x^n − 1)/n.
        let mut lagrange: Vec<Fr> = self.points.iter().map(|p| x - p).collect();
        lagrange.iter_mut().batch_invert();
        lagrange.iter_mut().zip(&self.points).for_each(|(l, p)| *l *= p);
        let rows = self.points.len();
        let factor = (x.pow_vartime([rows as u64]) - Fr::ONE) * Fr::from(rows as u64).invert().unwrap();
        let at = |column: &[Fr], rotation: i32| {
            let row = |r: usize| (r as i64 + i64::from(rotation)).rem_euclid(rows as i64) as usize;
            factor * lagrange.iter().enumerate().map(|(r, l)| column[row(r)] * l).sum::<Fr>()
        };
        let mut all: Vec<Fr> = system.advice_queries.iter().map(|q| at(&advice[q.column as usize], q.rotation)).collect();
        for (index, z) in products.iter().enumerate() {
            let count = self.keyed.key.verifying_key().shape().product_rotations(index);
            all.extend([0, 1, -(UNUSABLE_ROWS as i32)].into_iter().take(count).map(|d| at(z, d)));
        }
        all
    }
}

/// The last four bits.
fn nibble<F: PrimeField>(value: &F) -> usize {
    usize::from(value.to_repr().as_ref()[0] & 15)
}

fn counts(sample: &[usize]) -> [f64; 16] {
    let mut counts = [0.0; 16];
    sample.iter().for_each(|&v| counts[v] += 1.0);
    counts
}

/// Chi-square of a sample against the uniform distribution.
fn against_uniform(sample: &[usize]) -> f64 {
    let expected = sample.len() as f64 / 16.0;
    counts(sample).iter().map(|c| (c - expected).powi(2) / expected).sum()
}

/// Chi-square of two samples of one size against each other.
fn against_each_other(a: &[usize], b: &[usize]) -> f64 {
    assert_eq!(a.len(), b.len(), "samples of one size");
    counts(a).iter().zip(counts(b)).filter(|(x, y)| **x + y > 0.0).map(|(x, y)| (x - y).powi(2) / (x + y)).sum()
}

/// The largest statistic of the samples of A and B.
fn worst(a: &[usize], b: &[usize]) -> f64 {
    against_uniform(a).max(against_uniform(b)).max(against_each_other(a, b))
}

/// What is seen of many proofs of one witness.
struct Seen {
    names: Vec<String>,
    /// By proof and name.
    numbers: Vec<Vec<usize>>,
    /// By proof, `e − p_A(x)` as it would be if columns had no tails.
    without_tails: Vec<Vec<Fr>>,
}

impl Seen {
    fn sample(&self, index: usize) -> Vec<usize> {
        self.numbers.iter().map(|row| row[index]).collect()
    }

    fn sample_without_tails(&self, index: usize) -> Vec<usize> {
        self.without_tails.iter().map(|row| nibble(&row[index])).collect()
    }
}

fn see(keyed: &Keyed, a: &Witness, seeds: std::ops::Range<u64>) -> Seen {
    let own = witness(keyed);
    let prover = keyed.prover(Cpu);
    let guess = Guess::new(keyed);
    let differences = |x: &[Fr], y: &[Fr]| x.iter().zip(y).map(|(x, y)| *x - y).collect::<Vec<Fr>>();
    let one = |seed: u64| {
        let proof = models::prove(&prover, &keyed.inputs, seed, &mut |_, _| ControlFlow::Continue(())).unwrap();
        let opened = open(keyed, &proof);
        let guessed = guess.evaluations(a, &opened);
        let evaluations = [opened.advice.as_slice(), &opened.products].concat();
        let mut numbers: Vec<usize> = opened.points.iter().map(|p| nibble(p.coordinates().unwrap().x())).collect();
        numbers.extend(evaluations.iter().chain(&opened.others).map(nibble));
        numbers.extend(differences(&evaluations, &guessed).iter().map(nibble));
        (numbers, differences(&guess.evaluations(&own, &opened), &guessed), opened)
    };
    let all: Vec<_> = seeds.into_par_iter().map(one).collect();
    let opened = &all[0].2;
    let named = |name: &str, count: usize| (0..count).map(|i| format!("{name} {i}")).collect::<Vec<_>>();
    let names = [
        named("commitment", opened.points.len()),
        named("advice evaluation", opened.advice.len()),
        named("product evaluation", opened.products.len()),
        named("other evaluation", opened.others.len()),
        named("advice evaluation less that of A without tails", opened.advice.len()),
        named("product evaluation less that of A without tails", opened.products.len()),
    ];
    let (numbers, without_tails) = all.into_iter().map(|(numbers, without, _)| (numbers, without)).unzip();
    Seen { names: names.concat(), numbers, without_tails }
}

#[test]
fn openings_do_not_tell_witnesses_apart() {
    tell_apart(keyed(A), keyed(B));
}

#[test]
fn packed_openings_do_not_tell_witnesses_apart() {
    let packed = |inputs| models::tiny(17, [-6000, -7000, -6500, -8000], inputs).packed(4);
    tell_apart(packed(A), packed(B));
}

fn tell_apart(a: Keyed, b: Keyed) {
    assert_eq!(a.key.verifying_key().digest(), b.key.verifying_key().digest(), "one key");
    let (first, second) = (witness(&a), witness(&b));
    assert_eq!(first.instance, second.instance, "one statement");
    assert!((0..first.first.len()).filter(|&c| first.first[c] != second.first[c]).count() > 2, "and two witnesses");

    let (of_a, of_b) = (see(&a, &first, 0..PROOFS), see(&b, &first, PROOFS..2 * PROOFS));
    for (index, name) in of_a.names.iter().enumerate() {
        let statistic = worst(&of_a.sample(index), &of_b.sample(index));
        assert!(statistic < LIMIT, "{name}: chi-square {statistic}");
    }
    // Columns without tails would be seen: those that are the same for both witnesses as such, the others by the witness.
    let mut telling = 0;
    for index in 0..of_a.without_tails[0].len() {
        let (x, y) = (of_a.sample_without_tails(index), of_b.sample_without_tails(index));
        assert!(against_uniform(&x) > 10.0 * LIMIT, "evaluation {index} without tails");
        if of_b.without_tails[0][index] != Fr::ZERO {
            telling += 1;
            assert!(against_each_other(&x, &y) > 2.0 * LIMIT, "evaluation {index} without tails");
        }
    }
    assert!(telling > 10, "{telling} evaluations depend on the witness");
    // A commitment without a tail is one point.
    assert!(worst(&[7; PROOFS as usize], &[9; PROOFS as usize]) > 2.0 * LIMIT);
}

#[test]
fn two_proofs_of_one_witness_share_nothing() {
    let models = [models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]), models::elementwise_and_tables(), models::maxima()];
    for keyed in models.iter().flat_map(|model| [model.keyed(), model.packed(7)]) {
        let [first, second] = [1, 2].map(|seed| open(&keyed, &keyed.prove(Cpu, seed)));
        let distinct = |a: &[G1Affine], b: &[G1Affine]| a.iter().all(|p| !b.contains(p));
        assert!(distinct(&first.points, &second.points), "{}: commitments", keyed.name);
        let scalars = |o: &Opened| [o.advice.as_slice(), &o.products, &o.others].concat();
        let (first, second) = (scalars(&first), scalars(&second));
        assert!(first.iter().all(|v| !second.contains(v) && *v != Fr::ZERO && *v != Fr::ONE), "{}: evaluations", keyed.name);
    }
}

/// A generator with other bytes in a window.
struct Changed {
    rng: ChaCha20Rng,
    position: usize,
    window: std::ops::Range<usize>,
}

impl RngCore for Changed {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.rng.fill_bytes(bytes);
        for byte in bytes {
            *byte ^= if self.window.contains(&self.position) { 0xff } else { 0 };
            self.position += 1;
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Changed {}

/// A polynomial that is opened q times and committed needs q + 1 random values, the limbs of the quotient one between neighbours.
#[test]
fn every_commitment_has_its_random_values() {
    /// Bytes that a random field element is made of.
    const ELEMENT: usize = 64;
    let tiny = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]);
    for keyed in [tiny.keyed(), tiny.packed(7), models::elementwise_and_tables().keyed()] {
        let prover = keyed.prover(Cpu);
        let system = &keyed.key.verifying_key().constraints;
        let points = |window: std::ops::Range<usize>| {
            let mut rng = Changed { rng: ChaCha20Rng::seed_from_u64(1), position: 0, window };
            let proof = prover.prove(Context::NONE, &keyed.inputs, &mut rng, &mut |_, _| ControlFlow::Continue(())).unwrap();
            (open(&keyed, &proof).points, rng.position)
        };
        let (unchanged, length) = points(0..0);
        let first_change = |at: usize| {
            let (changed, _) = points(at * ELEMENT..(at + 1) * ELEMENT);
            unchanged.iter().zip(&changed).position(|(a, b)| a != b)
        };
        let changes: Vec<Option<usize>> = (0..length.div_ceil(ELEMENT)).into_par_iter().map(first_change).collect();
        let num_values = |commitment: usize| changes.iter().filter(|c| **c == Some(commitment)).count();
        assert!(changes.iter().all(Option::is_some), "{}: every random value is used", keyed.name);

        if keyed.key.verifying_key().shape().is_packed() {
            for set in &keyed.key.verifying_key().shape().sets {
                let Commitment::Proof(at) = set.commitments[0] else { continue };
                let needed = match set.members[0].polynomial {
                    Polynomial::Limb(_) => 2 * set.members.len().min(system.degree as usize - 1),
                    _ => set.members.len() * (set.rotations.len() + 1),
                };
                assert!(num_values(at) >= needed, "{}: {} random values of {set:?}", keyed.name, num_values(at));
            }
            continue;
        }
        let (advice, chunks) = (system.advice_phases.len(), system.permutation.len().div_ceil(system.degree as usize - 2));
        for column in 0..advice {
            let openings = system.advice_queries.iter().filter(|q| q.column as usize == column).count();
            assert!(num_values(column) > openings, "{}: advice column {column}", keyed.name);
        }
        for index in 0..chunks {
            let openings = if index + 1 < chunks { 3 } else { 2 };
            assert!(num_values(advice + index) > openings, "{}: running product {index}", keyed.name);
        }
        assert!(num_values(advice + chunks) > 0, "{}: random polynomial", keyed.name);
        for limb in 0..system.degree as usize - 2 {
            assert_eq!(num_values(advice + chunks + 1 + limb), 1, "{}: limb {limb}", keyed.name);
        }
    }
}
