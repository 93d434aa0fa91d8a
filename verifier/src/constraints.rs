//! The constraint system of a key.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::KeyError;
use crate::expression::{constant, Expression, Operation, MAX_DEPTH};

/// The most columns of a kind, gates, and queries.
const MAX_COUNT: usize = 1 << 16;
/// The most operations of all gates: each takes about 100 bytes of memory.
const MAX_OPERATIONS: usize = 1 << 22;
/// The farthest rotation of a query.
const MAX_ROTATION: i32 = 2;

/// The kinds of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ColumnKind {
    /// Advice.
    Advice,
    /// Fixed.
    Fixed,
    /// Instance.
    Instance,
}

/// A column at a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Query {
    /// Index of the column among its kind.
    pub column: u32,
    /// Rows after the current one.
    pub rotation: i32,
}

/// Columns, challenges, gates and permutation of a circuit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConstraintSystem {
    /// The phase of each advice column, 0 or 1.
    pub advice_phases: Vec<u8>,
    /// Number of fixed columns.
    pub num_fixed: u32,
    /// Number of challenges; all are squeezed after phase 0.
    pub num_challenges: u32,
    /// Queries of advice columns, in the order of their evaluations in a proof.
    pub advice_queries: Vec<Query>,
    /// Queries of fixed columns.
    pub fixed_queries: Vec<Query>,
    /// Queries of the instance column.
    pub instance_queries: Vec<Query>,
    /// Polynomials that vanish on every row.
    pub gates: Vec<Expression>,
    /// Columns under copy constraints.
    pub permutation: Vec<(ColumnKind, u32)>,
    /// Degree of the quotient's numerator.
    pub degree: u32,
}

/// An index or count as `usize`, which has 32 bits or more.
pub(crate) fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Whether all are different.
fn is_distinct<T: Clone + Ord>(values: &[T]) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| !matches!(pair, [a, b] if a == b))
}

impl ConstraintSystem {
    /// Checks every index and count, and that no query or permuted column is there twice.
    ///
    /// # Errors
    /// The first that is out of range.
    pub fn check(&self) -> Result<(), KeyError> {
        let range = |what, actual: usize, fits: bool| if fits { Ok(()) } else { Err(KeyError::Range { what, actual }) };
        let (advice, fixed) = (self.advice_phases.len(), index(self.num_fixed));
        range("number of advice columns", advice, advice > 0 && advice < MAX_COUNT && self.advice_phases.iter().all(|&p| p < 2))?;
        range("number of fixed columns", fixed, fixed < MAX_COUNT)?;
        range("number of challenges", index(self.num_challenges), self.num_challenges < 64)?;
        range("number of gates", self.gates.len(), self.gates.len() < MAX_COUNT)?;
        let operations = self.gates.iter().map(|gate| gate.0.len()).sum();
        range("number of operations", operations, operations < MAX_OPERATIONS)?;
        range("degree", index(self.degree), (3..=9).contains(&self.degree))?;
        for (queries, columns) in [(&self.advice_queries, advice), (&self.fixed_queries, fixed), (&self.instance_queries, 1)] {
            let fits = queries.iter().all(|q| index(q.column) < columns && q.rotation.unsigned_abs() <= MAX_ROTATION.unsigned_abs());
            range("query", queries.len(), fits && queries.len() < MAX_COUNT && is_distinct(queries))?;
        }
        for (gate, expression) in self.gates.iter().enumerate() {
            let error = KeyError::Expression { gate };
            let (depth, degree) = (expression.depth().ok_or(error.clone())?, expression.degree().ok_or(error.clone())?);
            if depth > MAX_DEPTH || degree > index(self.degree) || !expression.0.iter().all(|o| self.is_valid(o)) {
                return Err(error);
            }
        }
        let fits = self.permutation.len() < MAX_COUNT && self.permuted().is_some() && is_distinct(&self.permutation);
        range("number of permuted columns", self.permutation.len(), fits)
    }

    fn is_valid(&self, operation: &Operation) -> bool {
        let below = |i: u32, length: usize| index(i) < length;
        match operation {
            Operation::Constant(bytes) | Operation::Scale(bytes) => constant(bytes).is_some(),
            Operation::Fixed(i) => below(*i, self.fixed_queries.len()),
            Operation::Advice(i) => below(*i, self.advice_queries.len()),
            Operation::Instance(i) => below(*i, self.instance_queries.len()),
            Operation::Challenge(i) => *i < self.num_challenges,
            Operation::Negate | Operation::Add | Operation::Multiply => true,
        }
    }

    /// Queries of a kind of columns.
    pub fn queries(&self, kind: ColumnKind) -> &[Query] {
        match kind {
            ColumnKind::Advice => &self.advice_queries,
            ColumnKind::Fixed => &self.fixed_queries,
            ColumnKind::Instance => &self.instance_queries,
        }
    }

    /// The queries of the permuted columns at the current row. `None` if one has none.
    pub(crate) fn permuted(&self) -> Option<Vec<(ColumnKind, usize)>> {
        let mut current = BTreeMap::new();
        for kind in [ColumnKind::Advice, ColumnKind::Fixed, ColumnKind::Instance] {
            let queries = self.queries(kind).iter().enumerate().filter(|(_, query)| query.rotation == 0);
            current.extend(queries.map(|(at, query)| ((kind, query.column), at)));
        }
        self.permutation.iter().map(|column| Some((column.0, *current.get(column)?))).collect()
    }

    /// Columns that share a running or a partial product.
    pub fn chunk(&self) -> usize {
        index(self.degree.saturating_sub(2)).max(1)
    }

    /// Running products of the permutation; packed, one and the partial products.
    pub fn num_products(&self) -> usize {
        self.permutation.len().div_ceil(self.chunk())
    }

    /// Polynomials that the quotient is cut into.
    pub fn num_limbs(&self) -> usize {
        index(self.degree.saturating_sub(1))
    }

    /// Random rows at the end of an advice column, one less than the unusable rows.
    pub fn blinding_factors(&self) -> usize {
        let mut queries = alloc::vec![0usize; self.advice_phases.len()];
        for query in &self.advice_queries {
            if let Some(count) = queries.get_mut(index(query.column)) {
                *count = count.saturating_add(1);
            }
        }
        queries.into_iter().max().unwrap_or(1).max(3).saturating_add(2)
    }

    /// Rotation of the row after the usable ones, where running products end.
    pub fn last_rotation(&self) -> i32 {
        i32::try_from(self.blinding_factors()).map_or(i32::MIN, |count| -1 - count)
    }
}
