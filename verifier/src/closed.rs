//! Fixed columns that verifiers compute: packed keys have no commitment of them, and packed proofs no evaluation.
//!
//! ```text
//! usable(x)      = Σ_{0 ≤ r < n−b−1} L_r(x)      = 1 − l_last − l_blind          1 on usable rows, 0 behind them
//! usable(x/ω)    = Σ_{0 < r ≤ n−b−1} L_r(x)      = 1 − l_0 − l_blind             L_r(x/ω) = L_{r+1}(x)
//! last_usable(x) = L_{n−b−2}(x)                                                  1 on the last usable row, 0 elsewhere
//! ```
//!
//! with b, `l_0`, `l_last` and `l_blind` of `lagrange`.
//!
//! # Soundness
//! A value that is computed is right: there is nothing that a prover could choose. That the circuit's column is the one in closed
//! form is a matter of the key, as the values of a committed column are.

use serde::{Deserialize, Serialize};

use crate::constraints::{index, ConstraintSystem, Query};
use crate::error::KeyError;

/// Which fixed columns are in closed form. In plain keys none is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedColumns {
    /// The column that is 1 on usable rows and 0 behind them.
    pub usable: Option<u32>,
    /// The column that is 1 on the last usable row and 0 elsewhere.
    pub last_usable: Option<u32>,
}

/// A value that a verifier computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// `usable(x)`.
    Usable,
    /// `usable(x/ω)`.
    UsableBefore,
    /// `last_usable(x)`.
    LastUsable,
}

/// Where the value of a fixed query comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixedValue {
    /// The scalar of the proof at this position.
    Proof(usize),
    /// A verifier computes it.
    Closed(Closed),
}

impl ClosedColumns {
    /// Whether a column is in closed form.
    pub fn contains(&self, column: u32) -> bool {
        self.usable == Some(column) || self.last_usable == Some(column)
    }

    /// The value of a query in closed form. `None` for a column or a rotation that has none.
    pub fn value(&self, query: Query) -> Option<Closed> {
        match query.rotation {
            0 if self.usable == Some(query.column) => Some(Closed::Usable),
            -1 if self.usable == Some(query.column) => Some(Closed::UsableBefore),
            0 if self.last_usable == Some(query.column) => Some(Closed::LastUsable),
            _ => None,
        }
    }

    /// Checks that they are two fixed columns, with queries in closed form alone.
    ///
    /// # Errors
    /// A column that there is not, the same one twice, or a query at another rotation.
    pub(crate) fn check(&self, constraints: &ConstraintSystem) -> Result<(), KeyError> {
        let range = |actual: u32, fits: bool| match fits {
            true => Ok(()),
            false => Err(KeyError::Range { what: "column in closed form", actual: index(actual) }),
        };
        for column in self.usable.into_iter().chain(self.last_usable) {
            range(column, column < constraints.num_fixed && self.usable != self.last_usable)?;
            let mut queries = constraints.fixed_queries.iter().filter(|query| query.column == column);
            range(column, queries.all(|query| self.value(*query).is_some()))?;
        }
        Ok(())
    }
}
