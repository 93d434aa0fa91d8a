//! `verify_batch`: any number of proofs of any keys, one multi-pairing.
//!
//! ```text
//! claims     e(W'_i, s·G2) · e(F_i, −G2) = 1                                   i = 1 … n
//! seed       = keccak256(n ‖ state_1 ‖ … ‖ state_n)           the transcript's state binds key, context, instance and proof
//! ρ_i        = keccak256(seed ‖ i) mod 2^128
//! batch      Π_Q e(Σ_{i: Q} ρ_i·P_i, Q) = 1                    Q: the distinct points of G2 of the keys
//! ```
//!
//! If a claim is wrong the batch is wrong but with probability 2^−128, as the ρ_i follow from everything that they multiply
//! [BGR98, §3]. The commitments of a key and the generator are one term each, whatever the number of proofs. The culprits
//! are found by bisection: the sum over half of the claims gives that over the other half by a subtraction.
//!
//! \[BGR98\]: <https://eprint.iacr.org/1998/007>

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use ark_bn254::G1Projective;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::AdditiveGroup;
use sha3::{Digest, Keccak256};

use crate::context::Context;
use crate::error::VerifyError;
use crate::field::{short, Fr};
use crate::key::VerifyingKey;
use crate::msm::msm;
use crate::opening::Claim;
use crate::pairing::{is_one, Prepared};
use crate::point::{encode_g2, G1Affine};
use crate::proof::Proof;
use crate::verify::claim;

/// A key, a context, an instance and a proof.
pub type Claimed<'a> = (&'a VerifyingKey, Context, &'a [Fr], &'a [u8]);

/// Accepts all proofs, or says which are rejected and why, in their order.
///
/// # Errors
/// The index of each proof that is rejected, and the rule that it breaks.
pub fn verify_batch(batch: &[Claimed<'_>]) -> Result<(), Vec<(usize, VerifyError)>> {
    let mut rejected = Vec::new();
    let mut bases = Bases::default();
    let mut entries = Vec::with_capacity(batch.len());
    let mut seed = Keccak256::new_with_prefix(u64::try_from(batch.len()).unwrap_or(u64::MAX).to_be_bytes());
    for (index, (key, context, instance, proof)) in batch.iter().enumerate() {
        let read = Proof::read(key, *context, instance, proof).and_then(|proof| {
            let state = proof.state;
            Ok((state, claim(key, instance, proof).ok_or(VerifyError::Rejected)?))
        });
        match read {
            Ok((state, claim)) => {
                seed.update(state);
                entries.push(Entry { index, key: bases.key(key), claim, coefficient: Fr::ZERO });
            }
            Err(error) => rejected.push((index, error)),
        }
    }
    let seed = seed.finalize();
    for (entry, number) in entries.iter_mut().zip(0u64..) {
        entry.coefficient = short(&Keccak256::new_with_prefix(seed).chain_update(number.to_be_bytes()).finalize().into());
    }
    let total = bases.sum(&entries);
    bases.culprits(&entries, &total, &mut |index| rejected.push((index, VerifyError::Rejected)));
    rejected.sort_unstable_by_key(|(index, _)| *index);
    if rejected.is_empty() {
        Ok(())
    } else {
        Err(rejected)
    }
}

/// A claim of the batch.
struct Entry {
    /// Its index in the batch.
    index: usize,
    /// Its key among the distinct ones.
    key: usize,
    claim: Claim,
    coefficient: Fr,
}

/// The distinct keys and points of G2 of a batch.
#[derive(Default)]
struct Bases<'k> {
    keys: Vec<Key<'k>>,
    by_digest: BTreeMap<[u8; 32], usize>,
    points: Vec<&'k Prepared>,
    by_point: BTreeMap<([u8; 128], bool), usize>,
}

struct Key<'k> {
    key: &'k VerifyingKey,
    /// `s·G2` and `−G2` among the points.
    points: [usize; 2],
}

/// For each distinct point of G2 the point of G1 that it is paired with.
type Sums = Vec<G1Projective>;

