//! Layout: a graph placed in columns and rows, with everything that is fixed. It decides the keys.
//!
//! ```text
//! QuantGraph -> Arrangement (tensors in lanes and rows) -> WeightGroup (blocks of weights) -> Layout (columns)
//! ```
//!
//! [`Layout::with_profile`] tries numbers of lanes, rows and packs and takes the cheapest by [`cost`], for a [`LayoutProfile`].

pub(crate) mod arrange;
mod blocks;
pub mod bounds;
pub mod cost;
pub(crate) mod demand;
mod gather;
pub(crate) mod identity;
pub mod packing;
pub(crate) mod room;
pub(crate) mod rows;
mod summary;

pub(crate) use arrange::{FlatConvolution, FlatTerm, Kind, Step, UnitStep};
pub(crate) use demand::NONE;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::column::IntColumn;
use crate::error::LayoutError;
use crate::graph::{NodeId, QuantGraph, Table};
use crate::groups::weights::{Jumps, WeightGroup, WeightRow};
use crate::groups::{FixedValues, Lane};
use crate::memory::Budget;
use crate::number::fit;
use crate::shape::{Cell, Place, Shape};
use arrange::Arrangement;
use cost::Estimate;
use identity::Block;
use packing::{Packing, PublicNode};
use room::Room;
use rows::{Base, Site};

/// Rows at the end of every column that hold blinding values: halo2's blinding factors and one more.
pub const UNUSABLE_ROWS: usize = 6;
/// The largest circuit that is laid out: 2^24 rows.
pub const MAX_LOG_ROWS: u32 = 24;
/// The largest reference string: the field has roots of unity of order 2^28.
const MAX_LOG_POWERS: u32 = 28;
/// The most weights in a row.
const MAX_WEIGHT_LANES: usize = 1024;
/// Units in fewer rows than this are not spread over more lanes.
const MIN_UNIT_ROWS: usize = 64;
/// Packs into which the largest group of columns is cut where verification is to be cheap.
const PARTS: [usize; 4] = [1, 2, 4, 8];
/// Packs that are tried where proving is to be fast.
const PACKS: [usize; 10] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16];
/// Gas that a second of proving is worth where it is to be fast, and where verification is to be cheap.
const GAS_PER_SECOND: [f64; 2] = [6.7e6, 10e3];
/// The most points of a basis for packs of values on rows: a longer one takes a reference string of a ceremony too long to make.
const MAX_ROW_BASIS: usize = 1 << 17;
/// The most polynomials of a commitment.
const MAX_PACK: usize = 256;
/// Bytes that a power takes in the expressions of gates, for each factor.
const POWER_BYTES: u64 = 256;
/// Lanes that are tried.
const LANES: [usize; 14] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48];

/// Which tensors the verifier sees, and how. Encoded as one byte: bit 0 for `input`, bit 1 for `pack_public`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub struct Visibility {
    /// Inputs are public; outputs always are.
    pub input: bool,
    /// Public tensors are packed: as many elements in a public value as it holds.
    pub pack_public: bool,
}

impl From<Visibility> for u8 {
    fn from(visibility: Visibility) -> Self {
        Self::from(visibility.input) | Self::from(visibility.pack_public) << 1
    }
}

impl TryFrom<u8> for Visibility {
    type Error = &'static str;

    fn try_from(bits: u8) -> Result<Self, Self::Error> {
        match bits {
            0..4 => Ok(Self { input: bits & 1 == 1, pack_public: bits & 2 == 2 }),
            _ => Err("a visibility has two bits"),
        }
    }
}

impl Visibility {
    /// The public tensors in the order of the instance: inputs, if they are public, then outputs.
    ///
    /// # Panics
    /// On a graph that [`bounds::check`] refuses.
    pub fn tensors(self, graph: &QuantGraph) -> Vec<PublicNode> {
        let inputs = if self.input { graph.inputs.as_slice() } else { &[] };
        let ranges = if self.pack_public { bounds::ranges(graph) } else { Vec::new() };
        let packing = |node: NodeId| ranges.get(node.0).map(|&range| Packing::new(range));
        let tensor = |&node: &NodeId| PublicNode { node, elements: graph.node(node).elements(), packing: packing(node) };
        inputs.iter().chain(graph.outputs.iter().map(|output| &output.node)).map(tensor).collect()
    }
}

