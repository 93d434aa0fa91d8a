//! The cost model: what a layout costs to prove, before it is placed.
//!
//! ```text
//! seconds     = ADDITION · commitments · additions(n) + SMALL · n · integers + (TRANSFORM · log₂ n + GATES) · n · polynomials
//!               + WEIGHT · n · weights + CONSTANT                                                       n = rows
//! commitments = second phase + ⌈permuted / 3⌉ + 7     of field elements: products, quotient, random polynomial, openings
//! additions   = ⌈254 / c⌉ · (n + 2^c),  c = ⌈ln n⌉    Pippenger's algorithm with windows of c bits
//! integers    = columns of the first phase            committed as small integers
//! polynomials = advice + fixed − weights + permuted + ⌈permuted / 3⌉                 on cosets: transforms and gates
//! weights     = lanes of weights                      read as small integers, in combinations and inner products
//! bytes       = 32 · n · (2 · polynomials + commitments) + 4 · n · weights + 64 · (2n + n), or 64 · (t·n + 2^k) packed
//!
//! packed by t: commitments = second phase + products + limbs + 2t     (openings have t·n terms), and with a basis of powers
//!              columns of the first phase, none as small integers
//!              additions   = ⌈254 / c⌉ · (t·n + 2^c)/t,  c = ⌈ln t·n⌉
//! gas         = VERIFY_GAS + COMMITMENT_GAS · points of the proof and the key + VALUE_GAS · values + INSTANCE_GAS · public values
//! ```
//!
//! The constants are fitted to measurements on two cores (Intel Xeon, 2.6 GHz, AVX-512 IFMA); `cargo bench -p sworn-benches --bench
//! cost` prints estimate and measurement side by side. They decide between layouts, where only ratios matter, and are printed by
//! `sworn inspect`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::groups::weights::{self, Jumps};
use crate::groups::Lane;
use crate::layout::arrange::{Arrangement, Step};
use crate::layout::{shape, table_rows, Choice, LayoutProfile, MAX_LOG_ROWS, MAX_WEIGHT_LANES, UNUSABLE_ROWS};
use crate::number::{index, real};
use crate::shape::{Shape, DEGREE, GATHER_LANES};

/// Seconds of an addition of points.
pub(crate) const ADDITION: f64 = 2.8e-8;
/// Seconds of a row of a committed column of integers.
pub(crate) const SMALL: f64 = 2.2e-8;
/// Seconds of a row of a polynomial on cosets, for each doubling of the rows.
pub(crate) const TRANSFORM: f64 = 8e-9;
/// Seconds of a row of a polynomial in gates, evaluations and openings.
pub(crate) const GATES: f64 = 6e-8;
/// Seconds of a weight.
pub(crate) const WEIGHT: f64 = 1.2e-8;
/// Seconds that do not depend on the size.
pub(crate) const CONSTANT: f64 = 0.01;
/// Commitments besides those of advice columns and permutation products.
const OTHER_COMMITMENTS: usize = 7;
/// Numbers of rows that are tried, from the smallest that fits.
const CANDIDATES: u32 = 4;
/// Rows of the largest reference string that a layout asks for by itself.
const MAX_POWERS: u32 = 24;
/// Gas of a verification whatever the circuit: the pairing, most of it.
const VERIFY_GAS: f64 = 150e3;
/// Gas of a commitment.
const COMMITMENT_GAS: f64 = 7.3e3;
/// Gas of an evaluation: its calldata, its share of the opening, of gates and permutation.
const VALUE_GAS: f64 = 1e3;
/// Gas of a public value.
const INSTANCE_GAS: f64 = 620.0;
/// Fixed columns that verifiers of packed proofs compute: usable rows and the last of them.
const CLOSED: usize = 2;
/// Bytes of a point.
const POINT_BYTES: f64 = 64.0;
/// Bytes of a field element.
const FIELD_BYTES: f64 = 32.0;

