//! A verifier that does not absorb one message of a proof: halo2's, and the naive one for packed proofs.

use std::io;

use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::plonk::verify_proof;
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::VerifierSHPLONK;
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::{EncodedChallenge, Transcript as HaloTranscript, TranscriptRead};
use sworn_prover::halo2::convert::{from_fr, from_g1, to_fr};
use sworn_prover::halo2::{verifying_key, KeccakChallenge};
use sworn_verifier::field::decode;
use sworn_verifier::point::{decode_g1, G1_BYTES};
use sworn_verifier::shape::Shape;
use sworn_verifier::transcript::Transcript;
use sworn_verifier::Context;

use crate::forge::Message;
use crate::models::{naive, Keyed};

/// A transcript without one message.
struct Frozen<'p> {
    transcript: Transcript,
    frozen: Message,
    shape: &'p Shape,
    proof: &'p [u8],
    points: usize,
    has_key: bool,
}

impl<'p> Frozen<'p> {
    fn absorb(&mut self, message: Message, bytes: &[u8]) {
        if message != self.frozen {
            self.transcript.absorb(bytes);
        }
    }

    /// The message of the next point.
    fn message(&self) -> Message {
        let (at, shape) = (self.points, self.shape);
        let bounds = [
            (shape.phases[0], Message::First),
            (shape.first_product(), Message::Second),
            (if shape.is_packed() { shape.first_limb() } else { shape.random() }, Message::Products),
            (shape.first_limb(), Message::Random),
            (shape.opening(), Message::Limbs),
        ];
        bounds.into_iter().find(|(end, _)| at < *end).map_or(Message::Opening, |(_, message)| message)
    }

    fn take(&mut self, count: usize) -> io::Result<&'p [u8]> {
        let (taken, rest) = self.proof.split_at_checked(count).ok_or_else(|| io::Error::other("the proof ends"))?;
        self.proof = rest;
        Ok(taken)
    }
}

impl HaloTranscript<G1Affine, KeccakChallenge> for Frozen<'_> {
    fn squeeze_challenge(&mut self) -> KeccakChallenge {
        KeccakChallenge::new(&from_fr(&self.transcript.challenge()))
    }

    fn common_point(&mut self, _: G1Affine) -> io::Result<()> {
        Err(io::Error::other("no point is absorbed that is not read"))
    }

    fn common_scalar(&mut self, scalar: Fr) -> io::Result<()> {
        // The first is halo2's hash of the key.
        if self.has_key {
            self.absorb(Message::Instance, &sworn_verifier::field::encode(&to_fr(&scalar)));
        }
        self.has_key = true;
        Ok(())
    }
}

impl TranscriptRead<G1Affine, KeccakChallenge> for Frozen<'_> {
    fn read_point(&mut self) -> io::Result<G1Affine> {
        let (message, bytes) = (self.message(), self.take(G1_BYTES)?);
        let point = decode_g1(bytes.try_into().map_err(io::Error::other)?).map_err(|_| io::Error::other("no point"))?;
        self.absorb(message, bytes);
        self.points += 1;
        Ok(from_g1(&point))
    }

    fn read_scalar(&mut self) -> io::Result<Fr> {
        let bytes = self.take(32)?;
        let scalar = decode(bytes.try_into().map_err(io::Error::other)?).ok_or_else(|| io::Error::other("no scalar"))?;
        self.absorb(Message::Values, bytes);
        Ok(from_fr(&scalar))
    }
}

/// Whether a verifier that does not absorb a message accepts a proof.
pub(crate) fn accepts(keyed: &Keyed, context: Context, instance: &[sworn_verifier::Fr], proof: &[u8], frozen: Message) -> bool {
    let key = keyed.key.verifying_key();
    let transcript = Transcript::new(&key.digest());
    let mut transcript = Frozen { transcript, frozen, shape: key.shape(), proof, points: 0, has_key: false };
    transcript.absorb(Message::Context, &context.0);
    let accepted = if key.shape().is_packed() {
        naive::accepts_from(key, instance, &mut transcript)
    } else {
        let halo = verifying_key(key).expect("no packed key");
        let instance: Vec<Fr> = instance.iter().map(from_fr).collect();
        let params = keyed.srs.params();
        let strategy = SingleStrategy::new(params);
        verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, KeccakChallenge, _, _>(
            params,
            &halo,
            strategy,
            &[&[&instance]],
            &mut transcript,
        )
        .is_ok()
    };
    accepted && transcript.proof.is_empty()
}
