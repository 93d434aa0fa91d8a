//! The structured reference string of KZG: powers of a secret `s` that nobody must know \[KZG10\].
//!
//! ```text
//! g[i] = s^i·G1      g_lagrange[i] = L_i(s)·G1      g2 = G2      s_g2 = s·G2          i < n = 2^k
//! next = s^n·G1      blinds the quotient; a halo2 file that is not cut down has none
//! ```
//!
//! It comes from a ceremony ([`Srs::import_ptau`], [`Srs::import_halo2`]) or, for development only, from a seed that everybody
//! can read ([`Srs::dev`]). Every way in ends in a checked value:
//!
//! | check      | of                                            | how                                             |
//! |------------|-----------------------------------------------|-------------------------------------------------|
//! | points     | all                                           | on the curve, in the subgroup, not at infinity  |
//! | generators | `g[0], g2` | equal the standard ones                         |
//! | powers     | `g[i+1] = s·g[i]` | `e(Σ r_i·g[i+1], G2) = e(Σ r_i·g[i], s·G2)` |
//! | Lagrange   | `Σ a_i·g[i] = Σ p(ω^i)·g_lagrange[i]` | p(X) = Σ a_i·X^i, if the file has this basis    |
//!
//! # Soundness
//! `r_i` has 128 random bits and `a_i` is uniform, drawn after the file was read. A wrong power passes with probability
//! 2^−128, a wrong Lagrange basis with 1/r. What no check can show is that nobody kept `s`.
//!
//! \[KZG10\]: <https://www.iacr.org/archive/asiacrypt2010/6477178/6477178.pdf> §3.1

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::halo2curves::bn256::{pairing, Bn256, Fr, G1Affine, G2Affine, G1};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::group::{Curve, GroupEncoding};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use rayon::prelude::*;
use sworn_circuits::memory::Budget;
use sworn_verifier::srs::is_insecure_dev;

use crate::halo2::convert::to_g2;
use crate::memory::srs_bytes;

mod cache;
mod dev;
mod error;
mod halo2;
mod lagrange;
mod points;
mod ptau;

pub use cache::{SrsCache, SrsEntry};
pub use error::{Array, SrsError};

/// The largest `k`: the field has roots of unity of order 2^28.
pub const MAX_K: u32 = Fr::S;

const DIGEST_CONTEXT: &str = "sworn 2026 SRS digest v1";
const CEREMONY_CONTEXT: &str = "sworn 2026 SRS ceremony v1";

/// A structured reference string for circuits of up to 2^k rows.
#[derive(Clone, Debug)]
pub struct Srs {
    k: u32,
    g: Vec<G1Affine>,
    next: Option<G1Affine>,
    /// Once somebody asked.
    g_lagrange: OnceLock<Vec<G1Affine>>,
    /// Those that somebody asked for, by the size of packs and log₂ of the rows.
    pack_bases: Arc<Mutex<BTreeMap<(usize, u32), PackBasis>>>,
    g2: G2Affine,
    s_g2: G2Affine,
    digest: [u8; 32],
    /// halo2's form, once somebody asked.
    params: OnceLock<ParamsKZG<Bn256>>,
}

/// `s^i·L_j(s^t)·G1` at `i·n + j`, for i < t and j < n.
pub type PackBasis = Arc<Vec<G1Affine>>;

/// An SRS as a file has it; points are on their curves.
struct Parts {
    k: u32,
    g: Vec<G1Affine>,
    next: Option<G1Affine>,
    g_lagrange: Option<Vec<G1Affine>>,
    g2: G2Affine,
    s_g2: G2Affine,
}

impl Srs {
    /// The development SRS. **Insecure**: its secret is public, anyone can forge proofs against it.
    ///
    /// # Errors
    /// `k` is above [`MAX_K`], or there is too little memory.
    pub fn dev(k: u32) -> Result<Self, SrsError> {
        if k > MAX_K {
            return Err(SrsError::LogSize { expected: MAX_K, actual: k });
        }
        Budget::SYSTEM.require(srs_bytes(k), "the development string")?;
        let mut g = dev::powers_of_generator(k);
        let next = g.pop();
        let (g2, s_g2) = (G2Affine::generator(), dev_s_g2());
        Ok(Self::from_parts(Parts { k, g, next, g_lagrange: None, g2, s_g2 }))
    }

