//! MaxPool, AveragePool, GlobalMaxPool and GlobalAveragePool.
//!
//! ```text
//! max:      y[n, c, p] = max over the window of p             padding does not take part
//! average:  y[n, c, p] = Σ over the window of p / d(p)        d: elements counted, with the padding or without it
//! ```
//!
//! An average is a depthwise convolution. Its weights are 1/d when d is the same for all windows; otherwise they are 1
//! and a factor for each element follows.

use sworn_circuits::graph::{Channels, Max};

use crate::error::Problem;
use crate::graph::{Conv, Linear, Op, Term};
use crate::operator::{dot, elements, indices, strides, Operator, Value};
use crate::ops::conv::with_height;
use crate::ops::window::{kernel_shape, windows, Extras, Window};
use crate::ops::Lowered;

/// MaxPool over any number of spatial axes.
pub(super) fn max(op: &mut Operator<'_>) -> Lowered {
    let shape = spatial(op)?;
    if op.opset >= 8 {
        // Positions of the maxima, and the order that they are counted in.
        op.ignore_output(1);
        op.ignore_attributes(&["storage_order"]);
    }
    let extras = Extras { dilations: op.opset >= 10, ceil_mode: op.opset >= 10 };
    let axes = windows(op, &shape[2..], &kernel_shape(op, shape.len() - 2)?, extras)?;
    let out: Vec<usize> = axes.iter().map(|w| w.output).collect();
    let kernel: Vec<usize> = axes.iter().map(|w| w.kernel).collect();
    let planes = shape[0] * shape[1];
    let window = elements(&kernel)?;
    let all = elements(&[&[planes, window], out.as_slice()].concat())?;
    // Each window is a vector before it is a row of the list.
    let places = elements(&out)?;
    op.allot::<u32>(all + places * window)?;
    op.allot::<Vec<u32>>(places)?;
    let steps = strides(&shape[2..]);
    let mut plane_windows: Vec<u32> = Vec::with_capacity(window * out.iter().product::<usize>());
    for places in indices(&out, |w| inside(&axes, &kernel, w, &steps)) {
        let first = *places.first().ok_or(Problem::Malformed { rule: "a window covers nothing but padding" })?;
        plane_windows.extend((0..window).map(|t| places.get(t).copied().unwrap_or(first)));
    }
    let plane: usize = shape[2..].iter().product();
    let all = (0..planes).flat_map(|p| plane_windows.iter().map(move |&i| (p * plane) as u32 + i)).collect();
    let x = op.node(0)?;
    let y = op.push(Op::Max(Max { window, windows: all }), vec![x], [&shape[..2], &out].concat())?;
    Ok(vec![Value::Node(y)])
}

/// Places in the plane of the window at `w`, without the padding.
fn inside(axes: &[Window], kernel: &[usize], w: &[usize], steps: &[usize]) -> Vec<u32> {
    let place = |tap: &[usize]| {
        let at: Option<Vec<usize>> = axes.iter().zip(w).zip(tap).map(|((axis, &w), &t)| axis.position(w, t)).collect();
        at.map(|at| dot(&at, steps) as u32)
    };
    indices(kernel, place).into_iter().flatten().collect()
}

/// AveragePool over one or two spatial axes.
pub(super) fn average(op: &mut Operator<'_>) -> Lowered {
    let shape = spatial(op)?;
    if shape.len() > 4 {
        return Err(Problem::Rank { input: 0, expected: "3 or 4 (averages over one or two axes)", actual: shape.len() });
    }
    let extras = Extras { dilations: op.opset >= 19, ceil_mode: op.opset >= 10 };
    let axes = windows(op, &shape[2..], &kernel_shape(op, shape.len() - 2)?, extras)?;
    let include_pad = op.flag_since("count_include_pad", 7)?;
    let planar = with_height(&axes);
    let counted = |axis: &Window, w: usize| {
        (0..axis.kernel).filter(|&t| if include_pad { axis.in_padded(w, t) } else { axis.position(w, t).is_some() }).count()
    };
    let out = planar.map(|w| w.output);
    let plane = elements(&out)?;
    op.allot::<usize>(plane)?;
    let rows: Vec<usize> = (0..out[0]).map(|w| counted(&planar[0], w)).collect();
    let cols: Vec<usize> = (0..out[1]).map(|w| counted(&planar[1], w)).collect();
    let divisors: Vec<usize> = (0..plane).map(|i| rows[i / out[1]] * cols[i % out[1]]).collect();
    if divisors.contains(&0) {
        return Err(Problem::Malformed { rule: "a window covers nothing but padding" });
    }
    let uniform = divisors.iter().all(|&d| d == divisors[0]);
    let weight = if uniform { 1.0 / divisors[0] as f32 } else { 1.0 };
    let taps = elements(&[shape[1], planar[0].kernel, planar[1].kernel])?;
    op.allot::<f32>(taps)?;
    let conv = Conv {
        kernel: planar.map(|w| w.kernel),
        stride: planar.map(|w| w.stride),
        pad_before: planar.map(|w| w.before),
        dilation: planar.map(|w| w.dilation),
        groups: shape[1],
        weights: vec![weight; taps],
    };
    let x = op.node(0)?;
    let image = op.reshaped(x, vec![shape[0], shape[1], planar[0].input, planar[1].input])?;
    let linear = Linear { channels: Channels::First, terms: vec![Term::Conv(conv)], bias: vec![0.0; shape[1]] };
    let mut y = op.push(Op::Linear(linear), vec![image], vec![shape[0], shape[1], out[0], out[1]])?;
    if !uniform {
        let count = op.graph.node(y).elements();
        op.allot::<f32>(count)?;
        y = op.affine(y, (0..count).map(|i| 1.0 / divisors[i % plane] as f32).collect(), vec![0.0])?;
    }
    let to = shape[..2].iter().copied().chain(axes.iter().map(|w| w.output)).collect();
    Ok(vec![Value::Node(op.reshaped(y, to)?)])
}

/// GlobalAveragePool: the mean of each plane.
pub(super) fn global_average(op: &mut Operator<'_>) -> Lowered {
    let shape = spatial(op)?;
    let plane: usize = shape[2..].iter().product();
    let x = op.node(0)?;
    let y = op.push(Op::Reduce { inner: plane, factor: 1.0 / plane as f32 }, vec![x], ones_after_channels(&shape))?;
    Ok(vec![Value::Node(y)])
}

/// GlobalMaxPool: the maximum of each plane.
pub(super) fn global_max(op: &mut Operator<'_>) -> Lowered {
    let shape = spatial(op)?;
    let x = op.node(0)?;
    let count = op.graph.node(x).elements();
    op.allot::<u32>(count)?;
    let windows = (0..count as u32).collect();
    let max = Max { window: shape[2..].iter().product(), windows };
    Ok(vec![Value::Node(op.push(Op::Max(max), vec![x], ones_after_channels(&shape))?)])
}

fn ones_after_channels(shape: &[usize]) -> Vec<usize> {
    shape.iter().enumerate().map(|(i, &d)| if i < 2 { d } else { 1 }).collect()
}

/// Shape of a tensor with batch, channels and at least one spatial axis.
fn spatial(op: &Operator<'_>) -> Result<Vec<usize>, Problem> {
    let shape = op.shape(0)?;
    if shape.len() < 3 {
        return Err(Problem::Rank { input: 0, expected: "3 or more", actual: shape.len() });
    }
    elements(&shape)?;
    Ok(shape)
}
