//! What keys are made of, and when they are replaced: never of a private input, and never by `prove`.

use std::collections::BTreeMap;

use serde_json::{json, Value};

use super::{Place, VERIFY};

/// The files of a folder.
fn files(place: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(place.path(folder)).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

const CALIBRATE: [&str; 2] = ["--calibrate", "calibration.json"];
const PROVE: [&str; 5] = ["prove", "tiny.onnx", "tiny.json", "-o", "r.json"];

/// Whoever holds a key made of an input can try inputs until the same key comes out: there is no such key without being asked for.
#[test]
fn without_samples_there_is_no_key() {
    let place = Place::new();
    let output = place.run(&PROVE);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    for way in ["--calibrate SAMPLES", "--input-range NAME=LOW..HIGH", "sworn compile tiny.onnx", "--calibrate-on-input"] {
        assert!(err.contains(way), "{err:?} lacks {way}");
    }
    place.fail(2, &["compile", "tiny.onnx"], "needs samples or ranges");
    place.fail(2, &["compile", "tiny.onnx", "tiny.json"], "tiny.json");
    assert!(!place.path("tiny.sworn").exists() && !place.path("r.json").exists());
    // Before any work: the input is not even read.
    place.fail(2, &["prove", "tiny.onnx", "missing.json"], "--calibrate");
}

#[test]
fn a_key_made_of_an_input_says_so() {
    let place = Place::new();
    let warned = |args: &[&str]| {
        let output = place.run(args);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{err}");
        err.contains("reveal the input")
    };
    assert!(warned(&[&PROVE[..], &["--calibrate-on-input"]].concat()));
    place.succeed(&VERIFY);
    assert!(warned(&PROVE) && warned(&["prove", "tiny.sworn", "tiny.json"]));
    assert_eq!(place.json("tiny.sworn/manifest.json")["settings"]["calibration"], json!("input"));
    place.fail(2, &[&PROVE[..], &["--calibrate-on-input"], &CALIBRATE].concat(), "cannot be used with");
    // The next compilation does not take the input again.
    place.fail(2, &["compile", "tiny.onnx"], "needs samples or ranges");
    place.succeed(&["compile", "tiny.onnx", "--calibrate", "calibration.json"]);
    assert!(!warned(&PROVE));
}

/// Keys do not depend on what is proved with them, byte for byte.
#[test]
fn keys_do_not_depend_on_the_input() {
    let place = Place::new();
    place.write("other.json", r#"{"input_data": [[-0.3, 0.11, 0.02]]}"#);
    place.succeed(&[&PROVE[..], &CALIBRATE].concat());
    let before = files(&place, "tiny.sworn");
    place.succeed(&["prove", "tiny.onnx", "other.json", "-o", "r2.json", CALIBRATE[0], CALIBRATE[1]]);
    assert_eq!(files(&place, "tiny.sworn"), before);
    // Another first input, and none at all.
    let elsewhere = Place::new();
    elsewhere.write("tiny.json", r#"{"input_data": [[-0.3, 0.11, 0.02]]}"#);
    elsewhere.succeed(&[&PROVE[..], &CALIBRATE].concat());
    assert_eq!(files(&elsewhere, "tiny.sworn"), before);
    elsewhere.succeed(&["compile", "tiny.onnx", CALIBRATE[0], CALIBRATE[1]]);
    assert_eq!(files(&elsewhere, "tiny.sworn"), before);
}

/// The manifest tells errors as fractions and how many samples there were: no value of a tensor, no digest to try guesses on.
#[test]
fn a_manifest_tells_nothing_of_the_samples() {
    let place = Place::new();
    place.succeed(&["compile", "tiny.onnx", CALIBRATE[0], CALIBRATE[1]]);
    let manifest = place.json("tiny.sworn/manifest.json");
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&manifest["settings"]), ["bits", "calibration", "pack_public", "profile", "public_input"]);
    assert_eq!(names(&manifest["report"]), ["bits", "outputs", "samples", "top1"]);
    assert_eq!(names(&manifest["report"]["outputs"][0]), ["cosine", "elements", "mean", "node", "relative"]);
    assert_eq!((&manifest["report"]["samples"], &manifest["settings"]["calibration"]), (&json!(2), &json!("samples")));
}

/// Whatever differs, `prove` names it with both values and the command, and touches nothing.
#[test]
fn prove_never_replaces_keys() {
    let place = Place::new();
    place.succeed(&["compile", "tiny.onnx", CALIBRATE[0], CALIBRATE[1], "--bits", "11"]);
    let before = files(&place, "tiny.sworn");
    let asked: [(&[&str], &str); 5] = [
        (&["--bits", "12"], "--bits is 11 there, and 12 is asked for"),
        (&["--bits", "auto"], "--bits is 11 there, and auto is asked for"),
        (&["--public-input"], "--public-input is false there, and true is asked for"),
        (&["--pack-public"], "--pack-public is false there, and true is asked for"),
        (&["--profile", "plain"], "--profile is fast there, and plain is asked for"),
    ];
    for (options, said) in asked {
        let args = [&PROVE[..], options].concat();
        place.fail(2, &args, said);
        place.fail(2, &args, "or compile again with `sworn compile tiny.onnx --calibrate SAMPLES ");
    }
    place.fail(2, &[&PROVE[..], &["--bits", "12"]].concat(), "sworn compile tiny.onnx --calibrate SAMPLES --bits 12 --public-input=false`");
    place.fail(2, &[&PROVE[..], &CALIBRATE, &["--bits", "12", "--profile", "plain"]].concat(), "--profile is fast there");
    // Another model under the same name, and another version.
    let tiny = std::fs::read(place.path("tiny.onnx")).unwrap();
    std::fs::copy(digits(), place.path("tiny.onnx")).unwrap();
    place.fail(2, &PROVE, "the digest of the model is ");
    place.write("tiny.onnx", tiny);
    assert_eq!(files(&place, "tiny.sworn"), before);
    place.succeed(&[&PROVE[..], &["--bits", "11", "--public-input=false", "--profile", "fast"]].concat());
    // A damaged folder stays what it is.
    place.write("tiny.sworn/verifying.key", "");
    place.fail(2, &[&PROVE[..], &CALIBRATE].concat(), "verifying.key");
    place.fail(2, &[&PROVE[..], &CALIBRATE].concat(), "sworn compile tiny.onnx --calibrate calibration.json");
    assert_eq!(std::fs::read(place.path("tiny.sworn/verifying.key")).unwrap(), b"");
}

fn digits() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits/digits.onnx")
}

