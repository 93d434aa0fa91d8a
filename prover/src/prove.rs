//! `prove`: the halo2 protocol, step for step with the verifier's `proof`, on a backend.
//!
//! ```text
//!  1  key digest, context, instance              absorbed
//!  2  advice of the first phase                  committed      prove/advice
//!  3  challenges a, b, θ, λ                      squeezed
//!  4  advice of the second phase                 committed      prove/advice
//!  5  θ' (of plookup, unused), β, γ              squeezed
//!  6  running products                           committed      prove/products
//!  7  random polynomial                          committed
//!  8  y                                          squeezed
//!  9  limbs of the quotient                      committed      prove/quotient
//! 10  x                                          squeezed
//! 11  evaluations at x and its rotations         written        prove/opening
//! 12  SHPLONK: y, v; W; u; W'                    squeezed, committed
//! ```
//!
//! Randomness comes from the caller's generator, in one order: the proof does not depend on the number of threads. What it
//! hides, and why, is in `docs/zero-knowledge.md`.

mod advice;
mod opening;
mod products;
mod quotient;

use std::borrow::Borrow;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::Ordering;

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use rand::{CryptoRng, Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use rayon::prelude::*;
use sworn_circuits::witness::Witness;
use sworn_verifier::sets::{Commitment, Member, Polynomial, Set};
use sworn_verifier::Context;

use crate::algebra::{Compiled, Slot, Source, Symbol, Values};
use crate::backend::Backend;
use crate::cpu::Cpu;
use crate::error::{KeyError, ProveError};
use crate::key::ProvingKey;
use crate::pack::Basis;
use crate::profile::{Profile, Stage};
use crate::program::Program;
use crate::resident::Resident;
use crate::srs::Srs;
use crate::transcript::ProofWriter;

/// A proof, and what it proves.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The public tensors as field elements, in the order of the verifying key's.
    pub instance: Vec<sworn_verifier::Fr>,
    /// The public tensors as integers.
    pub public: Vec<i64>,
    /// The tensors of the outputs.
    pub outputs: Vec<Vec<i32>>,
    /// The proof.
    pub bytes: Vec<u8>,
    /// Where the time went.
    pub profile: Profile,
}

/// Told of each stage and the fraction of it that is done; may cancel.
pub type Progress<'a> = dyn FnMut(Stage, f32) -> ControlFlow<()> + 'a;

/// A key on a backend, ready for any number of proofs. The key is borrowed or shared.
pub struct Prover<B: Backend, K: Borrow<ProvingKey>> {
    backend: B,
    key: K,
    resident: Resident<B>,
    memory: Option<u64>,
    /// Bytes of the process before its first proof.
    bytes: u64,
}

/// Proves a run of the model on quantised inputs, in a context, on the CPU. Several proofs with one key are faster by a [`Prover`].
///
/// # Errors
/// As [`Prover::new`] and [`Prover::prove`].
pub fn prove<R: RngCore + CryptoRng>(
    key: &ProvingKey,
    srs: &Srs,
    context: Context,
    inputs: &[Vec<i32>],
    rng: R,
    progress: &mut Progress<'_>,
) -> Result<Proof, ProveError> {
    Prover::new(Cpu, key, srs)?.prove(context, inputs, rng, progress)
}

impl<B: Backend, K: Borrow<ProvingKey>> Prover<B, K> {
    /// Takes a key and its reference string to a backend.
    ///
    /// # Errors
    /// Another reference string than the key's, one that lacks the power that blinds the quotient, or a failure of the backend.
    pub fn new(backend: B, key: K, srs: &Srs) -> Result<Self, KeyError> {
        let resident = Resident::new(&backend, key.borrow(), srs)?;
        backend.check().map_err(KeyError::Backend)?;
        let bytes = crate::memory::prover_bytes(&key.borrow().layout);
        Ok(Self { backend, key, resident, memory: None, bytes })
    }

    /// The backend.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// Sets the bytes that the process may take with a proof. Less memory makes it slower, not different.
    #[must_use]
    pub fn with_memory(mut self, bytes: Option<u64>) -> Self {
        self.memory = bytes;
        self
    }

