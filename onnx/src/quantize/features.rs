//! Features: a scale and an offset for each feature of an input, where whatever reads it can have them in its coefficients.
//!
//! ```text
//! x_i = s_i·q_i + z_i       s_i = s·2^−k, z_i a multiple of s_i       Σ w_i·x_i + b = Σ (w_i·s_i)·q_i + (b + Σ w_i·z_i)
//! ```
//!
//! | reader | shares one scale and offset |
//! |---|---|
//! | dense layer | each element of the last axis, over the others |
//! | convolution | each channel; no offset if it reads padding, which is 0 |
//! | `ca·x + cb·y + c`, first operand; function | nothing |
//! | gather | what it moves to one place of a reader |
//! | sum, maximum, product, second operand, output of the model | all elements, with the tensor's scale and no offset |
//!
//! A feature has the coarsest scale that holds its calibrated values and whose rounding costs no reader more than κ of a unit,
//! or the tensor's scale if that is finer:
//!
//! ```text
//! r = m·max│x│ / (2^(b−1) − 1)      a = min over readers of κ·s_y / max│w│,  κ = 1/√n within [1/4, 1], n operands of a sum
//! s_i ≥ max(r, a)                   with z = middle of its values, if that and a are 16 times as fine as r:  r = m·(max − min) / (2^b − 4)
//! ```
//!
//! `a` says that a value beyond the range would move an output by κ of its whole range, so that a feature of which the samples
//! show little keeps room. An input whose features gain less than three bits keeps one scale.

use serde::{Deserialize, Serialize};
use sworn_circuits::graph::{Channels, Features, NodeId};

use super::plan::{Form, Plan};
use super::scales::Scales;
use crate::calibrate::{Range, Ranges};
use crate::graph::{Conv, Graph, Linear, Node, Op, Source, Term};
use crate::simplify::reads_padding;

/// Bits that a feature of an input must gain, so that the input has features.
const GAIN: u32 = 3;
/// How much finer the scale must be for an offset.
const OFFSET_GAIN: f64 = 16.0;
/// The most bits that a feature gains.
pub(super) const MAX_GAIN: u32 = 60;
/// The most features of an input.
pub(super) const MAX_FEATURES: usize = 4096;
/// Bounds of κ.
const ROUNDING: [f64; 2] = [0.25, 1.0];

/// What an integer of an element stands for: `scale·2^−gain·q + offset`, with the tensor's scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Element {
    pub(super) gain: u32,
    pub(super) offset: f64,
}

impl Element {
    /// An element with the tensor's scale.
    pub(super) const PLAIN: Self = Self { gain: 0, offset: 0.0 };

    /// `2^−gain`.
    pub(super) fn factor(self) -> f64 {
        2f64.powi(-(self.gain.min(MAX_GAIN) as i32))
    }
}

/// The elements of a tensor: element `i` is `each[i / run mod each.len()]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Elements {
    pub(super) run: usize,
    pub(super) each: Vec<Element>,
}

impl Elements {
    /// The shortest pattern of all elements: along one of the axes, or over the last ones together.
    fn new(node: &Node, elements: &[Element]) -> Self {
        let inner = |axis: usize| node.shape[axis..].iter().product::<usize>();
        let along_axis = (0..node.shape.len()).map(|axis| (inner(axis + 1), node.shape[axis]));
        let together = (0..node.shape.len()).map(|axis| (1, inner(axis)));
        let repeats = |&(run, count): &(usize, usize)| {
            run * count > 0 && elements.iter().enumerate().all(|(i, element)| *element == elements[i / run % count * run])
        };
        let (run, count) = along_axis.chain(together).filter(repeats).min_by_key(|(_, count)| *count).unwrap_or((1, elements.len()));
        Self { run, each: (0..count).map(|i| elements[i * run]).collect() }
    }

    pub(super) fn of(&self, i: usize) -> Element {
        let place = i.checked_div(self.run).and_then(|i| i.checked_rem(self.each.len()));
        place.and_then(|place| self.each.get(place)).copied().unwrap_or(Element::PLAIN)
    }

