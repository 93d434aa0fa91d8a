//! How much memory a proof takes, and how it does with less.
//!
//! ```text
//! columns of 32n bytes   resident: second phase, running products
//!                        + C values of the numerator's columns on a coset
//!                        + C coefficients, unless they are computed again for every coset
//! points                 2 · 64n, keys as they are
//! ```

use crate::algebra::{Slot, Source};
use crate::error::ProveError;
use crate::key::ProvingKey;

/// Bytes of a field element.
const FIELD: u64 = 32;
/// Columns that are transformed together when coefficients are not kept.
const BATCH: usize = 4;
/// Columns beside those that are counted: limbs, openings, temporaries.
const SPARE: u64 = 16;

/// How a proof uses memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Coefficients of all columns are kept from coset to coset.
    pub(crate) keep_coefficients: bool,
    /// Columns that are transformed together otherwise.
    pub(crate) batch: usize,
    /// What it should take at most.
    pub(crate) bytes: u64,
}

/// Bytes of a proof that keeps coefficients, and of one that does not.
pub(crate) fn estimate(key: &ProvingKey) -> [u64; 2] {
    let circuit = &key.circuit;
    let rows = 1u64 << key.layout.log_rows;
    let mut columns: Vec<Source> = Vec::new();
    let mut combinations = 0;
    for slot in &circuit.numerator.slots {
        match slot {
            Slot::Query(q) => columns.push(q.source),
            Slot::Combination(_) => combinations += 1,
        }
    }
    columns.sort_unstable();
    columns.dedup();
    let on_coset = columns.len() as u64 + combinations;
    let proof = (circuit.num_advice - circuit.num_first_phase + circuit.chunks.len()) as u64 + circuit.permuted.len() as u64;
    let weights = 2 * key.graph.num_weights() as u64 * 4;
    let integers: u64 = key.layout.fixed.iter().map(|c| c.len() as u64 * 4).sum::<u64>() + circuit.num_first_phase as u64 * rows * 8;
    let fixed = weights + integers + circuit.permuted.len() as u64 * rows * 4 + 2 * 64 * rows;
    let lean = fixed + FIELD * rows * (proof + on_coset + 2 * BATCH as u64 + SPARE);
    [lean + FIELD * rows * on_coset, lean]
}

/// The fastest way that fits a budget.
pub(crate) fn plan(key: &ProvingKey, budget: Option<u64>) -> Result<Plan, ProveError> {
    let [keeping, lean] = estimate(key);
    let budget = budget.or_else(available).unwrap_or(u64::MAX);
    if keeping <= budget {
        return Ok(Plan { keep_coefficients: true, batch: BATCH, bytes: keeping });
    }
    if lean <= budget {
        return Ok(Plan { keep_coefficients: false, batch: BATCH, bytes: lean });
    }
    Err(ProveError::Memory { needed: lean, budget })
}

/// Memory that the system can give, where it tells.
fn available() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}
