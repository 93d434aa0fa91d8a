//! Programs of the contract's interpreter: expressions with common subexpressions once, as multiply-adds over slots.
//!
//! ```text
//! slot      a field element of 32 bytes in memory; index of 16 bits
//! step      d ← a·b + c                                 8 bytes: a, b, c, d
//! run       d ← (..(d·s + v[start])·s + ..)·s + v[end∓1]   8 bytes: d, s, start, end; up or down
//! program   (count ‖ count · 4 steps ‖ run)*            count: 2 bytes; start = end is no run
//! ```
//!
//! An index is an address of memory in words. Unused steps have index 0 everywhere: scratch memory.

use std::collections::HashMap;

use ark_bn254::Fr;
use ark_ff::{One, Zero};

/// Steps in a 32-byte word.
const STEPS: usize = 4;
/// The shortest run that pays.
const SHORTEST_RUN: usize = 3;

/// An expression, by its index in the builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(usize);

/// Where a value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// A constant of the key.
    Constant(usize),
    /// A slot with a meaning: a challenge, an evaluation, a result.
    Named(usize),
    /// A slot that programs reuse.
    Temporary(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    Leaf(Place),
    Add(Id, Id),
    Multiply(Id, Id),
}

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Instruction {
    Step { a: Place, b: Place, c: Place, d: Place },
    Run { d: Place, s: Place, first: usize, last: usize },
}

/// A program over places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program(pub(crate) Vec<Instruction>);

/// Expressions, each once, and the constants of all programs.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    nodes: Vec<Node>,
    known: HashMap<Node, Id>,
    pub(crate) constants: Vec<Fr>,
    /// Slots for temporaries that the programs so far need.
    pub(crate) temporaries: usize,
}

