//! Published classes of weaknesses, each as an attack on this verifier.
//!
//! An attack is a proof by a forger that can do whatever its sender can. It is rejected, and beside it stands what shows that it is
//! one: a verifier with the weakness, which accepts it, or the one constraint that it breaks. Both protocols are tried: a
//! commitment for each column, and packs.
#![expect(clippy::unwrap_used, reason = "tests")]

mod forge;
#[path = "../models/mod.rs"]
mod models;
mod polynomial;
mod products;
mod weak;

use forge::{Forger, Lie, Message};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine as G1, G2Affine as G2};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::plonk::ProvingKey;
use models::build::lie::{add, caught, public_lane, set, spread, By};
use models::build::Build;
use models::{naive, Keyed, Model};
use sworn_circuits::field::embed;
use sworn_circuits::graph::*;
use sworn_circuits::groups::Columns;
use sworn_circuits::layout::{Layout, Visibility};
use sworn_circuits::witness::Witness;
use sworn_prover::halo2;
use sworn_verifier::point::{encode_g1, encode_g2, G1_BYTES};
use sworn_verifier::{verify, Context, Fq, G1Affine, KeyError, KeyParts, VerifyError, VerifyingKey};

/// A key with an honest witness.
struct Target {
    keyed: Keyed,
    halo: ProvingKey<G1>,
    honest: Witness,
}

impl Target {
    /// A model with a commitment for each column, and packed.
    fn both(model: &Model) -> [Self; 2] {
        [model.keyed(), model.packed(5)].map(|keyed| {
            let key = &keyed.key;
            let honest = Witness::new(key.graph(), key.layout(), &keyed.inputs).unwrap();
            let halo = model.keyed().key.to_halo2().unwrap();
            Self { keyed, halo, honest }
        })
    }

    fn forger(&self) -> Forger<'_> {
        Forger::new(&self.keyed, &self.halo)
    }

    fn key(&self) -> &VerifyingKey {
        self.keyed.key.verifying_key()
    }

    fn layout(&self) -> &Layout {
        self.keyed.key.layout()
    }

    fn advice(&self) -> Columns {
        self.layout().shape.columns()
    }

    fn bits(&self) -> u32 {
        self.keyed.key.graph().bits
    }

    /// What the verifier says to a proof of a claim. An oracle agrees.
    fn answer(&self, lie: &Lie<'_>) -> Result<(), VerifyError> {
        let (instance, proof) = self.forger().forge(lie);
        let answer = verify(self.key(), Context::NONE, &instance, &proof);
        let oracle = if self.key().shape().is_packed() { naive::accepts } else { halo2::verify };
        assert_eq!(answer.is_ok(), oracle(self.key(), Context::NONE, &instance, &proof), "the oracle does not agree: {answer:?}");
        answer
    }

    /// A witness with a lie that only its lookups show, and the multiplicities of those that are right.
    fn lying(&self, lie: impl Fn(&mut Witness)) -> Witness {
        let mut lying = self.honest.clone();
        lie(&mut lying);
        spread(self.layout(), &mut lying);
        assert_eq!(caught(self.layout(), &mut lying), By::Lookup);
        lying
    }

    /// Asserts that a lie about the public outputs breaks one rule, and that a proof of it is rejected.
    fn rejects(&self, by: By, lie: impl Fn(&mut Witness)) {
        let spread = |witness: &mut Witness| spread(self.layout(), witness);
        self.rejects_as_it_is(by, |witness| {
            lie(witness);
            spread(witness);
        });
    }

    /// The same without carrying changed cells to their copies.
    fn rejects_as_it_is(&self, by: By, lie: impl Fn(&mut Witness)) {
        let mut lying = self.honest.clone();
        lie(&mut lying);
        assert_ne!(lying.instance, self.honest.instance, "a lie that changes nothing");
        assert_eq!(caught(self.layout(), &mut lying), by);
        assert_eq!(self.answer(&Lie::new(&lying)), Err(VerifyError::Rejected));
    }
}