    /// Proves a run of the model on quantised inputs, in a context: [`Context::NONE`] if the proof is to be bound to nothing.
    ///
    /// `progress` is called as each stage begins and goes on; it may cancel.
    ///
    /// # Errors
    /// Inputs that the model refuses, too little memory, a failure of the backend, or a cancellation.
    pub fn prove<R: RngCore + CryptoRng>(
        &self,
        context: Context,
        inputs: &[Vec<i32>],
        rng: R,
        progress: &mut Progress<'_>,
    ) -> Result<Proof, ProveError> {
        let key = self.key.borrow();
        let is_first = self.resident.proofs.fetch_add(1, Ordering::Relaxed) == 0;
        let plan = crate::memory::plan(key, self.memory, self.bytes, is_first)?;
        let mut profile = Profile::new();
        report(progress, Stage::Witness, 0.0)?;
        let witness = profile.span(Stage::Witness, "model", || Witness::without_multiplicities(&key.graph, &key.layout, inputs))?;
        let instance = key.verifying_key().instance(&witness.instance)?;
        let transcript = ProofWriter::new(&key.verifying_key().digest(), context, &instance);
        let mut run = Run {
            backend: &self.backend,
            key,
            resident: &self.resident,
            plan,
            rng,
            transcript,
            profile,
            progress,
            advice: (0..key.circuit.num_advice).map(|_| None).collect(),
            instance: None,
            products: Vec::new(),
            limbs: Vec::new(),
            challenges: vec![Fr::ZERO; key.circuit.num_challenges],
        };
        run.first_phase(&witness, &instance)?;
        run.second_phase()?;
        let _theta = run.squeeze();
        let (beta, gamma) = (run.squeeze(), run.squeeze());
        run.products(beta, gamma)?;
        let random = if key.layout.pack > 1 { None } else { Some(run.random_polynomial()?) };
        let y = run.squeeze();
        let scalars = run.scalars(beta, gamma, y);
        let quotient = run.quotient(&scalars)?;
        run.openings(random, quotient, &scalars)?;
        run.check()?;
        let Run { transcript, profile, .. } = run;
        Ok(Proof { instance, public: witness.instance, outputs: witness.outputs, bytes: transcript.into_bytes(), profile })
    }
}

fn report(progress: &mut Progress<'_>, stage: Stage, fraction: f32) -> Result<(), ProveError> {
    match progress(stage, fraction) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(ProveError::Cancelled),
    }
}

/// One proof in the making.
struct Run<'a, 'p, B: Backend, R> {
    backend: &'a B,
    key: &'a ProvingKey,
    resident: &'a Resident<B>,
    plan: crate::memory::Plan,
    rng: R,
    transcript: ProofWriter,
    profile: Profile,
    progress: &'a mut Progress<'p>,
    advice: Vec<Option<B::Column>>,
    instance: Option<B::Column>,
    products: Vec<B::Column>,
    /// Limbs of the quotient on rows, if they are packed.
    limbs: Vec<B::Column>,
    challenges: Vec<Fr>,
}

