//! Models of any number of public tensors.

use sworn_circuits::graph::Activation;
use sworn_circuits::layout::Visibility;
use sworn_contracts::{bound_proof, metadata, typed_calldata, word, ExportError, Package, MAX_CODE};
use sworn_verifier::{Context, KeyParts, PublicTensor, Role, VerifyingKey};

use crate::accept::tiny;
use crate::evm::{compile, Evm, Outcome, Pipeline, PIPELINES};
use crate::fixture::Fixture;
use crate::models::{build::Build, Model};
use crate::wrapper::{call, hash, of_role, VERIFY};

/// One public input and dense layers of it, each an output; of one tensor, the output alone.
fn fan(tensors: usize) -> Model {
    let mut b = Build::new(8, 11);
    let x = b.input(&[1, 4]);
    let outputs: Vec<_> = (1..tensors.max(2)).map(|_| b.dense(x, 2, Activation::None)).collect();
    let (graph, mut inputs) = b.finish(&outputs);
    while graph.evaluate(&inputs).is_err() {
        inputs.iter_mut().flatten().for_each(|v| *v /= 2);
    }
    Model { name: "fan", graph, inputs, visibility: Visibility { input: tensors > 1, pack_public: false } }
}

#[test]
fn models_of_any_number_of_public_tensors_verify() {
    for count in [1, 4, 5, 13, 40] {
        let fixture = Fixture::new(&fan(count));
        assert_eq!(fixture.tensors.len(), count);
        let hashes = |tensors: &[Vec<i64>]| [Role::Input, Role::Output].map(|role| hash(&of_role(&fixture, tensors, role)));
        for pipeline in PIPELINES {
            let mut evm = Evm::new();
            let contract = fixture.deploy_model(&mut evm, pipeline);
            let typed = |tensors: &[Vec<i64>]| typed_calldata(&fixture.key, Context::NONE, tensors, &fixture.proof).unwrap();
            let hashed = |[input, output]: [[u8; 32]; 2], tensors: &[Vec<i64>]| {
                call(VERIFY, &input, &output, &metadata(tensors), &bound_proof(Context::NONE, &fixture.proof))
            };
            let good = &fixture.tensors;
            assert_eq!(evm.call(contract, &typed(good)).0, Outcome::Returned(vec![]), "{count} tensors, {pipeline:?}");
            assert_eq!(evm.call(contract, &hashed(hashes(good), good)).0, Outcome::Returned(word(1).to_vec()), "{count}, {pipeline:?}");
            for tensor in [0, count / 2, count - 1] {
                let mut changed = good.clone();
                changed[tensor][0] ^= 1;
                evm.call(contract, &typed(&changed)).0.assert_error("ProofRejected()", "another value");
                evm.call(contract, &hashed(hashes(&changed), &changed)).0.assert_error("ProofRejected()", "another value and its hash");
                let is_input = fixture.key.tensors[tensor].role == Role::Input;
                let error = if is_input { "InputHashMismatch(bytes32,bytes32)" } else { "OutputHashMismatch(bytes32,bytes32)" };
                evm.call(contract, &hashed(hashes(good), &changed)).0.assert_error(error, "another value");
            }
        }
    }
}

/// The tensors of a key in another number: its proofs do not matter.
fn with_tensors(parts: &KeyParts, roles: &[Role]) -> Result<Package, ExportError> {
    let tensor = |(index, role): (usize, &Role)| {
        let first = parts.tensors[0].clone();
        PublicTensor { name: format!("t{index}"), role: *role, shape: vec![], features: None, ..first }
    };
    let parts = KeyParts { tensors: roles.iter().enumerate().map(tensor).collect(), ..parts.clone() };
    Package::new(&VerifyingKey::new(&parts).unwrap())
}

#[test]
fn contracts_of_the_most_tensors_are_small_enough() {
    let parts = KeyParts { log_rows: 10, ..KeyParts::clone(&Fixture::new(&tiny()).key) };
    let most = with_tensors(&parts, &[Role::Output; 256]).unwrap();
    let size = compile(Some(&most.wrapper), Pipeline::Legacy)["ModelVerifier"].size;
    assert!(size <= MAX_CODE, "{size} bytes");
    let refused = with_tensors(&parts, &[Role::Output; 257]).unwrap_err();
    assert!(matches!(refused, ExportError::TensorCount { actual: 257, limit: 256 }), "{refused}");
    // None at all, and inputs behind outputs.
    for roles in
        [vec![], vec![Role::Output, Role::Input, Role::Output], vec![Role::Input, Role::Output, Role::Input, Role::Output, Role::Input]]
    {
        for pipeline in PIPELINES {
            compile(Some(&with_tensors(&parts, &roles).unwrap().wrapper), pipeline);
        }
    }
}