impl Builder {
    fn node(&mut self, node: Node) -> Id {
        *self.known.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            Id(self.nodes.len() - 1)
        })
    }

    pub(crate) fn constant(&mut self, value: Fr) -> Id {
        let index = self.constants.iter().position(|c| *c == value).unwrap_or_else(|| {
            self.constants.push(value);
            self.constants.len() - 1
        });
        self.node(Node::Leaf(Place::Constant(index)))
    }

    pub(crate) fn named(&mut self, slot: usize) -> Id {
        self.node(Node::Leaf(Place::Named(slot)))
    }

    fn value(&self, id: Id) -> Option<Fr> {
        match self.nodes[id.0] {
            Node::Leaf(Place::Constant(index)) => Some(self.constants[index]),
            _ => None,
        }
    }

    pub(crate) fn add(&mut self, a: Id, b: Id) -> Id {
        match (self.value(a), self.value(b)) {
            (Some(x), Some(y)) => self.constant(x + y),
            (Some(x), _) if x.is_zero() => b,
            (_, Some(y)) if y.is_zero() => a,
            _ => self.node(Node::Add(a, b)),
        }
    }

    pub(crate) fn multiply(&mut self, a: Id, b: Id) -> Id {
        match (self.value(a), self.value(b)) {
            (Some(x), Some(y)) => self.constant(x * y),
            (Some(x), _) if x.is_one() => b,
            (_, Some(y)) if y.is_one() => a,
            (Some(x), _) if x.is_zero() => a,
            (_, Some(y)) if y.is_zero() => b,
            _ => self.node(Node::Multiply(a.min(b), a.max(b))),
        }
    }

    pub(crate) fn negate(&mut self, a: Id) -> Id {
        let minus = self.constant(-Fr::one());
        self.multiply(a, minus)
    }

    pub(crate) fn subtract(&mut self, a: Id, b: Id) -> Id {
        let b = self.negate(b);
        self.add(a, b)
    }

    pub(crate) fn multiply_add(&mut self, a: Id, b: Id, c: Id) -> Id {
        let product = self.multiply(a, b);
        self.add(product, c)
    }

    pub(crate) fn power(&mut self, base: Id, exponent: usize) -> Id {
        match exponent {
            0 => self.constant(Fr::one()),
            1 => base,
            n => {
                let half = self.power(base, n / 2);
                let square = self.multiply(half, half);
                if n % 2 == 0 {
                    square
                } else {
                    self.multiply(square, base)
                }
            }
        }
    }

    /// The place of an expression that is no operation.
    pub(crate) fn leaf(&self, id: Id) -> Option<Place> {
        match self.nodes[id.0] {
            Node::Leaf(place) => Some(place),
            _ => None,
        }
    }

    /// A program that writes expressions to named slots.
    pub(crate) fn program(&mut self, results: &[(usize, Id)]) -> Program {
        let steps = self.steps(results);
        let one = self.constant(Fr::one());
        let zero = self.constant(Fr::zero());
        let (one, zero) = (self.place_of_leaf(one), self.place_of_leaf(zero));
        let mut program = self.allocate(steps, results);
        // Results that are leaves, or were needed under another name.
        for (slot, id) in &program.1 {
            program.0.push(Instruction::Step { a: *id, b: one, c: zero, d: Place::Named(*slot) });
        }
        Program(program.0)
    }

    fn place_of_leaf(&self, id: Id) -> Place {
        self.leaf(id).unwrap_or(Place::Constant(0))
    }

    /// The operations that the results need, products fused into sums that are their only use.
    fn steps(&mut self, results: &[(usize, Id)]) -> Vec<Virtual> {
        let mut uses = vec![0usize; self.nodes.len()];
        results.iter().for_each(|(_, id)| uses[id.0] += 1);
        for index in (0..self.nodes.len()).rev() {
            if let (Node::Add(a, b) | Node::Multiply(a, b), true) = (self.nodes[index], uses[index] > 0) {
                uses[a.0] += 1;
                uses[b.0] += 1;
            }
        }
        let fusable = |id: Id| match self.nodes[id.0] {
            Node::Multiply(a, b) if uses[id.0] == 1 && results.iter().all(|r| r.1 != id) => Some((a, b)),
            _ => None,
        };
        let mut fused = vec![false; self.nodes.len()];
        let mut sums = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate().filter(|(i, _)| uses[*i] > 0) {
            if let Node::Add(a, b) = *node {
                // The product of Horner's rule is the older one: the run search looks for it.
                let pick = [(a, b), (b, a)].into_iter().find_map(|(p, c)| fusable(p).map(|(x, y)| (p, x, y, c)));
                if let Some((product, x, y, c)) = pick {
                    fused[product.0] = true;
                    sums.insert(index, (x, y, c));
                }
            }
        }
        let (one, zero) = (self.constant(Fr::one()), self.constant(Fr::zero()));
        let step = |index: usize| match self.nodes[index] {
            Node::Leaf(_) => None,
            Node::Multiply(a, b) => Some((a, b, zero)),
            Node::Add(a, b) => Some(sums.get(&index).copied().unwrap_or((a, one, b))),
        };
        let needed = (0..uses.len()).filter(|&i| uses[i] > 0 && !fused[i]);
        let all: Vec<Virtual> = needed.filter_map(|i| step(i).map(|(a, b, c)| Virtual { a, b, c, d: Id(i), run: None })).collect();
        self.runs(all, &uses, results)
    }

    /// Joins chains `d ← d·s + v[i]` over neighbouring slots.
    fn runs(&self, steps: Vec<Virtual>, uses: &[usize], results: &[(usize, Id)]) -> Vec<Virtual> {
        let named = |id: Id| match self.leaf(id) {
            Some(Place::Named(slot)) => Some(slot),
            _ => None,
        };
        let mut out: Vec<Virtual> = Vec::new();
        for step in steps {
            if let (Some(slot), Some(last)) = (named(step.c), out.last_mut()) {
                let factor = if step.a == last.d {
                    Some(step.b)
                } else if step.b == last.d {
                    Some(step.a)
                } else {
                    None
                };
                let alone = uses[last.d.0] == 1 && results.iter().all(|r| r.1 != last.d);
                if let (Some(s), true) = (factor.filter(|s| *s != last.d && self.leaf(*s).is_some()), alone) {
                    match &mut last.run {
                        Some(run) if run.s == s && follows(run.first, run.last, slot) => {
                            (run.last, last.d) = (slot, step.d);
                            continue;
                        }
                        _ => {
                            let run = Run { s, first: slot, last: slot };
                            out.push(Virtual { run: Some(run), ..step });
                            continue;
                        }
                    }
                }
            }
            out.push(step);
        }
        out
    }

    /// Gives every value a slot, and frees it after its last use.
    fn allocate(&mut self, steps: Vec<Virtual>, results: &[(usize, Id)]) -> (Vec<Instruction>, Vec<(usize, Place)>) {
        let mut last_use: HashMap<Id, usize> = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            last_use.extend([step.a, step.b, step.c].map(|id| (id, index)));
        }
        let mut wanted: HashMap<Id, usize> = HashMap::new();
        let mut copies = Vec::new();
        for (slot, id) in results {
            if self.leaf(*id).is_some() || wanted.contains_key(id) {
                copies.push((*slot, *id));
            } else {
                wanted.insert(*id, *slot);
            }
        }
        let mut places: HashMap<Id, Place> = HashMap::new();
        let (mut free, mut count) = (Vec::new(), 0);
        let mut out = Vec::new();
        let nodes = &self.nodes;
        let leaf = |id: Id| match nodes[id.0] {
            Node::Leaf(place) => Some(place),
            _ => None,
        };
        for (index, step) in steps.iter().enumerate() {
            let at = |places: &HashMap<Id, Place>, id: Id| leaf(id).or_else(|| places.get(&id).copied()).unwrap_or(Place::Constant(0));
            let [a, b, c] = [step.a, step.b, step.c].map(|id| at(&places, id));
            for id in [step.a, step.b, step.c] {
                if last_use.get(&id) == Some(&index) && !wanted.contains_key(&id) {
                    if let Some(Place::Temporary(slot)) = places.remove(&id) {
                        free.push(slot);
                    }
                }
            }
            let mut fresh = || {
                Place::Temporary(free.pop().unwrap_or_else(|| {
                    count += 1;
                    count - 1
                }))
            };
            let d = wanted.get(&step.d).map_or_else(&mut fresh, |slot| Place::Named(*slot));
            places.insert(step.d, d);
            emit(&mut out, step, (a, b, c, d), &leaf);
        }
        self.temporaries = self.temporaries.max(count);
        let copies =
            copies.into_iter().map(|(slot, id)| (slot, leaf(id).or_else(|| places.get(&id).copied()).unwrap_or(Place::Constant(0))));
        (out, copies.collect())
    }
}

