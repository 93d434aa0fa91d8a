//! Money that depends on a proof: the example of a contract that acts on one.

use revm::primitives::{Address, U256};
use sworn_contracts::{escrow_context, metadata, selector, word};
use sworn_verifier::{Context, Role};

use crate::accept::tiny;
use crate::evm::{address_word, compile, Evm, Outcome, Pipeline, PIPELINES};
use crate::fixture::Fixture;
use crate::models;
use crate::wrapper::{call, hash, of_role};

const PAYEE: Address = Address::repeat_byte(0xbb);
const OTHER: Address = Address::repeat_byte(0xcc);
const RELEASE: &str = "release(uint256,bytes32,bytes,bytes)";
/// The chain of revm's settings.
const CHAIN: u64 = 1;

fn open(verifier: Address, input: &[u8; 32], payee: Address, deadline: usize) -> Vec<u8> {
    let arguments = [address_word(verifier), *input, address_word(payee), word(deadline)].concat();
    [selector("open(address,bytes32,address,uint256)").to_vec(), arguments].concat()
}

fn with_id(signature: &str, id: usize) -> Vec<u8> {
    [selector(signature).to_vec(), word(id).to_vec()].concat()
}

/// The context of a job, as Rust and the escrow itself compute it.
fn context(evm: &mut Evm, escrow: Address, id: usize, payee: Address) -> Context {
    let context = escrow_context(CHAIN, &escrow.into_array(), id as u64, &payee.into_array());
    assert_eq!(evm.call(escrow, &with_id("context(uint256)", id)).0, Outcome::Returned(context.0.to_vec()), "job {id}");
    context
}

#[test]
fn an_escrow_pays_once_for_the_agreed_work() {
    for pipeline in PIPELINES {
        let keyed = models::two_limbs().keyed();
        let (unbound, other) = (Fixture::of(&keyed), Fixture::new(&tiny()));
        let mut evm = Evm::new();
        let (verifier, other_verifier) = (unbound.deploy_model(&mut evm, pipeline), other.deploy_model(&mut evm, pipeline));
        let escrow = evm.deploy(&compile(None, pipeline)["SwornEscrow"].init_code, &[]);
        evm.set_time(1_000);
        let [input, output] = [Role::Input, Role::Output].map(|role| hash(&of_role(&unbound, &unbound.tensors, role)));
        let metadata = metadata(&unbound.tensors);
        let release = |id: usize, output: &[u8; 32], proof: &[u8]| call(RELEASE, &word(id), output, &metadata, proof);

        // 0: agreed. 1: with another model. 2: with another input.
        for (verifier, input) in [(verifier, &input), (other_verifier, &input), (verifier, &[7; 32])] {
            assert!(matches!(evm.transact(escrow, open(verifier, input, PAYEE, 2_000), 500).0, Outcome::Returned(_)));
        }
        let fixture = Fixture::within(&keyed, context(&mut evm, escrow, 0, PAYEE));
        evm.transact(escrow, open(PAYEE, &input, PAYEE, 2_000), 500).0.assert_error("JobIncomplete()", "a verifier without code");
        evm.transact(escrow, open(verifier, &input, PAYEE, 1_000), 500).0.assert_error("JobIncomplete()", "no time left");
        let mut wrong = fixture.proof.clone();
        wrong[64..128].copy_from_slice(&fixture.proof[..64]);
        evm.transact(escrow, release(0, &output, &wrong), 0).0.assert_error("ProofRejected()", "a wrong proof");
        let refused = evm.transact(escrow, release(1, &output, &fixture.proof), 0).0;
        assert!(matches!(refused, Outcome::Reverted(_)), "the proof of another model");
        let refused = evm.transact(escrow, release(2, &output, &fixture.proof), 0).0;
        refused.assert_error("InputHashMismatch(bytes32,bytes32)", "the proof for another input");
        assert_eq!(evm.balance(PAYEE), U256::ZERO);

        let (outcome, gas) = evm.transact(escrow, release(0, &output, &fixture.proof), 0);
        assert_eq!(outcome, Outcome::Returned(vec![]));
        println!("{pipeline:?}: {gas} gas to release");
        assert_eq!(evm.balance(PAYEE), U256::from(500));
        evm.transact(escrow, release(0, &output, &fixture.proof), 0).0.assert_error("JobNotOpen(uint256)", "twice");
        evm.call(escrow, &with_id("context(uint256)", 0)).0.assert_error("JobNotOpen(uint256)", "the context of what is paid");
        assert_eq!(evm.balance(PAYEE), U256::from(500));

        let refund = |id: usize| with_id("refund(uint256)", id);
        evm.transact(escrow, refund(1), 0).0.assert_error("DeadlineNotReached(uint256)", "too early");
        evm.transact(escrow, refund(0), 0).0.assert_error("JobNotOpen(uint256)", "a refund of what is paid");
        evm.set_time(2_000);
        assert_eq!(evm.transact(escrow, refund(1), 0).0, Outcome::Returned(vec![]));
        evm.transact(escrow, refund(1), 0).0.assert_error("JobNotOpen(uint256)", "a second refund");
        assert_eq!(evm.balance(escrow), U256::from(500), "job 2 is open");
    }
}

