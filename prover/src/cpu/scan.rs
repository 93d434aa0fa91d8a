//! Scans, inversions and sums of reciprocals: no step is serial.
//!
//! A scan runs over chunks twice: first each chunk's map `acc ↦ A·acc + B` from its end to its start, then, with the value
//! that enters each chunk, its rows. A chunk is sixteen chains, which are multiplied side by side; rows that cannot be shared out are one.

use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rayon::prelude::*;
use sworn_circuits::column::IntColumn;
use sworn_circuits::field::embed;

use super::column::{with_integers, Column};
use super::ifma::chains::{Ends, CHAINS};
use super::ifma::Ifma;
use super::scalar::{self, with_multiplier, Scalar};

/// Rows of a chunk.
const CHUNK: usize = 1 << 12;
/// The widest range of values whose reciprocals are tabulated.
const MAX_TABLE: i64 = 1 << 17;

/// Who multiplies along chains.
#[derive(Clone, Copy, Debug)]
enum Chains {
    Vectors(Ifma),
    Scalar(Scalar),
}

impl Chains {
    fn detect() -> Self {
        Ifma::detect().map_or_else(|| Self::Scalar(Scalar::detect()), Self::Vectors)
    }

    fn products(self, factors: &[Fr]) -> Ends {
        match self {
            Self::Vectors(ifma) => ifma.chain_products(factors),
            Self::Scalar(scalar) => with_multiplier!(scalar, by => scalar::chains::products(by, factors)),
        }
    }

    fn write_products(self, factors: &[Fr], entering: Ends, out: &mut [Fr]) {
        match self {
            Self::Vectors(ifma) => ifma.write_products(factors, entering, out),
            Self::Scalar(scalar) => with_multiplier!(scalar, by => scalar::chains::write_products(by, factors, entering, out)),
        }
    }

    fn scans(self, factors: &[Fr], terms: &[Fr]) -> Ends {
        match self {
            Self::Vectors(ifma) => ifma.chain_scans(factors, terms),
            Self::Scalar(scalar) => with_multiplier!(scalar, by => scalar::chains::scans(by, factors, terms)),
        }
    }

    fn write_scans(self, factors: &[Fr], terms: &[Fr], entering: Ends, out: &mut [Fr]) {
        match self {
            Self::Vectors(ifma) => ifma.write_scans(factors, terms, entering, out),
            Self::Scalar(scalar) => with_multiplier!(scalar, by => scalar::chains::write_scans(by, factors, terms, entering, out)),
        }
    }
}

/// The rows of a chunk, if chunks and chains are of equal length.
fn chain_chunk(rows: usize) -> Option<usize> {
    let chunk = CHUNK.min(rows);
    (rows > 0 && chunk.is_multiple_of(CHAINS) && rows.is_multiple_of(chunk)).then_some(chunk)
}

/// `acc[r] = factor[r]·acc[r−1] + term[r]`.
pub(super) fn scan(factor: Option<&[Fr]>, term: &[Fr]) -> Vec<Fr> {
    match (factor, chain_chunk(term.len())) {
        (Some(factor), Some(chunk)) => scan_by_chains(Chains::detect(), chunk, factor, term),
        _ => scan_portable(factor, term),
    }
}

fn scan_by_chains(by: Chains, chunk: usize, factor: &[Fr], term: &[Fr]) -> Vec<Fr> {
    let map = |(factor, term): (&[Fr], &[Fr])| (by.products(factor), by.scans(factor, term));
    let maps: Vec<(Ends, Ends)> = factor.par_chunks(chunk).zip(term.par_chunks(chunk)).map(map).collect();
    let mut acc = Fr::ZERO;
    let mut enter = |(slopes, ends): (Ends, Ends)| {
        std::array::from_fn(|chain| {
            let entering = acc;
            acc = acc * slopes[chain] + ends[chain];
            entering
        })
    };
    let entering: Vec<Ends> = maps.into_iter().map(&mut enter).collect();
    let mut out = vec![Fr::ZERO; term.len()];
    out.par_chunks_mut(chunk)
        .zip(factor.par_chunks(chunk).zip(term.par_chunks(chunk)))
        .zip(entering)
        .for_each(|((out, (factor, term)), entering)| by.write_scans(factor, term, entering, out));
    out
}

