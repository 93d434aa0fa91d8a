//! The structured reference string of KZG: powers of a secret `s` that nobody must know \[KZG10\].
//!
//! ```text
//! g[i] = s^i·G1      g_lagrange[i] = L_i(s)·G1      g2 = G2      s_g2 = s·G2          i < n = 2^k
//! next = s^n·G1      blinds the quotient; a halo2 file that is not cut down has none
//! ```
//!
//! It comes from a ceremony ([`Srs::import_ptau`], [`Srs::import_halo2`]) or, for development only, from a seed that everybody
//! can read ([`Srs::dev`]). Keys and proofs are made with a checked value only ([`Srs::is_checked`]):
//!
//! | check         | of                                    | how                                                          |
//! |---------------|---------------------------------------|--------------------------------------------------------------|
//! | contributions | a `.ptau` file                        | one at least, and the last one's `s·G1` is `g[1]`            |
//! | points        | all                                   | on the curve, in the subgroup, not at infinity               |
//! | generators    | `g[0], g2`                            | equal the standard ones                                      |
//! | powers        | `g[i+1] = s·g[i]`                     | `e(Σ r_i·g[i+1], G2) = e(Σ r_i·g[i], s·G2)`                  |
//! | order         | of `s`                                | not small: see `order`                                       |
//! | Lagrange      | `Σ a_i·g[i] = Σ p(ω^i)·g_lagrange[i]` | p(X) = Σ a_i·X^i, if the file has this basis                 |
//!
//! # Soundness
//! `r_i` has 128 random bits and `a_i` is uniform, drawn after the file was read. A wrong power passes with probability
//! 2^−128, a wrong Lagrange basis with 1/r. `s·G2` and the number of powers determine the whole string, so a key that names its
//! `s·G2` is bound to one checked string. What no check can show is that nobody kept `s`: contributions are taken at their word
//! (`snarkjs powersoftau verify` follows them), and only the [identity](Srs::identity) tells where a string is from.
//!
//! \[KZG10\]: <https://www.iacr.org/archive/asiacrypt2010/6477178/6477178.pdf> §3.1

use std::collections::BTreeMap;
use std::io::Write;
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
use sworn_verifier::srs::{is_insecure_dev, origin, Origin};

use crate::halo2::convert::to_g2;
use crate::memory::srs_bytes;

mod cache;
mod dev;
mod error;
mod fixed_base;
mod halo2;
mod lagrange;
mod order;
mod points;
mod ptau;

pub use cache::{SrsCache, SrsEntry};
pub use error::{Array, SrsError};

/// The largest `k`: the field has roots of unity of order 2^28.
pub const MAX_K: u32 = Fr::S;

