//! Constraint systems between halo2 and the verifying key.

use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::plonk::{
    Advice, Any, Challenge, Circuit, Column, ColumnType, Error, Expression as HaloExpression, FirstPhase, Fixed, Instance, SecondPhase,
};
use halo2_proofs::poly::Rotation;
use sworn_verifier::expression::{Expression, Operation};
use sworn_verifier::{ColumnKind, ConstraintSystem, KeyError, Query};

/// The description of a halo2 constraint system.
///
/// # Errors
/// A lookup, a selector, or a challenge after the second phase: this protocol has none.
pub fn describe(meta: &halo2_proofs::plonk::ConstraintSystem<Fr>) -> Result<ConstraintSystem, KeyError> {
    if !meta.lookups().is_empty() || meta.num_selectors() > 0 || meta.num_instance_columns() != 1 {
        return Err(KeyError::Range { what: "number of lookups or selectors", actual: meta.lookups().len() });
    }
    let mut gates = Vec::new();
    for polynomial in meta.gates().iter().flat_map(|g| g.polynomials()) {
        let mut program = Vec::new();
        let gate = gates.len();
        flatten(meta, polynomial, &mut program).ok_or(KeyError::Expression { gate })?;
        gates.push(Expression(program));
    }
    let kind = |column: &Any| match column {
        Any::Advice(_) => ColumnKind::Advice,
        Any::Fixed => ColumnKind::Fixed,
        Any::Instance => ColumnKind::Instance,
    };
    Ok(ConstraintSystem {
        advice_phases: meta.advice_column_phase(),
        num_fixed: meta.num_fixed_columns() as u32,
        num_challenges: meta.num_challenges() as u32,
        advice_queries: meta.advice_queries().iter().map(|(c, r)| Query { column: c.index() as u32, rotation: r.0 }).collect(),
        fixed_queries: meta.fixed_queries().iter().map(|(c, r)| Query { column: c.index() as u32, rotation: r.0 }).collect(),
        instance_queries: meta.instance_queries().iter().map(|(c, r)| Query { column: c.index() as u32, rotation: r.0 }).collect(),
        gates,
        permutation: meta.permutation().get_columns().iter().map(|c| (kind(c.column_type()), c.index() as u32)).collect(),
        degree: meta.degree() as u32,
    })
}

/// The halo2 constraint system, with its queries in the same order.
pub fn to_halo2(system: &ConstraintSystem) -> halo2_proofs::plonk::ConstraintSystem<Fr> {
    let mut meta = halo2_proofs::plonk::ConstraintSystem::default();
    Described::configure_with_params(&mut meta, system.clone());
    meta
}

/// Appends an expression in postfix order. Queries are looked up by column and rotation.
fn flatten(meta: &halo2_proofs::plonk::ConstraintSystem<Fr>, expression: &HaloExpression<Fr>, out: &mut Vec<Operation>) -> Option<()> {
    fn index<C: Copy + ColumnType>(queries: &[(Column<C>, Rotation)], column: usize, rotation: Rotation) -> Option<u32> {
        queries.iter().position(|(c, r)| c.index() == column && *r == rotation).and_then(|i| u32::try_from(i).ok())
    }
    match expression {
        HaloExpression::Constant(c) => out.push(Operation::Constant(c.to_repr())),
        HaloExpression::Selector(_) => return None,
        HaloExpression::Fixed(q) => out.push(Operation::Fixed(index(meta.fixed_queries(), q.column_index(), q.rotation())?)),
        HaloExpression::Advice(q) => out.push(Operation::Advice(index(meta.advice_queries(), q.column_index(), q.rotation())?)),
        HaloExpression::Instance(q) => out.push(Operation::Instance(index(meta.instance_queries(), q.column_index(), q.rotation())?)),
        HaloExpression::Challenge(c) => out.push(Operation::Challenge(c.index() as u32)),
        HaloExpression::Negated(e) => {
            flatten(meta, e, out)?;
            out.push(Operation::Negate);
        }
        HaloExpression::Sum(a, b) => {
            flatten(meta, a, out)?;
            flatten(meta, b, out)?;
            out.push(Operation::Add);
        }
        HaloExpression::Product(a, b) => {
            flatten(meta, a, out)?;
            flatten(meta, b, out)?;
            out.push(Operation::Multiply);
        }
        HaloExpression::Scaled(e, factor) => {
            flatten(meta, e, out)?;
            out.push(Operation::Scale(factor.to_repr()));
        }
    }
    Some(())
}

