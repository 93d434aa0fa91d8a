//! The CPU backend: every operation parallel under rayon, small integers kept small. [`kernels`] has what each costs.

mod column;
#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(not(target_arch = "x86_64"))]
#[path = "cpu/ifma/absent.rs"]
mod ifma;
mod interpret;
pub mod msm;
pub mod ntt;
mod pages;
mod scalar;
mod scan;
pub mod vector;
mod wide;

#[doc = include_str!("../docs/kernels.md")]
pub mod kernels {}

use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use rayon::prelude::*;
use sworn_circuits::column::IntColumn;

use crate::backend::{Backend, Form, NO_SOURCE};
use crate::domain::inverse_vandermonde;
use crate::program::Program;
pub use column::Column;
use msm::{Bases, Ints, Scalars};
use ntt::Domain;

/// The backend. It works in rayon's current pool.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu;

/// Instructions beyond those that every processor of a family has, each with all of the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// None.
    Portable,
    /// `mulx`, `adcx` and `adox` of x86-64.
    Adx,
    /// Vectors: AVX-512 IFMA.
    Avx512,
}

/// What is used at most, where the processor has it.
static WANTED: AtomicU8 = AtomicU8::new(Instructions::Avx512 as u8);

impl Instructions {
    /// From now on the process uses these at most: to be called before any work begins, as domains and bases remember what they
    /// found. Proofs are the same.
    pub fn limit(self) {
        WANTED.store(self as u8, Ordering::Relaxed);
    }

    /// Whether [`Self::limit`] lets them be used.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "there is no other path"))]
    #[inline]
    pub(crate) fn are_wanted(self) -> bool {
        self as u8 <= WANTED.load(Ordering::Relaxed)
    }
}

impl Backend for Cpu {
    type Points = Bases;
    type Domain = Domain;
    type Column = Column;
    type Map = Vec<u32>;