/// Jobs that differ in nothing that a proof says, but in number, payee or escrow.
#[test]
fn a_proof_releases_the_job_that_it_was_made_for() {
    let keyed = models::two_limbs().keyed();
    let unbound = Fixture::of(&keyed);
    let mut evm = Evm::new();
    let verifier = unbound.deploy_model(&mut evm, Pipeline::Legacy);
    let escrow_code = &compile(None, Pipeline::Legacy)["SwornEscrow"].init_code;
    let (escrow, second) = (evm.deploy(escrow_code, &[]), evm.deploy(escrow_code, &[]));
    evm.set_time(1_000);
    let [input, output] = [Role::Input, Role::Output].map(|role| hash(&of_role(&unbound, &unbound.tensors, role)));
    let metadata = metadata(&unbound.tensors);
    let mut jobs = Vec::new();
    for (escrow, id, payee) in [(escrow, 0, PAYEE), (escrow, 1, PAYEE), (escrow, 2, OTHER), (second, 0, PAYEE)] {
        assert!(matches!(evm.transact(escrow, open(verifier, &input, payee, 2_000), 500).0, Outcome::Returned(_)));
        jobs.push((escrow, id, context(&mut evm, escrow, id, payee)));
    }
    let proofs: Vec<Vec<u8>> = jobs.iter().map(|job| Fixture::within(&keyed, job.2).proof).collect();
    let release = |job: usize, proof: &[u8]| (jobs[job].0, call(RELEASE, &word(jobs[job].1), &output, &metadata, proof));
    for job in 0..jobs.len() {
        for (of, proof) in proofs.iter().enumerate().filter(|(of, _)| *of != job) {
            let (to, data) = release(job, proof);
            evm.transact(to, data, 0).0.assert_error("ProofRejected()", &format!("job {job} with the proof of {of}"));
        }
        let (to, data) = release(job, &unbound.proof);
        evm.transact(to, data, 0).0.assert_error("ProofRejected()", "a proof for nothing in particular");
    }
    // Another chain's proof is another context.
    let elsewhere = escrow_context(CHAIN + 1, &escrow.into_array(), 0, &PAYEE.into_array());
    let (to, data) = release(0, &Fixture::within(&keyed, elsewhere).proof);
    evm.transact(to, data, 0).0.assert_error("ProofRejected()", "another chain");
    for (job, proof) in proofs.iter().enumerate() {
        let (to, data) = release(job, proof);
        assert_eq!(evm.transact(to, data, 0).0, Outcome::Returned(vec![]), "job {job}");
    }
    assert_eq!((evm.balance(PAYEE), evm.balance(OTHER)), (U256::from(1_500), U256::from(500)));
}
