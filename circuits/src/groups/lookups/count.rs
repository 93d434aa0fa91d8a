//! What the first phase owes its lookups: the high limbs of range checks, and how often each row of the table is looked up.

use rayon::prelude::*;

use crate::column::IntColumn;
use crate::error::WitnessError;
use crate::graph::QuantGraph;
use crate::layout::{tables, Layout};
use crate::number::fit;

/// Rows that are counted at a time.
const ROWS: usize = 1 << 11;
/// Blocks of rows that share a histogram, at least.
const MIN_BLOCKS: usize = 4;

/// The high limb of a range check: a sum of columns with their factors, shifted.
pub(crate) fn high_limb(layout: &Layout, first: &[IntColumn], range: &[(usize, i64)]) -> IntColumn {
    let rows = range.iter().map(|&(column, _)| first[column].len()).max().unwrap_or(0);
    let mut values = vec![0; rows];
    range.iter().for_each(|&(column, factor)| first[column].add_to(0, factor, &mut values));
    values.iter_mut().for_each(|value| *value >>= layout.shape.table_bits());
    IntColumn::new(&values)
}

/// Where a table starts in the lookup table, and its first argument and length.
struct Span {
    start: usize,
    first: i64,
    length: usize,
}

/// A value in no table: its row, its lookup, and the value. The least is the one that is reported.
type Stray = (usize, usize, i64);

struct Counter<'a> {
    layout: &'a Layout,
    first: &'a [IntColumn],
    spans: Vec<Span>,
    /// What is looked up in the range table.
    lookups: Vec<Vec<(usize, i64)>>,
    /// Rows from which on every column is zero.
    end: usize,
}

/// The column of multiplicities: every lookup of the argument, counted.
pub(crate) fn multiplicities(graph: &QuantGraph, layout: &Layout, first: &[IntColumn]) -> Result<IntColumn, WitnessError> {
    let range = 1usize << layout.shape.table_bits();
    let mut spans = vec![Span { start: 0, first: 0, length: range }];
    let mut size = range;
    for table in tables(graph) {
        spans.push(Span { start: size, first: i64::from(table.first), length: table.values.len() });
        size += table.values.len();
    }
    let masks = layout.shape.columns().units.table_mask;
    let lengths = first.iter().map(IntColumn::len).chain(masks.iter().map(|&column| layout.fixed[column].len()));
    let end = lengths.max().unwrap_or(0).min(layout.usable_rows());
    let counter = Counter { layout, first, spans, lookups: layout.shape.range_lookups(), end };
    let (mut counts, stray) = (0..end.div_ceil(ROWS))
        .into_par_iter()
        .with_min_len(MIN_BLOCKS)
        .fold(|| (vec![0i64; size], None), |sum, block| counter.block(block * ROWS, sum))
        .reduce(
            || (Vec::new(), None),
            |(a, stray_a), (b, stray_b)| {
                let (mut sum, other) = if a.len() < b.len() { (b, a) } else { (a, b) };
                sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
                (sum, stray_a.into_iter().chain(stray_b).min())
            },
        );
    if let Some((row, _, value)) = stray {
        return Err(WitnessError::NotInTable { row, value });
    }
    counts.resize(size, 0);
    counts[0] += fit::<_, i64>((layout.usable_rows() - end) * layout.shape.num_lookups());
    Ok(IntColumn::new(&counts))
}

impl Counter<'_> {
    /// Counts the lookups of [`ROWS`] rows.
    fn block(&self, start: usize, (mut counts, mut stray): (Vec<i64>, Option<Stray>)) -> (Vec<i64>, Option<Stray>) {
        let mut buffer = [0i64; ROWS];
        let rows = ROWS.min(self.end - start);
        let mut miss = |index: usize, lookup: usize, value: i64| {
            let found: Stray = (start + index, lookup, value);
            stray = stray.map_or(Some(found), |least| Some(least.min(found)));
        };
        for (lookup, entry) in self.lookups.iter().enumerate() {
            let values = self.values(start, entry, &mut buffer[..rows]);
            self.count(values, &mut counts, |index, value| miss(index, lookup, value));
        }
        let units = self.layout.shape.columns().units;
        if let Some(tag) = units.tag {
            for lane in 0..self.layout.shape.lanes {
                let lookup = self.lookups.len() + 2 * lane;
                let values = self.values(start, &[(units.r[lane], 1)], &mut buffer[..rows]);
                self.count(values, &mut counts, |index, value| miss(index, lookup, value));
                let values = self.values(start, &[(units.u[lane], 1)], &mut buffer[..rows]);
                for (index, &value) in values.iter().enumerate() {
                    let row = start + index;
                    let wanted = self.layout.fixed[units.table_mask[lane]].get(row) == 1;
                    let (value, tag) = if wanted { (value, fit(self.layout.fixed[tag].get(row))) } else { (0, 0) };
                    let span = &self.spans[tag];
                    match usize::try_from(value - span.first).ok().filter(|&at| at < span.length) {
                        Some(at) => counts[span.start + at] += 1,
                        None => miss(index, lookup + 1, value),
                    }
                }
            }
        }
        (counts, stray)
    }

    /// A sum of columns with their factors, in some rows.
    fn values<'b>(&self, start: usize, entry: &[(usize, i64)], buffer: &'b mut [i64]) -> &'b [i64] {
        buffer.fill(0);
        entry.iter().for_each(|&(column, factor)| self.first[column].add_to(start, factor, buffer));
        buffer
    }

    /// Counts values of the range table.
    fn count(&self, values: &[i64], counts: &mut [i64], mut miss: impl FnMut(usize, i64)) {
        let counts = &mut counts[..self.spans[0].length];
        for (index, &value) in values.iter().enumerate() {
            match usize::try_from(value).ok().and_then(|at| counts.get_mut(at)) {
                Some(count) => *count += 1,
                None => miss(index, value),
            }
        }
    }
}
