//! What Rust rejects, the contract rejects, with the named error.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use revm::primitives::{Address, U256};
use sworn_contracts::{calldata, selector, word, ExportError};
use sworn_prover::Cpu;
use sworn_verifier::Context;

use crate::accept::tiny;
use crate::evm::{compile, constructor, Evm, Outcome, Pipeline, PIPELINES};
use crate::fixture::Fixture;
use crate::models::{self, Keyed};

/// Order of the scalar field.
const R: &str = "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
/// Modulus of the curve's field.
const Q: &str = "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";

fn number(hex: &str) -> U256 {
    U256::from_str_radix(hex, 16).unwrap()
}

struct Target {
    fixture: Fixture,
    evm: Evm,
    verifier: Address,
    /// Bytes of the proof that are points; scalars are between.
    points: Vec<usize>,
    scalars: Vec<usize>,
}

impl Target {
    fn new(model: &models::Model, pipeline: Pipeline) -> Self {
        Self::of(Fixture::new(model), pipeline)
    }

    fn of(fixture: Fixture, pipeline: Pipeline) -> Self {
        let mut evm = Evm::new();
        let verifier = fixture.deploy(&mut evm, pipeline);
        let first = fixture.key.shape().opening();
        let opening = fixture.proof.len() - 128;
        let points = (0..first).map(|i| 64 * i).chain([opening, opening + 64]).collect();
        let scalars = (64 * first..opening).step_by(32).collect();
        Self { fixture, evm, verifier, points, scalars }
    }

    /// The contract gives the error, and Rust rejects.
    fn rejects(&mut self, instances: &[[u8; 32]], proof: &[u8], error: &str, what: &str) {
        assert!(!self.fixture.rust_accepts(instances, proof), "{what}: accepted by Rust");
        let call = calldata(&self.fixture.key, Context::NONE, instances, proof).unwrap();
        self.evm.call(self.verifier, &call).0.assert_error(error, what);
    }

    fn rejects_proof(&mut self, change: impl FnOnce(&mut Vec<u8>), error: &str, what: &str) {
        let mut proof = self.fixture.proof.clone();
        change(&mut proof);
        assert_ne!(proof, self.fixture.proof, "{what}: nothing changed");
        let instances = self.fixture.instances.clone();
        self.rejects(&instances, &proof, error, what);
    }

    fn rejects_word(&mut self, at: usize, change: impl FnOnce(U256) -> U256, error: &str, what: &str) {
        let what = format!("{what}, byte {at}");
        let set = |proof: &mut Vec<u8>| {
            let value = change(U256::from_be_slice(&proof[at..at + 32]));
            proof[at..at + 32].copy_from_slice(&value.to_be_bytes::<32>());
        };
        self.rejects_proof(set, error, &what);
    }
}

#[test]
fn every_word_of_a_proof_counts() {
    let (r, q) = (number(R), number(Q));
    let plain =
        [(tiny().keyed(), Pipeline::Legacy), (models::two_limbs().keyed(), Pipeline::ViaIr), (models::gathers().keyed(), Pipeline::Legacy)];
    let packed = [(tiny().packed(5), Pipeline::ViaIr), (models::gathers().onchain(), Pipeline::Legacy)];
    for (keyed, pipeline) in plain.into_iter().chain(packed) {
        let mut target = Target::of(Fixture::of(&keyed), pipeline);
        let one = U256::from(1);
        for at in target.scalars.clone() {
            target.rejects_word(at, |v| v.add_mod(one, r), "ProofRejected()", "a scalar and one");
            target.rejects_word(at, |v| v + r, "ScalarNotCanonical()", "a scalar and r");
            target.rejects_word(at, |_| U256::MAX, "ScalarNotCanonical()", "the largest word");
        }
        for at in target.points.clone() {
            target.rejects_word(at, |x| x.add_mod(one, q), "PointNotOnCurve()", "x and one");
            target.rejects_word(at + 32, |y| y.add_mod(one, q), "PointNotOnCurve()", "y and one");
            target.rejects_word(at + 32, |y| q - y, "ProofRejected()", "the opposite point");
            target.rejects_word(at, |x| x + q, "CoordinateNotCanonical()", "x and q");
            target.rejects_word(at + 32, |y| y + q, "CoordinateNotCanonical()", "y and q");
            target.rejects_word(at, |_| q, "CoordinateNotCanonical()", "q");
            target.rejects_proof(|p| p[at..at + 64].fill(0), "PointNotOnCurve()", "the identity");
            let generator = [word(1), word(2)].concat();
            target.rejects_proof(|p| p[at..at + 64].copy_from_slice(&generator), "ProofRejected()", "the generator");
        }
        let half = target.fixture.proof.len() / 64 * 32;
        target.rejects_proof(|p| p[..half].fill(0), "PointNotOnCurve()", "zeros");
    }
}

