//! Scales: one for each tensor, the finest that its range allows, then a little coarser where that makes a factor exact.
//!
//! ```text
//! none    s ≥ m·max|y| / (2^(b−1) − 1)        relu    s ≥ m·max|p| / (2^b − 1)
//! table   s ≥ max|f| / (2^(b−1) − 1)          moved   one scale for a gather or maximum and all that it reads
//! ```
//!
//! Tensors that a gather or maximum joins form a group with one scale, the coarsest that one of them needs. A tensor that
//! others read as well, and that would lose more than a bit, is brought to the group's scale by a node of its own.
//!
//! Where a single factor `F` carries the whole accumulator (a sum, a product, a layer with one weight), its rounding is a
//! relative error of the output; `s_y` is raised to make `F·s_x·2^b / s_y` a whole number, and `s_x` is raised if that
//! number were 0.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sworn_circuits::graph::NodeId;

use super::features::{self, Element, Elements};
use super::plan::{Activation, Form, Plan, Site};
use super::reach::reach;
use super::rows::{self, shift, Row};
use super::table::{self, Argument, Domain};
use crate::calibrate::Ranges;
use crate::error::OnnxError;
use crate::graph::{Graph, Op, Source, Term};

/// The scales of a graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scales {
    /// Scale of the values of each float node.
    pub(super) values: Vec<f64>,
    /// Domain and argument of each site with a table.
    pub(super) tables: Vec<Option<(Domain, Argument)>>,
    /// Inputs of gathers, `(gather, place)`, that are rescaled first.
    pub(super) rescaled: BTreeSet<(usize, usize)>,
    /// The elements of inputs with [features](super::features) and of what moves them.
    pub(super) elements: Vec<Option<Elements>>,
    /// What else norms and softmaxes have.
    pub(super) rows: Vec<Option<Row>>,
}

impl Scales {
    /// Real value of the integer 1 of `q`.
    pub(super) fn requantised(&self, index: usize) -> f64 {
        self.tables[index].map_or(self.values[index], |(_, argument)| argument.scale)
    }

    /// What the integers of element `i` of a node stand for.
    pub(super) fn element(&self, node: usize, i: usize) -> Element {
        self.elements[node].as_ref().map_or(Element::PLAIN, |elements| elements.of(i))
    }
}

/// Rounds of raising scales; each round only raises them, and most graphs need two.
const ROUNDS: usize = 64;

/// Rounds in which scales are raised for exactness only.
const EXACT_ROUNDS: usize = 6;

