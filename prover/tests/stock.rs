//! Our prover against halo2's own: keys, proofs and their shape.
#![expect(clippy::unwrap_used, reason = "tests")]

mod models;

use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::plonk::{create_proof, keygen_pk, keygen_vk, verify_proof, ProvingKey, VerifyingKey};
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::{ProverSHPLONK, VerifierSHPLONK};
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use models::{Keyed, Model};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sworn_circuits::circuit::SwornCircuit;
use sworn_circuits::layout::Layout;
use sworn_circuits::witness::Witness;
use sworn_prover::halo2::{convert, verifying_key, KeccakChallenge, KeccakTranscript};
use sworn_prover::{Cpu, Reference};
use sworn_verifier::{verify, Context};

type StockKey = VerifyingKey<G1Affine>;

/// What the proofs are bound to.
const CONTEXT: Context = Context([0xa5; 32]);

fn stock_key(layout: &Layout, keyed: &Keyed) -> StockKey {
    keygen_vk(keyed.srs.params(), &SwornCircuit { layout, witness: None }).unwrap()
}

/// halo2's verifier with halo2's key.
fn stock_verifier_accepts(stock: &StockKey, keyed: &Keyed, instance: &[sworn_verifier::Fr], proof: &[u8]) -> bool {
    let instance: Vec<Fr> = instance.iter().map(convert::from_fr).collect();
    let params = keyed.srs.params();
    let mut transcript = KeccakTranscript::new(&keyed.key.verifying_key().digest(), CONTEXT, proof);
    let strategy = SingleStrategy::new(params);
    let instances: &[&[&[Fr]]] = &[&[&instance]];
    verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, KeccakChallenge, _, _>(
        params,
        stock,
        strategy,
        instances,
        &mut transcript,
    )
    .is_ok()
        && transcript.into_stream().is_empty()
}

/// A proof of the same statement by halo2's prover.
fn stock_proof(pk: &ProvingKey<G1Affine>, model: &Model, layout: &Layout, keyed: &Keyed) -> (Vec<sworn_verifier::Fr>, Vec<u8>) {
    let witness = Witness::new(&model.graph, layout, &model.inputs).unwrap();
    let instance = witness.instance();
    let mut transcript = KeccakTranscript::new(&keyed.key.verifying_key().digest(), CONTEXT, Vec::new());
    create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, KeccakChallenge, _, _, _>(
        keyed.srs.params(),
        pk,
        &[SwornCircuit { layout, witness: Some(&witness) }],
        &[&[&instance]],
        ChaCha20Rng::seed_from_u64(5),
        &mut transcript,
    )
    .unwrap();
    (instance.iter().map(convert::to_fr).collect(), transcript.into_stream())
}

/// Keys, verification either way, and the shape of proofs.
fn agree(model: &Model) {
    let (name, layout, keyed) = (model.name, model.layout(), model.keyed());
    let stock = stock_key(&layout, &keyed);
    let ours = keyed.key.verifying_key();
    // Commitments and constraint system: halo2 hashes a debug text of both.
    assert_eq!(verifying_key(ours).unwrap().transcript_repr(), stock.transcript_repr(), "{name}: key");

    let proof = keyed.prove_in(CONTEXT, Cpu, 1);
    assert_eq!(verify(ours, CONTEXT, &proof.instance, &proof.bytes), Ok(()), "{name}");
    assert!(stock_verifier_accepts(&stock, &keyed, &proof.instance, &proof.bytes), "{name}: halo2's verifier, our proof");
    let mut wrong = proof.instance.clone();
    wrong[0] += sworn_verifier::Fr::from(1);
    assert!(!stock_verifier_accepts(&stock, &keyed, &wrong, &proof.bytes), "{name}: another instance");

    let generated = keygen_pk(keyed.srs.params(), stock, &SwornCircuit { layout: &layout, witness: None }).unwrap();
    for pk in [generated, keyed.key.to_halo2().unwrap()] {
        let (instance, theirs) = stock_proof(&pk, model, &layout, &keyed);
        assert_eq!(instance, proof.instance, "{name}");
        assert_eq!(theirs.len(), proof.bytes.len(), "{name}: length of the proofs");
        assert_eq!(verify(ours, CONTEXT, &instance, &theirs), Ok(()), "{name}: halo2's proof");
    }
}

macro_rules! agreement {
    ($($name:ident),+) => {
        $(
            #[test]
            fn $name() {
                agree(&models::$name());
            }
        )+
    };
}

agreement!(convolution, residual, grouped, maxima, elementwise_and_tables, gathers, two_limbs, packed_public, transformer);

#[test]
fn tiny() {
    agree(&models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]));
}

#[test]
fn random_graphs() {
    models::all().iter().filter(|m| m.name == "random").for_each(agree);
}

#[test]
fn the_models_have_every_kind_of_column() {
    let models = models::all();
    let layouts: Vec<Layout> = models.iter().map(Model::layout).collect();
    let any = |has: &dyn Fn(&sworn_circuits::shape::Shape) -> bool| layouts.iter().any(|l| has(&l.shape));
    assert!(any(&|s| s.grids) && any(&|s| s.sums) && any(&|s| s.gather) && any(&|s| s.tables) && any(&|s| s.elementwise));
    assert!(any(&|s| s.constants) && any(&|s| s.limbs == 1) && any(&|s| s.limbs == 2) && any(&|s| s.lanes > 1) && any(&|s| !s.grids));
    assert!(any(&|s| !s.jumps.is_empty()) && any(&|s| s.weight_lanes > 1));
}

/// One bit of every byte of a proof, each in turn.
#[test]
fn every_changed_byte_is_rejected() {
    let keyed = models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]).keyed();
    let proof = keyed.prove(Cpu, 1);
    let accepted = |bytes: &[u8]| verify(keyed.key.verifying_key(), Context::NONE, &proof.instance, bytes).is_ok();
    assert!(accepted(&proof.bytes));
    let changed = |position: usize| {
        let mut bytes = proof.bytes.clone();
        // Other bits for other bytes.
        bytes[position] ^= 1 << (position % 8);
        bytes
    };
    use rayon::prelude::*;
    let wrong = (0..proof.bytes.len()).into_par_iter().find_any(|&p| accepted(&changed(p)));
    assert_eq!(wrong, None, "a changed byte");
}

/// The bytes of a proof depend on the witness and the seed only.
#[test]
fn backends_and_threads_make_the_same_proofs() {
    let in_pool = |threads: usize, keyed: &Keyed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| keyed.prove(Cpu, 7).bytes)
    };
    for model in [models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]), models::two_limbs(), models::elementwise_and_tables()] {
        let keyed = model.keyed();
        let bytes = keyed.prove(Cpu, 7).bytes;
        assert_eq!(keyed.prove(Cpu, 7).bytes, bytes, "{}: again", model.name);
        assert_eq!(keyed.prove(Reference, 7).bytes, bytes, "{}: reference", model.name);
        for threads in [1, 3] {
            assert_eq!(in_pool(threads, &keyed), bytes, "{}: {threads} threads", model.name);
        }
    }
    for model in models::all() {
        let keyed = model.keyed();
        assert_eq!(in_pool(1, &keyed), in_pool(3, &keyed), "{}: one thread and three", model.name);
    }
}
