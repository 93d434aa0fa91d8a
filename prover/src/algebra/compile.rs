//! From sums to programs: common factors first, linear parts last.
//!
//! A sum becomes one step. Its linear terms, also those inside of factors that appear on their own, come together in one
//! combination. Of its other terms the factor that most of them share is taken out, again and again:
//! `on·A + on·keep·B + on·keep·C` becomes `on·(A + keep·(B + C))`. Equal products and sums are computed once.

use std::collections::{BTreeMap, HashMap};

use super::{Algebra, Factor, Monomial, Query, ScalarId, Source, Sum, SumId, Term};
use crate::program::{Operand, Program, Step};

/// What a slot of a compiled program stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// A column.
    Query(Query),
    /// A virtual column: `Σ scalar · column`.
    Combination(Vec<Term>),
}

/// A program with what its slots and scalars stand for.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// The program.
    pub program: Program,
    /// Its slots.
    pub slots: Vec<Slot>,
    /// Its scalars.
    pub scalars: Vec<ScalarId>,
}

impl Compiled {
    /// The columns that its slots read as they are, sorted.
    pub fn columns(&self) -> Vec<Source> {
        let mut columns: Vec<Source> =
            self.slots.iter().filter_map(|s| if let Slot::Query(q) = s { Some(q.source) } else { None }).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

impl Algebra {
    /// Compiles sums to a program with one output each. `hoist` says which linear parts become combinations.
    pub fn compile(&mut self, sums: &[Sum], hoist: &dyn Fn(&[Term]) -> bool) -> Compiled {
        let mut emitter = Emitter { algebra: self, hoist, out: Compiled::default(), memo: Memo::default() };
        let outputs = sums.iter().map(|sum| emitter.sum(sum.clone())).collect();
        emitter.out.program.outputs = outputs;
        emitter.out
    }

    /// Compiles one sum, where columns are expensive: a linear part is hoisted if it has more than `most` terms, or two columns
    /// that no product reads. Columns with a closed form cost nothing.
    pub fn compile_sparing(&mut self, sum: &Sum, most: usize) -> Compiled {
        let all_hoisted = self.compile(std::slice::from_ref(sum), &|_| true);
        let needed = all_hoisted.columns();
        let free = |source: Source| matches!(source, Source::Point | Source::First | Source::Last);
        let saved = |terms: &[Term]| terms.iter().filter(|(q, _)| !free(q.source) && needed.binary_search(&q.source).is_err()).count();
        let closed = |terms: &[Term]| terms.iter().any(|(q, _)| free(q.source));
        self.compile(std::slice::from_ref(sum), &|terms| !closed(terms) && (terms.len() > most || saved(terms) > 1))
    }
}

#[derive(Default)]
struct Memo {
    sums: HashMap<SumId, Operand>,
    products: HashMap<(Operand, Operand), Operand>,
    slots: HashMap<Slot, Operand>,
    scalars: HashMap<ScalarId, Operand>,
}

struct Emitter<'a> {
    algebra: &'a mut Algebra,
    hoist: &'a dyn Fn(&[Term]) -> bool,
    out: Compiled,
    memo: Memo,
}

/// Products of two or more factors.
type Terms = Vec<(Vec<Factor>, ScalarId)>;

impl Emitter<'_> {
    fn step(&mut self, step: Step) -> Operand {
        self.out.program.steps.push(step);
        Operand::Register(self.out.program.steps.len() as u32 - 1)
    }

    fn slot(&mut self, slot: Slot) -> Operand {
        if let Some(&operand) = self.memo.slots.get(&slot) {
            return operand;
        }
        let operand = Operand::Slot(self.out.slots.len() as u32);
        self.out.slots.push(slot.clone());
        self.memo.slots.insert(slot, operand);
        operand
    }

    fn scalar(&mut self, scalar: ScalarId) -> Operand {
        if let Some(&operand) = self.memo.scalars.get(&scalar) {
            return operand;
        }
        let operand = Operand::Scalar(self.out.scalars.len() as u32);
        self.out.scalars.push(scalar);
        self.memo.scalars.insert(scalar, operand);
        operand
    }

    fn product(&mut self, a: Operand, b: Operand) -> Operand {
        let key = (a.min(b), a.max(b));
        if let Some(&operand) = self.memo.products.get(&key) {
            return operand;
        }
        let operand = self.step(Step { products: vec![(a, b)], sums: vec![] });
        self.memo.products.insert(key, operand);
        operand
    }

    fn factor(&mut self, factor: Factor) -> Operand {
        match factor {
            Factor::Query(query) => self.slot(Slot::Query(query)),
            Factor::Sum(id) => {
                if let Some(&operand) = self.memo.sums.get(&id) {
                    return operand;
                }
                let sum = self.algebra.sums[id.0 as usize].clone();
                let operand = self.sum(sum);
                self.memo.sums.insert(id, operand);
                operand
            }
        }
    }

