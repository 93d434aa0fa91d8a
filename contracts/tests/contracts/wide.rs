//! Large models: a key with a thousand commitments in several data contracts, and one of 15 million weights in packs.

use sworn_circuits::graph::Activation;
use sworn_circuits::layout::{Choice, Layout, Visibility};
use sworn_contracts::{selector, word, Package, MAX_CODE};
use sworn_prover::{about, setup, Srs};
use sworn_verifier::Context;

use crate::evm::{compile, constructor, Evm, Outcome, Pipeline, PIPELINES};
use crate::fixture::Fixture;
use crate::models::{build::Build, Keyed};

/// A dense layer of two million weights, `lanes` of them a row.
fn wide(inputs: usize, lanes: usize, log_rows: u32) -> Keyed {
    let mut b = Build::new(12, 2);
    let x = b.input(&[1, inputs]);
    let y = b.dense(x, lanes, Activation::Relu);
    let y = b.dense(y, 10, Activation::None);
    let (graph, inputs) = b.finish(&[y]);
    let visibility = Visibility { input: false, pack_public: false };
    let chosen = Layout::new(&graph, visibility).unwrap().choice();
    let choice = Choice { log_rows, weight_lanes: lanes, ..chosen };
    let layout = Layout::restore(&graph, visibility, choice).unwrap();
    let srs = Srs::dev(layout.log_rows).unwrap();
    let about = about("wide", &graph);
    Keyed { name: "wide", inputs, key: setup(graph, visibility, layout, about, &srs).unwrap(), srs }
}

/// VGG-16 with `--profile onchain`; `tests/vectors/make.sh` made the files.
#[test]
fn a_model_of_fifteen_million_weights_verifies() {
    let key = sworn_receipt::VerifyingKey::from_bytes(include_bytes!("../vectors/vgg16_onchain.key")).unwrap();
    let receipt = sworn_receipt::Receipt::from_json(include_bytes!("../vectors/vgg16_onchain.json")).unwrap();
    let accepted = receipt.accept(&key, sworn_receipt::SrsPolicy::INSECURE).unwrap();
    let fixture = Fixture {
        name: "VGG-16",
        key: key.key().clone(),
        package: Package::new(key.key()).unwrap(),
        tensors: accepted.tensors().iter().map(|t| t.iter().map(|v| i64::from(*v)).collect()).collect(),
        context: Context::NONE,
        instances: accepted.instance().iter().map(sworn_verifier::field::encode).collect(),
        proof: accepted.proof().to_vec(),
    };
    let package = &fixture.package;
    let mut evm = Evm::new();
    let verifier = fixture.deploy(&mut evm, Pipeline::Legacy);
    let contract = fixture.deploy_model(&mut evm, Pipeline::Legacy);
    let data: usize = package.data.iter().map(|d| d.code.len()).sum();
    println!("VGG-16: {} commitments, data {data}", package.commitments);
    let typed = fixture.typed(&fixture.tensors, &fixture.proof);
    for (name, to, call, estimate) in
        [("SwornVerifier", verifier, fixture.calldata(), package.verifier_gas), ("ModelVerifier", contract, typed, package.gas)]
    {
        let (outcome, gas) = evm.call(to, &call);
        assert_eq!(outcome, Outcome::Returned(vec![]), "{name}");
        println!("{name}: calldata {}, {gas} gas, estimate {estimate}", call.len());
        assert!(gas.abs_diff(estimate) * 20 <= gas, "{name}: the estimate is off by more than 5 %");
    }
    let mut instances = fixture.instances.clone();
    instances.swap(0, 1);
    assert_ne!(instances, fixture.instances);
    let call = sworn_contracts::calldata(&fixture.key, Context::NONE, &instances, &fixture.proof).unwrap();
    evm.call(verifier, &call).0.assert_error("ProofRejected()", "two outputs in each other's place");
}

#[test]
fn a_key_of_many_data_contracts_verifies() {
    let fixture = Fixture::of(&wide(2000, 1024, 12));
    let package = &fixture.package;
    assert!(package.data.len() > 2);
    assert!(package.data.iter().all(|d| d.code.len() <= MAX_CODE));
    for pipeline in PIPELINES {
        let mut evm = Evm::new();
        let verifier = fixture.deploy(&mut evm, pipeline);
        let (outcome, gas) = evm.call(verifier, &fixture.calldata());
        assert_eq!(outcome, Outcome::Returned(vec![]));
        let sizes: Vec<usize> = package.data.iter().map(|d| d.code.len()).collect();
        println!(
            "{} commitments, data {sizes:?}, calldata {}, {gas} gas, estimate {}",
            package.commitments, package.verifier_calldata_size, package.verifier_gas
        );
        assert!(gas.abs_diff(package.verifier_gas) * 20 <= gas, "the estimate is off by more than 5 %");

        let mut proof = fixture.proof.clone();
        let middle = proof.len() / 64 * 32 + 31;
        proof[middle] ^= 1;
        let call = sworn_contracts::calldata(&fixture.key, Context::NONE, &fixture.instances, &proof).unwrap();
        evm.call(verifier, &call).0.assert_error("ProofRejected()", "one bit");
    }
    // So is the code that they have when they are read.
    for changed in 0..package.data.len() {
        let mut evm = Evm::new();
        let data = evm.deploy_data(package);
        let init_code = &compile(None, Pipeline::Legacy)["SwornVerifier"].init_code;
        let verifier = evm.deploy(init_code, &constructor(&data, Some(&package.data[0].code_hash)));
        let mut code = package.data[changed].code.clone();
        *code.last_mut().unwrap() ^= 1;
        evm.replace_code(data[changed], &code);
        let (outcome, _) = evm.call(verifier, &fixture.calldata());
        let mut expected = selector("DataMismatch(uint256)").to_vec();
        expected.extend(word(changed));
        assert_eq!(outcome, Outcome::Reverted(expected), "data contract {changed}");
    }
    // The order of the data contracts is pinned too.
    let mut evm = Evm::new();
    let mut data = evm.deploy_data(package);
    data.swap(1, 2);
    let init_code = compile(None, Pipeline::Legacy)["SwornVerifier"].init_code.clone();
    let refused = evm.try_deploy(&init_code, &constructor(&data, Some(&package.data[0].code_hash))).unwrap_err();
    refused.assert_error("DataMismatch(uint256)", "parts in another order");
}
