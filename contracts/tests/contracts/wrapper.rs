//! The model's contract: typed arguments, `IProofVerifier`, and money that depends on it.

use revm::primitives::U256;
use sha3::{Digest, Keccak256};
use sworn_circuits::graph::Activation;
use sworn_circuits::layout::Visibility;
use sworn_contracts::{bound_proof, encode_tensors, metadata, selector, typed_calldata, word, Package};
use sworn_verifier::{Context, KeyParts, Role, VerifyingKey};

use crate::accept::tiny;
use crate::evm::{compile, Evm, Outcome, Pipeline, PIPELINES};
use crate::fixture::Fixture;
use crate::models::{self, build::Build, Model};

pub fn hash(tensors: &[Vec<i64>]) -> [u8; 32] {
    if tensors.is_empty() {
        Keccak256::digest([]).into()
    } else {
        Keccak256::digest(encode_tensors(tensors)).into()
    }
}

/// Tensors of a role.
pub fn of_role(fixture: &Fixture, tensors: &[Vec<i64>], role: Role) -> Vec<Vec<i64>> {
    fixture.key.tensors.iter().zip(tensors).filter(|(t, _)| t.role == role).map(|(_, v)| v.clone()).collect()
}

/// `bytes` as the tail of an argument.
fn bytes(data: &[u8]) -> Vec<u8> {
    let mut out = [&word(data.len()), data].concat();
    out.resize(out.len().next_multiple_of(32), 0);
    out
}

/// `f(word, word, bytes, bytes)`.
pub fn call(signature: &str, first: &[u8; 32], second: &[u8; 32], metadata: &[u8], proof: &[u8]) -> Vec<u8> {
    let (metadata, proof) = (bytes(metadata), bytes(proof));
    [&selector(signature), first.as_slice(), second, &word(0x80), &word(0x80 + metadata.len()), &metadata, &proof].concat()
}

pub const VERIFY: &str = "verify(bytes32,bytes32,bytes,bytes)";

/// Two inputs and three outputs, all public: more tensors than arguments.
pub fn many_tensors() -> Model {
    let mut b = Build::new(7, 5);
    let (x, z) = (b.input(&[1, 5]), b.input(&[1, 3]));
    let y = b.dense(x, 3, Activation::Relu);
    let w = b.dense(z, 2, Activation::None);
    let s = b.elementwise(y, Some(z), 20, 30, 0, Activation::Relu);
    let (graph, mut inputs) = b.finish(&[s, w, y]);
    while graph.evaluate(&inputs).is_err() {
        inputs.iter_mut().flatten().for_each(|v| *v /= 2);
    }
    Model { name: "many tensors", graph, inputs, visibility: Visibility { input: true, pack_public: false } }
}

#[test]
fn names_of_tensors_are_no_code() {
    let mut parts = KeyParts::clone(&Fixture::new(&many_tensors()).key);
    let names = ["*/ } contract X {", "a\nb", "uint256", "", "tensor0"];
    parts.tensors.truncate(5);
    parts.tensors.iter_mut().zip(names).for_each(|(tensor, name)| tensor.name = name.into());
    let compiles = |parts: &KeyParts| {
        let key = VerifyingKey::new(parts).unwrap();
        compile(Some(&Package::new(&key).unwrap().wrapper), Pipeline::Legacy);
    };
    compiles(&parts);
    parts.tensors.pop();
    parts.tensors[3].name = parts.tensors[0].name.clone();
    compiles(&parts);
}

