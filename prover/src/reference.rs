//! The reference backend: every operation by its definition, on vectors of field elements.
//!
//! It is slow, quadratic where the definition is. Its one purpose is to be obviously right.

use std::ops::Range;
use std::sync::Arc;

use halo2_proofs::arithmetic::lagrange_interpolate;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use sworn_circuits::column::IntColumn;
use sworn_circuits::field::embed;

use crate::backend::{Backend, Form, NO_SOURCE};
use crate::domain::root_of_unity;
use crate::program::Program;

/// The backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

/// Integers as they were given, if the column is one of integers, and all values.
#[derive(Clone, Debug)]
pub struct Column {
    integers: Option<Arc<IntColumn>>,
    values: Vec<Fr>,
    tail: usize,
}

/// A power of two and its root of unity.
#[derive(Clone, Copy, Debug)]
pub struct Domain {
    rows: usize,
    omega: Fr,
}

impl Column {
    fn field(values: Vec<Fr>) -> Self {
        Self { integers: None, values, tail: 0 }
    }

    fn at(&self, row: usize, rotation: i32) -> Fr {
        let rows = self.values.len() as i64;
        self.values[(row as i64 + i64::from(rotation)).rem_euclid(rows) as usize]
    }

    fn integer(&self, row: usize) -> i64 {
        self.integers.as_ref().map_or(0, |c| c.get(row))
    }
}

/// `Σ_i c_i x^i`.
fn horner(coefficients: &[Fr], x: Fr) -> Fr {
    coefficients.iter().rev().fold(Fr::ZERO, |acc, c| acc * x + c)
}

impl Backend for Reference {
    type Points = Vec<G1Affine>;
    type Domain = Domain;
    type Column = Column;
    type Map = Vec<u32>;

