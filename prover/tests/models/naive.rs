//! A verifier of packed proofs as the papers write it, on halo2's gates and curve: the oracle where halo2's own cannot be.
//!
//! Grouping, gates, permutation and opening are written down again, the opening with the polynomials `R(X) = Σ_i X^i·r_i(X^t)` by
//! their coefficients and without the scaling that saves a division.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, missing_docs, clippy::allow_attributes)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use halo2_proofs::arithmetic::lagrange_interpolate;
use halo2_proofs::halo2curves::bn256::{pairing, Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::plonk::{Any, ConstraintSystem, Expression};
use halo2_proofs::poly::EvaluationDomain;
use halo2_proofs::transcript::TranscriptRead;
use sworn_prover::halo2::convert::{from_fr, from_g1, from_g2};
use sworn_prover::halo2::{to_halo2, KeccakChallenge, KeccakTranscript};
use sworn_verifier::{Context, VerifyingKey};

/// A polynomial: where it is opened, and to what.
type Opened = BTreeMap<i32, Fr>;

/// Polynomials in packs: those with the same rotations in their order, up to t in each.
fn packs(polynomials: Vec<Opened>, t: usize) -> Vec<Vec<Opened>> {
    let rotations = |p: &Opened| p.keys().copied().collect::<Vec<i32>>();
    let mut seen: Vec<Vec<i32>> = Vec::new();
    polynomials.iter().map(&rotations).for_each(|r| {
        if !seen.contains(&r) {
            seen.push(r)
        }
    });
    let group = |r: &Vec<i32>| polynomials.iter().filter(|p| rotations(p) == *r).cloned().collect::<Vec<Opened>>();
    seen.iter().flat_map(|r| group(r).chunks(t).map(<[Opened]>::to_vec).collect::<Vec<_>>()).collect()
}

/// The number of packs of columns, before their values are known.
fn count(queries: &[(usize, i32)], t: usize) -> usize {
    packs(columns(queries, &vec![Fr::ZERO; queries.len()]), t).len()
}

/// Columns in the order of their first query.
fn columns(queries: &[(usize, i32)], values: &[Fr]) -> Vec<Opened> {
    let mut order: Vec<usize> = Vec::new();
    queries.iter().for_each(|(column, _)| {
        if !order.contains(column) {
            order.push(*column)
        }
    });
    let of = |column: usize| queries.iter().zip(values).filter(move |((c, _), _)| *c == column).map(|((_, d), v)| (*d, *v));
    order.into_iter().map(|column| of(column).collect()).collect()
}

fn evaluate(coefficients: &[Fr], at: Fr) -> Fr {
    coefficients.iter().rev().fold(Fr::ZERO, |sum, c| sum * at + c)
}

/// Whether a packed proof is accepted.
pub fn accepts(key: &VerifyingKey, context: Context, instance: &[sworn_verifier::Fr], proof: &[u8]) -> bool {
    let mut transcript = KeccakTranscript::new(&key.digest(), context, proof);
    accepts_from(key, instance, &mut transcript) && transcript.into_stream().is_empty()
}

/// Whether the packed proof that a transcript reads is accepted; what is behind it is not looked at.
pub fn accepts_from<T>(key: &VerifyingKey, instance: &[sworn_verifier::Fr], transcript: &mut T) -> bool
where
    T: TranscriptRead<G1Affine, KeccakChallenge>,
{
    let rules = Rules::new(key);
    rules.parse(instance, transcript).is_some_and(|parsed| rules.opens(&parsed, rules.quotient(&parsed)))
}

/// An identity of the packed permutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The running product starts from 1.
    Start,
    /// It ends in 1, or in 0.
    End,
    /// A chunk leads from one partial product to the next.
    Chunk(usize),
}

/// Whether a verifier that leaves out some identities accepts a packed proof.
pub fn accepts_without(key: &VerifyingKey, instance: &[sworn_verifier::Fr], proof: &[u8], without: &[Identity]) -> bool {
    let (rules, mut transcript) = (Rules::without(key, without), KeccakTranscript::new(&key.digest(), Context::NONE, proof));
    let parsed = rules.parse(instance, &mut transcript);
    parsed.is_some_and(|parsed| rules.opens(&parsed, rules.quotient(&parsed))) && transcript.into_stream().is_empty()
}

