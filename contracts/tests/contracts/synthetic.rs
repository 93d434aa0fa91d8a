//! Keys of random constraint systems: contract and verifier accept the same proof of each, and refuse the same ones.
//!
//! The reference string's secret s is known, so that a proof of anything can be made: with random commitments and evaluations
//! the contract's combined commitment is `F = A + u·W'`, and `W' = A/(s − u)` opens it. The contract's data decide what A is; the
//! verifier, another program, has to come to the same.
#![expect(clippy::unwrap_used, reason = "tests")]

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, UniformRand};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sworn_contracts::Package;
use sworn_verifier::closed::FixedValue;
use sworn_verifier::expression::{Expression, Operation};
use sworn_verifier::field::encode;
use sworn_verifier::point::encode_g1;
use sworn_verifier::shape::Shape;
use sworn_verifier::tensor::Form;
use sworn_verifier::{
    verify, verify_batch, About, ClosedColumns, ColumnKind, ConstraintSystem, Context, InputScale, KeyParts, Proof, PublicTensor, Query,
    Role, VerifyingKey,
};

use crate::oracle::{accepts, combined};

fn queries(rng: &mut ChaCha20Rng, columns: u32) -> Vec<Query> {
    let all = (0..columns).flat_map(|column| (-2..=2).map(move |rotation| Query { column, rotation }));
    let mut some: Vec<Query> = all.filter(|query| rng.gen_bool(if query.rotation == 0 { 0.8 } else { 0.25 })).collect();
    some.shuffle(rng);
    some
}

fn constant(rng: &mut ChaCha20Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill(&mut bytes[..31]);
    bytes
}

/// A sum of products of some leaves.
fn gate(rng: &mut ChaCha20Rng, leaves: &[Operation], degree: u32) -> Expression {
    let mut program = Vec::new();
    for term in 0..rng.gen_range(1..5) {
        for factor in 0..rng.gen_range(1..=degree) {
            program.extend(leaves.choose(rng).cloned());
            if rng.gen_bool(0.2) {
                program.push(Operation::Negate);
            }
            if factor > 0 {
                program.push(Operation::Multiply);
            }
        }
        if rng.gen_bool(0.3) {
            program.push(Operation::Scale(constant(rng)));
        }
        if term > 0 {
            program.push(Operation::Add);
        }
    }
    Expression(program)
}

fn constraints(rng: &mut ChaCha20Rng) -> ConstraintSystem {
    let (advice, fixed) = (rng.gen_range(1..8), rng.gen_range(0..7));
    let (advice_queries, fixed_queries) = (queries(rng, advice), queries(rng, fixed));
    let instance_queries = if rng.gen() { vec![Query { column: 0, rotation: 0 }] } else { Vec::new() };
    let (degree, num_challenges) = (rng.gen_range(3..=9), rng.gen_range(0..4));
    let mut leaves = vec![Operation::Constant(constant(rng))];
    leaves.extend((0..advice_queries.len() as u32).map(Operation::Advice));
    leaves.extend((0..fixed_queries.len() as u32).map(Operation::Fixed));
    leaves.extend((0..instance_queries.len() as u32).map(Operation::Instance));
    leaves.extend((0..num_challenges).map(Operation::Challenge));
    let gates = (0..rng.gen_range(0..5)).map(|_| gate(rng, &leaves, degree)).collect();
    let kinds = [(ColumnKind::Advice, &advice_queries), (ColumnKind::Fixed, &fixed_queries), (ColumnKind::Instance, &instance_queries)];
    let here = kinds.into_iter().flat_map(|(kind, queries)| queries.iter().filter(|q| q.rotation == 0).map(move |q| (kind, q.column)));
    let likely = if rng.gen_bool(0.15) { 0.0 } else { 0.6 };
    let mut permutation: Vec<(ColumnKind, u32)> = here.filter(|_| rng.gen_bool(likely)).collect();
    permutation.shuffle(rng);
    let advice_phases = (0..advice).map(|_| u8::from(rng.gen::<bool>())).collect();
    ConstraintSystem {
        advice_phases,
        num_fixed: fixed,
        num_challenges,
        advice_queries,
        fixed_queries,
        instance_queries,
        gates,
        permutation,
        degree,
    }
}

/// Some of the fixed columns that may be in closed form.
fn closed(rng: &mut ChaCha20Rng, constraints: &ConstraintSystem) -> ClosedColumns {
    let mut pick = |rotations: &[i32], taken: Option<u32>| {
        let has = |column: u32, q: &Query| q.column != column || rotations.contains(&q.rotation);
        let may = |column: &u32| Some(*column) != taken && constraints.fixed_queries.iter().all(|q| has(*column, q));
        let columns: Vec<u32> = (0..constraints.num_fixed).filter(may).collect();
        columns.choose(rng).copied()
    };
    let last_usable = pick(&[0], None);
    ClosedColumns { usable: pick(&[-1, 0], last_usable), last_usable }
}