/// What a layout is to be cheap for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayoutProfile {
    /// Proving, and then verification: a few columns share a commitment where that costs little time.
    #[default]
    Fast,
    /// Proving alone. Every column has a commitment of its own, and proofs are those of halo2.
    Plain,
    /// Verification on chain, and the size of proofs: fewer, longer columns, many of them in one commitment.
    Onchain,
}

/// The numbers that decide a layout of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// log₂ of the rows.
    pub log_rows: u32,
    /// Units in a row.
    pub lanes: usize,
    /// Weights in a row.
    pub weight_lanes: usize,
    /// Limbs of a range check.
    pub limbs: u32,
    /// The most polynomials of a commitment: 1, or those of a pack.
    pub pack: usize,
}

/// A graph in columns and rows.
#[derive(Debug)]
pub struct Layout {
    /// The columns.
    pub shape: Shape,
    /// log₂ of the number of rows.
    pub log_rows: u32,
    /// The most polynomials of a commitment: 1, or those of a pack.
    pub pack: usize,
    /// The fixed columns, as [`Shape::columns`] numbers them.
    pub fixed: Vec<Arc<IntColumn>>,
    /// Pairs of cells that are equal.
    pub copies: Vec<(Cell, Cell)>,
    /// Number of instance values.
    pub num_instances: usize,
    /// The public tensors in the order of the instance.
    pub public: Vec<PublicNode>,
    /// Sizes and costs.
    pub estimate: Estimate,
    pub(crate) steps: Vec<Step>,
    /// Copies that a step of the witness performs, source and target.
    pub(crate) step_copies: Vec<(Cell, Cell)>,
    pub(crate) constants: Vec<i32>,
}

impl Layout {
    /// Lays a graph out at the smallest estimated proving time, as [`LayoutProfile::Plain`] asks.
    ///
    /// # Errors
    /// A graph that is not well formed, whose sums could overflow, or that needs more than 2^24 rows.
    pub fn new(graph: &QuantGraph, visibility: Visibility) -> Result<Self, LayoutError> {
        Self::with_profile(graph, visibility, LayoutProfile::Plain)
    }

    /// Lays a graph out as the profile asks.
    ///
    /// # Errors
    /// As [`Layout::new`].
    pub fn with_profile(graph: &QuantGraph, visibility: Visibility, profile: LayoutProfile) -> Result<Self, LayoutError> {
        Self::within(graph, visibility, profile, Budget::SYSTEM)
    }

    /// As [`Layout::with_profile`], in no more memory than this.
    ///
    /// # Errors
    /// As [`Layout::new`], or it takes more memory.
    pub fn within(graph: &QuantGraph, visibility: Visibility, profile: LayoutProfile, budget: Budget) -> Result<Self, LayoutError> {
        bounds::check(graph)?;
        let public = visibility.tensors(graph);
        let room = Room::new(budget);
        let mut best: Option<(Estimate, usize)> = None;
        let mut refusal = LayoutError::TooLarge { max: MAX_LOG_ROWS };
        for lanes in LANES {
            let arrangement = match Arrangement::new(graph, lanes, &public, room.clone()) {
                Ok(arrangement) => arrangement,
                // In more lanes there are fewer rows.
                Err(error) => {
                    refusal = error;
                    continue;
                }
            };
            let jumps = Jumps::new(&arrangement.identities);
            for &limbs in allowed_limbs(graph) {
                for estimate in cost::candidates(&arrangement, &jumps, limbs, profile) {
                    if best.as_ref().is_none_or(|(b, _)| profile.cost(&estimate) < profile.cost(b)) {
                        best = Some((estimate, lanes));
                    }
                }
            }
            // More lanes than rows need only add columns.
            if arrangement.units.len() < MIN_UNIT_ROWS {
                break;
            }
        }
        let (estimate, lanes) = best.ok_or(refusal)?;
        let arrangement = Arrangement::new(graph, lanes, &public, room)?;
        Self::place(arrangement, estimate, public)
    }

    /// Lays a graph out as an earlier [`Layout::new`] did.
    ///
    /// # Errors
    /// A graph that is not well formed, or a choice that does not hold it.
    pub fn restore(graph: &QuantGraph, visibility: Visibility, choice: Choice) -> Result<Self, LayoutError> {
        Self::restore_within(graph, visibility, choice, Budget::SYSTEM)
    }