/// A key as halo2 sees it, with what is needed of its domain.
pub struct Rules<'k> {
    key: &'k VerifyingKey,
    /// Fixed columns in closed form, by coefficients.
    closed: Vec<(usize, Vec<Fr>)>,
    /// Identities that are left out: each is 0 everywhere.
    without: Vec<Identity>,
    cs: ConstraintSystem<Fr>,
    rows: usize,
    omega: Fr,
    unusable: usize,
    advice: Vec<(usize, i32)>,
    fixed: Vec<(usize, i32)>,
    products: usize,
}

/// What a proof holds.
#[derive(Default)]
pub struct Parsed {
    pub instance: Vec<Fr>,
    pub circuit: Vec<Fr>,
    pub advice: Vec<Fr>,
    pub fixed: Vec<Fr>,
    pub sigma: Vec<Fr>,
    /// Plain, each running product at x, ωx and ω^last x; packed, z at x and ωx and the partial products.
    pub z: Vec<Fr>,
    pub other_limbs: Vec<Fr>,
    pub commitments: Vec<G1Affine>,
    pub openings: [G1Affine; 2],
    pub beta: Fr,
    pub gamma: Fr,
    pub y: Fr,
    pub x: Fr,
    pub v: Fr,
    pub u: Fr,
}

impl<'k> Rules<'k> {
    pub fn new(key: &'k VerifyingKey) -> Self {
        Self::without(key, &[])
    }

    /// Without some identities.
    pub fn without(key: &'k VerifyingKey, without: &[Identity]) -> Self {
        let cs = to_halo2(&key.constraints);
        let chunk = cs.degree() - 2;
        let (rows, usable) = (1 << key.log_rows, (1 << key.log_rows) - cs.blinding_factors() - 1);
        let domain = EvaluationDomain::<Fr>::new(5, key.log_rows);
        // The column that is 1 on some rows.
        let ones = |column: u32, on: Range<usize>| {
            let values = (0..rows).map(|row| if on.contains(&row) { Fr::ONE } else { Fr::ZERO }).collect();
            (column as usize, domain.lagrange_to_coeff(domain.lagrange_from_vec(values)).to_vec())
        };
        let closed = key.closed.usable.map(|column| ones(column, 0..usable)).into_iter();
        let closed = closed.chain(key.closed.last_usable.map(|column| ones(column, usable - 1..usable))).collect();
        Self {
            rows,
            closed,
            omega: (key.log_rows..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square()),
            unusable: cs.blinding_factors() + 1,
            advice: cs.advice_queries().iter().map(|(c, d)| (c.index(), d.0)).collect(),
            fixed: cs.fixed_queries().iter().map(|(c, d)| (c.index(), d.0)).collect(),
            products: cs.permutation().get_columns().len().div_ceil(chunk),
            without: without.to_vec(),
            key,
            cs,
        }
    }

    /// Fixed queries that a proof has values of.
    fn opened_fixed(&self) -> Vec<(usize, i32)> {
        self.fixed.iter().copied().filter(|(column, _)| self.closed.iter().all(|(closed, _)| closed != column)).collect()
    }

    fn rotation(&self, d: i32) -> Fr {
        let base = if d < 0 { self.omega.invert().unwrap() } else { self.omega };
        base.pow_vartime([u64::from(d.unsigned_abs())])
    }

    fn parse<T>(&self, instance: &[sworn_verifier::Fr], transcript: &mut T) -> Option<Parsed>
    where
        T: TranscriptRead<G1Affine, KeccakChallenge>,
    {
        let instance: Vec<Fr> = instance.iter().map(from_fr).collect();
        let t = self.key.pack as usize;
        transcript.common_scalar(Fr::ZERO).ok()?;
        instance.iter().try_for_each(|v| transcript.common_scalar(*v)).ok()?;
        let phases = &self.key.constraints.advice_phases;
        let of_phase = |phase: u8| self.advice.iter().copied().filter(|(c, _)| phases[*c] == phase).collect::<Vec<_>>();
        let limbs = self.cs.degree();
        let mut commitments: Vec<G1Affine> = Vec::new();
        let mut points =
            |transcript: &mut T, count: usize| (0..count).try_for_each(|_| transcript.read_point().map(|p| commitments.push(p))).ok();
        let challenge = |transcript: &mut T| *transcript.squeeze_challenge_scalar::<KeccakChallenge>();
        points(transcript, count(&of_phase(0), t))?;
        let circuit: Vec<Fr> = (0..self.cs.num_challenges()).map(|_| challenge(transcript)).collect();
        points(transcript, count(&of_phase(1), t))?;
        let [_, beta, gamma] = [(); 3].map(|()| challenge(transcript));
        // z, opened at x and ωx, then the partial products, opened at x.
        points(transcript, self.products.min(1) + self.products.saturating_sub(1).div_ceil(t))?;
        let y = challenge(transcript);
        points(transcript, limbs.div_ceil(t))?;
        let x = challenge(transcript);
        let mut scalars = |count: usize| (0..count).map(|_| transcript.read_scalar().ok()).collect::<Option<Vec<Fr>>>();
        let (advice, fixed) = (scalars(self.advice.len())?, scalars(self.opened_fixed().len())?);
        let sigma = scalars(self.cs.permutation().get_columns().len())?;
        let (z, other_limbs) = (scalars(self.products + self.products.min(1))?, scalars(limbs - 1)?);
        let [_, v] = [(); 2].map(|()| challenge(transcript));
        let w = transcript.read_point().ok()?;
        let u = challenge(transcript);
        let openings = [w, transcript.read_point().ok()?];
        Some(Parsed { instance, circuit, advice, fixed, sigma, z, other_limbs, commitments, openings, beta, gamma, y, x, v, u })
    }