fn tiny() -> Model {
    models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1])
}

fn model(name: &'static str, (graph, inputs): (QuantGraph, Vec<Vec<i32>>)) -> Model {
    Model { name, graph, inputs, visibility: Visibility { input: false, pack_public: false } }
}

fn dense(activation: Activation) -> Model {
    let mut b = Build::new(6, 51);
    let x = b.input(&[1, 4]);
    let y = b.dense(x, 3, activation);
    model("dense", b.finish(&[y]))
}

/// Asserts that a claim is rejected for its lookups alone: a verifier whose λ is known before the multiplicities accepts it.
fn only_lookups_reject(target: &Target, lie: &Lie<'_>) {
    assert_eq!(target.answer(lie), Err(VerifyError::Rejected));
    let (instance, proof) = target.forger().forge(&Lie { frozen: Some(Message::First), ..lie.clone() });
    assert!(weak::accepts(&target.keyed, Context::NONE, &instance, &proof, Message::First));
}

/// Moves a multiple of 2^s from the quotient of a public value to its remainder.
fn moved(target: &Target, index: usize, delta: i64) -> impl Fn(&mut Witness) + '_ {
    move |witness| {
        let a = target.advice();
        let (lane, row) = public_lane(target.layout(), index, &a.units.u);
        add(witness, a.units.u[lane], row, delta);
        add(witness, a.units.r[lane], row, -delta << target.bits());
    }
}

/// The forger can prove: what it says about lies is not for want of skill.
#[test]
fn the_forger_proves_the_truth() {
    for model in [tiny(), maxima_with_ties(), means()] {
        for target in Target::both(&model) {
            assert_eq!(target.answer(&Lie::new(&target.honest)), Ok(()), "{}", model.name);
        }
    }
}

/// Frozen heart: a challenge does not depend on a message before it, so the message may be made for the challenge.
///
/// Each message of the transcript of which anything can be made, by the attack that its absence allows. A verifier that does not
/// absorb it accepts the forgery. Trail of Bits, "Coordinated disclosure of vulnerabilities affecting Girault, Bulletproofs, and
/// PlonK" and "The Frozen Heart vulnerability in PlonK", 2022; Dao, Miller, Wright, Grubbs, "Weak Fiat-Shamir Attacks on Modern
/// Proof Systems", <https://eprint.iacr.org/2023/691>.
#[test]
fn frozen_heart() {
    for target in Target::both(&tiny()) {
        let forger = target.forger();
        let out_of_range = target.lying(moved(&target, 0, 1));
        let mut other_output = Lie::new(&target.honest);
        other_output.instance[0] += Fr::ONE;

        let all = [Message::Instance, Message::First, Message::Products, Message::Limbs, Message::Values, Message::Opening];
        for message in all {
            let lie = match message {
                // Another instance is made of that of the truth.
                Message::Instance => Lie::new(&target.honest),
                Message::First => Lie::new(&out_of_range),
                _ => other_output.clone(),
            };
            let (instance, proof) = forger.forge(&Lie { frozen: Some(message), ..lie });
            assert_ne!(instance[0], halo2::convert::to_fr(&target.honest.instance()[0]), "{message:?}: a lie");
            assert!(
                weak::accepts(&target.keyed, Context::NONE, &instance, &proof, message),
                "{message:?}: a verifier that does not absorb it"
            );
            assert_eq!(verify(target.key(), Context::NONE, &instance, &proof), Err(VerifyError::Rejected), "{message:?}");
        }
        // A proof for one context is one for every other.
        let (context, other) = (Context([3; 32]), Context([4; 32]));
        let lie = Lie { context, frozen: Some(Message::Context), ..Lie::new(&target.honest) };
        let (instance, proof) = forger.forge(&lie);
        for context in [context, other, Context::NONE] {
            assert!(weak::accepts(&target.keyed, context, &instance, &proof, Message::Context));
            assert_eq!(verify(target.key(), context, &instance, &proof), Err(VerifyError::Rejected));
        }
        let (instance, proof) = forger.forge(&Lie { frozen: None, ..lie });
        assert_eq!(verify(target.key(), context, &instance, &proof), Ok(()));
        assert_eq!(verify(target.key(), other, &instance, &proof), Err(VerifyError::Rejected));
        // With nothing to make use of, that verifier is no weaker.
        for message in [Message::Second, Message::Random] {
            let (instance, proof) = forger.forge(&Lie { frozen: Some(message), ..other_output.clone() });
            assert!(!weak::accepts(&target.keyed, Context::NONE, &instance, &proof, message), "{message:?}");
        }
    }
}

