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
//! A packed polynomial `Σ_j X^j·p_j(X^t)` is its components p_j, of n coefficients each, and so are W and W':
//!
//! ```text
//! w_j        = Σ_i v^i (p_ij − r_ij)/Z_i             combined first for all i of the same Z_i
//! e_j        = Σ_i v^i Z(u^t)/Z_i(u^t)·p_ij − Z(u^t)·w_j,  minus Σ_i v^i Z(u^t)/Z_i(u^t) Σ_m u^m r_im(u^t) in e_0
//! W'         = (Σ_j X^j·e_j(X^t))/(X − u):       w'_{t−1} = (Σ_j u^j e_j)/(X − u^t),   w'_{j−1} = e_j + u·w'_j
//! ```
//!
//! which for t = 1, with F_i for the one component, is the above.
//!
//! \[BDFG20\]: <https://eprint.iacr.org/2020/081>

use std::collections::BTreeSet;

use halo2_proofs::arithmetic::lagrange_interpolate;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use rand::{CryptoRng, RngCore};
use sworn_verifier::sets::{Polynomial, Set};

use super::quotient::Quotient;
use super::Run;
use crate::algebra::{Algebra, Query, Source, Sum, Values};
use crate::backend::Backend;
use crate::circuit::LAST_ROTATION;
use crate::domain::root_of_unity;
use crate::error::ProveError;
use crate::pack::Basis;
use crate::profile::Stage;
use crate::program::Program;

/// What the openings are of, besides columns of the proof.
struct Extra<B: Backend> {
    sigma: Vec<B::Column>,
    /// The combined limbs and what their blinds add on rows, if limbs are not opened one by one.
    quotient: Option<(B::Column, Fr)>,
    random: Option<B::Column>,
    /// `1/(ω^r − x)`.
    inverse: B::Column,
}

/// Values at x and its rotations.
struct Evaluations {
    /// The scalars of the proof, and the one behind them: that of the quotient, or of its first limb.
    values: Vec<Fr>,
    quotient: Fr,
    instance: Fr,
}

/// What is opened at the same points in one component: its polynomials p, combined, with the powers of v of their commitments.
struct Entry<C> {
    rotations: Vec<i32>,
    /// Σ v^i p.
    combined: C,
    /// The polynomial that has its values, by coefficients.
    remainder: Vec<Fr>,
}

/// A combination of columns.
type Terms<'c, C> = Vec<(&'c C, i32, Fr)>;

/// An [`Entry`] before its columns are combined.
struct Group<'c, C> {
    rotations: &'c [i32],
    terms: Terms<'c, C>,
    /// Those of the combination, by rotation.
    values: Vec<Fr>,
}

impl<B: Backend, R: RngCore + CryptoRng> Run<'_, '_, B, R> {
    /// Evaluates and opens everything.
    pub(super) fn openings(&mut self, random: Option<B::Column>, quotient: Quotient<B>, scalars: &Values) -> Result<(), ProveError> {
        let x = self.squeeze();
        self.report(Stage::Openings, 0.0)?;
        let start = self.profile.now();
        let inverse = self.inverse_distance(&self.resident.points, x);
        let quotient = if self.is_packed() { None } else { Some(self.quotient_on_rows(&quotient, x)) };
        let sigma = (0..self.key.circuit.permuted.len()).map(|c| self.sigma_column(c)).collect();
        let extra = Extra { sigma, quotient, random, inverse };
        let evaluations = self.evaluations(&extra, x);
        self.check()?;
        if !self.is_quotient(evaluations.quotient, x, scalars, &|query| self.value(&evaluations, query)) {
            return Err(ProveError::Unsatisfied);
        }
        let scalars = self.key.verifying_key().shape().scalars();
        evaluations.values[..scalars].iter().for_each(|value| self.transcript.write_scalar(value));
        self.profile.record(Stage::Openings, "evaluate", start);
        self.report(Stage::Openings, 0.4)?;

        let (y, v) = (self.squeeze(), self.squeeze());
        let start = self.profile.now();
        let components = self.components(&extra, &evaluations, x, (y, v));
        // Packs that are not full leave the last ones empty: they are 0 in W, but not in W'.
        let filled = components.iter().take_while(|entries| !entries.is_empty());
        let first: Vec<B::Column> = filled.map(|entries| self.first_opening(entries, &extra)).collect();
        self.profile.record(Stage::Openings, "combine", start);
        self.commit_opening(&first)?;
        self.report(Stage::Openings, 0.8)?;

        let u = self.squeeze();
        let start = self.profile.now();
        let second = self.second_opening(&components, &first, (x, u));
        self.profile.record(Stage::Openings, "divide", start);
        drop((components, first));
        self.commit_opening(&second)?;
        self.report(Stage::Openings, 1.0)
    }

