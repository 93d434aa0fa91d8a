//! Step 9: the quotient `h = numerator / (X^n − 1)`, on `degree − 1` cosets of size n, one at a time.
//!
//! `X^n − 1` is one constant on a coset. The numerator has degree at most `degree·(n − 1)`, so h has `degree − 1` limbs of n
//! coefficients, and as many cosets determine it. Limbs are blinded: with random `t_i`
//!
//! ```text
//! h_i + t_i·X^n − t_{i−1}         Σ_i X^{in}·(that) = h
//! ```
//!
//! which the verifier cannot tell from other limbs of h; it takes one power more of the reference string. Packed limbs have
//! n − 2 coefficients of h, and there is one limb more:
//!
//! ```text
//! h_i + b_i(X)·X^(n−2) − b_{i−1}(X)         b_i random of degree 1,  Σ_i X^{i(n−2)}·(that) = h
//! ```

use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use rand::{CryptoRng, RngCore};
use sworn_circuits::column::IntColumn;
use sworn_circuits::layout::UNUSABLE_ROWS;
use sworn_verifier::closed::Closed;
use sworn_verifier::Query as FixedQuery;

use super::Run;
use crate::algebra::{Query, Slot, Source, Values};
use crate::backend::Backend;
use crate::domain::{coset_shifts, root_of_unity};
use crate::error::ProveError;
use crate::memory::{is_of_key, BATCH};
use crate::pack::Basis;
use crate::profile::Stage;

/// The limbs of the quotient, where they have commitments of their own.
pub(super) struct Quotient<B: Backend> {
    /// Coefficients, in the backend's order.
    pub(super) limbs: Vec<B::Column>,
    /// `t_i`: one fewer.
    pub(super) blinds: Vec<Fr>,
}

/// Coefficients of a packed limb that are random.
const RANDOM_COEFFICIENTS: usize = 2;

/// Where a column of the numerator comes from.
enum Origin<B: Backend> {
    /// Coefficients that are kept between cosets.
    Coefficients(B::Column),
    /// Values on rows, interpolated again for each coset.
    Rows(B::Column),
    /// A column of the proof, interpolated again for each coset.
    Column(Source),
    /// Known in closed form.
    Closed(Source),
}

impl<B: Backend, R: RngCore + CryptoRng> Run<'_, '_, B, R> {
    /// Computes and commits the limbs.
    pub(super) fn quotient(&mut self, values: &Values) -> Result<Quotient<B>, ProveError> {
        self.report(Stage::Quotient, 0.0)?;
        let (backend, key, domain) = (self.backend, self.key, &self.resident.domain);
        let compiled = &key.circuit.numerator;
        let start = self.profile.now();
        let origins = self.origins(values);
        self.profile.record(Stage::Quotient, "interpolate", start);
        let count = key.circuit.degree - 1;
        let shifts = coset_shifts(key.layout.log_rows, count);
        let scalars: Vec<Fr> = compiled.scalars.iter().map(|s| values.get(*s)).collect();
        let mut cosets = Vec::with_capacity(count);
        let mut spare = Vec::new();
        for (index, &shift) in shifts.iter().enumerate() {
            self.report(Stage::Quotient, 0.1 + 0.8 * index as f32 / count as f32)?;
            let start = self.profile.now();
            let columns = self.on_coset(&origins, index, shift, spare);
            self.profile.record(Stage::Quotient, "transform", start);
            let slots: Vec<(&B::Column, i32)> = compiled
                .slots
                .iter()
                .zip(&origins.of_slot)
                .map(|(slot, &at)| (columns[at].as_ref(), if let Slot::Query(q) = slot { q.rotation } else { 0 }))
                .collect();
            let start = self.profile.now();
            let vanishing = (shift.pow_vartime([self.rows() as u64]) - Fr::ONE).invert().unwrap_or(Fr::ZERO);
            let numerator = backend.evaluate(&compiled.program, &slots, &scalars);
            cosets.extend(numerator.iter().map(|n| backend.combine(&[(n, 0, vanishing)])));
            self.profile.record(Stage::Quotient, "evaluate", start);
            drop(slots);
            spare = columns.into_iter().filter_map(Arc::into_inner).collect();
        }
        drop(spare);
        drop(origins);
        let start = self.profile.now();
        let limbs = backend.limbs(domain, cosets, &shifts);
        let natural = backend.natural_order(domain, &limbs.iter().collect::<Vec<_>>());
        self.profile.record(Stage::Quotient, "limbs", start);
        let Basis::Plain { powers, next_power, .. } = &self.resident.basis else {
            self.packed_limbs(&natural)?;
            return Ok(Quotient { limbs: Vec::new(), blinds: Vec::new() });
        };
        let commitments = self.profile.span(Stage::Quotient, "commit", || backend.commit(powers, &natural.iter().collect::<Vec<_>>()));
        let blinds = self.random(count - 1);
        let at = |i: Option<usize>| i.and_then(|i| blinds.get(i)).copied().unwrap_or(Fr::ZERO);
        let one = G1Affine::generator();
        let blind = |(i, c): (usize, &G1Affine)| (G1::from(*c) + next_power * at(Some(i)) - one * at(i.checked_sub(1))).to_affine();
        let blinded: Vec<G1Affine> = commitments.iter().enumerate().map(blind).collect();
        self.write_points(&blinded)?;
        self.report(Stage::Quotient, 1.0)?;
        Ok(Quotient { limbs, blinds })
    }

