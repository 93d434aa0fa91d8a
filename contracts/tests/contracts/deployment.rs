//! What a deployment refuses, and what contracts say of their errors.

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, UniformRand};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use revm::primitives::Address;
use sha3::{Digest, Keccak256};
use sworn_contracts::{calldata, selector, word, Package, SOURCES};
use sworn_verifier::field::encode;
use sworn_verifier::point::{encode_g1, encode_g2};
use sworn_verifier::srs::{identity, CEREMONIES};
use sworn_verifier::{Context, KeyParts, Proof, VerifyingKey};

use crate::accept::tiny;
use crate::evm::{compile, compile_changed, constructor, Evm, Outcome, Pipeline, PIPELINES};
use crate::fixture::Fixture;
use crate::models;
use crate::oracle::{accepts, combined};

/// Places in the code of the first data contract: its first byte is STOP.
const DIGEST: usize = 1 + 0x60;
const S_G2: usize = 1 + 0x80;
const MINUS_G2: usize = 1 + 0x100;
const GENERATOR: usize = 1 + 0x180;
/// Bytes of what deploys it, before its code.
const PREFIX: usize = 10;

/// A package whose first data contract has other bytes somewhere, and the hash of that.
fn changed(package: &Package, at: usize, bytes: &[u8]) -> Package {
    let mut package = package.clone();
    let data = &mut package.data[0];
    data.code[at..at + bytes.len()].copy_from_slice(bytes);
    data.init_code[PREFIX + at..PREFIX + at + bytes.len()].copy_from_slice(bytes);
    data.code_hash = Keccak256::digest(&data.code).into();
    package
}

fn deploy(evm: &mut Evm, package: &Package, init_code: &[u8]) -> Result<Address, Outcome> {
    let data = evm.deploy_data(package);
    evm.try_deploy(init_code, &constructor(&data, Some(&package.data[0].code_hash)))
}

#[test]
fn errors_are_in_the_abi_of_every_contract_that_they_come_through() {
    let fixture = Fixture::new(&tiny());
    for pipeline in PIPELINES {
        let compiled = compile(Some(&fixture.package.wrapper), pipeline);
        let errors = |name: &str| compiled[name].signatures("error");
        let (verifier, model, escrow) = (errors("SwornVerifier"), errors("ModelVerifier"), errors("SwornEscrow"));
        assert!(verifier.len() > 12 && model.len() > verifier.len() && escrow.len() > model.len());
        for error in &verifier {
            assert!(model.contains(error), "ModelVerifier: {error}");
        }
        for error in &model {
            assert!(escrow.contains(error), "SwornEscrow: {error}");
        }
    }
}

/// Assembly has selectors as numbers, each with its name beside it.
#[test]
fn selectors_in_assembly_are_those_of_the_errors() {
    let source = SOURCES.iter().find(|(name, _)| *name == "SwornVerifier.sol").unwrap().1;
    let declared = compile(None, Pipeline::Legacy)["SwornVerifier"].signatures("error");
    let mut count = 0;
    for (at, _) in source.match_indices("/* ") {
        let (name, rest) = source[at + 3..].split_once(" */ 0x").unwrap();
        let signature = declared.iter().find(|s| s.starts_with(&format!("{name}("))).unwrap_or_else(|| panic!("{name} is not declared"));
        assert_eq!(rest[..8], hex::encode(selector(signature)), "{signature}");
        count += 1;
    }
    assert!(count > 10, "{count} selectors");
}

#[test]
fn a_model_refuses_the_data_of_another_key() {
    let (fixture, other) = (Fixture::new(&tiny()), Fixture::new(&models::two_limbs()));
    let [wrapper, others] = [&fixture, &other].map(|f| f.package.wrapper.clone());
    let digest = |fixture: &Fixture| hex::encode(fixture.key.digest());
    let hash = |fixture: &Fixture| hex::encode(fixture.package.data[0].code_hash);
    for pipeline in PIPELINES {
        let mut evm = Evm::new();
        let (data, of_other) = (evm.deploy_data(&fixture.package), evm.deploy_data(&other.package));
        let mut refused = |wrapper: &str, data: &[Address], error: &str| {
            let init_code = &compile(Some(wrapper), pipeline)["ModelVerifier"].init_code;
            evm.try_deploy(init_code, &constructor(data, None)).unwrap_err().assert_error(error, error);
        };
        refused(&wrapper, &of_other, "DataMismatch(uint256)");
        // The source names one key and pins the data of another.
        refused(&wrapper.replace(&hash(&fixture), &hash(&other)), &of_other, "KeyMismatch(bytes32,bytes32)");
        refused(&others.replace(&digest(&other), &digest(&fixture)), &of_other, "KeyMismatch(bytes32,bytes32)");
        let identity = hex::encode(identity(&fixture.key.s_g2));
        assert!(wrapper.contains(&identity));
        refused(&wrapper.replace(&identity, &"5a".repeat(32)), &data, "ReferenceStringMismatch(bytes32,bytes32)");
    }
}