pub(super) fn solve(graph: &Graph, plan: &Plan<'_>, ranges: &Ranges, bits: u32) -> Result<Scales, OnnxError> {
    let half = f64::from(1u32 << (bits - 1));
    let mut tables: Vec<Option<(Domain, Argument)>> = vec![None; graph.nodes.len()];
    let mut finest = vec![0f64; graph.nodes.len()];
    let positive = positive(graph, plan);
    let reach = reach(graph, ranges);
    for (index, site) in plan.iter() {
        let magnitude = |id: usize| {
            let size = ranges.nodes[id].magnitude();
            (ranges.margins[id] * size).max(size + reach[id].far)
        };
        finest[index] = match (site.form, site.activation) {
            (Form::Move, _) if graph.nodes[index].inputs.is_empty() => nonzero(constants(graph, index)) / (half - 1.0),
            // A maximum of positive and of signed tensors compares signed values: see `Emitter::moved`.
            (Form::Move, _) if matches!(graph.nodes[index].op, Op::Max(_)) && !positive[index] => {
                let inputs = graph.nodes[index].inputs.iter().map(|id| magnitude(id.0));
                nonzero(inputs.fold(magnitude(index), f64::max)) / (half - 1.0)
            }
            (Form::Move, _) => constants(graph, index) / (half - 1.0),
            (Form::Copy(_), Activation::Relu) => 0.0,
            (Form::Accumulate(pre), Activation::Relu) => nonzero(magnitude(pre.0)) / (2.0 * half - 1.0),
            (Form::Accumulate(pre) | Form::Copy(pre), Activation::Table(f)) => {
                let mut domain = table::domain(&graph.nodes[index].name, f, ranges.nodes[pre.0], ranges.margins[pre.0], reach[pre.0].far)?;
                if positive[pre.0] && matches!(site.form, Form::Copy(_)) {
                    domain.low = domain.low.max(0.0);
                }
                let scale = table::finest_scale(domain, has_constant(graph, site), bits);
                tables[index] = Some((domain, Argument { scale, offset: 0 }));
                nonzero(domain.magnitude) / (half - 1.0)
            }
            // Probabilities sum to less than 2^(b−1).
            (Form::Probabilities(_), _) => 1.0 / (half - 1.0),
            _ => nonzero(magnitude(index)) / (half - 1.0),
        };
    }
    let rescaled = rescaled(graph, plan, &finest);
    let mut groups = Groups::new(graph, plan, &rescaled, finest);
    for round in 0..ROUNDS {
        let mut raised = false;
        for (index, site) in plan.iter() {
            match site.form {
                // The argument takes the scale of what it copies, which is exact, unless the domain is wider.
                Form::Copy(from) => {
                    if let Some((_, argument)) = &mut tables[index] {
                        argument.scale = argument.scale.max(groups.scale(from.0));
                    }
                }
                Form::Accumulate(pre) => {
                    let Some((factor, over)) = single_factor(graph, pre) else { continue };
                    let scale = tables[index].map_or(groups.scale(index), |(_, argument)| argument.scale);
                    let real = in_accumulator(factor, over.iter().map(|id| groups.scale(id.0)), shift(graph, pre, bits));
                    let raw = real / scale;
                    if raw < 1.0 - 1e-9 {
                        let id = over.iter().max_by(|a, b| ranges.nodes[a.0].magnitude().total_cmp(&ranges.nodes[b.0].magnitude()));
                        id.iter().for_each(|id| groups.raise(id.0, groups.scale(id.0) * 1.000_001 / raw.max(1e-12)));
                        raised = true;
                        continue;
                    }
                    let exact = real / (raw + 1e-9).floor();
                    let exact_below = f64::from(1u32 << shift(graph, pre, bits));
                    if round < EXACT_ROUNDS && raw < exact_below && exact > scale * (1.0 + 1e-12) {
                        match &mut tables[index] {
                            Some((_, argument)) => argument.scale = exact,
                            None => groups.raise(index, exact),
                        }
                        raised = true;
                    }
                }
                _ => {}
            }
        }
        // A function that turns between the points at which it was examined is larger at some point of its grid.
        for (index, site) in plan.iter() {
            let (Activation::Table(f), Some((domain, argument))) = (site.activation, tables[index]) else { continue };
            let argument = Argument { offset: offset(graph, site, domain, argument.scale), ..argument };
            let scale = table::largest(f, domain, argument, bits) / (half - 1.0);
            if !raised && scale > groups.scale(index) {
                groups.raise(index, scale);
                raised = true;
            }
        }
        if !raised {
            break;
        }
    }
    let values: Vec<f64> = (0..graph.nodes.len()).map(|i| groups.scale(i)).collect();
    for (index, site) in plan.iter() {
        if let Some((domain, argument)) = &mut tables[index] {
            argument.offset = offset(graph, site, *domain, argument.scale);
        }
    }
    let rows = rows::solve(graph, plan, ranges, &values, bits);
    let mut scales = Scales { values, tables, rescaled, elements: Vec::new(), rows };
    scales.elements = features::solve(graph, plan, ranges, &scales, bits);
    Ok(scales)
}

/// Tensors that hold no negative integer, whatever the input.
fn positive(graph: &Graph, plan: &Plan<'_>) -> Vec<bool> {
    let mut positive = vec![false; graph.nodes.len()];
    for (index, site) in plan.iter() {
        let node = &graph.nodes[index];
        positive[index] = match (&node.op, site.activation) {
            (Op::Gather(sources), _) => {
                node.inputs.iter().all(|id| positive[id.0]) && sources.iter().all(|s| !matches!(s, Source::Constant(c) if *c < 0.0))
            }
            (Op::Max(_), _) => node.inputs.iter().all(|id| positive[id.0]),
            (_, Activation::Relu) => true,
            _ => false,
        };
    }
    positive
}

/// A tensor that is 0, whatever the input, is given the range of 1.
fn nonzero(magnitude: f64) -> f64 {
    if magnitude > 0.0 {
        magnitude
    } else {
        1.0
    }
}

/// The accumulator of a sum has no constant that could take an offset.
pub(super) fn has_constant(graph: &Graph, site: Site<'_>) -> bool {
    let has_none = |pre: NodeId| matches!(graph.node(pre).op, Op::Reduce { .. } | Op::Product { .. } | Op::Norm { .. });
    !matches!(site.form, Form::Accumulate(pre) if has_none(pre))
}

