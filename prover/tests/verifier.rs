//! The verifier beside halo2's, on good proofs and on every kind of bad one; for packed proofs, beside a naive one.
//!
//! A good proof is accepted by both. A bad one is refused by both, and by ours with the rule that it breaks.
#![expect(clippy::unwrap_used, reason = "tests")]

mod models;

use models::{naive, Keyed, Model};
use rayon::prelude::*;
use sworn_prover::{halo2, Cpu, Proof};
use sworn_verifier::field::encode;
use sworn_verifier::point::{encode_g1, G1_BYTES};
use sworn_verifier::shape::Shape;
use sworn_verifier::{embed, verify, verify_batch, Context, Fq, Fr, G1Affine, VerifyError, VerifyingKey};

fn tiny(weight: i32) -> Keyed {
    models::tiny(weight, [5, 0, -3, 900], [60, -60, 33, 1]).keyed()
}

/// The same with a commitment for each column and in packs.
fn both(weight: i32) -> [Keyed; 2] {
    [tiny(weight), models::tiny(weight, [5, 0, -3, 900], [60, -60, 33, 1]).packed(5)]
}

/// Our and the oracle's answer agree; ours is returned.
fn answer(key: &VerifyingKey, instance: &[Fr], proof: &[u8]) -> Result<(), VerifyError> {
    answer_in(Context::NONE, key, instance, proof)
}

/// The same in a context.
fn answer_in(context: Context, key: &VerifyingKey, instance: &[Fr], proof: &[u8]) -> Result<(), VerifyError> {
    let ours = verify(key, context, instance, proof);
    let oracle = if key.shape().is_packed() { naive::accepts } else { halo2::verify };
    assert_eq!(ours.is_ok(), oracle(key, context, instance, proof), "the oracle does not agree: {ours:?}");
    ours
}

/// What lies at an offset of a proof.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Point(usize),
    Scalar(usize),
}

/// The parts of a proof with their offsets.
fn parts(shape: &Shape) -> Vec<(usize, Part)> {
    let points = (0..shape.points()).map(Part::Point);
    let (commitments, openings): (Vec<Part>, Vec<Part>) = points.partition(|p| matches!(p, Part::Point(i) if *i < shape.opening()));
    let mut offset = 0;
    let size = |part: &Part| if matches!(part, Part::Point(_)) { G1_BYTES } else { 32 };
    commitments
        .into_iter()
        .chain((0..shape.scalars()).map(Part::Scalar))
        .chain(openings)
        .map(|part| {
            offset += size(&part);
            (offset - size(&part), part)
        })
        .collect()
}

fn replaced(proof: &Proof, offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = proof.bytes.clone();
    out[offset..offset + bytes.len()].copy_from_slice(bytes);
    out
}

/// A number of 32 bytes plus the modulus, or the modulus itself if the sum has no room.
fn plus_modulus(bytes: &[u8], minus_one: [u8; 32]) -> [u8; 32] {
    let sum = |a: &[u8], b: &[u8]| {
        let mut carry = 1u16;
        let mut out = [0; 32];
        for i in (0..32).rev() {
            let digit = u16::from(a[i]) + u16::from(b[i]) + carry;
            out[i] = digit.to_be_bytes()[1];
            carry = digit >> 8;
        }
        (carry == 0).then_some(out)
    };
    sum(bytes, &minus_one).or_else(|| sum(&[0; 32], &minus_one)).unwrap()
}

#[test]
fn good_proofs_of_every_model_are_accepted() {
    let good = |model: &Model, keyed: Keyed| {
        let vk = keyed.key.verifying_key();
        let proof = keyed.prove(Cpu, 3);
        assert_eq!(answer(vk, &proof.instance, &proof.bytes), Ok(()), "{}", model.name);
        assert_eq!(vk.shape().bytes(), proof.bytes.len(), "{}", model.name);
        let read = VerifyingKey::from_bytes(&vk.to_bytes()).unwrap();
        assert_eq!((read.digest(), &read), (vk.digest(), vk), "{}", model.name);
        assert_eq!(verify(&read, Context::NONE, &proof.instance, &proof.bytes), Ok(()), "{}", model.name);
        let expected: Vec<Fr> = proof.public.iter().map(|v| embed(*v)).collect();
        assert_eq!(proof.instance == expected, !model.visibility.pack_public, "{}", model.name);
        assert_eq!(vk.integers(&proof.instance).as_ref(), Ok(&proof.public), "{}", model.name);
        // Each value of the instance, and a permutation of it.
        for index in 0..proof.instance.len() {
            let mut instance = proof.instance.clone();
            instance[index] += Fr::from(1);
            assert_eq!(answer(vk, &instance, &proof.bytes), Err(VerifyError::Rejected), "{}: value {index}", model.name);
        }
        let mut instance = proof.instance.clone();
        instance.reverse();
        assert_eq!(answer(vk, &instance, &proof.bytes).is_ok(), instance == proof.instance, "{}: reversed", model.name);
    };
    for model in models::all().iter().chain([&models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1])]) {
        good(model, model.keyed());
        [2, 7, 64].into_iter().for_each(|pack| good(model, model.packed(pack)));
    }
}

