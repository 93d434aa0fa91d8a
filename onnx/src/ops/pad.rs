//! Pad: elements before and after each axis; negative pads crop.
//!
//! ```text
//! constant: a value      edge: the nearest element      reflect: mirrored at the edge element      wrap: periodic
//! ```

use crate::error::Problem;
use crate::graph::{Op, Source};
use crate::operator::{distinct_axes, elements, indices, strides, Operator, Value};
use crate::ops::Lowered;

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let from = op.shape(0)?;
    let pads = pads(op, from.len())?;
    let mode = op.string("mode", "constant")?.to_string();
    let value = fill(op)?;
    let shape = from
        .iter()
        .zip(&pads)
        .map(|(&d, &(before, after))| {
            usize::try_from(d as i64 + before + after).map_err(|_| Problem::Malformed { rule: "a pad crops more than there is" })
        })
        .collect::<Result<Vec<_>, _>>()?;
    op.allot::<Source>(elements(&shape)?)?;
    let place: fn(i64, i64) -> Option<i64> = match mode.as_str() {
        "constant" => |i, n| (0..n).contains(&i).then_some(i),
        "edge" => |i, n| Some(i.clamp(0, n - 1)),
        "reflect" => |i, n| Some(mirrored(i, n)),
        "wrap" if op.opset >= 19 => |i, n| Some(i.rem_euclid(n)),
        _ => return Err(Problem::Attribute { attribute: "mode", value: mode }),
    };
    elements(&from)?;
    let steps = strides(&from);
    let sources = indices(&shape, |index| {
        let mut flat = 0;
        for (axis, &i) in index.iter().enumerate() {
            match place(i as i64 - pads[axis].0, from[axis] as i64) {
                Some(i) => flat += i as usize * steps[axis],
                None => return Source::Constant(value),
            }
        }
        Source::Element { input: 0, index: flat as u32 }
    });
    let x = op.node(0)?;
    Ok(vec![Value::Node(op.push(Op::Gather(sources), vec![x], shape)?)])
}

/// `…, 2, 1, 0, 1, 2, …, n − 1, n − 2, …`
fn mirrored(i: i64, n: i64) -> i64 {
    if n == 1 {
        return 0;
    }
    let period = 2 * (n - 1);
    let i = i.rem_euclid(period);
    i.min(period - i)
}

/// Elements before and after each axis.
fn pads(op: &Operator<'_>, rank: usize) -> Result<Vec<(i64, i64)>, Problem> {
    let list = op.ints_or_input("pads", 1, 11)?.ok_or(Problem::MissingInput { input: 1 })?;
    let axes: Vec<usize> = if op.opset >= 18 && op.has(3) { distinct_axes(&op.constant_ints(3)?, rank)? } else { (0..rank).collect() };
    if list.len() != 2 * axes.len() || list.iter().any(|p| p.unsigned_abs() > 1 << 31) {
        return Err(Problem::Malformed { rule: "pads has two values for each axis" });
    }
    let mut pads = vec![(0, 0); rank];
    for (i, &a) in axes.iter().enumerate() {
        pads[a] = (list[i], list[axes.len() + i]);
    }
    Ok(pads)
}

/// The value of mode `constant`.
fn fill(op: &Operator<'_>) -> Result<f32, Problem> {
    if op.opset < 11 {
        return op.float("value", 0.0);
    }
    if op.has(2) {
        op.constant_float(2)
    } else {
        Ok(0.0)
    }
}