impl<'k> Bases<'k> {
    /// Index of a key.
    fn key(&mut self, key: &'k VerifyingKey) -> usize {
        if let Some(known) = self.by_digest.get(&key.digest()) {
            return *known;
        }
        let mut point = |bytes, is_negative, prepared: &'k Prepared| {
            let next = self.points.len();
            *self.by_point.entry((bytes, is_negative)).or_insert_with(|| {
                self.points.push(prepared);
                next
            })
        };
        let points = [point(encode_g2(&key.s_g2), false, &key.prepared.s_g2), point(encode_g2(&key.g2), true, &key.prepared.negative_g2)];
        let next = self.keys.len();
        self.keys.push(Key { key, points });
        self.by_digest.insert(key.digest(), next);
        next
    }

    /// The left sides of the combined claims.
    fn sum(&self, entries: &[Entry]) -> Sums {
        let mut terms: Vec<(Vec<G1Affine>, Vec<Fr>)> = self.points.iter().map(|_| Default::default()).collect();
        let mut generators = alloc::vec![Fr::ZERO; self.points.len()];
        let mut commitments: Vec<(BTreeMap<usize, Fr>, Vec<Fr>)> = self.keys.iter().map(|_| Default::default()).collect();
        for Entry { key, claim, coefficient, .. } in entries {
            let Some(Key { points: [s_g2, negative_g2], .. }) = self.keys.get(*key) else { continue };
            if let (Some((points, scalars)), Some(opening)) = (terms.get_mut(*s_g2), claim.points.last()) {
                points.push(*opening);
                scalars.push(*coefficient);
            }
            if let Some((points, scalars)) = terms.get_mut(*negative_g2) {
                points.extend_from_slice(&claim.points);
                scalars.extend(claim.scalars.iter().map(|scalar| *scalar * coefficient));
            }
            if let Some(generator) = generators.get_mut(*negative_g2) {
                *generator += claim.generator * coefficient;
            }
            if let Some((fixed, sigma)) = commitments.get_mut(*key) {
                claim.fixed.iter().for_each(|(at, scalar)| *fixed.entry(*at).or_insert(Fr::ZERO) += *scalar * coefficient);
                accumulate(sigma, &claim.sigma, *coefficient);
            }
        }
        for (Key { key, points: [_, negative_g2] }, (fixed, sigma)) in self.keys.iter().zip(&commitments) {
            let Some((points, scalars)) = terms.get_mut(*negative_g2) else { continue };
            let fixed = fixed.iter().filter_map(|(at, scalar)| Some((key.fixed_commitments.get(*at)?, scalar)));
            for (point, scalar) in fixed.chain(key.permutation_commitments.iter().zip(sigma)) {
                points.push(*point);
                scalars.push(*scalar);
            }
        }
        let add_generator = |((mut points, mut scalars), generator): ((Vec<G1Affine>, Vec<Fr>), Fr)| {
            points.push(G1Affine::generator());
            scalars.push(generator);
            msm(&points, &scalars)
        };
        terms.into_iter().zip(generators).map(add_generator).collect()
    }

    fn accepts(&self, sums: &Sums) -> bool {
        let points = G1Projective::normalize_batch(sums);
        let pairs: Vec<(G1Affine, &Prepared)> = points.into_iter().zip(self.points.iter().copied()).collect();
        is_one(&pairs)
    }

    /// Calls `report` with the index of each wrong claim, given the sum of all.
    fn culprits(&self, entries: &[Entry], sums: &Sums, report: &mut dyn FnMut(usize)) {
        if entries.is_empty() || self.accepts(sums) {
            return;
        }
        let (left, right) = entries.split_at(entries.len() / 2);
        if left.is_empty() {
            return right.iter().for_each(|entry| report(entry.index));
        }
        let of_left = self.sum(left);
        let of_right: Sums = sums.iter().zip(&of_left).map(|(all, left)| *all - left).collect();
        self.culprits(left, &of_left, report);
        self.culprits(right, &of_right, report);
    }
}

/// Adds a multiple of a vector, which may be longer.
fn accumulate(sums: &mut Vec<Fr>, values: &[Fr], factor: Fr) {
    if sums.len() < values.len() {
        sums.resize(values.len(), Fr::ZERO);
    }
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += *value * factor);
}