    /// Reads and checks a file of any known format: `.ptau`, halo2 or ours. With `k`, only its first 2^k powers.
    ///
    /// # Errors
    /// The file is not an SRS, is damaged, or is too small.
    pub fn open(path: &Path, k: Option<u32>) -> Result<Self, SrsError> {
        let magic = magic(path)?;
        if magic.starts_with(&ptau::MAGIC) {
            return Self::import_ptau(path, k);
        }
        if !magic.starts_with(&cache::MAGIC) {
            return Self::import_halo2(path, k);
        }
        let srs = Self::read(path)?;
        srs.check()?;
        srs.truncate(k.unwrap_or(srs.k()))
    }

    /// Reads and checks a `.ptau` file of snarkjs. With `k`, only its first 2^k powers.
    ///
    /// # Errors
    /// The file is not of that format, is damaged, or is too small.
    pub fn import_ptau(path: &Path, k: Option<u32>) -> Result<Self, SrsError> {
        let srs = Self::from_parts(ptau::read(path, k)?);
        srs.check()?;
        Ok(srs)
    }

    /// Reads and checks a file of halo2's `ParamsKZG`, raw or compressed. With `k`, only its first 2^k powers.
    ///
    /// # Errors
    /// The file is not of that format, is damaged, or is too small.
    pub fn import_halo2(path: &Path, k: Option<u32>) -> Result<Self, SrsError> {
        let srs = Self::from_parts(halo2::read(path)?);
        srs.check()?;
        srs.truncate(k.unwrap_or(srs.k()))
    }

    /// Reads a file that [`Srs::write`] wrote. Points and digest are checked, the powers are not: see [`Srs::check`].
    ///
    /// # Errors
    /// The file is not of that format, or is damaged.
    pub fn read(path: &Path) -> Result<Self, SrsError> {
        let (parts, expected) = cache::read(path)?;
        let srs = Self::from_parts(parts);
        match srs.digest == expected {
            true => Ok(srs),
            false => Err(SrsError::Digest { path: path.into(), expected, actual: srs.digest }),
        }
    }

