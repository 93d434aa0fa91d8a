//! Batches of proofs: accepted as a whole, or the culprits named.
#![expect(clippy::unwrap_used, reason = "tests")]

mod models;

use models::Keyed;
use sworn_prover::{Cpu, Proof};
use sworn_verifier::{verify, verify_batch, Claimed, Context, Fr, VerifyError, VerifyingKey};

/// What a proof is bound to: nothing, or one of two contexts.
fn context(index: usize) -> Context {
    Context([(index % 3) as u8; 32])
}

/// Proofs of several models, two of each.
struct Proofs {
    keyed: Vec<Keyed>,
    proofs: Vec<(usize, Proof)>,
}

impl Proofs {
    fn new() -> Self {
        let models = [
            models::tiny(17, [5, 0, -3, 900], [60, -60, 33, 1]),
            models::tiny(18, [5, 0, -3, 900], [1, 2, 3, 4]),
            models::two_limbs(),
            models::convolution(),
        ];
        let keyed: Vec<Keyed> = models.iter().map(models::Model::keyed).collect();
        let proof = |i: usize| (i % keyed.len(), keyed[i % keyed.len()].prove_in(context(i), Cpu, i as u64));
        let proofs = (0..20).map(proof).collect();
        Self { keyed, proofs }
    }

    fn key(&self, index: usize) -> &VerifyingKey {
        self.keyed[self.proofs[index].0].key.verifying_key()
    }

    fn batch(&self) -> Vec<Claimed<'_>> {
        let claimed = |index: usize| {
            let proof = &self.proofs[index].1;
            (self.key(index), context(index), proof.instance.as_slice(), proof.bytes.as_slice())
        };
        (0..self.proofs.len()).map(claimed).collect()
    }

    /// Makes a proof wrong in one of several ways, and says what is wrong with it.
    fn spoil(&mut self, index: usize) -> VerifyError {
        let (key, end) = (self.key(index).clone(), self.proofs[index].1.bytes.len());
        let Proof { instance, bytes, .. } = &mut self.proofs[index].1;
        match index % 5 {
            0 => instance[0] += Fr::from(1),
            // The last scalar.
            1 => bytes[end - 129] ^= 1,
            2 => bytes.truncate(end - 1),
            3 => bytes[..64].fill(0),
            _ => {
                // W' of another point: only the pairing sees it.
                let other = bytes[..64].to_vec();
                bytes[end - 64..].copy_from_slice(&other);
            }
        }
        verify(&key, context(index), instance, bytes).unwrap_err()
    }
}

#[test]
fn good_batches_are_accepted() {
    let proofs = Proofs::new();
    let batch = proofs.batch();
    assert_eq!(verify_batch(&[]), Ok(()));
    for size in [1, 2, 3, 20] {
        assert_eq!(verify_batch(&batch[..size]), Ok(()), "{size} proofs");
    }
    // The same proof twice, and more terms than tables are for.
    assert_eq!(verify_batch(&[batch[0], batch[0]]), Ok(()));
    assert_eq!(verify_batch(&batch.repeat(4)), Ok(()));
}

#[test]
fn one_bad_proof_among_twenty_is_found() {
    for index in [0, 1, 7, 13, 14, 19] {
        let mut proofs = Proofs::new();
        let error = proofs.spoil(index);
        assert_eq!(verify_batch(&proofs.batch()), Err(vec![(index, error)]));
    }
}

#[test]
fn several_bad_proofs_are_all_found() {
    for spoiled in [vec![0, 1], vec![5, 6, 9, 10, 19], vec![0, 19], (0..20).collect()] {
        let mut proofs = Proofs::new();
        let expected: Vec<(usize, VerifyError)> = spoiled.iter().map(|i| (*i, proofs.spoil(*i))).collect();
        assert_eq!(verify_batch(&proofs.batch()), Err(expected), "{spoiled:?}");
    }
}

/// Points that only the pairing sees, exchanged between two proofs of one key: their sum is that of the good ones.
#[test]
fn exchanged_openings_are_rejected() {
    let proofs = Proofs::new();
    let batch = proofs.batch();
    let (a, b) = (&proofs.proofs[0].1, &proofs.proofs[4].1);
    let end = a.bytes.len() - 64;
    let (mut one, mut other) = (a.bytes.clone(), b.bytes.clone());
    one[end..].copy_from_slice(&b.bytes[end..]);
    other[end..].copy_from_slice(&a.bytes[end..]);
    let mut changed = batch.clone();
    (changed[0].3, changed[4].3) = (&one, &other);
    assert_eq!(verify_batch(&changed), Err(vec![(0, VerifyError::Rejected), (4, VerifyError::Rejected)]));
}

#[test]
fn proofs_are_of_their_own_key_and_context() {
    let proofs = Proofs::new();
    let mut batch = proofs.batch();
    // The keys of two models of one shape, exchanged.
    (batch[0].0, batch[1].0) = (batch[1].0, batch[0].0);
    let rejected = vec![(0, VerifyError::Rejected), (1, VerifyError::Rejected)];
    assert_eq!(verify_batch(&batch), Err(rejected.clone()));
    let mut batch = proofs.batch();
    (batch[0].1, batch[1].1) = (batch[1].1, batch[0].1);
    assert_eq!(verify_batch(&batch), Err(rejected));
}
