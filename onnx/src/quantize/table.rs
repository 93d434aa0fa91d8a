//! Table: the domain of a function and its values on the integer grid.
//!
//! ```text
//! v = (q + z)·s_q,  q in [first, first + len)        values[q − first] = round(f(v) / s_y)
//! [first, first + len)·s_q holds the domain; f(v) beyond it by less than a step where that is a number within the range, else f of its end
//! ```
//!
//! `z` moves the range of the argument to the middle of the signed range of `q`, so that a one-sided argument loses no
//! bit; the accumulator's constant takes `−z·2^bits`, which is exact.
//!
//! The domain holds the calibrated range and as much of its margin as keeps `f` finite and below `margin` times its
//! largest value: `ln` or `exp` beyond the samples would spend the output's bits on values that no sample has.
//!
//! An argument that [reaches](super::reach) farther than its samples has a domain of that reach, halved until `f` is finite
//! and not too large: at most 8 times as large as over the samples, or, where it is next to nothing for them, 64 times as large as over
//! a quarter of the reach, as a cubic is.

use serde::{Deserialize, Serialize};

use crate::calibrate::Range;
use crate::error::OnnxError;

use super::plan::Function;

/// Points at which a function is examined on each side of its calibrated range, and inside.
const POINTS: u32 = 4096;

/// How much larger a function may be over what its argument reaches than over the samples.
const GROWTH: f64 = 8.0;
/// How much larger it may be than over a quarter of the reach, if it is next to nothing over the samples.
const GROWTH_FROM_ZERO: f64 = 64.0;
/// What is next to nothing beside what the function may be. Less, and a root of a constant near 0 would ask for an argument finer than
/// coefficients of 32 bits make it.
const NEGLIGIBLE: f64 = 1.0 / 64.0;
/// How often a reach is halved.
const HALVINGS: i32 = 64;
/// Steps of the argument that are rounding.
const ROUNDING: f64 = 1e-6;

/// The real domain of a function, and the largest absolute value it takes there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Domain {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) magnitude: f64,
}

/// The domain of `f` for arguments calibrated to `range`, which may lie `far` beyond it.
pub(super) fn domain(node: &str, f: Function<'_>, range: Range, margin: f64, far: f64) -> Result<Domain, OnnxError> {
    let inside = |i: u32| range.min + (range.max - range.min) * f64::from(i) / f64::from(POINTS);
    let mut magnitude = 0f64;
    for at in (0..=POINTS).map(inside) {
        let y = f.eval(at);
        if !y.is_finite() {
            let [at, low, high] = [at, range.min, range.max].map(|v| format!("{v:.6}"));
            return Err(OnnxError::FunctionNotFinite { node: node.to_string(), function: f.name().to_string(), at, low, high });
        }
        magnitude = magnitude.max(y.abs());
    }
    let limit = if magnitude > 0.0 { margin * magnitude } else { f64::INFINITY };
    let wide = range.widened(margin);
    let reach = |from: f64, to: f64| {
        let mut end = from;
        let mut largest = 0f64;
        for i in 1..=POINTS {
            let at = from + (to - from) * f64::from(i) / f64::from(POINTS);
            let y = f.eval(at).abs();
            if !y.is_finite() || y > limit {
                break;
            }
            (end, largest) = (at, largest.max(y));
        }
        (end, largest)
    };
    let ((low, below), (high, above)) = (reach(range.min, wide.min), reach(range.max, wide.max));
    let mut domain = Domain { low, high, magnitude: magnitude.max(below).max(above) };
    // What has a pole at 0 is told from it by an argument that is resolved.
    let far = if f.eval(0.0).is_finite() { far } else { far.min(GROWTH * range.magnitude()) };
    if far > 0.0 {
        let ((low, below), (high, above)) = (farther(f, range.min, -far, magnitude), farther(f, range.max, far, magnitude));
        domain = Domain { low: low.min(domain.low), high: high.max(domain.high), magnitude: domain.magnitude.max(below).max(above) };
    }
    Ok(domain)
}

