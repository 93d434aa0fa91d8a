//! Known: the operators that `tract` computes as ONNX defines them, and which attributes it reads.
//!
//! An attribute that stands in no list is refused: `tract` passes over what it does not know. The others are lowered into a
//! graph of their own, which is evaluated; so are these where `tract` refuses.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto};

use crate::error::Problem;

/// Name, and the attributes that are read.
const KNOWN: &[(&str, &[&str])] = &[
    ("Abs", &[]),
    ("Add", &[]),
    ("And", &[]),
    ("ArgMax", &["axis", "keepdims", "select_last_index"]),
    ("ArgMin", &["axis", "keepdims", "select_last_index"]),
    ("BitwiseAnd", &[]),
    ("BitwiseNot", &[]),
    ("BitwiseOr", &[]),
    ("BitwiseXor", &[]),
    ("BlackmanWindow", &["output_datatype", "periodic"]),
    ("Ceil", &[]),
    ("Clip", &[]),
    ("Compress", &["axis"]),
    ("Concat", &["axis"]),
    ("CumSum", &["exclusive", "reverse"]),
    ("DequantizeLinear", &["axis"]),
    ("Div", &[]),
    ("Einsum", &["equation"]),
    ("Equal", &[]),
    ("Expand", &[]),
    ("EyeLike", &["dtype", "k"]),
    ("Flatten", &["axis"]),
    ("Floor", &[]),
    ("Gather", &["axis"]),
    ("GatherElements", &["axis"]),
    ("GatherND", &["batch_dims"]),
    ("Greater", &[]),
    ("GreaterOrEqual", &[]),
    ("HammingWindow", &["output_datatype", "periodic"]),
    ("HannWindow", &["output_datatype", "periodic"]),
    ("Hardmax", &["axis"]),
    ("IsInf", &["detect_negative", "detect_positive"]),
    ("IsNaN", &[]),
    ("LayerNormalization", &["axis", "epsilon"]),
    ("Less", &[]),
    ("LessOrEqual", &[]),
    ("LogSoftmax", &["axis"]),
    ("MatMul", &[]),
    ("Max", &[]),
    ("Min", &[]),
    ("Mod", &["fmod"]),
    ("Mul", &[]),
    ("Neg", &[]),
    ("NonZero", &[]),
    ("Not", &[]),
    ("OneHot", &["axis"]),
    ("Or", &[]),
    ("Pow", &[]),
    ("ReduceLogSumExp", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceMax", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceMin", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceProd", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceSum", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("Reshape", &["allowzero"]),
    ("ScatterElements", &["axis", "reduction"]),
    ("ScatterND", &["reduction"]),
    ("Sign", &[]),
    ("Slice", &["axes", "ends", "starts"]),
    ("Softmax", &["axis"]),
    ("Split", &["axis", "num_outputs", "split"]),
    ("Squeeze", &["axes"]),
    ("Sub", &[]),
    ("Sum", &[]),
    ("Tile", &[]),
    ("TopK", &["axis", "largest"]),
    ("Transpose", &["perm"]),
    ("Trilu", &["upper"]),
    ("Unsqueeze", &["axes"]),
    ("Where", &[]),
    ("Xor", &[]),
];

/// Attributes that `tract` does not read, and the value that leaves the result as it is.
const DEFAULTS: &[(&str, &str, i64)] = &[
    ("DequantizeLinear", "block_size", 0),
    ("DequantizeLinear", "output_dtype", 0),
    ("LayerNormalization", "stash_type", 1),
    ("TopK", "sorted", 1),
];

/// Attributes that are 0 or 1, of whatever operator.
const SWITCHES: &[&str] = &[
    "allowzero",
    "detect_negative",
    "detect_positive",
    "exclusive",
    "fmod",
    "keepdims",
    "largest",
    "noop_with_empty_axes",
    "periodic",
    "reverse",
    "select_last_index",
    "upper",
];

/// Whether `tract` computes the operator.
pub(super) fn is_known(op: &str) -> bool {
    KNOWN.iter().any(|(name, _)| *name == op)
}

/// Every attribute of a known operator is one that is read, of the type that its name has everywhere.
pub(super) fn check_attributes(node: &NodeProto) -> Result<(), Problem> {
    let read = KNOWN.iter().find(|(name, _)| *name == node.op_type).map_or(&[][..], |(_, read)| read);
    for (i, attribute) in node.attribute.iter().enumerate() {
        let name = attribute.name.as_str();
        let is_default =
            DEFAULTS.iter().any(|&(op, known, value)| op == node.op_type && known == name && is_int(attribute) && attribute.i == value);
        let twice = node.attribute[..i].iter().any(|a| a.name == name);
        if twice || !is_default && !read.contains(&name) {
            return Err(Problem::UnknownAttribute { attribute: attribute.name.clone() });
        }
        let (fits, expected) = match name {
            _ if !attribute.ref_attr_name.is_empty() => (false, "a value"),
            "axes" | "ends" | "perm" | "split" | "starts" => (attribute.r#type == AttributeType::Ints as i32, "a list of integers"),
            "equation" | "reduction" => (attribute.r#type == AttributeType::String as i32, "a string"),
            "epsilon" => (attribute.r#type == AttributeType::Float as i32, "a float"),
            switch if SWITCHES.contains(&switch) => (is_int(attribute) && matches!(attribute.i, 0 | 1), "0 or 1"),
            _ => (is_int(attribute), "an integer"),
        };
        if !fits {
            return Err(Problem::AttributeType { attribute: attribute.name.clone(), expected });
        }
    }
    Ok(())
}

fn is_int(attribute: &AttributeProto) -> bool {
    attribute.r#type == AttributeType::Int as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_each_once() {
        assert!(KNOWN.is_sorted_by(|a, b| a.0 < b.0));
        assert!(KNOWN.iter().all(|(_, read)| read.is_sorted()));
        assert!(DEFAULTS.iter().all(|(op, _, _)| is_known(op)));
    }

    #[test]
    fn an_attribute_that_is_not_read_is_refused() {
        let int = |name: &str, i| AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i, ..Default::default() };
        let node = |op: &str, attribute| NodeProto { op_type: op.into(), attribute, ..Default::default() };
        assert_eq!(check_attributes(&node("DequantizeLinear", vec![int("block_size", 0), int("axis", 3)])), Ok(()));
        let unknown = |name: &str| Err(Problem::UnknownAttribute { attribute: name.into() });
        assert_eq!(check_attributes(&node("DequantizeLinear", vec![int("block_size", 2)])), unknown("block_size"));
        assert_eq!(check_attributes(&node("Add", vec![int("axis", 0)])), unknown("axis"));
        assert_eq!(check_attributes(&node("Trilu", vec![int("upper", 1), int("upper", 0)])), unknown("upper"));
        let refused = check_attributes(&node("Trilu", vec![int("upper", 2)]));
        assert_eq!(refused, Err(Problem::AttributeType { attribute: "upper".into(), expected: "0 or 1" }));
    }
}
