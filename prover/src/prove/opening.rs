//! Steps 11 and 12: evaluations, and one opening for all of them.
//!
//! ```text
//! L_r(x)     = (x^n − 1)/n · ω^r/(x − ω^r)           p(x) = Σ_r p[r]·L_r(x)
//! sets S_i   polynomials opened at the same points, in the order of their first query
//! F_i        = Σ_j y^j p_{ij},   R_i = Σ_j y^j r_{ij}, r_{ij} = p_{ij} on S_i
//! W          = Σ_i v^i (F_i − R_i)/Z_i,               Z_i vanishes on S_i, Z on all points
//! W'         = (Σ_i v^i Z(u)/Z_i(u) (F_i − R_i(u)) − Z(u)·W)/(X − u), divided by Z(u)/Z_0(u)
//! ```
//!
//! All of it on rows: integers stay integers in evaluations and in F_i, and a division is a product with
//! `1/(ω^r − x)`, which serves every point x·ω^d, shifted by d rows [BDFG20, §4].
//!
//! \[BDFG20\]: <https://eprint.iacr.org/2020/081>

use std::collections::BTreeSet;

use halo2_proofs::arithmetic::lagrange_interpolate;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rand::{CryptoRng, RngCore};

use super::quotient::Quotient;
use super::Run;
use crate::algebra::{Algebra, Query, Source, Sum, Values};
use crate::backend::Backend;
use crate::circuit::LAST_ROTATION;
use crate::domain::root_of_unity;
use crate::error::ProveError;
use crate::profile::Stage;
use crate::program::Program;

/// A polynomial and its values at rotations of x.
struct Opened<'c, C> {
    column: &'c C,
    values: Vec<(i32, Fr)>,
}

/// Polynomials that are opened at the same rotations.
struct Set<'c, C> {
    rotations: BTreeSet<i32>,
    members: Vec<Opened<'c, C>>,
}

/// What the openings are of, besides columns of the proof.
struct Extra<B: Backend> {
    sigma: Vec<B::Column>,
    quotient: B::Column,
    blind: Fr,
    random: B::Column,
    /// `1/(ω^r − x)`.
    inverse: B::Column,
}

/// Values at x and its rotations.
struct Evaluations {
    advice: Vec<Fr>,
    fixed: Vec<Fr>,
    random: Fr,
    sigma: Vec<Fr>,
    /// At x, at ωx, and at the last rotation.
    products: Vec<[Fr; 3]>,
    quotient: Fr,
    instance: Fr,
}

impl<B: Backend, R: RngCore + CryptoRng> Run<'_, '_, B, R> {
    /// Evaluates and opens everything.
    pub(super) fn openings(&mut self, random: B::Column, quotient: Quotient<B>, scalars: &Values) -> Result<(), ProveError> {
        let x = self.squeeze();
        self.report(Stage::Openings, 0.0)?;
        let start = self.profile.now();
        let inverse = self.inverse_distance(&self.resident.points, x);
        let (quotient, blind) = self.quotient_on_rows(&quotient, x);
        let sigma = (0..self.key.circuit.permuted.len()).map(|c| self.sigma_column(c)).collect();
        let extra = Extra { sigma, quotient, blind, random, inverse };
        let evaluations = self.evaluations(&extra, x);
        if !self.is_quotient(evaluations.quotient, x, scalars, &|query| self.value(&evaluations, query)) {
            return Err(ProveError::Unsatisfied);
        }
        self.write_evaluations(&evaluations);
        self.profile.record(Stage::Openings, "evaluate", start);
        self.report(Stage::Openings, 0.4)?;

        let (y, v) = (self.squeeze(), self.squeeze());
        let start = self.profile.now();
        let (combined, shapes) = {
            let sets = self.sets(&extra, &evaluations);
            let combined: Vec<B::Column> = sets.iter().map(|set| self.combine_set(set, y)).collect();
            (combined, sets.iter().map(|set| remainder(set, x, self.omega(), y)).collect::<Vec<_>>())
        };
        let first = self.first_opening(&combined, &shapes, &extra.inverse, v);
        self.profile.record(Stage::Openings, "combine", start);
        self.commit_opening(&first)?;
        self.report(Stage::Openings, 0.8)?;

        let u = self.squeeze();
        let start = self.profile.now();
        let second = self.second_opening(&combined, &shapes, &first, (x, u, v));
        self.profile.record(Stage::Openings, "divide", start);
        self.commit_opening(&second)?;
        self.report(Stage::Openings, 1.0)
    }