    /// Cuts the quotient into limbs of n − 2 coefficients with two random ones each, which the next limb subtracts, and commits
    /// them. They pass through the host.
    fn packed_limbs(&mut self, natural: &[B::Column]) -> Result<(), ProveError> {
        let (rows, shape) = (self.rows(), self.key.verifying_key().shape());
        let start = self.profile.now();
        let coefficients: Vec<Fr> = natural.iter().flat_map(|limb| self.backend.read(limb, 0..rows)).collect();
        let kept = rows - RANDOM_COEFFICIENTS;
        let mut before = [Fr::ZERO; RANDOM_COEFFICIENTS];
        for index in 0..shape.limbs {
            let from = coefficients.get(index * kept..).unwrap_or_default();
            let mut limb = from[..kept.min(from.len())].to_vec();
            limb.resize(rows, Fr::ZERO);
            limb.iter_mut().zip(&before).for_each(|(low, blind)| *low -= blind);
            if index + 1 < shape.limbs {
                before = std::array::from_fn(|_| Fr::random(&mut self.rng));
                limb[kept..].copy_from_slice(&before);
            }
            let limb = self.on_rows(limb);
            self.limbs.push(limb);
        }
        let commitments = self.packs(shape.first_limb()..shape.opening());
        self.profile.record(Stage::Quotient, "commit", start);
        self.write_points(&commitments)?;
        self.report(Stage::Quotient, 1.0)
    }

    /// The values on rows of a polynomial with these coefficients. With them as values, coefficient −r of the interpolation
    /// is `n⁻¹ Σ_i c_i·ω^{ri}`.
    fn on_rows(&self, coefficients: Vec<Fr>) -> B::Column {
        let (backend, domain, rows) = (self.backend, &self.resident.domain, self.rows());
        let interpolated = backend.interpolate(domain, &[&backend.fields(coefficients)]);
        let natural = backend.natural_order(domain, &interpolated.iter().collect::<Vec<_>>());
        let reversed: Vec<u32> = (0..rows).map(|row| ((rows - row) % rows) as u32).collect();
        backend.gather(&[(&natural[0], Fr::from(rows as u64))], &backend.map(&reversed))
    }

