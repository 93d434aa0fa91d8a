//! Columns of every kind, on a backend and on the reference.

use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rand::Rng;
use rand_chacha::ChaCha20Rng;
use sworn_circuits::column::IntColumn;
use sworn_circuits::field::embed;

use super::scalars;
use crate::backend::Backend;
use crate::reference::Reference;

/// Integers of n rows.
#[derive(Clone, Debug)]
pub(super) struct Integers {
    values: Arc<IntColumn>,
    rows: usize,
}

/// What a column holds.
#[derive(Clone)]
pub(super) enum Contents {
    /// Integers and a tail.
    Integers(Integers, Vec<Fr>),
    /// Field elements.
    Fields(Vec<Fr>),
}

/// A column on a backend and on the reference.
pub(super) struct Pair<B: Backend> {
    pub(super) ours: B::Column,
    pub(super) reference: <Reference as Backend>::Column,
}

impl<B: Backend> Pair<B> {
    pub(super) fn new(backend: &B, contents: &Contents) -> Self {
        Self { ours: contents.upload(backend), reference: contents.upload(&Reference) }
    }
}

impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fields(values) => write!(f, "{} field elements", values.len()),
            Self::Integers(Integers { values, rows }, tail) => {
                let width = match values.as_ref() {
                    IntColumn::I8(_) => 8,
                    IntColumn::I16(_) => 16,
                    IntColumn::I32(_) => 32,
                    IntColumn::I64(_) => 64,
                };
                let first: Vec<i64> = (0..4).map(|r| values.get(r)).collect();
                write!(f, "{} of {rows} rows i{width}, {} in the tail, first {first:?}", values.len(), tail.len())
            }
        }
    }
}

impl Contents {
    /// Random field elements, some of them 0, 1 or −1.
    pub(super) fn fields(rng: &mut ChaCha20Rng, rows: usize) -> Self {
        Self::Fields(scalars(rng, rows))
    }

    /// Integers in the narrowest width, and a random tail.
    pub(super) fn integers(values: Vec<i64>, rows: usize, tail: usize, rng: &mut ChaCha20Rng) -> Self {
        Self::Integers(Integers { values: Arc::new(IntColumn::new(&values)), rows }, scalars(rng, tail))
    }

    /// No integers.
    pub(super) fn empty(rows: usize) -> Self {
        Self::Integers(Integers { values: Arc::new(IntColumn::I8(Vec::new())), rows }, Vec::new())
    }

    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Integers(integers, _) => integers.rows,
            Self::Fields(values) => values.len(),
        }
    }

    /// All values.
    pub(super) fn values(&self) -> Vec<Fr> {
        match self {
            Self::Fields(values) => values.clone(),
            Self::Integers(Integers { values, rows }, tail) => {
                (0..rows - tail.len()).map(|r| embed(values.get(r))).chain(tail.iter().copied()).collect()
            }
        }
    }

    pub(super) fn upload<B: Backend>(&self, backend: &B) -> B::Column {
        match self {
            Self::Fields(values) => backend.fields(values.clone()),
            Self::Integers(Integers { values, rows }, tail) => {
                let mut column = backend.integers(values, *rows);
                if !tail.is_empty() {
                    backend.write_tail(&mut column, tail);
                }
                column
            }
        }
    }
}

/// Integers in −3 … 12, up to the rows of a tail.
pub(super) fn short_integers(rng: &mut ChaCha20Rng, rows: usize) -> Integers {
    let values: Vec<i64> = (0..rows - 6).map(|_| rng.gen_range(-3..=12)).collect();
    Integers { values: Arc::new(IntColumn::new(&values)), rows }
}

/// Integers of up to 32 bits, up to the rows of a tail.
pub(super) fn wide_integers(rng: &mut ChaCha20Rng, rows: usize) -> Integers {
    let values = (0..rows - 6).map(|_| rng.gen::<i32>() >> rng.gen_range(0..31)).collect();
    Integers { values: Arc::new(IntColumn::I32(values)), rows }
}

/// Columns of every width with and without tails, and columns of field elements.
pub(super) fn zoo(rng: &mut ChaCha20Rng, rows: usize) -> Vec<Contents> {
    let mut all = Vec::new();
    for bits in [8u32, 16, 32, 64] {
        let (min, max) = (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits));
        let edges = [0, 1, -1, min, max, min + 1, max - 1];
        let any = |rng: &mut ChaCha20Rng, length: usize| (0..length).map(|_| rng.gen::<i64>() >> (64 - bits)).collect::<Vec<i64>>();
        // Full and short, at the ends of the width, of one value, with few values, with one large one.
        let kinds: [Vec<i64>; 7] = [
            any(rng, rows - 6),
            any(rng, (rows / 2).min(rows - 6)),
            (0..rows - 6).map(|_| edges[rng.gen_range(0..edges.len())]).collect(),
            vec![if rng.gen() { max } else { min }; rows - 6],
            (0..rows - 6).map(|_| if rng.gen_ratio(1, 8) { rng.gen::<i64>() >> (64 - bits) } else { 0 }).collect(),
            (0..rows - 6).map(|r| if r == 1 { min } else { rng.gen_range(-1..=1) }).collect(),
            vec![0; rows - 6],
        ];
        for (kind, values) in kinds.into_iter().enumerate() {
            let values = Arc::new(of_width(values, bits));
            let tail = [0, 6, 2, 0, 4, 6, 3][(kind + bits as usize / 16) % 7];
            all.push(Contents::Integers(Integers { values, rows }, scalars(rng, tail)));
        }
        // To the last row, without a tail.
        all.push(Contents::Integers(Integers { values: Arc::new(of_width(any(rng, rows), bits)), rows }, Vec::new()));
        all.push(Contents::Integers(Integers { values: Arc::new(of_width(Vec::new(), bits)), rows }, scalars(rng, 5)));
    }
    all.push(Contents::empty(rows));
    all.push(Contents::fields(rng, rows));
    all.push(Contents::Fields((0..rows).map(|_| Fr::random(&mut *rng)).collect()));
    all.push(Contents::Fields(vec![Fr::ZERO; rows]));
    all.push(Contents::Fields(vec![-Fr::ONE; rows]));
    all.push(Contents::Fields((0..rows).map(|r| if r == rows / 3 { Fr::random(&mut *rng) } else { Fr::ZERO }).collect()));
    all
}

/// A column of this width, even if a narrower one would do.
fn of_width(values: Vec<i64>, bits: u32) -> IntColumn {
    match bits {
        8 => IntColumn::I8(values.into_iter().map(|v| v as i8).collect()),
        16 => IntColumn::I16(values.into_iter().map(|v| v as i16).collect()),
        32 => IntColumn::I32(values.into_iter().map(|v| v as i32).collect()),
        _ => IntColumn::I64(values),
    }
}
