//! Σ_r (Σ_k table\[i_k(r)\])·P_r: a column of sums of table entries, by entry.
//!
//! ```text
//! Σ_{v,m} m·table[v] · B_{v,m}        B_{v,m} = Σ P_r over the rows whose sum has entry v m times
//! ```
//!
//! One addition for each entry of a row, and a sum with as many full scalars as the table has entries, instead of one full
//! scalar a row. Rows that have an entry twice have a bucket of their own, so that no point meets itself.

use rayon::prelude::*;

use super::affine::{Entry, Points, IDENTITY};
use super::{Bases, Fr, G1Affine, Group, Scalars, G1};

/// The sum over the members of a pack that are of this kind; every index is below its table's length.
pub(super) fn sum(strides: &[Bases], pack: &[Scalars<'_>]) -> G1 {
    let members = strides.par_iter().zip(pack).map(|(bases, member)| match member {
        Scalars::Lookups { table, indices, .. } => buckets(bases, table, indices).collect(),
        _ => Vec::new(),
    });
    let (points, scalars): (Vec<G1Affine>, Vec<Fr>) = members.collect::<Vec<_>>().into_iter().flatten().unzip();
    if points.is_empty() {
        return G1::identity();
    }
    super::commit(&Bases::new(&points), &[Scalars::Fields(&scalars)]).into_iter().map(G1::from).sum()
}

/// The buckets that are not empty, with their factors.
fn buckets<'a>(bases: &Bases, table: &'a [Fr], indices: &[Vec<u32>]) -> impl Iterator<Item = (G1Affine, Fr)> + 'a {
    let rows = indices.first().map_or(0, Vec::len);
    let summands = indices.len();
    let mut entries = Vec::with_capacity(rows * summands);
    for_each_entry(indices, rows, |row, key| entries.push(Entry::new(key as u32, row as u32, false)));
    let mut sums = vec![IDENTITY; table.len() * summands];
    bases.adder.sum_buckets(Points::new(bases.points()), &[&entries], &mut sums);
    let factor = move |key: usize| table[key / summands] * Fr::from((key % summands + 1) as u64);
    sums.into_iter().enumerate().filter(|(_, point)| *point != IDENTITY).map(move |(key, point)| (point.into(), factor(key)))
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