/// Data that name the honest key and are not its: no contract can tell, and whoever has the key can.
#[test]
fn data_that_name_a_key_are_not_its_data() {
    let fixture = Fixture::new(&tiny());
    let code = &fixture.package.data[0].code;
    assert_eq!(code[DIGEST..DIGEST + 32], fixture.key.digest());
    let last = code.len() - 1;
    let lie = changed(&fixture.package, last, &[code[last] ^ 1]);
    let hash = |package: &Package| hex::encode(package.data[0].code_hash);
    let wrapper = fixture.package.wrapper.replace(&hash(&fixture.package), &hash(&lie));
    let mut evm = Evm::new();
    let data = evm.deploy_data(&lie);
    evm.deploy(&compile(Some(&wrapper), Pipeline::Legacy)["ModelVerifier"].init_code, &constructor(&data, None));

    let again = Package::new(&fixture.key).unwrap();
    assert_eq!((&again.wrapper, hash(&again)), (&fixture.package.wrapper, hash(&fixture.package)));
    let digits = |package: &Package| format!("0x{}\n", hex::encode(&package.data[0].code));
    let (index, _) = sworn_contracts::check_code(&fixture.key, digits(&fixture.package).as_bytes()).unwrap();
    assert_eq!(index, 0);
    for wrong in [digits(&lie).as_str(), "0x", "", "no digits", &"00".repeat(1 << 20)] {
        assert!(sworn_contracts::check_code(&fixture.key, wrong.as_bytes()).unwrap_err().is_rejection());
    }
}

#[test]
fn strings_whose_secret_everybody_knows_are_refused() {
    let fixture = Fixture::new(&tiny());
    let package = &fixture.package;
    let [zero, g2, minus_g2] = [G2Affine::identity(), G2Affine::generator(), -G2Affine::generator()].map(|p| encode_g2(&p));
    let generators = encode_g1(&(G1Affine::generator() * Fr::from(2)).into_affine());
    assert_eq!(package.data[0].code[MINUS_G2..MINUS_G2 + 128], minus_g2);
    for pipeline in PIPELINES {
        let init_code = &compile(None, pipeline)["SwornVerifier"].init_code;
        for (at, bytes, what) in [
            (S_G2, zero.as_slice(), "0"),
            (S_G2, &g2, "1"),
            (S_G2, &minus_g2, "-1"),
            (MINUS_G2, &zero, "the identity for -G2"),
            (MINUS_G2, &g2, "G2 for -G2"),
            (GENERATOR, &generators, "2G for G"),
        ] {
            let refused = deploy(&mut Evm::new(), &changed(package, at, bytes), init_code).unwrap_err();
            refused.assert_error("DegenerateReferenceString()", what);
        }
        let mut evm = Evm::new();
        let verifier = deploy(&mut evm, package, init_code).unwrap();
        let identity = identity(&fixture.key.s_g2).to_vec();
        assert_eq!(evm.call(verifier, &selector("srsIdentity()")).0, Outcome::Returned(identity));
    }
}

/// A proof of anything for a string of secret 1: random commitments and evaluations make a sum `F = A + u·W'`, which
/// `W' = A/(1 − u)` opens.
fn forge(fixture: &Fixture, package: &Package, instances: &[[u8; 32]]) -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let shape = fixture.key.shape();
    let mut proof = Vec::new();
    (0..shape.opening()).for_each(|_| proof.extend(encode_g1(&G1Affine::rand(&mut rng))));
    (0..shape.scalars()).for_each(|_| proof.extend(encode(&Fr::rand(&mut rng))));
    (0..2).for_each(|_| proof.extend(encode_g1(&G1Affine::rand(&mut rng))));
    let instance: Vec<Fr> = instances.iter().map(|i| sworn_verifier::field::decode(i).unwrap()).collect();
    let read = Proof::read(&fixture.key, Context::NONE, &instance, &proof).unwrap();
    let (u, last) = (read.challenges.opening_u, *read.points.last().unwrap());
    let sum = combined(package, Context::NONE, instances, &proof).0 - last * u;
    let opening = (sum * (Fr::from(1) - u).inverse().unwrap()).into_affine();
    let at = proof.len() - 64;
    proof[at..].copy_from_slice(&encode_g1(&opening));
    proof
}

