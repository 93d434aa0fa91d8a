//! Groups of columns, a file each: their columns by name, gates with identity and soundness argument, fixed values, and how cells are
//! filled.
//!
//! ```text
//! units      requantised values, evaluated in blocks            operands   beside units: what an element-wise operation reads
//! gather     windows of a maximum, or a tensor in another order
//! weights    blocks of weights and sums of products             roots      beside them: factors of normalised rows
//! lookups    tables, limbs, multiplicities, LogUp
//! ```
//!
//! Groups have rows of their own, but for operands and roots, which share those of units and weights, and lookups, which read every row. A circuit has the
//! groups that its operations ask for. Each names columns for three parts: what is committed before the challenges, what follows from
//! it, and what is fixed.

pub mod gather;
pub mod lookups;
pub mod operands;
pub mod roots;
pub mod units;
pub mod weights;

mod evaluation;

use crate::column::IntColumn;
use crate::layout::arrange::Arrangement;
use crate::number::fit;
use crate::shape::{Place, Shape};
pub use gather::Gather;
pub use lookups::Lookups;
pub use operands::Operands;
pub use roots::Roots;
pub use units::Units;
pub use weights::Weights;

/// The columns of a circuit, by group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Requantised values.
    pub units: Units,
    /// Beside units.
    pub operands: Option<Operands>,
    /// Moved values.
    pub gather: Option<Gather>,
    /// Weights and sums of products.
    pub weights: Weights,
    /// Beside the sums of products.
    pub roots: Option<Roots>,
    /// Look-ups.
    pub lookups: Lookups,
    /// The fixed column of constants that copies name.
    pub constants: Option<usize>,
    /// Number of advice columns of the first phase, which come first.
    pub num_first_phase: usize,
    /// Number of advice columns.
    pub num_advice: usize,
    /// Number of fixed columns.
    pub num_fixed: usize,
}

/// Counts columns.
pub(crate) struct Counter(usize);

impl Counter {
    pub(crate) fn one(&mut self) -> usize {
        self.0 += 1;
        self.0 - 1
    }

    pub(crate) fn many(&mut self, count: usize) -> Vec<usize> {
        (0..count).map(|_| self.one()).collect()
    }

    pub(crate) fn when(&mut self, present: bool) -> Option<usize> {
        present.then(|| self.one())
    }

    pub(crate) fn many_when(&mut self, present: bool, count: usize) -> Vec<usize> {
        self.many(if present { count } else { 0 })
    }
}

impl Columns {
    /// The columns of a shape, in the order that keys have them.
    pub(crate) fn new(shape: &Shape) -> Self {
        let mut this = Self {
            operands: shape.elementwise.then(Operands::default),
            gather: shape.gather.then(Gather::default),
            roots: shape.roots.then(Roots::default),
            ..Self::default()
        };
        let mut c = Counter(0);
        this.units.first_phase(&mut c, shape);
        this.operands.iter_mut().for_each(|group| group.first_phase(&mut c, shape));
        this.gather.iter_mut().for_each(|group| group.first_phase(&mut c));
        this.lookups.first_phase(&mut c, shape);
        this.num_first_phase = c.0;
        this.weights.second_phase(&mut c, shape);
        this.units.second_phase(&mut c, shape);
        this.gather.iter_mut().for_each(|group| group.second_phase(&mut c));
        this.lookups.second_phase(&mut c, shape);
        this.num_advice = c.0;
        let mut c = Counter(0);
        this.weights.lanes = c.many(shape.weight_lanes);
        this.lookups.fixed(&mut c, shape);
        this.units.fixed(&mut c, shape);
        this.weights.fixed(&mut c, shape);
        this.gather.iter_mut().for_each(|group| group.fixed(&mut c, shape));
        this.operands.iter_mut().for_each(|group| group.fixed(&mut c, shape));
        this.roots.iter_mut().for_each(|group| group.fixed(&mut c));
        this.units.tag = c.when(shape.tables);
        this.constants = c.when(shape.constants);
        this.num_fixed = c.0;
        this
    }

    /// The column of a lane; a lane of a group that the circuit has not has none.
    pub(crate) fn place(&self, lane: Lane) -> Option<Place> {
        let advice = |column: usize| Place::Advice(fit(column));
        match lane {
            Lane::Units(lane) => self.units.column(lane).map(advice),
            Lane::Operands(lane) => self.operands.as_ref()?.column(lane).map(advice),
            Lane::Gather(lane) => self.gather.as_ref()?.column(lane).map(advice),
            Lane::Weights(lane) => self.weights.column(lane).map(advice),
            Lane::Constant => self.constants.map(|column| Place::Fixed(fit(column))),
            Lane::Instance => Some(Place::Instance),
        }
    }

    /// What is range-checked: sums of advice columns with their factors.
    pub(crate) fn ranges(&self) -> Vec<Vec<(usize, i64)>> {
        self.units.ranges().into_iter().chain(self.gather.iter().flat_map(Gather::ranges)).collect()
    }

    /// Advice columns that copies of the first phase fill.
    pub(crate) fn copied(&self) -> impl Iterator<Item = usize> + '_ {
        let operands = self.operands.iter().flat_map(|group| group.first.iter().chain(&group.second).copied());
        operands.chain(self.gather.iter().flat_map(|group| group.values.iter().copied().chain([group.max])))
    }
}

/// A column by group and role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    Units(units::Lane),
    Operands(operands::Lane),
    Gather(gather::Lane),
    Weights(weights::Lane),
    Constant,
    Instance,
}

/// Where groups put their fixed values.
pub(crate) struct FixedValues<'a> {
    pub(crate) arrangement: &'a Arrangement<'a>,
    pub(crate) usable: usize,
    pub(crate) table_bits: u32,
    out: Vec<IntColumn>,
}

impl<'a> FixedValues<'a> {
    /// The fixed columns of a placed arrangement.
    pub(crate) fn columns(
        arrangement: &'a Arrangement<'a>,
        columns: &Columns,
        group: &mut weights::WeightGroup,
        usable: usize,
        table_bits: u32,
    ) -> Vec<IntColumn> {
        let mut this = Self { arrangement, usable, table_bits, out: vec![IntColumn::I8(Vec::new()); columns.num_fixed] };
        columns.weights.fill_fixed(&mut this, group);
        columns.roots.iter().for_each(|roots| roots.fill_fixed(&mut this, group));
        columns.lookups.fill_fixed(&mut this);
        columns.units.fill_fixed(&mut this);
        columns.operands.iter().for_each(|operands| operands.fill_fixed(&mut this));
        columns.gather.iter().for_each(|gather| gather.fill_fixed(&mut this));
        if let Some(column) = columns.constants {
            // Zeros at the end are constants too.
            this.out[column] = IntColumn::from(arrangement.constants.as_slice());
        }
        this.out
    }

    /// Fills a column, if there is one.
    fn set(&mut self, column: Option<usize>, values: impl FnOnce() -> Vec<i64>) {
        if let Some(column) = column {
            self.out[column] = IntColumn::new(&values());
        }
    }
}
