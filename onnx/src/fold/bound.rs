//! Bound: how large a result can be, from shapes and values, before anything is computed.

use tract_onnx::pb::NodeProto;

use crate::tensor::{Data, Tensor};

/// An upper bound on the elements of the largest output; none if there is none to be known.
pub(super) fn largest_output(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Option<usize> {
    let input = |i: usize| inputs.get(i).copied().flatten();
    let shape = |i: usize| input(i).map_or(&[][..], |t| t.shape.as_slice());
    match node.op_type.as_str() {
        "BlackmanWindow" | "HammingWindow" | "HannWindow" => one(input(0)?),
        "Concat" => inputs.iter().flatten().try_fold(0usize, |n, t| n.checked_add(t.len())),
        "Einsum" => einsum(node, inputs),
        "Expand" => broadcast(&[shape(0), &sizes(input(1)?)?]),
        "Gather" => {
            let length = shape(0).iter().copied().min().unwrap_or(1).max(1);
            (input(0)?.len() / length).checked_mul(input(1)?.len().max(1))
        }
        "GatherND" => input(1)?.len().max(1).checked_mul(product(shape(0).get(*shape(1).last()?..)?)?),
        "NonZero" => input(0)?.len().checked_mul(shape(0).len().max(1)),
        "OneHot" => input(0)?.len().max(1).checked_mul(one(input(1)?)?),
        "Tile" => {
            let repeats = sizes(input(1)?)?;
            product(shape(0))?.checked_mul(product(&repeats)?)
        }
        _ => broadcast(&inputs.iter().flatten().map(|t| t.shape.as_slice()).collect::<Vec<_>>()),
    }
}

/// Broadcasting, reductions, movement and products of matrices stay below the product of the largest dimensions.
fn broadcast(shapes: &[&[usize]]) -> Option<usize> {
    let rank = shapes.iter().map(|s| s.len()).max().unwrap_or(0);
    let largest = |i: usize| shapes.iter().filter_map(|s| s.iter().rev().nth(i)).copied().max().unwrap_or(1);
    product(&(0..rank).map(largest).collect::<Vec<_>>())
}

fn product(sizes: &[usize]) -> Option<usize> {
    sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)))
}

fn sizes(tensor: &Tensor) -> Option<Vec<usize>> {
    match &tensor.data {
        Data::Int(values) => values.iter().map(|&v| usize::try_from(v).ok()).collect(),
        _ => None,
    }
}

/// The only element, as a length.
fn one(tensor: &Tensor) -> Option<usize> {
    match &tensor.data {
        Data::Int(values) if values.len() == 1 => Some(usize::try_from(values[0]).unwrap_or(0)),
        _ => None,
    }
}

/// The product of all lengths that the equation names, which also bounds the work; no ellipsis.
fn einsum(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Option<usize> {
    let equation = node.attribute.iter().find(|a| a.name == "equation").and_then(|a| std::str::from_utf8(&a.s).ok())?;
    let (operands, _) = equation.split_once("->").unwrap_or((equation, ""));
    let operands: Vec<&str> = operands.split(',').map(str::trim).collect();
    if operands.len() != inputs.len() {
        return None;
    }
    let mut lengths = std::collections::BTreeMap::new();
    for (letters, input) in operands.into_iter().zip(inputs) {
        let shape = &(*input)?.shape;
        if letters.len() != shape.len() || !letters.bytes().all(|b| b.is_ascii_alphabetic()) {
            return None;
        }
        for (letter, &length) in letters.bytes().zip(shape) {
            if *lengths.entry(letter).or_insert(length) != length {
                return None;
            }
        }
    }
    product(&lengths.into_values().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::AttributeProto;

    fn node(op: &str) -> NodeProto {
        NodeProto { op_type: op.into(), ..Default::default() }
    }

    fn filled(shape: &[usize]) -> Tensor {
        Tensor::new(shape.to_vec(), Data::Float(vec![0.0; shape.iter().product()]))
    }

    #[test]
    fn values_decide_where_they_are_shapes() {
        let ints = |v: &[i64]| Tensor::vector(v.to_vec());
        let bound = |op: &str, inputs: &[&Tensor]| largest_output(&node(op), &inputs.iter().map(|&t| Some(t)).collect::<Vec<_>>());
        let x = filled(&[2, 1, 3]);
        assert_eq!(bound("Add", &[&x, &filled(&[5, 1])]), Some(2 * 5 * 3));
        assert_eq!(bound("Expand", &[&x, &ints(&[7, 1])]), Some(2 * 7 * 3));
        assert_eq!(bound("Expand", &[&x, &ints(&[i64::MAX, i64::MAX])]), None);
        assert_eq!(bound("Tile", &[&x, &ints(&[1 << 20, 1 << 20, 1])]), Some(6 << 40));
        assert_eq!(bound("OneHot", &[&filled(&[3]), &ints(&[1 << 40]), &filled(&[2])]), Some(3 << 40));
        assert_eq!(bound("HannWindow", &[&ints(&[1 << 40])]), Some(1 << 40));
    }

    #[test]
    fn einsum_is_bounded_by_all_its_letters() {
        let equation = |text: &str| {
            let attribute = vec![AttributeProto { name: "equation".into(), s: text.as_bytes().to_vec(), ..Default::default() }];
            NodeProto { op_type: "Einsum".into(), attribute, ..Default::default() }
        };
        let (a, b) = (filled(&[2, 3]), filled(&[3, 5]));
        assert_eq!(largest_output(&equation("ij,jk->ik"), &[Some(&a), Some(&b)]), Some(30));
        assert_eq!(largest_output(&equation("ij,ik->jk"), &[Some(&a), Some(&b)]), None);
        assert_eq!(largest_output(&equation("...j,jk"), &[Some(&a), Some(&b)]), None);
    }
}