const DIGEST_CONTEXT: &str = "sworn 2026 SRS digest v1";

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
    is_checked: bool,
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
        require_memory(1 << k)?;
        let mut g = dev::powers_of_generator(k);
        let next = g.pop();
        let (g2, s_g2) = (G2Affine::generator(), dev_s_g2());
        // It was made here, and its secret is of no small order.
        Ok(Self { is_checked: true, ..Self::from_parts(Parts { k, g, next, g_lagrange: None, g2, s_g2 }) })
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
        let srs = Self::read(path)?.checked()?;
        srs.truncate(k.unwrap_or(srs.k()))
    }

    /// Reads and checks a `.ptau` file of snarkjs. With `k`, only its first 2^k powers.
    ///
    /// # Errors
    /// The file is not of that format, is damaged, or is too small.
    pub fn import_ptau(path: &Path, k: Option<u32>) -> Result<Self, SrsError> {
        Self::from_parts(ptau::read(path, k)?).checked()
    }

    /// Reads and checks a file of halo2's `ParamsKZG`, raw or compressed. With `k`, only its first 2^k powers.
    ///
    /// # Errors
    /// The file is not of that format, is damaged, or is too small.
    pub fn import_halo2(path: &Path, k: Option<u32>) -> Result<Self, SrsError> {
        let srs = Self::from_parts(halo2::read(path)?).checked()?;
        srs.truncate(k.unwrap_or(srs.k()))
    }

    /// Reads a file that [`Srs::write`] wrote. Points and digest are checked, the string is not: see [`Srs::checked`].
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

    /// Writes the contents of such a file.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn encode(&self, out: &mut dyn Write) -> std::io::Result<()> {
        cache::encode(self, out)
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
                let cut = Self::from_parts(Parts { k, g, next, g_lagrange: None, g2: self.g2(), s_g2: self.s_g2() });
                Ok(Self { is_checked: self.is_checked, ..cut })
            }
        }
    }

    /// Checks generators, powers, the order of the secret and the Lagrange basis, as the table at the top has it.
    ///
    /// # Errors
    /// Which of them is wrong, and where.
    pub fn checked(self) -> Result<Self, SrsError> {
        if !self.is_checked {
            self.check()?;
        }
        Ok(Self { is_checked: true, ..self })
    }

    /// Whether this program made it or checked it; other strings are good for no key and no proof.
    pub fn is_checked(&self) -> bool {
        self.is_checked
    }

    fn check(&self) -> Result<(), SrsError> {
        if self.g()[0] != G1Affine::generator() {
            return Err(SrsError::Generator { array: Array::PowersG1 });
        }
        if self.g2() != G2Affine::generator() {
            return Err(SrsError::Generator { array: Array::PowersG2 });
        }
        let mut rng = random();
        let count = self.g().len() - usize::from(self.next.is_none());
        let weights: Vec<Fr> = (0..count).map(|_| Fr::from_u128(rng.gen())).collect();
        if !self.powers_agree(&weights) {
            return Err(SrsError::Power { index: self.first_wrong_power(&weights) });
        }
        let powers: Vec<G1Affine> = self.g.iter().take(order::POWERS).chain(&self.next).copied().collect();
        if let Some(odd_part) = order::odd_part_of_small_order(&powers) {
            return Err(SrsError::Order { odd_part });
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

    /// What identifies it for verifiers, of `s·G2`: the same for all truncations. See [`sworn_verifier::srs::identity`].
    pub fn identity(&self) -> [u8; 32] {
        identity(&self.s_g2())
    }

    /// Where it comes from, as far as its identity tells.
    pub fn origin(&self) -> Origin {
        origin(&to_g2(&self.s_g2()))
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

    /// Whether points are [`Srs::pack_basis`], as it is asked of the Lagrange basis.
    fn pack_basis_agrees(&self, pack: usize, log_rows: u32, points: &[G1Affine]) -> bool {
        let Some(powers) = self.g.get(..pack << log_rows).filter(|powers| powers.len() == points.len()) else { return false };
        let mut rng = random();
        let mut coefficients = vec![Fr::ZERO; powers.len()];
        let mut values = Vec::with_capacity(powers.len());
        for i in 0..pack {
            let column: Vec<Fr> = (0..1 << log_rows).map(|_| Fr::random(&mut rng)).collect();
            coefficients[i..].iter_mut().step_by(pack).zip(&column).for_each(|(to, from)| *to = *from);
            values.extend(lagrange::evaluate(&column));
        }
        let expected: G1 = best_multiexp(&coefficients, powers);
        best_multiexp(&values, points) == expected
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
        Self { k, g, next, g_lagrange, pack_bases: Arc::default(), g2, s_g2, digest, is_checked: false, params: OnceLock::new() }
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

/// `s·G2` of a file of any known format, which identifies it, without reading and checking its powers.
///
/// # Errors
/// The file is not an SRS, or its part in G2 is damaged.
pub fn s_g2_of(path: &Path) -> Result<sworn_verifier::G2Affine, SrsError> {
    let magic = magic(path)?;
    let s_g2 = if magic.starts_with(&cache::MAGIC) {
        cache::read_s_g2(path)?
    } else if magic.starts_with(&ptau::MAGIC) {
        ptau::read(path, Some(0))?.s_g2
    } else {
        halo2::read_s_g2(path)?
    };
    Ok(to_g2(&s_g2))
}

/// There is the memory to read so many powers.
fn require_memory(powers: u64) -> Result<(), SrsError> {
    Ok(Budget::SYSTEM.require(srs_bytes(0).saturating_mul(powers), "the reference string")?)
}

fn random() -> ChaCha20Rng {
    ChaCha20Rng::from_rng(rand::rngs::OsRng).unwrap_or_else(|_| ChaCha20Rng::from_entropy())
}

/// The first bytes of a file, eight or fewer.
fn magic(path: &Path) -> Result<Vec<u8>, SrsError> {
    let mut magic = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| std::io::Read::read_to_end(&mut std::io::Read::take(file, 8), &mut magic))
        .map_err(|source| SrsError::Io { path: path.into(), source })?;
    Ok(magic)
}

fn identity(s_g2: &G2Affine) -> [u8; 32] {
    sworn_verifier::srs::identity(&to_g2(s_g2))
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
