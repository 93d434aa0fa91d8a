//! Polynomials over columns, with challenges as coefficients: from halo2's expressions to programs.
//!
//! ```text
//! Expression -> Sum: Σ scalar · Π factors        factor: a column at a rotation, or another sum
//!            -> Compiled: a Program, its scalars, and combinations Σ scalar · column
//! ```
//!
//! Challenges have degree 0, so everything that is linear in columns has one scalar a column: such a *combination* is formed
//! from the columns as they are, small integers for the most part, and becomes one virtual column.

mod compile;
mod scalar;

use std::collections::{BTreeMap, HashMap};

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::Expression;
use sworn_circuits::shape::Place;

pub use compile::{Compiled, Slot};
pub use scalar::{ScalarId, Scalars, Symbol, Values};

/// A column of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Fixed column.
    Fixed(u32),
    /// Advice column.
    Advice(u32),
    /// The instance column.
    Instance,
    /// Where the permutation sends the cells of a permuted column.
    Sigma(u32),
    /// Running product of a chunk of permuted columns, or of all of them (0) and the partial products behind it.
    Product(u32),
    /// 1 on usable rows.
    Active,
    /// 1 on row 0.
    First,
    /// 1 on the row after the usable ones.
    Last,
    /// The point of the row: `ω^row`, on a coset `shift · ω^row`.
    Point,
    /// A column that is local to a computation.
    Local(u32),
}

/// A column at a rotation: the value `rotation` rows on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query {
    /// The column.
    pub source: Source,
    /// Rows after the current one.
    pub rotation: i32,
}

impl From<Place> for Source {
    fn from(place: Place) -> Self {
        match place {
            Place::Advice(column) => Self::Advice(u32::from(column)),
            Place::Fixed(column) => Self::Fixed(u32::from(column)),
            Place::Instance => Self::Instance,
        }
    }
}

impl Source {
    /// The column at this row.
    pub fn cur(self) -> Query {
        self.rotated(0)
    }

    /// The column at a rotation.
    pub fn rotated(self, rotation: i32) -> Query {
        Query { source: self, rotation }
    }
}

/// A sum in the arena of an [`Algebra`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SumId(u32);

/// What products are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Factor {
    Query(Query),
    Sum(SumId),
}

/// Products by their sorted factors, each with its scalar. No factors: a constant.
pub type Sum = BTreeMap<Monomial, ScalarId>;

/// Sorted factors.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monomial(Vec<Factor>);

/// A column with its scalar.
pub type Term = (Query, ScalarId);

/// Interns scalars and sums, so that equal subexpressions are one.
#[derive(Debug, Default)]
pub struct Algebra {
    /// The scalars.
    pub scalars: Scalars,
    sums: Vec<Sum>,
    ids: HashMap<Sum, SumId>,
}

impl Algebra {
    /// A column at a rotation.
    pub fn query(&mut self, query: Query) -> Sum {
        let one = self.scalars.one();
        Sum::from([(Monomial(vec![Factor::Query(query)]), one)])
    }

    /// A scalar.
    pub fn scalar(&mut self, scalar: ScalarId) -> Sum {
        if self.scalars.is_zero(scalar) {
            return Sum::new();
        }
        Sum::from([(Monomial::default(), scalar)])
    }

    /// A constant.
    pub fn constant(&mut self, value: Fr) -> Sum {
        let id = self.scalars.constant(value);
        self.scalar(id)
    }

    /// A challenge.
    pub fn symbol(&mut self, symbol: Symbol) -> Sum {
        let id = self.scalars.symbol(symbol);
        self.scalar(id)
    }

    /// `a + b`.
    pub fn add(&mut self, mut a: Sum, b: &Sum) -> Sum {
        for (monomial, &scalar) in b {
            self.add_term(&mut a, monomial, scalar);
        }
        a
    }

    /// `a − b`.
    pub fn sub(&mut self, a: Sum, b: &Sum) -> Sum {
        let negated = self.scale_by(b, -Fr::ONE);
        self.add(a, &negated)
    }

