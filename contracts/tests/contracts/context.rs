//! A proof is made for a context, and is none in another: Rust and the contracts agree on which.

use ark_ff::PrimeField;
use sworn_contracts::{bound_proof, calldata, metadata, typed_calldata, word};
use sworn_verifier::field::{decode, encode};
use sworn_verifier::{verify, Context, Fr, Role};

use crate::accept::tiny;
use crate::evm::{Evm, Outcome, Pipeline, PIPELINES};
use crate::fixture::Fixture;
use crate::models;
use crate::wrapper::{call, hash, many_tensors, of_role, VERIFY};

/// A number, an address as the ABI pads it, and words that are no scalars.
fn contexts() -> [Context; 4] {
    let mut address = [0; 32];
    address[12..].copy_from_slice(&[0xbb; 20]);
    [Context(word(1)), Context(address), Context([0xff; 32]), Context([0x80; 32])]
}

/// Every other context than a proof's: none, one bit more or less, turned around, the same modulo r.
fn others(context: Context) -> Vec<Context> {
    let flipped = (0..256).step_by(51).map(|bit| {
        let mut other = context;
        other.0[bit / 8] ^= 1 << (bit % 8);
        other
    });
    let mut reversed = context;
    reversed.0.reverse();
    let modulo_r = Context(encode(&Fr::from_be_bytes_mod_order(&context.0)));
    let all = [Context::NONE, reversed, modulo_r].into_iter().chain(contexts()).chain(flipped);
    all.filter(|other| *other != context).collect()
}

fn rust_accepts(fixture: &Fixture, context: Context) -> bool {
    let instances: Vec<Fr> = fixture.instances.iter().map(|i| decode(i).unwrap()).collect();
    verify(&fixture.key, context, &instances, &fixture.proof).is_ok()
}

#[test]
fn rust_and_contracts_agree_on_contexts() {
    let models = models::all().into_iter().chain([tiny(), many_tensors()]);
    let keyed = models.flat_map(|model| [model.keyed(), model.onchain()]);
    for ((keyed, context), pipeline) in keyed.zip(contexts().into_iter().cycle()).zip(PIPELINES.into_iter().cycle()) {
        let fixture = Fixture::within(&keyed, context);
        let mut evm = Evm::new();
        let (verifier, model) = (fixture.deploy(&mut evm, pipeline), fixture.deploy_model(&mut evm, pipeline));
        let [input, output] = [Role::Input, Role::Output].map(|role| hash(&of_role(&fixture, &fixture.tensors, role)));
        let mut calls = |context: Context| {
            let proof = bound_proof(context, &fixture.proof);
            [
                evm.call(verifier, &calldata(&fixture.key, context, &fixture.instances, &fixture.proof).unwrap()).0,
                evm.call(model, &typed_calldata(&fixture.key, context, &fixture.tensors, &fixture.proof).unwrap()).0,
                evm.call(model, &call(VERIFY, &input, &output, &metadata(&fixture.tensors), &proof)).0,
            ]
        };
        assert!(rust_accepts(&fixture, context), "{}", fixture.name);
        let good = [vec![], vec![], word(1).to_vec()].map(Outcome::Returned);
        assert_eq!(calls(context), good, "{}", fixture.name);
        for other in others(context) {
            assert!(!rust_accepts(&fixture, other), "{}: {other:?}", fixture.name);
            for outcome in calls(other) {
                outcome.assert_error("ProofRejected()", "another context");
            }
        }
    }
}

/// What is asked of no context is zero, not left out.
#[test]
fn a_proof_without_context_is_one_of_zero() {
    let fixture = Fixture::new(&tiny());
    let mut evm = Evm::new();
    let verifier = fixture.deploy(&mut evm, Pipeline::Legacy);
    for context in contexts() {
        assert!(!rust_accepts(&fixture, context));
        let data = calldata(&fixture.key, context, &fixture.instances, &fixture.proof).unwrap();
        evm.call(verifier, &data).0.assert_error("ProofRejected()", "a context");
    }
    assert_eq!(evm.call(verifier, &fixture.calldata()).0, Outcome::Returned(vec![]));
}
