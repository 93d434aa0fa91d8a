//! What the prover computes for a layout, compiled once a key: derived columns, permutation, numerator of the quotient.
//!
//! ```text
//! numerator = Σ_i y^{T−1−i} · expression_i         in halo2's order:
//!   gates
//!   l_0·(1 − z_0)
//!   l_last·(z_last² − z_last)
//!   l_0·(z_i − z_{i−1}(ω^last X))                                           i > 0
//!   active·(z_i(ωX)·Π_c (v_c + β·σ_c + γ) − z_i(X)·Π_c (v_c + β·δ^c·X + γ))   c in chunk i
//!
//! packed, with one running product z_0 and the partial products z_1 … z_{m−1} behind it:
//!   gates
//!   l_0·(1 − z_0)
//!   l_last·(z_0² − z_0)
//!   active·(z_{i+1}(X)·Π_c (v_c + β·σ_c + γ) − z_i(X)·Π_c (v_c + β·δ^c·X + γ))      z_m(X) is z_0(ωX)
//! ```

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::plonk::{Any, ConstraintSystem, Expression};
use sworn_circuits::circuit::configure;
use sworn_circuits::derivation::Derivation;
use sworn_circuits::layout::{Layout, UNUSABLE_ROWS};
use sworn_circuits::shape::{Place, LAMBDA};
use sworn_verifier::ClosedColumns;

use crate::algebra::{Algebra, Compiled, Query, Scalars, Source, Sum, Symbol, Term};
use crate::backend::NO_SOURCE;
use crate::error::KeyError;

/// Rotation of plain running products that carries one chunk to the next: to the row after the usable ones.
pub(crate) const LAST_ROTATION: i32 = -(UNUSABLE_ROWS as i32);

/// `Σ factor · advice column`.
pub(crate) type RangeForm = Vec<(u32, i64)>;

/// How second-phase columns are computed.
#[derive(Debug)]
pub(crate) enum Derived {
    /// Outputs: factor and term of a scan.
    Recurrence { column: u32, compiled: Compiled },
    /// Sums of reciprocals of integers plus a challenge, of several columns at once.
    Ranges { columns: Vec<(u32, Vec<RangeForm>)> },
    /// Outputs: denominators.
    Reciprocals { column: u32, compiled: Compiled },
    /// `denominator`: one output. `term`: reads the inverse as local column 0.
    RunningSum { column: u32, denominator: Compiled, term: Compiled },
    /// Rows of other advice or fixed columns.
    Copies { column: u32, sources: Vec<Source>, map: Vec<u32> },
}

/// Columns that share a running or a partial product.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Outputs: numerator and denominator of the ratio of a row.
    pub(crate) ratio: Compiled,
}

/// What the prover computes.
#[derive(Debug)]
pub(crate) struct Circuit {
    pub(crate) scalars: Scalars,
    pub(crate) num_advice: usize,
    pub(crate) num_first_phase: usize,
    pub(crate) num_challenges: usize,
    pub(crate) degree: usize,
    pub(crate) derived: Vec<Derived>,
    pub(crate) permuted: Vec<Source>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) numerator: Compiled,
    pub(crate) advice_queries: Vec<Query>,
    /// Those that are evaluated: without those in closed form.
    pub(crate) fixed_queries: Vec<Query>,
    /// Fixed columns that verifiers compute.
    pub(crate) closed: ClosedColumns,
}

/// The constraint system of a layout.
pub(crate) fn constraint_system(layout: &Layout) -> (ConstraintSystem<Fr>, Vec<Derivation>) {
    let mut meta = ConstraintSystem::default();
    let config = configure(&mut meta, &layout.shape);
    (meta, config.derivations().to_vec())
}

/// The fixed columns of a packed layout that verifiers compute: `on` and `last`, as long as they hold exactly what is computed.
fn closed_columns(layout: &Layout) -> ClosedColumns {
    let (fixed, usable) = (layout.shape.columns().lookups, layout.usable_rows());
    let is = |column: usize, value: &dyn Fn(usize) -> i64| {
        let column = layout.fixed.get(column);
        column.is_some_and(|column| (0..1 << layout.log_rows).all(|row| column.get(row) == value(row)))
    };
    let closed = |column: usize, value: &dyn Fn(usize) -> i64| (layout.pack > 1 && is(column, value)).then_some(column as u32);
    ClosedColumns {
        usable: closed(fixed.on, &|row| i64::from(row < usable)),
        last_usable: closed(fixed.last, &|row| i64::from(row + 1 == usable)),
    }
}