    /// Writes a file for [`Srs::read`]; there is a whole file or none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SrsError> {
        cache::write(self, path)
    }

    /// The first 2^k powers. Their Lagrange basis is another one.
    ///
    /// # Errors
    /// There are fewer powers.
    pub fn truncate(&self, k: u32) -> Result<Self, SrsError> {
        match k.cmp(&self.k()) {
            std::cmp::Ordering::Greater => Err(SrsError::TooSmall { expected: k, actual: self.k() }),
            std::cmp::Ordering::Equal => Ok(self.clone()),
            std::cmp::Ordering::Less => {
                let (g, next) = (self.g()[..1 << k].to_vec(), self.g().get(1 << k).copied());
                Ok(Self::from_parts(Parts { k, g, next, g_lagrange: None, g2: self.g2(), s_g2: self.s_g2() }))
            }
        }
    }

    /// Checks generators, powers and Lagrange basis, as the table at the top has it.
    ///
    /// # Errors
    /// Which of them is wrong, and where.
    pub fn check(&self) -> Result<(), SrsError> {
        if self.g()[0] != G1Affine::generator() {
            return Err(SrsError::Generator { array: Array::PowersG1 });
        }
        if self.g2() != G2Affine::generator() {
            return Err(SrsError::Generator { array: Array::PowersG2 });
        }
        let mut rng = ChaCha20Rng::from_rng(rand::rngs::OsRng).unwrap_or_else(|_| ChaCha20Rng::from_entropy());
        let count = self.g().len() - usize::from(self.next.is_none());
        let weights: Vec<Fr> = (0..count).map(|_| Fr::from_u128(rng.gen())).collect();
        if !self.powers_agree(&weights) {
            return Err(SrsError::Power { index: self.first_wrong_power(&weights) });
        }
        match self.g_lagrange.get() {
            Some(basis) if !self.lagrange_agrees(basis, &mut rng) => Err(SrsError::Lagrange),
            _ => Ok(()),
        }
    }

    /// `log2` of the number of powers.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// BLAKE3 of `k`, `s·G2` and the powers in G1, in canonical encoding: a truncation has another one.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// BLAKE3 of `s·G2`: the same for all truncations of a ceremony.
    pub fn ceremony(&self) -> [u8; 32] {
        ceremony(&self.s_g2())
    }

    /// Whether the secret is that of [`Srs::dev`], which everybody knows.
    pub fn is_insecure_dev(&self) -> bool {
        is_insecure_dev(&to_g2(&self.s_g2()))
    }

    /// halo2's form of it.
    pub fn params(&self) -> &ParamsKZG<Bn256> {
        self.params.get_or_init(|| {
            // `from_parts` is a method that ignores its receiver.
            let any = ParamsKZG::<Bn256>::setup(0, ChaCha20Rng::seed_from_u64(0));
            any.from_parts(self.k, self.g.clone(), Some(self.g_lagrange().to_vec()), self.g2, self.s_g2)
        })
    }

    /// `s^i·G1`.
    pub fn g(&self) -> &[G1Affine] {
        &self.g
    }

    /// `s^n·G1`, if it is known.
    pub fn next_power(&self) -> Option<G1Affine> {
        self.next
    }

    /// `L_i(s)·G1`. If the file had none it is computed, once: n·k/2 scalar multiplications.
    pub fn g_lagrange(&self) -> &[G1Affine] {
        self.g_lagrange.get_or_init(|| match self.is_insecure_dev() {
            true => dev::lagrange(self.k),
            false => lagrange::lagrange_from_powers(&self.g),
        })
    }

    /// The basis of commitments to packs of t polynomials by their values on n = 2^log_rows rows. It is computed once:
    /// t·n·log_rows/2 scalar multiplications.
    ///
    /// # Errors
    /// There are fewer powers than t·n.
    pub fn pack_basis(&self, pack: usize, log_rows: u32) -> Result<PackBasis, SrsError> {
        if log_rows > MAX_K || pack.saturating_mul(1 << log_rows) > self.g.len() {
            let expected = log_rows.saturating_add(pack.checked_next_power_of_two().map_or(usize::BITS, usize::ilog2));
            return Err(SrsError::TooSmall { expected, actual: self.k });
        }
        if let Some(basis) = self.bases().get(&(pack, log_rows)) {
            return Ok(basis.clone());
        }
        // Without the lock: who waits for the work of others may be given work that wants it.
        let points = match self.is_insecure_dev() {
            true => dev::pack_basis(pack, log_rows),
            false => {
                let stride = |i: usize| self.g[i..].iter().step_by(pack).take(1 << log_rows).copied().collect::<Vec<_>>();
                let strides: Vec<_> = (0..pack).into_par_iter().map(|i| lagrange::lagrange_from_powers(&stride(i))).collect();
                strides.concat()
            }
        };
        Ok(self.bases().entry((pack, log_rows)).or_insert_with(|| Arc::new(points)).clone())
    }

    fn bases(&self) -> MutexGuard<'_, BTreeMap<(usize, u32), PackBasis>> {
        self.pack_bases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether [`Srs::pack_basis`] costs nothing any more.
    pub fn has_pack_basis(&self, pack: usize, log_rows: u32) -> bool {
        self.bases().contains_key(&(pack, log_rows))
    }

    /// Takes a basis that was made before.
    fn keep_pack_basis(&self, pack: usize, log_rows: u32, points: Vec<G1Affine>) {
        self.bases().insert((pack, log_rows), Arc::new(points));
    }

    /// Whether [`Srs::g_lagrange`] costs nothing any more.
    pub fn has_lagrange(&self) -> bool {
        self.g_lagrange.get().is_some()
    }

    /// The generator of G2.
    pub fn g2(&self) -> G2Affine {
        self.g2
    }

    /// `s·G2`.
    pub fn s_g2(&self) -> G2Affine {
        self.s_g2
    }

    fn from_parts(parts: Parts) -> Self {
        let Parts { k, g, next, g_lagrange, g2, s_g2 } = parts;
        let digest = digest(k, &s_g2, &g);
        let g_lagrange = g_lagrange.map_or_else(OnceLock::new, OnceLock::from);
        Self { k, g, next, g_lagrange, pack_bases: Arc::default(), g2, s_g2, digest, params: OnceLock::new() }
    }

    /// `g[i+1] = s·g[i]` for all `i` below the number of weights, `g[n]` being [`Srs::next_power`].
    fn powers_agree(&self, weights: &[Fr]) -> bool {
        let n = weights.len();
        if n == 0 {
            return true;
        }
        let low: G1Affine = best_multiexp(weights, &self.g()[..n]).to_affine();
        let shifted = &self.g()[1..self.g().len().min(n + 1)];
        let mut high: G1 = best_multiexp(&weights[..shifted.len()], shifted);
        if let (Some(next), Some(weight)) = (self.next, weights.get(shifted.len())) {
            high += next * weight;
        }
        let high = high.to_affine();
        pairing(&high, &self.g2()) == pairing(&low, &self.s_g2())
    }

    /// By bisection; knowing that not all powers agree.
    fn first_wrong_power(&self, weights: &[Fr]) -> usize {
        let (mut good, mut bad) = (0, weights.len());
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            match self.powers_agree(&weights[..middle]) {
                true => good = middle,
                false => bad = middle,
            }
        }
        bad
    }

    fn lagrange_agrees(&self, basis: &[G1Affine], rng: &mut impl RngCore) -> bool {
        let coefficients: Vec<Fr> = (0..self.g().len()).map(|_| Fr::random(&mut *rng)).collect();
        let values = lagrange::evaluate(&coefficients);
        let expected: G1 = best_multiexp(&coefficients, self.g());
        best_multiexp(&values, basis) == expected
    }
}