/// Query collision: of two queries of one polynomial at one point, the opening checks one; the value of the other is free.
///
/// A key in which a query stands twice is refused. Without one, the forger makes two columns equal: their commitments are one
/// point, and the value of the second is what the identities need. zkSecurity, "Uncovering the Query Collision Bug in Halo2",
/// <https://blog.zksecurity.xyz/posts/halo2-query-collision>, 2025.
#[test]
fn query_collision() {
    for target in Target::both(&tiny()) {
        let (a, constraints) = (target.advice(), &target.key().constraints);
        let rotations = |column: usize| constraints.advice_queries.iter().filter(move |q| q.column as usize == column).map(|q| q.rotation);
        let is_alike = |column: &usize| *column != a.lookups.multiplicity && rotations(*column).eq(rotations(a.lookups.multiplicity));
        let twin = (0..a.num_first_phase).find(is_alike).unwrap();
        for twice in [0, a.lookups.multiplicity] {
            let mut parts = KeyParts::clone(target.key());
            parts.constraints.advice_queries.push(constraints.advice_queries[twice]);
            assert!(matches!(VerifyingKey::new(&parts), Err(KeyError::Range { what: "query", .. })));
        }
        let mut lie = Lie::new(&target.honest);
        lie.instance[0] += Fr::ONE;
        // The forger asserts that the identities hold for the false value.
        lie.collision = Some((twin, a.lookups.multiplicity));
        let shape = target.key().shape();
        if !shape.is_packed() {
            let (_, proof) = target.forger().forge(&lie);
            let point = |column: usize| &proof[shape.advice[column] * G1_BYTES..][..G1_BYTES];
            assert_eq!(point(twin), point(a.lookups.multiplicity), "one commitment");
        }
        assert_eq!(target.answer(&lie), Err(VerifyError::Rejected));
    }
}

/// Missing binding of the instance: a proof holds whatever the public values are.
///
/// Each value that is changed, alone or with another so that the sum stays, is another statement; so are values and cells that are
/// changed together, which only the layer's identity sees. "Unused public inputs optimized out",
/// <https://github.com/0xPARC/zk-bug-tracker>; Chaliasos et al., "SoK: What Don't We Know? Understanding Security Vulnerabilities
/// in SNARKs", <https://arxiv.org/abs/2402.15293>. That the transcript has the instance: `frozen_heart`.
#[test]
fn missing_instance_binding() {
    for target in Target::both(&tiny()) {
        let truth = Lie::new(&target.honest);
        let mut changes: Vec<Vec<Fr>> = (0..4).map(|i| (0..4).map(|j| if i == j { Fr::ONE } else { Fr::ZERO }).collect()).collect();
        changes.push([1, -1, 0, 0].map(embed).to_vec());
        // As large as the field: no integer of the model.
        changes.push(vec![Fr::ZERO, Fr::ZERO, Fr::ZERO, Fr::TWO_INV]);
        for change in changes {
            let instance = truth.instance.iter().zip(&change).map(|(value, change)| *value + change).collect();
            assert_eq!(target.answer(&Lie { instance, ..truth.clone() }), Err(VerifyError::Rejected), "{change:?}");
        }
        // The public values changed with the cells that they are copied from, but not with what computes those.
        target.rejects(By::Copy, |w| {
            let a = target.advice();
            let (lane, row) = public_lane(target.layout(), 3, &a.units.u);
            assert!(w.first[a.units.u[lane]].get(row) > 0);
            add(w, a.units.u[lane], row, -1);
        });
    }
}

