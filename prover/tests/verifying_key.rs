//! Encodings of verifying keys: one each, and anything else is an error or another key. Random bytes: `tests/fuzz.rs`.

mod models;

use models::Keyed;
use rayon::prelude::*;
use std::sync::LazyLock;
use sworn_prover::{Cpu, Proof};
use sworn_verifier::expression::{Expression, Operation};
use sworn_verifier::{
    verify, About, ClosedColumns, ColumnKind, Context, Form, G1Affine, G2Affine, KeyError, KeyParts, Packing, Query, VerifyError,
    VerifyingKey,
};

static TINY: LazyLock<(Keyed, Proof)> = LazyLock::new(|| {
    let keyed = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]).keyed();
    let proof = keyed.prove(Cpu, 1);
    (keyed, proof)
});

fn key() -> &'static VerifyingKey {
    TINY.0.key.verifying_key()
}

/// An error, or a key of another digest that does not accept the proof.
fn is_harmless(bytes: &[u8]) {
    if let Ok(other) = VerifyingKey::from_bytes(bytes) {
        assert_eq!(other.to_bytes(), bytes, "one encoding");
        assert_ne!(other.digest(), key().digest());
        assert!(verify(&other, Context::NONE, &TINY.1.instance, &TINY.1.bytes).is_err());
    }
}

#[test]
fn every_changed_bit_is_an_error_or_another_key() {
    let bytes = key().to_bytes();
    (0..bytes.len() * 8).into_par_iter().for_each(|bit| {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        is_harmless(&changed);
    });
}

#[test]
fn cut_and_lengthened_keys_are_refused() {
    let bytes = key().to_bytes();
    for end in 0..bytes.len() {
        assert!(VerifyingKey::from_bytes(&bytes[..end]).is_err(), "{end} bytes");
    }
    assert_eq!(VerifyingKey::from_bytes(&[bytes.clone(), vec![0]].concat()), Err(KeyError::NotCanonical));
    assert_eq!(VerifyingKey::from_bytes(&bytes[1..]), Err(KeyError::Encoding));
    let mut older = bytes;
    older[8] = 1;
    assert_eq!(VerifyingKey::from_bytes(&older), Err(KeyError::Version { expected: 6, actual: 1 }));
}

/// Plain and packed keys have versions of their own: a packed key of the older protocol is refused by its version.
#[test]
fn versions_belong_to_protocols() {
    let plain = key().to_bytes();
    let packed = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]).packed(3).key.verifying_key().to_bytes();
    for (bytes, expected, actual) in [(plain, 5, 6), (packed, 6, 5)] {
        assert_eq!(bytes[8..12], u32::to_le_bytes(expected));
        let mut changed = bytes;
        changed[8] = actual as u8;
        assert_eq!(VerifyingKey::from_bytes(&changed), Err(KeyError::Version { expected, actual }));
    }
}

#[test]
fn lengths_have_one_encoding() {
    // Behind magic and version: log₂ of the rows, a varint. Two bytes for what has one.
    let mut bytes = key().to_bytes();
    bytes[12] |= 128;
    bytes.insert(13, 0);
    assert_eq!(VerifyingKey::from_bytes(&bytes), Err(KeyError::NotCanonical));
}

/// Parts of a key, changed.
fn changed(change: impl FnOnce(&mut KeyParts)) -> Result<VerifyingKey, KeyError> {
    let mut parts = KeyParts::clone(key());
    change(&mut parts);
    VerifyingKey::new(&parts)
}

fn is_range(result: Result<VerifyingKey, KeyError>) {
    assert!(matches!(result, Err(KeyError::Range { .. })), "{result:?}");
}