    fn is_packed(&self) -> bool {
        self.key.verifying_key().shape().is_packed()
    }

    fn sets(&self) -> &[Set] {
        &self.key.verifying_key().shape().sets
    }

    fn omega(&self) -> Fr {
        root_of_unity(self.key.layout.log_rows)
    }

    /// Commits to a polynomial by its components on rows.
    fn commit_opening(&mut self, components: &[B::Column]) -> Result<(), ProveError> {
        let (backend, domain) = (self.backend, &self.resident.domain);
        let columns: Vec<&B::Column> = components.iter().collect();
        let start = self.profile.now();
        let commitment: Vec<G1Affine> = match &self.resident.basis {
            Basis::Plain { lagrange, .. } => backend.commit(lagrange, &columns),
            Basis::Packed(strides) => strides.commit(backend, domain, &[columns]),
        };
        self.profile.record(Stage::Openings, "commit", start);
        self.write_points(&commitment)
    }

    /// The limbs with powers of x^n, on rows, where `X^n = 1`; and what the blinds add there, but not at x, where they cancel.
    fn quotient_on_rows(&self, quotient: &Quotient<B>, x: Fr) -> (B::Column, Fr) {
        let (backend, domain) = (self.backend, &self.resident.domain);
        let xn = x.pow_vartime([self.rows() as u64]);
        let powers: Vec<Fr> = powers(xn).take(quotient.limbs.len()).collect();
        let terms: Vec<_> = quotient.limbs.iter().zip(&powers).map(|(limb, p)| (limb, 0, *p)).collect();
        let combined = backend.combine(&terms);
        let rows = backend.coset(domain, &[&combined], Fr::ONE);
        let blind: Fr = quotient.blinds.iter().zip(powers.windows(2)).map(|(t, p)| *t * (p[0] - p[1])).sum();
        (backend.evaluate(&Program::shifted_slot(), &[(&rows[0], 0)], &[blind]).swap_remove(0), blind)
    }

    /// Values in the order of the proof's scalars.
    fn evaluations(&self, extra: &Extra<B>, x: Fr) -> Evaluations {
        let (backend, circuit, shape) = (self.backend, &self.key.circuit, self.key.verifying_key().shape());
        let rows = Fr::from(self.rows() as u64);
        let xn = x.pow_vartime([self.rows() as u64]);
        // −ω^r/(ω^r − x) is ω^r/(x − ω^r).
        let factor = (Fr::ONE - xn) * rows.invert().unwrap_or(Fr::ZERO);
        let points = &self.resident.points;
        let lagrange = backend.evaluate(&Program::product_of_slots(), &[(&extra.inverse, 0), (points, 0)], &[]);
        let mut columns: Vec<(&B::Column, i32)> = Vec::new();
        let queries = circuit.advice_queries.iter().chain(&circuit.fixed_queries);
        columns.extend(queries.map(|q| (self.column(q.source), q.rotation)));
        columns.extend(extra.random.iter().map(|c| (c, 0)));
        columns.extend(extra.sigma.iter().map(|c| (c, 0)));
        for (index, z) in self.products.iter().enumerate() {
            columns.extend([0, 1, LAST_ROTATION].into_iter().take(shape.product_rotations(index)).map(|d| (z, d)));
        }
        columns.extend(self.limbs.iter().skip(1).chain(self.limbs.first()).map(|c| (c, 0)));
        columns.extend(extra.quotient.iter().map(|(c, _)| (c, 0)));
        columns.push((self.column(Source::Instance), 0));
        let mut values: Vec<Fr> = backend.inner_products(&columns, &lagrange[0]).into_iter().map(|v| v * factor).collect();
        let instance = values.pop().unwrap_or(Fr::ZERO);
        let quotient = match (&extra.quotient, values.last_mut()) {
            (Some((_, blind)), Some(value)) => {
                *value -= blind;
                *value
            }
            // Limbs have n − 2 coefficients; the first one's value is the last.
            (_, first) => {
                let step = xn * x.square().invert().unwrap_or(Fr::ZERO);
                let first = first.map_or(Fr::ZERO, |v| *v);
                first + values[shape.first_limb_value()..shape.scalars()].iter().rev().fold(Fr::ZERO, |acc, v| (acc + v) * step)
            }
        };
        Evaluations { values, quotient, instance }
    }

