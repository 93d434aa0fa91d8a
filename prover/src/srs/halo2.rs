//! Files of halo2's `ParamsKZG`: `kzgK.srs`, as EZKL downloads and writes them.
//!
//! ```text
//! k u32 | s^i·G1, 2^k points | L_i(s)·G1, 2^k points | G2 | s·G2
//! ```
//!
//! `RawBytes` points have 64 and 128 bytes (see `points`), `Processed` ones are compressed to 32 and 64. The file's
//! length tells which it is. There is no magic number: a length that fits neither is [`SrsError::Length`] when the
//! first word can be a `k`, else [`SrsError::Foreign`].

use std::path::Path;

use super::error::{Array, SrsError};
use super::points::{decode_g1, decode_g1_compressed, decode_g2, decode_g2_compressed, G1_BYTES, G2_BYTES};
use super::{Parts, MAX_K};

const HEADER_BYTES: usize = 4;

/// Reads all 2^k powers of the file.
pub(super) fn read(path: &Path) -> Result<Parts, SrsError> {
    let io = |source| SrsError::Io { path: path.into(), source };
    let foreign = || SrsError::Foreign { path: path.into() };
    let mut file = std::fs::File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut word = [0; HEADER_BYTES];
    std::io::Read::read_exact(&mut file, &mut word).map_err(|_| foreign())?;
    let k = u32::from_le_bytes(word);
    if k == 0 || k > MAX_K {
        return Err(foreign());
    }
    let raw = HEADER_BYTES as u64 + ((2 * G1_BYTES as u64) << k) + 2 * G2_BYTES as u64;
    let compressed = HEADER_BYTES as u64 + ((G1_BYTES as u64) << k) + G2_BYTES as u64;
    if length != raw && length != compressed {
        return Err(SrsError::Length { path: path.into(), expected: raw, actual: length });
    }
    let mut bytes = Vec::with_capacity(length as usize);
    std::io::Read::read_to_end(&mut file, &mut bytes).map_err(io)?;
    if bytes.len() as u64 + HEADER_BYTES as u64 != length {
        return Err(SrsError::Length { path: path.into(), expected: length, actual: bytes.len() as u64 });
    }

    let is_raw = length == raw;
    let g1_bytes = if is_raw { G1_BYTES } else { G1_BYTES / 2 };
    let (g, rest) = bytes.split_at(g1_bytes << k);
    let (g_lagrange, g2) = rest.split_at(g1_bytes << k);
    let (g, g_lagrange, g2) = match is_raw {
        true => (decode_g1(g, Array::PowersG1)?, decode_g1(g_lagrange, Array::LagrangeG1)?, decode_g2(g2)?),
        false => {
            (decode_g1_compressed(g, Array::PowersG1)?, decode_g1_compressed(g_lagrange, Array::LagrangeG1)?, decode_g2_compressed(g2)?)
        }
    };
    Ok(Parts { k, g, g_lagrange: Some(g_lagrange), g2: g2[0], s_g2: g2[1] })
}