fn scan_portable(factor: Option<&[Fr]>, term: &[Fr]) -> Vec<Fr> {
    let factors = |chunk: usize, length: usize| factor.map(|f| &f[chunk * CHUNK..chunk * CHUNK + length]);
    let mut out = term.to_vec();
    let maps: Vec<(Fr, Fr)> = out
        .par_chunks_mut(CHUNK)
        .enumerate()
        .map(|(chunk, rows)| {
            let mut acc = Fr::ZERO;
            let mut slope = Fr::ONE;
            match factors(chunk, rows.len()) {
                None => rows.iter_mut().for_each(|row| {
                    acc += *row;
                    *row = acc;
                }),
                Some(factors) => rows.iter_mut().zip(factors).for_each(|(row, f)| {
                    acc = acc * f + *row;
                    *row = acc;
                    if !bool::from(slope.is_zero()) {
                        slope *= f;
                    }
                }),
            }
            (slope, acc)
        })
        .collect();
    let mut entering = Vec::with_capacity(maps.len());
    let mut acc = Fr::ZERO;
    for (slope, end) in maps {
        entering.push(acc);
        acc = acc * slope + end;
    }
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, rows)| {
        let mut carry = entering[chunk];
        match factors(chunk, rows.len()) {
            None => rows.iter_mut().for_each(|row| *row += carry),
            Some(factors) => {
                for (row, f) in rows.iter_mut().zip(factors) {
                    if bool::from(carry.is_zero()) {
                        break;
                    }
                    carry *= f;
                    *row += carry;
                }
            }
        }
    });
    out
}

/// `acc[r] = initial · Π_{i<r} factor[i]`.
pub(super) fn products(factors: &[Fr], initial: Fr) -> Vec<Fr> {
    match chain_chunk(factors.len()) {
        Some(chunk) => products_by_chains(Chains::detect(), chunk, factors, initial),
        None => products_portable(factors, initial),
    }
}

fn products_by_chains(by: Chains, chunk: usize, factors: &[Fr], initial: Fr) -> Vec<Fr> {
    let totals: Vec<Ends> = factors.par_chunks(chunk).map(|factors| by.products(factors)).collect();
    let mut acc = initial;
    let mut enter = |totals: Ends| {
        totals.map(|total| {
            let next = acc * total;
            std::mem::replace(&mut acc, next)
        })
    };
    let entering: Vec<Ends> = totals.into_iter().map(&mut enter).collect();
    let mut out = vec![Fr::ZERO; factors.len()];
    out.par_chunks_mut(chunk)
        .zip(factors.par_chunks(chunk))
        .zip(entering)
        .for_each(|((out, factors), entering)| by.write_products(factors, entering, out));
    out
}

fn products_portable(factors: &[Fr], initial: Fr) -> Vec<Fr> {
    let totals: Vec<Fr> = factors.par_chunks(CHUNK).map(|rows| rows.iter().product()).collect();
    let mut entering = Vec::with_capacity(totals.len());
    let mut acc = initial;
    for total in totals {
        entering.push(acc);
        acc *= total;
    }
    let mut out = vec![Fr::ZERO; factors.len()];
    out.par_chunks_mut(CHUNK).zip(factors.par_chunks(CHUNK)).zip(entering).for_each(|((out, factors), mut acc)| {
        for (out, f) in out.iter_mut().zip(factors) {
            *out = acc;
            acc *= f;
        }
    });
    out
}

/// Inverts in place; zeros stay.
pub(super) fn invert(values: &mut [Fr]) {
    values.par_chunks_mut(CHUNK).for_each(invert_chunk);
}

/// One inversion for all values \[Montgomery's trick\].
fn invert_chunk(values: &mut [Fr]) {
    invert_chunk_by(Ifma::detect(), Scalar::detect(), values);
}

fn invert_chunk_by(ifma: Option<Ifma>, scalar: Scalar, values: &mut [Fr]) {
    let invert_scalar = |values: &mut [Fr]| with_multiplier!(scalar, by => scalar::chains::invert(by, values));
    let whole = if ifma.is_some() { values.len() / CHAINS * CHAINS } else { 0 };
    let (values, rest) = values.split_at_mut(whole);
    if let Some(ifma) = ifma.filter(|_| whole > 0) {
        ifma.invert(values, invert_scalar);
    }
    if !rest.is_empty() {
        invert_scalar(rest);
    }
}

/// A sum of columns of integers with factors.
type Form<'a> = Vec<(&'a Column, i64)>;

/// Adds `factor · column` to rows from `start` on.
fn add_integers(column: &IntColumn, factor: i64, start: usize, out: &mut [i64]) {
    with_integers!(column, slice => add_slice(slice.get(start..).unwrap_or_default(), factor, out));
}

