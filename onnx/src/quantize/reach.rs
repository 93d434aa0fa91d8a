//! Reach: how far a tensor may go that is 0 in all samples, from the weights before it and the range of what they read.
//!
//! ```text
//! input       1                                          if it is 0 in all samples
//! Σ w·x + b   max_o min(Σ│w│·r, max(4·√Σ(w·t)², │Σ w·r│))     r, t : reach and typical size of what the node reads
//! f(p)        max│f│ over what p reaches
//! ```
//!
//! A sum is *cancelled* if its calibrated size is below 2^−16 of the sum of its absolute terms, each with the size of its channel: the rounding of its input is
//! larger, and a scale that fits it would make coefficients without bound. Its terms then reach as far as their calibrated
//! size. Everything else reaches no farther than its samples and margins, and what reads something that reaches farther does
//! so too. `Σ│w│·r` is what no input can exceed; four times the root of the sum of squares is what random ones do not, and
//! `│Σ w·r│` is the answer to a constant one.

use crate::calibrate::Ranges;
use crate::graph::{Conv, Graph, Linear, Node, Op, Source, Term};
use crate::unary::Unary;

use super::features::channel;
use super::plan::Function;
use super::table;

/// A sum whose size is below this part of its absolute terms is cancelled.
const CANCELLED: f64 = 1.0 / 65536.0;
/// How many times their typical size random sums reach.
const SPREAD: f64 = 4.0;

/// How far beyond the calibrated range a tensor may go.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reach {
    /// The farthest.
    pub(super) far: f64,
    /// Root of the mean square.
    typical: f64,
}

impl Reach {
    /// Of values up to `far`, of which none is likelier than another.
    fn even(far: f64) -> Self {
        Self { far, typical: far / 3f64.sqrt() }
    }

    fn join(self, other: Self) -> Self {
        Self { far: self.far.max(other.far), typical: self.typical.max(other.typical) }
    }
}

/// What an accumulator reads.
struct Operand {
    /// Calibrated size of each channel, for a layer; of each element, where a factor is for each; else one.
    sizes: Vec<f64>,
    reach: Reach,
}

impl Operand {
    fn size(&self, i: usize) -> f64 {
        self.sizes.get(if self.sizes.len() == 1 { 0 } else { i }).copied().unwrap_or(0.0)
    }

    fn largest(&self) -> f64 {
        self.sizes.iter().copied().fold(0.0, f64::max)
    }
}

/// The reach of every node: 0 for those that the samples show.
pub(super) fn reach(graph: &Graph, ranges: &Ranges) -> Vec<Reach> {
    let mut all = vec![Reach::default(); graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        let size = ranges.nodes[index].magnitude();
        let read: Vec<Reach> = node.inputs.iter().map(|id| all[id.0]).collect();
        let found = match &node.op {
            Op::Input if size == 0.0 => Reach::even(1.0),
            Op::Input => Reach::default(),
            // Nothing that is multiplied, normalised or scored reaches farther than its samples.
            Op::Product { .. } | Op::Norm { .. } | Op::Softmax { .. } => Reach::default(),
            Op::Max(_) => read.iter().fold(Reach::default(), |a, b| a.join(*b)),
            Op::Gather(sources) => moved(sources, &read),
            Op::Unary(f) => function(node, Function::Unary(f), index, ranges, &read),
            Op::Pointwise(f) => function(node, Function::Pointwise(f), index, ranges, &read),
            Op::Linear(_) | Op::Reduce { .. } | Op::Elementwise { .. } => {
                let operands: Vec<Operand> = node.inputs.iter().map(|id| operand(graph, ranges, node, id.0, all[id.0])).collect();
                let is_cancelled = size <= CANCELLED * terms(node, &operands);
                if is_cancelled || read.iter().any(|reach| reach.far > 0.0) {
                    response(node, &operands, is_cancelled)
                } else {
                    Reach::default()
                }
            }
        };
        if found.far.is_finite() {
            all[index] = found;
        }
    }
    all
}