    /// The quotient at x, by halo2's gates.
    pub fn quotient(&self, p: &Parsed) -> Fr {
        let (n, x) = (self.rows, p.x);
        let vanishing = x.pow_vartime([n as u64]) - Fr::ONE;
        let lagrange = |row: usize| {
            let root = self.rotation(row as i32);
            vanishing * root * ((x - root) * Fr::from(n as u64)).invert().unwrap()
        };
        let instance: Fr = p.instance.iter().enumerate().map(|(row, value)| *value * lagrange(row)).sum();
        let at = |queries: &[(usize, i32)], values: &[Fr], query: (usize, i32)| values[queries.iter().position(|q| *q == query).unwrap()];
        let opened_fixed = self.opened_fixed();
        let fixed = |query: (usize, i32)| match self.closed.iter().find(|(column, _)| *column == query.0) {
            Some((_, coefficients)) => evaluate(coefficients, x * self.rotation(query.1)),
            None => at(&opened_fixed, &p.fixed, query),
        };
        let gate = |polynomial: &Expression<Fr>| {
            polynomial.evaluate(
                &|c| c,
                &|_| panic!("selectors are fixed columns"),
                &|q| fixed((q.column_index(), q.rotation().0)),
                &|q| at(&self.advice, &p.advice, (q.column_index(), q.rotation().0)),
                &|_| instance,
                &|c| p.circuit[c.index()],
                &|a| -a,
                &|a, b| a + b,
                &|a, b| a * b,
                &|a, c| a * c,
            )
        };
        let mut terms: Vec<Fr> = self.cs.gates().iter().flat_map(|g| g.polynomials()).map(gate).collect();
        let (first, last) = (lagrange(0), lagrange(n - self.unusable));
        let active: Fr = Fr::ONE - (n - self.unusable..n).map(lagrange).sum::<Fr>();
        // From what to what the factors of each chunk lead.
        let mut steps: Vec<(Fr, Fr)> = Vec::new();
        if self.products > 0 && self.key.pack > 1 {
            let (z, next, partial) = (p.z[0], p.z[1], &p.z[2..]);
            terms.push(self.or_left_out(Identity::Start, first * (Fr::ONE - z)));
            terms.push(self.or_left_out(Identity::End, last * (z * z - z)));
            let through: Vec<Fr> = [&[z], partial, &[next]].concat();
            steps = through.windows(2).map(|pair| (pair[0], pair[1])).collect();
        } else if self.products > 0 {
            let product = |i: usize, at: usize| p.z[3 * i + at];
            let end = product(self.products - 1, 0);
            terms.push(first * (Fr::ONE - product(0, 0)));
            terms.push(last * (end * end - end));
            terms.extend((1..self.products).map(|i| first * (product(i, 0) - product(i - 1, 2))));
            steps = (0..self.products).map(|i| (product(i, 0), product(i, 1))).collect();
        }
        assert_eq!(steps.len(), self.products, "a step for each chunk");
        let (permuted, chunk) = (self.cs.permutation().get_columns(), self.cs.degree() - 2);
        for (i, (from, to)) in steps.into_iter().enumerate() {
            let (mut left, mut right) = (to, from);
            for (c, column) in permuted.iter().enumerate().skip(i * chunk).take(chunk) {
                let value = match column.column_type() {
                    Any::Advice(_) => at(&self.advice, &p.advice, (column.index(), 0)),
                    Any::Fixed => fixed((column.index(), 0)),
                    Any::Instance => instance,
                };
                left *= value + p.beta * p.sigma[c] + p.gamma;
                right *= value + p.beta * Fr::DELTA.pow_vartime([c as u64]) * x + p.gamma;
            }
            terms.push(self.or_left_out(Identity::Chunk(i), active * (left - right)));
        }
        terms.into_iter().fold(Fr::ZERO, |sum, term| sum * p.y + term) * vanishing.invert().unwrap()
    }