impl<'a, B: Backend, R: RngCore + CryptoRng> Run<'a, '_, B, R> {
    fn rows(&self) -> usize {
        1 << self.key.layout.log_rows
    }

    fn report(&mut self, stage: Stage, fraction: f32) -> Result<(), ProveError> {
        self.check()?;
        report(self.progress, stage, fraction)
    }

    /// Whether the backend did all that it was asked.
    fn check(&self) -> Result<(), ProveError> {
        self.backend.check().map_err(ProveError::Backend)
    }

    fn squeeze(&mut self) -> Fr {
        self.transcript.challenge()
    }

    fn write_points(&mut self, points: &[G1Affine]) -> Result<(), ProveError> {
        self.check()?;
        points.iter().try_for_each(|p| self.transcript.write_point(p))
    }

    fn random(&mut self, count: usize) -> Vec<Fr> {
        (0..count).map(|_| Fr::random(&mut self.rng)).collect()
    }

    /// A column of the proof in the row domain.
    ///
    /// # Panics
    /// A column that is not there yet: derivations are ordered.
    fn column(&self, source: Source) -> &B::Column {
        let found = match source {
            Source::Advice(c) => self.advice[c as usize].as_ref(),
            Source::Instance => self.instance.as_ref(),
            Source::Product(i) => self.products.get(i as usize),
            other => self.resident.column(other),
        };
        found.unwrap_or_else(|| panic!("column {source:?} is read before it is made"))
    }

    /// Commitments of columns, or of the packs that the proof has at these positions.
    fn commitments(&self, columns: &[&B::Column], positions: Range<usize>) -> Vec<G1Affine> {
        match &self.resident.basis {
            Basis::Plain { lagrange, .. } => self.backend.commit(lagrange, columns),
            Basis::Packed(_) => self.packs(positions),
        }
    }

    /// Commitments of the packs that the proof has at these positions.
    fn packs(&self, positions: Range<usize>) -> Vec<G1Affine> {
        let Basis::Packed(strides) = &self.resident.basis else { return Vec::new() };
        let is_there = |set: &&Set| matches!(set.commitments.first(), Some(Commitment::Proof(at)) if positions.contains(at));
        let column = |member: &Member| match member.polynomial {
            Polynomial::Advice(c) => self.advice[c].as_ref(),
            Polynomial::Product(i) => self.products.get(i),
            Polynomial::Limb(i) => self.limbs.get(i),
            _ => None,
        };
        let sets = self.key.verifying_key().shape().sets.iter().filter(is_there);
        let packs: Vec<Vec<&B::Column>> = sets.map(|set| set.members.iter().filter_map(column).collect()).collect();
        strides.commit(self.backend, &self.resident.domain, &packs)
    }

    /// The values of the scalars so far.
    fn scalars(&self, beta: Fr, gamma: Fr, y: Fr) -> Values {
        self.key.circuit.scalars.evaluate(|symbol| match symbol {
            Symbol::Challenge(i) => self.challenges[i as usize],
            Symbol::Beta => beta,
            Symbol::Gamma => gamma,
            Symbol::Y => y,
        })
    }

    /// Runs a compiled program in the row domain. `local` finds columns that are not the proof's.
    fn evaluate<'c>(&'c self, compiled: &Compiled, values: &Values, local: &dyn Fn(Source) -> Option<&'c B::Column>) -> Vec<B::Column> {
        let find = |source: Source| local(source).unwrap_or_else(|| self.column(source));
        let combinations: Vec<Option<B::Column>> = compiled
            .slots
            .iter()
            .map(|slot| match slot {
                Slot::Query(_) => None,
                Slot::Combination(terms) => {
                    let terms: Vec<_> = terms.iter().map(|(q, s)| (find(q.source), q.rotation, values.get(*s))).collect();
                    Some(self.backend.combine(&terms))
                }
            })
            .collect();
        let slots: Vec<(&B::Column, i32)> = compiled
            .slots
            .iter()
            .zip(&combinations)
            .filter_map(|(slot, combination)| match (slot, combination) {
                (Slot::Query(q), _) => Some((find(q.source), q.rotation)),
                (Slot::Combination(_), combination) => combination.as_ref().map(|c| (c, 0)),
            })
            .collect();
        let scalars: Vec<Fr> = compiled.scalars.iter().map(|s| values.get(*s)).collect();
        self.backend.evaluate(&compiled.program, &slots, &scalars)
    }

    /// `1/(point − at)` for each of these points.
    fn inverse_distance(&self, points: &B::Column, at: Fr) -> B::Column {
        let mut inverse = self.backend.evaluate(&Program::shifted_slot(), &[(points, 0)], &[-at]).swap_remove(0);
        self.backend.invert(&mut inverse);
        inverse
    }

    /// The polynomial that halo2 opens beside the quotient: n uniform values.
    fn random_polynomial(&mut self) -> Result<B::Column, ProveError> {
        const CHUNK: usize = 1 << 12;
        let seed: [u8; 32] = self.rng.gen();
        let mut values = vec![Fr::ZERO; self.rows()];
        values.par_chunks_mut(CHUNK).enumerate().for_each(|(stream, values)| {
            let mut rng = ChaCha20Rng::from_seed(seed);
            rng.set_stream(stream as u64);
            values.iter_mut().for_each(|v| *v = Fr::random(&mut rng));
        });
        let column = self.backend.fields(values);
        let start = self.profile.now();
        let commitment = self.commitments(&[&column], 0..0);
        self.profile.record(Stage::Products, "commit random", start);
        self.write_points(&commitment)?;
        Ok(column)
    }
}
