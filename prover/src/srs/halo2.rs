//! Files of halo2's `ParamsKZG`: `kzgK.srs`, as EZKL downloads and writes them.
//!
//! ```text
//! k u32 | s^i·G1, 2^k points | L_i(s)·G1, 2^k points | G2 | s·G2
//! ```
//!
//! `RawBytes` points have 64 and 128 bytes (see `points`), `Processed` ones are compressed to 32 and 64. The file's
//! length tells which it is. There is no magic number: a length that fits neither is [`SrsError::Length`] when the
//! first word can be a `k`, else [`SrsError::Foreign`].

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use halo2_proofs::halo2curves::bn256::G2Affine;

use super::error::{Array, SrsError};
use super::points::{decode_g1, decode_g1_compressed, decode_g2, decode_g2_compressed, G1_BYTES, G2_BYTES};
use super::{require_memory, Parts, MAX_K};

const HEADER_BYTES: usize = 4;

/// Reads all 2^k powers of the file.
pub(super) fn read(path: &Path) -> Result<Parts, SrsError> {
    let File { mut file, k, length, is_raw } = File::open(path)?;
    // Powers and Lagrange basis.
    require_memory(2 << k)?;
    let mut bytes = Vec::with_capacity(length as usize);
    file.read_to_end(&mut bytes).map_err(|source| SrsError::Io { path: path.into(), source })?;
    if bytes.len() as u64 + HEADER_BYTES as u64 != length {
        return Err(SrsError::Length { path: path.into(), expected: length, actual: bytes.len() as u64 });
    }
    let g1_bytes = if is_raw { G1_BYTES } else { G1_BYTES / 2 };
    let (g, rest) = bytes.split_at(g1_bytes << k);
    let (g_lagrange, g2) = rest.split_at(g1_bytes << k);
    let (g, g_lagrange, g2) = match is_raw {
        true => (decode_g1(g, Array::PowersG1)?, decode_g1(g_lagrange, Array::LagrangeG1)?, decode_g2(g2)?),
        false => {
            (decode_g1_compressed(g, Array::PowersG1)?, decode_g1_compressed(g_lagrange, Array::LagrangeG1)?, decode_g2_compressed(g2)?)
        }
    };
    Ok(Parts { k, g, next: None, g_lagrange: Some(g_lagrange), g2: g2[0], s_g2: g2[1] })
}

/// Reads `s·G2` alone, the last point of the file.
pub(super) fn read_s_g2(path: &Path) -> Result<G2Affine, SrsError> {
    let File { mut file, length, is_raw, .. } = File::open(path)?;
    let mut bytes = vec![0; if is_raw { G2_BYTES } else { G2_BYTES / 2 }];
    file.seek(SeekFrom::Start(length - bytes.len() as u64))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(|source| SrsError::Io { path: path.into(), source })?;
    let points = if is_raw { decode_g2(&bytes)? } else { decode_g2_compressed(&bytes)? };
    Ok(points[0])
}

/// A file whose length is one of the two that its `k` calls for.
struct File {
    /// Behind the header.
    file: std::fs::File,
    k: u32,
    length: u64,
    is_raw: bool,
}

impl File {
    fn open(path: &Path) -> Result<Self, SrsError> {
        let io = |source| SrsError::Io { path: path.into(), source };
        let foreign = || SrsError::Foreign { path: path.into() };
        let mut file = std::fs::File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut word = [0; HEADER_BYTES];
        file.read_exact(&mut word).map_err(|_| foreign())?;
        let k = u32::from_le_bytes(word);
        if k == 0 || k > MAX_K {
            return Err(foreign());
        }
        let raw = HEADER_BYTES as u64 + ((2 * G1_BYTES as u64) << k) + 2 * G2_BYTES as u64;
        let compressed = HEADER_BYTES as u64 + ((G1_BYTES as u64) << k) + G2_BYTES as u64;
        match length == raw || length == compressed {
            true => Ok(Self { file, k, length, is_raw: length == raw }),
            false => Err(SrsError::Length { path: path.into(), expected: raw, actual: length }),
        }
    }
}
