//! The development SRS: its secret is in this file, so anyone can forge proofs against it.
//!
//! Both bases are multiples of the generator, `s^i·G` and `L_i(s)·G`.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::{BatchInvert, Field, FromUniformBytes, PrimeField};
use rayon::prelude::*;

use super::fixed_base::{powers, FixedBase};
use crate::domain::root_of_unity;

/// What the secret is derived from.
const SEED: &str = "sworn insecure development SRS, secret known to everybody";
/// Values that share one inversion.
const BATCH: usize = 1024;

/// The secret `s` of the development SRS. Not a secret.
pub(super) fn secret() -> Fr {
    let mut bytes = [0; 64];
    blake3::Hasher::new_derive_key(SEED).finalize_xof().fill(&mut bytes);
    Fr::from_uniform_bytes(&bytes)
}

/// `s^i·G`, one more than 2^k.
pub(super) fn powers_of_generator(k: u32) -> Vec<G1Affine> {
    generator(k).multiply(&powers(secret(), (1 << k) + 1))
}

/// `L_i(s)·G`, 2^k of them.
pub(super) fn lagrange(k: u32) -> Vec<G1Affine> {
    generator(k).multiply(&lagrange_scalars(secret(), k))
}

/// `s^i·L_j(s^t)·G`, by i.
pub(super) fn pack_basis(pack: usize, log_rows: u32) -> Vec<G1Affine> {
    let s = secret();
    let lagrange = lagrange_scalars(s.pow_vartime([pack as u64]), log_rows);
    let scalars: Vec<Fr> = powers(s, pack).iter().flat_map(|power| lagrange.iter().map(move |l| power * l)).collect();
    generator(log_rows + pack.next_power_of_two().ilog2()).multiply(&scalars)
}

/// Multiples of the generator, about 2^k of them.
fn generator(k: u32) -> FixedBase {
    FixedBase::new(&G1Affine::generator(), k)
}

/// `L_i(s) = ω^i (s^n − 1) / (n (s − ω^i))`.
fn lagrange_scalars(s: Fr, k: u32) -> Vec<Fr> {
    let n = 1u64 << k;
    let roots = powers(root_of_unity(k), n as usize);
    let mut inverses: Vec<Fr> = roots.iter().map(|w| s - w).collect();
    inverses.par_chunks_mut(BATCH).for_each(|chunk| {
        chunk.batch_invert();
    });
    let factor = (s.pow_vartime([n]) - Fr::ONE) * Fr::TWO_INV.pow_vartime([u64::from(k)]);
    inverses.into_iter().zip(roots).map(|(inverse, w)| inverse * w * factor).collect()
}
