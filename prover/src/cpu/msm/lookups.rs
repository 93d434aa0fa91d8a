//! Σ_r (Σ_k table\[i_k(r)\])·P_r: a column of sums of table entries, by entry.
//!
//! ```text
//! Σ_{v,m} m·table[v] · B_{v,m}        B_{v,m} = Σ P_r over the rows whose sum has entry v m times
//! ```
//!
//! One addition for each entry of a row, and a sum with as many full scalars as the table has entries, instead of one full
//! scalar a row. Rows that have an entry twice have a bucket of their own, so that no point meets itself.

use super::affine::{entry, Segment};
use super::{Bases, Fr, Scalars, G1};

/// The sum; every index is below the table's length.
pub(super) fn sum(bases: &Bases, table: &[Fr], indices: &[Vec<u32>]) -> G1 {
    let rows = indices.first().map_or(0, Vec::len);
    let summands = indices.len();
    let mut next = vec![0u32; table.len() * summands];
    for_each_entry(indices, rows, |_, key| next[key] += 1);
    let mut first = 0;
    let mut segments = Vec::new();
    let mut scalars = Vec::new();
    for (key, slot) in next.iter_mut().enumerate() {
        let len = std::mem::replace(slot, first);
        if len > 0 {
            segments.push(Segment { first, len });
            scalars.push(table[key / summands] * Fr::from((key % summands + 1) as u64));
        }
        first += len;
    }
    let mut entries = vec![0u32; first as usize];
    for_each_entry(indices, rows, |row, key| {
        entries[next[key] as usize] = entry(row as u32, false);
        next[key] += 1;
    });
    let points = bases.adder.sum_segments(&bases.points, &entries, &segments);
    let buckets = Bases { points, tables: Default::default(), adder: bases.adder };
    super::commit(&buckets, &[Scalars::Fields(&scalars)]).into_iter().map(G1::from).sum()
}

/// Calls `visit` with each row and key `v·K + m − 1`, for each entry v that the row has m times, of K.
fn for_each_entry(indices: &[Vec<u32>], rows: usize, mut visit: impl FnMut(usize, usize)) {
    let summands = indices.len();
    for row in 0..rows {
        for (k, column) in indices.iter().enumerate() {
            let v = column[row];
            if indices[..k].iter().all(|before| before[row] != v) {
                let times = indices[k..].iter().filter(|c| c[row] == v).count();
                visit(row, v as usize * summands + times - 1);
            }
        }
    }
}
