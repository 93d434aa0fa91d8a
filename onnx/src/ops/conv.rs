//! Conv: convolution over one or two spatial axes, with groups; one axis is an image of height 1.
//!
//! ```text
//! x : [batch, channels, height, width]      w : [outputs, channels / groups, kernel height, kernel width]
//! y[n, o, i, j] = b[o] + Σ w[o, c, k, l] · x[n, group(o)·channels/groups + c, i·s₀ + k·d₀ − p₀, j·s₁ + l·d₁ − p₁]
//! ```

use sworn_circuits::graph::Channels;

use crate::error::Problem;
use crate::graph::{Conv, Linear, Op, Term};
use crate::operator::{Operator, Value};
use crate::ops::window::{windows, Extras, Window};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let shape = op.shape(0)?;
    if shape.len() != 3 && shape.len() != 4 {
        return Err(Problem::Rank { input: 0, expected: "3 or 4 (convolutions over one or two axes)", actual: shape.len() });
    }
    let (weight_shape, weights) = op.constant_floats(1)?;
    if weight_shape.len() != shape.len() {
        return Err(Problem::Rank { input: 1, expected: "that of input 0", actual: weight_shape.len() });
    }
    let kernel = &weight_shape[2..];
    if op.ints("kernel_shape")?.is_some_and(|k| !k.is_empty() && !k.iter().map(|&d| d as usize).eq(kernel.iter().copied())) {
        return Err(Problem::Malformed { rule: "kernel_shape is not the shape of the weights" });
    }
    let outputs = weight_shape[0];
    let groups = usize::try_from(op.int("group", 1)?).unwrap_or(0);
    if groups == 0 || outputs % groups != 0 || outputs == 0 || weight_shape[1].checked_mul(groups) != Some(shape[1]) {
        return Err(Problem::Malformed { rule: "channels, groups and weights do not fit" });
    }
    let bias = if op.has(2) { op.constant_floats(2)?.1 } else { vec![0.0; outputs] };
    if bias.len() != outputs {
        return Err(Problem::Malformed { rule: "the bias has one value for each output channel" });
    }
    let axes = windows(op, &shape[2..], kernel, Extras { dilations: true, ceil_mode: false })?;
    let planar = with_height(&axes);
    let conv = Conv {
        kernel: planar.map(|w| w.kernel),
        stride: planar.map(|w| w.stride),
        pad_before: planar.map(|w| w.before),
        dilation: planar.map(|w| w.dilation),
        groups,
        weights,
    };
    let x = op.node(0)?;
    let image = op.reshaped(x, vec![shape[0], shape[1], planar[0].input, planar[1].input])?;
    let linear = Linear { channels: Channels::First, terms: vec![Term::Conv(conv)], bias };
    let y = op.push(Op::Linear(linear), vec![image], vec![shape[0], outputs, planar[0].output, planar[1].output])?;
    let shape = [shape[0], outputs].into_iter().chain(axes.iter().map(|w| w.output)).collect();
    Ok(vec![Value::Node(op.reshaped(y, shape)?)])
}

/// The windows of a two-dimensional convolution; one axis gets a height of 1.
pub(super) fn with_height(axes: &[Window]) -> [Window; 2] {
    const ROW: Window = Window { input: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, output: 1 };
    match axes {
        [height, width] => [*height, *width],
        [width] => [ROW, *width],
        _ => [ROW, ROW],
    }
}
