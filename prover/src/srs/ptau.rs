//! Powers of Tau files of snarkjs, `.ptau`.
//!
//! ```text
//! file     "ptau" | version u32 = 1 | number of sections u32 | sections, in any order
//! section  type u32 | size u64 | contents                                        all numbers little-endian
//!  1       bytes of a coordinate u32 = 32 | q, 32 bytes | power u32 | power of the ceremony u32
//!  2       tau^i·G1      2^(power+1) − 1 points
//!  3       tau^i·G2      2^power points
//!  7       number of contributions u32 | contributions
//!          contribution  tau·G1 | tau·G2 | 1,304 bytes | type u32 | size u32 | parameters
//! 12       L_i(tau)·G1   of 1, 2, 4, …, 2^(power+1) points one after the other; only in prepared files
//! ```
//!
//! Points are laid out as in `points`. The contributions are those of the whole ceremony, also in prepared and truncated files; the
//! last one's point must be that of the powers, as snarkjs has it. The Lagrange points of section 12 run over the powers of
//! snarkjs's root of unity, `5^((r−1)/2^28)`; halo2's is a power of 7, so they are put in another order here.
//! Reference: snarkjs `src/powersoftau_new.js`, `src/powersoftau_utils.js`, `src/powersoftau_preparephase2.js`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use halo2_proofs::halo2curves::bn256::{Fq, Fr, G1Affine};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};

use super::error::{Array, SrsError};
use super::points::{decode_g1, decode_g2, G1_BYTES, G2_BYTES};
use super::{require_memory, Parts, MAX_K};
use crate::domain::root_of_unity;

/// First bytes of the format.
pub(super) const MAGIC: [u8; 4] = *b"ptau";

const VERSION: u32 = 1;
const COORDINATE_BYTES: u32 = 32;
const HEADER: u32 = 1;
const HEADER_BYTES: u64 = 4 + 32 + 4 + 4;
const TAU_G1: u32 = 2;
const TAU_G2: u32 = 3;
const CONTRIBUTIONS: u32 = 7;
/// Bytes of a contribution without its parameters.
const CONTRIBUTION_BYTES: u64 = 1504;
const LAGRANGE_G1: u32 = 12;
/// Modulus of BLS12-381, little-endian.
const BLS12_381: &str = "abaafffffffffeb9ffff53b1feffab1e24f6b0f6a0d23067bf1285f3844b7764d7ac4b43b6a71b4b9ae67f39ea11011a";
/// Base of snarkjs's roots of unity.
const SNARKJS_NON_RESIDUE: u64 = 5;

/// Reads the first `2^k` powers, or all `2^power`.
pub(super) fn read(path: &Path, k: Option<u32>) -> Result<Parts, SrsError> {
    let mut file = Sections::open(path)?;
    let (start, size) = file.one(HEADER)?;
    file.expect_curve(start, size)?;
    file.expect_size(HEADER, size, HEADER_BYTES)?;
    let header = file.bytes(start, HEADER_BYTES as usize)?;
    let power = u32_at(&header, 36);
    if power > MAX_K {
        return Err(SrsError::LogSize { expected: MAX_K, actual: power });
    }
    let k = k.unwrap_or(power);
    if k > power || power == 0 {
        return Err(SrsError::TooSmall { expected: k.max(1), actual: power });
    }

    let (start, size) = file.one(TAU_G1)?;
    file.expect_size(TAU_G1, size, ((2u64 << power) - 1) * G1_BYTES as u64)?;
    let count = ((1usize << k) + 1).min((2usize << power) - 1);
    require_memory(count as u64)?;
    let powers = file.bytes(start, G1_BYTES * count)?;
    let (start, size) = file.one(TAU_G2)?;
    file.expect_size(TAU_G2, size, (G2_BYTES as u64) << power)?;
    let in_g2 = file.bytes(start, 2 * G2_BYTES)?;
    let tau = [&powers[G1_BYTES..2 * G1_BYTES], &in_g2[G2_BYTES..]].concat();
    let mut g = decode_g1(&powers, Array::PowersG1)?;
    drop(powers);
    let next = g.split_off(1 << k).pop();
    let g2 = decode_g2(&in_g2)?;
    file.expect_contributions(&tau)?;

    let g_lagrange = match file.count(LAGRANGE_G1) {
        0 => None,
        _ => {
            let (start, size) = file.one(LAGRANGE_G1)?;
            file.expect_size(LAGRANGE_G1, size, ((4u64 << power) - 1) * G1_BYTES as u64)?;
            require_memory(1 << k)?;
            let before = ((1u64 << k) - 1) * G1_BYTES as u64;
            let points = decode_g1(&file.bytes(start + before, G1_BYTES << k)?, Array::LagrangeG1)?;
            Some(reorder(points, k))
        }
    };
    Ok(Parts { k, g, next, g_lagrange, g2: g2[0], s_g2: g2[1] })
}

/// From the powers of snarkjs's root of unity to the powers of halo2's: `out[e·i mod n] = points[i]` where
/// `theirs = ours^e`.
fn reorder(points: Vec<G1Affine>, k: u32) -> Vec<G1Affine> {
    let n = points.len();
    let (ours, theirs) = (root_of_unity(k), snarkjs_root_of_unity(k));
    let exponent = std::iter::successors(Some(Fr::ONE), |w| Some(w * ours)).take(n).position(|w| w == theirs);
    let exponent = exponent.unwrap_or(1);
    let mut out = points.clone();
    for (i, point) in points.into_iter().enumerate() {
        out[i * exponent % n] = point;
    }
    out
}

