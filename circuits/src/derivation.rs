//! How each column of the second phase follows from the columns before it: what a prover runs on whole columns.
//!
//! ```text
//! Recurrence     column = factor · column' + term                         ' is the row before; 0 before row 0
//! Reciprocals    column = Σ_i 1/denominator_i
//! RunningSum     column = column' + term − numerator/denominator
//! Copies         column = the cell that a copy constraint names, 1 where `one` is set, else 0
//! ```
//!
//! The expressions are those of the gates, so a column that is derived satisfies its gate on usable rows. The witness of
//! [`crate::witness`] computes the same columns row by row, knowing what they mean.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{ConstraintSystem, Expression};

use crate::gates::Gates;

/// How a column is derived. Derivations are ordered: each reads columns of the first phase and of derivations before it.
#[derive(Clone, Debug)]
pub enum Derivation {
    /// `column = factor · column' + term`.
    Recurrence {
        /// Advice column.
        column: usize,
        /// Factor of the row before.
        factor: Expression<Fr>,
        /// What is added.
        term: Expression<Fr>,
    },
    /// `column = Σ_i 1/denominator_i`.
    Reciprocals {
        /// Advice column.
        column: usize,
        /// Not zero but with negligible probability.
        denominators: Vec<Expression<Fr>>,
    },
    /// `column = column' + term − numerator/denominator`.
    RunningSum {
        /// Advice column.
        column: usize,
        /// What is added.
        term: Expression<Fr>,
        /// Numerator of what is subtracted.
        numerator: Expression<Fr>,
        /// Not zero but with negligible probability.
        denominator: Expression<Fr>,
    },
    /// Cells that copy constraints name; 1 where the fixed column `one` is set; 0 elsewhere.
    Copies {
        /// Advice column.
        column: usize,
        /// Fixed column, if cells may hold the constant.
        one: Option<usize>,
    },
}

impl Derivation {
    /// Adds the gate of a recurrence: `on · (column − factor · column' − term) = 0`.
    pub(crate) fn gate(&self, meta: &mut ConstraintSystem<Fr>, gates: &Gates<'_>, name: &'static str) {
        if let Self::Recurrence { column, factor, term } = self {
            let before = gates.advice_before(*column);
            let gate = gates.on() * (gates.advice(*column) - factor.clone() * before - term.clone());
            meta.create_gate(name, |_| [gate]);
        }
    }

    /// The column.
    pub fn column(&self) -> usize {
        match self {
            Self::Recurrence { column, .. }
            | Self::Reciprocals { column, .. }
            | Self::RunningSum { column, .. }
            | Self::Copies { column, .. } => *column,
        }
    }
}