/// Unchecked KZG points: a point off the curve or outside the group, the identity, or a secret that somebody knows.
///
/// Whoever knows the secret forges every proof: a key with `s·G2 = 5·G2` accepts a false one, and is another key; one whose secret is seen
/// at sight is none. Invalid curves: Biehl,
/// Meyer, Müller, "Differential Fault Attacks on Elliptic Curve Cryptosystems", CRYPTO 2000. The identity in the place of every
/// point: "0 bug" of a PlonK verifier, and "trusted setup leak", both in <https://github.com/0xPARC/zk-bug-tracker>.
#[test]
fn unchecked_points() {
    for target in Target::both(&tiny()) {
        let mut parts = KeyParts::clone(target.key());
        for s_g2 in [parts.g2, -parts.g2] {
            assert_eq!(VerifyingKey::new(&KeyParts { s_g2, ..parts.clone() }), Err(KeyError::KnownSecret));
        }
        let secret = Fr::from(5);
        parts.s_g2 = halo2::convert::to_g2(&(G2::generator() * secret).to_affine());
        let known = VerifyingKey::new(&parts).unwrap();
        assert_ne!(known.digest(), target.key().digest());
        let mut forger = target.forger();
        forger.key = known;
        let mut lie = Lie { trapdoor: Some(secret), ..Lie::new(&target.honest) };
        lie.instance[0] += Fr::ONE;
        let (instance, proof) = forger.forge(&lie);
        assert_eq!(verify(&forger.key, Context::NONE, &instance, &proof), Ok(()), "the secret is known");
        assert_eq!(verify(target.key(), Context::NONE, &instance, &proof), Err(VerifyError::Rejected));
        // Not even for the right key's transcript: its secret is another one.
        assert_eq!(target.answer(&lie), Err(VerifyError::Rejected));

        // (0, 0) in the place of every point, and of W' alone: an "empty" opening.
        let (instance, proof) = target.forger().forge(&Lie::new(&target.honest));
        let shape = target.key().shape();
        let opening = proof.len() - 2 * G1_BYTES;
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = proof.clone();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            verify(target.key(), Context::NONE, &instance, &changed)
        };
        let mut empty = proof.clone();
        empty[..shape.opening() * G1_BYTES].fill(0);
        empty[opening..].fill(0);
        assert_eq!(verify(target.key(), Context::NONE, &instance, &empty), Err(VerifyError::Identity { index: 0 }));
        for (which, at) in [(0, 0), (shape.opening(), opening), (shape.opening() + 1, opening + G1_BYTES)] {
            assert_eq!(with(at, &[0; G1_BYTES]), Err(VerifyError::Identity { index: which }));
            // (x, y) with y² = x³ + b' for another b', where the order has small factors: of order 2, and (1, 1).
            for (x, y) in [(1, 0), (1, 1)] {
                let other = encode_g1(&G1Affine::new_unchecked(Fq::from(x), Fq::from(y)));
                assert_eq!(with(at, &other), Err(VerifyError::Point { index: which }), "({x}, {y})");
            }
        }
        // The secret's point of the key, off the group.
        let bytes = target.key().to_bytes();
        let encoded = encode_g2(&target.key().s_g2);
        let at = bytes.windows(encoded.len()).position(|w| w == encoded).unwrap();
        let index = target.key().fixed_commitments.len() + target.key().permutation_commitments.len() + 1;
        for byte in [at + 31, at + 127] {
            let mut changed = bytes.clone();
            changed[byte] ^= 1;
            assert_eq!(VerifyingKey::from_bytes(&changed), Err(KeyError::Point { index }));
        }
    }
}

