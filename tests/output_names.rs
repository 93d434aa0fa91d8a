//! Outputs have the names of the model, each its own, also where several are one tensor.

use sworn::{Input, Model, Options, ReceiptTensor, SrsPolicy};

/// In the order of the model; all but two are the same tensor.
const NAMES: [&str; 9] = ["logits", "copy", "sum", "flat", "dropped", "cast", "x", "positive", "hidden"];

fn names(tensors: &[ReceiptTensor]) -> Vec<&str> {
    tensors.iter().map(|t| t.name.as_str()).collect()
}

#[test]
fn receipts_show_the_names_of_the_model() {
    let model = Model::load("tests/vectors/names.onnx").unwrap();
    let input = Input::read("tests/vectors/tiny.json").unwrap();
    for public_input in [false, true] {
        let options = Options { public_input, ..Options::default() };
        let compiled = model.compile(&options, std::slice::from_ref(&input)).unwrap();
        let receipt = compiled.prove(&input).unwrap();
        receipt.verify(compiled.verifying_key(), SrsPolicy::INSECURE).unwrap();
        assert_eq!(names(receipt.outputs()), NAMES);
        assert_eq!(names(receipt.inputs()), if public_input { vec!["x"] } else { vec![] });
        let integers = |name: &str| &receipt.outputs().iter().find(|t| t.name == name).unwrap().integers;
        assert!(NAMES.iter().filter(|n| !["x", "positive"].contains(n)).all(|n| integers(n) == integers("hidden")));
        assert_eq!(receipt.outputs()[6].shape, [1, 3]);
    }
}