    fn omega(&self) -> Fr {
        root_of_unity(self.key.layout.log_rows)
    }

    fn commit_opening(&mut self, column: &B::Column) -> Result<(), ProveError> {
        let (backend, points) = (self.backend, &self.resident.lagrange);
        let commitment = self.profile.span(Stage::Openings, "commit", || backend.commit(points, &[column]));
        self.write_points(&commitment)
    }

    /// The limbs with powers of x^n, on rows, where `X^n = 1`; and what the blinds add there, but not at x, where they cancel.
    fn quotient_on_rows(&self, quotient: &Quotient<B>, x: Fr) -> (B::Column, Fr) {
        let (backend, domain) = (self.backend, &self.resident.domain);
        let xn = x.pow_vartime([self.rows() as u64]);
        let powers: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |p| Some(p * xn)).take(quotient.limbs.len()).collect();
        let terms: Vec<_> = quotient.limbs.iter().zip(&powers).map(|(limb, p)| (limb, 0, *p)).collect();
        let combined = backend.combine(&terms);
        let rows = backend.coset(domain, &[&combined], Fr::ONE);
        let blind: Fr = quotient.blinds.iter().zip(powers.windows(2)).map(|(t, p)| *t * (p[0] - p[1])).sum();
        (backend.evaluate(&Program::shifted_slot(), &[(&rows[0], 0)], &[blind]).swap_remove(0), blind)
    }

    fn evaluations(&self, extra: &Extra<B>, x: Fr) -> Evaluations {
        let (backend, circuit) = (self.backend, &self.key.circuit);
        let rows = Fr::from(self.rows() as u64);
        // −ω^r/(ω^r − x) is ω^r/(x − ω^r).
        let factor = (Fr::ONE - x.pow_vartime([self.rows() as u64])) * rows.invert().unwrap_or(Fr::ZERO);
        let points = &self.resident.points;
        let lagrange = backend.evaluate(&Program::product_of_slots(), &[(&extra.inverse, 0), (points, 0)], &[]);
        let mut columns: Vec<(&B::Column, i32)> = Vec::new();
        let queries = circuit.advice_queries.iter().chain(&circuit.fixed_queries);
        columns.extend(queries.map(|q| (self.column(q.source), q.rotation)));
        columns.push((&extra.random, 0));
        columns.extend(extra.sigma.iter().map(|c| (c, 0)));
        columns.extend(self.products.iter().flat_map(|z| [(z, 0), (z, 1), (z, LAST_ROTATION)]));
        columns.extend([(&extra.quotient, 0), (self.column(Source::Instance), 0)]);
        let mut values = backend.inner_products(&columns, &lagrange[0]).into_iter().map(|v| v * factor);
        let mut take = |count: usize| -> Vec<Fr> { values.by_ref().take(count).collect() };
        Evaluations {
            advice: take(circuit.advice_queries.len()),
            fixed: take(circuit.fixed_queries.len()),
            random: take(1)[0],
            sigma: take(extra.sigma.len()),
            products: take(3 * self.products.len()).chunks_exact(3).map(|z| [z[0], z[1], z[2]]).collect(),
            quotient: take(1)[0] - extra.blind,
            instance: take(1)[0],
        }
    }

    /// The value of a column of the proof at a rotation of x.
    fn value(&self, e: &Evaluations, query: Query) -> Fr {
        let circuit = &self.key.circuit;
        let among = |queries: &[Query], values: &[Fr]| queries.iter().zip(values).find(|(q, _)| **q == query).map(|(_, v)| *v);
        let found = match query.source {
            Source::Advice(_) => among(&circuit.advice_queries, &e.advice),
            Source::Fixed(_) => among(&circuit.fixed_queries, &e.fixed),
            Source::Sigma(c) => e.sigma.get(c as usize).copied(),
            Source::Product(i) => {
                e.products.get(i as usize).map(|z| z[[0, 1, LAST_ROTATION].iter().position(|d| *d == query.rotation).unwrap_or(0)])
            }
            _ => None,
        };
        found.unwrap_or(e.instance)
    }

    fn write_evaluations(&mut self, e: &Evaluations) {
        let mut write = |value: &Fr| self.transcript.write_scalar(value);
        e.advice.iter().chain(&e.fixed).chain([&e.random]).chain(&e.sigma).for_each(&mut write);
        for (index, [here, next, last]) in e.products.iter().enumerate() {
            write(here);
            write(next);
            if index + 1 < e.products.len() {
                write(last);
            }
        }
    }

    /// Polynomials by where they are opened, in halo2's order.
    fn sets<'c>(&'c self, extra: &'c Extra<B>, e: &Evaluations) -> Vec<Set<'c, B::Column>> {
        let circuit = &self.key.circuit;
        let mut opened: Vec<Opened<'c, B::Column>> = Vec::new();
        let by_column = |queries: &[Query], values: &[Fr], opened: &mut Vec<Opened<'c, B::Column>>| {
            let mut seen: Vec<(Source, usize)> = Vec::new();
            for (query, value) in queries.iter().zip(values) {
                if let Some((_, at)) = seen.iter().find(|(s, _)| *s == query.source) {
                    opened[*at].values.push((query.rotation, *value));
                } else {
                    seen.push((query.source, opened.len()));
                    opened.push(Opened { column: self.column(query.source), values: vec![(query.rotation, *value)] });
                }
            }
        };
        by_column(&circuit.advice_queries, &e.advice, &mut opened);
        for (index, (z, [here, next, last])) in self.products.iter().zip(&e.products).enumerate() {
            let mut values = vec![(0, *here), (1, *next)];
            if index + 1 < self.products.len() {
                values.push((LAST_ROTATION, *last));
            }
            opened.push(Opened { column: z, values });
        }
        by_column(&circuit.fixed_queries, &e.fixed, &mut opened);
        opened.extend(extra.sigma.iter().zip(&e.sigma).map(|(column, value)| Opened { column, values: vec![(0, *value)] }));
        opened.push(Opened { column: &extra.quotient, values: vec![(0, e.quotient)] });
        opened.push(Opened { column: &extra.random, values: vec![(0, e.random)] });
        let mut sets: Vec<Set<'c, B::Column>> = Vec::new();
        for polynomial in opened {
            let rotations: BTreeSet<i32> = polynomial.values.iter().map(|v| v.0).collect();
            match sets.iter_mut().find(|s| s.rotations == rotations) {
                Some(set) => set.members.push(polynomial),
                None => sets.push(Set { rotations, members: vec![polynomial] }),
            }
        }
        sets
    }

    /// `F_i`.
    fn combine_set(&self, set: &Set<'_, B::Column>, y: Fr) -> B::Column {
        let powers = std::iter::successors(Some(Fr::ONE), |p| Some(p * y));
        let terms: Vec<_> = set.members.iter().zip(powers).map(|(m, p)| (m.column, 0, p)).collect();
        self.backend.combine(&terms)
    }

    /// W on rows.
    fn first_opening(&self, combined: &[B::Column], shapes: &[Remainder], inverse: &B::Column, v: Fr) -> B::Column {
        let omega_inverse = self.omega().invert().unwrap_or(Fr::ONE);
        let mut algebra = Algebra::default();
        let (point, distance) = (Source::Point.cur(), |d: i32| Source::Local(0).rotated(-d));
        let mut total = Sum::new();
        let mut power = Fr::ONE;
        for (index, shape) in shapes.iter().enumerate() {
            // F − R, with R by Horner's rule.
            let mut r = Sum::new();
            for coefficient in shape.coefficients.iter().rev() {
                let x = algebra.query(point);
                let (next, c) = (algebra.mul(&r, &x), algebra.constant(*coefficient));
                r = algebra.add(next, &c);
            }
            let f = algebra.query(Source::Local(index as u32 + 1).cur());
            let mut term = algebra.sub(f, &r);
            // 1/(ω^r − xω^d) = ω^{−d}/(ω^{r−d} − x)
            let mut scale = power;
            for &d in &shape.rotations {
                scale *= rotate(omega_inverse, self.omega(), d);
                let inverse = algebra.query(distance(d));
                term = algebra.mul(&term, &inverse);
            }
            let scale = algebra.constant(scale);
            let term = algebra.mul(&term, &scale);
            total = algebra.add(total, &term);
            power *= v;
        }
        let compiled = algebra.compile(&[total], &|_| false);
        let values = algebra.scalars.evaluate(|_| Fr::ZERO);
        let local = |source: Source| match source {
            Source::Local(0) => Some(inverse),
            Source::Local(i) => combined.get(i as usize - 1),
            _ => None,
        };
        self.evaluate(&compiled, &values, &local).swap_remove(0)
    }

    /// W' on rows.
    fn second_opening(&self, combined: &[B::Column], shapes: &[Remainder], first: &B::Column, (x, u, v): (Fr, Fr, Fr)) -> B::Column {
        let backend = self.backend;
        let all: BTreeSet<i32> = shapes.iter().flat_map(|s| s.rotations.iter().copied()).collect();
        let omega = self.omega();
        let omega_inverse = omega.invert().unwrap_or(Fr::ONE);
        let at = |d: &i32| x * rotate(omega, omega_inverse, *d);
        let vanishing = |points: &mut dyn Iterator<Item = &i32>| points.map(|d| u - at(d)).product::<Fr>();
        let difference = |shape: &Remainder| vanishing(&mut all.iter().filter(|d| !shape.rotations.contains(d)));
        let normal = shapes.first().map_or(Fr::ONE, difference).invert().unwrap_or(Fr::ONE);
        let mut terms = vec![(first, 0, -normal * vanishing(&mut all.iter()))];
        let mut constant = Fr::ZERO;
        let mut power = normal;
        for (column, shape) in combined.iter().zip(shapes) {
            let scalar = power * difference(shape);
            terms.push((column, 0, scalar));
            constant -= scalar * shape.coefficients.iter().rev().fold(Fr::ZERO, |acc, c| acc * u + c);
            power *= v;
        }
        let numerator = backend.combine(&terms);
        let inverse = self.inverse_distance(&self.resident.points, u);
        let shifted = backend.evaluate(&Program::shifted_slot(), &[(&numerator, 0)], &[constant]).swap_remove(0);
        backend.evaluate(&Program::product_of_slots(), &[(&shifted, 0), (&inverse, 0)], &[]).swap_remove(0)
    }
}

/// `omega^rotation`.
fn rotate(omega: Fr, inverse: Fr, rotation: i32) -> Fr {
    let base = if rotation < 0 { inverse } else { omega };
    base.pow_vartime([u64::from(rotation.unsigned_abs())])
}

/// `R_i`, by coefficients, and where its set is opened.
struct Remainder {
    rotations: BTreeSet<i32>,
    coefficients: Vec<Fr>,
}

/// Interpolates the combined values of a set.
fn remainder<C>(set: &Set<'_, C>, x: Fr, omega: Fr, y: Fr) -> Remainder {
    let inverse = omega.invert().unwrap_or(Fr::ONE);
    let points: Vec<Fr> = set.rotations.iter().map(|&d| x * rotate(omega, inverse, d)).collect();
    let value = |d: &i32| -> Fr {
        let at = |m: &Opened<'_, C>| m.values.iter().filter(|(r, _)| r == d).map(|(_, v)| *v).sum::<Fr>();
        set.members.iter().rev().fold(Fr::ZERO, |acc, m| acc * y + at(m))
    };
    let values: Vec<Fr> = set.rotations.iter().map(value).collect();
    Remainder { rotations: set.rotations.clone(), coefficients: lagrange_interpolate(&points, &values) }
}