/// A circuit that has nothing but a constraint system.
#[derive(Clone, Debug)]
struct Described;

/// The columns of a [`Described`] circuit.
struct Columns {
    advice: Vec<Column<Advice>>,
    fixed: Vec<Column<Fixed>>,
    instance: Column<Instance>,
    challenges: Vec<Challenge>,
}

impl Circuit<Fr> for Described {
    type Config = ();
    type FloorPlanner = SimpleFloorPlanner;
    type Params = ConstraintSystem;

    fn without_witnesses(&self) -> Self {
        Self
    }

    fn configure(_: &mut halo2_proofs::plonk::ConstraintSystem<Fr>) -> Self::Config {}

    fn configure_with_params(meta: &mut halo2_proofs::plonk::ConstraintSystem<Fr>, system: ConstraintSystem) -> Self::Config {
        let phases = system.advice_phases.iter();
        let advice = phases.map(|&p| if p == 0 { meta.advice_column_in(FirstPhase) } else { meta.advice_column_in(SecondPhase) }).collect();
        let fixed = (0..system.num_fixed).map(|_| meta.fixed_column()).collect();
        let challenges = (0..system.num_challenges).map(|_| meta.challenge_usable_after(FirstPhase)).collect();
        let columns = Columns { advice, fixed, challenges, instance: meta.instance_column() };
        for (index, gate) in system.gates.iter().enumerate() {
            meta.create_gate("gate", |cells| {
                if index == 0 {
                    // Queries are numbered in the order in which they are made.
                    system
                        .advice_queries
                        .iter()
                        .for_each(|q| drop(cells.query_advice(columns.advice[q.column as usize], Rotation(q.rotation))));
                    system
                        .fixed_queries
                        .iter()
                        .for_each(|q| drop(cells.query_fixed(columns.fixed[q.column as usize], Rotation(q.rotation))));
                    system.instance_queries.iter().for_each(|q| drop(cells.query_instance(columns.instance, Rotation(q.rotation))));
                }
                [expression(&system, &columns, gate)]
            });
        }
        for (kind, index) in &system.permutation {
            match kind {
                ColumnKind::Advice => meta.enable_equality(columns.advice[*index as usize]),
                ColumnKind::Fixed => meta.enable_equality(columns.fixed[*index as usize]),
                ColumnKind::Instance => meta.enable_equality(columns.instance),
            }
        }
        meta.set_minimum_degree(system.degree as usize);
    }

    fn synthesize(&self, (): Self::Config, _: impl Layouter<Fr>) -> Result<(), Error> {
        Ok(())
    }
}

/// A gate as halo2's expression; zero where the program is not well formed, which the checks of a key exclude.
fn expression(system: &ConstraintSystem, columns: &Columns, gate: &Expression) -> HaloExpression<Fr> {
    let constant = |bytes: &[u8; 32]| Option::<Fr>::from(Fr::from_repr(*bytes));
    let leaf = |operation: &Operation| match operation {
        Operation::Constant(bytes) => constant(bytes).map(HaloExpression::Constant),
        Operation::Fixed(i) => system.fixed_queries.get(*i as usize).map(|q| columns.fixed[q.column as usize].rot(q.rotation)),
        Operation::Advice(i) => system.advice_queries.get(*i as usize).map(|q| columns.advice[q.column as usize].rot(q.rotation)),
        Operation::Instance(i) => system.instance_queries.get(*i as usize).map(|q| columns.instance.rot(q.rotation)),
        Operation::Challenge(i) => columns.challenges.get(*i as usize).map(Challenge::expr),
        _ => None,
    };
    let scale = |e: HaloExpression<Fr>, factor: &[u8; 32]| constant(factor).map(|f| e * f);
    gate.fold(leaf, |e| -e, |a, b| a + b, |a, b| a * b, scale).unwrap_or(HaloExpression::Constant(Fr::from(0)))
}
