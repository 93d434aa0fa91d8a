//! A public input whose features have scales of their own, from file to receipt.

use sworn::{Input, Model, Options, Receipt, Rejection, SrsPolicy};

const ROW: [f64; 4] = [1.7e9, 41.0, 61000.0, 0.2];

#[test]
fn a_receipt_says_what_the_integers_of_each_feature_stand_for() {
    let model = Model::load("onnx/tests/vectors/features_standardised.onnx").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("row.json");
    std::fs::write(&path, format!("{{\"input_data\": [{ROW:?}]}}")).unwrap();
    let input = Input::read(&path).unwrap();
    for pack_public in [false, true] {
        let options = Options { public_input: true, pack_public, ..Options::default() };
        let compiled = model.compile(&options, std::slice::from_ref(&input)).unwrap();
        let receipt = compiled.prove(&input).unwrap();
        receipt.verify(compiled.verifying_key(), SrsPolicy::INSECURE).unwrap();
        let shown = &receipt.inputs()[0];
        let features = shown.features.as_ref().unwrap();
        assert_eq!((features.run, features.scales.len()), (1, 4));
        // Within half a unit of each feature's own scale.
        for ((real, given), scale) in shown.reals.iter().zip(ROW).zip(&features.scales) {
            assert!((real - given).abs() <= 0.51 * scale, "{real}, not {given}");
        }
        let text = receipt.to_json();
        assert_eq!(Receipt::from_json(text.as_bytes()).unwrap(), receipt);
        let run = "\"run\":1";
        assert_eq!(text.matches(run).count(), 1);
        for (from, to) in [(run, "\"run\":2"), ("\"features\":{", "\"features\":null,\"features\":{")] {
            let changed = Receipt::from_json(text.replace(from, to).as_bytes());
            let accepted = changed.and_then(|r| r.verify(compiled.verifying_key(), SrsPolicy::INSECURE));
            assert!(matches!(accepted, Err(Rejection::Tensor { .. } | Rejection::Json(_))), "{to}: {accepted:?}");
        }
    }
}