    /// As features of an input.
    pub(super) fn features(&self, scale: f64) -> Features {
        let scales = self.each.iter().map(|e| scale * e.factor()).collect();
        Features { run: self.run, scales, offsets: self.each.iter().map(|e| e.offset).collect() }
    }
}

/// The elements of every node that is an input with features or moves some of them; no others.
pub(super) fn solve(graph: &Graph, plan: &Plan<'_>, ranges: &Ranges, scales: &Scales, bits: u32) -> Vec<Option<Elements>> {
    let mut classes = Classes::new(graph, plan);
    classes.join_moves(graph, plan, scales);
    let costs = classes.readers(graph, plan, scales);
    let wants = classes.wants(graph, ranges, scales, costs);
    let half = f64::from(1u32 << (bits - 1));
    let chosen: Vec<Element> = (0..classes.parent.len()).map(|var| wants[var].choose(half)).collect();
    let mut kept = vec![false; chosen.len()];
    for id in &graph.inputs {
        let roots: Vec<usize> = classes.of(id.0).map(|var| classes.root(var)).collect();
        if roots.iter().any(|root| chosen[*root].gain >= GAIN) {
            roots.iter().for_each(|root| kept[*root] = true);
        }
    }
    // Constants have what fits them, beside features.
    if kept.contains(&true) {
        let mut of_inputs = vec![false; chosen.len()];
        graph.inputs.iter().flat_map(|id| classes.of(id.0)).for_each(|var| of_inputs[classes.root(var)] = true);
        kept.iter_mut().zip(of_inputs).for_each(|(kept, of_input)| *kept |= !of_input);
    }
    let element = |var: usize| if kept[classes.root(var)] { chosen[classes.root(var)] } else { Element::PLAIN };
    let node = |index: usize| {
        let elements: Vec<Element> = classes.of(index).map(element).collect();
        elements.iter().any(|element| *element != Element::PLAIN).then(|| Elements::new(&graph.nodes[index], &elements))
    };
    let found: Vec<Option<Elements>> = (0..graph.nodes.len()).map(node).collect();
    let are_few = |id: &NodeId| found[id.0].as_ref().is_none_or(|elements| elements.each.len() <= MAX_FEATURES);
    if graph.inputs.iter().all(are_few) {
        found
    } else {
        vec![None; graph.nodes.len()]
    }
}

/// What a class of elements has to hold and what its rounding costs.
#[derive(Clone, Copy, Debug)]
struct Want {
    /// Calibrated values, with constants that are moved to where they are.
    values: Range,
    /// How much wider than these.
    margin: f64,
    /// The coarsest scale that costs no reader too much.
    accurate: f64,
    /// The scale of its tensor.
    base: f64,
    takes_offset: bool,
    is_plain: bool,
}

impl Want {
    fn choose(&self, half: f64) -> Element {
        if self.is_plain || !self.base.is_finite() {
            return Element::PLAIN;
        }
        let held = self.margin * self.values.magnitude() / (half - 1.0);
        let around = (self.margin * (self.values.max - self.values.min) / (2.0 * half - 4.0)).max(self.accurate);
        let takes_offset = self.takes_offset && around * OFFSET_GAIN <= held;
        let finest = if takes_offset { around } else { held.max(self.accurate) };
        let gain = (self.base / finest).log2().floor().clamp(0.0, f64::from(MAX_GAIN)) as u32;
        let step = self.base * Element { gain, offset: 0.0 }.factor();
        let middle = (self.values.min + self.values.max) / 2.0;
        // Zero has no sign.
        let offset = if takes_offset && gain > 0 { (middle / step).round() * step + 0.0 } else { 0.0 };
        Element { gain, offset }
    }
}

/// Elements that share a scale and an offset: a union-find over the elements of inputs and of what moves them.
struct Classes {
    parent: Vec<usize>,
    /// The first element of each node, if it is an input or moves elements of some.
    first: Vec<Option<usize>>,
    sizes: Vec<usize>,
}

/// The class of the elements that keep their tensor's scale.
const PLAIN: usize = 0;

/// What the readers say of an element.
#[derive(Clone, Copy, Debug)]
struct Cost {
    accurate: f64,
    takes_offset: bool,
}

