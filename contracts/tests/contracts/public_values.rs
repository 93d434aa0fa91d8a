//! Packed public values: the model's contract packs what it is given, and takes nothing that is out of range.

use revm::primitives::U256;
use sworn_circuits::graph::Activation;
use sworn_circuits::layout::Visibility;
use sworn_contracts::{bound_proof, metadata, selector, typed_calldata, word};
use sworn_verifier::{Context, Form, KeyParts, Packing, PublicTensor, Role, VerifyingKey};

use crate::evm::{compile, Evm, Outcome, Pipeline, PIPELINES};
use crate::fixture::Fixture;
use crate::models::{self, build::Build, Model};
use crate::wrapper::{call, hash, many_tensors, of_role, order, VERIFY};

fn packing(tensor: &PublicTensor) -> Packing {
    match tensor.form {
        Form::Packed(packing) => packing,
        Form::Plain => panic!("`{}` is not packed", tensor.name),
    }
}

/// `ValueOutOfRange(tensor, index)`.
fn out_of_range(tensor: usize, index: usize) -> Outcome {
    Outcome::Reverted([selector("ValueOutOfRange(uint256,uint256)").to_vec(), word(tensor).to_vec(), word(index).to_vec()].concat())
}

#[test]
fn packed_tensors_are_arguments() {
    for (model, pipeline) in [models::packed_public(), models::two_limbs().with_packed_public(), many_tensors().with_packed_public()]
        .iter()
        .zip(PIPELINES.repeat(2))
    {
        let fixture = Fixture::new(model);
        let mut evm = Evm::new();
        let contract = fixture.deploy_model(&mut evm, pipeline);
        let mut send =
            |tensors: &[Vec<i64>]| evm.call(contract, &typed_calldata(&fixture.key, Context::NONE, tensors, &fixture.proof).unwrap()).0;
        assert_eq!(send(&fixture.tensors), Outcome::Returned(vec![]), "{}", fixture.name);
        for (tensor, public) in fixture.key.tensors.iter().enumerate() {
            let packing = packing(public);
            let (low, high, count) = (i64::from(packing.low), packing.high(), public.elements());
            let mut with = |index: usize, value: i64| {
                let mut changed = fixture.tensors.clone();
                changed[tensor][index] = value;
                send(&changed)
            };
            for index in [0, count / 2, count - 1] {
                let good = fixture.tensors[tensor][index];
                for wrong in [low - 1, high + 1, i64::MAX, i64::MIN, good + (1 << packing.width), good - (1 << packing.width)] {
                    assert_eq!(with(index, wrong), out_of_range(tensor, index), "{}: {wrong}", fixture.name);
                }
                for other in [low, high, good ^ 1].into_iter().filter(|&v| v != good && (low..=high).contains(&v)) {
                    with(index, other).assert_error("ProofRejected()", "another value in the range");
                }
            }
            // The same public value of other digits.
            let mut wrapped = fixture.tensors.clone();
            wrapped[tensor][0] += 1 << packing.width;
            wrapped[tensor][1] -= 1;
            assert_eq!(send(&wrapped), out_of_range(tensor, 0));
        }
    }
}

/// Words that no `i64` is.
#[test]
fn words_outside_of_the_range_revert() {
    let fixture = Fixture::new(&models::packed_public());
    let mut evm = Evm::new();
    let contract = fixture.deploy_model(&mut evm, Pipeline::ViaIr);
    let good = typed_calldata(&fixture.key, Context::NONE, &fixture.tensors, &fixture.proof).unwrap();
    // Five tensors are one array of arrays: the first word of the first of them.
    let place = 4 + 32 * (3 + 1 + fixture.tensors.len() + 1);
    let word_at = |data: &[u8]| U256::from_be_slice(&data[place..place + 32]);
    let first = fixture.tensors[0][0];
    let embedded = if first < 0 { U256::ZERO - U256::from(first.unsigned_abs()) } else { U256::from(first) };
    assert_eq!(word_at(&good), embedded);
    let one = U256::from(1);
    for wrong in [one << 255, (one << 255) - one, (one << 253) + embedded, embedded + order(), embedded - order(), one << 127] {
        let mut data = good.clone();
        data[place..place + 32].copy_from_slice(&wrong.to_be_bytes::<32>());
        assert_eq!(evm.call(contract, &data).0, out_of_range(0, 0), "{wrong}");
    }
}