    fn add_term(&mut self, sum: &mut Sum, monomial: &Monomial, scalar: ScalarId) {
        let total = match sum.get(monomial) {
            Some(&before) => self.scalars.add(before, scalar),
            None => scalar,
        };
        if self.scalars.is_zero(total) {
            sum.remove(monomial);
        } else {
            sum.insert(monomial.clone(), total);
        }
    }

    /// `scalar · a`.
    pub fn scale(&mut self, a: &Sum, scalar: ScalarId) -> Sum {
        if self.scalars.is_zero(scalar) {
            return Sum::new();
        }
        a.iter().map(|(monomial, &s)| (monomial.clone(), self.scalars.mul(s, scalar))).collect()
    }

    fn scale_by(&mut self, a: &Sum, value: Fr) -> Sum {
        let scalar = self.scalars.constant(value);
        self.scale(a, scalar)
    }

    /// `a · b`. Products of two sums are not expanded.
    pub fn mul(&mut self, a: &Sum, b: &Sum) -> Sum {
        if a.is_empty() || b.is_empty() {
            return Sum::new();
        }
        let (left, right) = (self.as_term(a), self.as_term(b));
        if left.0 .0.is_empty() {
            return self.scale(b, left.1);
        }
        if right.0 .0.is_empty() {
            return self.scale(a, right.1);
        }
        let mut factors = left.0 .0;
        factors.extend(right.0 .0);
        factors.sort_unstable();
        Sum::from([(Monomial(factors), self.scalars.mul(left.1, right.1))])
    }

    /// The only term of a sum, or the sum as a factor.
    fn as_term(&mut self, sum: &Sum) -> (Monomial, ScalarId) {
        if sum.len() == 1 {
            if let Some((monomial, &scalar)) = sum.iter().next() {
                return (monomial.clone(), scalar);
            }
        }
        let id = self.intern(sum);
        (Monomial(vec![Factor::Sum(id)]), self.scalars.one())
    }

    fn intern(&mut self, sum: &Sum) -> SumId {
        if let Some(&id) = self.ids.get(sum) {
            return id;
        }
        let id = SumId(self.sums.len() as u32);
        self.sums.push(sum.clone());
        self.ids.insert(sum.clone(), id);
        id
    }

    /// The sum of an expression. Challenge `i` is [`Symbol::Challenge`]`(i)`.
    pub fn expression(&mut self, expression: &Expression<Fr>) -> Sum {
        match expression {
            Expression::Constant(value) => self.constant(*value),
            // This frontend has no selectors: keys are refused before.
            Expression::Selector(_) => Sum::new(),
            Expression::Fixed(q) => self.query(Source::Fixed(q.column_index() as u32).rotated(q.rotation().0)),
            Expression::Advice(q) => self.query(Source::Advice(q.column_index() as u32).rotated(q.rotation().0)),
            Expression::Instance(q) => self.query(Source::Instance.rotated(q.rotation().0)),
            Expression::Challenge(c) => self.symbol(Symbol::Challenge(c.index() as u32)),
            Expression::Negated(e) => {
                let e = self.expression(e);
                self.scale_by(&e, -Fr::ONE)
            }
            Expression::Sum(a, b) => {
                let (a, b) = (self.expression(a), self.expression(b));
                self.add(a, &b)
            }
            Expression::Product(a, b) => {
                let (a, b) = (self.expression(a), self.expression(b));
                self.mul(&a, &b)
            }
            Expression::Scaled(e, factor) => {
                let e = self.expression(e);
                self.scale_by(&e, *factor)
            }
        }
    }

    /// `Σ scalar · column + constant`, if the sum is linear.
    pub fn linear(&self, sum: &Sum) -> Option<(Vec<Term>, Option<ScalarId>)> {
        let mut terms = Vec::new();
        let mut constant = None;
        for (monomial, &scalar) in sum {
            match monomial.0.as_slice() {
                [] => constant = Some(scalar),
                [Factor::Query(query)] => terms.push((*query, scalar)),
                _ => return None,
            }
        }
        Some((terms, constant))
    }
}