#[test]
fn a_string_of_secret_one_is_not_deployed_and_would_prove_anything() {
    let fixture = Fixture::new(&tiny());
    let package = changed(&fixture.package, S_G2, &encode_g2(&G2Affine::generator()));
    let lie: Vec<[u8; 32]> = (0..fixture.instances.len() as u64).map(|i| encode(&Fr::from(3_000 + i))).collect();
    let forged = forge(&fixture, &package, &lie);
    assert!(accepts(&package, Context::NONE, &lie, &forged) && !fixture.rust_accepts(&lie, &forged));
    let call = calldata(&fixture.key, Context::NONE, &lie, &forged).unwrap();
    for pipeline in PIPELINES {
        let refused = deploy(&mut Evm::new(), &package, &compile(None, pipeline)["SwornVerifier"].init_code).unwrap_err();
        refused.assert_error("DegenerateReferenceString()", "a string of secret 1");
        // What the check is for.
        let careless = compile_changed(None, pipeline, "        _checkReferenceString(main);\n", "");
        let careless = &careless["SwornVerifier"].init_code;
        let mut evm = Evm::new();
        let verifier = deploy(&mut evm, &package, careless).expect("unused code is no error");
        assert_eq!(evm.call(verifier, &call).0, Outcome::Returned(vec![]), "the forged proof");
    }
}

/// The key of a model with the point of another reference string.
fn with_string(fixture: &Fixture, s_g2: G2Affine) -> VerifyingKey {
    VerifyingKey::new(&KeyParts { s_g2, ..KeyParts::clone(&fixture.key) }).unwrap()
}

#[test]
fn what_a_reference_string_is_worth_is_in_the_abi() {
    let fixture = Fixture::new(&tiny());
    let unknown = with_string(&fixture, (G2Affine::generator() * Fr::from(12_345)).into_affine());
    let ceremony = with_string(&fixture, CEREMONIES[0].s_g2);
    let name = format!("ceremony: {}", CEREMONIES[0].name);
    for (key, text, flag) in [
        (&fixture.key, "insecure-dev: anyone can forge proofs", Some("INSECURE_ANYONE_CAN_FORGE_PROOFS()")),
        (&unknown, "unknown: whoever made it may forge proofs", Some("UNKNOWN_REFERENCE_STRING()")),
        (&ceremony, name.as_str(), None),
    ] {
        let package = Package::new(key).unwrap();
        let compiled = compile(Some(&package.wrapper), Pipeline::Legacy);
        let functions = compiled["ModelVerifier"].signatures("function");
        let has = |signature: &str| functions.iter().any(|function| function == signature);
        assert!(has("REFERENCE_STRING()") && has("SRS_IDENTITY()"), "{functions:?}");
        for name in ["INSECURE_ANYONE_CAN_FORGE_PROOFS()", "UNKNOWN_REFERENCE_STRING()"] {
            assert_eq!(has(name), flag == Some(name), "{text}: {functions:?}");
        }
        let mut evm = Evm::new();
        let data = evm.deploy_data(&package);
        let contract = evm.deploy(&compiled["ModelVerifier"].init_code, &constructor(&data, None));
        let mut get = |signature: &str| evm.call(contract, &selector(signature)).0;
        assert_eq!(get("SRS_IDENTITY()"), Outcome::Returned(identity(&key.s_g2).to_vec()));
        let Outcome::Returned(answer) = get("REFERENCE_STRING()") else { panic!("no REFERENCE_STRING") };
        assert_eq!(&answer[64..64 + text.len()], text.as_bytes());
        if let Some(flag) = flag {
            assert_eq!(get(flag), Outcome::Returned(word(1).to_vec()));
        }
        assert_eq!(package.wrapper.contains("ANYONE CAN FORGE PROOFS"), text.starts_with("insecure"), "the notice");
    }
}