    /// The value of a column of the proof at a rotation of x.
    fn value(&self, e: &Evaluations, query: Query) -> Fr {
        let (circuit, shape) = (&self.key.circuit, self.key.verifying_key().shape());
        let among = |queries: &[Query]| queries.iter().position(|q| *q == query);
        let at = match query.source {
            Source::Advice(_) => among(&circuit.advice_queries),
            Source::Fixed(_) => among(&circuit.fixed_queries).map(|at| shape.first_fixed_value() + at),
            Source::Sigma(c) => Some(shape.first_sigma_value() + c as usize),
            Source::Product(i) => {
                let rotation = [0, 1, LAST_ROTATION].iter().position(|d| *d == query.rotation).unwrap_or(0);
                Some(shape.product_value(i as usize) + rotation)
            }
            _ => None,
        };
        at.and_then(|at| e.values.get(at).copied()).unwrap_or(e.instance)
    }

    /// The column of a polynomial on rows.
    fn polynomial<'c>(&'c self, polynomial: Polynomial, extra: &'c Extra<B>) -> Option<&'c B::Column> {
        match polynomial {
            Polynomial::Advice(c) => Some(self.column(Source::Advice(c as u32))),
            Polynomial::Fixed(c) => Some(self.column(Source::Fixed(c as u32))),
            Polynomial::Product(i) => self.products.get(i),
            Polynomial::Sigma(c) => extra.sigma.get(c),
            Polynomial::Quotient => extra.quotient.as_ref().map(|(column, _)| column),
            Polynomial::Limb(i) => self.limbs.get(i),
            Polynomial::Random => extra.random.as_ref(),
        }
    }