    /// Takes the linear parts out of factors that stand alone: what is left of them has two terms or more, none linear.
    fn flatten(&mut self, mut sum: Sum) -> Sum {
        loop {
            let alone = |monomial: &Monomial| match monomial.0.as_slice() {
                [Factor::Sum(id)] => Some(*id),
                _ => None,
            };
            let splits = |id: SumId| {
                let inner = &self.algebra.sums[id.0 as usize];
                inner.keys().any(is_linear) || inner.len() < 2
            };
            let Some((monomial, id)) = sum.keys().find_map(|m| alone(m).filter(|&id| splits(id)).map(|id| (m.clone(), id))) else {
                return sum;
            };
            let Some(scalar) = sum.remove(&monomial) else { return sum };
            let inner = self.algebra.sums[id.0 as usize].clone();
            let (mut merged, rest): (Sum, Sum) = inner.into_iter().partition(|(m, _)| is_linear(m));
            if rest.len() == 1 {
                merged.extend(rest);
            } else if !rest.is_empty() {
                let rest = self.algebra.intern(&rest);
                let one = self.algebra.scalars.one();
                merged.insert(Monomial(vec![Factor::Sum(rest)]), one);
            }
            let scaled = self.algebra.scale(&merged, scalar);
            sum = self.algebra.add(sum, &scaled);
        }
    }

    /// One step for a sum; an operand as it is, if the sum is nothing else.
    fn sum(&mut self, sum: Sum) -> Operand {
        let sum = self.flatten(sum);
        let mut step = Step::default();
        let mut linear = Vec::new();
        let mut terms: Terms = Vec::new();
        for (monomial, scalar) in sum {
            match monomial.0.as_slice() {
                [] => step.sums.push(self.scalar(scalar)),
                [Factor::Query(query)] => linear.push((*query, scalar)),
                _ => terms.push((monomial.0, scalar)),
            }
        }
        while let Some(factor) = most_shared(&terms) {
            let (with, without): (Terms, Terms) = terms.into_iter().partition(|(factors, _)| factors.contains(&factor));
            terms = without;
            let mut quotient = Sum::new();
            for (mut factors, scalar) in with {
                if let Some(at) = factors.iter().position(|f| *f == factor) {
                    factors.remove(at);
                }
                self.algebra.add_term(&mut quotient, &Monomial(factors), scalar);
            }
            let (left, right) = (self.factor(factor), self.sum(quotient));
            step.products.push((left, right));
        }
        for (factors, scalar) in terms {
            self.chain(factors, scalar, &mut step);
        }
        self.linear(linear, &mut step);
        if let ([], [only]) = (step.products.as_slice(), step.sums.as_slice()) {
            return *only;
        }
        self.step(step)
    }

    fn chain(&mut self, factors: Vec<Factor>, scalar: ScalarId, step: &mut Step) {
        let mut operands: Vec<Operand> = factors.into_iter().map(|f| self.factor(f)).collect();
        let Some(last) = operands.pop() else { return };
        let head = operands.into_iter().reduce(|a, b| self.product(a, b));
        let one = self.algebra.scalars.is_one(scalar);
        match head {
            None if one => step.sums.push(last),
            None => {
                let scalar = self.scalar(scalar);
                step.products.push((scalar, last));
            }
            Some(head) if one => step.products.push((head, last)),
            Some(head) => {
                let product = self.product(head, last);
                let scalar = self.scalar(scalar);
                step.products.push((scalar, product));
            }
        }
    }

    fn linear(&mut self, terms: Vec<Term>, step: &mut Step) {
        let single = terms.len() == 1 && self.algebra.scalars.is_one(terms[0].1);
        if !terms.is_empty() && !single && (self.hoist)(&terms) {
            let combination = self.slot(Slot::Combination(terms));
            step.sums.push(combination);
            return;
        }
        for (query, scalar) in terms {
            let slot = self.slot(Slot::Query(query));
            if self.algebra.scalars.is_one(scalar) {
                step.sums.push(slot);
            } else {
                let scalar = self.scalar(scalar);
                step.products.push((scalar, slot));
            }
        }
    }
}

fn is_linear(monomial: &Monomial) -> bool {
    matches!(monomial.0.as_slice(), [] | [Factor::Query(_)])
}

/// The factor that most terms have, if two have it.
fn most_shared(terms: &Terms) -> Option<Factor> {
    let mut counts: BTreeMap<Factor, usize> = BTreeMap::new();
    for (factors, _) in terms {
        let mut distinct = factors.clone();
        distinct.dedup();
        for factor in distinct {
            *counts.entry(factor).or_default() += 1;
        }
    }
    let best = counts.into_iter().filter(|(_, count)| *count > 1).max_by_key(|&(factor, count)| (count, std::cmp::Reverse(factor)));
    best.map(|(factor, _)| factor)
}