/// `IProofVerifier` hashes the tensors as they are, packed or not.
#[test]
fn hashes_are_of_the_tensors() {
    for (model, pipeline) in [models::two_limbs(), many_tensors()].into_iter().zip(PIPELINES) {
        let plain = Fixture::new(&model);
        let fixture = Fixture::new(&model.with_packed_public());
        assert_eq!(fixture.tensors, plain.tensors);
        let mut evm = Evm::new();
        let contract = fixture.deploy_model(&mut evm, pipeline);
        let mut send = |tensors: &[Vec<i64>]| {
            let [input, output] = [Role::Input, Role::Output].map(|role| hash(&of_role(&fixture, tensors, role)));
            evm.call(contract, &call(VERIFY, &input, &output, &metadata(tensors), &bound_proof(Context::NONE, &fixture.proof))).0
        };
        assert_eq!(send(&fixture.tensors), Outcome::Returned(word(1).to_vec()));
        let mut changed = fixture.tensors.clone();
        let last = changed.len() - 1;
        changed[last][0] = packing(&fixture.key.tensors[last]).high() + 1;
        assert_eq!(send(&changed), out_of_range(last, 0));
        changed = fixture.tensors.clone();
        changed[last][0] ^= 1;
        send(&changed).assert_error("ProofRejected()", "another output");
        changed = fixture.tensors.clone();
        changed[0].push(0);
        send(&changed).assert_error("TensorLength(uint256,uint256,uint256)", "a longer tensor");
    }
}

/// Field elements that no tensor has, to the verifier itself.
#[test]
fn hostile_instances_are_rejected() {
    let fixture = Fixture::new(&models::packed_public());
    for pipeline in PIPELINES {
        let mut evm = Evm::new();
        let verifier = fixture.deploy(&mut evm, pipeline);
        let mut send = |instances: &[[u8; 32]]| {
            assert!(!fixture.rust_accepts(instances, &fixture.proof));
            evm.call(verifier, &sworn_contracts::calldata(&fixture.key, Context::NONE, instances, &fixture.proof).unwrap()).0
        };
        for index in 0..fixture.instances.len() {
            let good = U256::from_be_bytes(fixture.instances[index]);
            for bits in [6, 18, 30, 96, 132, 252, 253] {
                let power = U256::from(1) << bits;
                let mut instances = fixture.instances.clone();
                for wrong in [good.add_mod(power, order()), good.add_mod(order() - power, order())] {
                    instances[index] = wrong.to_be_bytes();
                    send(&instances).assert_error("ProofRejected()", "a multiple of a power of two away");
                }
            }
            let mut instances = fixture.instances.clone();
            instances[index] = (good + order()).to_be_bytes();
            send(&instances).assert_error("InstanceNotCanonical()", "the value and r");
        }
    }
}

/// Keys whose tensors are of both forms.
#[test]
fn both_forms_in_one_contract() {
    let fixture = Fixture::new(&models::two_limbs().with_packed_public());
    let mut parts = KeyParts::clone(&fixture.key);
    parts.tensors[1].form = Form::Plain;
    let wrapper = sworn_contracts::Package::new(&VerifyingKey::new(&parts).unwrap()).unwrap().wrapper;
    for pipeline in PIPELINES {
        compile(Some(&wrapper), pipeline);
    }
}

/// A public image of 784 pixels and 10 outputs.
#[test]
fn packing_saves_gas() {
    let model = |pack_public: bool| {
        let mut b = Build::new(10, 31);
        let x = b.input(&[1, 784]);
        let y = b.dense(x, 16, Activation::Relu);
        let y = b.dense(y, 10, Activation::None);
        let (graph, mut inputs) = b.finish(&[y]);
        while graph.evaluate(&inputs).is_err() {
            inputs.iter_mut().flatten().for_each(|v| *v /= 2);
        }
        Model { name: "784 to 10", graph, inputs, visibility: Visibility { input: true, pack_public } }
    };
    let [plain, packed] = [false, true].map(|pack| {
        let fixture = Fixture::new(&model(pack));
        let measured = PIPELINES.map(|pipeline| {
            let mut evm = Evm::new();
            let (verifier, contract) = (fixture.deploy(&mut evm, pipeline), fixture.deploy_model(&mut evm, pipeline));
            let (direct, gas) = evm.call(verifier, &fixture.calldata());
            let (typed, typed_gas) =
                evm.call(contract, &typed_calldata(&fixture.key, Context::NONE, &fixture.tensors, &fixture.proof).unwrap());
            assert_eq!((direct, typed), (Outcome::Returned(vec![]), Outcome::Returned(vec![])));
            (gas, typed_gas)
        });
        let values = fixture.instances.len();
        let estimates = [fixture.package.verifier_gas, fixture.package.gas];
        println!("pack {pack}: {values} public values, {} commitments, gas direct and typed {measured:?}", fixture.package.commitments);
        for (gas, estimate) in [measured[0].0, measured[0].1].into_iter().zip(estimates) {
            assert!(gas.abs_diff(estimate) * 20 <= estimate, "{gas} gas: the estimate of {estimate} is off by more than 5 %");
        }
        (values, measured)
    });
    assert_eq!((plain.0, packed.0), (794, 33));
    for (plain, packed) in plain.1.iter().zip(packed.1) {
        assert!(packed.0 + 450_000 < plain.0);
        assert!(packed.1 + 300_000 < plain.1);
    }
}
