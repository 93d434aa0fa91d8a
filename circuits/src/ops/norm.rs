//! Normalisation of rows: each by one number, so that the mean of its squares is 1.
//!
//! ```text
//! N = Σ_i x[i]² + E        g = ⌊C / √N⌋        acc[i] = g·x[i]
//! ```
//!
//! The mean of squares has the factor 1/inner in `C`, the epsilon is `E`. A row that is to be centred is centred before.
//!
//! | part | cells | checked by |
//! |------|-------|------------|
//! | acc  | g·x[i] = y·2^s + rem | Σ_p b^p a^i acc = Σ_p b^p g_p X_p(a), `X_p` the evaluation of row p |
//! | g    | an integer in [0, 2^bits) for each row | its range |
//! | low  | C² − g²·N ≥ 0, in limbs of `bits` bits | [`crate::groups::roots`], their ranges |
//! | high | (g + 1)²·N − C² − 1 ≥ 0, likewise | the same |
//!
//! # Soundness
//! `x` and `g` are integers by their ranges, so `N`, an accumulator of squares, is one, and the limbs show both differences to be
//! integers that are not negative: `g ≤ C/√N < g + 1` has one solution. What a lying prover could put: a root off by one is refused by
//! `low` or by `high`; a fraction by the range of `g`.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Cells, Made, Operation};
use crate::error::{GraphError, LayoutError};
use crate::graph::{Activation, Node, NodeId, QuantGraph};
use crate::groups::roots::Root;
use crate::layout::arrange::{Arrangement, Kind, Part};
use crate::layout::demand::{Demand, Spacing, View};
use crate::layout::identity::{Block, Factor, Product as Term};
use crate::layout::room::Room;
use crate::layout::rows::{Base, Origin, Site};
use crate::layout::UnitStep;
use crate::number::fit;

/// `acc[p, i] = ⌊C / √(Σ_i x[p, i]² + E)⌋ · x[p, i]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Norm {
    /// Elements of a row.
    pub inner: usize,
    /// `C`.
    pub constant: i64,
    /// `E`, at least 1.
    pub epsilon: i64,
    /// Applied after requantisation.
    pub activation: Activation,
}

/// The largest `C` and `E`.
const MAX_CONSTANT: i64 = 1 << 45;
/// The part of the factors of rows.
const FACTOR: usize = 1;
/// The part of the limbs of `C² − g²·N`.
const LOW: usize = 2;
/// The part of the limbs of `(g + 1)²·N − C² − 1`.
const HIGH: usize = 3;
/// The part of the rows in an order of their own, where they have not that already.
const ROWS: usize = 4;

impl Norm {
    /// Limbs that hold either difference, whatever the row: both are below `(2g + 1)·N`.
    fn limbs(&self, bits: u32) -> usize {
        let squares = u128::try_from(self.inner).unwrap_or(u128::MAX).saturating_mul(1 << (2 * bits)).saturating_add(fit(self.epsilon));
        let width = u128::BITS - squares.leading_zeros() + bits + 1;
        fit(width.div_ceil(bits))
    }

    /// `N` and `g` of a row.
    fn factor(&self, graph: &QuantGraph, node: &Node, row: &[i32]) -> Result<(i128, i64), GraphError> {
        let squares = row.iter().map(|&x| i64::from(x) * i64::from(x)).sum::<i64>() + self.epsilon;
        let ratio = i128::from(self.constant) * i128::from(self.constant) / i128::from(squares);
        let g = ratio.isqrt();
        let limit = 1i128 << graph.bits;
        if g >= limit {
            let range = format!("[0, {}]", limit - 1);
            return Err(GraphError::OutOfRange { node: node.name.clone(), value: g.to_string(), range });
        }
        Ok((squares.into(), fit(g)))
    }

    fn factors(&self, graph: &QuantGraph, node: &Node, x: &[i32]) -> Result<Vec<(i128, i64)>, GraphError> {
        let factors: Vec<_> = x.par_chunks(self.inner).map(|row| self.factor(graph, node, row)).collect();
        // The first error, whichever thread met one.
        factors.into_iter().collect()
    }

    fn sums(&self, x: &[i32], factors: &[(i128, i64)]) -> Vec<i64> {
        x.chunks(self.inner).zip(factors).flat_map(|(row, (_, g))| row.iter().map(move |&x| g * i64::from(x))).collect()
    }

    /// The limbs of a difference, the lowest first.
    fn split(&self, mut value: i128, bits: u32) -> Vec<i64> {
        let mut limb = || {
            let limb = value & ((1 << bits) - 1);
            value >>= bits;
            fit(limb)
        };
        (0..self.limbs(bits)).map(|_| limb()).collect()
    }
}

