//! What every gate is built from: columns by name, the four challenges, Horner sums and powers as expressions.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Challenge, Column, ConstraintSystem, Expression, FirstPhase, Fixed, SecondPhase};

use crate::groups::Columns;
use crate::shape::Shape;

/// A polynomial expression over the columns.
pub(crate) type Expr = Expression<Fr>;

/// The challenges, squeezed after the commitments of the first phase.
#[derive(Clone, Copy, Debug)]
pub struct Challenges<T> {
    /// Of channels: weights and outputs of one position.
    pub channel: T,
    /// Of positions in an image.
    pub position: T,
    /// Compresses a table row.
    pub theta: T,
    /// Shift of LogUp.
    pub lambda: T,
}

/// Columns and challenges of a constraint system in the making.
pub(crate) struct Gates<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) columns: Columns,
    pub(crate) advice: Vec<Column<Advice>>,
    pub(crate) fixed: Vec<Column<Fixed>>,
    pub(crate) challenges: Challenges<Challenge>,
}

impl<'a> Gates<'a> {
    /// Creates the columns and challenges of a shape.
    pub(crate) fn new(meta: &mut ConstraintSystem<Fr>, shape: &'a Shape) -> Self {
        let columns = shape.columns();
        let first = columns.num_first_phase;
        let advice = (0..columns.num_advice)
            .map(|i| if i < first { meta.advice_column_in(FirstPhase) } else { meta.advice_column_in(SecondPhase) })
            .collect();
        let fixed = (0..columns.num_fixed).map(|_| meta.fixed_column()).collect();
        let mut challenge = || meta.challenge_usable_after(FirstPhase);
        let challenges = Challenges { channel: challenge(), position: challenge(), theta: challenge(), lambda: challenge() };
        Self { shape, columns, advice, fixed, challenges }
    }

    /// The advice cell of this row.
    pub(crate) fn advice(&self, column: usize) -> Expr {
        self.advice[column].cur()
    }

    /// The advice cell of the row before.
    pub(crate) fn advice_before(&self, column: usize) -> Expr {
        self.advice[column].rot(-1)
    }

    /// The fixed cell of this row.
    pub(crate) fn fixed(&self, column: usize) -> Expr {
        self.fixed[column].cur()
    }

    /// The fixed cell of the row before.
    pub(crate) fn fixed_before(&self, column: usize) -> Expr {
        self.fixed[column].rot(-1)
    }

    /// 1 on usable rows.
    pub(crate) fn on(&self) -> Expr {
        self.fixed(self.columns.lookups.on)
    }

    /// `2^bits`.
    pub(crate) fn unit(&self) -> Expr {
        Expr::Constant(Fr::from(1u64 << self.shape.bits))
    }
}

/// The constant 1.
pub(crate) fn one() -> Expr {
    Expr::Constant(Fr::from(1))
}

/// `challenge^exponent`.
pub(crate) fn power(challenge: Challenge, exponent: usize) -> Expr {
    match exponent {
        0 => one(),
        1 => challenge.expr(),
        n => {
            let half = power(challenge, n / 2);
            let square = half.clone() * half;
            if n % 2 == 0 {
                square
            } else {
                square * challenge.expr()
            }
        }
    }
}

/// `Σ_i challenge^(n−1−i) terms[i]`.
pub(crate) fn horner(terms: impl IntoIterator<Item = Expr>, challenge: Challenge) -> Expr {
    terms.into_iter().reduce(|acc, term| acc * challenge.expr() + term).unwrap_or(Expr::Constant(Fr::from(0)))
}

/// Sum of the terms.
pub(crate) fn sum(terms: impl IntoIterator<Item = Expr>) -> Expr {
    terms.into_iter().reduce(|acc, term| acc + term).unwrap_or(Expr::Constant(Fr::from(0)))
}