/// Backdoor by quantisation: rounding has room for another output, of the same weights and the same accumulator.
///
/// A remainder outside its range, in both directions, by one unit and by as much as the output's range holds: only the lookup stands
/// in its way, as a verifier shows whose λ is known before the multiplicities. (A backdoor in the weights of a model, which quantisation
/// wakes, is nothing that a proof shows.) "Quantization-activated model backdoors", <https://github.com/zkonduit/ezkl>,
/// `docs/advanced_security/quantization_backdoors.md`.
#[test]
fn quantisation_out_of_range() {
    for activation in [Activation::None, Activation::Relu] {
        for target in Target::both(&dense(activation)) {
            let (index, largest) = target.honest.instance.iter().copied().enumerate().max_by_key(|(_, v)| *v).unwrap();
            for delta in [1, -1, -largest, 31 - largest] {
                if delta != 0 {
                    target.rejects(By::Lookup, moved(&target, index, delta));
                }
            }
            let lying = target.lying(moved(&target, index, -1));
            only_lookups_reject(&target, &Lie::new(&lying));
        }
    }
}

fn maxima_with_ties() -> Model {
    let mut b = Build::new(5, 56);
    let x = b.input(&[1, 1, 2, 4]);
    let y = b.max_pool(x, 2);
    let (graph, _) = b.finish(&[y]);
    // Three of four are the largest; all are equal.
    model("ties", (graph, vec![vec![9, 9, -7, -7, -4, 9, -7, -7]]))
}

/// Ties of a maximum: which of several equal elements is the largest is free, and what it is must not be.
///
/// With ties `Π_t (m − g_t)` vanishes to a higher order and differences are zero. An element that is not the largest; a value that is no
/// element; an element changed with its maximum. Under-constrained comparisons, as Chaliasos et al. class them,
/// <https://arxiv.org/abs/2402.15293>.
#[test]
fn maximum_ties() {
    for target in Target::both(&maxima_with_ties()) {
        assert_eq!(target.honest.instance, [9, -7]);
        let a = target.advice();
        let m = a.gather.as_ref().unwrap().max;
        let row = |index: usize| public_lane(target.layout(), index, &[m]).1;
        target.rejects(By::Lookup, |w| set(w, m, row(0), -4));
        for (index, value) in [(0, 10), (1, -6)] {
            target.rejects(By::Gate, |w| set(w, m, row(index), value));
        }
        for &g in &a.gather.as_ref().unwrap().values {
            target.rejects_as_it_is(By::Copy, |w| {
                set(w, g, row(1), -6);
                set(w, m, row(1), -6);
                w.instance[1] = -6;
            });
        }
    }
}

/// Zero with either sign: zero has two decompositions into sign and magnitude, and what follows from the sign is the prover's choice.
///
/// A relu's value is `u − v`, one of which is zero. Of zero both are; a liar has both the same number, or borrows from the remainder.
/// "The decomposition argument did not enforce a canonical sign for zeros", Trail of Bits' audit of EZKL, 2025,
/// <https://blog.ezkl.xyz/post/audit>.
#[test]
fn zero_with_either_sign() {
    // Weights and biases of 0.
    for target in Target::both(&models::tiny(0, [0; 4], [60, -60, 33, 1])) {
        assert_eq!(target.honest.instance, [0; 4]);
        let a = target.advice();
        for index in [0, 3] {
            let (lane, row) = public_lane(target.layout(), index, &a.units.u);
            for size in [1, 5] {
                target.rejects(By::Gate, |w| {
                    add(w, a.units.u[lane], row, size);
                    add(w, a.units.v[lane], row, size);
                });
            }
            target.rejects(By::Lookup, moved(&target, index, 1));
        }
    }
}

fn means() -> Model {
    let mut b = Build::new(6, 15);
    let x = b.input(&[1, 2, 2, 2]);
    let y = b.reduce(x, 2, Activation::None);
    let (graph, _) = b.finish(&[y]);
    model("means", (graph, vec![vec![20, 11, 7, 3, -9, -8, -30, 5]]))
}

