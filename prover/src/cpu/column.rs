//! Columns that know what they hold: integers as they are or entries of a table, with a tail of field elements, or field elements.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use sworn_circuits::column::IntColumn;
use sworn_circuits::field::embed;

/// A column of n values.
#[derive(Clone, Debug)]
pub enum Column {
    /// Integers in the first rows, field elements in the last, zeros between.
    Integers {
        /// The integers.
        values: Arc<IntColumn>,
        /// n.
        rows: usize,
        /// The last rows.
        tail: Vec<Fr>,
    },
    /// Sums of entries of a table in the first rows, field elements in the last.
    Lookups {
        /// The table.
        table: Arc<Vec<Fr>>,
        /// For each summand the entry of each row.
        indices: Vec<Vec<u32>>,
        /// n.
        rows: usize,
        /// The last rows.
        tail: Vec<Fr>,
    },
    /// Field elements.
    Fields(Vec<Fr>),
}

/// Integers of up to this magnitude are embedded by a table.
const SMALL: i64 = 1 << 12;

/// The field elements of −2^12 … 2^12.
fn small() -> &'static [Fr] {
    static TABLE: OnceLock<Vec<Fr>> = OnceLock::new();
    TABLE.get_or_init(|| (-SMALL..=SMALL).map(embed).collect())
}

/// Calls `$body` with the slice of a column of integers.
macro_rules! with_integers {
    ($column:expr, $slice:ident => $body:expr) => {
        match $column {
            sworn_circuits::column::IntColumn::I8($slice) => $body,
            sworn_circuits::column::IntColumn::I16($slice) => $body,
            sworn_circuits::column::IntColumn::I32($slice) => $body,
            sworn_circuits::column::IntColumn::I64($slice) => $body,
        }
    };
}
pub(super) use with_integers;

/// Embeds as many integers as there are; how many there were.
fn embed_all<T: Copy + Into<i64>>(integers: &[T], out: &mut [Fr]) -> usize {
    let table = small();
    for (to, &from) in out.iter_mut().zip(integers) {
        let v: i64 = from.into();
        let small = usize::try_from(v.saturating_add(SMALL)).ok().and_then(|at| table.get(at));
        *to = small.copied().unwrap_or_else(|| embed(v));
    }
    integers.len().min(out.len())
}

/// Copies those rows of a tail, which begins at `first`, that lie in `start..start + out.len()`.
fn copy_tail(tail: &[Fr], first: usize, start: usize, out: &mut [Fr]) {
    for (row, value) in (first..).zip(tail) {
        if let Some(to) = row.checked_sub(start).and_then(|at| out.get_mut(at)) {
            *to = *value;
        }
    }
}

impl Column {
    /// n.
    pub fn rows(&self) -> usize {
        match self {
            Self::Integers { rows, .. } | Self::Lookups { rows, .. } => *rows,
            Self::Fields(values) => values.len(),
        }
    }

    /// Rows of the tail.
    pub(super) fn tail(&self) -> &[Fr] {
        match self {
            Self::Integers { tail, .. } | Self::Lookups { tail, .. } => tail,
            Self::Fields(_) => &[],
        }
    }

    /// The integers, if it is a column of integers.
    pub(super) fn as_integers(&self) -> Option<&IntColumn> {
        match self {
            Self::Integers { values, .. } => Some(values),
            Self::Lookups { .. } | Self::Fields(_) => None,
        }
    }

    /// The values in `start..start + out.len()`, which does not wrap around.
    pub(super) fn copy_to(&self, start: usize, out: &mut [Fr]) {
        match self {
            Self::Fields(values) => out.copy_from_slice(&values[start..start + out.len()]),
            Self::Integers { values, rows, tail } => {
                let length = with_integers!(values.as_ref(), slice => embed_all(slice.get(start..).unwrap_or_default(), out));
                out[length..].fill(Fr::ZERO);
                copy_tail(tail, rows - tail.len(), start, out);
            }
            Self::Lookups { table, indices, rows, tail } => {
                out.fill(Fr::ZERO);
                for indices in indices {
                    let indices = indices.get(start..).unwrap_or_default();
                    out.iter_mut().zip(indices).for_each(|(out, &i)| *out += table[i as usize]);
                }
                copy_tail(tail, rows - tail.len(), start, out);
            }
        }
    }

    /// The values in `out.len()` rows from `start` on, around the end.
    pub(super) fn copy_wrapping(&self, start: i64, out: &mut [Fr]) {
        let rows = self.rows();
        let start = start.rem_euclid(rows as i64) as usize;
        let first = out.len().min(rows - start);
        let (head, rest) = out.split_at_mut(first);
        self.copy_to(start, head);
        if !rest.is_empty() {
            self.copy_wrapping(0, rest);
        }
    }

    /// The value in a row.
    pub(super) fn get(&self, row: usize) -> Fr {
        match self {
            Self::Fields(values) => values[row],
            Self::Lookups { table, indices, rows, tail } => match (row + tail.len()).checked_sub(*rows) {
                Some(at) => tail[at],
                None => indices.iter().filter_map(|i| i.get(row)).map(|&i| table[i as usize]).sum(),
            },
            Self::Integers { values, rows, tail } => match (row + tail.len()).checked_sub(*rows) {
                Some(at) => tail[at],
                None => embed(values.get(row)),
            },
        }
    }

    /// All values as field elements.
    pub(super) fn to_fields(&self) -> Cow<'_, [Fr]> {
        match self {
            Self::Fields(values) => Cow::Borrowed(values),
            Self::Integers { rows, .. } | Self::Lookups { rows, .. } => {
                let mut out = vec![Fr::ZERO; *rows];
                self.copy_to(0, &mut out);
                Cow::Owned(out)
            }
        }
    }
}