#[test]
fn rules_of_keys_are_checked() {
    assert_eq!(changed(|_| ()).as_ref(), Ok(key()));
    is_range(changed(|k| k.log_rows = 3));
    is_range(changed(|k| k.log_rows = 29));
    is_range(changed(|k| k.log_rows = u32::MAX));
    is_range(changed(|k| k.fixed_commitments.truncate(1)));
    is_range(changed(|k| k.permutation_commitments.push(k.permutation_commitments[0])));
    is_range(changed(|k| k.g2 = k.s_g2));
    is_range(changed(|k| k.g2 = -k.g2));
    is_range(changed(|k| k.tensors[0].scale = -1.0));
    is_range(changed(|k| k.tensors[0].scale = f64::INFINITY));
    is_range(changed(|k| k.tensors[0].shape = vec![1 << 20]));
    is_range(changed(|k| k.tensors[0].shape = vec![usize::MAX, usize::MAX]));
    // No element, and a dimension that a machine of 32 bits cannot hold.
    is_range(changed(|k| k.tensors[0].shape = vec![0, 1 << 32]));
    for (low, width) in [(1, 8), (-256, 8), (0, 0), (0, 32), (i32::MIN, 31)] {
        is_range(changed(|k| k.tensors[0].form = Form::Packed(Packing { low, width })));
    }
    is_range(changed(|k| (k.tensors[0].form, k.tensors[0].shape) = (Form::Packed(Packing { low: 0, width: 31 }), vec![1 << 20])));
    is_range(changed(|k| k.tensors[0].name = "x".repeat(1025)));
    is_range(changed(|k| k.constraints.degree = 2));
    is_range(changed(|k| k.constraints.degree = 10));
    is_range(changed(|k| k.constraints.num_challenges = 64));
    is_range(changed(|k| k.constraints.advice_phases[0] = 2));
    is_range(changed(|k| k.constraints.advice_phases.clear()));
    is_range(changed(|k| k.constraints.advice_queries[0].rotation = 3));
    is_range(changed(|k| k.constraints.advice_queries[0].rotation = i32::MIN));
    is_range(changed(|k| k.constraints.advice_queries[0].column = u32::MAX));
    is_range(changed(|k| k.constraints.fixed_queries[0] = k.constraints.fixed_queries[1]));
    is_range(changed(|k| k.constraints.instance_queries[0] = Query { column: 1, rotation: 0 }));
    is_range(changed(|k| k.constraints.permutation[0] = (ColumnKind::Fixed, 1 << 20)));
    is_range(changed(|k| k.constraints.permutation[0] = k.constraints.permutation[1]));
    let expression = |program: Vec<Operation>| {
        let gate = key().constraints.gates.len();
        let made = changed(|k| k.constraints.gates.push(Expression(program)));
        assert_eq!(made, Err(KeyError::Expression { gate }));
    };
    expression(vec![]);
    expression(vec![Operation::Add]);
    expression(vec![Operation::Negate]);
    expression(vec![Operation::Advice(0), Operation::Advice(0)]);
    expression(vec![Operation::Advice(u32::MAX)]);
    expression(vec![Operation::Challenge(63)]);
    expression(vec![Operation::Constant([255; 32])]);
    expression(vec![Operation::Advice(0), Operation::Scale([255; 32])]);
    let power = [vec![Operation::Advice(0); 6], vec![Operation::Multiply; 5]].concat();
    expression(power);
}

/// What a key says of its model: each field is in the digest, and a proof is for the words that its key had.
#[test]
fn what_a_key_says_is_in_its_digest() {
    type Change = fn(&mut About);
    let changes: [Change; 12] = [
        |a| a.model = "Tiny".into(),
        |a| a.model.clear(),
        |a| a.source[31] ^= 1,
        |a| a.bits += 1,
        |a| a.input_scales[0].name = "X".into(),
        |a| a.input_scales[0].scales[0] *= 2.0,
        |a| a.input_scales[0].scales.push(1.0),
        |a| a.input_scales.push(a.input_scales[0].clone()),
        |a| a.input_scales.clear(),
        |a| a.samples += 1,
        |a| a.report[0] ^= 128,
        |a| a.relative_error = f64::MIN_POSITIVE,
    ];
    let mut digests = vec![key().digest()];
    for change in changes {
        let other = changed(|k| change(&mut k.about)).unwrap();
        assert_eq!(VerifyingKey::from_bytes(&other.to_bytes()).as_ref(), Ok(&other));
        assert!(!digests.contains(&other.digest()));
        digests.push(other.digest());
        assert_eq!(verify(&other, Context::NONE, &TINY.1.instance, &TINY.1.bytes), Err(VerifyError::Rejected));
    }
}

#[test]
fn what_a_key_says_is_checked() {
    let is_refused = |change: fn(&mut About)| is_range(changed(|k| change(&mut k.about)));
    is_refused(|a| a.model = "x".repeat(1025));
    is_refused(|a| a.bits = 0);
    is_refused(|a| a.bits = 32);
    is_refused(|a| a.input_scales = vec![a.input_scales[0].clone(); (1 << 16) + 1]);
    is_refused(|a| a.input_scales[0].name = "é".repeat(513));
    is_refused(|a| a.input_scales[0].scales.clear());
    is_refused(|a| a.input_scales[0].scales.push(0.0));
    is_refused(|a| a.input_scales[0].scales[0] = -0.25);
    is_refused(|a| a.input_scales[0].scales[0] = f64::NAN);
    is_refused(|a| a.input_scales[0].scales[0] = f64::INFINITY);
    is_refused(|a| a.relative_error = f64::NAN);
    is_refused(|a| a.relative_error = f64::INFINITY);
    is_refused(|a| a.relative_error = -1e-9);
    // Zero has one encoding.
    is_refused(|a| a.relative_error = -0.0);
    // A name is text.
    let bytes = changed(|k| k.about.model = "model".into()).unwrap().to_bytes();
    let at = bytes.windows(5).position(|w| w == b"model").unwrap();
    let mut other = bytes;
    other[at] = 0xff;
    assert_eq!(VerifyingKey::from_bytes(&other), Err(KeyError::Encoding));
    // A length that is not there asks for no memory.
    other[at - 1] = 0xff;
    other[at..at + 4].copy_from_slice(&[0xff, 0xff, 0xff, 0x0f]);
    assert_eq!(VerifyingKey::from_bytes(&other), Err(KeyError::Encoding));
}

