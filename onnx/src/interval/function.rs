//! The image of an interval under a function of one variable.
//!
//! The rule: a function is monotone between neighbours of its list of places, and has at each of them the value there and those right
//! beside it, on either side of a jump. So its image of `[lo, hi]` is the hull of its values at `lo`, at `hi`, and at and beside the places
//! between them. Where a value is no number, at a pole or outside the domain, the image is not bounded.
//!
//! | function | places |
//! |---|---|
//! | `Abs, Cosh, LeakyRelu, Elu, Selu, Celu` | 0 |
//! | `Gelu`, `GeluTanh`, `Mish` | their minimum, which stands here to all digits |
//! | `Swish` α | −1.278464542761074 / α |
//! | `HardSwish` | −3, −3/2, 3 |
//! | `Shrink` λ, `ThresholdedRelu` α | the jumps −λ and λ, α |
//! | `Power` p, `Reciprocal` | 0: a minimum, a bend or a pole |
//! | `Sin`, `Cos`, `Tan` | multiples of π/2: a turn, or a pole |
//! | all others | none: they rise or fall throughout |
//!
//! A composed function is bounded step by step on [`PIECES`] pieces of the interval, as steps know nothing of each other.

use std::f64::consts::FRAC_PI_2;

use super::{Interval, TINY, ULP};
use crate::pointwise::{Pointwise, Step};
use crate::unary::Unary;

/// Pieces of an interval that a composed function is bounded on.
const PIECES: u32 = 256;
/// What the functions of `f64` lose at most, as a fraction of the argument's or the value's magnitude.
const LOSS: f64 = 1.0 / (1u64 << 44) as f64;
const GELU_MINIMUM: f64 = -0.751_791_524_693_564_5;
const GELU_TANH_MINIMUM: f64 = -0.752_461_422_071_016_2;
const MISH_MINIMUM: f64 = -1.192_431_214_515_495_2;
const SWISH_MINIMUM: f64 = -1.278_464_542_761_074;

/// The places of a function that matter for `[lo, hi]`; `None` if it may have a pole there.
fn places(f: Unary, x: Interval) -> Option<Vec<f64>> {
    let has = |at: f64| x.low <= at && at <= x.high;
    Some(match f {
        Unary::Abs | Unary::Cosh | Unary::LeakyRelu { .. } | Unary::Elu { .. } | Unary::Selu { .. } | Unary::Celu { .. } => vec![0.0],
        Unary::Gelu => vec![GELU_MINIMUM],
        Unary::GeluTanh => vec![GELU_TANH_MINIMUM],
        Unary::Mish => vec![MISH_MINIMUM],
        Unary::Swish { alpha } => vec![SWISH_MINIMUM / f64::from(alpha)],
        Unary::HardSwish => vec![-3.0, -1.5, 3.0],
        Unary::Shrink { lambda, .. } => vec![f64::from(-lambda), f64::from(lambda)],
        Unary::ThresholdedRelu { alpha } => vec![f64::from(alpha)],
        Unary::Reciprocal if has(0.0) => return None,
        Unary::Power { exponent } if !exponent.is_finite() => return None,
        Unary::Power { exponent } if exponent < 0.0 && has(0.0) => return None,
        // A power of a negative number is one only for whole exponents.
        Unary::Power { exponent } if exponent.fract() != 0.0 && x.low < 0.0 => return None,
        Unary::Power { .. } => vec![0.0],
        Unary::Sin | Unary::Cos | Unary::Tan => return quarters(f, x),
        _ => Vec::new(),
    })
}

/// Multiples of π/2 in an interval, as many as make a period, or `None` where a tangent has a pole at one.
fn quarters(f: Unary, x: Interval) -> Option<Vec<f64>> {
    // Far from 0 a multiple of π/2 is not known well enough.
    if x.magnitude() > 1e6 {
        return None;
    }
    let first = (x.low / FRAC_PI_2).floor();
    let count = ((x.high / FRAC_PI_2).ceil() - first + 1.0).min(8.0);
    let quarters: Vec<f64> = (0..count as u32).map(|i| first + f64::from(i)).collect();
    let odd = |k: &f64| k.rem_euclid(2.0) == 1.0;
    // A pole is not told from its neighbourhood.
    let near = |k: f64| k * FRAC_PI_2 >= x.low - 1e-6 && k * FRAC_PI_2 <= x.high + 1e-6;
    match f {
        Unary::Tan if quarters.iter().any(|k| odd(k) && near(*k)) => None,
        _ => Some(quarters.into_iter().map(|k| k * FRAC_PI_2).collect()),
    }
}

/// What a function keeps to, whatever its argument.
fn codomain(f: Unary) -> Interval {
    let (low, high) = match f {
        Unary::Abs | Unary::Exp | Unary::Relu | Unary::Softplus | Unary::Sqrt => (0.0, f64::INFINITY),
        Unary::HardSigmoid { .. } | Unary::Sigmoid => (0.0, 1.0),
        Unary::Cos | Unary::Erf | Unary::Sign | Unary::Sin | Unary::Softsign | Unary::Tanh => (-1.0, 1.0),
        _ => return Interval::ALL,
    };
    Interval { low, high }
}

/// The image of an interval.
pub(super) fn unary(f: Unary, x: Interval) -> Interval {
    let all = codomain(f);
    let Some(places) = places(f, x) else { return all };
    let inside = places.into_iter().filter(|at| at.is_finite()).flat_map(|at| [at.next_down(), at, at.next_up()]);
    let inside = inside.filter(|&at| x.low < at && at < x.high);
    let values = [x.low, x.high].into_iter().chain(inside).map(|at| f.apply(at));
    let hull = Interval::hull(values);
    let lost = LOSS * x.magnitude().min(1e30) + ULP * hull.magnitude().min(f64::MAX) + TINY;
    let wide = hull.widened(lost);
    Interval { low: wide.low.max(all.low), high: wide.high.min(all.high) }
}

/// The image of an interval under a composed function.
pub(super) fn pointwise(f: &Pointwise, x: Interval) -> Interval {
    if !x.is_bounded() {
        return steps(f, x);
    }
    let at = |i: u32| x.low + (x.high - x.low) * f64::from(i) / f64::from(PIECES);
    let piece = |i: u32| Interval { low: at(i), high: if i + 1 == PIECES { x.high } else { at(i + 1) } };
    match x.low < x.high {
        true => (0..PIECES).map(|i| steps(f, piece(i))).reduce(Interval::union).unwrap_or(Interval::ALL),
        false => steps(f, x),
    }
}

fn steps(f: &Pointwise, x: Interval) -> Interval {
    let mut values = vec![x];
    for step in f.steps() {
        values.push(match *step {
            Step::Unary(f, i) => unary(f, values[i]),
            Step::Combine { of: [i, j], ca, cb, cm, c } => {
                let (a, b) = (values[i], values[j]);
                let sum = a.times(ca).plus(b.times(cb)).plus(if cm == 0.0 { Interval::point(0.0) } else { a.product(b).times(cm) });
                let parts = [(ca, a.magnitude()), (cb, b.magnitude()), (cm, a.magnitude() * b.magnitude()), (1.0, c.abs())];
                let size: f64 = parts.iter().filter(|(factor, _)| *factor != 0.0).map(|(factor, size)| factor.abs() * size).sum();
                match size.is_finite() {
                    true => sum.plus(Interval::point(c)).widened(LOSS * size),
                    false => Interval::ALL,
                }
            }
        });
    }
    values.last().copied().unwrap_or(x)
}
