//! Packed public values in whole proofs: the same integers, hostile instances, keys that say another packing.
#![expect(clippy::unwrap_used, reason = "tests")]

mod models;

use std::sync::LazyLock;

use models::build::Build;
use models::{Keyed, Model};
use num_bigint::BigUint;
use proptest::prelude::*;
use sworn_circuits::layout::Visibility;
use sworn_prover::{Cpu, Proof, ProvingKey};
use sworn_verifier::{field, verify, Context, Form, Fr, InstanceError, KeyParts, Packing, PublicTensor, Role, VerifyError, VerifyingKey};

static PACKED: LazyLock<(Keyed, Proof)> = LazyLock::new(|| {
    let keyed = models::packed_public().keyed();
    let proof = keyed.prove(Cpu, 1);
    (keyed, proof)
});

fn key() -> &'static VerifyingKey {
    PACKED.0.key.verifying_key()
}

/// r.
fn order() -> BigUint {
    BigUint::from_bytes_be(&field::encode(&-Fr::from(1))) + 1u32
}

fn number(value: &Fr) -> BigUint {
    BigUint::from_bytes_be(&field::encode(value))
}

fn element(value: &BigUint) -> Fr {
    let bytes = (value % order()).to_bytes_be();
    let mut out = [0; 32];
    out[32 - bytes.len()..].copy_from_slice(&bytes);
    field::decode(&out).unwrap()
}

fn packing(tensor: &PublicTensor) -> Packing {
    match tensor.form {
        Form::Packed(packing) => packing,
        Form::Plain => panic!("`{}` is not packed", tensor.name),
    }
}

/// The public values by the definition, in integers of any size: `Σ (v_i − low)·B^i + low·Σ B^i mod r`.
fn by_definition(tensors: &[PublicTensor], mut integers: &[i64]) -> Vec<Fr> {
    let mut values = Vec::new();
    for tensor in tensors {
        let (elements, rest) = integers.split_at(tensor.elements());
        integers = rest;
        let Packing { low, width } = packing(tensor);
        for run in elements.chunks(253 / width as usize) {
            let place = |i: usize| BigUint::from(1u32) << (width as usize * i);
            let digits: BigUint = run.iter().enumerate().map(|(i, v)| place(i) * u64::try_from(v - i64::from(low)).unwrap()).sum();
            assert!(digits.bits() <= 253);
            let shift: BigUint = (0..run.len()).map(place).sum::<BigUint>() * low.unsigned_abs();
            values.push(element(&(digits + order() - shift % order())));
        }
    }
    values
}

#[test]
fn packed_proofs_are_of_the_same_integers() {
    let (keyed, proof) = &*PACKED;
    let mut plain = models::packed_public();
    plain.visibility.pack_public = false;
    let plain = plain.keyed().prove(Cpu, 1);
    assert_eq!((&proof.public, &proof.outputs), (&plain.public, &plain.outputs));
    assert_eq!((proof.instance.len(), plain.instance.len()), (2 + 4, 64 + 16 + 16 + 5 + 3));
    assert_eq!(key().num_instances(), 6);
    assert_eq!(proof.instance, by_definition(&key().tensors, &proof.public));
    assert_eq!(key().integers(&proof.instance).as_ref(), Ok(&proof.public));
    assert_eq!(verify(key(), Context::NONE, &proof.instance, &proof.bytes), Ok(()));
    // Any other integer is another statement.
    for index in 0..proof.public.len() {
        for delta in [1, -1] {
            let mut public = proof.public.clone();
            public[index] += delta;
            match key().instance(&public) {
                Ok(instance) => assert_eq!(verify(key(), Context::NONE, &instance, &proof.bytes), Err(VerifyError::Rejected)),
                Err(error) => assert!(matches!(error, InstanceError::OutOfRange { .. })),
            }
        }
    }
    let again = ProvingKey::from_bytes(&keyed.key.to_bytes(), &keyed.srs).unwrap();
    assert_eq!((again.visibility(), again.verifying_key()), (Visibility { input: true, pack_public: true }, key()));
}

/// Packings that no integers have, and that differ from the proved one by a multiple of a power of the radix.
#[test]
fn hostile_instances_are_refused() {
    let proof = &PACKED.1;
    let mut index = 0;
    for tensor in &key().tensors {
        let Packing { low, width } = packing(tensor);
        let mut rest = tensor.elements();
        while rest > 0 {
            let count = rest.min(253 / width as usize);
            rest -= count;
            let good = number(&proof.instance[index]);
            let end = BigUint::from(1u32) << (width as usize * count);
            let negative = order() - &end;
            for wrong in
                [&good + &end, &good + &negative, &good + (&end << 1u32), order() - (&good + 1u32), &good + (BigUint::from(1u32) << 253u32)]
            {
                let mut instance = proof.instance.clone();
                instance[index] = element(&wrong);
                assert_eq!(verify(key(), Context::NONE, &instance, &proof.bytes), Err(VerifyError::Rejected));
                // What is no run is said to be none.
                let is_run = key().integers(&instance).is_ok();
                assert_eq!(key().integers(&instance).err(), (!is_run).then_some(InstanceError::NotCanonical { index }));
                assert!(!is_run || wrong == order() - (&good + 1u32), "low {low}, width {width}: {wrong}");
            }
            index += 1;
        }
    }
    assert_eq!(index, proof.instance.len());
    let short = key().integers(&proof.instance[1..]);
    assert_eq!(short, Err(InstanceError::ValueCount { expected: index, actual: index - 1 }));
}