fn source(column_type: &Any, index: usize) -> Source {
    match column_type {
        Any::Advice(_) => Source::Advice(index as u32),
        Any::Fixed => Source::Fixed(index as u32),
        Any::Instance => Source::Instance,
    }
}

impl Circuit {
    /// Compiles a layout and its constraint system.
    pub(crate) fn new(layout: &Layout, meta: &ConstraintSystem<Fr>, derivations: &[Derivation]) -> Result<Self, KeyError> {
        assert_eq!(meta.blinding_factors() + 1, UNUSABLE_ROWS, "the layout and halo2 agree on unusable rows");
        let shape = &layout.shape;
        let num_first_phase = shape.columns().num_first_phase;
        let active = layout.fixed.iter().position(|c| (0..layout.usable_rows()).all(|r| c.get(r) == 1) && c.len() == layout.usable_rows());
        let mut builder = Builder { algebra: Algebra::default(), layout, num_first_phase };
        let derived = builder.derived(derivations)?;
        let permuted: Vec<Source> = meta.permutation().get_columns().iter().map(|c| source(c.column_type(), c.index())).collect();
        let degree = meta.degree();
        let length = degree - 2;
        let chunks = (0..permuted.len().div_ceil(length)).map(|i| builder.chunk(&permuted, length, i)).collect();
        let active = active.map(|c| c as u32);
        let numerator = builder.numerator(meta, &permuted, length, active);
        let queries = |queries: Vec<(u32, i32)>, to: fn(u32) -> Source| queries.into_iter().map(|(c, r)| to(c).rotated(r)).collect();
        let advice = meta.advice_queries().iter().map(|(c, r)| (c.index() as u32, r.0)).collect();
        let closed = closed_columns(layout);
        let fixed = meta.fixed_queries().iter().map(|(c, r)| (c.index() as u32, r.0));
        let fixed = fixed.filter(|(column, _)| !closed.contains(*column)).collect();
        Ok(Self {
            scalars: builder.algebra.scalars,
            num_advice: meta.num_advice_columns(),
            num_first_phase,
            num_challenges: meta.num_challenges(),
            degree,
            derived,
            permuted,
            chunks,
            numerator,
            advice_queries: queries(advice, Source::Advice),
            fixed_queries: queries(fixed, Source::Fixed),
            closed,
        })
    }

    /// Rotations at which an advice column is opened.
    pub(crate) fn num_openings(&self, column: usize) -> usize {
        self.advice_queries.iter().filter(|q| q.source == Source::Advice(column as u32)).count()
    }
}

struct Builder<'a> {
    algebra: Algebra,
    layout: &'a Layout,
    num_first_phase: usize,
}

/// In the row domain columns of integers are cheap to combine and expensive to embed one by one.
fn hoist_rows(terms: &[Term]) -> bool {
    terms.len() > 1
}

