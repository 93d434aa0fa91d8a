//! Names of a model as text that can be shown.
//!
//! A file may name its nodes and tensors as it likes: by sequences that a terminal obeys, by line breaks behind which stands a message
//! that is not ours, by marks that hide text or turn its direction. Names go into errors, keys, receipts and contracts. So they are made
//! printable where they come in, with `\u{..}` for what is not. `\` is `\\`: no two names become one.

use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{ModelProto, ValueInfoProto};

/// A name whose every character has a shape and a place of its own.
pub(crate) fn printable(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '\'' | '"' => text.push(c),
            _ => text.extend(c.escape_debug()),
        }
    }
    text
}

fn escape(name: &mut String) {
    if !name.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
        *name = printable(name);
    }
}

/// Makes all names of a model printable.
pub(crate) fn make_printable(model: &mut ModelProto) {
    let Some(graph) = &mut model.graph else { return };
    for node in &mut graph.node {
        [&mut node.name, &mut node.op_type, &mut node.domain].into_iter().for_each(escape);
        node.input.iter_mut().chain(&mut node.output).for_each(escape);
        node.attribute.iter_mut().flat_map(|a| [&mut a.name, &mut a.ref_attr_name]).for_each(escape);
    }
    graph.initializer.iter_mut().for_each(|tensor| escape(&mut tensor.name));
    graph.sparse_initializer.iter_mut().filter_map(|tensor| tensor.values.as_mut()).for_each(|tensor| escape(&mut tensor.name));
    graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info).for_each(escape_value);
}

/// The name of a tensor, and those of its dimensions.
fn escape_value(info: &mut ValueInfoProto) {
    escape(&mut info.name);
    let Some(Type::TensorType(tensor)) = info.r#type.as_mut().and_then(|t| t.value.as_mut()) else { return };
    for dimension in tensor.shape.iter_mut().flat_map(|shape| &mut shape.dim) {
        if let Some(Dimension::DimParam(name)) = &mut dimension.value {
            escape(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_hidden_and_names_stay_different() {
        for plain in ["x", "Add_3:0", "model/layer.1", "größe", "層", "it's \"here\"", "a b"] {
            assert_eq!(printable(plain), plain);
        }
        let pairs = [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nhint: b", "a\\nhint: b"),
            ("a\\nb", "a\\\\nb"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("\u{2028}\u{a0}", "\\u{2028}\\u{a0}"),
        ];
        for (name, expected) in pairs {
            assert_eq!(printable(name), expected);
        }
        let names = ["a\n", "a\\n", "a\\\\n", "a\\u{a}", "a\\u{1b}", "a\u{1b}"];
        let texts: std::collections::BTreeSet<String> = names.iter().map(|name| printable(name)).collect();
        assert_eq!(texts.len(), names.len());
    }
}
