//! Resize and Upsample in mode `nearest`.
//!
//! ```text
//! y[i] = x[nearest(coordinate(i))] along each axis
//! half_pixel:          (i + 1/2)/s − 1/2            asymmetric:    i/s
//! pytorch_half_pixel:  the same, 0 for length 1     align_corners: i·(n − 1)/(m − 1)
//! half_pixel_symmetric, tf_half_pixel_for_nn: see `coordinate`
//! ```

use crate::error::Problem;
use crate::operator::{distinct_axes, dot, elements, strides, Operator, Value};
use crate::ops::Lowered;

/// Where an output element lies in the input: coordinate and rounding.
struct Rule {
    coordinate: String,
    nearest: String,
}

/// Upsample: scales as an attribute before opset 9, as an input from then on.
pub(super) fn upsample(op: &mut Operator<'_>) -> Lowered {
    if op.opset >= 10 {
        return Err(Problem::Feature { feature: "Upsample from opset 10 on, where Resize takes its place" });
    }
    require_nearest(op)?;
    let scales = if op.opset < 9 {
        op.floats("scales")?.ok_or(Problem::Malformed { rule: "the attribute scales is missing" })?.to_vec()
    } else {
        op.constant_floats(1)?.1
    };
    let rule = Rule { coordinate: "asymmetric".into(), nearest: "floor".into() };
    let from = op.shape(0)?;
    let shape = scaled(&from, &scales)?;
    nearest(op, &rule, shape, scales)
}

/// Resize: scales or sizes, of all axes or of those in the attribute `axes`.
pub(super) fn resize(op: &mut Operator<'_>) -> Lowered {
    require_nearest(op)?;
    let from = op.shape(0)?;
    let modern = op.opset >= 11;
    let rule = Rule {
        coordinate: if modern { op.string("coordinate_transformation_mode", "half_pixel")?.into() } else { "asymmetric".into() },
        nearest: if modern { op.string("nearest_mode", "round_prefer_floor")?.into() } else { "opset 10".into() },
    };
    if modern {
        // They are of the other modes, and of coordinates that are cropped.
        op.ignore_attributes(&["cubic_coeff_a", "exclude_outside", "extrapolation_value"]);
        op.ignore_input(1);
    }
    if op.flag_since("antialias", 18)? {
        return Err(Problem::Attribute { attribute: "antialias", value: "1".into() });
    }
    // Refuses what it does not know, also where no axis changes its length.
    place(&rule, 0, 1, 2, 2.0)?;
    let list = if op.opset >= 18 { op.ints("axes")? } else { None };
    let axes: Vec<usize> = match list {
        Some(list) => distinct_axes(list, from.len())?,
        None => (0..from.len()).collect(),
    };
    let policy = if op.opset >= 18 { op.string("keep_aspect_ratio_policy", "stretch")? } else { "stretch" };
    let scales_input = if modern { 2 } else { 1 };
    let given =
        |values: usize| if values == axes.len() { Ok(()) } else { Err(Problem::Malformed { rule: "one scale or size for each axis" }) };
    let mut scales = vec![1.0; from.len()];
    if op.has(scales_input) && op.constant(scales_input)?.len() > 0 {
        let values = op.constant_floats(scales_input)?.1;
        given(values.len())?;
        if policy != "stretch" {
            return Err(Problem::Attribute { attribute: "keep_aspect_ratio_policy", value: policy.to_string() });
        }
        axes.iter().zip(values).for_each(|(&a, s)| scales[a] = s);
        let shape = scaled(&from, &scales)?;
        return nearest(op, &rule, shape, scales);
    }
    let sizes = op.constant_ints(3)?;
    given(sizes.len())?;
    let mut shape = from.clone();
    for (&a, &size) in axes.iter().zip(&sizes) {
        shape[a] = usize::try_from(size).ok().filter(|&s| s > 0).ok_or(Problem::Malformed { rule: "a size is not positive" })?;
        scales[a] = shape[a] as f32 / from[a].max(1) as f32;
    }
    let ratios = axes.iter().map(|&a| scales[a]);
    let common = match policy {
        "stretch" => None,
        "not_larger" => ratios.reduce(f32::min),
        "not_smaller" => ratios.reduce(f32::max),
        other => return Err(Problem::Attribute { attribute: "keep_aspect_ratio_policy", value: other.to_string() }),
    };
    if let Some(scale) = common {
        for &a in &axes {
            scales[a] = scale;
            shape[a] = (scale * from[a] as f32 + 0.5).floor() as usize;
        }
    }
    nearest(op, &rule, shape, scales)
}