/// A key that says another packing, or none, is another key.
#[test]
fn other_packings_are_other_keys() {
    let proof = &PACKED.1;
    let forms = [Form::Plain, Form::Packed(Packing { low: -31, width: 6 }), Form::Packed(Packing { low: -32, width: 7 })];
    for form in forms {
        let mut parts = KeyParts::clone(key());
        parts.tensors[0].form = form;
        let other = VerifyingKey::new(&parts).unwrap();
        assert_ne!(other.digest(), key().digest());
        assert!(verify(&other, Context::NONE, &proof.instance, &proof.bytes).is_err());
    }
    let key = &PACKED.0.key;
    let mut bytes = key.to_bytes();
    let (digest, verifying) = (PACKED.0.srs.digest(), key.verifying_key().to_bytes());
    let tail = postcard::to_stdvec(&(key.visibility(), key.layout().choice(), digest, verifying)).unwrap();
    let visibility = bytes.len() - tail.len();
    assert_eq!((&bytes[visibility..], bytes[visibility]), (&tail[..], 3));
    for other in [0, 1, 2, 4] {
        bytes[visibility] = other;
        assert!(ProvingKey::from_bytes(&bytes, &PACKED.0.srs).is_err(), "visibility {other}");
    }
}

/// Inputs at both ends of their range, which are the output: a circuit without a linear layer.
#[test]
fn both_ends_of_the_range() {
    for bits in [4, 15] {
        let mut b = Build::new(bits, 21);
        let count = (253 / bits) as usize + 1;
        let x = b.input(&[1, count]);
        let (graph, inputs) = b.finish(&[x]);
        let model = Model { name: "ends", graph, inputs, visibility: Visibility { input: false, pack_public: true } };
        let mut keyed = model.keyed();
        let (low, high) = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1);
        // Once with the long table: both ends are in it.
        let all = [[low, high], [low, low], [high, high]];
        for ends in all.into_iter().take(if bits == 4 { 3 } else { 1 }) {
            keyed.inputs = vec![(0..count).map(|i| ends[i % 2]).collect()];
            let (proof, vk) = (keyed.prove(Cpu, 2), keyed.key.verifying_key());
            assert_eq!(proof.outputs, keyed.inputs);
            assert_eq!(proof.instance, by_definition(&vk.tensors, &proof.public));
            assert_eq!(verify(vk, Context::NONE, &proof.instance, &proof.bytes), Ok(()));
        }
    }
}

/// A key with these tensors.
fn with(tensors: Vec<PublicTensor>) -> VerifyingKey {
    VerifyingKey::new(&KeyParts { tensors, ..KeyParts::clone(key()) }).unwrap()
}

fn arb_tensor() -> impl Strategy<Value = (PublicTensor, Vec<i64>)> {
    let packing = (1u32..=31).prop_flat_map(|width| (Just(width), -((1i64 << width) - 1)..=0));
    (packing, 0usize..70).prop_flat_map(|((width, low), count)| {
        let packing = Packing { low: i32::try_from(low).unwrap(), width };
        let form = Form::Packed(packing);
        let tensor = PublicTensor { name: "t".into(), role: Role::Output, form, shape: vec![count], scale: 1.0, features: None };
        (Just(tensor), proptest::collection::vec(low..=packing.high(), count))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packing_and_unpacking_are_inverse(all in proptest::collection::vec(arb_tensor(), 1..3)) {
        let (tensors, integers): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let integers = integers.concat();
        let expected = by_definition(&tensors, &integers);
        prop_assume!(expected.len() <= 50);
        let key = with(tensors);
        prop_assert_eq!(key.instance(&integers), Ok(expected.clone()));
        prop_assert_eq!(key.integers(&expected), Ok(integers));
    }

    /// A field element is of one run or of none: whatever is unpacked is packed to the same.
    #[test]
    fn unpacked_values_are_packed_to_the_same((tensor, _) in arb_tensor(), bytes in any::<[u8; 32]>(), bits in 0u32..256) {
        let count = tensor.num_values();
        prop_assume!((1..=50).contains(&count));
        let key = with(vec![tensor]);
        let value = element(&(BigUint::from_bytes_be(&bytes) >> bits));
        for value in [value, -value] {
            let instance = vec![value; count];
            if let Ok(integers) = key.integers(&instance) {
                prop_assert_eq!(key.instance(&integers), Ok(instance));
            }
        }
    }
}