    fn name(&self) -> &'static str {
        "reference"
    }

    fn points(&self, points: &[G1Affine]) -> Self::Points {
        points.to_vec()
    }

    fn domain(&self, log_rows: u32) -> Domain {
        Domain { rows: 1 << log_rows, omega: root_of_unity(log_rows) }
    }

    fn integers(&self, values: &Arc<IntColumn>, rows: usize) -> Column {
        Column { integers: Some(values.clone()), values: (0..rows).map(|r| embed(values.get(r))).collect(), tail: 0 }
    }

    fn fields(&self, values: Vec<Fr>) -> Column {
        Column::field(values)
    }

    fn map(&self, rows: &[u32]) -> Vec<u32> {
        rows.to_vec()
    }

    fn write_tail(&self, column: &mut Column, tail: &[Fr]) {
        let start = column.values.len() - tail.len();
        column.values[start..].copy_from_slice(tail);
        column.tail = column.tail.max(tail.len());
    }

    fn read(&self, column: &Column, rows: Range<usize>) -> Vec<Fr> {
        column.values[rows].to_vec()
    }

    fn commit(&self, points: &Self::Points, columns: &[&Column]) -> Vec<G1Affine> {
        let commit = |c: &&Column| c.values.iter().zip(points).map(|(s, p)| *p * s).fold(G1::default(), |acc, p| acc + p).to_affine();
        columns.iter().map(commit).collect()
    }

    fn interpolate(&self, domain: &Domain, columns: &[&Column]) -> Vec<Column> {
        let inverse = domain.omega.invert().unwrap_or(Fr::ONE);
        let scale = Fr::from(domain.rows as u64).invert().unwrap_or(Fr::ONE);
        let powers: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |p| Some(p * inverse)).take(domain.rows).collect();
        columns.iter().map(|c| Column::field(powers.iter().map(|&x| scale * horner(&c.values, x)).collect())).collect()
    }

    fn coset(&self, domain: &Domain, coefficients: &[&Column], shift: Fr) -> Vec<Column> {
        let points = self.powers(domain, shift).values;
        coefficients.iter().map(|c| Column::field(points.iter().map(|&x| horner(&c.values, x)).collect())).collect()
    }

    fn limbs(&self, domain: &Domain, cosets: Vec<Column>, shifts: &[Fr]) -> Vec<Column> {
        // The polynomial modulo X^n − c_j, with c_j = shift_j^n, is P_j = Σ_i c_j^i · limb_i: interpolation in c, by Lagrange.
        let n = domain.rows;
        let constants: Vec<Fr> = shifts.iter().map(|s| s.pow_vartime([n as u64])).collect();
        let remainder = |(coset, shift): (&Column, &Fr)| {
            let inverse = shift.invert().unwrap_or(Fr::ONE);
            let scales = std::iter::successors(Some(Fr::ONE), |s| Some(s * inverse));
            self.interpolate(domain, &[coset]).remove(0).values.iter().zip(scales).map(|(v, s)| v * s).collect::<Vec<Fr>>()
        };
        let remainders: Vec<Vec<Fr>> = cosets.iter().zip(shifts).map(remainder).collect();
        let mut limbs = vec![vec![Fr::ZERO; n]; cosets.len()];
        for row in 0..n {
            let values: Vec<Fr> = remainders.iter().map(|r| r[row]).collect();
            limbs.iter_mut().zip(lagrange_interpolate(&constants, &values)).for_each(|(limb, value)| limb[row] = value);
        }
        limbs.into_iter().map(Column::field).collect()
    }

    fn natural_order(&self, _: &Domain, coefficients: &[&Column]) -> Vec<Column> {
        coefficients.iter().map(|c| (*c).clone()).collect()
    }

    fn powers(&self, domain: &Domain, shift: Fr) -> Column {
        Column::field(std::iter::successors(Some(shift), |p| Some(p * domain.omega)).take(domain.rows).collect())
    }

    fn combine(&self, terms: &[(&Column, i32, Fr)]) -> Column {
        let rows = terms.first().map_or(0, |t| t.0.values.len());
        Column::field((0..rows).map(|r| terms.iter().map(|(c, d, s)| c.at(r, *d) * s).sum()).collect())
    }

    fn evaluate(&self, program: &Program, slots: &[(&Column, i32)], scalars: &[Fr]) -> Vec<Column> {
        let rows = slots.first().map_or(0, |s| s.0.values.len());
        let mut outputs = vec![Vec::with_capacity(rows); program.outputs.len()];
        for row in 0..rows {
            let values: Vec<Fr> = slots.iter().map(|(c, d)| c.at(row, *d)).collect();
            for (output, value) in outputs.iter_mut().zip(program.run(&values, scalars)) {
                output.push(value);
            }
        }
        outputs.into_iter().map(Column::field).collect()
    }

    fn invert(&self, column: &mut Column) {
        column.integers = None;
        column.values.iter_mut().for_each(|v| *v = v.invert().unwrap_or(Fr::ZERO));
    }

    fn reciprocals(&self, shift: Fr, columns: &[Vec<Form<'_, Column>>]) -> Vec<Column> {
        let all = || columns.iter().flatten().flatten();
        let rows = all().next().map_or(0, |c| c.0.values.len());
        let end = rows - all().map(|c| c.0.tail).max().unwrap_or(0);
        let value = |form: &Form<'_, Column>, r: usize| shift + form.iter().map(|(c, f)| c.values[r] * embed(*f)).sum::<Fr>();
        let sum = |forms: &Vec<Form<'_, Column>>, r: usize| forms.iter().map(|f| value(f, r).invert().unwrap_or(Fr::ZERO)).sum();
        let column = |forms| Column::field((0..rows).map(|r| if r < end { sum(forms, r) } else { Fr::ZERO }).collect());
        columns.iter().map(column).collect()
    }

    fn scan(&self, factor: Option<&Column>, term: &Column) -> Column {
        let mut acc = Fr::ZERO;
        let next = |(row, t): (usize, &Fr)| {
            acc = acc * factor.map_or(Fr::ONE, |f| f.values[row]) + t;
            acc
        };
        Column::field(term.values.iter().enumerate().map(next).collect())
    }

    fn products(&self, factors: &Column, initial: Fr) -> Column {
        let mut acc = initial;
        let next = |f: &Fr| {
            let before = acc;
            acc *= f;
            before
        };
        Column::field(factors.values.iter().map(next).collect())
    }

    fn gather(&self, sources: &[(&Column, Fr)], map: &Self::Map) -> Column {
        let rows = map.len();
        let value = |&m: &u32| {
            if m == NO_SOURCE {
                return Fr::ZERO;
            }
            let (column, factor) = sources[m as usize / rows];
            column.values[m as usize % rows] * factor
        };
        Column::field(map.iter().map(value).collect())
    }

    fn inner_products(&self, columns: &[(&Column, i32)], weights: &Column) -> Vec<Fr> {
        columns.iter().map(|(c, d)| weights.values.iter().enumerate().map(|(r, w)| c.at(r, *d) * w).sum()).collect()
    }

    fn multiplicities(&self, forms: &[Form<'_, Column>], rows: usize, size: usize) -> Result<Vec<i64>, (usize, i64)> {
        let mut counts = vec![0; size];
        for row in 0..rows {
            for form in forms {
                let value: i64 = form.iter().map(|(c, f)| c.integer(row) * f).sum();
                let slot = usize::try_from(value).ok().and_then(|v| counts.get_mut(v)).ok_or((row, value))?;
                *slot += 1;
            }
        }
        Ok(counts)
    }
}