impl Builder<'_> {
    fn compile(&mut self, expressions: &[&Expression<Fr>]) -> Compiled {
        let sums: Vec<Sum> = expressions.iter().map(|e| self.algebra.expression(e)).collect();
        self.algebra.compile(&sums, &hoist_rows)
    }

    fn derived(&mut self, derivations: &[Derivation]) -> Result<Vec<Derived>, KeyError> {
        let mut derived = Vec::new();
        let mut ranges = Vec::new();
        for derivation in derivations {
            derived.push(match derivation {
                Derivation::Recurrence { column, factor, term } => {
                    Derived::Recurrence { column: *column as u32, compiled: self.compile(&[factor, term]) }
                }
                Derivation::Reciprocals { column, denominators } => {
                    if let Some(forms) = denominators.iter().map(|d| self.range_form(d)).collect() {
                        ranges.push((*column as u32, forms));
                        continue;
                    }
                    Derived::Reciprocals { column: *column as u32, compiled: self.compile(&denominators.iter().collect::<Vec<_>>()) }
                }
                Derivation::RunningSum { column, term, numerator, denominator } => {
                    let (term, numerator) = (self.algebra.expression(term), self.algebra.expression(numerator));
                    let inverse = self.algebra.query(Source::Local(0).cur());
                    let fraction = self.algebra.mul(&numerator, &inverse);
                    let sum = self.algebra.sub(term, &fraction);
                    let term = self.algebra.compile(&[sum], &hoist_rows);
                    Derived::RunningSum { column: *column as u32, denominator: self.compile(&[denominator]), term }
                }
                Derivation::Copies { column, one } => self.copies(*column, *one)?,
            });
        }
        // Range lookups read the first phase only.
        if !ranges.is_empty() {
            derived.insert(0, Derived::Ranges { columns: ranges });
        }
        Ok(derived)
    }

    /// `λ + Σ integer · first-phase column`.
    fn range_form(&mut self, denominator: &Expression<Fr>) -> Option<RangeForm> {
        let sum = self.algebra.expression(denominator);
        let (terms, constant) = self.algebra.linear(&sum)?;
        if constant.and_then(|c| self.algebra.scalars.as_symbol(c)) != Some(Symbol::Challenge(LAMBDA as u32)) {
            return None;
        }
        let term = |(query, scalar): &Term| match query {
            Query { source: Source::Advice(column), rotation: 0 } if (*column as usize) < self.num_first_phase => {
                Some((*column, as_integer(self.algebra.scalars.known(*scalar)?)?))
            }
            _ => None,
        };
        terms.iter().map(term).collect()
    }

    fn copies(&self, column: usize, one: Option<usize>) -> Result<Derived, KeyError> {
        let rows = 1usize << self.layout.log_rows;
        let mut sources: Vec<Source> = one.map(|one| Source::Fixed(one as u32)).into_iter().collect();
        let mut map = vec![NO_SOURCE; rows];
        let index = |sources: &mut Vec<Source>, source: Source, row: usize| {
            let at = sources.iter().position(|s| *s == source).unwrap_or_else(|| {
                sources.push(source);
                sources.len() - 1
            });
            u32::try_from(at * rows + row).ok().filter(|&i| i != NO_SOURCE).ok_or(KeyError::TooLarge)
        };
        if let Some(one) = one {
            for row in (0..self.layout.fixed[one].len()).filter(|&row| self.layout.fixed[one].get(row) == 1) {
                map[row] = index(&mut sources, Source::Fixed(one as u32), row)?;
            }
        }
        for (from, to) in self.layout.copies.iter().filter(|(_, to)| to.place == Place::Advice(column as u16)) {
            map[to.row as usize] = index(&mut sources, from.place.into(), from.row as usize)?;
        }
        Ok(Derived::Copies { column: column as u32, sources, map })
    }

    /// `Π_c (v_c + β·name_c + γ)` over columns and their names.
    fn named(&mut self, columns: &[Source], names: &[Sum]) -> Sum {
        let (beta, gamma) = (self.algebra.symbol(Symbol::Beta), self.algebra.symbol(Symbol::Gamma));
        let mut product = self.algebra.constant(Fr::ONE);
        for (&column, name) in columns.iter().zip(names) {
            let value = self.algebra.query(column.cur());
            let name = self.algebra.mul(&beta, name);
            let sum = self.algebra.add(value, &name);
            let sum = self.algebra.add(sum, &gamma);
            product = self.algebra.mul(&product, &sum);
        }
        product
    }

    /// The two sides of a chunk: names of cells, and of where the permutation sends them.
    fn sides(&mut self, permuted: &[Source], length: usize, index: usize) -> (Sum, Sum) {
        let range = index * length..((index + 1) * length).min(permuted.len());
        let mut identity = Vec::new();
        let mut sigma = Vec::new();
        for c in range.clone() {
            let point = self.algebra.query(Source::Point.cur());
            let delta = self.algebra.constant(Fr::DELTA.pow_vartime([c as u64]));
            identity.push(self.algebra.mul(&delta, &point));
            sigma.push(self.algebra.query(Source::Sigma(c as u32).cur()));
        }
        (self.named(&permuted[range.clone()], &identity), self.named(&permuted[range], &sigma))
    }

    fn chunk(&mut self, permuted: &[Source], length: usize, index: usize) -> Chunk {
        let (numerator, denominator) = self.sides(permuted, length, index);
        Chunk { ratio: self.algebra.compile(&[numerator, denominator], &|_| false) }
    }

    fn numerator(&mut self, meta: &ConstraintSystem<Fr>, permuted: &[Source], length: usize, active: Option<u32>) -> Compiled {
        let mut expressions: Vec<Sum> = meta.gates().iter().flat_map(|g| g.polynomials()).map(|e| self.algebra.expression(e)).collect();
        let (count, packed) = (permuted.len().div_ceil(length), self.layout.pack > 1);
        let z = |i: usize| Source::Product(i as u32);
        if count > 0 {
            let (first, last) = (self.algebra.query(Source::First.cur()), self.algebra.query(Source::Last.cur()));
            let (one, head) = (self.algebra.constant(Fr::ONE), self.algebra.query(z(0).cur()));
            let difference = self.algebra.sub(one.clone(), &head);
            expressions.push(self.algebra.mul(&first, &difference));
            let end = self.algebra.query(if packed { z(0) } else { z(count - 1) }.cur());
            let less = self.algebra.sub(end.clone(), &one);
            let square = self.algebra.mul(&end, &less);
            expressions.push(self.algebra.mul(&last, &square));
            for i in (1..count).filter(|_| !packed) {
                let (here, before) = (self.algebra.query(z(i).cur()), self.algebra.query(z(i - 1).rotated(LAST_ROTATION)));
                let difference = self.algebra.sub(here, &before);
                expressions.push(self.algebra.mul(&first, &difference));
            }
        }
        let active = self.algebra.query(active.map_or(Source::Active, Source::Fixed).cur());
        for i in 0..count {
            let (identity, sigma) = self.sides(permuted, length, i);
            let next = match packed {
                true if i + 1 < count => z(i + 1).cur(),
                true => z(0).rotated(1),
                false => z(i).rotated(1),
            };
            let (next, here) = (self.algebra.query(next), self.algebra.query(z(i).cur()));
            let (left, right) = (self.algebra.mul(&next, &sigma), self.algebra.mul(&here, &identity));
            let difference = self.algebra.sub(left, &right);
            expressions.push(self.algebra.mul(&active, &difference));
        }
        let y = self.algebra.scalars.symbol(Symbol::Y);
        let mut power = self.algebra.scalars.one();
        let mut total = Sum::new();
        for expression in expressions.iter().rev() {
            let scaled = self.algebra.scale(expression, power);
            total = self.algebra.add(total, &scaled);
            power = self.algebra.scalars.mul(power, y);
        }
        // A transform of k/2 products a row against one product a term and coset.
        let most = 1 + 5 * self.layout.log_rows as usize / 8;
        self.algebra.compile_sparing(&total, most)
    }
}