fn require_nearest(op: &Operator<'_>) -> Result<(), Problem> {
    match op.string("mode", "nearest")? {
        "nearest" => Ok(()),
        other => Err(Problem::Attribute { attribute: "mode", value: other.to_string() }),
    }
}

fn scaled(from: &[usize], scales: &[f32]) -> Result<Vec<usize>, Problem> {
    if scales.len() != from.len() || scales.iter().any(|&s| !(s.is_finite() && s > 0.0)) {
        return Err(Problem::Malformed { rule: "one positive scale for each axis" });
    }
    Ok(from.iter().zip(scales).map(|(&d, &s)| (d as f32 * s).floor() as usize).collect())
}

fn nearest(op: &mut Operator<'_>, rule: &Rule, shape: Vec<usize>, scales: Vec<f32>) -> Lowered {
    let from = op.shape(0)?;
    elements(&from)?;
    elements(&shape)?;
    op.allot::<usize>(shape.iter().sum())?;
    let places: Vec<Vec<usize>> = (0..from.len())
        .map(|a| (0..shape[a]).map(|i| place(rule, i, from[a], shape[a], scales[a])).collect::<Result<_, _>>())
        .collect::<Result<_, _>>()?;
    let steps = strides(&from);
    let x = op.node(0)?;
    let mut at = vec![0; from.len()];
    let y = op.moved(x, shape, |index| {
        at.iter_mut().zip(index).zip(&places).for_each(|((at, &i), places)| *at = places[i]);
        dot(&at, &steps)
    })?;
    Ok(vec![Value::Node(y)])
}

/// Which input element is nearest to output element `i`. In `f32`, as onnxruntime rounds.
fn place(rule: &Rule, i: usize, from: usize, to: usize, scale: f32) -> Result<usize, Problem> {
    if from == to && scale == 1.0 {
        return Ok(i);
    }
    let (i, n, m) = (i as f32, from as f32, to as f32);
    let coordinate = match rule.coordinate.as_str() {
        "half_pixel" => (i + 0.5) / scale - 0.5,
        "half_pixel_symmetric" => {
            let adjustment = m / (scale * n);
            n / 2.0 * (1.0 - adjustment) + (i + 0.5) / scale - 0.5
        }
        "pytorch_half_pixel" if to > 1 => (i + 0.5) / scale - 0.5,
        "pytorch_half_pixel" => 0.0,
        "align_corners" if to > 1 => i * (n - 1.0) / (m - 1.0),
        "align_corners" => 0.0,
        "asymmetric" => i / scale,
        "tf_half_pixel_for_nn" => (i + 0.5) / scale,
        other => return Err(Problem::Attribute { attribute: "coordinate_transformation_mode", value: other.to_string() }),
    };
    let rounded = match rule.nearest.as_str() {
        "round_prefer_floor" => (coordinate - 0.5).ceil(),
        "round_prefer_ceil" => (coordinate + 0.5).floor(),
        "floor" => coordinate.floor(),
        "ceil" => coordinate.ceil(),
        // Opset 10 left the rounding open; this is onnxruntime's.
        "opset 10" if scale < 1.0 => coordinate.ceil(),
        "opset 10" => coordinate.floor(),
        other => return Err(Problem::Attribute { attribute: "nearest_mode", value: other.to_string() }),
    };
    Ok((rounded.max(0.0) as usize).min(from - 1))
}