impl Operation for Norm {
    fn name(&self) -> &'static str {
        "norm"
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn check(&self, graph: &QuantGraph, node: &Node) -> Result<(), &'static str> {
        let reads = node.inputs.len() == 1 && graph.node(node.inputs[0]).elements() == node.elements();
        if !reads || self.inner == 0 || !node.elements().is_multiple_of(self.inner) {
            return Err("a norm reads rows of `inner` elements");
        }
        let sized = (1..=MAX_CONSTANT).contains(&self.constant) && (1..=MAX_CONSTANT).contains(&self.epsilon) && self.inner <= 1 << 20;
        sized.then_some(()).ok_or("constants of a norm are positive, of at most 45 bits, and rows have at most 2^20 elements")
    }

    fn check_inputs(&self, bits: u32, ranges: &[(i64, i64)]) -> Result<(), &'static str> {
        let fits = ranges.iter().all(|&(low, high)| low >= -(1 << bits) && high < 1 << bits);
        fits.then_some(()).ok_or("a norm reads values of at most `bits` bits")
    }

    fn largest_sum(&self, _node: &Node, sizes: &[u128]) -> u128 {
        sizes[0] << 20
    }

    fn make(&self, graph: &QuantGraph, node: &Node, args: &[&[i32]]) -> Result<Made, GraphError> {
        Ok(Made::Sums(self.sums(args[0], &self.factors(graph, node, args[0])?)))
    }

    fn cells(
        &self,
        graph: &QuantGraph,
        node: &Node,
        args: &[&[i32]],
        steps: &[&UnitStep],
        _lanes: usize,
    ) -> Result<(Vec<Cells>, Made), GraphError> {
        let factors = self.factors(graph, node, args[0])?;
        let sums = self.sums(args[0], &factors);
        let squared = i128::from(self.constant) * i128::from(self.constant);
        let limbs = |difference: &dyn Fn(i128, i128) -> i128| -> Vec<i64> {
            factors.iter().flat_map(|&(n, g)| self.split(difference(n, g.into()), graph.bits)).collect()
        };
        let mut cells = vec![
            Cells::Elements(sums.clone()),
            Cells::Values(factors.iter().map(|factor| factor.1).collect()),
            Cells::Values(limbs(&|n, g| squared - g * g * n)),
            Cells::Values(limbs(&|n, g| (g + 1) * (g + 1) * n - squared - 1)),
        ];
        if steps.iter().any(|step| step.part == ROWS) {
            cells.push(Cells::Elements(args[0].iter().map(|&x| x.into()).collect()));
        }
        Ok((cells, Made::Sums(sums)))
    }

    fn is_grid(&self, _node: &Node) -> bool {
        true
    }

    fn demand(&self, graph: &QuantGraph, id: NodeId, demands: &mut [Option<Demand>], room: &mut Room) -> Result<(), LayoutError> {
        let node = graph.node(id);
        room.take::<u32>(node.elements(), node)?;
        let view = View::blocks(node.elements() / self.inner, self.inner);
        demands[node.inputs[0].0] = Some(Demand { view, spacing: Spacing { row: self.inner, image: 0 } });
        Ok(())
    }

    fn place(&self, arrangement: &mut Arrangement<'_>, id: NodeId) -> Result<Vec<Origin>, LayoutError> {
        let node = arrangement.graph.node(id);
        let bits = arrangement.graph.bits;
        let (rows, limbs) = (node.elements() / self.inner, self.limbs(bits));
        let part = |index, kind, shift| Part { node: id, index, kind, shift };
        // The rows as blocks of units, whose squares are summed.
        let input = arrangement.origins[node.inputs[0].0].clone();
        let found = arrangement.square_blocks(&input, self.inner);
        let evaluations: Vec<Site> = match found {
            Some(evaluations) => evaluations,
            None => {
                let terms = arrangement.scaled_terms(node.inputs[0], [rows, self.inner], 1)?;
                let copy = arrangement.place_rows(&part(ROWS, Kind::None, 0), [rows, self.inner, self.inner])?;
                arrangement.equate_rows(&copy, [rows, self.inner], terms, 0);
                arrangement.evaluations(copy.form, Base::Channel)
            }
        };
        let mut values = |index: usize, count: usize| -> Result<Vec<Site>, LayoutError> {
            let placed = arrangement.place_values(&part(index, Kind::Positive, 0), count)?;
            Ok(placed.into_iter().filter_map(Origin::site).collect())
        };
        let factors = values(FACTOR, rows)?;
        let [low, high] = [values(LOW, rows * limbs)?, values(HIGH, rows * limbs)?];
        let limbs_of = |limbs_of_all: &[Site], row: usize| limbs_of_all[row * limbs..(row + 1) * limbs].to_vec();
        for (row, (&factor, &evaluation)) in factors.iter().zip(&evaluations).enumerate() {
            arrangement.roots.push(Root {
                factor,
                squares: arrangement.squares(evaluation),
                low: limbs_of(&low, row),
                high: limbs_of(&high, row),
                constant: self.constant,
                epsilon: self.epsilon,
            });
        }
        let term = |(row, (&factor, &site)): (usize, (&Site, &Site))| Term {
            jump: u32::from(row > 0),
            factor: Factor::Cell(factor),
            block: Block::Pair { site, factor: 1 },
        };
        let terms: Vec<Term> = factors.iter().zip(&evaluations).enumerate().map(term).collect();
        let out = part(0, Part::of(node, id).kind, node.shift);
        arrangement.place_outputs(&out, [rows, self.inner], terms, None)
    }
}