    /// Whether the quotient's value at x is that of the numerator, from the values of all columns: what the verifier checks.
    pub(super) fn is_quotient(&self, value: Fr, x: Fr, scalars: &Values, at: &dyn Fn(Query) -> Fr) -> bool {
        let compiled = &self.key.circuit.numerator;
        let rows = self.rows();
        let vanishing = x.pow_vartime([rows as u64]) - Fr::ONE;
        let root = root_of_unity(self.key.layout.log_rows);
        let lagrange = |row: usize| {
            let root = root.pow_vartime([row as u64]);
            vanishing * root * ((x - root) * Fr::from(rows as u64)).invert().unwrap_or(Fr::ZERO)
        };
        let usable = rows - UNUSABLE_ROWS;
        let active = || Fr::ONE - (usable..rows).map(lagrange).sum::<Fr>();
        let column = |query: Query| match query.source {
            Source::Point => x,
            Source::First => lagrange(0),
            Source::Last => lagrange(usable),
            Source::Active => active(),
            Source::Fixed(column) => match self.key.circuit.closed.value(FixedQuery { column, rotation: query.rotation }) {
                Some(Closed::Usable) => active(),
                Some(Closed::UsableBefore) => Fr::ONE - lagrange(0) - (usable + 1..rows).map(lagrange).sum::<Fr>(),
                Some(Closed::LastUsable) => lagrange(usable - 1),
                None => at(query),
            },
            _ => at(query),
        };
        let slot = |slot: &Slot| match slot {
            Slot::Query(query) => column(*query),
            Slot::Combination(terms) => terms.iter().map(|(query, s)| column(*query) * scalars.get(*s)).sum(),
        };
        let slots: Vec<Fr> = compiled.slots.iter().map(slot).collect();
        let known: Vec<Fr> = compiled.scalars.iter().map(|s| scalars.get(*s)).collect();
        compiled.program.run(&slots, &known) == [value * vanishing]
    }

    /// The columns of the numerator's slots, each once.
    fn origins(&self, values: &Values) -> Origins<B> {
        let (backend, domain) = (self.backend, &self.resident.domain);
        let compiled = &self.key.circuit.numerator;
        let mut distinct: Vec<Source> = Vec::new();
        let mut origins = Vec::new();
        let mut of_slot = Vec::new();
        for slot in &compiled.slots {
            let origin = match slot {
                Slot::Query(q) => {
                    if let Some(at) = distinct.iter().position(|s| *s == q.source) {
                        of_slot.push(at);
                        continue;
                    }
                    distinct.push(q.source);
                    match q.source {
                        Source::First | Source::Last | Source::Point => Origin::Closed(q.source),
                        source => Origin::Column(source),
                    }
                }
                Slot::Combination(terms) => {
                    // Keeps positions in step with `origins`.
                    distinct.push(Source::Local(of_slot.len() as u32));
                    let owned: Vec<Option<B::Column>> = terms.iter().map(|(q, _)| self.owned_rows(q.source)).collect();
                    let terms: Vec<_> = terms
                        .iter()
                        .zip(&owned)
                        .map(|((q, s), own)| (own.as_ref().unwrap_or_else(|| self.column(q.source)), q.rotation, values.get(*s)))
                        .collect();
                    Origin::Rows(backend.combine(&terms))
                }
            };
            of_slot.push(origins.len());
            origins.push(origin);
        }
        if self.plan.keep_coefficients {
            // What is on cosets already needs no coefficients.
            let done: Vec<bool> = distinct.iter().map(|s| self.resident.kept(0, *s).is_some()).collect();
            let owned: Vec<Option<B::Column>> =
                origins.iter().zip(&done).map(|(o, done)| if *done { None } else { self.owned(o) }).collect();
            let rows: Vec<(usize, &B::Column)> = origins
                .iter()
                .zip(&owned)
                .enumerate()
                .filter(|(i, _)| !done[*i])
                .filter_map(|(i, (o, own))| self.rows_of(o, own).map(|c| (i, c)))
                .collect();
            let made = backend.interpolate(domain, &rows.iter().map(|(_, c)| *c).collect::<Vec<_>>());
            let at: Vec<usize> = rows.into_iter().map(|(i, _)| i).collect();
            for (i, coefficients) in at.into_iter().zip(made) {
                origins[i] = Origin::Coefficients(coefficients);
            }
        }
        Origins { origins, of_slot, sources: distinct }
    }

    /// Columns that are made when they are needed.
    fn owned(&self, origin: &Origin<B>) -> Option<B::Column> {
        match origin {
            Origin::Column(source) => self.owned_rows(*source),
            _ => None,
        }
    }

    fn owned_rows(&self, source: Source) -> Option<B::Column> {
        match source {
            Source::Sigma(c) => Some(self.sigma_column(c as usize)),
            Source::Active => {
                let ones = IntColumn::I8(vec![1; self.rows() - UNUSABLE_ROWS]);
                Some(self.backend.integers(&Arc::new(ones), self.rows()))
            }
            _ => None,
        }
    }

