//! Models, their proofs and their contracts.

use ark_bn254::Fr;
use revm::primitives::Address;
use sworn_contracts::{calldata, typed_calldata, Package};
use sworn_prover::Cpu;
use sworn_verifier::{Context, VerifyingKey};

use crate::evm::{compile, constructor, Evm, Pipeline};
use crate::models::{Keyed, Model};

/// A proof as bytes.
pub struct Fixture {
    pub name: &'static str,
    pub key: VerifyingKey,
    pub package: Package,
    pub tensors: Vec<Vec<i64>>,
    /// What the proof was made for.
    pub context: Context,
    pub instances: Vec<[u8; 32]>,
    pub proof: Vec<u8>,
}

impl Fixture {
    pub fn new(model: &Model) -> Self {
        Self::of(&model.keyed())
    }

    pub fn of(keyed: &Keyed) -> Self {
        Self::within(keyed, Context::NONE)
    }

    /// With a proof for a context.
    pub fn within(keyed: &Keyed, context: Context) -> Self {
        let proof = keyed.prove_in(context, Cpu, 7);
        let key = keyed.key.verifying_key().clone();
        let mut rest = proof.public.as_slice();
        let mut take = |n: usize| {
            let (head, tail) = rest.split_at(n);
            rest = tail;
            head.to_vec()
        };
        let tensors = key.tensors.iter().map(|t| take(t.elements())).collect();
        let instances = proof.instance.iter().map(sworn_verifier::field::encode).collect();
        Self { name: keyed.name, package: Package::new(&key).unwrap(), tensors, context, instances, proof: proof.bytes, key }
    }

    pub fn calldata(&self) -> Vec<u8> {
        calldata(&self.key, self.context, &self.instances, &self.proof).unwrap()
    }

    /// A call of the model's contract, with tensors and a proof in the place of its own.
    pub fn typed(&self, tensors: &[Vec<i64>], proof: &[u8]) -> Vec<u8> {
        typed_calldata(&self.key, self.context, tensors, proof).unwrap()
    }

    /// What the Rust verifier says; `None` for values that it has no type for.
    pub fn rust_accepts(&self, instances: &[[u8; 32]], proof: &[u8]) -> bool {
        let instances: Option<Vec<Fr>> = instances.iter().map(sworn_verifier::field::decode).collect();
        instances.is_some_and(|i| sworn_verifier::verify(&self.key, self.context, &i, proof).is_ok())
    }

    /// Deploys the data and `SwornVerifier`.
    pub fn deploy(&self, evm: &mut Evm, pipeline: Pipeline) -> Address {
        let data = evm.deploy_data(&self.package);
        let compiled = compile(None, pipeline);
        evm.deploy(&compiled["SwornVerifier"].init_code, &constructor(&data, Some(&self.package.data[0].code_hash)))
    }

    /// Deploys the data and `ModelVerifier`.
    pub fn deploy_model(&self, evm: &mut Evm, pipeline: Pipeline) -> Address {
        let data = evm.deploy_data(&self.package);
        let compiled = compile(Some(&self.package.wrapper), pipeline);
        evm.deploy(&compiled["ModelVerifier"].init_code, &constructor(&data, None))
    }
}
