//! ScatterElements, ScatterND and Scatter: a tensor with elements replaced, at constant indices that occur once.
//!
//! ```text
//! y = x but for      y[…before, indices[j], …after] = updates[j]          j = […before, i, …after]
//!                    y[…indices[k, :], …rest] = updates[k, …rest]         ScatterND
//! ```

use sworn_circuits::graph::NodeId;

use crate::error::Problem;
use crate::graph::{Op, Source};
use crate::operator::{elements, Operator, Value};
use crate::ops::gather_elements::targets;
use crate::ops::gather_nd::tuples;
use crate::ops::Lowered;

/// ScatterElements, and Scatter as it was called before.
pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    check_reduction(op)?;
    let (shape, places) = targets(op)?;
    replaced(op, &shape, &places)
}

/// ScatterND.
pub(super) fn nd(op: &mut Operator<'_>) -> Lowered {
    check_reduction(op)?;
    let of = op.shape(0)?;
    let (outer, tuple, offsets) = tuples(op, 0)?;
    let shape = [&outer, &of[tuple..]].concat();
    op.allot::<usize>(elements(&shape)?)?;
    let slice: usize = of[tuple..].iter().product();
    let places: Vec<usize> = offsets.iter().flat_map(|&offset| offset..offset + slice).collect();
    replaced(op, &shape, &places)
}

/// What is there before is replaced, not added to or the like.
fn check_reduction(op: &Operator<'_>) -> Result<(), Problem> {
    match op.opset {
        ..16 => Ok(()),
        _ => match op.string("reduction", "none")? {
            "none" => Ok(()),
            other => Err(Problem::Attribute { attribute: "reduction", value: other.to_string() }),
        },
    }
}

/// Input 0, with the elements at these flat indices replaced by those of input 2, which has that shape.
fn replaced(op: &mut Operator<'_>, shape: &[usize], places: &[usize]) -> Lowered {
    if op.shape(2)? != shape {
        return Err(Problem::Malformed { rule: "the updates have not the shape that the indices give" });
    }
    let of = op.shape(0)?;
    let mut inputs = Vec::new();
    let mut sources = all_of(op, 0, &mut inputs)?;
    let updates = all_of(op, 2, &mut inputs)?;
    op.allot::<bool>(sources.len())?;
    let mut written = vec![false; sources.len()];
    for (&place, update) in places.iter().zip(updates) {
        if std::mem::replace(&mut written[place], true) {
            return Err(Problem::Feature { feature: "an element that is replaced twice" });
        }
        sources[place] = update;
    }
    Ok(vec![Value::Node(op.push(Op::Gather(sources), inputs, of)?)])
}

/// The elements of input `i`; a computed one is added to what the node reads.
fn all_of(op: &Operator<'_>, i: usize, inputs: &mut Vec<NodeId>) -> Result<Vec<Source>, Problem> {
    let count = elements(&op.shape(i)?)?;
    op.allot::<Source>(count)?;
    Ok(match op.value(i)? {
        Value::Constant(_) => op.constant_floats(i)?.1.into_iter().map(Source::Constant).collect(),
        Value::Node(id) => {
            inputs.push(id);
            let input = inputs.len() as u32 - 1;
            (0..count as u32).map(|index| Source::Element { input, index }).collect()
        }
    })
}