impl Classes {
    fn new(graph: &Graph, plan: &Plan<'_>) -> Self {
        let mut first = vec![None; graph.nodes.len()];
        let mut count = 1;
        for (index, site) in plan.iter() {
            let node = &graph.nodes[index];
            let moves = matches!(node.op, Op::Gather(_)) && node.inputs.iter().any(|id| first[id.0].is_some());
            if site.form == Form::Input || moves {
                first[index] = Some(count);
                count += node.elements();
            }
        }
        Self { parent: (0..count).collect(), first, sizes: graph.nodes.iter().map(Node::elements).collect() }
    }

    /// The elements of a node; none if it is not of those that have classes.
    fn of(&self, index: usize) -> std::ops::Range<usize> {
        self.first[index].map_or(0..0, |first| first..first + self.sizes[index])
    }

    fn root(&self, mut var: usize) -> usize {
        while self.parent[var] != var {
            var = self.parent[var];
        }
        var
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The smaller one is the root, and what was walked is made short.
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high] = low;
    }

    fn join_all(&mut self, index: usize) {
        self.of(index).for_each(|var| self.join(PLAIN, var));
    }

    /// A moved element is what it was.
    fn join_moves(&mut self, graph: &Graph, plan: &Plan<'_>, scales: &Scales) {
        for (index, _) in plan.iter() {
            let node = &graph.nodes[index];
            let (Op::Gather(sources), Some(first)) = (&node.op, self.first[index]) else { continue };
            for (place, source) in sources.iter().enumerate() {
                if let Source::Element { input, index: element } = *source {
                    let moved = match self.first[node.inputs[input as usize].0] {
                        Some(from) if !scales.rescaled.contains(&(index, input as usize)) => from + element as usize,
                        _ => PLAIN,
                    };
                    self.join(moved, first + place);
                }
            }
        }
    }

    /// Joins what a reader cannot tell apart, and answers what rounding costs each element.
    fn readers(&mut self, graph: &Graph, plan: &Plan<'_>, scales: &Scales) -> Vec<Cost> {
        let mut costs = vec![Cost { accurate: f64::INFINITY, takes_offset: true }; self.parent.len()];
        graph.outputs.iter().for_each(|output| self.join_all(output.node.0));
        for (index, site) in plan.iter() {
            match site.form {
                Form::Input => {}
                Form::Move => {
                    let node = &graph.nodes[index];
                    for (place, id) in node.inputs.iter().enumerate() {
                        if !matches!(node.op, Op::Gather(_)) {
                            self.join_all(id.0);
                        } else if scales.rescaled.contains(&(index, place)) {
                            self.of(id.0).for_each(|var| costs[var].meet(scales.values[index]));
                        }
                    }
                }
                Form::Copy(from) => self.of(from.0).for_each(|var| costs[var].meet(scales.requantised(index))),
                Form::Probabilities(from) => {
                    self.join_all(from.0);
                    graph.node(from).inputs.iter().for_each(|id| self.join_all(id.0));
                }
                Form::Accumulate(pre) => self.accumulate(graph, graph.node(pre), scales.requantised(index), &mut costs),
            }
        }
        costs
    }

    fn accumulate(&mut self, graph: &Graph, pre: &Node, unit: f64, costs: &mut [Cost]) {
        for (place, id) in pre.inputs.iter().enumerate().filter(|(_, id)| self.first[id.0].is_some()).collect::<Vec<_>>() {
            match &pre.op {
                Op::Linear(linear) => match &linear.terms[place] {
                    Term::Conv(conv) => self.convolution(graph, pre, (linear, conv), *id, unit, costs),
                    Term::Scale(_) => self.join_all(id.0),
                },
                Op::Elementwise { ca, cm, .. } if place == 0 && *cm == 0.0 => {
                    for (i, var) in self.of(id.0).enumerate() {
                        costs[var].meet(unit / f64::from(ca[if ca.len() == 1 { 0 } else { i }].abs()));
                    }
                }
                _ => self.join_all(id.0),
            }
        }
    }

    fn convolution(&mut self, graph: &Graph, pre: &Node, (linear, conv): (&Linear, &Conv), id: NodeId, unit: f64, costs: &mut [Cost]) {
        let shape = &graph.node(id).shape;
        let outputs = linear.bias.len();
        let fan_in = conv.weights.len() / outputs.max(1);
        let per_element = ROUNDING[0].max(1.0 / (fan_in as f64).sqrt()).min(ROUNDING[1]);
        let padded = linear.channels == Channels::First && reads_padding(conv, shape, &pre.shape);
        let largest = largest_weights(linear, conv, shape);
        let mut first_of = vec![None; largest.len()];
        for (i, var) in self.of(id.0).enumerate() {
            let channel = channel(linear.channels, shape, i);
            match first_of[channel] {
                Some(first) => self.join(first, var),
                None => {
                    costs[var].meet(per_element * unit / largest[channel]);
                    costs[var].takes_offset &= !padded;
                    first_of[channel] = Some(var);
                }
            }
        }
    }

    /// What each root wants; of others, nothing is asked.
    fn wants(&self, graph: &Graph, ranges: &Ranges, scales: &Scales, costs: Vec<Cost>) -> Vec<Want> {
        let nothing = Want {
            values: Range { min: f64::INFINITY, max: f64::NEG_INFINITY },
            margin: 1.0,
            accurate: f64::INFINITY,
            base: f64::INFINITY,
            takes_offset: true,
            is_plain: false,
        };
        let mut wants = vec![nothing; self.parent.len()];
        wants[PLAIN].is_plain = true;
        for (var, cost) in costs.into_iter().enumerate() {
            let want = &mut wants[self.root(var)];
            want.accurate = want.accurate.min(cost.accurate);
            want.takes_offset &= cost.takes_offset;
        }
        for (input, id) in graph.inputs.iter().enumerate() {
            let blank = ranges.nodes[id.0].magnitude() == 0.0;
            for (i, var) in self.of(id.0).enumerate() {
                let want = &mut wants[self.root(var)];
                want.is_plain |= blank;
                let range = ranges.inputs.get(input).and_then(|elements| elements.get(i)).unwrap_or(&ranges.nodes[id.0]);
                want.hold(*range, ranges.margins[id.0]);
            }
        }
        for (index, node) in graph.nodes.iter().enumerate() {
            for (i, var) in self.of(index).enumerate() {
                let want = &mut wants[self.root(var)];
                want.base = want.base.min(scales.values[index]);
                if let Op::Gather(sources) = &node.op {
                    if let Source::Constant(c) = sources[i] {
                        want.hold(Range { min: f64::from(c), max: f64::from(c) }, 1.0);
                    }
                }
            }
        }
        wants
    }
}