fn operand(graph: &Graph, ranges: &Ranges, reader: &Node, from: usize, reach: Reach) -> Operand {
    let whole = ranges.nodes[from].magnitude();
    let shape = &graph.nodes[from].shape;
    let place = |i: usize| match &reader.op {
        Op::Linear(linear) => channel(linear.channels, shape, i),
        Op::Elementwise { ca, .. } if ca.len() > 1 => i,
        _ => 0,
    };
    let elements = graph.nodes[from].elements();
    let mut sizes = vec![0f64; (0..elements).map(place).max().unwrap_or(0) + 1];
    let input = graph.inputs.iter().position(|id| id.0 == from).and_then(|input| ranges.inputs.get(input));
    if let Some(elements) = input {
        elements.iter().enumerate().for_each(|(i, range)| sizes[place(i)] = sizes[place(i)].max(range.magnitude()));
    } else {
        for tensor in ranges.tensors.iter().filter_map(|tensors| tensors.get(from)) {
            tensor.iter().enumerate().for_each(|(i, x)| sizes[place(i)] = sizes[place(i)].max(f64::from(x.abs())));
        }
    }
    // Tensors are kept of some samples only, and of none if ranges were declared.
    if sizes.iter().all(|size| *size == 0.0) {
        sizes = vec![whole];
    }
    Operand { sizes, reach }
}

fn moved(sources: &[Source], read: &[Reach]) -> Reach {
    let mut used = vec![false; read.len()];
    for source in sources {
        if let Source::Element { input, .. } = source {
            used[*input as usize] = true;
        }
    }
    read.iter().zip(used).filter(|(_, used)| *used).fold(Reach::default(), |a, (b, _)| a.join(*b))
}

/// `max│f│` over what the argument reaches, beyond the calibrated values of `f`.
fn function(node: &Node, f: Function<'_>, index: usize, ranges: &Ranges, read: &[Reach]) -> Reach {
    let (Some(&id), Some(&argument)) = (node.inputs.first(), read.first()) else { return Reach::default() };
    let (range, margin, own) = (ranges.nodes[id.0], ranges.margins[id.0], ranges.nodes[index].magnitude());
    if argument.far == 0.0 && own > 0.0 {
        return Reach::default();
    }
    let size = match f {
        // The table of a relu has no domain: it takes what its scale holds.
        Function::Unary(Unary::Relu) => (margin * range.magnitude()).max(range.magnitude() + argument.far),
        _ => table::domain(&node.name, f, range, margin, argument.far).map_or(0.0, |domain| domain.magnitude),
    };
    let far = (size - own).max(0.0);
    let typical = [argument.typical, -argument.typical].map(|x| f.eval(x).abs()).into_iter().fold(0.0, f64::max);
    Reach { far, typical: typical.min(far) }
}

/// The sum of the absolute terms of an accumulator.
fn terms(node: &Node, read: &[Operand]) -> f64 {
    match &node.op {
        Op::Linear(linear) => {
            let term = |(t, channel, w): (usize, Option<usize>, f32)| f64::from(w.abs()) * size(read, t, channel);
            let one = |o: usize| f64::from(linear.bias[o].abs()) + weights(linear, o).map(term).sum::<f64>();
            (0..linear.bias.len()).map(one).fold(0.0, f64::max)
        }
        Op::Reduce { inner, factor } => f64::from(factor.abs()) * *inner as f64 * size(read, 0, None),
        Op::Elementwise { ca, cb, cm, c } => {
            let (cb, cm) = (f64::from(cb.abs()), f64::from(cm.abs()));
            let each = ca.len() > 1;
            let first = ca.iter().enumerate().map(|(i, ca)| f64::from(ca.abs()) * size(read, 0, each.then_some(i)));
            let constant = c.iter().map(|v| f64::from(v.abs())).fold(0.0, f64::max);
            let [a, b] = [size(read, 0, None), size(read, 1, None)];
            first.fold(0.0, f64::max) + cb * b + cm * a * b + constant
        }
        _ => 0.0,
    }
}