/// The small integer that a field element stands for.
fn as_integer(value: Fr) -> Option<i64> {
    let small = |v: Fr| {
        let repr = v.to_repr();
        let (low, high) = repr.as_ref().split_at(4);
        high.iter().all(|&b| b == 0).then(|| low.iter().rev().fold(0i64, |acc, &b| acc << 8 | i64::from(b)))
    };
    small(value).or_else(|| small(-value).map(|v| -v))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use halo2_proofs::halo2curves::bn256::Fr;
    use halo2_proofs::halo2curves::ff::Field;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;
    use sworn_circuits::column::IntColumn;
    use sworn_circuits::graph::{
        Activation, Channels, Conv, Elementwise, Gather, Linear, Max, Node, NodeId, Op, Output, QuantGraph, Table, Term,
    };
    use sworn_circuits::layout::{Choice, Visibility};

    use super::*;
    use crate::algebra::Slot;

    /// A convolution, a maximum, an element-wise operation with a table and a dense layer; bits that range checks may split.
    fn graph(tables: bool) -> QuantGraph {
        let node = |op, inputs: &[usize], shape: &[usize]| Node {
            name: String::new(),
            op,
            inputs: inputs.iter().map(|&i| NodeId(i)).collect(),
            shape: shape.to_vec(),
            scale: 1.0,
            shift: 6,
        };
        let conv = Term::Conv(Conv::new([3, 3], [1, 1], [1, 1], [1, 1], 1, vec![3; 18]));
        let linear = |channels, term, outputs| {
            Op::Linear(Linear { channels, terms: vec![term], bias: vec![1; outputs], activation: Activation::Relu })
        };
        let windows = (0..32).map(|i| i / 4 * 4 + i % 4).collect();
        let activation = if tables { Activation::Table(0) } else { Activation::None };
        let elementwise = Elementwise { ca: vec![9], cb: 5, cm: 0, c: vec![3], activation };
        let nodes = vec![
            node(Op::Input, &[], &[1, 1, 4, 4]),
            node(linear(Channels::First, conv, 2), &[0], &[1, 2, 4, 4]),
            node(Op::Max(Max { window: 4, windows }), &[1], &[1, 2, 2, 2]),
            node(Op::Elementwise(elementwise), &[2, 2], &[1, 2, 2, 2]),
            node(Op::Gather(Gather::identity(8)), &[3], &[1, 8]),
            node(linear(Channels::Last, Term::Conv(Conv::dense(vec![2; 24])), 3), &[4], &[1, 3]),
        ];
        let table = Table { name: "table".into(), first: -32, values: (-32..32).map(|v| v / 2).collect(), second: Vec::new() };
        let tables = if tables { vec![table] } else { vec![] };
        QuantGraph {
            bits: 6,
            nodes,
            inputs: vec![NodeId(0)],
            outputs: vec![Output::new(NodeId(5), "y"), Output::new(NodeId(1), "z")],
            tables,
        }
    }

    /// Random values, the same for the same key.
    struct Values<K>(HashMap<K, Fr>, ChaCha20Rng);

    impl<K: std::hash::Hash + Eq> Values<K> {
        fn new(seed: u64) -> Self {
            Self(HashMap::new(), ChaCha20Rng::seed_from_u64(seed))
        }

        fn get(&mut self, key: K) -> Fr {
            *self.0.entry(key).or_insert_with(|| Fr::random(&mut self.1))
        }
    }

    /// The expressions as the table at the top and halo2's verifier have them.
    fn naive(
        meta: &ConstraintSystem<Fr>,
        active: Source,
        packed: bool,
        at: &dyn Fn(Query) -> Fr,
        symbol: &dyn Fn(Symbol) -> Fr,
    ) -> Vec<Fr> {
        let gate = |e: &Expression<Fr>| {
            e.evaluate(
                &|c| c,
                &|_| Fr::ZERO,
                &|q| at(Source::Fixed(q.column_index() as u32).rotated(q.rotation().0)),
                &|q| at(Source::Advice(q.column_index() as u32).rotated(q.rotation().0)),
                &|q| at(Source::Instance.rotated(q.rotation().0)),
                &|c| symbol(Symbol::Challenge(c.index() as u32)),
                &|a| -a,
                &|a, b| a + b,
                &|a, b| a * b,
                &|a, s| a * s,
            )
        };
        let mut all: Vec<Fr> = meta.gates().iter().flat_map(|g| g.polynomials()).map(gate).collect();
        let columns: Vec<Source> = meta.permutation().get_columns().iter().map(|c| source(c.column_type(), c.index())).collect();
        let (first, last, active) = (at(Source::First.cur()), at(Source::Last.cur()), at(active.cur()));
        let z = |i: usize, rotation: i32| at(Source::Product(i as u32).rotated(rotation));
        let length = meta.degree() - 2;
        let count = columns.len().div_ceil(length);
        all.push(first * (Fr::ONE - z(0, 0)));
        if packed {
            all.push(last * (z(0, 0).square() - z(0, 0)));
        } else {
            all.push(last * (z(count - 1, 0).square() - z(count - 1, 0)));
            all.extend((1..count).map(|i| first * (z(i, 0) - z(i - 1, -6))));
        }
        let (beta, gamma, x) = (symbol(Symbol::Beta), symbol(Symbol::Gamma), at(Source::Point.cur()));
        all.extend((0..count).map(|i| {
            let next = match packed {
                false => z(i, 1),
                true if i + 1 == count => z(0, 1),
                true => z(i + 1, 0),
            };
            let (mut left, mut right) = (next, z(i, 0));
            for (c, column) in columns.iter().enumerate().skip(i * length).take(length) {
                left *= at(column.cur()) + beta * at(Source::Sigma(c as u32).cur()) + gamma;
                right *= at(column.cur()) + beta * Fr::DELTA.pow_vartime([c as u64]) * x + gamma;
            }
            active * (left - right)
        }));
        all
    }

    /// A column is in closed form only if it is the one that is computed: changed in one row, it is committed.
    #[test]
    fn columns_in_closed_form_hold_what_is_computed() {
        let (graph, visibility) = (graph(false), Visibility { input: false, pack_public: false });
        let Ok(plain) = Layout::new(&graph, visibility) else { panic!("the graph has a layout") };
        assert_eq!(closed_columns(&plain), ClosedColumns::default());
        let Ok(packed) = Layout::restore(&graph, visibility, Choice { pack: 4, ..plain.choice() }) else { panic!("it may be packed") };
        let (on, last) = (packed.shape.columns().lookups.on, packed.shape.columns().lookups.last);
        let closed = closed_columns(&packed);
        assert_eq!(closed, ClosedColumns { usable: Some(on as u32), last_usable: Some(last as u32) });
        for column in [on, last] {
            for row in [0, packed.usable_rows() - 1, packed.usable_rows(), (1 << packed.log_rows) - 1] {
                let Ok(mut changed) = Layout::restore(&graph, visibility, packed.choice()) else { panic!("it has one again") };
                let mut values: Vec<i64> = (0..1 << packed.log_rows).map(|r| packed.fixed[column].get(r)).collect();
                values[row] ^= 1;
                changed.fixed[column] = IntColumn::new(&values).into();
                let is_kept = |other: usize| (other != column).then_some(other as u32);
                assert_eq!(closed_columns(&changed), ClosedColumns { usable: is_kept(on), last_usable: is_kept(last) }, "row {row}");
            }
        }
    }

    #[test]
    fn the_numerator_is_the_combination_of_all_expressions() {
        for (tables, input, pack) in [(false, true, 1), (true, false, 1), (true, false, 4)] {
            let (graph, visibility) = (graph(tables), Visibility { input, pack_public: false });
            let Ok(layout) = Layout::new(&graph, visibility) else { panic!("the graph has a layout") };
            let choice = Choice { pack, ..layout.choice() };
            let Ok(layout) = Layout::restore(&graph, visibility, choice) else { panic!("the layout may be packed") };
            let (meta, derivations) = constraint_system(&layout);
            let Ok(circuit) = Circuit::new(&layout, &meta, &derivations) else { panic!("the layout compiles") };
            assert!(circuit.chunks.len() > 1, "there is more than one chunk");
            let (on, rows) = (&layout.fixed[layout.shape.columns().lookups.on], 1 << layout.log_rows);
            assert!((0..rows).all(|r| on.get(r) == i64::from(r < rows - UNUSABLE_ROWS)), "usable rows are marked");
            for seed in 0..3 {
                let columns = std::cell::RefCell::new(Values::new(seed));
                let symbols = std::cell::RefCell::new(Values::new(seed + 100));
                let at = |query: Query| columns.borrow_mut().get(query);
                let symbol = |s: Symbol| symbols.borrow_mut().get(s);
                let active = Source::Fixed(layout.shape.columns().lookups.on as u32);
                let y = symbol(Symbol::Y);
                let expected = naive(&meta, active, pack > 1, &at, &symbol).into_iter().fold(Fr::ZERO, |acc, e| acc * y + e);
                let values = circuit.scalars.evaluate(symbol);
                let slot = |slot: &Slot| match slot {
                    Slot::Query(query) => at(*query),
                    Slot::Combination(terms) => terms.iter().map(|(q, s)| at(*q) * values.get(*s)).sum(),
                };
                let slots: Vec<Fr> = circuit.numerator.slots.iter().map(slot).collect();
                let scalars: Vec<Fr> = circuit.numerator.scalars.iter().map(|s| values.get(*s)).collect();
                assert_eq!(circuit.numerator.program.run(&slots, &scalars), [expected]);
            }
        }
    }
}
