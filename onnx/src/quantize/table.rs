//! Table: the domain of a function and its values on the integer grid.
//!
//! ```text
//! v = (q + z)·s_q,  q in [first, first + len)        values[q − first] = round(f(v) / s_y)
//! ```
//!
//! `z` moves the range of the argument to the middle of the signed range of `q`, so that a one-sided argument loses no
//! bit; the accumulator's constant takes `−z·2^bits`, which is exact.
//!
//! The domain holds the calibrated range and as much of its margin as keeps `f` finite and below `margin` times its
//! largest value: `ln` or `exp` beyond the samples would spend the output's bits on values that no sample has.

use serde::{Deserialize, Serialize};

use crate::calibrate::Range;
use crate::error::OnnxError;

use super::plan::Function;

/// Points at which a function is examined on each side of its calibrated range, and inside.
const POINTS: u32 = 4096;

/// The real domain of a function, and the largest absolute value it takes there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Domain {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) magnitude: f64,
}

/// The domain of `f` for arguments calibrated to `range`.
pub(super) fn domain(node: &str, f: Function<'_>, range: Range, margin: f64) -> Result<Domain, OnnxError> {
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
    Ok(Domain { low, high, magnitude: magnitude.max(below).max(above) })
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
    span.max(domain.low.abs().max(domain.high.abs()) * 2f64.powi(-20)).max(f64::MIN_POSITIVE * 1e30)
}

/// The offset that centres the domain.
pub(super) fn centre(domain: Domain, scale: f64) -> i64 {
    ((domain.low + domain.high) / (2.0 * scale)).round() as i64
}

/// The first argument, and the real arguments of the table.
pub(super) fn points(domain: Domain, argument: Argument, bits: u32) -> (i64, impl Iterator<Item = f64>) {
    let half = 1i64 << (bits - 1);
    let grid = |v: f64| (v / argument.scale).clamp(-1e15, 1e15);
    let first = (grid(domain.low).floor() as i64 - argument.offset).clamp(-half, half - 1);
    let last = (grid(domain.high).ceil() as i64 - argument.offset).clamp(first, half - 1);
    let point = move |q: i64| ((q + argument.offset) as f64 * argument.scale).clamp(domain.low, domain.high);
    (first, (first..=last).map(point))
}

/// The first argument and the values.
pub(super) fn values(f: Function<'_>, domain: Domain, argument: Argument, scale: f64, bits: u32) -> (i32, Vec<i32>) {
    let half = 1i64 << (bits - 1);
    let (first, points) = points(domain, argument, bits);
    let value = |v: f64| ((f.eval(v) / scale).round() as i64).clamp(-half, half - 1) as i32;
    (first as i32, points.map(value).collect())
}
