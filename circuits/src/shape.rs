//! The shape of a circuit: everything that decides its constraint system, and where each column stands.
//!
//! ```text
//! units     U   lanes × (u, v, r)           requantised values; [f] table outputs; [e, e2] operands of element-wise ops
//! gather    G   4 × g, m                    windows of a maximum, or a tensor copied into another order
//! weights   W   fixed w, V, xc, dot         Horner accumulator over weights, its factor, the sum of products
//! lookups       t, multiplicity, h, phi     LogUp
//! ```
//!
//! The three groups have rows of their own: row 7 of the units has nothing to do with row 7 of the weights.

use serde::{Deserialize, Serialize};

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

/// Advice columns by name. Columns of the first phase come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdviceColumns {
    /// Positive part, or the value itself: one for each lane.
    pub u: Vec<usize>,
    /// Negative part, or an offset.
    pub v: Vec<usize>,
    /// Remainder.
    pub r: Vec<usize>,
    /// Table output.
    pub f: Vec<usize>,
    /// First operand.
    pub e: Vec<usize>,
    /// Second operand.
    pub e2: Vec<usize>,
    /// Gathered values.
    pub g: Vec<usize>,
    /// Maximum of the gathered values.
    pub m: Option<usize>,
    /// High limbs of range checks, in the order of [`Shape::ranges`].
    pub high: Vec<usize>,
    /// Multiplicities of the table rows.
    pub multiplicity: usize,
    /// Number of columns of the first phase.
    pub num_first_phase: usize,
    /// Weights, evaluated.
    pub weight_acc: usize,
    /// Factor of a weight block.
    pub factor: usize,
    /// Sum of products.
    pub dot: usize,
    /// Accumulators of units, evaluated.
    pub y: usize,
    /// Channels of `y`, combined.
    pub d: Option<usize>,
    /// Outputs of units, evaluated.
    pub x: Option<usize>,
    /// Gathered values, evaluated.
    pub x_gather: Option<usize>,
    /// Maxima, evaluated.
    pub x_max: Option<usize>,
    /// LogUp helpers of up to three lookups of degree 1.
    pub helpers: Vec<usize>,
    /// LogUp helpers of a table lookup.
    pub table_helpers: Vec<usize>,
    /// LogUp running sum.
    pub phi: usize,
    /// Number of columns.
    pub count: usize,
}

/// Fixed columns by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedColumns {
    /// Weights; the first columns, in one canonical order.
    pub weights: Vec<usize>,
    /// 1 on usable rows.
    pub on: usize,
    /// 1 on the last usable row.
    pub last: usize,
    /// The table's arguments.
    pub table: usize,
    /// The table's values.
    pub table_value: Option<usize>,
    /// The table's tags.
    pub table_tag: Option<usize>,
    /// 1 where the unit of a lane holds a value of a tensor in `u`.
    pub mask: Vec<usize>,
    /// 1 where the unit of a lane holds a value of a tensor in `f`.
    pub table_mask: Vec<usize>,
    /// 1 on relu rows.
    pub relu: usize,
    /// 1 on rows whose `u` is the signed value.
    pub signed: usize,
    /// Constant of a row: half, bias and offset.
    pub constant: usize,
    /// 1 where an evaluation goes on from the row before.
    pub keep: usize,
    /// 1 on rows of vectors, which are evaluated in the channel challenge.
    pub vector: Option<usize>,
    /// 1 on rows that are summed.
    pub sum: Option<usize>,
    /// `d` stays.
    pub d_hold: Option<usize>,
    /// `d` moves to the next channel.
    pub d_step: Option<usize>,
    /// A channel ends: `y` is added to `d`.
    pub d_end: Option<usize>,
    /// 1 where a weight block goes on.
    pub weight_keep: usize,
    /// 1 where a weight block ends: its product is added.
    pub product: usize,
    /// 1 where the factor is the constant 1.
    pub one: usize,
    /// Factor of the sum of products before: 1 where it stays, the radix where public values are packed.
    pub dot_hold: usize,
    /// The sum of products is multiplied by a power.
    pub dot_jumps: Vec<usize>,
    /// 1 where a gathered tensor goes on.
    pub gather_keep: Option<usize>,
    /// 1 where maxima go on.
    pub max_keep: Option<usize>,
    /// 1 on gather rows that are summed.
    pub gather_sum: Option<usize>,
    /// 1 where a lane holds a gathered value.
    pub gather_mask: Vec<usize>,
    /// 1 where `m` holds a value of a tensor.
    pub max_mask: Option<usize>,
    /// 1 on element-wise rows.
    pub elementwise: Option<usize>,
    /// Factor of the first operand, by lane.
    pub ca: Vec<usize>,
    /// Constant, by lane.
    pub cc: Vec<usize>,
    /// Factor of the second operand.
    pub cb: Option<usize>,
    /// Factor of the product.
    pub cm: Option<usize>,
    /// Tag of the row's table.
    pub tag: Option<usize>,
    /// Constants for copies.
    pub constants: Option<usize>,
    /// Number of columns.
    pub count: usize,
}