/// Sizes of a layout, and what proving it should cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// log₂ of the rows.
    pub log_rows: u32,
    /// Units in a row.
    pub lanes: usize,
    /// Weights in a row.
    pub weight_lanes: usize,
    /// Limbs of a range check.
    pub limbs: u32,
    /// The most polynomials of a commitment.
    pub pack: usize,
    /// Rows of units.
    pub unit_rows: usize,
    /// Rows of the gather group.
    pub gather_rows: usize,
    /// Rows of weights.
    pub weight_rows: usize,
    /// Rows of the lookup table.
    pub table_rows: usize,
    /// Public values: elements of public tensors, or runs of them where they are packed.
    pub public_values: usize,
    /// Advice columns.
    pub advice_columns: usize,
    /// Fixed columns.
    pub fixed_columns: usize,
    /// Columns under copy constraints.
    pub permuted_columns: usize,
    /// Lookups that are not padding.
    pub lookups: usize,
    /// Advice cells that are not padding.
    pub cells: usize,
    /// The same by what they are for: the operation that makes a tensor, copies of tensors and windows, or weights.
    pub cells_by_op: BTreeMap<&'static str, usize>,
    /// Copy constraints.
    pub copies: usize,
    /// Weights of the model.
    pub weights: usize,
    /// Activations of the model: elements of requantised tensors.
    pub activations: usize,
    /// Columns of integers that are committed in a proof.
    pub integer_commitments: usize,
    /// Columns of field elements that are committed in a proof, W and W' with them.
    pub commitments: usize,
    /// Additions of points for one of them.
    pub additions: f64,
    /// Polynomials that are transformed or evaluated.
    pub polynomials: usize,
    /// Estimated seconds of a proof on two cores.
    pub prove_seconds: f64,
    /// Estimated peak memory in bytes.
    pub prove_bytes: f64,
    /// Roughly the gas of a verification on chain.
    pub gas: f64,
}

/// Rows that the arrangement takes, whatever the weight lanes.
fn least_rows(arrangement: &Arrangement<'_>, limbs: u32) -> usize {
    let tensors = arrangement.units.len().max(arrangement.gather.len());
    tensors.max(table_rows(arrangement.graph, limbs)).max(arrangement.num_instances).max(arrangement.constants.len()).max(8)
}

/// Estimates for every number of rows that can hold the arrangement with a sensible number of weight lanes, and for the sizes of
/// packs that the profile tries.
pub(crate) fn candidates(arrangement: &Arrangement<'_>, jumps: &Jumps, limbs: u32, profile: LayoutProfile) -> Vec<Estimate> {
    let first = (least_rows(arrangement, limbs) + UNUSABLE_ROWS).next_power_of_two().trailing_zeros();
    (first..=MAX_LOG_ROWS)
        .filter_map(|log_rows| {
            let usable = (1usize << log_rows) - UNUSABLE_ROWS;
            let fits = |lanes: usize| weights::num_rows(arrangement, jumps, lanes) <= usable;
            // The number of rows falls with the lanes: the smallest that fits, by bisection.
            let (mut low, mut high) = (0, MAX_WEIGHT_LANES);
            if !fits(high) {
                return None;
            }
            while high - low > 1 {
                let middle = (low + high) / 2;
                *(if fits(middle) { &mut high } else { &mut low }) = middle;
            }
            let choice = Choice { log_rows, lanes: arrangement.lanes, weight_lanes: high, limbs, pack: 1 };
            let plain = estimate(arrangement, jumps, choice)?;
            let groups = Groups::new(&shape(arrangement, jumps, high, limbs), plain.permuted_columns);
            let most = MAX_POWERS.max(first + 3);
            let is_sized = |pack: &usize| *pack == 1 || Choice { pack: *pack, ..choice }.log_powers() <= most;
            let packs = profile.packs(groups.of_key).into_iter().filter(is_sized);
            Some(packs.map(|pack| plain.packed(&groups, pack)).collect::<Vec<_>>())
        })
        .take(index(CANDIDATES))
        .flatten()
        .collect()
}

/// Whether [`candidates`] may have this choice: a circuit no longer than the model calls for, and a reference string likewise.
pub(crate) fn is_candidate(arrangement: &Arrangement<'_>, jumps: &Jumps, choice: &Choice) -> bool {
    let first = (least_rows(arrangement, choice.limbs) + UNUSABLE_ROWS).next_power_of_two().trailing_zeros();
    let weights = weights::num_rows(arrangement, jumps, MAX_WEIGHT_LANES);
    let fitting = first.max((weights + UNUSABLE_ROWS).next_power_of_two().trailing_zeros());
    choice.log_rows < fitting + CANDIDATES && (choice.pack == 1 || choice.log_powers() <= MAX_POWERS.max(first + 3))
}