/// Two good proofs of the same values: parts of one in the other are refused, wherever they begin and end.
#[test]
fn splices_of_two_proofs_are_rejected() {
    for keyed in [models::two_limbs().keyed(), models::two_limbs().onchain()] {
        splices(&keyed);
    }
}

fn splices(keyed: &Keyed) {
    let mut target = Target::of(Fixture::of(keyed), Pipeline::Legacy);
    let other = keyed.prove(Cpu, 8).bytes;
    assert!(target.fixture.rust_accepts(&target.fixture.instances, &other));
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let words: Vec<usize> = target.points.iter().copied().chain(target.scalars.clone()).chain([other.len()]).collect();
    for _ in 0..100 {
        let [one, two] = [(); 2].map(|()| words[rng.gen_range(0..words.len())]);
        let (from, to) = (one.min(two), one.max(two));
        if from < to && to - from < other.len() {
            target.rejects_proof(|p| p[from..to].copy_from_slice(&other[from..to]), "ProofRejected()", &format!("{from}..{to}"));
        }
    }
}

#[test]
fn every_public_value_counts() {
    let r = number(R);
    let mut target = Target::new(&models::maxima(), Pipeline::Legacy);
    let proof = target.fixture.proof.clone();
    for index in 0..target.fixture.instances.len() {
        let good = target.fixture.instances.clone();
        let mut with = |change: &dyn Fn(U256) -> U256, error: &str| {
            let mut instances = good.clone();
            instances[index] = change(U256::from_be_bytes(instances[index])).to_be_bytes();
            target.rejects(&instances, &proof, error, &format!("public value {index}"));
        };
        with(&|v| v.add_mod(U256::from(1), r), "ProofRejected()");
        with(&|v| v + r, "InstanceNotCanonical()");
        with(&|_| U256::MAX, "InstanceNotCanonical()");
    }
}

#[test]
fn only_one_encoding_is_read() {
    for pipeline in PIPELINES {
        let mut target = Target::new(&tiny(), pipeline);
        let (instances, proof) = (target.fixture.instances.clone(), target.fixture.proof.clone());
        let verifier = target.verifier;
        let n = instances.len();
        let verify = selector("verify(uint256[],bytes32,bytes)").to_vec();
        let array = [word(n).to_vec(), instances.concat()].concat();
        let bytes = [word(proof.len()).to_vec(), proof.clone()].concat();
        let mut expect = |parts: &[&[u8]], error: &str, what: &str| {
            target.evm.call(verifier, &parts.concat()).0.assert_error(error, what);
        };
        let head = |first: usize, second: usize| [word(first), [0; 32], word(second)].concat();
        // Each of these is valid ABI, and other contracts read the same arguments from it.
        let behind = 0x60 + bytes.len();
        expect(&[&verify, &head(behind, 0x60), &bytes, &array], "CalldataEncoding()", "the proof first");
        expect(&[&verify, &head(0x80, 0xa0 + 32 * n), &word(0), &array, &bytes], "CalldataEncoding()", "a gap in front");
        expect(&[&verify, &head(0x60, 0xa0 + 32 * n), &array, &word(0), &bytes], "CalldataEncoding()", "a gap between");
        expect(&[&verify, &head(0x60, 0x80 + 32 * n), &array, &bytes, &[0]], "CalldataEncoding()", "a byte behind");
        expect(&[&verify, &head(0x60, 0x80 + 32 * n), &array, &bytes, &word(0)], "CalldataEncoding()", "a word behind");
        // Good values behind, others where the contract looks.
        let forged = [word(n).to_vec(), vec![0; 32 * n]].concat();
        expect(&[&verify, &head(0x80 + 32 * n, 0xa0 + 64 * n), &forged, &array, &bytes], "CalldataEncoding()", "two sets of values");

        // The arguments of a verifier without contexts.
        let without = [selector("verify(uint256[],bytes)").to_vec(), word(0x40).to_vec(), word(0x60 + 32 * n).to_vec()].concat();
        expect(&[&without, &array, &bytes], "UnknownFunction()", "no context");

        let fewer = [word(n - 1).to_vec(), instances[1..].concat()].concat();
        expect(&[&verify, &head(0x60, 0x60 + 32 * n), &fewer, &bytes], "InstanceCount()", "one value fewer");
        let more = [word(n + 1).to_vec(), instances.concat(), word(0).to_vec()].concat();
        expect(&[&verify, &head(0x60, 0xa0 + 32 * n), &more, &bytes], "InstanceCount()", "one value more");
        let short = [word(proof.len() - 32).to_vec(), proof[32..].to_vec()].concat();
        expect(&[&verify, &head(0x60, 0x80 + 32 * n), &array, &short], "ProofLength()", "a word fewer");
        let odd = [word(proof.len() - 1).to_vec(), proof.clone()].concat();
        expect(&[&verify, &head(0x60, 0x80 + 32 * n), &array, &odd], "ProofLength()", "a byte fewer");
        let long = [word(proof.len() + 32).to_vec(), proof.clone(), vec![0; 32]].concat();
        expect(&[&verify, &head(0x60, 0x80 + 32 * n), &array, &long], "ProofLength()", "a word more");
        expect(&[&selector("verify(bytes)"), &head(0x60, 0x80 + 32 * n), &array, &bytes], "UnknownFunction()", "another selector");
        expect(&[], "UnknownFunction()", "no calldata");
        expect(&[&verify[..3]], "UnknownFunction()", "three bytes");

        // What the compiler's decoder refuses has no name.
        let call = target.fixture.calldata();
        for length in (4..call.len()).step_by(29) {
            let (outcome, _) = target.evm.call(verifier, &call[..length]);
            assert_eq!(outcome, Outcome::Reverted(vec![]), "cut at {length}");
        }
    }
}

