//! Scalars of a program: expressions in challenges, evaluated once a proof.

use std::collections::HashMap;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;

/// What is known only while proving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symbol {
    /// A challenge of the circuit.
    Challenge(u32),
    /// Of the permutation: factor of a cell's name.
    Beta,
    /// Of the permutation: shift.
    Gamma,
    /// Combines the constraints.
    Y,
}

/// A scalar in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScalarId(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    Constant(Fr),
    Symbol(Symbol),
    Sum(ScalarId, ScalarId),
    Product(ScalarId, ScalarId),
}

/// The arena. A scalar's parts come before it.
#[derive(Debug, Default)]
pub struct Scalars {
    nodes: Vec<Node>,
    ids: HashMap<Node, ScalarId>,
}

impl Scalars {
    fn intern(&mut self, node: Node) -> ScalarId {
        if let Some(&id) = self.ids.get(&node) {
            return id;
        }
        let id = ScalarId(self.nodes.len() as u32);
        self.nodes.push(node);
        self.ids.insert(node, id);
        id
    }

    /// A constant.
    pub fn constant(&mut self, value: Fr) -> ScalarId {
        self.intern(Node::Constant(value))
    }

    /// 1.
    pub fn one(&mut self) -> ScalarId {
        self.constant(Fr::ONE)
    }

    /// A challenge.
    pub fn symbol(&mut self, symbol: Symbol) -> ScalarId {
        self.intern(Node::Symbol(symbol))
    }

    /// The value of a constant.
    pub fn known(&self, id: ScalarId) -> Option<Fr> {
        match self.nodes[id.0 as usize] {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The challenge, if the scalar is one.
    pub fn as_symbol(&self, id: ScalarId) -> Option<Symbol> {
        match self.nodes[id.0 as usize] {
            Node::Symbol(symbol) => Some(symbol),
            _ => None,
        }
    }

    /// Whether it is the constant 0.
    pub fn is_zero(&self, id: ScalarId) -> bool {
        self.known(id) == Some(Fr::ZERO)
    }

    /// Whether it is the constant 1.
    pub fn is_one(&self, id: ScalarId) -> bool {
        self.known(id) == Some(Fr::ONE)
    }

    /// `a + b`.
    pub fn add(&mut self, a: ScalarId, b: ScalarId) -> ScalarId {
        match (self.known(a), self.known(b)) {
            (Some(x), Some(y)) => self.constant(x + y),
            _ if self.is_zero(a) => b,
            _ if self.is_zero(b) => a,
            _ => self.intern(Node::Sum(a.min(b), a.max(b))),
        }
    }

    /// `a · b`.
    pub fn mul(&mut self, a: ScalarId, b: ScalarId) -> ScalarId {
        match (self.known(a), self.known(b)) {
            (Some(x), Some(y)) => self.constant(x * y),
            _ if self.is_one(a) || self.is_zero(b) => b,
            _ if self.is_one(b) || self.is_zero(a) => a,
            _ => self.intern(Node::Product(a.min(b), a.max(b))),
        }
    }

    /// The values of all scalars, by index.
    pub fn evaluate(&self, symbol: impl Fn(Symbol) -> Fr) -> Values {
        let mut values: Vec<Fr> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let at = |id: ScalarId| values[id.0 as usize];
            values.push(match *node {
                Node::Constant(value) => value,
                Node::Symbol(s) => symbol(s),
                Node::Sum(a, b) => at(a) + at(b),
                Node::Product(a, b) => at(a) * at(b),
            });
        }
        Values(values)
    }
}

/// The values of scalars in a proof.
#[derive(Debug)]
pub struct Values(Vec<Fr>);

impl Values {
    /// The value of a scalar.
    pub fn get(&self, id: ScalarId) -> Fr {
        self.0[id.0 as usize]
    }
}
