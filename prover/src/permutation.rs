//! The permutation of copy constraints: cells that are equal form a cycle.
//!
//! ```text
//! cell (c, r) has the name δ^c·ω^r; σ_c(ω^r) is the name of the next cell of its cycle
//! ```
//!
//! A cell is one number, `c·n + r`; a column of σ is a [`crate::backend::Backend::Map`] from names to rows, 4 bytes a row. The
//! merging of cycles is halo2's, copy by copy, so keys are the same \[halo2 book, "Permutation argument"\].

use sworn_circuits::layout::Layout;
use sworn_circuits::shape::Cell;

use crate::algebra::Source;
use crate::error::KeyError;

/// For each permuted column and row the next cell of the cycle.
pub(crate) fn sigma(layout: &Layout, permuted: &[Source]) -> Result<Vec<Vec<u32>>, KeyError> {
    let rows = 1usize << layout.log_rows;
    let cells = permuted.len() * rows;
    u32::try_from(cells).map_err(|_| KeyError::TooLarge)?;
    let cell = |cell: &Cell| {
        let source = Source::from(cell.place);
        permuted.iter().position(|s| *s == source).map(|c| c * rows + cell.row as usize).ok_or(KeyError::Mismatch)
    };
    let mut next: Vec<u32> = (0..cells as u32).collect();
    let mut cycle = next.clone();
    let mut size = vec![1u32; cells];
    for (left, right) in &layout.copies {
        let (left, right) = (cell(left)?, cell(right)?);
        let (mut large, mut small) = (cycle[left] as usize, cycle[right] as usize);
        if large == small {
            continue;
        }
        if size[large] < size[small] {
            std::mem::swap(&mut large, &mut small);
        }
        size[large] += size[small];
        let mut at = small;
        loop {
            cycle[at] = large as u32;
            at = next[at] as usize;
            if at == small {
                break;
            }
        }
        next.swap(left, right);
    }
    Ok(next.chunks(rows).map(<[u32]>::to_vec).collect())
}
