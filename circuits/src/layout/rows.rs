//! Cells before columns have indices, and where the elements of tensors stand.

use crate::groups::{gather, units, Lane};
use crate::layout::demand::{Spacing, NONE};
use crate::number::fit;

/// A cell by role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Site {
    pub(crate) lane: Lane,
    pub(crate) row: u32,
}

/// What a block of elements is evaluated in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// The position challenge.
    Position,
    /// The channel challenge.
    Channel,
    /// 1: a sum.
    One,
}

/// Where the value of a tensor element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Cell(Site),
    Constant(i32),
}

impl Origin {
    /// The cell, if it is in one.
    pub(crate) fn site(self) -> Option<Site> {
        match self {
            Self::Cell(site) => Some(site),
            Self::Constant(_) => None,
        }
    }
}

/// Where an element of a tensor stands in a group: `slots[b·block_rows·lanes + σ]` is the element in slot σ of block `b`.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    pub(crate) block_rows: usize,
    pub(crate) elements: Vec<u32>,
}

impl Slots {
    /// Elements in order, in one block, with zeros behind them.
    pub(crate) fn natural(elements: usize, lanes: usize) -> Self {
        let rows = elements.div_ceil(lanes).max(1);
        let mut slots: Vec<u32> = (0..fit(elements)).collect();
        slots.resize(rows * lanes, NONE);
        Self { block_rows: rows, elements: slots }
    }

    /// Elements in order, in one block, with zeros before them.
    pub(crate) fn vector(elements: usize, lanes: usize) -> Self {
        let rows = elements.div_ceil(lanes).max(1);
        let mut slots = vec![NONE; rows * lanes - elements];
        slots.extend(0..fit::<_, u32>(elements));
        Self { block_rows: rows, elements: slots }
    }

    /// A grid: blocks of `block_rows` rows, element `(n, h, w)` at `offset + slot(n, h, w)`.
    pub(crate) fn grid(dims: [usize; 4], elements: &[u32], spacing: Spacing, offset: usize, block_rows: usize, lanes: usize) -> Self {
        let size = block_rows * lanes;
        let mut slots = vec![NONE; dims[0] * size];
        let mut next = elements.iter();
        for c in 0..dims[0] {
            for n in 0..dims[1] {
                for h in 0..dims[2] {
                    for w in 0..dims[3] {
                        slots[c * size + offset + spacing.slot(n, h, w)] = *next.next().unwrap_or(&NONE);
                    }
                }
            }
        }
        Self { block_rows, elements: slots }
    }
}

/// A tensor that lies as a grid and can be evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// The column of its evaluations: `X` of the units, `X` or `XMax` of the gather group.
    pub(crate) column: Lane,
    pub(crate) lanes: usize,
    pub(crate) row0: usize,
    pub(crate) block_rows: usize,
    pub(crate) dims: [usize; 4],
    pub(crate) spacing: Spacing,
    pub(crate) offset: usize,
    /// Elements that are not zeros of the form, by channel.
    pub(crate) num_elements: Vec<u32>,
    /// What each channel is evaluated in, if in anything yet.
    pub(crate) bases: Vec<Option<Base>>,
    /// The cell lanes hold table outputs.
    pub(crate) table: bool,
}

impl Form {
    /// Slot of the last element, relative to the first.
    fn last(&self) -> usize {
        self.spacing.slot(self.dims[1] - 1, self.dims[2] - 1, self.dims[3] - 1)
    }

    /// The row of a block in which its evaluation is read.
    fn end_row(&self) -> usize {
        (self.offset + self.last()) / self.lanes
    }

    /// `E − offset`: the exponent of the first element.
    pub(crate) fn tail(&self) -> usize {
        (self.end_row() + 1) * self.lanes - 1 - self.offset
    }

    /// The evaluation of a channel.
    pub(crate) fn evaluation(&self, channel: usize) -> Site {
        Site { lane: self.column, row: fit(self.row0 + channel * self.block_rows + self.end_row()) }
    }

    /// Whether every channel can be evaluated in a base.
    pub(crate) fn allows(&self, base: Base) -> bool {
        self.bases.iter().all(|other| other.is_none_or(|other| other == base))
    }

    /// The rows of a channel.
    pub(crate) fn rows(&self, channel: usize) -> std::ops::Range<usize> {
        self.row0 + channel * self.block_rows..self.row0 + (channel + 1) * self.block_rows
    }

    /// The cell of an element.
    pub(crate) fn site(&self, channel: usize, n: usize, h: usize, w: usize) -> Site {
        let slot = self.offset + self.spacing.slot(n, h, w);
        let row = fit(self.row0 + channel * self.block_rows + slot / self.lanes);
        let j = fit(slot % self.lanes);
        let lane = match self.column {
            Lane::Gather(gather::Lane::X) => Lane::Gather(gather::Lane::Value(j)),
            Lane::Gather(_) => Lane::Gather(gather::Lane::Max),
            _ if self.table => Lane::Units(units::Lane::Output(j)),
            _ => Lane::Units(units::Lane::Value(j)),
        };
        Site { lane, row }
    }
}
