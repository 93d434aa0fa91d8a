//! Intervals: what every tensor of a graph holds, whatever the inputs within their ranges.
//!
//! ```text
//! Σ w·x        Σ [min(w·lo, w·hi), max(w·lo, w·hi)]         a·b    hull of lo·lo, lo·hi, hi·lo, hi·hi
//! a²           hull of lo², hi², and 0 if lo < 0 < hi        max    [max lo, max hi]
//! f            hull of f at lo, hi, and where f turns, jumps or bends between them      `function`
//! ```
//!
//! Each element has an interval of its own. They are bounds of what [`evaluate`](crate::evaluate::evaluate) computes, not of the real
//! numbers it stands for: each operation widens them by what its rounding to `f32` may add, at most `(n + 4)·2^−23` of the sum of its
//! summands' magnitudes for n of them. An interval that is not bounded is `(−∞, ∞)`, and says nothing.
//!
//! Intervals know nothing of how tensors depend on each other, so they grow from layer to layer: they are limits, not estimates.

mod function;

use rayon::prelude::*;
use sworn_circuits::graph::Channels;

use crate::calibrate::Range;
use crate::error::OnnxError;
use crate::graph::{Conv, Graph, Linear, Node, Op, Source, Term};

/// Half the distance of neighbours among `f32` near 1, doubled: what one rounding adds at most, and as much again for safety.
const ULP: f64 = 1.0 / (1u32 << 23) as f64;
/// Below the normal `f32` numbers roundings are absolute.
const TINY: f64 = 1e-37;

/// The bounds of one element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
}

impl Interval {
    /// What says nothing.
    pub const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    fn point(value: f64) -> Self {
        Self { low: value, high: value }
    }

    /// The hull of some values; [`Self::ALL`] if one of them is no number.
    fn hull(values: impl IntoIterator<Item = f64>) -> Self {
        let mut hull = Self { low: f64::INFINITY, high: f64::NEG_INFINITY };
        for value in values {
            if value.is_nan() {
                return Self::ALL;
            }
            hull = Self { low: hull.low.min(value), high: hull.high.max(value) };
        }
        hull
    }

    fn union(self, other: Self) -> Self {
        Self::hull([self.low, self.high, other.low, other.high])
    }

    fn magnitude(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }

    fn is_bounded(self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }

    fn widened(self, by: f64) -> Self {
        Self { low: self.low - by, high: self.high + by }
    }

    fn times(self, factor: f64) -> Self {
        // A factor of 0 leaves its operand out, also where that is not bounded.
        match factor == 0.0 {
            true => Self::point(0.0),
            false => Self::hull([factor * self.low, factor * self.high]),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self::hull([self.low + other.low, self.high + other.high])
    }

    fn product(self, other: Self) -> Self {
        Self::hull([self.low * other.low, self.low * other.high, self.high * other.low, self.high * other.high])
    }
}

/// The range of each node for inputs within `ranges`, one for each input of the graph.
///
/// # Errors
/// Another number of ranges than of inputs.
pub fn bounds(graph: &Graph, ranges: &[Range]) -> Result<Vec<Range>, OnnxError> {
    let tensors = propagate(graph, ranges)?;
    let range = |tensor: &Vec<Interval>| match tensor.is_empty() {
        true => Range { min: 0.0, max: 0.0 },
        false => {
            let hull = Interval::hull(tensor.iter().flat_map(|i| [i.low, i.high]));
            Range { min: hull.low, max: hull.high }
        }
    };
    Ok(tensors.iter().map(range).collect())
}

/// The intervals of all elements of each node.
fn propagate(graph: &Graph, ranges: &[Range]) -> Result<Vec<Vec<Interval>>, OnnxError> {
    if ranges.len() != graph.inputs.len() {
        return Err(OnnxError::InputCount { expected: graph.inputs.len(), actual: ranges.len() });
    }
    let mut tensors: Vec<Vec<Interval>> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let args: Vec<&[Interval]> = node.inputs.iter().map(|id| tensors[id.0].as_slice()).collect();
        let tensor = match &node.op {
            Op::Input => {
                let range = graph.inputs.iter().position(|id| id.0 == index).and_then(|place| ranges.get(place));
                let interval = range.map_or(Interval::ALL, |r| Interval { low: r.min, high: r.max });
                vec![interval; node.elements()]
            }
            Op::Linear(linear) => {
                let shapes: Vec<&[usize]> = node.inputs.iter().map(|&id| graph.node(id).shape.as_slice()).collect();
                linear_sum(linear, node, &args, &shapes)
            }
            Op::Reduce { inner, factor } => args[0].par_chunks((*inner).max(1)).map(|row| reduce(row, f64::from(*factor))).collect(),
            Op::Elementwise { ca, cb, cm, c } => {
                let square = node.inputs.len() == 2 && node.inputs[0] == node.inputs[1];
                elementwise([ca, c], f64::from(*cb), f64::from(*cm), &args, square)
            }
            Op::Product { factor } => {
                let dims = node.product_dims(&graph.node(node.inputs[0]).shape);
                product(dims, f64::from(*factor), args[0], args[1])
            }
            // One element has the whole length of the row at most.
            Op::Norm { inner, .. } => {
                let most = (*inner as f64).sqrt() * (1.0 + ULP);
                vec![Interval { low: -most, high: most }; node.elements()]
            }
            Op::Softmax { .. } => vec![Interval { low: 0.0, high: 1.0 + ULP }; node.elements()],
            Op::Max(max) => max.windows.par_chunks(max.window).map(|w| largest(args[0], w)).collect(),
            Op::Gather(sources) => sources.par_iter().map(|source| pick(&args, source)).collect(),
            Op::Unary(f) => args[0].par_iter().map(|&x| function::unary(*f, x)).collect(),
            Op::Pointwise(f) => args[0].par_iter().map(|&x| function::pointwise(f, x)).collect(),
        };
        tensors.push(tensor.into_iter().map(stored).collect());
    }
    Ok(tensors)
}