/// What moves an argument to the middle of its range, where something takes it.
fn offset(graph: &Graph, site: Site<'_>, domain: Domain, scale: f64) -> i64 {
    if has_constant(graph, site) {
        table::centre(domain, scale)
    } else {
        0
    }
}

/// Largest absolute constant of a gather.
fn constants(graph: &Graph, index: usize) -> f64 {
    let Op::Gather(sources) = &graph.nodes[index].op else { return 0.0 };
    sources.iter().map(|s| if let Source::Constant(c) = s { f64::from(c.abs()) } else { 0.0 }).fold(0.0, f64::max)
}

/// A factor times the scales of what it multiplies, in the accumulator's units of an output of scale 1.
pub(super) fn in_accumulator(factor: f64, scales: impl Iterator<Item = f64>, bits: u32) -> f64 {
    scales.product::<f64>() * factor * f64::from(1u32 << bits)
}

/// The factor that carries a whole accumulator, as an absolute value, and the tensors that it multiplies.
pub(super) fn single_factor(graph: &Graph, pre: NodeId) -> Option<(f64, Vec<NodeId>)> {
    let node = graph.node(pre);
    let (factor, over) = match &node.op {
        Op::Reduce { factor, .. } | Op::Product { factor } => (*factor, node.inputs.clone()),
        Op::Elementwise { cm, .. } if *cm != 0.0 => (*cm, node.inputs.clone()),
        Op::Elementwise { ca, .. } if node.inputs.len() == 1 && ca.len() == 1 => (ca[0], node.inputs.clone()),
        Op::Linear(linear) => {
            let [Term::Conv(conv)] = &linear.terms[..] else { return None };
            let first = conv.weights.iter().find(|w| **w != 0.0)?.abs();
            conv.weights.iter().all(|w| *w == 0.0 || w.abs() == first).then(|| (first, node.inputs.clone()))?
        }
        _ => return None,
    };
    (factor != 0.0).then(|| (f64::from(factor.abs()), over))
}

/// Inputs of gathers that others read as well, and that the gather's scale would cost more than a bit.
fn rescaled(graph: &Graph, plan: &Plan<'_>, finest: &[f64]) -> BTreeSet<(usize, usize)> {
    let readers = crate::simplify::readers(graph);
    let mut scale = finest.to_vec();
    let mut rescaled = BTreeSet::new();
    for (index, site) in plan.iter() {
        let node = &graph.nodes[index];
        match site.form {
            Form::Move => {
                let coarsest = node.inputs.iter().map(|id| scale[id.0]).fold(scale[index], f64::max);
                scale[index] = coarsest;
                for (place, id) in node.inputs.iter().enumerate() {
                    if node.inputs.len() > 1 && readers[id.0] > 1 && scale[id.0] * 2.0 < coarsest {
                        rescaled.insert((index, place));
                    }
                }
            }
            Form::Copy(from) => scale[index] = scale[index].max(if let Activation::Relu = site.activation { scale[from.0] } else { 0.0 }),
            _ => {}
        }
    }
    rescaled
}

/// Tensors that share a scale: a union-find.
struct Groups {
    parent: Vec<usize>,
    scale: Vec<f64>,
}

impl Groups {
    fn new(graph: &Graph, plan: &Plan<'_>, rescaled: &BTreeSet<(usize, usize)>, finest: Vec<f64>) -> Self {
        let mut groups = Self { parent: (0..finest.len()).collect(), scale: finest };
        for (index, site) in plan.iter() {
            match (site.form, site.activation) {
                (Form::Move, _) => {
                    for (place, id) in graph.nodes[index].inputs.iter().enumerate() {
                        if !rescaled.contains(&(index, place)) {
                            groups.join(index, id.0);
                        }
                    }
                }
                (Form::Copy(from), Activation::Relu) => groups.join(index, from.0),
                _ => {}
            }
        }
        // Rescaled inputs do not set the scale of their group, but the group must hold their values.
        for &(index, place) in rescaled {
            let from = graph.nodes[index].inputs[place];
            groups.raise(index, groups.scale(from.0));
        }
        groups
    }

    fn root(&self, mut index: usize) -> usize {
        while self.parent[index] != index {
            index = self.parent[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.parent[a] = b;
            self.scale[b] = self.scale[b].max(self.scale[a]);
        }
    }

    fn scale(&self, index: usize) -> f64 {
        self.scale[self.root(index)]
    }

    fn raise(&mut self, index: usize, scale: f64) {
        let root = self.root(index);
        self.scale[root] = self.scale[root].max(scale);
    }
}
