//! What the contract needs of a verifying key, in types of its own: the only file that knows [`sworn_verifier`]'s.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use sworn_verifier::closed::{Closed, FixedValue};
use sworn_verifier::expression::Operation;
use sworn_verifier::point::{encode_g1, encode_g2};
use sworn_verifier::shape::Shape;
use sworn_verifier::srs::{self, Origin};
use sworn_verifier::{ColumnKind, Features, Form, Packing, Query, Role, VerifyingKey};

/// A point of G1 as `x ‖ y`; zeros for the identity.
pub(crate) type G1 = [u8; 64];
/// A point of G2 as the pairing precompile reads it: `x1 ‖ x0 ‖ y1 ‖ y0`.
pub(crate) type G2 = [u8; 128];

/// A kind of column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Advice,
    Fixed,
    Instance,
}

/// One operation of a gate in postfix order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Constant(Fr),
    /// A query, by its index among those of its kind.
    Query(Kind, usize),
    Challenge(usize),
    Negate,
    Add,
    Multiply,
    Scale(Fr),
}

/// A column at a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) column: usize,
    pub(crate) rotation: i32,
}

/// A public tensor.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) is_input: bool,
    pub(crate) shape: Vec<usize>,
    pub(crate) scale: f64,
    pub(crate) features: Option<Features>,
    pub(crate) elements: usize,
    /// Number of its public values.
    pub(crate) num_values: usize,
    /// How its elements share them, if they do.
    pub(crate) packing: Option<Packing>,
}

/// A verifying key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) log_rows: u32,
    pub(crate) num_challenges: usize,
    pub(crate) advice_queries: Vec<At>,
    pub(crate) fixed_queries: Vec<At>,
    pub(crate) instance_queries: Vec<At>,
    pub(crate) gates: Vec<Vec<Op>>,
    pub(crate) permutation: Vec<(Kind, usize)>,
    /// Columns that share a running or a partial product.
    pub(crate) chunk: usize,
    /// The row after the usable ones, counted from the end.
    pub(crate) last_row: usize,
    /// The first row whose Lagrange polynomial is needed, counted from the end: that one, or the last usable one.
    pub(crate) first_row: usize,
    pub(crate) fixed: Vec<G1>,
    pub(crate) sigma: Vec<G1>,
    /// The generator of G2, negated.
    pub(crate) minus_g2: G2,
    pub(crate) s_g2: G2,
    pub(crate) digest: [u8; 32],
    pub(crate) graph_digest: [u8; 32],
    /// Keccak-256 of `s_g2`.
    pub(crate) srs_identity: [u8; 32],
    pub(crate) origin: Origin,
    pub(crate) tensors: Vec<Tensor>,
    /// What is in a proof and what it opens.
    pub(crate) shape: Shape,
}

impl Key {
    /// Reads a key.
    pub(crate) fn new(key: &VerifyingKey) -> Self {
        let constraints = &key.constraints;
        let queries = |all: &[Query]| all.iter().map(|q| At { column: q.column as usize, rotation: q.rotation }).collect();
        let gates = constraints.gates.iter().map(|gate| gate.0.iter().map(operation).collect()).collect();
        let permutation = constraints.permutation.iter().map(|(k, i)| (kind(*k), *i as usize)).collect();
        let tensor = |t: &sworn_verifier::PublicTensor| Tensor {
            name: t.name.clone(),
            is_input: t.role == Role::Input,
            shape: t.shape.clone(),
            scale: t.scale,
            features: t.features.clone(),
            elements: t.elements(),
            num_values: t.num_values(),
            packing: match t.form {
                Form::Plain => None,
                Form::Packed(packing) => Some(packing),
            },
        };
        let last_usable = key.shape().fixed.contains(&FixedValue::Closed(Closed::LastUsable));
        let last_row = constraints.last_rotation().unsigned_abs() as usize;
        Self {
            log_rows: key.log_rows,
            num_challenges: constraints.num_challenges as usize,
            advice_queries: queries(&constraints.advice_queries),
            fixed_queries: queries(&constraints.fixed_queries),
            instance_queries: queries(&constraints.instance_queries),
            gates,
            permutation,
            chunk: constraints.chunk(),
            last_row,
            first_row: last_row + usize::from(last_usable),
            fixed: key.fixed_commitments.iter().map(encode_g1).collect(),
            sigma: key.permutation_commitments.iter().map(encode_g1).collect(),
            minus_g2: encode_g2(&-key.g2),
            s_g2: encode_g2(&key.s_g2),
            digest: key.digest(),
            graph_digest: key.graph_digest,
            srs_identity: srs::identity(&key.s_g2),
            origin: srs::origin(&key.s_g2),
            tensors: key.tensors.iter().map(tensor).collect(),
            shape: key.shape().clone(),
        }
    }

    /// Number of public values.
    pub(crate) fn num_instances(&self) -> usize {
        self.tensors.iter().map(|t| t.num_values).sum()
    }
}

fn kind(kind: ColumnKind) -> Kind {
    match kind {
        ColumnKind::Advice => Kind::Advice,
        ColumnKind::Fixed => Kind::Fixed,
        ColumnKind::Instance => Kind::Instance,
    }
}

fn operation(operation: &Operation) -> Op {
    match operation {
        Operation::Constant(bytes) => Op::Constant(Fr::from_le_bytes_mod_order(bytes)),
        Operation::Scale(bytes) => Op::Scale(Fr::from_le_bytes_mod_order(bytes)),
        Operation::Fixed(i) => Op::Query(Kind::Fixed, *i as usize),
        Operation::Advice(i) => Op::Query(Kind::Advice, *i as usize),
        Operation::Instance(i) => Op::Query(Kind::Instance, *i as usize),
        Operation::Challenge(i) => Op::Challenge(*i as usize),
        Operation::Negate => Op::Negate,
        Operation::Add => Op::Add,
        Operation::Multiply => Op::Multiply,
    }
}
