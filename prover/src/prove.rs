//! `prove`: by halo2's `create_proof` over the Keccak transcript.

use std::ops::ControlFlow;

use halo2_proofs::halo2curves::bn256::{Bn256, Fr};
use halo2_proofs::plonk::create_proof;
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::ProverSHPLONK;
use rand::{CryptoRng, RngCore};
use sworn_circuits::circuit::SwornCircuit;
use sworn_circuits::witness::Witness;
use sworn_verifier::transcript::{KeccakChallenge, KeccakTranscript};

use crate::error::{KeyError, ProveError};
use crate::key::ProvingKey;
use crate::srs::Srs;

/// What the prover is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Running the quantised model.
    Witness,
    /// Commitments, quotient and openings.
    Proof,
}

/// A proof, and what it proves.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// The public tensors as field elements, in the order of the verifying key's.
    pub instance: Vec<Fr>,
    /// The public tensors as integers.
    pub public: Vec<i64>,
    /// The tensors of the outputs.
    pub outputs: Vec<Vec<i32>>,
    /// The proof.
    pub bytes: Vec<u8>,
    /// Seconds that the witness took.
    pub witness_seconds: f64,
}

/// Proves a run of the model on quantised inputs.
///
/// `progress` is called as each stage begins and ends, with the fraction that is done; it may cancel.
///
/// # Errors
/// Inputs that the model refuses, another reference string than the key's, or a cancellation.
pub fn prove<R: RngCore + CryptoRng>(
    key: &ProvingKey,
    srs: &Srs,
    inputs: &[Vec<i32>],
    rng: R,
    progress: &mut dyn FnMut(Stage, f32) -> ControlFlow<()>,
) -> Result<Proof, ProveError> {
    let mut step = |stage, fraction| match progress(stage, fraction) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(ProveError::Cancelled),
    };
    if srs.digest() != key.verifying_key().srs_digest {
        return Err(KeyError::SrsMismatch.into());
    }
    step(Stage::Witness, 0.0)?;
    let start = std::time::Instant::now();
    let witness = Witness::new(&key.graph, &key.layout, key.visibility, inputs)?;
    let witness_seconds = start.elapsed().as_secs_f64();
    step(Stage::Witness, 1.0)?;
    step(Stage::Proof, 0.0)?;
    let instance = witness.instance();
    let circuit = SwornCircuit { layout: &key.layout, witness: Some(&witness) };
    let mut transcript = KeccakTranscript::new(key.verifying_key().digest(), Vec::new());
    create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<'_, Bn256>, KeccakChallenge, _, _, _>(
        srs.params(),
        &key.halo2,
        &[circuit],
        &[&[&instance]],
        rng,
        &mut transcript,
    )
    .map_err(ProveError::Halo2)?;
    step(Stage::Proof, 1.0)?;
    Ok(Proof { instance, public: witness.instance, outputs: witness.outputs, bytes: transcript.into_stream(), witness_seconds })
}