    /// What is opened, by component: one for all sets, or as many as a pack has members.
    fn components(&self, extra: &Extra<B>, e: &Evaluations, x: Fr, (y, v): (Fr, Fr)) -> Vec<Vec<Entry<B::Column>>> {
        let (omega, inverse) = (self.omega(), self.omega().invert().unwrap_or(Fr::ONE));
        let packed = self.is_packed();
        let component = |j: usize| {
            let mut groups: Vec<Group<'_, B::Column>> = Vec::new();
            for (set, power) in self.sets().iter().zip(powers(v)) {
                let members = if packed { set.members.get(j..=j).unwrap_or_default() } else { &set.members };
                for (member, scalar) in members.iter().zip(powers(y)) {
                    let Some(column) = self.polynomial(member.polynomial, extra) else { continue };
                    let scalar = power * scalar;
                    let at = groups.iter().position(|group| group.rotations == set.rotations).unwrap_or_else(|| {
                        let values = vec![Fr::ZERO; set.rotations.len()];
                        groups.push(Group { rotations: &set.rotations, terms: Vec::new(), values });
                        groups.len() - 1
                    });
                    groups[at].terms.push((column, 0, scalar));
                    groups[at].values.iter_mut().zip(&member.values).for_each(|(sum, value)| *sum += scalar * e.values[*value]);
                }
            }
            let entry = |group: Group<'_, B::Column>| {
                let points: Vec<Fr> = group.rotations.iter().map(|&d| x * rotate(omega, inverse, d)).collect();
                let remainder = lagrange_interpolate(&points, &group.values);
                Entry { rotations: group.rotations.to_vec(), combined: self.backend.combine(&group.terms), remainder }
            };
            groups.into_iter().map(entry).collect()
        };
        (0..self.key.layout.pack).map(component).collect()
    }

    /// A component of W on rows.
    fn first_opening(&self, entries: &[Entry<B::Column>], extra: &Extra<B>) -> B::Column {
        let omega_inverse = self.omega().invert().unwrap_or(Fr::ONE);
        let mut algebra = Algebra::default();
        let (point, distance) = (Source::Point.cur(), |d: i32| Source::Local(0).rotated(-d));
        let mut total = Sum::new();
        for (index, entry) in entries.iter().enumerate() {
            // F − R, with R by Horner's rule.
            let mut r = Sum::new();
            for coefficient in entry.remainder.iter().rev() {
                let x = algebra.query(point);
                let (next, c) = (algebra.mul(&r, &x), algebra.constant(*coefficient));
                r = algebra.add(next, &c);
            }
            let f = algebra.query(Source::Local(index as u32 + 1).cur());
            let mut term = algebra.sub(f, &r);
            // 1/(ω^r − xω^d) = ω^{−d}/(ω^{r−d} − x)
            let mut scale = Fr::ONE;
            for &d in &entry.rotations {
                scale *= rotate(omega_inverse, self.omega(), d);
                let inverse = algebra.query(distance(d));
                term = algebra.mul(&term, &inverse);
            }
            let scale = algebra.constant(scale);
            let term = algebra.mul(&term, &scale);
            total = algebra.add(total, &term);
        }
        let compiled = algebra.compile(&[total], &|_| false);
        let values = algebra.scalars.evaluate(|_| Fr::ZERO);
        let local = |source: Source| match source {
            Source::Local(0) => Some(&extra.inverse),
            Source::Local(i) => entries.get(i as usize - 1).map(|entry| &entry.combined),
            _ => None,
        };
        self.evaluate(&compiled, &values, &local).swap_remove(0)
    }

    /// The components of W' on rows.
    fn second_opening(&self, components: &[Vec<Entry<B::Column>>], first: &[B::Column], (x, u): (Fr, Fr)) -> Vec<B::Column> {
        let (backend, sets) = (self.backend, self.sets());
        let all: BTreeSet<i32> = sets.iter().flat_map(|s| s.rotations.iter().copied()).collect();
        let (omega, omega_inverse) = (self.omega(), self.omega().invert().unwrap_or(Fr::ONE));
        let from = u.pow_vartime([components.len() as u64]);
        let vanishing =
            |points: &mut dyn Iterator<Item = &i32>| points.map(|d| from - x * rotate(omega, omega_inverse, *d)).product::<Fr>();
        let difference = |rotations: &[i32]| vanishing(&mut all.iter().filter(|d| !rotations.contains(d)));
        let normal = sets.first().map_or(Fr::ONE, |set| difference(&set.rotations)).invert().unwrap_or(Fr::ONE);
        let scalar = |entry: &Entry<B::Column>| normal * difference(&entry.rotations);
        let of_first = -normal * vanishing(&mut all.iter());

        // e_j without its constant.
        let terms = |j: usize| -> Terms<'_, B::Column> {
            let own = components[j].iter().map(|entry| (&entry.combined, 0, scalar(entry)));
            own.chain(first.get(j).map(|column| (column, 0, of_first))).collect()
        };
        let mut numerator: Terms<'_, B::Column> = Vec::new();
        let mut constant = Fr::ZERO;
        for (j, power) in (0..components.len()).zip(powers(u)) {
            numerator.extend(terms(j).into_iter().map(|(column, d, scalar)| (column, d, scalar * power)));
            for entry in &components[j] {
                constant -= power * scalar(entry) * entry.remainder.iter().rev().fold(Fr::ZERO, |acc, c| acc * from + c);
            }
        }
        let numerator = backend.combine(&numerator);
        let inverse = self.inverse_distance(&self.resident.points, from);
        let shifted = backend.evaluate(&Program::shifted_slot(), &[(&numerator, 0)], &[constant]).swap_remove(0);
        let mut quotients = backend.evaluate(&Program::product_of_slots(), &[(&shifted, 0), (&inverse, 0)], &[]);
        for j in (1..components.len()).rev() {
            let mut terms = terms(j);
            let next = quotients.last();
            terms.extend(next.map(|column| (column, 0, u)));
            let quotient = backend.combine(&terms);
            quotients.push(quotient);
        }
        quotients.reverse();
        quotients
    }
}

/// 1, base, base², …
fn powers(base: Fr) -> impl Iterator<Item = Fr> {
    std::iter::successors(Some(Fr::ONE), move |power| Some(power * base))
}

/// `omega^rotation`.
fn rotate(omega: Fr, inverse: Fr, rotation: i32) -> Fr {
    let base = if rotation < 0 { inverse } else { omega };
    base.pow_vartime([u64::from(rotation.unsigned_abs())])
}
