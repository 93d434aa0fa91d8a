//! Points by bucket, such that a round of additions reads and writes in order.
//!
//! ```text
//! row r = the r-th point of each column that has more than r      columns by falling numbers of points:
//!                                                                 each row is as long as the one before, or shorter
//! round:  row r = row 2r + row 2r + 1                             column by column; 2r + 1 is shorter, the rest is copied
//! ```
//!
//! Rows come in the order of the points, so that the first round finds points that were read for the bucket before in the
//! cache. A column that is down to one point leaves; the columns of a long bucket are summed in their turn.

use std::ops::Range;

use super::Entry;

/// The points of each column, row by row.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) entries: Vec<u32>,
    /// How many columns have more than r points; falls to 1 or more.
    pub(super) counts: Vec<u32>,
    /// The bucket of each column.
    pub(super) buckets: Vec<u32>,
    /// Whether a bucket has several columns.
    pub(super) has_long_buckets: bool,
}

/// Points of a column at most. A bucket that has more has several columns, for a round needs many of them to be fast.
const LONGEST: u32 = 64;

/// The columns of a bucket: `column..last` of [`LONGEST`] points, and one with what is left.
#[derive(Clone, Copy, Default)]
struct Slot {
    column: u32,
    last: u32,
    rest: u32,
    /// Points of the bucket, later of the column.
    seen: u32,
}

impl Rows {
    /// From the bucket of each entry, slice by slice.
    pub(super) fn new(num_buckets: usize, slices: &[&[Entry]]) -> Self {
        if let Some(rows) = Self::of_one_bucket(slices) {
            return rows;
        }
        let mut slots = vec![Slot::default(); num_buckets];
        for entries in slices {
            for entry in *entries {
                slots[entry.bucket as usize].seen += 1;
            }
        }
        let has_long_buckets = slots.iter().any(|slot| slot.seen > LONGEST);
        // Columns of each length, then those that are longer: the first column of that length.
        let mut counts = vec![0u32; slots.iter().map(|slot| slot.seen.min(LONGEST)).max().unwrap_or(0) as usize + 1];
        for slot in &slots {
            let rest = slot.seen % LONGEST;
            counts[rest as usize] += 1;
            if slot.seen >= LONGEST {
                counts[LONGEST as usize] += slot.seen / LONGEST;
            }
        }
        let mut longer = 0;
        for count in counts.iter_mut().rev() {
            longer += std::mem::replace(count, longer);
        }
        let mut columns = counts.clone();
        let mut buckets = vec![0u32; counts[0] as usize];
        for (bucket, slot) in (0..).zip(&mut slots) {
            let seen = std::mem::take(&mut slot.seen);
            let mut place = |len: u32, num: u32| {
                let column = columns[len as usize];
                columns[len as usize] += num;
                buckets[column as usize..(column + num) as usize].fill(bucket);
                column
            };
            if seen >= LONGEST {
                slot.column = place(LONGEST, seen / LONGEST);
                slot.last = slot.column + seen / LONGEST;
            }
            if seen % LONGEST > 0 {
                slot.rest = place(seen % LONGEST, 1);
            }
        }
        counts.pop();
        let firsts = firsts(&counts, 1);
        let mut by_row = vec![0u32; slices.iter().map(|entries| entries.len()).sum()];
        for entries in slices {
            for entry in *entries {
                let slot = &mut slots[entry.bucket as usize];
                // Whole columns, row by row, then the rest.
                let column = if slot.column < slot.last { slot.column } else { slot.rest };
                by_row[(firsts[slot.seen as usize] + column) as usize] = entry.point;
                slot.seen += 1;
                if slot.seen == LONGEST {
                    slot.seen = 0;
                    slot.column += 1;
                }
            }
        }
        Self { entries: by_row, counts, buckets, has_long_buckets }
    }

    /// In any columns: row by row as they come.
    fn of_one_bucket(slices: &[&[Entry]]) -> Option<Self> {
        let entries = || slices.iter().copied().flatten();
        let bucket = entries().next()?.bucket;
        if entries().any(|entry| entry.bucket != bucket) {
            return None;
        }
        let len = slices.iter().map(|entries| entries.len()).sum::<usize>() as u32;
        let counts: Vec<u32> = (0..LONGEST.min(len)).map(|row| len / LONGEST + u32::from(row < len % LONGEST)).collect();
        let buckets = vec![bucket; len.div_ceil(LONGEST) as usize];
        Some(Self { entries: entries().map(|entry| entry.point).collect(), counts, buckets, has_long_buckets: len > LONGEST })
    }
}