/// Each point and each scalar by another good one: the transcript absorbs it and the opening is of something else.
#[test]
fn every_other_point_and_scalar_is_rejected() {
    for keyed in both(17) {
        let (vk, proof) = (keyed.key.verifying_key(), keyed.prove(Cpu, 1));
        let other = keyed.prove(Cpu, 2);
        parts(vk.shape()).par_iter().for_each(|(offset, part)| {
            let size = if matches!(part, Part::Point(_)) { G1_BYTES } else { 32 };
            let of_other = other.bytes[*offset..offset + size].to_vec();
            let constant = match part {
                Part::Point(_) => encode_g1(&G1Affine::new_unchecked(Fq::from(1), Fq::from(2))).to_vec(),
                Part::Scalar(_) => encode(&Fr::from(0)).to_vec(),
            };
            for bytes in [of_other, constant] {
                let expected = if proof.bytes[*offset..offset + size] == bytes { Ok(()) } else { Err(VerifyError::Rejected) };
                assert_eq!(answer(vk, &proof.instance, &replaced(&proof, *offset, &bytes)), expected, "{part:?}");
            }
        });
    }
}

/// Each 32-byte word by the next number, which is a scalar, but no coordinate of the same point.
#[test]
fn every_changed_word_is_rejected_by_its_rule() {
    for keyed in both(17) {
        let (vk, proof) = (keyed.key.verifying_key(), keyed.prove(Cpu, 1));
        parts(vk.shape()).par_iter().for_each(|(offset, part)| {
            let words: &[usize] = if matches!(part, Part::Point(_)) { &[0, 32] } else { &[0] };
            for word in words {
                let mut bytes = proof.bytes.clone();
                bytes[offset + word + 31] ^= 1;
                let ours = answer(vk, &proof.instance, &bytes);
                match part {
                    // Another x may be that of a point with another y, hardly with this one.
                    Part::Point(index) => assert_eq!(ours, Err(VerifyError::Point { index: *index }), "{part:?}"),
                    Part::Scalar(_) => assert_eq!(ours, Err(VerifyError::Rejected), "{part:?}"),
                }
            }
        });
    }
}

/// Second encodings of a number, the identity, points off the curve.
#[test]
fn every_part_has_one_encoding() {
    for keyed in both(17) {
        let (vk, proof) = (keyed.key.verifying_key(), keyed.prove(Cpu, 1));
        let (q, r) = (encode(&-Fq::from(1)), encode(&-Fr::from(1)));
        parts(vk.shape()).par_iter().for_each(|(offset, part)| {
            let refused = |at: usize, bytes: &[u8], expected: VerifyError| {
                assert_eq!(answer(vk, &proof.instance, &replaced(&proof, at, bytes)), Err(expected), "{part:?}");
            };
            let word = |at: usize| &proof.bytes[at..at + 32];
            match *part {
                Part::Point(index) => {
                    refused(*offset, &[0; 64], VerifyError::Identity { index });
                    refused(*offset, &[255; 64], VerifyError::Point { index });
                    refused(*offset, &plus_modulus(word(*offset), q), VerifyError::Point { index });
                    refused(offset + 32, &plus_modulus(word(offset + 32), q), VerifyError::Point { index });
                    refused(*offset, &[0; 32], VerifyError::Point { index });
                    refused(offset + 32, &[0; 32], VerifyError::Point { index });
                    // −P is a point.
                    let y: Fq = sworn_verifier::field::decode(word(offset + 32).try_into().unwrap()).unwrap();
                    refused(offset + 32, &encode(&-y), VerifyError::Rejected);
                }
                Part::Scalar(index) => {
                    refused(*offset, &plus_modulus(word(*offset), r), VerifyError::Scalar { index });
                    refused(*offset, &plus_modulus(&[0; 32], r), VerifyError::Scalar { index });
                    refused(*offset, &[255; 32], VerifyError::Scalar { index });
                }
            }
        });
    }
}

