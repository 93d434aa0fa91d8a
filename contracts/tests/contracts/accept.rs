//! Good proofs are accepted, for what the estimate says.

use crate::evm::{compile, constructor, Evm, Outcome, Pipeline, PIPELINES};
use crate::fixture::Fixture;
use crate::models::{self, build::*, Model};
use revm::primitives::Address;
use sworn_circuits::graph::Activation;
use sworn_circuits::layout::{LayoutProfile, Visibility};

pub fn tiny() -> Model {
    models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1])
}

pub fn lenet() -> Model {
    let mut b = Build::new(12, 2);
    let x = b.input(&[1, 1, 28, 28]);
    let x = b.conv(x, 6, ConvSpec::square(5, 1, 2), Activation::Relu);
    let x = b.max_pool(x, 2);
    let x = b.conv(x, 16, ConvSpec::square(5, 1, 0), Activation::Relu);
    let x = b.max_pool(x, 2);
    let x = b.flatten(x);
    let x = b.dense(x, 120, Activation::Relu);
    let x = b.dense(x, 84, Activation::Relu);
    let x = b.dense(x, 10, Activation::None);
    let (graph, inputs) = b.finish(&[x]);
    Model { name: "LeNet", graph, inputs, visibility: Visibility { input: false, pack_public: false } }
}

#[test]
fn good_proofs_are_accepted() {
    println!("| model | commitments | public values | calldata | data | gas | estimate | SwornVerifier | estimate |");
    let profiles = [LayoutProfile::Plain, LayoutProfile::Fast, LayoutProfile::Onchain];
    let all: Vec<Model> = models::all().into_iter().chain([tiny(), lenet()]).collect();
    for (model, profile) in all.iter().flat_map(|model| profiles.map(|profile| (model, profile))) {
        let fixture = Fixture::of(&model.profiled(profile));
        assert!(fixture.rust_accepts(&fixture.instances, &fixture.proof), "{}", fixture.name);
        let (direct, typed) = (fixture.calldata(), fixture.typed(&fixture.tensors, &fixture.proof));
        let package = &fixture.package;
        assert_eq!((direct.len(), typed.len()), (package.verifier_calldata_size, package.calldata_size));
        let [gas, _] = PIPELINES.map(|pipeline| {
            let mut evm = Evm::new();
            let verifier = fixture.deploy(&mut evm, pipeline);
            let mut calls = vec![(verifier, &direct)];
            // `ModelVerifier` of another profile has other constants only, and the IR pipeline is slow.
            if profile == LayoutProfile::Plain || pipeline == Pipeline::Legacy {
                calls.push((fixture.deploy_model(&mut evm, pipeline), &typed));
            }
            let gas = |(to, call): (Address, &Vec<u8>)| {
                let (outcome, gas) = evm.call(to, call);
                assert_eq!(outcome, Outcome::Returned(vec![]), "{} {pipeline:?}", fixture.name);
                gas
            };
            calls.into_iter().map(gas).collect::<Vec<_>>()
        });
        let data: usize = package.data.iter().map(|d| d.code.len()).sum();
        println!(
            "| {} | {} | {} | {} | {data} | {} | {} | {} | {} |",
            fixture.name,
            package.commitments,
            fixture.instances.len(),
            typed.len(),
            gas[1],
            package.gas,
            gas[0],
            package.verifier_gas,
        );
        for (gas, estimate) in gas.into_iter().zip([package.verifier_gas, package.gas]) {
            assert!(gas.abs_diff(estimate) * 20 <= gas, "{}: the estimate is off by more than 5 %", fixture.name);
        }
    }
}

/// What packs are for.
#[test]
fn packed_proofs_are_short_and_cheap() {
    for (profile, bytes, direct, typed) in
        [(LayoutProfile::Fast, 13 * 512, 520_000, 530_000), (LayoutProfile::Onchain, 6 * 1024, 320_000, 330_000)]
    {
        let fixture = Fixture::of(&lenet().profiled(profile));
        let (package, proof) = (&fixture.package, fixture.proof.len());
        let gas = (package.verifier_gas, package.gas);
        println!("LeNet, {profile:?}: {proof} bytes of proof, {gas:?} gas, {} commitments", package.commitments);
        assert!(proof <= bytes && gas.0 <= direct && gas.1 <= typed, "{profile:?}");
    }
}

#[test]
fn deployments_cost_what_is_said() {
    let of_lenet = [LayoutProfile::Plain, LayoutProfile::Fast, LayoutProfile::Onchain].map(|profile| lenet().profiled(profile));
    for keyed in [tiny().keyed(), models::maxima().keyed()].into_iter().chain(of_lenet) {
        let fixture = Fixture::of(&keyed);
        let package = &fixture.package;
        let mut evm = Evm::new();
        let of_data: u64 = package.data.iter().map(|data| evm.deployment_gas(&data.init_code, &[])).sum();
        let data = evm.deploy_data(package);
        for pipeline in PIPELINES {
            let compiled = compile(Some(&package.wrapper), pipeline);
            let of_model = evm.deployment_gas(&compiled["ModelVerifier"].init_code, &constructor(&data, None));
            let (gas, estimate) = (of_data + of_model, package.deployment_gas);
            println!("{} {pipeline:?}: {of_data} gas for the data, {of_model} for the contracts, estimate {estimate}", fixture.name);
            // By IR the contracts are a third longer.
            let tolerance = if pipeline == Pipeline::Legacy { gas / 20 } else { gas / 3 };
            assert!(gas.abs_diff(estimate) <= tolerance, "{}: {gas} gas, estimate {estimate}", fixture.name);
        }
    }
}

#[test]
fn contracts_are_small() {
    let fixture = Fixture::new(&tiny());
    for pipeline in PIPELINES {
        let compiled = compile(Some(&fixture.package.wrapper), pipeline);
        for name in ["SwornVerifier", "ModelVerifier", "SwornEscrow"] {
            println!("{pipeline:?} {name}: {} bytes", compiled[name].size);
        }
        assert!(compiled["SwornVerifier"].size < 4_500);
    }
}