    fn rows_of<'c>(&'c self, origin: &'c Origin<B>, owned: &'c Option<B::Column>) -> Option<&'c B::Column> {
        match origin {
            Origin::Column(source) => Some(owned.as_ref().unwrap_or_else(|| self.column(*source))),
            Origin::Rows(column) => Some(column),
            Origin::Coefficients(_) | Origin::Closed(_) => None,
        }
    }

    /// All columns on a coset, perhaps in the memory of spare ones.
    fn on_coset(&self, origins: &Origins<B>, index: usize, shift: Fr, mut spare: Vec<B::Column>) -> Vec<Arc<B::Column>> {
        let (backend, domain, resident) = (self.backend, &self.resident.domain, self.resident);
        let mut columns: Vec<Option<Arc<B::Column>>> = origins.sources.iter().map(|s| resident.kept(index, *s)).collect();
        let closed = |o: &Origin<B>| if let Origin::Closed(source) = o { Some(*source) } else { None };
        let missing = columns.iter_mut().zip(&origins.origins).filter(|(column, _)| column.is_none());
        let missing: Vec<_> = missing.filter_map(|(column, origin)| closed(origin).map(|source| (column, source))).collect();
        if !missing.is_empty() {
            let points = Arc::new(backend.powers(domain, shift));
            for (column, source) in missing {
                *column = Some(self.lagrange(source, &points, shift).map_or_else(|| points.clone(), Arc::new));
            }
        }
        let kept: Vec<(usize, &B::Column)> =
            (0..).zip(&origins.origins).filter_map(|(i, o)| if let Origin::Coefficients(c) = o { Some((i, c)) } else { None }).collect();
        let mut reuse = |count: usize| spare.drain(..count.min(spare.len())).collect();
        let made = backend.coset_in(domain, &kept.iter().map(|(_, c)| *c).collect::<Vec<_>>(), shift, reuse(kept.len()));
        kept.iter().zip(made).for_each(|((i, _), column)| columns[*i] = Some(Arc::new(column)));
        // What was not kept, a few columns at a time.
        let again: Vec<usize> = (0..columns.len()).filter(|&i| columns[i].is_none()).collect();
        for some in again.chunks(BATCH) {
            let owned: Vec<Option<B::Column>> = some.iter().map(|&i| self.owned(&origins.origins[i])).collect();
            let rows: Vec<&B::Column> = some.iter().zip(&owned).filter_map(|(&i, own)| self.rows_of(&origins.origins[i], own)).collect();
            let coefficients = backend.interpolate(domain, &rows);
            let made = backend.coset_in(domain, &coefficients.iter().collect::<Vec<_>>(), shift, reuse(some.len()));
            some.iter().zip(made).for_each(|(&i, column)| columns[i] = Some(Arc::new(column)));
        }
        let columns: Vec<Arc<B::Column>> = columns.into_iter().flatten().collect();
        if self.plan.keep_cosets {
            let of_key = origins.sources.iter().zip(&columns).filter(|(s, _)| is_of_key(**s));
            of_key.for_each(|(source, column)| resident.keep(index, *source, column));
        }
        columns
    }

    /// `L_r(X) = (X^n − 1)/n · ω^r/(X − ω^r)` on the points of a coset, for the first row and the row after the usable ones.
    fn lagrange(&self, source: Source, points: &B::Column, shift: Fr) -> Option<B::Column> {
        let row = match source {
            Source::First => 0,
            Source::Last => self.rows() - UNUSABLE_ROWS,
            _ => return None,
        };
        let root = root_of_unity(self.key.layout.log_rows).pow_vartime([row as u64]);
        let inverse = self.inverse_distance(points, root);
        let rows = Fr::from(self.rows() as u64);
        let factor = (shift.pow_vartime([self.rows() as u64]) - Fr::ONE) * rows.invert().unwrap_or(Fr::ZERO) * root;
        Some(self.backend.combine(&[(&inverse, 0, factor)]))
    }
}

/// Columns of the numerator, and which one each slot reads.
struct Origins<B: Backend> {
    origins: Vec<Origin<B>>,
    of_slot: Vec<usize>,
    /// What each one is; combinations are local.
    sources: Vec<Source>,
}