#[test]
fn lengths_are_checked_first() {
    let keyed = tiny(17);
    let (vk, proof) = (keyed.key.verifying_key(), keyed.prove(Cpu, 1));
    let expected = proof.bytes.len();
    let refused = |bytes: &[u8]| {
        let error = VerifyError::ProofLength { expected, actual: bytes.len() };
        assert_eq!(answer(vk, &proof.instance, bytes), Err(error), "{} bytes", bytes.len());
    };
    for cut in [0, 1, 31, 32, 64, expected - 64, expected - 32, expected - 1] {
        refused(&proof.bytes[..cut]);
        refused(&proof.bytes[expected - cut..]);
    }
    for more in [1, 32, 64, expected] {
        refused(&[proof.bytes.clone(), vec![0; more]].concat());
        refused(&[proof.bytes.clone(), proof.bytes[..more].to_vec()].concat());
    }
    // Even with an invalid point in front.
    refused(&[vec![255; 64], proof.bytes.clone()].concat());
    let count = proof.instance.len();
    let error = |actual| Err(VerifyError::InstanceCount { expected: count, actual });
    assert_eq!(verify(vk, Context::NONE, &[], &proof.bytes), error(0));
    assert_eq!(verify(vk, Context::NONE, &proof.instance[1..], &proof.bytes), error(count - 1));
    // halo2 itself reads a missing value as 0 in the polynomial; the transcript does not.
    assert_eq!(answer(vk, &[proof.instance.clone(), vec![Fr::from(0)]].concat(), &proof.bytes), error(count + 1));
}

#[test]
fn proofs_belong_to_their_key_and_output() {
    // In packs the same columns are another statement.
    let [plain, packed] = both(17);
    let (of_plain, of_packed) = (plain.prove(Cpu, 1), packed.prove(Cpu, 1));
    assert_eq!(of_plain.instance, of_packed.instance);
    assert!(matches!(answer(plain.key.verifying_key(), &of_packed.instance, &of_packed.bytes), Err(VerifyError::ProofLength { .. })));
    assert!(matches!(answer(packed.key.verifying_key(), &of_plain.instance, &of_plain.bytes), Err(VerifyError::ProofLength { .. })));
    let [_, other] = both(18);
    assert_eq!(answer(other.key.verifying_key(), &of_packed.instance, &of_packed.bytes), Err(VerifyError::Rejected));

    let (one, other) = (plain, tiny(18));
    let (key, other_key) = (one.key.verifying_key(), other.key.verifying_key());
    let proof = one.prove(Cpu, 1);
    assert_eq!(answer(other_key, &proof.instance, &proof.bytes), Err(VerifyError::Rejected));
    // The same model and another input: another output.
    let replayed = models::tiny(17, [5, 0, -3, 900], [1, 2, 3, 4]).keyed().prove(Cpu, 1);
    assert_ne!(replayed.instance, proof.instance);
    assert_eq!(answer(key, &replayed.instance, &replayed.bytes), Ok(()));
    assert_eq!(answer(key, &replayed.instance, &proof.bytes), Err(VerifyError::Rejected));
    assert_eq!(answer(key, &proof.instance, &replayed.bytes), Err(VerifyError::Rejected));
    // A model of another shape.
    let larger = models::two_limbs().keyed();
    let refused = verify(larger.key.verifying_key(), Context::NONE, &proof.instance, &proof.bytes);
    assert!(matches!(refused, Err(VerifyError::InstanceCount { .. })));
    let instance = vec![Fr::from(0); larger.key.verifying_key().num_instances()];
    assert!(matches!(answer(larger.key.verifying_key(), &instance, &proof.bytes), Err(VerifyError::ProofLength { .. })));
}

