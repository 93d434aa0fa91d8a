//! The shape of a circuit: everything that decides its constraint system. Where each column stands, [`crate::groups`] say.

use serde::{Deserialize, Serialize};

use crate::groups::Columns;
use crate::number::index;

/// Lanes of the gather group: the most elements that one row of a maximum compares.
pub const GATHER_LANES: usize = 4;
/// Lookups of degree 1 that share one helper column: `on · h · e · e · e` has degree 5.
pub const LOOKUPS_PER_HELPER: usize = 3;
/// Degree of the constraint system.
pub const DEGREE: usize = 5;
/// Index of the challenge that shifts LogUp's denominators; see [`crate::Challenges`].
pub const LAMBDA: usize = 3;

/// What decides the constraint system. Two circuits of one shape differ in fixed values, copies and size only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Bits of a range check, and shift of every requantisation.
    pub bits: u32,
    /// Limbs of a range check: 1 or 2. The range table has `bits / limbs` bits.
    pub limbs: u32,
    /// Units in a row.
    pub lanes: usize,
    /// Weights in a row.
    pub weight_lanes: usize,
    /// Some tensors are laid out as images: evaluation columns `x` and `d` exist.
    pub grids: bool,
    /// Some images are summed: the evaluation at 1 exists.
    pub sums: bool,
    /// The gather group exists.
    pub gather: bool,
    /// Function tables exist.
    pub tables: bool,
    /// Operand lanes of element-wise operations exist.
    pub elementwise: bool,
    /// A column of constants exists.
    pub constants: bool,
    /// Products of two cells are summed.
    pub pairs: bool,
    /// Rows are normalised: squares are summed, and factors of rows checked.
    pub roots: bool,
    /// Some blocks of images are evaluated in the channel challenge.
    pub channel_blocks: bool,
    /// Some evaluations begin within a block of accumulators.
    pub split_blocks: bool,
    /// Some blocks of accumulators are combined in the position challenge.
    pub position_steps: bool,
    /// Some tables have a second function.
    pub second_tables: bool,
    /// Exponents of the position challenge by which the sum of products may be multiplied.
    pub jumps: Vec<u32>,
    /// Columns under copy constraints.
    pub copied: Vec<Place>,
}

/// A column of the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// Advice column by index.
    Advice(u16),
    /// Fixed column by index.
    Fixed(u16),
    /// The instance column.
    Instance,
}

/// A cell of the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// Its column.
    pub place: Place,
    /// Its row.
    pub row: u32,
}

impl Shape {
    /// Range checks in a row that are not paired with a table lookup.
    pub(crate) fn num_ranges(&self) -> usize {
        let units = if self.tables { self.lanes } else { 2 * self.lanes };
        units + if self.gather { GATHER_LANES } else { 0 }
    }

    /// Lookups of degree 1 in a row that are not paired with a table lookup.
    pub fn num_range_lookups(&self) -> usize {
        self.num_ranges() * index(self.limbs)
    }

    /// All lookups in a row.
    pub fn num_lookups(&self) -> usize {
        self.num_range_lookups() + if self.tables { 2 * self.lanes } else { 0 }
    }

    /// Bits of the range table.
    pub fn table_bits(&self) -> u32 {
        self.bits / self.limbs.max(1)
    }

    /// What is range-checked: sums of advice columns with their factors.
    pub fn ranges(&self) -> Vec<Vec<(usize, i64)>> {
        self.columns().ranges()
    }

    /// What is looked up in the range table: the ranges, or their limbs `range − 2^t·high` and `high`.
    pub fn range_lookups(&self) -> Vec<Vec<(usize, i64)>> {
        let columns = self.columns();
        let ranges = columns.ranges();
        if self.limbs < 2 {
            return ranges;
        }
        let high = &columns.lookups.high;
        let low = ranges.into_iter().zip(high).map(|(mut range, &high)| {
            range.push((high, -(1 << self.table_bits())));
            range
        });
        low.chain(high.iter().map(|&high| vec![(high, 1)])).collect()
    }

    /// The columns.
    pub fn columns(&self) -> Columns {
        Columns::new(self)
    }
}