/// How far `f` is followed from `from`, at most `far`, and its largest absolute value there. `magnitude` is that of the samples.
fn farther(f: Function<'_>, from: f64, far: f64, magnitude: f64) -> (f64, f64) {
    let largest = |to: f64| (0..=POINTS).map(|i| f.eval(from + to * f64::from(i) / f64::from(POINTS)).abs()).fold(0.0, nan_or_larger);
    let ends = (0..HALVINGS).map(|halvings| far * 2f64.powi(-halvings));
    let mut finite = ends.map(|to| (to, largest(to))).filter(|(_, size)| size.is_finite()).peekable();
    let first = finite.peek().copied();
    let limit = |to: f64| match (magnitude, largest(to / 4.0)) {
        // A step from 0, or a dead zone, says nothing of how the function grows.
        (0.0, 0.0) => f64::INFINITY,
        (_, quarter) if magnitude < quarter * NEGLIGIBLE => GROWTH_FROM_ZERO * quarter,
        _ => GROWTH * magnitude,
    };
    let grown = finite.find(|(to, size)| *size <= limit(*to));
    grown.or(first).map_or((from, 0.0), |(to, size)| (from + to, size))
}

/// The larger one, or NaN if there is one.
fn nan_or_larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// How an argument is represented: `v = (q + offset)·scale`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Argument {
    pub(super) scale: f64,
    pub(super) offset: i64,
}

/// The finest scale for which the domain fits the signed range; with an offset if the accumulator has a constant.
pub(super) fn finest_scale(domain: Domain, offset: bool, bits: u32) -> f64 {
    let half = f64::from(1u32 << (bits - 1));
    let span =
        if offset { (domain.high - domain.low) / (2.0 * half - 3.0) } else { domain.low.abs().max(domain.high.abs()) / (half - 1.0) };
    // The argument must resolve its own magnitude: a constant argument has no span.
    let scale = span.max(domain.low.abs().max(domain.high.abs()) * 2f64.powi(-20));
    if scale > 0.0 {
        scale
    } else {
        1.0 / (half - 1.0)
    }
}

/// The offset that centres the domain.
pub(super) fn centre(domain: Domain, scale: f64) -> i64 {
    ((domain.low + domain.high) / (2.0 * scale)).round() as i64
}

/// The first and the last argument of the table, before they are fitted into the signed range.
pub(super) fn ends(domain: Domain, argument: Argument) -> [i64; 2] {
    let grid = |v: f64| (v / argument.scale).clamp(-1e15, 1e15);
    // An end that rounding moves beyond its point is there.
    let low = (grid(domain.low) + ROUNDING).floor() as i64 - argument.offset;
    let high = (grid(domain.high) - ROUNDING).ceil() as i64 - argument.offset;
    [low, high.max(low)]
}

/// The first argument, and the real arguments of the table.
fn grid(domain: Domain, argument: Argument, bits: u32) -> (i64, impl Iterator<Item = f64>) {
    let half = 1i64 << (bits - 1);
    let [first, last] = ends(domain, argument).map(|end| end.clamp(-half, half - 1));
    (first, (first..=last).map(move |q| (q + argument.offset) as f64 * argument.scale))
}

/// The first argument, and the function at the points of the grid, in units of `scale`. An outermost point may lie up to a step beyond the
/// domain: where the function is none there, or too large for `bits`, it is that of the domain's end.
pub(super) fn reals(f: Function<'_>, domain: Domain, argument: Argument, scale: f64, bits: u32) -> (i64, impl Iterator<Item = f64> + '_) {
    let (first, points) = grid(domain, argument, bits);
    let most = f64::from(1u32 << (bits - 1)) - 0.5;
    let value = move |point: f64| {
        let value = f.eval(point) / scale;
        if value.abs() <= most {
            value
        } else {
            f.eval(point.clamp(domain.low, domain.high)) / scale
        }
    };
    (first, points.map(value))
}

/// The largest absolute value of the function at the points of the grid within the domain.
pub(super) fn largest(f: Function<'_>, domain: Domain, argument: Argument, bits: u32) -> f64 {
    let size = |point: f64| f.eval(point.clamp(domain.low, domain.high)).abs();
    grid(domain, argument, bits).1.map(size).filter(|size| size.is_finite()).fold(0.0, f64::max)
}

/// The first argument and the values.
pub(super) fn values(f: Function<'_>, domain: Domain, argument: Argument, scale: f64, bits: u32) -> (i32, Vec<i32>) {
    let half = 1i64 << (bits - 1);
    let (first, reals) = reals(f, domain, argument, scale, bits);
    (first as i32, reals.map(|real| (real.round() as i64).clamp(-half, half - 1) as i32).collect())
}
