//! `sworn audit`, and `prove` with a folder that somebody else made; and `sworn run`.

use serde_json::{json, Value};
use sworn::{Digest, FileKind};
use sworn_receipt::Header;

use super::calibration::signed;
use super::Place;

/// The tiny model with a weight of 5 in its first layer.
fn backdoored() -> Vec<u8> {
    let mut bytes = std::fs::read(super::vectors().join("tiny.onnx")).unwrap();
    // Name and raw data of the tensor: 12 floats.
    let field = b"\x42\x02w1\x4a\x30";
    let at = bytes.windows(field.len()).position(|window| window == field).unwrap() + field.len();
    bytes[at + 4..at + 8].copy_from_slice(&5f32.to_le_bytes());
    bytes
}

/// A place with an honest model and its folder, and one with a backdoored folder of it.
fn places() -> (Place, Place) {
    let compile = ["compile", "tiny.onnx", "--calibrate", "calibration.json", "--bits", "11"];
    let (honest, evil) = (Place::new(), Place::new());
    honest.succeed(&compile);
    evil.write("tiny.onnx", backdoored());
    evil.succeed(&compile);
    evil.write("tiny.onnx", std::fs::read(honest.path("tiny.onnx")).unwrap());
    (honest, evil)
}

fn manifest(place: &Place) -> String {
    String::from_utf8(std::fs::read(place.path("tiny.sworn/manifest.json")).unwrap()).unwrap()
}

/// What stands in a file of ours.
fn contents(place: &Place, name: &str) -> Vec<u8> {
    std::fs::read(place.path("tiny.sworn").join(name)).unwrap().split_off(Header::BYTES)
}