/// Ranges in place of samples: the key is a function of them and the model, they hold for every input within, and `prove` wants the same.
#[test]
fn declared_ranges_make_keys() {
    let place = Place::new();
    let prove = |range: &'static str| [&PROVE[..], &["--input-range", range]].concat();
    place.succeed(&prove("x=-1..1"));
    place.succeed(&VERIFY);
    let before = files(&place, "tiny.sworn");
    for (index, input) in ["[-1, -1, -1]", "[1, 1, 1]", "[1, -1, 1]", "[-1, 1, 0]"].into_iter().enumerate() {
        place.write("corner.json", format!("{{\"input_data\": [{input}]}}"));
        place.succeed(&["prove", "tiny.onnx", "corner.json", "-o", &format!("r{index}.json")]);
    }
    assert_eq!(files(&place, "tiny.sworn"), before);
    let elsewhere = Place::new();
    elsewhere.write("tiny.json", r#"{"input_data": [[0.9, 0.9, -0.9]]}"#);
    elsewhere.succeed(&prove("x=-1..1"));
    assert_eq!(files(&elsewhere, "tiny.sworn"), before);

    let manifest = place.json("tiny.sworn/manifest.json");
    assert_eq!(manifest["settings"]["calibration"], json!({"ranges": [{"name": "x", "low": -1.0, "high": 1.0}]}));
    place.fail(2, &prove("x=-2..1"), "calibration is x=-1..1 there, and x=-2..1 is asked for");
    place.fail(2, &[&PROVE[..], &CALIBRATE].concat(), "calibration is x=-1..1 there, and samples is asked for");
    // Ranges are kept too, and samples take their place.
    place.succeed(&["compile", "tiny.onnx", "--bits", "9"]);
    assert_eq!(place.json("tiny.sworn/manifest.json")["settings"]["calibration"], manifest["settings"]["calibration"]);
    place.succeed(&["compile", "tiny.onnx", CALIBRATE[0], CALIBRATE[1]]);
    place.fail(2, &["compile", "tiny.onnx"], "needs samples or ranges");
    for (range, said) in [("y=0..1", "no input is called `y`"), ("x=1..0", "--input-range"), ("1", "LOW..HIGH")] {
        place.fail(2, &["compile", "tiny.onnx", "--input-range", range, "-o", "other.sworn"], said);
    }
    place.fail(2, &["compile", "tiny.onnx", "--input-range", "0..1", "--input-range", "x=0..1"], "several ranges");
    place.fail(2, &["compile", "tiny.onnx", "--input-range", "0..1", CALIBRATE[0], CALIBRATE[1]], "cannot be used with");
}

/// A new folder has the options of the one that it replaces, but for those that are given; each can be switched off.
#[test]
fn compile_keeps_the_options() {
    let place = Place::new();
    let compile = |options: &[&str]| {
        place.succeed(&[&["compile", "tiny.onnx"], &CALIBRATE[..], options].concat());
        let settings = place.json("tiny.sworn/manifest.json")["settings"].clone();
        ["bits", "public_input", "pack_public", "profile"].map(|name| settings[name].clone())
    };
    let all = [json!(9), json!(true), json!(true), json!("plain")];
    assert_eq!(compile(&["--bits", "9", "--public-input", "--pack-public", "--profile", "plain"]), all);
    assert_eq!(compile(&[]), all);
    assert_eq!(compile(&["--bits", "10"]), [json!(10), json!(true), json!(true), json!("plain")]);
    assert_eq!(compile(&["--public-input=false"]), [json!(10), json!(false), json!(true), json!("plain")]);
    let off = ["--bits", "auto", "--pack-public=false", "--profile", "fast"];
    assert_eq!(compile(&off), [json!(null), json!(false), json!(false), json!("fast")]);
    place.fail(2, &["compile", "tiny.onnx", "--public-input", "false"], "false");
    place.fail(2, &["compile", "tiny.onnx", "--bits", "many"], "--bits");
}

/// A folder that shows inputs is not used where they are thought to be private.
#[test]
fn a_folder_that_shows_inputs_needs_a_word() {
    let place = Place::new();
    place.succeed(&["compile", "tiny.onnx", CALIBRATE[0], CALIBRATE[1], "--public-input"]);
    for model in ["tiny.sworn", "tiny.onnx"] {
        let prove = ["prove", model, "tiny.json", "-o", "r.json"];
        place.fail(2, &prove, "--public-input");
        place.fail(2, &[&prove[..], &["--public-input=false"]].concat(), "--public-input");
        assert!(!place.path("r.json").exists());
    }
    for model in ["tiny.sworn", "tiny.onnx"] {
        place.succeed(&["prove", model, "tiny.json", "-o", "r.json", "--public-input"]);
        assert_eq!(place.json("r.json")["visibility"]["input"], json!("public"));
    }
    // A manifest that says otherwise is not believed.
    let text = String::from_utf8(std::fs::read(place.path("tiny.sworn/manifest.json")).unwrap()).unwrap();
    place.write("tiny.sworn/manifest.json", signed(&text.replace("\"public_input\": true", "\"public_input\": false")));
    place.fail(2, &["prove", "tiny.sworn", "tiny.json"], "do not belong together");
    place.succeed(&["compile", "tiny.onnx", CALIBRATE[0], CALIBRATE[1], "--public-input=false"]);
    place.fail(2, &["prove", "tiny.sworn", "tiny.json", "--public-input"], "private");
    place.succeed(&["prove", "tiny.sworn", "tiny.json", "-o", "r.json"]);
    assert_eq!(place.json("r.json")["inputs"], json!([]));
}

/// A manifest with the digest that its text has, as whoever changes it would write it.
pub(super) fn signed(text: &str) -> String {
    let (body, _) = text.rsplit_once("\"digest\": \"").unwrap();
    let with = |digest: &str| format!("{body}\"digest\": \"{digest}\"\n}}\n");
    let digest = blake3::hash(with(&format!("0x{}", "0".repeat(64))).as_bytes());
    with(&format!("0x{digest}"))
}