fn add_slice<T: Copy + Into<i64>>(integers: &[T], factor: i64, out: &mut [i64]) {
    for (out, &v) in out.iter_mut().zip(integers) {
        *out += factor * v.into();
    }
}

/// The values of a form in rows from `start` on.
fn form_values(form: &Form<'_>, start: usize, out: &mut [i64]) {
    out.fill(0);
    for (column, factor) in form {
        if let Some(integers) = column.as_integers() {
            add_integers(integers, *factor, start, out);
        }
    }
}

/// For each column `Σ_i 1/(shift + form_i)`, 0 in the rows of tails.
pub(super) fn reciprocals(shift: Fr, columns: &[Vec<Form<'_>>]) -> Vec<Column> {
    let all = || columns.iter().flatten().flatten();
    let rows = all().next().map_or(0, |c| c.0.rows());
    let end = rows - all().map(|c| c.0.tail().len()).max().unwrap_or(0);
    let forms: Vec<&Form<'_>> = columns.iter().flatten().collect();
    let (low, high) = forms
        .par_iter()
        .flat_map(|form| (0..end.div_ceil(CHUNK)).into_par_iter().map(move |chunk| (*form, chunk * CHUNK)))
        .map_init(
            || vec![0i64; CHUNK],
            |values, (form, start)| {
                let values = &mut values[..CHUNK.min(end - start)];
                form_values(form, start, values);
                values.iter().fold((0, 0), |(low, high): (i64, i64), &v| (low.min(v), high.max(v)))
            },
        )
        .reduce(|| (0, 0), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    let tabulated = high - low <= MAX_TABLE && high - low <= (rows * forms.len()) as i64;
    let mut table: Vec<Fr> = if tabulated { (low..=high).into_par_iter().map(|v| shift + embed(v)).collect() } else { Vec::new() };
    invert(&mut table);
    // Entries that occur often make a cheap commitment.
    if tabulated && (high - low) < rows as i64 / 2 {
        let table = Arc::new(table);
        let index = |form: &Form<'_>| {
            let mut indices = vec![0u32; end];
            indices.par_chunks_mut(CHUNK).enumerate().for_each_init(Vec::new, |values, (chunk, out)| {
                values.resize(out.len(), 0);
                form_values(form, chunk * CHUNK, values);
                out.iter_mut().zip(values.iter()).for_each(|(out, &v)| *out = (v - low) as u32);
            });
            indices
        };
        let column = |forms: &Vec<Form<'_>>| {
            let indices = forms.iter().map(index).collect();
            Column::Lookups { table: table.clone(), indices, rows, tail: vec![Fr::ZERO; rows - end] }
        };
        return columns.par_iter().map(column).collect();
    }
    let fill = |forms: &[Form<'_>], start: usize, out: &mut [Fr], values: &mut Vec<i64>| {
        values.resize(out.len(), 0);
        for form in forms {
            form_values(form, start, values);
            if tabulated {
                out.iter_mut().zip(values.iter()).for_each(|(out, v)| *out += table[(v - low) as usize]);
            } else {
                let mut inverses: Vec<Fr> = values.iter().map(|&v| shift + embed(v)).collect();
                invert_chunk(&mut inverses);
                out.iter_mut().zip(&inverses).for_each(|(out, v)| *out += v);
            }
        }
    };
    columns
        .par_iter()
        .map(|forms| {
            let mut out = vec![Fr::ZERO; rows];
            out[..end]
                .par_chunks_mut(CHUNK)
                .enumerate()
                .for_each_init(Vec::new, |values, (chunk, out)| fill(forms, chunk * CHUNK, out, values));
            Column::Fields(out)
        })
        .collect()
}

