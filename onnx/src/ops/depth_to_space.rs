//! DepthToSpace and SpaceToDepth: blocks of channels become blocks of the image, and back.
//!
//! ```text
//! DCR:  y[n, c, h·b + i, w·b + j] = x[n, (i·b + j)·C + c, h, w]
//! CRD:  y[n, c, h·b + i, w·b + j] = x[n, (c·b + i)·b + j, h, w]
//! ```

use crate::error::Problem;
use crate::operator::{Operator, Value};
use crate::ops::Lowered;

/// DepthToSpace.
pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let ([batch, channels, height, width], block) = arguments(op)?;
    let depth = channels / (block * block);
    if depth * block * block != channels {
        return Err(Problem::Malformed { rule: "the channels are no multiple of the block" });
    }
    let mode = if op.opset < 11 { "DCR" } else { op.string("mode", "DCR")? };
    let (shape, order) = match mode {
        "DCR" => (vec![batch, block, block, depth, height, width], [0, 3, 4, 1, 5, 2]),
        "CRD" => (vec![batch, depth, block, block, height, width], [0, 1, 4, 2, 5, 3]),
        other => return Err(Problem::Attribute { attribute: "mode", value: other.to_string() }),
    };
    rearranged(op, shape, order, vec![batch, depth, height * block, width * block])
}

/// SpaceToDepth.
pub(super) fn inverse(op: &mut Operator<'_>) -> Lowered {
    let ([batch, channels, height, width], block) = arguments(op)?;
    let (rows, cols) = (height / block, width / block);
    if rows * block != height || cols * block != width {
        return Err(Problem::Malformed { rule: "the image is no multiple of the block" });
    }
    let shape = vec![batch, channels, rows, block, cols, block];
    let mode = if op.opset < 28 { "DCR" } else { op.string("mode", "DCR")? };
    let order = match mode {
        "DCR" => [0, 3, 5, 1, 2, 4],
        "CRD" => [0, 1, 3, 5, 2, 4],
        other => return Err(Problem::Attribute { attribute: "mode", value: other.to_string() }),
    };
    rearranged(op, shape, order, vec![batch, channels * block * block, rows, cols])
}

fn arguments(op: &Operator<'_>) -> Result<([usize; 4], usize), Problem> {
    let shape = op.shape(0)?;
    let image = <[usize; 4]>::try_from(shape.as_slice()).map_err(|_| Problem::Rank { input: 0, expected: "4", actual: shape.len() })?;
    let block = usize::try_from(op.required_int("blocksize")?).ok().filter(|b| (1..1 << 16).contains(b));
    Ok((image, block.ok_or(Problem::Malformed { rule: "blocksize" })?))
}

fn rearranged(op: &mut Operator<'_>, split: Vec<usize>, order: [usize; 6], merged: Vec<usize>) -> Lowered {
    let x = op.node(0)?;
    let x = op.reshaped(x, split)?;
    let x = op.transposed(x, &order)?;
    Ok(vec![Value::Node(op.reshaped(x, merged)?)])
}