#[test]
fn calls_of_the_wrong_size_are_not_encoded() {
    let fixture = Fixture::new(&tiny());
    let (instances, proof) = (&fixture.instances, &fixture.proof);
    assert!(matches!(
        calldata(&fixture.key, Context::NONE, &instances[1..], proof),
        Err(ExportError::InstanceCount { expected: 4, actual: 3 })
    ));
    assert!(matches!(calldata(&fixture.key, Context::NONE, instances, &proof[1..]), Err(ExportError::ProofLength { .. })));
}

#[test]
fn too_little_gas_is_no_acceptance() {
    let mut target = Target::new(&tiny(), Pipeline::Legacy);
    let call = target.fixture.calldata();
    let (_, gas) = target.evm.call(target.verifier, &call);
    target.evm.call_with(target.verifier, &call, gas - 20_000).assert_error("PrecompileFailed()", "no gas for the pairing");
    for limit in (130_000..gas - 1_000).step_by(7_919) {
        let outcome = target.evm.call_with(target.verifier, &call, limit);
        assert!(!matches!(outcome, Outcome::Returned(_)), "accepted with {limit} gas");
    }
}

#[test]
fn a_verifier_takes_the_data_that_it_pins() {
    let (one, other) = (Fixture::new(&tiny()), Fixture::new(&models::tiny(18, [5, 0, -3, 900], [60, -60, 33, 1])));
    let mut evm = Evm::new();
    let (data, others) = (evm.deploy_data(&one.package), evm.deploy_data(&other.package));
    let verifier = compile(None, Pipeline::Legacy)["SwornVerifier"].init_code.clone();
    let model = compile(Some(&one.package.wrapper), Pipeline::Legacy)["ModelVerifier"].init_code.clone();
    let hash = &one.package.data[0].code_hash;
    let refused = |outcome: Result<Address, Outcome>, what: &str| match outcome {
        Ok(_) => panic!("{what}: deployed"),
        Err(outcome) => outcome.assert_error("DataMismatch(uint256)", what),
    };
    refused(evm.try_deploy(&verifier, &constructor(&others, Some(hash))), "the data of another key");
    refused(evm.try_deploy(&model, &constructor(&others, None)), "the data of another key, by the model's contract");
    refused(evm.try_deploy(&verifier, &constructor(&[], Some(hash))), "no data");
    refused(evm.try_deploy(&verifier, &constructor(&[data[0], data[0]], Some(hash))), "too many data contracts");
    refused(evm.try_deploy(&verifier, &constructor(&[crate::evm::SENDER], Some(hash))), "an account without code");
    // A contract that is no data of ours, pinned by its own hash.
    let foreign = evm.deploy(&verifier, &constructor(&data, Some(hash)));
    let empty = [0; 32];
    refused(evm.try_deploy(&verifier, &constructor(&[foreign], Some(&empty))), "a contract of another kind");

    // A proof of one model under the key of another, of the same shape.
    let verifier = other.deploy(&mut evm, Pipeline::Legacy);
    let call = calldata(&other.key, Context::NONE, &one.instances, &one.proof).unwrap();
    evm.call(verifier, &call).0.assert_error("ProofRejected()", "the key of another model");
    assert!(!other.rust_accepts(&one.instances, &one.proof));
    let digest = evm.call(verifier, &selector("keyDigest()")).0;
    assert_eq!(digest, Outcome::Returned(other.key.digest().to_vec()));
}