/// As `f32` holds it.
fn stored(interval: Interval) -> Interval {
    // A bound of 0 stays one: rounding keeps signs.
    let lost = |value: f64| if value == 0.0 { 0.0 } else { ULP * value.abs() + TINY };
    match interval.magnitude() < f64::from(f32::MAX) / 2.0 {
        true => Interval { low: interval.low - lost(interval.low), high: interval.high + lost(interval.high) },
        false if interval.low >= 0.0 => Interval { low: 0.0, ..Interval::ALL },
        false => Interval::ALL,
    }
}

fn largest(x: &[Interval], window: &[u32]) -> Interval {
    let start = Interval::point(f64::NEG_INFINITY);
    window.iter().map(|&i| x[i as usize]).fold(start, |a, b| Interval { low: a.low.max(b.low), high: a.high.max(b.high) })
}

fn pick(args: &[&[Interval]], source: &Source) -> Interval {
    match *source {
        Source::Element { input, index } => args[input as usize][index as usize],
        Source::Constant(value) => Interval::point(f64::from(value)),
    }
}

fn product([_, rows, inner, columns]: [usize; 4], factor: f64, a: &[Interval], b: &[Interval]) -> Vec<Interval> {
    let element = |i: usize| {
        let (matrix, row, column) = (i / (rows * columns), i / columns % rows, i % columns);
        let term = |k: usize| (a[(matrix * rows + row) * inner + k], b[(matrix * inner + k) * columns + column]);
        let (mut sum, mut size) = (Interval::point(0.0), 0.0);
        for (a, b) in (0..inner).map(term) {
            (sum, size) = (sum.plus(a.product(b)), size + a.magnitude() * b.magnitude());
        }
        rounded(sum.times(factor), inner, size * factor.abs())
    };
    let matrices = a.len() / (rows * inner).max(1);
    (0..matrices * rows * columns).into_par_iter().map(element).collect()
}

fn reduce(row: &[Interval], factor: f64) -> Interval {
    let sum = row.iter().fold(Interval::point(0.0), |sum, &x| sum.plus(x));
    // The sum is one of `f64`: it loses less than an `f32` holds unless summands cancel.
    let lost = row.iter().map(|x| x.magnitude()).sum::<f64>() * ULP * ULP;
    let wide = sum.widened(lost);
    // A sum of what is not negative is not negative.
    Interval { low: if sum.low >= 0.0 { 0f64.max(wide.low) } else { wide.low }, ..wide }.times(factor)
}