impl Want {
    fn hold(&mut self, range: Range, margin: f64) {
        self.values = Range { min: self.values.min.min(range.min), max: self.values.max.max(range.max) };
        self.margin = self.margin.max(margin);
    }
}

impl Cost {
    fn meet(&mut self, accurate: f64) {
        self.accurate = self.accurate.min(accurate);
    }
}

/// The channels of what a layer reads.
pub(super) fn channels(channels: Channels, shape: &[usize]) -> usize {
    let count = match channels {
        Channels::First => shape.get(1),
        Channels::Last => shape.last(),
    };
    count.copied().unwrap_or(1).max(1)
}

/// The channel of an element of what a layer reads.
pub(super) fn channel(order: Channels, shape: &[usize], element: usize) -> usize {
    let plane = match order {
        Channels::First => shape.get(2..).map_or(1, |s| s.iter().product::<usize>()),
        Channels::Last => 1,
    };
    element / plane.max(1) % channels(order, shape)
}

/// The largest weight that each input channel of a convolution meets.
fn largest_weights(linear: &Linear, conv: &Conv, shape: &[usize]) -> Vec<f64> {
    let outputs = linear.bias.len();
    let inputs = channels(linear.channels, shape);
    let taps = conv.kernel[0] * conv.kernel[1];
    let (per_input, per_output) = ((inputs / conv.groups).max(1), (outputs / conv.groups).max(1));
    let mut largest = vec![0f64; inputs];
    for (i, w) in conv.weights.iter().enumerate() {
        let (output, within) = (i / taps / per_input, i / taps % per_input);
        let input = output / per_output * per_input + within;
        largest[input] = largest[input].max(f64::from(w.abs()));
    }
    largest
}