/// A proof is for one context: each bit of it matters, those above the modulus of the field too, and zeros are no exception.
#[test]
fn proofs_are_for_one_context() {
    for keyed in both(17) {
        let vk = keyed.key.verifying_key();
        // The modulus: 0, if a context were a scalar.
        let mut modulus = Context(encode(&-Fr::from(1)));
        modulus.0[31] += 1;
        let contexts = [Context::NONE, modulus, Context([255; 32]), Context(std::array::from_fn(|i| i as u8))];
        let proofs = contexts.map(|context| keyed.prove_in(context, Cpu, 1));
        for (context, proof) in contexts.iter().zip(&proofs) {
            for other in contexts {
                let expected = if other == *context { Ok(()) } else { Err(VerifyError::Rejected) };
                assert_eq!(answer_in(other, vk, &proof.instance, &proof.bytes), expected, "{context:?} as {other:?}");
            }
        }
        // A batch names the one that is not for its context.
        let claim = |index: usize, context| (vk, context, proofs[index].instance.as_slice(), proofs[index].bytes.as_slice());
        let good: Vec<_> = contexts.into_iter().enumerate().map(|(index, context)| claim(index, context)).collect();
        assert_eq!(verify_batch(&good), Ok(()));
        let mut wrong = good;
        wrong[2] = claim(2, contexts[1]);
        assert_eq!(verify_batch(&wrong), Err(vec![(2, VerifyError::Rejected)]));
        (0..256).into_par_iter().for_each(|bit| {
            let mut context = contexts[3];
            context.0[bit / 8] ^= 1 << (bit % 8);
            let refused = verify(vk, context, &proofs[3].instance, &proofs[3].bytes);
            assert_eq!(refused, Err(VerifyError::Rejected), "bit {bit}");
        });
    }
}

/// Any part of the statement that changes, changes every challenge after it and none before.
#[test]
fn challenges_follow_from_everything_before_them() {
    for (keyed, other) in both(17).iter().zip(&both(18)) {
        let (vk, proof) = (keyed.key.verifying_key(), keyed.prove(Cpu, 1));
        let shape = vk.shape();
        let challenges_in = |context: Context, key: &VerifyingKey, instance: &[Fr], bytes: &[u8]| {
            let read = sworn_verifier::Proof::read(key, context, instance, bytes).unwrap();
            let c = read.challenges;
            let state: Fr = sworn_verifier::field::decode(&[&[0; 16], &read.state[16..]].concat().try_into().unwrap()).unwrap();
            (c.circuit.into_iter().chain([c.beta, c.gamma, c.y, c.x, c.opening_y, c.opening_v, c.opening_u, state])).collect::<Vec<Fr>>()
        };
        let challenges = |key: &VerifyingKey, instance: &[Fr], bytes: &[u8]| challenges_in(Context::NONE, key, instance, bytes);
        let good = challenges(vk, &proof.instance, &proof.bytes);
        let circuit = shape.challenges;
        // The number of challenges before a part.
        let before = |part: Part| match part {
            Part::Point(i) if i < shape.phases[0] => 0,
            Part::Point(i) if i < shape.first_product() => circuit,
            Part::Point(i) if i < shape.first_limb() => circuit + 2,
            Part::Point(i) if i < shape.opening() => circuit + 3,
            Part::Scalar(_) => circuit + 4,
            Part::Point(i) if i == shape.opening() => circuit + 6,
            Part::Point(_) => circuit + 7,
        };
        let differ = |changed: Vec<Fr>, from: usize, what: &str| {
            assert_eq!(changed.len(), good.len());
            for (index, (a, b)) in changed.iter().zip(&good).enumerate() {
                assert_eq!(a == b, index < from, "{what}: challenge {index}");
            }
        };
        for (offset, part) in parts(shape) {
            let bytes = match part {
                Part::Point(_) => encode_g1(&G1Affine::new_unchecked(Fq::from(1), Fq::from(2))).to_vec(),
                Part::Scalar(_) => encode(&Fr::from(11)).to_vec(),
            };
            differ(challenges(vk, &proof.instance, &replaced(&proof, offset, &bytes)), before(part), &format!("{part:?}"));
        }
        for index in 0..proof.instance.len() {
            let mut instance = proof.instance.clone();
            instance[index] -= Fr::from(1);
            differ(challenges(vk, &instance, &proof.bytes), 0, &format!("value {index} of the instance"));
        }
        differ(challenges(other.key.verifying_key(), &proof.instance, &proof.bytes), 0, "another key");
        let mut context = Context::NONE;
        context.0[31] = 1;
        differ(challenges_in(context, vk, &proof.instance, &proof.bytes), 0, "another context");
    }
}