/// Writes a file of ours, and its digest into the manifest.
fn forge(place: &Place, name: &str, kind: FileKind, contents: &[u8]) {
    let header = Header { kind, length: contents.len() as u64 };
    let digest = Digest(*header.hasher().update(contents).finalize().as_bytes());
    place.write(&format!("tiny.sworn/{name}"), [&header.encode(digest)[..], contents].concat());
    let text = manifest(place);
    let old = place.json("tiny.sworn/manifest.json")["files"][name].as_str().unwrap().to_owned();
    place.write("tiny.sworn/manifest.json", signed(&text.replace(&old, &digest.to_string())));
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).expect("the bytes to replace");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn honest_folders_pass() {
    let (place, _) = places();
    let audited = place.succeed_json(&["audit", "tiny.onnx", "--vk", "tiny.sworn/verifying.key", "--calibrate", "calibration.json"]);
    let manifest = place.json("tiny.sworn/manifest.json");
    assert_eq!((&audited["accepted"], &audited["bits"], &audited["shows_input"]), (&json!(true), &json!(11), &json!(false)));
    assert_eq!(audited["source"], manifest["source"]);
    // Over the same samples the error is what the folder claims.
    assert_eq!((&audited["measured"]["relative_error"], &audited["measured"]["answered"]), (&audited["claimed_relative_error"], &json!(2)));
    assert_eq!((&audited["reproduced"], &audited["refused"]), (&json!(true), &json!(0)));
    let audited = place.succeed_json(&["audit", "tiny.onnx", "tiny.sworn", "--input-range", "-0.1..0.1"]);
    assert_eq!((&audited["reproduced"], &audited["measured"]["answered"]), (&json!(false), &json!(128)), "{audited}");
    // What is too coarse, or answers nothing, is rejected.
    let measure = |samples: &'static str| ["audit", "tiny.onnx", "--calibrate", samples];
    place.write("far.json", r#"{"input_data": [[100, 2, 3]]}"#);
    place.fail(1, &measure("far.json"), "no sample is within the ranges");
    place.fail(1, &[&measure("calibration.json")[..], &["--max-error", "1e-9"]].concat(), "an output is off by ");
    place.fail(2, &[&measure("calibration.json")[..], &["--max-error=-1"]].concat(), "not negative");
    assert!(place.succeed(&["audit", "tiny.onnx"]).contains("claimed; `--calibrate SAMPLES`"));
    // Of another name, of the other profiles, of ranges, and of a real network.
    for options in [&["--profile", "onchain", "--public-input"][..], &["--profile", "plain", "--pack-public"]] {
        place.succeed(&[&["compile", "tiny.onnx", "--input-range", "-1..1", "--bits", "9", "-o", "other.sworn"], options].concat());
        let audited = place.succeed_json(&["audit", "tiny.onnx", "other.sworn", "--input-range", "-1..1"]);
        assert_eq!(audited["reproduced"], json!(true));
    }
    place.fail(1, &["audit", "tiny.onnx", "--vk", "other.sworn/verifying.key"], "do not belong together");
    let digits = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits");
    std::fs::copy(digits.join("digits.onnx"), place.path("digits.onnx")).unwrap();
    place.succeed(&["compile", "digits.onnx", "--calibrate", digits.join("calibration.npy").to_str().unwrap()]);
    place.succeed(&["audit", "digits.onnx"]);
    place.fail(1, &["audit", "digits.onnx", "tiny.sworn"], "rejected");
    place.fail(2, &["audit", "tiny.onnx", "missing.sworn"], "missing.sworn");
}

/// A folder of a model with a backdoor that says it is the honest one: neither `prove` nor `audit` takes its word.
#[test]
fn a_folder_is_not_believed_about_its_model() {
    let (honest, evil) = places();
    let prove = ["prove", "tiny.onnx", "tiny.json", "-o", "r.json"];
    evil.fail(2, &prove, "the digest of the model is ");
    let source = |place: &Place| place.json("tiny.sworn/manifest.json")["source"].as_str().unwrap().to_owned();
    evil.write("tiny.sworn/manifest.json", signed(&manifest(&evil).replace(&source(&evil), &source(&honest))));
    evil.fail(2, &prove, "a weight of the circuit is not that of the model");
    evil.fail(2, &prove, "`relu`");
    evil.fail(1, &["audit", "tiny.onnx"], "a weight of the circuit is not that of the model");
    evil.fail(2, &["run", "tiny.onnx", "tiny.json"], "a weight of the circuit");
    assert!(!evil.path("r.json").exists());
    // The honest circuit beside keys of the other.
    let circuit = contents(&honest, "circuit.bin");
    forge(&evil, "circuit.bin", FileKind::Circuit, &circuit);
    evil.fail(2, &prove, "a weight of the circuit");
    evil.fail(1, &["audit", "tiny.onnx"], "of the circuit is not that of the model");
}

/// The honest circuit and a key that commits to another one, under the digest of the honest one: only making the keys again shows it.
#[test]
fn commitments_are_made_again() {
    let (honest, evil) = places();
    let key = |place: &Place| contents(place, "verifying.key");
    let digest = |place: &Place| *blake3::hash(&contents(place, "circuit.bin")).as_bytes();
    let encoded = |place: &Place| sworn::VerifyingKey::read(place.path("tiny.sworn/verifying.key")).unwrap().key().to_bytes();
    let (ours, theirs) = (encoded(&honest), encoded(&evil));
    let lie = replace(&theirs, &digest(&evil), &digest(&honest));
    assert_eq!(lie.len(), ours.len());
    let (verifying, proving) = (replace(&key(&honest), &ours, &lie), replace(&contents(&honest, "proving.key"), &ours, &lie));
    forge(&honest, "verifying.key", FileKind::VerifyingKey, &verifying);
    forge(&honest, "proving.key", FileKind::ProvingKey, &proving);
    honest.fail(1, &["audit", "tiny.onnx"], "do not belong together");
    // A prover makes no receipt with it: its own check does not accept the proof.
    honest.fail(2, &["prove", "tiny.onnx", "tiny.json", "-o", "r.json"], "");
    assert!(!honest.path("r.json").exists());
}

#[test]
fn run_answers_without_keys() {
    let place = Place::new();
    place.fail(2, &["run", "tiny.onnx", "tiny.json"], "--calibrate");
    let from_samples = place.succeed_json(&["run", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json"]);
    assert!(!place.path("tiny.sworn").exists() && !place.path("cache").exists());
    place.succeed(&["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "r.json"]);
    let receipt = place.json("r.json");
    let from_folder = place.succeed_json(&["run", "tiny.sworn", "tiny.json"]);
    assert_eq!(place.succeed_json(&["run", "tiny.onnx", "tiny.json"]), from_samples);
    for answer in [&from_samples, &from_folder] {
        for name in ["name", "shape", "scale", "integers", "reals"] {
            assert_eq!(answer["outputs"][0][name], receipt["outputs"][0][name], "{name}");
        }
    }
    assert_eq!(from_folder["outputs"][0]["float"], Value::Null);
    let numbers = |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
    let (float, reals) = (numbers(&from_samples["outputs"][0]["float"]), numbers(&from_samples["outputs"][0]["reals"]));
    assert!(
        float.iter().zip(&reals).all(|(a, b)| (a - b).abs() < 0.01)
            && from_samples["outputs"][0]["relative_error"].as_f64().unwrap() < 0.01
    );
    assert!(place.succeed(&["run", "tiny.onnx", "tiny.json"]).contains("float      "));
    place.fail(2, &["run", "tiny.onnx", "tiny.json", "--bits", "9"], "--bits is auto there");
    place.write("far.json", r#"{"input_data": [[100, 2, 3]]}"#);
    place.fail(2, &["run", "tiny.sworn", "far.json"], "--calibrate");
}