    /// As [`Layout::restore`], in no more memory than this.
    ///
    /// # Errors
    /// As [`Layout::restore`], or it takes more memory.
    pub fn restore_within(graph: &QuantGraph, visibility: Visibility, choice: Choice, budget: Budget) -> Result<Self, LayoutError> {
        bounds::check(graph)?;
        let public = visibility.tensors(graph);
        if !LANES.contains(&choice.lanes)
            || !(1..=MAX_WEIGHT_LANES).contains(&choice.weight_lanes)
            || !choice.is_sized()
            || !allowed_limbs(graph).contains(&choice.limbs)
        {
            return Err(LayoutError::Choice);
        }
        let arrangement = Arrangement::new(graph, choice.lanes, &public, Room::new(budget))?;
        let jumps = Jumps::new(&arrangement.identities);
        if !cost::is_candidate(&arrangement, &jumps, &choice) {
            return Err(LayoutError::Choice);
        }
        let estimate = cost::estimate(&arrangement, &jumps, choice).ok_or(LayoutError::Choice)?;
        Self::place(arrangement, estimate, public)
    }

    /// The numbers from which [`Layout::restore`] makes this layout again.
    pub fn choice(&self) -> Choice {
        let Shape { lanes, weight_lanes, limbs, .. } = self.shape;
        Choice { log_rows: self.log_rows, lanes, weight_lanes, limbs, pack: self.pack }
    }

    /// Number of usable rows.
    pub fn usable_rows(&self) -> usize {
        (1 << self.log_rows) - UNUSABLE_ROWS
    }

    /// The rows of a node's units, if it has units.
    pub fn unit_rows(&self, node: NodeId) -> Option<std::ops::Range<usize>> {
        self.steps.iter().find_map(|step| match step {
            Step::Units(units) if units.node == node && units.part == 0 => {
                Some(units.row0..units.row0 + units.slots.elements.len() / self.shape.lanes)
            }
            _ => None,
        })
    }

    /// Rows of units whose values no accumulator makes: inputs, and what operations have beside their tensors.
    pub fn value_rows(&self) -> Vec<std::ops::Range<usize>> {
        let given = |step: &&UnitStep| matches!(step.kind, Kind::Signed | Kind::Positive);
        let rows = |step: &UnitStep| step.row0..step.row0 + step.slots.elements.len() / self.shape.lanes;
        self.steps.iter().filter_map(Step::units).filter(given).map(rows).collect()
    }

    fn place(arrangement: Arrangement<'_>, estimate: Estimate, public: Vec<PublicNode>) -> Result<Self, LayoutError> {
        let jumps = Jumps::new(&arrangement.identities);
        arrangement.room.has_bytes(placed_bytes(&estimate, &jumps), "the layout of the model")?;
        let mut group = WeightGroup::new(&arrangement, &jumps, estimate.weight_lanes);
        let mut shape = shape(&arrangement, &jumps, estimate.weight_lanes, estimate.limbs);
        let columns = shape.columns();
        let cell = |site: Site| columns.place(site.lane).map(|place| Cell { place, row: site.row });
        let pair = |&(from, to): &(Site, Site)| cell(from).zip(cell(to)).ok_or(LayoutError::Choice);
        let step_copies: Vec<(Cell, Cell)> =
            arrangement.copies.iter().filter(|c| c.1.lane != Lane::Instance).map(pair).collect::<Result<_, _>>()?;
        let copies: Vec<(Cell, Cell)> = arrangement.copies.iter().chain(&group.copies).map(pair).collect::<Result<_, _>>()?;
        let mut copied: Vec<Place> = copies.iter().flat_map(|(a, b)| [a.place, b.place]).collect();
        copied.sort_unstable();
        copied.dedup();
        shape.copied = copied;
        let usable = (1usize << estimate.log_rows) - UNUSABLE_ROWS;
        let fixed = FixedValues::columns(&arrangement, &columns, &mut group, usable, shape.table_bits());
        Ok(Self {
            log_rows: estimate.log_rows,
            pack: estimate.pack,
            fixed: fixed.into_iter().map(Arc::new).collect(),
            copies,
            num_instances: arrangement.num_instances,
            public,
            steps: arrangement.steps,
            step_copies,
            constants: arrangement.constants,
            shape,
            estimate,
        })
    }
}

impl Choice {
    /// Whether there are circuits and reference strings of this size.
    pub fn is_sized(&self) -> bool {
        (4..=MAX_LOG_ROWS).contains(&self.log_rows) && (1..=MAX_PACK).contains(&self.pack) && self.log_powers() <= MAX_LOG_POWERS
    }