    fn name(&self) -> &'static str {
        "cpu"
    }

    fn points(&self, points: &[G1Affine]) -> Bases {
        Bases::new(points)
    }

    fn domain(&self, log_rows: u32) -> Domain {
        Domain::new(log_rows)
    }

    fn integers(&self, values: &Arc<IntColumn>, rows: usize) -> Column {
        Column::Integers { values: values.clone(), rows, tail: Vec::new() }
    }

    fn fields(&self, values: Vec<Fr>) -> Column {
        Column::Fields(values)
    }

    fn map(&self, rows: &[u32]) -> Vec<u32> {
        rows.to_vec()
    }

    fn write_tail(&self, column: &mut Column, new: &[Fr]) {
        match column {
            Column::Fields(values) => {
                let start = values.len() - new.len();
                values[start..].copy_from_slice(new);
            }
            Column::Integers { tail, .. } => *tail = new.to_vec(),
            Column::Lookups { indices, rows, tail, .. } => {
                indices.iter_mut().for_each(|i| i.truncate(*rows - new.len()));
                *tail = new.to_vec();
            }
        }
    }

    fn read(&self, column: &Column, rows: Range<usize>) -> Vec<Fr> {
        rows.map(|row| column.get(row)).collect()
    }

    fn strides(&self, points: &[G1Affine], rows: usize) -> Vec<Bases> {
        Bases::strides(points, rows)
    }

    fn commit(&self, points: &Bases, columns: &[&Column]) -> Vec<G1Affine> {
        msm::commit(points, &columns.iter().map(|column| scalars(column)).collect::<Vec<_>>())
    }

    fn commit_packs(&self, strides: &[Bases], packs: &[Vec<&Column>]) -> Vec<G1Affine> {
        let packs: Vec<Vec<Scalars<'_>>> = packs.iter().map(|pack| pack.iter().map(|column| scalars(column)).collect()).collect();
        msm::commit_packs(strides, &packs.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn interpolate(&self, domain: &Domain, columns: &[&Column]) -> Vec<Column> {
        let mut values: Vec<Vec<Fr>> = columns.par_iter().map(|c| c.to_fields().into_owned()).collect();
        domain.to_coefficients(&mut values);
        values.into_iter().map(Column::Fields).collect()
    }

    fn coset(&self, domain: &Domain, coefficients: &[&Column], shift: Fr) -> Vec<Column> {
        self.coset_in(domain, coefficients, shift, Vec::new())
    }

    fn coset_in(&self, domain: &Domain, coefficients: &[&Column], shift: Fr, spare: Vec<Column>) -> Vec<Column> {
        let coefficients: Vec<_> = coefficients.iter().map(|c| c.to_fields()).collect();
        let slices: Vec<&[Fr]> = coefficients.iter().map(|c| c.as_ref()).collect();
        let spare = spare.into_iter().filter_map(|column| if let Column::Fields(values) = column { Some(values) } else { None });
        domain.to_coset_in(&slices, shift, spare.collect()).into_iter().map(Column::Fields).collect()
    }

    fn limbs(&self, domain: &Domain, cosets: Vec<Column>, shifts: &[Fr]) -> Vec<Column> {
        let mut remainders: Vec<Vec<Fr>> = cosets.into_iter().map(|c| c.to_fields().into_owned()).collect();
        for (remainder, &shift) in remainders.iter_mut().zip(shifts) {
            domain.from_coset(std::slice::from_mut(remainder), shift);
        }
        let inverse = inverse_vandermonde(domain.len(), shifts);
        let limbs = inverse
            .iter()
            .map(|factors| {
                let terms: Vec<(&[Fr], Fr)> = remainders.iter().map(Vec::as_slice).zip(factors.iter().copied()).collect();
                linear(&terms, domain.len())
            })
            .map(Column::Fields);
        limbs.collect()
    }

    fn natural_order(&self, domain: &Domain, coefficients: &[&Column]) -> Vec<Column> {
        let mut values: Vec<Vec<Fr>> = coefficients.iter().map(|c| c.to_fields().into_owned()).collect();
        values.par_iter_mut().for_each(|v| domain.reverse(v));
        values.into_iter().map(Column::Fields).collect()
    }

    fn powers(&self, domain: &Domain, shift: Fr) -> Column {
        const CHUNK: usize = 1 << 10;
        let omega = domain.omega();
        let first: Vec<Fr> = std::iter::successors(Some(shift), |p| Some(p * omega)).take(CHUNK.min(domain.len())).collect();
        let mut out = vec![Fr::ZERO; domain.len()];
        out.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
            out.copy_from_slice(&first[..out.len()]);
            vector::mul_scalar(out, omega.pow_vartime([(chunk * CHUNK) as u64]));
        });
        Column::Fields(out)
    }

    fn combine(&self, terms: &[(&Column, i32, Fr)]) -> Column {
        wide::combine(terms)
    }

    fn evaluate(&self, program: &Program, slots: &[(&Column, i32)], scalars: &[Fr]) -> Vec<Column> {
        interpret::evaluate(program, slots, scalars)
    }

    fn invert(&self, column: &mut Column) {
        let mut values = column.to_fields().into_owned();
        scan::invert(&mut values);
        *column = Column::Fields(values);
    }

    fn reciprocals(&self, shift: Fr, columns: &[Vec<Form<'_, Column>>]) -> Vec<Column> {
        scan::reciprocals(shift, columns)
    }

    fn scan(&self, factor: Option<&Column>, term: &Column) -> Column {
        let factor = factor.map(Column::to_fields);
        Column::Fields(scan::scan(factor.as_deref(), &term.to_fields()))
    }

    fn products(&self, factors: &Column, initial: Fr) -> Column {
        Column::Fields(scan::products(&factors.to_fields(), initial))
    }

    fn gather(&self, sources: &[(&Column, Fr)], map: &Vec<u32>) -> Column {
        let rows = map.len();
        let value = |&from: &u32| {
            if from == NO_SOURCE {
                return Fr::ZERO;
            }
            let (column, factor) = sources[from as usize / rows];
            column.get(from as usize % rows) * factor
        };
        Column::Fields(map.par_iter().map(value).collect())
    }

    fn inner_products(&self, columns: &[(&Column, i32)], weights: &Column) -> Vec<Fr> {
        wide::inner_products(columns, &weights.to_fields())
    }

    fn multiplicities(&self, forms: &[Form<'_, Column>], rows: usize, size: usize) -> Result<Vec<i64>, (usize, i64)> {
        scan::multiplicities(forms, rows, size)
    }
}

/// A column as what multiplies points.
fn scalars(column: &Column) -> Scalars<'_> {
    match column {
        Column::Fields(values) => Scalars::Fields(values),
        Column::Lookups { table, indices, tail, .. } => Scalars::Lookups { table, indices, tail },
        Column::Integers { values, tail, .. } => {
            let values = match values.as_ref() {
                IntColumn::I8(v) => Ints::I8(v),
                IntColumn::I16(v) => Ints::I16(v),
                IntColumn::I32(v) => Ints::I32(v),
                IntColumn::I64(v) => Ints::I64(v),
            };
            Scalars::Ints { values, tail }
        }
    }
}

/// `Σ factor · column` over slices.
fn linear(terms: &[(&[Fr], Fr)], rows: usize) -> Vec<Fr> {
    const CHUNK: usize = 1 << 8;
    let factors: Vec<Fr> = terms.iter().map(|t| t.1).collect();
    let mut out = vec![Fr::ZERO; rows];
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
        let columns: Vec<&[Fr]> = terms.iter().map(|t| &t.0[chunk * CHUNK..][..out.len()]).collect();
        wide::add_linear(out, &columns, &factors);
    });
    out
}