/// A secret that is known at sight: 1 and −1. The identity is no point of a key, and any other secret is another string.
#[test]
fn strings_of_known_secrets_are_refused() {
    for s_g2 in [key().g2, -key().g2] {
        assert_eq!(changed(|k| k.s_g2 = s_g2), Err(KeyError::KnownSecret));
    }
    let points = key().fixed_commitments.len() + key().permutation_commitments.len();
    assert_eq!(changed(|k| k.s_g2 = G2Affine::default()), Err(KeyError::Point { index: points + 1 }));
    let other = changed(|k| k.s_g2 = (k.g2 + k.g2).into()).unwrap();
    assert_ne!(other.digest(), key().digest());
    assert_eq!(verify(&other, Context::NONE, &TINY.1.instance, &TINY.1.bytes), Err(VerifyError::Rejected));
}

/// Columns in closed form: two different fixed columns of a packed key, at rotations that have a closed form.
#[test]
fn columns_in_closed_form_are_checked() {
    let packed = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]).packed(3);
    let good = packed.key.verifying_key();
    let with = |closed: ClosedColumns| VerifyingKey::new(&KeyParts { closed, ..KeyParts::clone(good) });
    let ClosedColumns { usable: Some(usable), last_usable: Some(last) } = good.closed else { panic!("two columns in closed form") };
    let closed = |usable, last_usable| ClosedColumns { usable: Some(usable), last_usable: Some(last_usable) };
    assert_eq!(with(closed(usable, last)).as_ref(), Ok(good));
    let refused = |closed: ClosedColumns| {
        let what = "column in closed form";
        assert!(matches!(with(closed), Err(KeyError::Range { what: found, .. }) if found == what), "{closed:?}");
    };
    refused(closed(usable, usable));
    refused(closed(last, last));
    refused(closed(usable, good.constraints.num_fixed));
    refused(closed(u32::MAX, last));
    // Usable rows are read at x/ω.
    refused(closed(last, usable));
    refused(ClosedColumns { usable: None, last_usable: Some(usable) });
    for (column, rotations) in [(usable, [-2, 1]), (last, [-1, 1])] {
        for rotation in rotations {
            let mut parts = KeyParts::clone(good);
            parts.constraints.fixed_queries.push(Query { column, rotation });
            assert!(matches!(VerifyingKey::new(&parts), Err(KeyError::Range { what: "column in closed form", .. })), "{rotation}");
        }
    }
    // Plain keys have none: they are halo2's.
    let plain = changed(|k| k.closed = good.closed);
    assert!(matches!(plain, Err(KeyError::Range { what: "column in closed form of a plain key", .. })), "{plain:?}");
    // One encoding: at the end of a packed key.
    let bytes = good.to_bytes();
    let tail = [1, usable as u8, 1, last as u8];
    assert!(usable < 128 && last < 128 && bytes.ends_with(&tail));
    for wrong in [&[2, usable as u8, 1, last as u8][..], &[1, usable as u8 | 128, 0, 1, last as u8], &[1, usable as u8, 1], &[]] {
        assert!(VerifyingKey::from_bytes(&[&bytes[..bytes.len() - tail.len()], wrong].concat()).is_err(), "{wrong:?}");
    }
}

#[test]
fn points_of_keys_are_checked() {
    let bytes = key().to_bytes();
    let replaced = |from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
        let mut changed = bytes.clone();
        changed[at..at + to.len()].copy_from_slice(to);
        VerifyingKey::from_bytes(&changed)
    };
    let fixed = sworn_verifier::point::encode_g1(key().fixed_commitments.iter().find(|p| **p != G1Affine::default()).unwrap());
    assert!(matches!(replaced(&fixed, &[255; 64]), Err(KeyError::Point { .. })));
    assert!(matches!(replaced(&fixed, &[1; 64]), Err(KeyError::Point { .. })));
    // A column of zeros: another key.
    assert_ne!(replaced(&fixed, &[0; 64]).unwrap().digest(), key().digest());
    let fixed = key().fixed_commitments.len();
    let sigma = sworn_verifier::point::encode_g1(&key().permutation_commitments[0]);
    assert_eq!(replaced(&sigma, &[0; 64]), Err(KeyError::Point { index: fixed }));
    assert_eq!(changed(|k| k.fixed_commitments[1] = G1Affine::new_unchecked(1.into(), 3.into())), Err(KeyError::Point { index: 1 }));
    let points = fixed + key().permutation_commitments.len();
    for (index, point) in [(points, key().g2), (points + 1, key().s_g2)] {
        let encoded = sworn_verifier::point::encode_g2(&point);
        assert_eq!(replaced(&encoded, &[0; 128]), Err(KeyError::Point { index }));
        assert_eq!(replaced(&encoded, &[1; 128]), Err(KeyError::Point { index }));
        assert_eq!(replaced(&encoded, &[255; 128]), Err(KeyError::Point { index }));
    }
}