#[test]
fn tensors_are_arguments() {
    let all = [tiny(), models::two_limbs(), models::maxima(), models::elementwise_and_tables()];
    for (model, pipeline) in all.iter().zip(PIPELINES.repeat(2)) {
        let fixture = Fixture::new(model);
        let mut evm = Evm::new();
        let contract = fixture.deploy_model(&mut evm, pipeline);
        let typed = |tensors: &[Vec<i64>]| typed_calldata(&fixture.key, Context::NONE, tensors, &fixture.proof).unwrap();
        let (outcome, gas) = evm.call(contract, &typed(&fixture.tensors));
        assert_eq!(outcome, Outcome::Returned(vec![]), "{}", fixture.name);
        println!("{}: {gas} gas by the model's contract, {} directly", fixture.name, fixture.package.verifier_gas);
        for tensor in 0..fixture.tensors.len() {
            let mut changed = fixture.tensors.clone();
            changed[tensor][0] ^= 1;
            evm.call(contract, &typed(&changed)).0.assert_error("ProofRejected()", "another value");
        }
        // The first value of the first tensor, set to any word.
        let place = 4 + 32 * (fixture.tensors.len() + 3);
        let mut with = |value: U256| {
            let mut data = typed(&fixture.tensors);
            data[place..place + 32].copy_from_slice(&value.to_be_bytes::<32>());
            evm.call(contract, &data).0
        };
        let bound = U256::from(1) << 127;
        with(bound).assert_error("ValueOutOfRange(uint256,uint256)", "2^127");
        with(U256::ZERO - bound).assert_error("ValueOutOfRange(uint256,uint256)", "−2^127");
        with(U256::from(1) << 255).assert_error("ValueOutOfRange(uint256,uint256)", "the least integer");
        with(bound - U256::from(1)).assert_error("ProofRejected()", "2^127 − 1");
        // r is no integer of the model's: an embedding that wraps is refused.
        with(U256::from_be_bytes(fixture.instances[0]) + order()).assert_error("ValueOutOfRange(uint256,uint256)", "a value and r");
    }
}

#[test]
fn more_tensors_than_arguments_are_one_array() {
    let fixture = Fixture::new(&many_tensors());
    assert_eq!(fixture.tensors.len(), 5);
    let mut evm = Evm::new();
    let contract = fixture.deploy_model(&mut evm, Pipeline::Legacy);
    let data = typed_calldata(&fixture.key, Context::NONE, &fixture.tensors, &fixture.proof).unwrap();
    assert_eq!(evm.call(contract, &data).0, Outcome::Returned(vec![]));
    for tensor in 0..5 {
        let mut changed = fixture.tensors.clone();
        changed[tensor][0] ^= 1;
        let data = typed_calldata(&fixture.key, Context::NONE, &changed, &fixture.proof).unwrap();
        evm.call(contract, &data).0.assert_error("ProofRejected()", "another value");
    }
}

pub fn order() -> U256 {
    U256::from_str_radix("30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001", 16).unwrap()
}

#[test]
fn hashes_bind_inputs_and_outputs() {
    for (model, pipeline) in [tiny(), models::two_limbs(), many_tensors()].iter().zip(PIPELINES.repeat(2)) {
        let fixture = Fixture::new(model);
        let mut evm = Evm::new();
        let contract = fixture.deploy_model(&mut evm, pipeline);
        let hashes = |tensors: &[Vec<i64>]| [Role::Input, Role::Output].map(|role| hash(&of_role(&fixture, tensors, role)));
        let [input, output] = hashes(&fixture.tensors);
        let metadata = metadata(&fixture.tensors);
        let proof = bound_proof(Context::NONE, &fixture.proof);
        let good = call(VERIFY, &input, &output, &metadata, &proof);
        assert_eq!(evm.call(contract, &good).0, Outcome::Returned(word(1).to_vec()), "{}", fixture.name);

        let wrong = [1; 32];
        let data = call(VERIFY, &wrong, &output, &metadata, &proof);
        evm.call(contract, &data).0.assert_error("InputHashMismatch(bytes32,bytes32)", "another input");
        let data = call(VERIFY, &input, &wrong, &metadata, &proof);
        evm.call(contract, &data).0.assert_error("OutputHashMismatch(bytes32,bytes32)", "another output");
        let mut replayed = fixture.tensors.clone();
        replayed.last_mut().unwrap()[0] ^= 1;
        let [input, output] = hashes(&replayed);
        let data = call(VERIFY, &input, &output, &sworn_contracts::metadata(&replayed), &proof);
        evm.call(contract, &data).0.assert_error("ProofRejected()", "the proof for another output");
        let mut longer = fixture.tensors.clone();
        longer[0].push(0);
        let [input, output] = hashes(&longer);
        let data = call(VERIFY, &input, &output, &sworn_contracts::metadata(&longer), &proof);
        evm.call(contract, &data).0.assert_error("TensorLength(uint256,uint256,uint256)", "a longer tensor");
        for length in [0, 31] {
            let data = call(VERIFY, &hashes(&fixture.tensors)[0], &hashes(&fixture.tensors)[1], &metadata, &vec![0; length]);
            evm.call(contract, &data).0.assert_error("ProofLength()", "no room for a context");
        }
        let profile = evm.call(contract, &selector("proofProfile()")).0;
        assert_eq!(profile, Outcome::Returned(fixture.key.digest().to_vec()));
    }
}