/// Sizes and costs of a choice, if it holds the arrangement.
pub(crate) fn estimate(arrangement: &Arrangement<'_>, jumps: &Jumps, choice: Choice) -> Option<Estimate> {
    let Choice { log_rows, weight_lanes, limbs, pack, .. } = choice;
    let graph = arrangement.graph;
    let weight_rows = weights::num_rows(arrangement, jumps, weight_lanes);
    if (1usize << log_rows) - UNUSABLE_ROWS < weight_rows.max(least_rows(arrangement, limbs)) {
        return None;
    }
    let shape = shape(arrangement, jumps, weight_lanes, limbs);
    let columns = shape.columns();
    let (advice, fixed) = (columns.num_advice, columns.num_fixed);
    let permuted = permuted_columns(arrangement);
    let cells_by_op = cells_by_op(arrangement, &shape, weight_rows);
    let activations = graph.nodes.iter().filter(|n| n.activation().is_some() || n.op.is_input()).map(|n| n.elements()).sum();
    let plain = Estimate {
        log_rows,
        lanes: arrangement.lanes,
        weight_lanes,
        pack: 1,
        unit_rows: arrangement.units.len(),
        gather_rows: arrangement.gather.len(),
        weight_rows,
        limbs,
        table_rows: table_rows(graph, limbs),
        public_values: arrangement.num_instances,
        advice_columns: advice,
        fixed_columns: fixed,
        permuted_columns: permuted,
        lookups: lookups(arrangement, &shape),
        cells: cells_by_op.values().sum(),
        cells_by_op,
        copies: copies(arrangement, weight_rows),
        weights: graph.num_weights(),
        activations,
        integer_commitments: 0,
        commitments: 0,
        additions: 0.0,
        polynomials: advice + fixed - weight_lanes + permuted + permuted.div_ceil(DEGREE - 2),
        prove_seconds: 0.0,
        prove_bytes: 0.0,
        gas: 0.0,
    };
    Some(plain.packed(&Groups::new(&shape, permuted), pack))
}

impl Estimate {
    /// The same with packs of this size, or with none.
    fn packed(&self, groups: &Groups, pack: usize) -> Self {
        let choice = Choice { log_rows: self.log_rows, lanes: self.lanes, weight_lanes: self.weight_lanes, limbs: self.limbs, pack };
        let n = f64::from(self.log_rows).exp2();
        let (integers, fields) = match pack {
            1 => (groups.first, groups.second() + groups.products + OTHER_COMMITMENTS),
            _ if choice.has_row_basis() => (groups.first, groups.second() + groups.products + DEGREE + 2 * pack),
            _ => (0, groups.first + groups.second() + groups.products + DEGREE + 2 * pack),
        };
        let terms = real(pack) * n;
        let window = terms.ln().ceil().max(3.0);
        let additions = (254.0 / window).ceil() * (terms + window.exp2()) / real(pack);
        let points = POINT_BYTES * (real(pack.max(2)) * n + f64::from(choice.log_powers()).exp2());
        Self {
            pack,
            integer_commitments: integers,
            commitments: fields,
            additions,
            prove_seconds: ADDITION * real(fields) * additions
                + SMALL * n * real(integers)
                + (TRANSFORM * n.log2() + GATES) * n * real(self.polynomials)
                + WEIGHT * n * real(self.weight_lanes)
                + CONSTANT,
            prove_bytes: FIELD_BYTES * n * real(2 * self.polynomials + fields) + 4.0 * n * real(self.weight_lanes) + points,
            gas: groups.gas(pack) + INSTANCE_GAS * real(self.public_values),
            ..self.clone()
        }
    }
}

/// Columns that may share commitments: those of a message of the proof, or of the key, that are opened at the same points.
struct Groups {
    /// Advice of the first phase.
    first: usize,
    /// Advice of the second phase that is opened once.
    second_once: usize,
    /// That which is opened twice: accumulators.
    second_twice: usize,
    /// Running products of the permutation, opened three times; packed, one that is opened twice, and partial products.
    products: usize,
    /// Fixed columns and those of the permutation, without those that verifiers of packed proofs compute.
    of_key: usize,
}