/// Counts columns.
struct Counter(usize);

impl Counter {
    fn one(&mut self) -> usize {
        self.0 += 1;
        self.0 - 1
    }

    fn many(&mut self, count: usize) -> Vec<usize> {
        (0..count).map(|_| self.one()).collect()
    }

    fn when(&mut self, present: bool) -> Option<usize> {
        present.then(|| self.one())
    }

    fn many_when(&mut self, present: bool, count: usize) -> Vec<usize> {
        self.many(if present { count } else { 0 })
    }
}

impl Shape {
    /// Range checks in a row that are not paired with a table lookup.
    fn num_ranges(&self) -> usize {
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
        let a = self.advice();
        let mut ranges: Vec<Vec<(usize, i64)>> = a.u.iter().zip(&a.v).map(|(&u, &v)| vec![(u, 1), (v, 1)]).collect();
        if !self.tables {
            ranges.extend(a.r.iter().map(|&r| vec![(r, 1)]));
        }
        ranges.extend(a.m.iter().flat_map(|&m| a.g.iter().map(move |&g| vec![(m, 1), (g, -1)])));
        ranges
    }

    /// What is looked up in the range table: the ranges, or their limbs `range − 2^t·high` and `high`.
    pub fn range_lookups(&self) -> Vec<Vec<(usize, i64)>> {
        let ranges = self.ranges();
        if self.limbs < 2 {
            return ranges;
        }
        let high = self.advice().high;
        let low = ranges.into_iter().zip(&high).map(|(mut range, &high)| {
            range.push((high, -(1 << self.table_bits())));
            range
        });
        low.chain(high.iter().map(|&high| vec![(high, 1)])).collect()
    }

    /// The advice columns.
    pub fn advice(&self) -> AdviceColumns {
        let mut c = Counter(0);
        let l = self.lanes;
        let (u, v, r) = (c.many(l), c.many(l), c.many(l));
        let f = c.many_when(self.tables, l);
        let (e, e2) = (c.many_when(self.elementwise, l), c.many_when(self.elementwise, l));
        let (g, m) = (c.many_when(self.gather, GATHER_LANES), c.when(self.gather));
        let high = c.many_when(self.limbs > 1, self.num_ranges());
        let multiplicity = c.one();
        let num_first_phase = c.0;
        let (weight_acc, factor, dot, y) = (c.one(), c.one(), c.one(), c.one());
        let (d, x) = (c.when(self.grids), c.when(self.grids));
        let (x_gather, x_max) = (c.when(self.gather), c.when(self.gather));
        let helpers = c.many(self.num_range_lookups().div_ceil(LOOKUPS_PER_HELPER));
        let table_helpers = c.many_when(self.tables, l);
        let phi = c.one();
        AdviceColumns {
            u,
            v,
            r,
            f,
            e,
            e2,
            g,
            m,
            high,
            multiplicity,
            num_first_phase,
            weight_acc,
            factor,
            dot,
            y,
            d,
            x,
            x_gather,
            x_max,
            helpers,
            table_helpers,
            phi,
            count: c.0,
        }
    }

    /// The fixed columns.
    pub fn fixed(&self) -> FixedColumns {
        let mut c = Counter(0);
        let l = self.lanes;
        FixedColumns {
            weights: c.many(self.weight_lanes),
            on: c.one(),
            last: c.one(),
            table: c.one(),
            table_value: c.when(self.tables),
            table_tag: c.when(self.tables),
            mask: c.many(l),
            table_mask: c.many_when(self.tables, l),
            relu: c.one(),
            signed: c.one(),
            constant: c.one(),
            keep: c.one(),
            vector: c.when(self.grids),
            sum: c.when(self.sums),
            d_hold: c.when(self.grids),
            d_step: c.when(self.grids),
            d_end: c.when(self.grids),
            weight_keep: c.one(),
            product: c.one(),
            one: c.one(),
            dot_hold: c.one(),
            dot_jumps: c.many(self.jumps.len()),
            gather_keep: c.when(self.gather),
            max_keep: c.when(self.gather),
            gather_sum: c.when(self.gather && self.sums),
            gather_mask: c.many_when(self.gather, GATHER_LANES),
            max_mask: c.when(self.gather),
            elementwise: c.when(self.elementwise),
            ca: c.many_when(self.elementwise, l),
            cc: c.many_when(self.elementwise, l),
            cb: c.when(self.elementwise),
            cm: c.when(self.elementwise),
            tag: c.when(self.tables),
            constants: c.when(self.constants),
            count: c.0,
        }
    }
}