fn point(rng: &mut ChaCha20Rng) -> G1Affine {
    G1Affine::rand(rng)
}

fn key(rng: &mut ChaCha20Rng, secret: Fr) -> VerifyingKey {
    let constraints = constraints(rng);
    let pack = *[1, 2, 3, 4, 5, 7, 8, 17, 255, 256].choose(rng).unwrap();
    let closed = if pack > 1 { closed(rng, &constraints) } else { ClosedColumns::default() };
    let shape = Shape::new(&constraints, pack as usize, &closed);
    let (fixed, permuted) = match shape.is_packed() {
        true => (shape.key_points, 0),
        false => (constraints.num_fixed as usize, constraints.permutation.len()),
    };
    let elements = rng.gen_range(0..6);
    let tensor =
        PublicTensor { name: "x".into(), role: Role::Output, shape: vec![elements], scale: 1.0, form: Form::Plain, features: None };
    let parts = KeyParts {
        log_rows: rng.gen_range(4..=7),
        pack,
        constraints,
        closed,
        fixed_commitments: (0..fixed).map(|_| point(rng)).collect(),
        permutation_commitments: (0..permuted).map(|_| point(rng)).collect(),
        g2: G2Affine::generator(),
        s_g2: (G2Affine::generator() * secret).into_affine(),
        graph_digest: rng.gen(),
        about: About {
            model: "random".into(),
            source: rng.gen(),
            bits: rng.gen_range(1..=31),
            input_scales: vec![InputScale { name: "x".into(), scales: vec![0.5; rng.gen_range(1..4)] }],
            samples: rng.gen(),
            report: rng.gen(),
            relative_error: 0.25,
        },
        tensors: vec![tensor],
    };
    VerifyingKey::new(&parts).unwrap()
}

#[test]
fn contract_and_verifier_agree_on_random_constraint_systems() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (mut packed, mut closed) = (0, [0; 3]);
    for round in 0..60 {
        let secret = Fr::rand(&mut rng);
        let key = key(&mut rng, secret);
        let (package, shape) = (Package::new(&key).unwrap(), key.shape());
        let instance: Vec<Fr> = (0..key.num_instances()).map(|_| Fr::rand(&mut rng)).collect();
        let words: Vec<[u8; 32]> = instance.iter().map(encode).collect();
        let context = if round % 2 == 0 { Context::NONE } else { Context(rng.gen()) };
        let mut proof = Vec::new();
        (0..shape.opening()).for_each(|_| proof.extend(encode_g1(&point(&mut rng))));
        (0..shape.scalars()).for_each(|_| proof.extend(encode(&Fr::rand(&mut rng))));
        (0..2).for_each(|_| proof.extend(encode_g1(&point(&mut rng))));
        assert!(verify(&key, context, &instance, &proof).is_err() && !accepts(&package, context, &words, &proof), "round {round}: not yet");

        let read = Proof::read(&key, context, &instance, &proof).unwrap();
        let (u, last) = (read.challenges.opening_u, *read.points.last().unwrap());
        let sum = combined(&package, context, &words, &proof).0 - last * u;
        let opening = (sum * (secret - u).inverse().unwrap()).into_affine();
        let at = proof.len() - 64;
        proof[at..].copy_from_slice(&encode_g1(&opening));
        assert!(accepts(&package, context, &words, &proof), "round {round}: the contract");
        assert_eq!(verify(&key, context, &instance, &proof), Ok(()), "round {round}: the verifier on {:?}", key.constraints);
        let claimed = (&key, context, instance.as_slice(), proof.as_slice());
        assert_eq!(verify_batch(&[claimed, claimed]), Ok(()), "round {round}: a batch");
        for index in 0..shape.scalars() {
            let mut wrong = proof.clone();
            wrong[shape.opening() * 64 + 32 * index + 31] ^= 1;
            assert!(verify(&key, context, &instance, &wrong).is_err(), "round {round}: scalar {index}");
        }
        packed += usize::from(shape.is_packed());
        for value in &shape.fixed {
            if let FixedValue::Closed(value) = value {
                closed[*value as usize] += 1;
            }
        }
    }
    assert!(packed > 30, "{packed} packed keys");
    assert!(closed.iter().all(|count| *count > 3), "{closed:?} values in closed form");
}