/// How often the forms take each value below `size`, in rows below `rows`; or the first row and value, by row and form, that
/// are out of range.
pub(super) fn multiplicities(forms: &[Form<'_>], rows: usize, size: usize) -> Result<Vec<i64>, (usize, i64)> {
    let chunks = rows.div_ceil(CHUNK);
    let tasks = rayon::current_num_threads().clamp(1, chunks.max(1));
    let count = |task: usize| -> Result<Vec<i64>, (usize, i64)> {
        let mut counts = vec![0i64; size];
        let mut values = vec![0i64; CHUNK];
        for chunk in (task..chunks).step_by(tasks) {
            let start = chunk * CHUNK;
            let values = &mut values[..CHUNK.min(rows - start)];
            for form in forms {
                form_values(form, start, values);
                for (offset, &value) in values.iter().enumerate() {
                    let slot = usize::try_from(value).ok().and_then(|v| counts.get_mut(v));
                    *slot.ok_or((start + offset, value))? += 1;
                }
            }
        }
        Ok(counts)
    };
    let parts: Vec<Result<Vec<i64>, (usize, i64)>> = (0..tasks).into_par_iter().map(count).collect();
    let mut total = vec![0i64; size];
    for part in parts {
        let Ok(part) = part else { return Err(first_outside(forms, rows, size)) };
        total.iter_mut().zip(part).for_each(|(t, c)| *t += c);
    }
    Ok(total)
}

/// The first row with a value that is not below `size`, and the value, knowing that there is one.
fn first_outside(forms: &[Form<'_>], rows: usize, size: usize) -> (usize, i64) {
    let mut value = [0i64];
    let mut at = |row: usize, form: &Form<'_>| {
        form_values(form, row, &mut value);
        usize::try_from(value[0]).ok().is_none_or(|v| v >= size).then_some((row, value[0]))
    };
    (0..rows).find_map(|row| forms.iter().find_map(|form| at(row, form))).unwrap_or((rows, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(rows: usize, seed: u64) -> Vec<Fr> {
        let edge = [Fr::ZERO, Fr::ONE, -Fr::ONE, -Fr::from(2)];
        let element = |r: u64| Fr::from(r + 2).pow_vartime([12345, seed]);
        match seed % 4 {
            0 => vec![Fr::ZERO; rows],
            1 => vec![-Fr::ONE; rows],
            2 => (0..rows as u64).map(element).collect(),
            _ => (0..rows as u64).map(|r| if r % 5 < 2 { edge[(r + r / 5) as usize % 4] } else { element(r) }).collect(),
        }
    }

    #[test]
    fn every_path_follows_the_definition() {
        for rows in (0..=64).chain([100, 1003, 1024, CHUNK, CHUNK + 16, 2 * CHUNK]) {
            for seed in 0..if rows > 64 { 4 } else { 8 } {
                let (factors, terms) = (values(rows, seed), values(rows, seed / 2 + 2));
                let mut acc = Fr::ZERO;
                let affine: Vec<Fr> = factors
                    .iter()
                    .zip(&terms)
                    .map(|(f, t)| {
                        acc = acc * f + t;
                        acc
                    })
                    .collect();
                let mut acc = -Fr::from(5);
                let before: Vec<Fr> = factors
                    .iter()
                    .map(|f| {
                        let next = acc * f;
                        std::mem::replace(&mut acc, next)
                    })
                    .collect();
                let inverses: Vec<Fr> = factors.iter().map(|f| f.invert().unwrap_or(Fr::ZERO)).collect();

                assert_eq!(scan_portable(Some(&factors), &terms), affine);
                assert_eq!(scan(Some(&factors), &terms), affine);
                assert_eq!(products_portable(&factors, -Fr::from(5)), before);
                assert_eq!(products(&factors, -Fr::from(5)), before);
                let by_vectors = Ifma::detect().map(Chains::Vectors);
                for by in Scalar::all().into_iter().map(Chains::Scalar).chain(by_vectors) {
                    if let Some(chunk) = chain_chunk(rows) {
                        assert_eq!(scan_by_chains(by, chunk, &factors, &terms), affine, "{rows} rows, {by:?}");
                        assert_eq!(products_by_chains(by, chunk, &factors, -Fr::from(5)), before, "{rows} rows, {by:?}");
                    }
                }
                for (ifma, scalar) in [None, Ifma::detect()].into_iter().flat_map(|ifma| Scalar::all().into_iter().map(move |s| (ifma, s)))
                {
                    let mut found = factors.clone();
                    invert_chunk_by(ifma, scalar, &mut found);
                    assert_eq!(found, inverses, "{rows} rows, {ifma:?}, {scalar:?}");
                }
            }
        }
    }

    #[test]
    fn running_sums() {
        for rows in [0, 1, 17, CHUNK, CHUNK + 1] {
            let terms = values(rows, 3);
            let mut acc = Fr::ZERO;
            let sums: Vec<Fr> = terms
                .iter()
                .map(|t| {
                    acc += t;
                    acc
                })
                .collect();
            assert_eq!(scan(None, &terms), sums);
        }
    }
}