/// Division advice out of range: quotient and remainder are the prover's, and `a = q·b + r` has many solutions modulo p.
///
/// Of a mean: a remainder of a whole divisor, a negative one, quotients far outside, and `q − 1/2^s`, which is right in the field and no
/// integer. "Division and reciprocal arguments lacked range checks on prover-provided advice", Trail of Bits' audit of EZKL, 2025,
/// <https://blog.ezkl.xyz/post/audit>.
#[test]
fn division_advice_out_of_range() {
    for target in Target::both(&means()) {
        let (a, offset) = (target.advice(), 1 << (target.bits() - 1));
        for index in 0..2 {
            for delta in [1, -1] {
                target.rejects(By::Lookup, moved(&target, index, delta));
            }
            // Quotients far outside: as many units as the remainder holds.
            for delta in [1 << 20, -(1 << 20)] {
                target.rejects(By::Lookup, moved(&target, index, delta));
            }
        }
        // Another offset makes room for a quotient, and is no accumulator.
        let (lane, row) = public_lane(target.layout(), 0, &a.units.u);
        assert_eq!(target.honest.first[a.units.v[lane]].get(row), offset);
        target.rejects(By::Gate, |w| {
            add(w, a.units.u[lane], row, 1);
            add(w, a.units.v[lane], row, 1);
        });
    }
    for target in Target::both(&dense(Activation::None)) {
        let a = target.advice();
        let (lane, row) = public_lane(target.layout(), 0, &a.units.u);
        for delta in [1, -1, 5] {
            let share = embed(delta) * Fr::from(1 << target.bits()).invert().unwrap();
            let mut lie = Lie::new(&target.honest);
            lie.cells = vec![(a.units.u[lane], row, -share), (a.units.r[lane], row, embed(delta))];
            lie.instance[0] -= share;
            only_lookups_reject(&target, &lie);
        }
    }
}

/// Lookups and shuffles that ignore multiplicity: a sum over fractions is right for the set of values, or in the field, and wrong for
/// the multiset of integers.
///
/// Multiplicities of −1, which wrap in the field, of halves, and those that are right for a guess of λ, with and without a value
/// that is in no table. Haböck, "Multivariate lookups based on logarithmic derivatives", <https://eprint.iacr.org/2022/1530>, §3;
/// "[5,5,5,5,5] as a shuffle of [1,2,3,4,5]", Trail of Bits' audit of EZKL, 2025, <https://blog.ezkl.xyz/post/audit>.
#[test]
fn forged_multiplicities() {
    for target in Target::both(&tiny()) {
        let truth = Lie::new(&target.honest);
        let half = Fr::TWO_INV;
        let last = target.layout().usable_rows() - 1;
        let forged = [
            vec![(1, -Fr::ONE)],
            vec![(0, Fr::ONE), (1, -Fr::ONE)],
            vec![(0, half), (1, half), (2, -Fr::ONE)],
            vec![(3, embed(-5)), (4, embed(5))],
        ];
        for multiplicities in forged {
            assert_eq!(target.answer(&Lie { multiplicities, ..truth.clone() }), Err(VerifyError::Rejected));
        }
        // The rows behind the table are zero, as its first is: they are one entry, and either may count it.
        let table = &target.layout().fixed[target.layout().shape.columns().lookups.table];
        assert!(table.get(last) == 0 && table.get(0) == 0);
        let elsewhere = vec![(0, -Fr::ONE), (last, Fr::ONE)];
        assert_eq!(target.answer(&Lie { multiplicities: elsewhere, ..truth }), Ok(()));

        // A value in no table, with what would make up for it at one λ.
        let lying = target.lying(moved(&target, 0, 1));
        let a = target.advice();
        let (lane, row) = public_lane(target.layout(), 0, &a.units.u);
        let stray = embed(lying.first[a.units.r[lane]].get(row));
        for lambda in [Fr::ZERO, Fr::ONE, embed(1 << 40)] {
            // 1/(λ + stray) = m/(λ + 1)
            let share = (lambda + Fr::ONE) * (lambda + stray).invert().unwrap();
            let lie = Lie { multiplicities: vec![(1, share)], ..Lie::new(&lying) };
            assert_eq!(target.answer(&lie), Err(VerifyError::Rejected), "{lambda:?}");
        }
    }
}
