//! The value that the quotient must have at x.
//!
//! ```text
//! h(x) = (Σ_i y^{m−i} · e_i(x)) / (x^n − 1)        e: gates, then the identities of the permutation
//! ```
//!
//! The prover does not send h(x): the commitment of the quotient is opened to this value, so a gate that does not vanish
//! on the rows is a wrong opening.

use alloc::vec::Vec;

use crate::closed::{Closed, FixedValue};
use crate::constraints::{index, ColumnKind, ConstraintSystem};
use crate::expression::{constant, Expression, Operation};
use crate::field::Fr;
use crate::lagrange::Lagrange;
use crate::permutation::Permutation;
use crate::proof::Proof;
use crate::shape::Shape;

/// Where a value at x comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The scalar of the proof at this position.
    Proof(usize),
    /// The instance query of this index.
    Instance(usize),
    /// What a fixed column in closed form has.
    Closed(Closed),
}

impl Source {
    /// The query of a kind of columns. `None` if there is no such fixed query.
    pub(crate) fn new(kind: ColumnKind, query: usize, shape: &Shape) -> Option<Self> {
        Some(match kind {
            ColumnKind::Advice => Self::Proof(query),
            ColumnKind::Fixed => match *shape.fixed.get(query)? {
                FixedValue::Proof(position) => Self::Proof(position),
                FixedValue::Closed(value) => Self::Closed(value),
            },
            ColumnKind::Instance => Self::Instance(query),
        })
    }

    pub(crate) fn value(self, values: &[Fr], lagrange: &Lagrange) -> Option<Fr> {
        match self {
            Self::Proof(position) => values.get(position).copied(),
            Self::Instance(query) => lagrange.instance.get(query).copied(),
            Self::Closed(value) => Some(lagrange.closed(value)),
        }
    }
}

/// An operation of a gate, with its constants decoded and its leaves found.
#[derive(Clone, Debug)]
enum Step {
    Constant(Fr),
    Value(Source),
    Challenge(usize),
    Negate,
    Add,
    Multiply,
    Scale(Fr),
}

impl Step {
    fn new(operation: &Operation, shape: &Shape) -> Option<Self> {
        let value = |kind, query: u32| Source::new(kind, index(query), shape).map(Self::Value);
        Some(match operation {
            Operation::Constant(bytes) => Self::Constant(constant(bytes)?),
            Operation::Scale(bytes) => Self::Scale(constant(bytes)?),
            Operation::Fixed(query) => value(ColumnKind::Fixed, *query)?,
            Operation::Advice(query) => value(ColumnKind::Advice, *query)?,
            Operation::Instance(query) => value(ColumnKind::Instance, *query)?,
            Operation::Challenge(challenge) => Self::Challenge(index(*challenge)),
            Operation::Negate => Self::Negate,
            Operation::Add => Self::Add,
            Operation::Multiply => Self::Multiply,
        })
    }
}

/// All identities of a key.
#[derive(Clone, Debug)]
pub(crate) struct Vanishing {
    gates: Vec<Vec<Step>>,
    permutation: Permutation,
}

impl Vanishing {
    /// `None` if the constraint system is not well formed.
    pub(crate) fn new(constraints: &ConstraintSystem, shape: &Shape) -> Option<Self> {
        let gate = |Expression(program): &Expression| program.iter().map(|operation| Step::new(operation, shape)).collect();
        let gates = constraints.gates.iter().map(gate).collect::<Option<_>>()?;
        Some(Self { gates, permutation: Permutation::new(constraints, shape)? })
    }

    /// `h(x)`. `None` if the proof has not the shape of the key, or a gate is not well formed.
    pub(crate) fn quotient(&self, shape: &Shape, proof: &Proof, lagrange: &Lagrange) -> Option<Fr> {
        let challenges = &proof.challenges;
        let mut total = Fr::from(0);
        let mut stack = Vec::new();
        for gate in &self.gates {
            run(gate, &mut stack, &proof.values, lagrange, &challenges.circuit)?;
            total = total * challenges.y + stack.pop()?;
        }
        let add = |value: Fr| total = total * challenges.y + value;
        self.permutation.terms(shape, &proof.values, lagrange, challenges, add)?;
        Some(total * lagrange.vanishing_inverse)
    }
}

/// Runs a gate's program; its value is on the stack.
fn run(program: &[Step], stack: &mut Vec<Fr>, values: &[Fr], lagrange: &Lagrange, challenges: &[Fr]) -> Option<()> {
    for step in program {
        match step {
            Step::Constant(value) => stack.push(*value),
            Step::Value(source) => stack.push(source.value(values, lagrange)?),
            Step::Challenge(challenge) => stack.push(*challenges.get(*challenge)?),
            Step::Negate => {
                let top = stack.last_mut()?;
                *top = -*top;
            }
            Step::Add => {
                let right = stack.pop()?;
                *stack.last_mut()? += right;
            }
            Step::Multiply => {
                let right = stack.pop()?;
                *stack.last_mut()? *= right;
            }
            Step::Scale(factor) => *stack.last_mut()? *= factor,
        }
    }
    Some(())
}