/// The calibrated size of a channel or an element of an operand, or of the whole.
fn size(read: &[Operand], term: usize, place: Option<usize>) -> f64 {
    read.get(term).map_or(0.0, |operand| place.map_or_else(|| operand.largest(), |place| operand.size(place)))
}

/// The weights of an output, with the term and the channel that each reads; no channel for a scaled tensor.
fn weights(linear: &Linear, output: usize) -> impl Iterator<Item = (usize, Option<usize>, f32)> + '_ {
    let outputs = linear.bias.len();
    linear.terms.iter().enumerate().flat_map(move |(t, term)| {
        let (own, first, taps, scale): (&[f32], usize, usize, Option<f32>) = match term {
            Term::Conv(Conv { weights, kernel, groups, .. }) => {
                let per_output = (weights.len() / outputs).max(1);
                let taps = (kernel[0] * kernel[1]).max(1);
                let group = output / (outputs / groups).max(1);
                (weights.chunks(per_output).nth(output).unwrap_or(&[]), group * (per_output / taps), taps, None)
            }
            Term::Scale(factor) => (&[], 0, 1, Some(*factor)),
        };
        let of_conv = own.iter().enumerate().map(move |(i, w)| (t, Some(first + i / taps), *w));
        of_conv.chain(scale.map(|w| (t, None, w)))
    })
}

/// How far an accumulator moves if its operands move as far as they reach, or, if its terms cancel, as far as their calibrated sizes.
fn response(node: &Node, read: &[Operand], is_cancelled: bool) -> Reach {
    let reach = |term: usize, place: Option<usize>| {
        let own = read.get(term).map_or(Reach::default(), |operand| operand.reach);
        if is_cancelled {
            own.join(Reach::even(size(read, term, place)))
        } else {
            own
        }
    };
    match &node.op {
        Op::Linear(linear) => {
            let one = |o: usize| {
                let (mut worst, mut squares, mut constant) = (0.0, 0.0, 0.0);
                for (t, channel, w) in weights(linear, o) {
                    let Reach { far, typical } = reach(t, channel);
                    worst += f64::from(w.abs()) * far;
                    squares += (f64::from(w) * typical).powi(2);
                    constant += f64::from(w) * far;
                }
                let typical = squares.sqrt().max(constant.abs() / SPREAD);
                Reach { far: worst.min(SPREAD * typical), typical }
            };
            (0..linear.bias.len()).map(one).fold(Reach::default(), Reach::join)
        }
        Op::Reduce { inner, factor } => {
            let factor = f64::from(factor.abs()) * *inner as f64;
            Reach { far: factor * reach(0, None).far, typical: factor * reach(0, None).typical }
        }
        Op::Elementwise { ca, cb, cm, .. } => {
            let (cb, cm) = (f64::from(cb.abs()), f64::from(cm.abs()));
            let first = |pick: &dyn Fn(Reach) -> f64| {
                let one = |(i, factor): (usize, &f32)| f64::from(factor.abs()) * pick(reach(0, (ca.len() > 1).then_some(i)));
                ca.iter().enumerate().map(one).fold(0.0, f64::max)
            };
            let [a, b] = [reach(0, None), reach(1, None)];
            // Where terms cancel, the operands' sizes are in their reach.
            let [size_a, size_b] = if is_cancelled { [0.0; 2] } else { [size(read, 0, None), size(read, 1, None)] };
            let product = |a: f64, b: f64| cm * (a * size_b + b * size_a + a * b);
            Reach {
                far: first(&|r| r.far) + cb * b.far + product(a.far, b.far),
                typical: first(&|r| r.typical) + cb * b.typical + product(a.typical, b.typical),
            }
        }
        _ => Reach::default(),
    }
}