/// [`Srs::ceremony`] of a file of any known format, without reading and checking its powers.
///
/// # Errors
/// The file is not an SRS, or its part in G2 is damaged.
pub fn ceremony_of(path: &Path) -> Result<[u8; 32], SrsError> {
    let magic = magic(path)?;
    if magic.starts_with(&cache::MAGIC) {
        return cache::read_ceremony(path);
    }
    match magic.starts_with(&ptau::MAGIC) {
        true => Ok(ceremony(&ptau::read(path, Some(0))?.s_g2)),
        false => Ok(ceremony(&halo2::read_s_g2(path)?)),
    }
}

/// The first bytes of a file, eight or fewer.
fn magic(path: &Path) -> Result<Vec<u8>, SrsError> {
    let mut magic = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| std::io::Read::read_to_end(&mut std::io::Read::take(file, 8), &mut magic))
        .map_err(|source| SrsError::Io { path: path.into(), source })?;
    Ok(magic)
}

/// BLAKE3 of `s·G2`, which tells ceremonies apart.
pub fn ceremony(s_g2: &G2Affine) -> [u8; 32] {
    *blake3::Hasher::new_derive_key(CEREMONY_CONTEXT).update(s_g2.to_bytes().as_ref()).finalize().as_bytes()
}

fn dev_s_g2() -> G2Affine {
    (G2Affine::generator() * dev::secret()).into()
}

fn digest(k: u32, s_g2: &G2Affine, g: &[G1Affine]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(DIGEST_CONTEXT);
    hasher.update(&k.to_le_bytes()).update(s_g2.to_bytes().as_ref());
    for chunk in g.chunks(1 << 14) {
        let bytes: Vec<u8> = chunk
            .par_iter()
            .flat_map_iter(|p| p.x.to_repr().as_ref().iter().chain(p.y.to_repr().as_ref()).copied().collect::<Vec<u8>>())
            .collect();
        hasher.update(&bytes);
    }
    *hasher.finalize().as_bytes()
}
