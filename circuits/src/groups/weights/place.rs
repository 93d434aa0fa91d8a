//! Rows of the weight group: blocks of weights in `L` lanes, and the steps of the sum of products. Behind them, runs of packed public
//! values ([`crate::layout::packing`]).

use std::collections::BTreeSet;
use std::ops::Range;

use rayon::prelude::*;

use crate::column::IntColumn;
use crate::groups::roots::{Root, RootRow};
use crate::groups::Lane;
use crate::layout::arrange::Arrangement;
use crate::layout::identity::{Block, Factor, Identity, Weights};
use crate::layout::packing::Run;
use crate::layout::rows::Site;
use crate::number::fit;

/// Jumps that have a column of their own; with more distinct ones, jumps are composed of powers of 8.
const MAX_JUMPS: usize = 6;

/// What is fixed in a row of the weight group, besides its weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WeightRow {
    pub(crate) keep: bool,
    pub(crate) product: bool,
    pub(crate) one: bool,
    /// Factor of the sum before: 0, 1, or the radix of a packed public value.
    pub(crate) hold: u32,
    /// Index of the jump plus one, or 0.
    pub(crate) jump: u8,
    /// Factor of a product of two cells, or 0.
    pub(crate) pair: i64,
    pub(crate) root: RootRow,
}

/// The exponents by which the sum of products may be multiplied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jumps(pub(crate) Vec<u32>);

impl Jumps {
    /// The exponents that the identities need.
    pub(crate) fn new(identities: &[Identity]) -> Self {
        let needed = identities.iter().flat_map(|i| i.products.iter().skip(1).map(|p| p.jump).chain([i.tail]));
        let distinct: BTreeSet<u32> = needed.filter(|&j| j > 0).collect();
        if distinct.len() <= MAX_JUMPS {
            return Self(distinct.into_iter().collect());
        }
        let largest = distinct.last().copied().unwrap_or(0);
        Self((0..11).map(|i| 1u32 << (3 * i)).filter(|&p| p <= largest).collect())
    }

    /// Indices of the steps that make up an exponent.
    fn steps(&self, exponent: u32) -> Vec<u8> {
        if let Some(index) = self.0.iter().position(|&e| e == exponent) {
            return vec![fit(index)];
        }
        let mut rest = exponent;
        let mut steps = Vec::new();
        for (index, &power) in self.0.iter().enumerate().rev() {
            while rest >= power {
                steps.push(fit(index));
                rest -= power;
            }
        }
        steps
    }
}

/// Number of rows of the weight group with `lanes` weights a row.
pub(crate) fn num_rows(arrangement: &Arrangement<'_>, jumps: &Jumps, lanes: usize) -> usize {
    let jump_rows = |jump: u32| if jump == 0 { 0 } else { jumps.steps(jump).len() };
    let identities = arrangement
        .identities
        .iter()
        .map(|identity| {
            let products = identity.products.iter().enumerate().map(|(i, p)| {
                let jump = if i == 0 { 0 } else { p.jump };
                p.block.num_rows(identity.outputs, lanes).max(jump_rows(jump))
            });
            products.sum::<usize>() + jump_rows(identity.tail) + usize::from(identity.scale > 1)
        })
        .sum::<usize>();
    identities + arrangement.packing_rows() + arrangement.roots.iter().map(Root::num_rows).sum::<usize>()
}

/// The weight group.
#[derive(Debug, Default)]
pub(crate) struct WeightGroup {
    pub(crate) rows: Vec<WeightRow>,
    /// By lane.
    pub(crate) weights: Vec<IntColumn>,
    pub(crate) copies: Vec<(Site, Site)>,
}

/// A block in its rows, its last output in the last lane of the last one.
struct Placed<'a> {
    weights: Weights<'a>,
    outputs: usize,
    rows: Range<usize>,
}