/// `ca·a + cb·b + cm·a·b + c`; `square` if `b` is `a`.
fn elementwise(coefficients: [&[f32]; 2], cb: f64, cm: f64, args: &[&[Interval]], square: bool) -> Vec<Interval> {
    let at = |v: &[f32], i: usize| f64::from(if v.len() == 1 { v[0] } else { v[i] });
    let one = |(i, &a): (usize, &Interval)| {
        let (ca, c) = (at(coefficients[0], i), Interval::point(at(coefficients[1], i)));
        let b = args.get(1).map_or(Interval::point(0.0), |b| b[i]);
        let sum = match square {
            true => quadratic(ca + cb, cm, a),
            false if cm == 0.0 => a.times(ca).plus(b.times(cb)),
            false => a.times(ca).plus(b.times(cb)).plus(a.product(b).times(cm)),
        };
        let size = ca.abs() * a.magnitude() + cb.abs() * b.magnitude() + cm.abs() * a.magnitude() * b.magnitude() + c.magnitude();
        let sum = rounded(sum.plus(c), 4, size);
        // A square is not negative.
        match square && ca == 0.0 && cb == 0.0 && cm >= 0.0 {
            true => Interval { low: sum.low.max(c.low - ULP * c.low.abs()), ..sum },
            false => sum,
        }
    };
    args[0].par_iter().enumerate().map(one).collect()
}

/// `p·x + q·x²`: it turns at `−p / 2q`.
fn quadratic(p: f64, q: f64, x: Interval) -> Interval {
    if !x.is_bounded() {
        return Interval::ALL;
    }
    let value = |x: f64| p * x + q * x * x;
    let turn = -p / (2.0 * q);
    let inside = if turn > x.low && turn < x.high { Some(value(turn)) } else { None };
    Interval::hull([value(x.low), value(x.high)].into_iter().chain(inside))
}

/// Widened by the rounding of a sum of `n` summands, whose magnitudes sum up to `size`.
fn rounded(sum: Interval, n: usize, size: f64) -> Interval {
    match size.is_finite() {
        true => sum.widened((n + 4) as f64 * ULP * size + TINY),
        false => Interval::ALL,
    }
}

fn linear_sum(linear: &Linear, node: &Node, args: &[&[Interval]], shapes: &[&[usize]]) -> Vec<Interval> {
    let channels = linear.bias.len();
    let plane: usize = match linear.channels {
        Channels::First => node.shape[2..].iter().product(),
        Channels::Last => 1,
    };
    let one = |i: usize| {
        let bias = f64::from(linear.bias[i / plane % channels]);
        let (mut sum, mut size, mut n) = (Interval::point(bias), bias.abs(), 1);
        let mut add = |weight: f64, x: Interval| {
            sum = sum.plus(x.times(weight));
            size += if weight == 0.0 { 0.0 } else { weight.abs() * x.magnitude() };
            n += 1;
        };
        for ((term, x), shape) in linear.terms.iter().zip(args).zip(shapes) {
            match term {
                Term::Scale(factor) => add(f64::from(*factor), x[i]),
                Term::Conv(conv) if linear.channels == Channels::Last => {
                    let inputs = conv.weights.len() / channels;
                    let row = &x[i / channels * inputs..][..inputs];
                    conv.weights[i % channels * inputs..][..inputs].iter().zip(row).for_each(|(&w, &x)| add(f64::from(w), x));
                }
                Term::Conv(conv) => taps(conv, i, shape, &node.shape, |w, at| add(f64::from(w), x[at])),
            }
        }
        rounded(sum, n, size)
    };
    (0..node.elements()).into_par_iter().map(one).collect()
}

/// Each weight of output `i` of a convolution, with the element that it meets.
fn taps(conv: &Conv, i: usize, from: &[usize], to: &[usize], mut each: impl FnMut(f32, usize)) {
    let (channels, height, width) = (from[1], from[2], from[3]);
    let (outputs, rows, cols) = (to[1], to[2], to[3]);
    let (batch, o, row, col) = (i / (outputs * rows * cols), i / (rows * cols) % outputs, i / cols % rows, i % cols);
    let (inputs_per_group, outputs_per_group) = (channels / conv.groups, outputs / conv.groups);
    let at = |axis: usize, place: usize, tap: usize, size: usize| {
        (place * conv.stride[axis] + tap * conv.dilation[axis]).checked_sub(conv.pad_before[axis]).filter(|&v| v < size)
    };
    for c in 0..inputs_per_group {
        let plane = (batch * channels + o / outputs_per_group * inputs_per_group + c) * height;
        for tap in 0..conv.kernel[0] * conv.kernel[1] {
            let (down, across) = (tap / conv.kernel[1], tap % conv.kernel[1]);
            if let (Some(h), Some(v)) = (at(0, row, down, height), at(1, col, across, width)) {
                let weight = conv.weights[(o * inputs_per_group + c) * conv.kernel[0] * conv.kernel[1] + tap];
                each(weight, (plane + h) * width + v);
            }
        }
    }
}

#[cfg(test)]
mod tests;