/// A step before places are known; with a run, the step adds the run's first slot and the run the others.
#[derive(Clone, Copy, Debug)]
struct Virtual {
    a: Id,
    b: Id,
    c: Id,
    d: Id,
    run: Option<Run>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    s: Id,
    first: usize,
    last: usize,
}

/// Whether a slot continues a run, up or down.
fn follows(first: usize, last: usize, slot: usize) -> bool {
    (last >= first && slot == last + 1) || (last <= first && slot + 1 == last)
}

fn emit(out: &mut Vec<Instruction>, step: &Virtual, (a, b, c, d): (Place, Place, Place, Place), leaf: &dyn Fn(Id) -> Option<Place>) {
    out.push(Instruction::Step { a, b, c, d });
    let Some(run) = step.run.filter(|r| r.first != r.last) else { return };
    let s = leaf(run.s).unwrap_or(Place::Constant(0));
    let up = run.last > run.first;
    let slots: Vec<usize> = if up { (run.first + 1..=run.last).collect() } else { (run.last..run.first).rev().collect() };
    if slots.len() < SHORTEST_RUN {
        out.extend(slots.into_iter().map(|slot| Instruction::Step { a: d, b: s, c: Place::Named(slot), d }));
    } else {
        out.push(Instruction::Run { d, s, first: slots[0], last: slots[slots.len() - 1] });
    }
}

impl Program {
    /// The encoding, with the index of each place.
    pub(crate) fn encode(&self, slot: &dyn Fn(Place) -> u16) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = self.0.as_slice();
        while !rest.is_empty() {
            let steps = rest.iter().take_while(|i| matches!(i, Instruction::Step { .. })).count();
            let words = steps.div_ceil(STEPS);
            out.extend((words as u16).to_be_bytes());
            for instruction in &rest[..steps] {
                if let Instruction::Step { a, b, c, d } = instruction {
                    [a, b, c, d].into_iter().for_each(|place| out.extend(slot(*place).to_be_bytes()));
                }
            }
            out.resize(out.len() + (words * STEPS - steps) * 8, 0);
            rest = &rest[steps..];
            if let Some((Instruction::Run { d, s, first, last }, after)) = rest.split_first() {
                let (start, end) = (slot(Place::Named(*first)), slot(Place::Named(*last)));
                let end = if end >= start { end + 1 } else { end - 1 };
                [slot(*d), slot(*s), start, end].into_iter().for_each(|v| out.extend(v.to_be_bytes()));
                rest = after;
            } else {
                out.extend([0; 8]);
            }
        }
        out
    }
}
