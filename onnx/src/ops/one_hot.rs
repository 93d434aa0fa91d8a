//! OneHot of constants: for each index the whole axis of its values, of which one is "on".
//!
//! ```text
//! y[…before, d, …after] = on if d = index[…before, …after] mod depth, else off          values = [off, on]
//! ```
//!
//! An index outside `[−depth, depth)` is nowhere.

use crate::error::Problem;
use crate::operator::{axis, elements, Operator, Value, MAX_ELEMENTS};
use crate::ops::identity::doubles;
use crate::ops::Lowered;
use crate::tensor::{Data, Tensor};

pub(super) fn lower(op: &mut Operator<'_>) -> Lowered {
    let (all, depth, values) = (op.constant(0)?, op.constant(1)?, op.constant(2)?);
    let depth = match doubles(&depth.data)[..] {
        [depth] if (1.0..=MAX_ELEMENTS as f64).contains(&depth) => depth.trunc(),
        _ => return Err(Problem::InputType { input: 1, expected: "one number of elements" }),
    };
    if values.shape != [2] {
        return Err(Problem::Malformed { rule: "values has two elements" });
    }
    let mut shape = all.shape.clone();
    let at = axis(op.int("axis", -1)?, shape.len() + 1)?;
    shape.insert(at, depth as usize);
    op.allot::<[i64; 2]>(elements(&shape)?)?;
    let inner: usize = shape[at + 1..].iter().product();
    let mut is_on = vec![false; shape.iter().product()];
    for (k, index) in doubles(&all.data).into_iter().enumerate() {
        let index = index.trunc();
        if (-depth..depth).contains(&index) {
            let place = index.rem_euclid(depth) as usize;
            is_on[(k / inner * depth as usize + place) * inner + k % inner] = true;
        }
    }
    let is_on = is_on.into_iter().map(usize::from);
    let data = match &values.data {
        Data::Float(v) => Data::Float(is_on.map(|i| v[i]).collect()),
        Data::Double(v) => Data::Double(is_on.map(|i| v[i]).collect()),
        Data::Int(v) => Data::Int(is_on.map(|i| v[i]).collect()),
        Data::Bool(v) => Data::Bool(is_on.map(|i| v[i]).collect()),
    };
    Ok(vec![Value::Constant(Tensor { shape, data, kind: values.kind }.into())])
}
