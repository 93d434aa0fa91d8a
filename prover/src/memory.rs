//! How much memory a proof takes, and how it does with less.
//!
//! ```text
//! columns of 32n bytes   resident: second phase, running products
//!                        + C values of the numerator's columns on a coset
//!                        + C coefficients, unless they are computed again for every coset
//!                        + F·(degree − 1) columns of the key on cosets, kept from the second proof on if they fit
//! points                 2 · 64n twice, or for packs of t 64n·t and the reference string's 2^k; keys as they are
//! packs                  + 4t columns: the components of W and W', and what they are committed from
//! ```

use sworn_circuits::memory::Budget;

use crate::algebra::{Slot, Source};
use crate::error::ProveError;
use crate::key::ProvingKey;

/// Bytes of a field element.
const FIELD: u64 = 32;
/// Points of the tables of a basis' last rows.
const TABLES: u64 = 6 * 16 * 51;
/// Columns that are transformed together when coefficients are not kept.
pub(crate) const BATCH: usize = 4;
/// Columns beside those that are counted: limbs, openings, temporaries.
const SPARE: u64 = 16;

/// How a proof uses memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Coefficients of all columns are kept from coset to coset.
    pub(crate) keep_coefficients: bool,
    /// Columns of the key are kept on cosets, from proof to proof.
    pub(crate) keep_cosets: bool,
}

/// Whether a column is the same in every proof.
pub(crate) fn is_of_key(source: Source) -> bool {
    matches!(source, Source::Fixed(_) | Source::Sigma(_) | Source::Active | Source::First | Source::Last | Source::Point)
}

/// Bytes of a proof that keeps coefficients and columns of the key on cosets, of one that keeps coefficients, and of one
/// that keeps neither.
pub(crate) fn estimate(key: &ProvingKey) -> [u64; 3] {
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
    let pack = key.layout.pack as u64;
    let components = if pack > 1 { 4 * pack } else { 0 };
    let fixed = weights + integers + circuit.permuted.len() as u64 * rows * 4 + points(key);
    let lean = fixed + FIELD * rows * (proof + on_coset + components + 2 * BATCH as u64 + SPARE);
    let keeping = lean + FIELD * rows * on_coset;
    let of_key = columns.iter().filter(|s| is_of_key(**s)).count() as u64;
    [keeping + FIELD * rows * of_key * (circuit.degree as u64 - 1), keeping, lean]
}

/// Bytes of the reference string and of the bases made of it.
fn points(key: &ProvingKey) -> u64 {
    let (rows, pack) = (1u64 << key.layout.log_rows, key.layout.pack as u64);
    let bases = if pack > 1 { pack * rows } else { 2 * rows };
    let tables = if key.layout.choice().has_row_basis() { pack * TABLES } else { 0 };
    64 * (tables + bases + (1u64 << key.layout.choice().log_powers()))
}

/// The fastest way that fits a budget. Nothing is kept for a second proof before there is one.
pub(crate) fn plan(key: &ProvingKey, budget: Option<u64>, is_first: bool) -> Result<Plan, ProveError> {
    let [most, keeping, lean] = estimate(key);
    // What the system still has is beside the points, which are there.
    let budget = budget.unwrap_or_else(|| Budget::SYSTEM.remaining().saturating_add(points(key)));
    if lean > budget {
        return Err(ProveError::Memory { needed: lean, budget });
    }
    Ok(Plan { keep_coefficients: keeping <= budget, keep_cosets: !is_first && most <= budget })
}
