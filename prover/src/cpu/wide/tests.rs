//! Sums of products beside their definitions.

use std::sync::Arc;

use halo2_proofs::halo2curves::ff::PrimeField;

use super::*;

fn element(seed: u64) -> Fr {
    Fr::from(seed + 2).pow_vartime([12345, seed])
}

/// Columns of every kind, at rotations, and weights.
fn columns(rows: usize) -> (Vec<(Column, i32)>, Vec<Fr>) {
    let edge = [Fr::ZERO, Fr::ONE, -Fr::ONE, -Fr::from(2)];
    let fields = |seed: u64| (0..rows as u64).map(|r| if r % 3 == 0 { edge[(r / 3) as usize % 4] } else { element(seed + r) }).collect();
    let mut out = Vec::new();
    let rotations = [0, 0, 1, -1, 3, -6, 70];
    for (i, rotation) in rotations.into_iter().enumerate() {
        let tail: Vec<Fr> = (0..i.min(rows)).map(|t| element(t as u64)).collect();
        let length = (rows - tail.len()) * (6 - i % 3) / 6;
        let (low, high) = ([-128i64, -(1 << 15), -(1 << 31), i64::MIN], [127i64, (1 << 15) - 1, (1 << 31) - 1, i64::MAX]);
        for width in 0..4 {
            let value = |r: usize| match (i + r) % 5 {
                0 => low[width],
                1 => high[width],
                2 => 0,
                _ => (r as i64 * 7919 + i as i64).wrapping_mul(0x9e37_79b9_7f4a_7c15u64 as i64) >> (64 - (8 << width)),
            };
            let values: Vec<i64> = if i == 1 { vec![low[width]; length] } else { (0..length).map(value).collect() };
            let values = match width {
                0 => IntColumn::I8(values.iter().map(|&v| v as i8).collect()),
                1 => IntColumn::I16(values.iter().map(|&v| v as i16).collect()),
                2 => IntColumn::I32(values.iter().map(|&v| v as i32).collect()),
                _ => IntColumn::I64(values),
            };
            out.push((Column::Integers { values: Arc::new(values), rows, tail: tail.clone() }, rotation));
        }
        out.push((Column::Fields(fields(i as u64)), rotation));
        out.push((Column::Fields(vec![-Fr::ONE; rows]), rotation));
    }
    (out, fields(99))
}

#[test]
fn both_paths_follow_the_definition() {
    for rows in (1..=64).chain([100, 512, 1003, 1024, 4096, 8192]) {
        let (columns, weights) = columns(rows);
        let scalars: Vec<Fr> =
            (0..columns.len() as u64).map(|i| [element(i), -Fr::ONE, Fr::ZERO, Fr::ONE][(i % 11).min(3) as usize]).collect();
        let terms: Vec<(&Column, i32, Fr)> = columns.iter().zip(&scalars).map(|((c, d), s)| (c, *d, *s)).collect();
        let rotated: Vec<(&Column, i32)> = columns.iter().map(|(c, d)| (c, *d)).collect();
        let at = |row: usize, rotation: i32| (row as i64 + i64::from(rotation)).rem_euclid(rows as i64) as usize;
        let sum: Vec<Fr> = (0..rows).map(|r| terms.iter().map(|(c, d, s)| c.get(at(r, *d)) * s).sum()).collect();
        let products: Vec<Fr> = rotated.iter().map(|(c, d)| (0..rows).map(|r| c.get(at(r, *d)) * weights[r]).sum()).collect();
        for ifma in [None, Ifma::detect()] {
            assert_eq!(combine_by(ifma, &terms).to_fields(), sum, "{rows} rows, {ifma:?}");
            assert_eq!(inner_products_by(ifma, &rotated, &weights), products, "{rows} rows, {ifma:?}");
        }
    }
}

#[test]
fn scalar_paths_follow_the_definition() {
    for count in [0, 1, 2, 7, 40, 100] {
        let elements = |seed: u64| (0..count).map(|i| if i % 5 == 1 { -Fr::ONE } else { element(seed + i) }).collect::<Vec<Fr>>();
        let (a, b) = (elements(3), elements(500));
        let columns: Vec<Vec<Fr>> = (0..count).map(|i| vec![a[i as usize], -Fr::ONE, Fr::ZERO]).collect();
        let slices: Vec<&[Fr]> = columns.iter().map(Vec::as_slice).collect();
        for scalar in Scalar::all() {
            let expected: Fr = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert_eq!(dot_scalar(scalar, &a, &b), expected, "{scalar:?}");
            let mut acc = [Fr::ONE, Fr::ZERO, -Fr::ONE];
            add_linear_scalar(scalar, &mut acc, &slices, &b);
            assert_eq!(acc, [expected + Fr::ONE, -b.iter().sum::<Fr>(), -Fr::ONE], "{scalar:?}");
        }
    }
}

#[test]
fn as_many_terms_as_a_sum_takes_and_more() {
    let rows = 32;
    for values in [IntColumn::I8(vec![127; rows]), IntColumn::I16(vec![32767; rows]), IntColumn::I32(vec![i32::MAX; rows])] {
        let column = Column::Integers { values: Arc::new(values), rows, tail: Vec::new() };
        let all = Column::Fields(vec![-Fr::ONE; rows]);
        for count in [MAX_TERMS - 2, MAX_TERMS - 1, MAX_TERMS, 2 * MAX_TERMS] {
            let terms = vec![(&column, 0, -Fr::ONE); count];
            let expected = -column.get(0) * Fr::from(count as u64);
            let elements = vec![(&all, 0, -Fr::ONE); count];
            for ifma in [None, Ifma::detect()] {
                assert_eq!(combine_by(ifma, &terms).to_fields(), vec![expected; rows]);
                assert_eq!(combine_by(ifma, &elements).to_fields(), vec![Fr::from(count as u64); rows]);
            }
        }
    }
    assert_eq!(combine(&[]).rows(), 0);
    assert_eq!(inner_products(&[], &[Fr::ONE]), []);
}

#[test]
fn the_modulus_is_that_of_the_field() {
    let minus_one = (-Fr::ONE).to_repr();
    let mut words = Fr::P;
    words[0] -= 1;
    assert!(words.iter().flat_map(|w| w.to_le_bytes()).eq(minus_one.as_ref().iter().copied()));
}