    /// log₂ of the powers that a reference string must have: `pack` for each row, and as many as make it a power of two.
    ///
    /// # Panics
    /// May, or answers nonsense, if not [`Choice::is_sized`].
    pub fn log_powers(&self) -> u32 {
        self.log_rows + self.pack.next_power_of_two().ilog2()
    }

    /// Whether columns are committed by their values on rows, so that integers stay small, and not by coefficients.
    pub fn has_row_basis(&self) -> bool {
        self.pack == 1 || self.pack << self.log_rows <= MAX_ROW_BASIS
    }
}

impl LayoutProfile {
    /// What it wants small: seconds, or gas and what seconds are worth of it.
    pub fn cost(self, estimate: &Estimate) -> f64 {
        let [fast, onchain] = GAS_PER_SECOND;
        match self {
            Self::Fast => estimate.gas + fast * estimate.prove_seconds,
            Self::Plain => estimate.prove_seconds,
            Self::Onchain => estimate.gas + onchain * estimate.prove_seconds,
        }
    }

    /// Sizes of packs to try for a key of so many columns, the largest group.
    fn packs(self, columns: usize) -> Vec<usize> {
        match self {
            Self::Fast => PACKS.to_vec(),
            Self::Plain => vec![1],
            Self::Onchain => PARTS.iter().map(|parts| columns.div_ceil(*parts).clamp(2, MAX_PACK)).collect(),
        }
    }
}

/// The shape of an arrangement, without its copied columns.
fn shape(arrangement: &Arrangement<'_>, jumps: &Jumps, weight_lanes: usize, limbs: u32) -> Shape {
    let graph = arrangement.graph;
    Shape {
        bits: graph.bits,
        limbs,
        lanes: arrangement.lanes,
        weight_lanes,
        grids: arrangement.grids,
        sums: arrangement.has_base(Base::One),
        gather: !arrangement.gather.is_empty(),
        tables: has_tables(graph),
        elementwise: !arrangement.lane_factors.is_empty(),
        constants: !arrangement.constants.is_empty(),
        pairs: arrangement.identities.iter().flat_map(|i| &i.products).any(|p| matches!(p.block, Block::Pair { .. })),
        roots: !arrangement.roots.is_empty(),
        channel_blocks: arrangement.has_base(Base::Channel),
        split_blocks: arrangement.split_blocks,
        position_steps: arrangement.position_steps,
        second_tables: tables(graph).iter().any(|table| !table.second.is_empty()),
        jumps: jumps.0.clone(),
        copied: Vec::new(),
    }
}

fn has_tables(graph: &QuantGraph) -> bool {
    graph.nodes.iter().any(|n| n.op.operation().table().is_some())
}

/// The function tables of the circuit: none if no node uses one, because without tags they would lengthen the range table.
pub(crate) fn tables(graph: &QuantGraph) -> &[Table] {
    if has_tables(graph) {
        &graph.tables
    } else {
        &[]
    }
}

/// Limbs that range checks may have: two limbs are of equal width, and function tables are as long as the range anyway.
pub(crate) fn allowed_limbs(graph: &QuantGraph) -> &'static [u32] {
    if graph.bits.is_multiple_of(2) && !has_tables(graph) {
        &[1, 2]
    } else {
        &[1]
    }
}

/// Rows of the lookup table.
pub(crate) fn table_rows(graph: &QuantGraph, limbs: u32) -> usize {
    (1 << (graph.bits / limbs)) + tables(graph).iter().map(|t| t.values.len()).sum::<usize>()
}

/// Bytes of the fixed columns and of what they are made from, and of the gates: an expression of a power has as many nodes.
fn placed_bytes(e: &Estimate, jumps: &Jumps) -> u64 {
    let rows = 1u64 << e.log_rows;
    // Values of 64 bits become columns one by one, or lane by lane at the same time.
    let values = 8 * fit::<_, u64>(e.unit_rows.max(e.gather_rows).max(e.weight_rows) * (1 + rayon::current_num_threads()));
    let units = fit::<_, u64>(e.unit_rows) * fit::<_, u64>(e.fixed_columns - e.weight_lanes);
    let weights = fit::<_, u64>(e.weight_rows) * (4 * fit::<_, u64>(e.weight_lanes) + fit::<_, u64>(size_of::<WeightRow>()));
    let table = 48 * fit::<_, u64>(e.table_rows);
    let powers = POWER_BYTES * jumps.0.iter().copied().map(u64::from).sum::<u64>();
    powers + 3 * rows + values + 2 * units + weights + table + 3 * fit::<_, u64>(size_of::<(Site, Site)>() * e.copies)
}