fn snarkjs_root_of_unity(k: u32) -> Fr {
    let order_minus_one = (-Fr::ONE).to_repr();
    let limbs: Vec<u64> =
        order_minus_one.as_ref().chunks_exact(8).map(|c| c.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))).collect();
    let odd: Vec<u64> = (0..limbs.len()).map(|i| limbs[i] >> Fr::S | limbs.get(i + 1).copied().unwrap_or(0) << (64 - Fr::S)).collect();
    let root = Fr::from(SNARKJS_NON_RESIDUE).pow_vartime(odd);
    (k..Fr::S).fold(root, |w, _| w.square())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// A file of the iden3 container format: type, first byte and size of every section.
struct Sections<'p> {
    path: &'p Path,
    file: File,
    sections: Vec<(u32, u64, u64)>,
}

impl<'p> Sections<'p> {
    fn open(path: &'p Path) -> Result<Self, SrsError> {
        let io = |source| SrsError::Io { path: path.into(), source };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut this = Self { path, file, sections: Vec::new() };
        let head = this.bytes_within(0, 12, length)?;
        if head[..4] != MAGIC {
            return Err(SrsError::Foreign { path: path.into() });
        }
        if u32_at(&head, 4) != VERSION {
            return Err(SrsError::Version { path: path.into(), expected: VERSION, actual: u32_at(&head, 4) });
        }
        let mut at = 12;
        for _ in 0..u32_at(&head, 8) {
            let head = this.bytes_within(at, 12, length)?;
            let (section, size) = (u32_at(&head, 0), u64_at(&head, 4));
            let end = at.saturating_add(12).saturating_add(size);
            if end > length {
                return Err(SrsError::Length { path: path.into(), expected: end, actual: length });
            }
            this.sections.push((section, at + 12, size));
            at = end;
        }
        Ok(this)
    }

    fn count(&self, section: u32) -> usize {
        self.sections.iter().filter(|s| s.0 == section).count()
    }

    /// First byte and size of a section that must be there once.
    fn one(&self, section: u32) -> Result<(u64, u64), SrsError> {
        match (self.sections.iter().find(|s| s.0 == section), self.count(section)) {
            (Some((_, start, size)), 1) => Ok((*start, *size)),
            (_, actual) => Err(SrsError::SectionCount { path: self.path.into(), section, actual }),
        }
    }

    fn expect_size(&self, section: u32, actual: u64, expected: u64) -> Result<(), SrsError> {
        match actual == expected {
            true => Ok(()),
            false => Err(SrsError::SectionSize { path: self.path.into(), section, expected, actual }),
        }
    }

    /// The curve is BN254.
    fn expect_curve(&mut self, start: u64, size: u64) -> Result<(), SrsError> {
        let modulus = |one: &[u8]| [&[one[0] + 1][..], &one[1..]].concat(); // q − 1 is even
        let count = size.min(HEADER_BYTES + 16) as usize;
        let header = self.bytes(start, count)?;
        let curve = |actual| SrsError::Curve { path: self.path.into(), actual };
        match header.split_at_checked(4).map(|(bytes, rest)| (u32_at(bytes, 0), rest)) {
            Some((COORDINATE_BYTES, rest)) if rest.starts_with(&modulus((-Fq::ONE).to_repr().as_ref())) => Ok(()),
            Some((_, rest)) if hex::encode(rest).starts_with(BLS12_381) => Err(curve("BLS12-381")),
            _ => Err(curve("an unknown curve")),
        }
    }

    /// Somebody contributed, and the last contribution is that of these `tau·G1` and `tau·G2`.
    fn expect_contributions(&mut self, tau: &[u8]) -> Result<(), SrsError> {
        let path = self.path;
        let (start, size) = self.one(CONTRIBUTIONS)?;
        let end = start + size;
        let count = if size < 4 { 0 } else { u32_at(&self.bytes(start, 4)?, 0) };
        if count == 0 {
            return Err(SrsError::NoContributions { path: path.into() });
        }
        let (mut at, mut last) = (start + 4, Vec::new());
        for index in 1..=count {
            let wrong = || SrsError::Contribution { path: path.into(), index };
            if end - at < CONTRIBUTION_BYTES {
                return Err(wrong());
            }
            let fixed = self.bytes(at, CONTRIBUTION_BYTES as usize)?;
            at += CONTRIBUTION_BYTES;
            let parameters = u64::from(u32_at(&fixed, fixed.len() - 4));
            if end - at < parameters {
                return Err(wrong());
            }
            at += parameters;
            last = fixed;
        }
        match at == end && last.starts_with(tau) {
            true => Ok(()),
            false => Err(SrsError::Contribution { path: path.into(), index: count }),
        }
    }

    fn bytes_within(&mut self, at: u64, count: usize, length: u64) -> Result<Vec<u8>, SrsError> {
        let expected = at.saturating_add(count as u64);
        if expected > length {
            return Err(SrsError::Length { path: self.path.into(), expected, actual: length });
        }
        self.bytes(at, count)
    }

    fn bytes(&mut self, at: u64, count: usize) -> Result<Vec<u8>, SrsError> {
        let mut bytes = vec![0; count];
        self.file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|source| SrsError::Io { path: self.path.into(), source })?;
        Ok(bytes)
    }
}