impl WeightGroup {
    /// Places the weights of all identities, and the runs.
    pub(crate) fn new(arrangement: &Arrangement<'_>, jumps: &Jumps, lanes: usize) -> Self {
        let mut this = Self::default();
        let mut blocks = Vec::new();
        for identity in &arrangement.identities {
            for (index, product) in identity.products.iter().enumerate() {
                let steps = if index == 0 || product.jump == 0 { Vec::new() } else { jumps.steps(product.jump) };
                let num_rows = product.block.num_rows(identity.outputs, lanes);
                let start = this.rows.len();
                this.push_block(num_rows, &steps, index == 0);
                let end = this.rows.len();
                if let Block::Pair { site, factor } = product.block {
                    (this.rows[end - 1].product, this.rows[end - 1].pair) = (false, factor);
                    this.copies.push((site, Site { lane: Lane::Weights(super::Lane::Right), row: fit(end - 1) }));
                }
                blocks.push(Placed { weights: product.block.weights(arrangement.graph), outputs: identity.outputs, rows: start..end });
                match product.factor {
                    Factor::One => this.rows[end - 1].one = true,
                    Factor::Cell(site) => this.copies.push((site, Site { lane: Lane::Weights(super::Lane::Factor), row: fit(end - 1) })),
                }
            }
            for step in if identity.tail == 0 { Vec::new() } else { jumps.steps(identity.tail) } {
                this.rows.push(WeightRow { jump: step + 1, ..WeightRow::default() });
            }
            if identity.scale > 1 {
                this.rows.push(WeightRow { hold: identity.scale, ..WeightRow::default() });
            }
            this.copies.push((identity.result, Site { lane: Lane::Weights(super::Lane::Dot), row: fit(this.rows.len() - 1) }));
        }
        let runs = this.rows.len();
        arrangement.runs.iter().for_each(|run| this.push_run(run));
        let radix = 1 << arrangement.graph.bits;
        arrangement.roots.iter().for_each(|root| this.push_root(root, radix));
        this.weights = (0..lanes).into_par_iter().map(|lane| this.lane(&blocks, runs, (lane, lanes))).collect();
        this
    }

    /// The weights of one of the lanes; rows from `runs` on are those of runs.
    fn lane(&self, blocks: &[Placed<'_>], runs: usize, (lane, lanes): (usize, usize)) -> IntColumn {
        let mut column = vec![0; self.rows.len()];
        let last = lanes - 1 - lane;
        for block in blocks {
            let outputs = (0..block.outputs).rev().skip(last).step_by(lanes);
            let rows = column[block.rows.clone()].iter_mut().rev();
            rows.zip(outputs).for_each(|(weight, output)| *weight = block.weights.get(output));
        }
        if last == 0 {
            column[runs..].fill(1);
        }
        IntColumn::new(&column)
    }

    /// A packed public value by Horner's rule, last element first: `dot = B·dot' + factor·1`, the weight 1 being in the last lane.
    fn push_run(&mut self, run: &Run) {
        self.push_digits(&run.digits, run.radix);
        let last = Site { lane: Lane::Weights(super::Lane::Dot), row: fit(self.rows.len() - 1) };
        self.copies.push((last, Site { lane: Lane::Instance, row: run.row }));
    }

    /// `Σ digit_i·radix^i` by Horner's rule.
    fn push_digits(&mut self, digits: &[Site], radix: u32) {
        for (index, &digit) in digits.iter().rev().enumerate() {
            let row = fit(self.rows.len());
            self.rows.push(WeightRow { product: true, hold: if index == 0 { 0 } else { radix }, ..WeightRow::default() });
            self.copies.push((digit, Site { lane: Lane::Weights(super::Lane::Factor), row }));
        }
    }

    /// Both bounds of a root, each behind the sum of its limbs.
    fn push_root(&mut self, root: &Root, radix: u32) {
        for (limbs, low) in [(&root.low, true), (&root.high, false)] {
            self.push_digits(limbs, radix);
            let row = fit(self.rows.len());
            let fixed = RootRow { low, high: !low, constant: root.constant, epsilon: root.epsilon };
            self.rows.push(WeightRow { hold: 1, root: fixed, ..WeightRow::default() });
            self.copies.push((root.factor, Site { lane: Lane::Weights(super::Lane::Factor), row }));
            self.copies.push((root.squares, Site { lane: Lane::Weights(super::Lane::Right), row }));
        }
    }

    /// The rows of a block; `steps` multiply the sum on its last rows.
    fn push_block(&mut self, num_rows: usize, steps: &[u8], first: bool) {
        let count = num_rows.max(steps.len());
        for index in 0..count {
            let step = (index + steps.len()).checked_sub(count).map(|i| steps[i]);
            self.rows.push(WeightRow {
                keep: index > count - num_rows,
                product: index + 1 == count,
                one: false,
                hold: u32::from(!first && step.is_none()),
                jump: step.map_or(0, |s| s + 1),
                ..WeightRow::default()
            });
        }
    }
}