/// Where each row begins, a multiple of `width`, and where the last one ends.
fn firsts(counts: &[u32], width: usize) -> Vec<u32> {
    let ends = counts.iter().scan(0, |end, count| {
        *end += count.next_multiple_of(width as u32);
        Some(*end)
    });
    std::iter::once(0).chain(ends).collect()
}

/// Points of a run at most: a vector.
pub(super) const RUN: usize = 8;

/// Outputs beside each other and their operands, by the number of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) left: u32,
    pub(super) right: u32,
    pub(super) output: u32,
    /// Outputs.
    pub(super) len: u32,
    /// How many of them are sums: the first. Others are copies of the left operands.
    pub(super) sums: u32,
}

impl Run {
    /// The numbers of its operands, left and right.
    pub(super) fn operands(&self) -> [Range<usize>; 2] {
        [self.left as usize..(self.left + self.len) as usize, self.right as usize..(self.right + self.sums) as usize]
    }

    /// One by one.
    pub(super) fn singles(self) -> impl Iterator<Item = Self> {
        let sums = self.sums;
        (0..self.len).map(move |i| Self {
            left: self.left + i,
            right: self.right + i,
            output: self.output + i,
            len: 1,
            sums: u32::from(i < sums),
        })
    }
}

/// One round.
#[derive(Debug)]
pub(super) struct Round {
    /// Of the rows that are read.
    counts: Vec<u32>,
    firsts: Vec<u32>,
    /// Of the rows that are written.
    out_counts: Vec<u32>,
    out_firsts: Vec<u32>,
    /// Rows that are written begin at multiples of it.
    width: usize,
}

impl Round {
    /// The first one, of rows that lie without gaps.
    pub(super) fn first(counts: &[u32], width: usize) -> Self {
        Self::of(counts.to_vec(), firsts(counts, 1), width)
    }

    fn of(counts: Vec<u32>, firsts: Vec<u32>, width: usize) -> Self {
        let out_counts = next(&counts);
        let out_firsts = self::firsts(&out_counts, width);
        Self { counts, firsts, out_counts, out_firsts, width }
    }

    /// Operands of the first row that are the last of their bucket.
    pub(super) fn finished(&self) -> Range<usize> {
        self.count(1) as usize..self.count(0) as usize
    }

    /// How many outputs it has, with the gaps behind rows.
    pub(super) fn len(&self) -> usize {
        self.out_firsts.last().map_or(0, |&len| len as usize)
    }

    /// The round behind.
    pub(super) fn next(self) -> Self {
        Self::of(self.out_counts, self.out_firsts, self.width)
    }

    /// The runs with sums in a range, and those that only copy: no group is in both. The range begins and ends with a group.
    pub(super) fn runs(&self, range: Range<usize>, additions: &mut Vec<Run>, copies: &mut Vec<Run>) {
        additions.clear();
        copies.clear();
        for (row, outputs) in self.rows(range) {
            let first = self.out_firsts[row];
            let left = self.firsts[2 * row];
            let right = self.firsts.get(2 * row + 1).copied().unwrap_or(0);
            let end_of_sums = (first + self.count(2 * row + 1)).clamp(outputs.start, outputs.end);
            let run = |output: u32, end: u32| {
                let len = (end - output).min(RUN as u32);
                let (left, right) = (left + (output - first), right + (output - first));
                Run { left, right, output, len, sums: end_of_sums.saturating_sub(output).min(len) }
            };
            let copies_from = outputs.end.min(outputs.start + (end_of_sums - outputs.start).next_multiple_of(self.width as u32));
            additions.extend((outputs.start..copies_from).step_by(RUN).map(|output| run(output, copies_from)));
            copies.extend((copies_from..outputs.end).step_by(RUN).map(|output| run(output, outputs.end)));
        }
    }

    /// The rows that are written in a range of outputs, and which outputs.
    fn rows(&self, range: Range<usize>) -> impl Iterator<Item = (usize, Range<u32>)> + '_ {
        let (start, end) = (range.start as u32, range.end as u32);
        let row = self.out_firsts.partition_point(|&first| first <= start).saturating_sub(1);
        let rows = self.out_firsts.iter().zip(&self.out_counts).enumerate().skip(row).take_while(move |(_, (first, _))| **first < end);
        let rows = rows.map(move |(row, (first, count))| (row, start.max(*first)..end.min(first + count)));
        rows.filter(|(_, outputs)| !outputs.is_empty())
    }

    fn count(&self, row: usize) -> u32 {
        self.counts.get(row).copied().unwrap_or(0)
    }
}

/// The rows of the next round: of every second row, and of the first without what is finished.
fn next(counts: &[u32]) -> Vec<u32> {
    let first = counts.get(1).copied().filter(|&count| count > 0);
    first.into_iter().chain(counts.iter().copied().step_by(2).skip(1).filter(|_| first.is_some())).collect()
}