    fn or_left_out(&self, identity: Identity, value: Fr) -> Fr {
        if self.without.contains(&identity) {
            Fr::ZERO
        } else {
            value
        }
    }

    /// What is opened, in packs: those of the proof's messages, then those of the key.
    fn sets(&self, p: &Parsed, quotient: Fr) -> Vec<Vec<Opened>> {
        let step = p.x.pow_vartime([self.rows as u64 - 2]);
        let first_limb = quotient - evaluate(&p.other_limbs, step) * step;
        let one = |value: &Fr| Opened::from([(0, *value)]);
        let all = columns(&self.advice, &p.advice);
        let mut order: Vec<usize> = Vec::new();
        self.advice.iter().for_each(|(column, _)| {
            if !order.contains(column) {
                order.push(*column)
            }
        });
        let phases = &self.key.constraints.advice_phases;
        let in_phase = |phase: u8| order.iter().zip(&all).filter(|(c, _)| phases[**c] == phase).map(|(_, p)| p.clone()).collect::<Vec<_>>();
        let products = match p.z.as_slice() {
            [z, next, partial @ ..] => std::iter::once(Opened::from([(0, *z), (1, *next)])).chain(partial.iter().map(one)).collect(),
            _ => vec![],
        };
        let messages = [
            in_phase(0),
            in_phase(1),
            products,
            std::iter::once(&first_limb).chain(&p.other_limbs).map(one).collect(),
            columns(&self.opened_fixed(), &p.fixed).into_iter().chain(p.sigma.iter().map(one)).collect(),
        ];
        messages.into_iter().flat_map(|polynomials| packs(polynomials, self.key.pack as usize)).collect()
    }

    /// `e(Σ_i v^i Π_{d ∉ S_i} (u^t − xω^d)/D·(C_i − R_i(u)) − Π_{d ∈ S_0} (u^t − xω^d)·W, G2) = e(W', [s − u]G2)`
    fn opens(&self, p: &Parsed, quotient: Fr) -> bool {
        let (key, t) = (self.key, self.key.pack as usize);
        let sets = self.sets(p, quotient);
        let commitments = || p.commitments.iter().copied().chain(key.fixed_commitments.iter().map(from_g1));
        assert_eq!(sets.len(), commitments().count(), "a commitment for each pack");
        let power = p.u.pow_vartime([t as u64]);
        let everywhere: BTreeSet<i32> = sets.iter().flatten().flat_map(|p| p.keys().copied()).collect();
        let distance = |pack: &[Opened], inside: bool| -> Fr {
            everywhere.iter().filter(|d| pack[0].contains_key(d) == inside).map(|d| power - p.x * self.rotation(*d)).product()
        };
        let normal = distance(&sets[0], false).invert().unwrap();
        let [w, w_prime] = p.openings;
        let mut sum = G1::from(w) * -distance(&sets[0], true);
        let mut v_power = normal;
        for (pack, commitment) in sets.iter().zip(commitments()) {
            let mut remainder = vec![Fr::ZERO; 3 * t];
            for (i, polynomial) in pack.iter().enumerate() {
                let (points, values): (Vec<Fr>, Vec<Fr>) = polynomial.iter().map(|(d, value)| (p.x * self.rotation(*d), *value)).unzip();
                lagrange_interpolate(&points, &values).into_iter().enumerate().for_each(|(k, c)| remainder[i + t * k] = c);
            }
            let scale = v_power * distance(pack, false);
            sum += (G1::from(commitment) - G1Affine::generator() * evaluate(&remainder, p.u)) * scale;
            v_power *= p.v;
        }
        let left = (sum + w_prime * p.u).to_affine();
        pairing(&left, &from_g2(&key.g2)) == pairing(&w_prime, &from_g2(&key.s_g2))
    }
}