impl Groups {
    fn new(shape: &Shape, permuted: usize) -> Self {
        let columns = shape.columns();
        let second_once = columns.lookups.helpers.len() + columns.lookups.table_helpers.len();
        Self {
            first: columns.num_first_phase,
            second_once,
            second_twice: columns.num_advice - columns.num_first_phase - second_once,
            products: permuted.div_ceil(DEGREE - 2),
            of_key: columns.num_fixed + permuted - CLOSED,
        }
    }

    fn second(&self) -> usize {
        self.second_once + self.second_twice
    }

    /// Gas without that of public values.
    fn gas(&self, pack: usize) -> f64 {
        let of_key = if pack > 1 { self.of_key } else { self.of_key + CLOSED };
        // Packed, the running product has a commitment of its own.
        let (running, partial) = (self.products.min(1), self.products.saturating_sub(1));
        let groups = [self.first, self.second_once, self.second_twice, running, partial, DEGREE, of_key];
        let twice = if pack > 1 { running } else { 2 * self.products };
        let values = groups.iter().sum::<usize>() + self.second_twice + twice;
        let points = match pack {
            1 => groups.iter().sum::<usize>() + 2,
            _ => groups.iter().map(|group| group.div_ceil(pack)).sum::<usize>() + 3,
        };
        VERIFY_GAS + COMMITMENT_GAS * real(points) + VALUE_GAS * real(values)
    }
}

/// Copies of the arrangement, of the weight group, and of packed public values.
fn copies(arrangement: &Arrangement<'_>, weight_rows: usize) -> usize {
    let packing_rows = arrangement.packing_rows();
    let identities = arrangement.identities.iter().map(|i| i.products.len() + 1).sum();
    arrangement.copies.len() + (weight_rows - packing_rows).min(identities) + packing_rows + arrangement.runs.len()
}

/// Columns that copies touch: those of the arrangement, and factor, sum of products and its result or its digits.
fn permuted_columns(arrangement: &Arrangement<'_>) -> usize {
    let mut lanes: Vec<Lane> = arrangement.copies.iter().flat_map(|(a, b)| [a.lane, b.lane]).collect();
    for identity in &arrangement.identities {
        lanes.extend([Lane::Weights(weights::Lane::Dot), Lane::Weights(weights::Lane::Factor), identity.result.lane]);
        lanes.extend(identity.products.iter().filter_map(|p| match p.factor {
            crate::layout::identity::Factor::Cell(site) => Some(site.lane),
            crate::layout::identity::Factor::One => None,
        }));
    }
    for run in &arrangement.runs {
        lanes.extend([Lane::Weights(weights::Lane::Dot), Lane::Weights(weights::Lane::Factor), Lane::Instance]);
        lanes.extend(run.digits.iter().map(|site| site.lane));
    }
    lanes.sort_unstable();
    lanes.dedup();
    lanes.len()
}

/// Cells that are not padding.
fn cells_by_op(arrangement: &Arrangement<'_>, shape: &Shape, weight_rows: usize) -> BTreeMap<&'static str, usize> {
    let high = index(shape.limbs) - 1;
    let per_unit = 3 + 2 * high + usize::from(shape.tables) + 2 * usize::from(shape.elementwise);
    let evaluations = 1 + 2 * usize::from(shape.grids);
    let mut cells = BTreeMap::from([("weights", 3 * weight_rows)]);
    for step in &arrangement.steps {
        let (name, count) = match step {
            Step::Units(step) => {
                let units = step.slots.elements.len();
                (arrangement.graph.node(step.node).op.name(), units * per_unit + units / arrangement.lanes * evaluations)
            }
            Step::Gather { rows, .. } => ("copies and maxima", rows.len() * (GATHER_LANES * (1 + high) + 1 + 2)),
        };
        *cells.entry(name).or_default() += count;
    }
    cells
}

/// Lookups of cells that are not padding.
fn lookups(arrangement: &Arrangement<'_>, shape: &Shape) -> usize {
    let limbs = index(shape.limbs);
    let units = arrangement.units.len() * arrangement.lanes * (2 * limbs + usize::from(shape.tables));
    units + arrangement.gather.len() * GATHER_LANES * limbs
}
