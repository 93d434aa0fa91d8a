//! How much memory a proof takes, and how it does with less.
//!
//! ```text
//! prover                 what is resident before a proof: graph, layout, key, the reference string's 2^k points and bases of 2n or t·n
//! columns of 32n bytes   second phase, running products
//!                        + C values of the numerator's columns on a coset
//!                        + C coefficients, unless they are computed again for every coset
//!                        + F·(degree − 1) columns of the key on cosets, kept from the second proof on if they fit
//! openings               or, if they are more than the C values: σ, and 4t components of W and W' in packs
//! ```

use sworn_circuits::layout::{Choice, Layout};
use sworn_circuits::memory::{resident_bytes, Budget, MemoryError};

use crate::algebra::{Slot, Source};
use crate::circuit::Circuit;
use crate::error::ProveError;
use crate::key::ProvingKey;

/// Bytes of a field element.
const FIELD: u64 = 32;
/// Bytes of a point.
const POINT: u64 = 64;
/// Points of the tables of a basis' last rows.
const TABLES: u64 = 6 * 16 * 51;
/// Columns that are transformed together when coefficients are not kept.
pub(crate) const BATCH: usize = 4;
/// Columns beside those that are counted: limbs, openings, temporaries.
const SPARE: u64 = 16;
/// Pages of the program, of threads and of the allocator that the first proof touches.
const TOUCHED: u64 = 5_000_000;

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
/// that keeps neither; beside those of the prover.
pub(crate) fn estimate(layout: &Layout, circuit: &Circuit) -> [u64; 3] {
    let rows = 1u64 << layout.log_rows;
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
    let proof = (circuit.num_advice - circuit.num_first_phase + circuit.chunks.len()) as u64;
    let pack = layout.pack as u64;
    let components = if pack > 1 { 4 * pack } else { 0 };
    let integers = circuit.num_first_phase as u64 * rows * 8;
    let at_once = on_coset.max(components + circuit.permuted.len() as u64);
    let lean = integers + FIELD * rows * (proof + at_once + 2 * BATCH as u64 + SPARE);
    let keeping = lean + FIELD * rows * on_coset;
    let of_key = columns.iter().filter(|s| is_of_key(**s)).count() as u64;
    [keeping + FIELD * rows * of_key * (circuit.degree as u64 - 1), keeping, lean]
}

/// Bytes of a prover: those that are resident once it is made, or what it should have where the system does not tell.
pub(crate) fn prover_bytes(layout: &Layout) -> u64 {
    TOUCHED + resident_bytes().unwrap_or_else(|| held(layout) + points(&layout.choice()) + permutation_bytes(layout) / 3)
}

/// Bytes of the fixed columns.
fn held(layout: &Layout) -> u64 {
    layout.fixed.iter().map(|c| c.len() as u64 * 4).sum()
}

/// That a proof with a key fits, before there is its reference string.
///
/// # Errors
/// It takes more memory than there is.
pub(crate) fn check_proof(layout: &Layout, circuit: &Circuit, budget: Budget) -> Result<(), ProveError> {
    let string = points(&layout.choice()).max(srs_bytes(layout.choice().log_powers()));
    let [_, _, lean] = estimate(layout, circuit);
    let needed = resident_bytes().unwrap_or(0) + TOUCHED + string + permutation_bytes(layout) + lean;
    let budget = budget.total();
    match needed <= budget {
        true => Ok(()),
        false => Err(ProveError::Memory { needed, budget }),
    }
}

/// Bytes of the reference string and of the bases made of it.
fn points(choice: &Choice) -> u64 {
    let (rows, pack) = (1u64 << choice.log_rows, choice.pack as u64);
    let bases = if pack > 1 { pack * rows } else { 2 * rows };
    let tables = if choice.has_row_basis() { pack * TABLES } else { 0 };
    POINT * (tables + bases + (1u64 << choice.log_powers()))
}

/// Bytes of a reference string of 2^k powers while it is read or made: points, and what they are made from.
pub(crate) fn srs_bytes(k: u32) -> u64 {
    (2 * POINT + FIELD) << k
}

/// That a layout's keys can be made: its reference string with the basis that it needs, and columns of field elements, some at a time.
///
/// # Errors
/// They take more memory than there is.
pub fn check_setup(layout: &Layout, budget: Budget) -> Result<(), MemoryError> {
    let (rows, choice) = (1u64 << layout.log_rows, layout.choice());
    let columns = (2 * choice.pack as u64 + SPARE) * FIELD * rows;
    let string = srs_bytes(choice.log_powers()).max(points(&choice) + columns);
    budget.require(string + permutation_bytes(layout), "the keys of the model with its reference string")
}

/// Bytes of the permutation while it is made: three maps of a cell each.
pub(crate) fn permutation_bytes(layout: &Layout) -> u64 {
    3 * 4 * layout.shape.copied.len() as u64 * (1 << layout.log_rows)
}

/// The fastest way that fits a limit, beside what the prover has. Nothing is kept for a second proof before there is one.
pub(crate) fn plan(key: &ProvingKey, limit: Option<u64>, prover: u64, is_first: bool) -> Result<Plan, ProveError> {
    let [most, keeping, lean] = estimate(&key.layout, &key.circuit).map(|bytes| bytes.saturating_add(prover));
    let budget = limit.map_or(Budget::SYSTEM, Budget::limited).total();
    if lean > budget {
        return Err(ProveError::Memory { needed: lean, budget });
    }
    Ok(Plan { keep_coefficients: keeping <= budget, keep_cosets: !is_first && most <= budget })
}
