//! The command line: every command, every exit status, bad files of every kind.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod calibration;
mod figures;
mod files;
#[path = "../common/halo2_params.rs"]
mod halo2_params;
mod manners;
mod onchain;
mod receipts;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{json, Value};

/// A folder with the tiny model, its input, and a cache of its own.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Self { dir };
        for name in ["tiny.onnx", "tiny.json", "calibration.json"] {
            std::fs::copy(vectors().join(name), place.path(name)).unwrap();
        }
        place
    }

    /// As [`Place::new`], with a receipt.
    fn proved() -> Self {
        let place = Self::new();
        place.succeed(&["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "r.json"]);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sworn"));
        command.args(args).args(["--srs-cache", "cache"]).current_dir(self.dir.path()).output().unwrap()
    }

    /// Runs a command that succeeds, and answers its stdout.
    fn succeed(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(0), "{args:?}\n{out}\n{err}");
        out
    }

    fn succeed_json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.succeed(&[args, &["--json"]].concat())).unwrap()
    }

    /// Runs a command that ends with `status`, and whose words have `part` and a hint.
    fn fail(&self, status: i32, args: &[&str], part: &str) {
        let output = self.run(args);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{args:?}\n{err}");
        assert!(err.contains(part), "{args:?}: {err:?} lacks {part:?}");
        assert!(err.lines().last().is_some_and(|l| l.starts_with("hint: ")), "{args:?}: {err:?} has no hint at its end");
        assert!(output.stdout.is_empty(), "{args:?} wrote to stdout");
    }
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

const VERIFY: [&str; 5] = ["verify", "r.json", "--vk", "tiny.sworn/verifying.key", "--allow-insecure-srs"];

#[test]
fn prove_then_verify() {
    let place = Place::proved();
    assert!(place.succeed(&VERIFY).contains("accepted: tiny"));
    let accepted = place.succeed_json(&["verify", "r.json", "--vk", "tiny.sworn", "--allow-insecure-srs"]);
    assert_eq!((&accepted["accepted"], &accepted["insecure_dev"]), (&json!(true), &json!(true)));
    place.fail(1, &VERIFY[..4], "insecure development SRS");

    let receipt = place.json("r.json");
    assert_eq!(receipt["inputs"], json!([]), "the input is private");
    assert_eq!(receipt["outputs"][0]["shape"], json!([1, 2]));
    // The receipt goes to stdout without -o; the folder is up to date and is not written again.
    let before = std::fs::metadata(place.path("tiny.sworn/proving.key")).unwrap().modified().unwrap();
    let printed: Value = serde_json::from_str(&place.succeed(&["prove", "tiny.sworn", "tiny.json"])).unwrap();
    assert_eq!(printed["outputs"], receipt["outputs"]);
    assert_ne!(printed["proof"], receipt["proof"], "proofs are blinded");
    place.succeed(&["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "r2.json"]);
    assert_eq!(before, std::fs::metadata(place.path("tiny.sworn/proving.key")).unwrap().modified().unwrap());
}

#[test]
fn public_inputs_are_in_the_receipt() {
    let place = Place::proved();
    let before = place.json("r.json")["verifying_key"].clone();
    let prove = ["prove", "tiny.onnx", "tiny.json", "-o", "r.json", "--public-input"];
    place.fail(2, &prove, "--public-input is false there");
    place.succeed(&["compile", "tiny.onnx", "--calibrate", "calibration.json", "--public-input"]);
    place.succeed(&prove);
    place.succeed(&VERIFY);
    let receipt = place.json("r.json");
    assert_ne!(receipt["verifying_key"], before, "the folder was compiled again");
    let reals: Vec<f64> = serde_json::from_value(receipt["inputs"][0]["reals"].clone()).unwrap();
    assert!(reals.iter().zip([0.5, -0.25, 0.75]).all(|(a, b)| (a - b).abs() < 0.05), "{reals:?}");
    let mut changed = receipt.clone();
    changed["inputs"][0]["integers"][0] = json!(receipt["inputs"][0]["integers"][0].as_i64().unwrap() + 1);
    place.write("r.json", changed.to_string());
    place.fail(1, &VERIFY, "inputs");
}

/// Every value of the receipt, changed, removed, or joined by another one, is noticed.
#[test]
fn changed_receipts_are_rejected() {
    let place = Place::proved();
    let good = place.json("r.json");
    let mut changed = Vec::new();
    for field in good.as_object().unwrap().keys() {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(field);
        changed.push((format!("without {field}"), without));
    }
    let mut pointers = Vec::new();
    leaves(&good, String::new(), &mut pointers);
    for pointer in pointers {
        let mut with = good.clone();
        let value = with.pointer_mut(&pointer).unwrap();
        *value = match &*value {
            Value::String(text) if text.ends_with('0') => json!(format!("{}1", &text[..text.len() - 1])),
            Value::String(text) => json!(format!("{}0", &text[..text.len() - 1])),
            Value::Number(n) if n.is_f64() => json!(n.as_f64().unwrap() * 1.0000001 + 1e-30),
            Value::Number(n) => json!(n.as_i64().unwrap() + 1),
            other => panic!("{pointer} is {other}"),
        };
        changed.push((pointer, with));
    }
    for pointer in ["", "/srs", "/visibility", "/outputs/0"] {
        let mut with = good.clone();
        with.pointer_mut(pointer).unwrap()["unknown"] = json!(1);
        changed.push((format!("unknown field in {pointer}"), with));
    }
    let texts: [(&str, &str, Value); 6] = [
        ("second encoding of an instance", "/instances/0", json!(plus_modulus(good["instances"][0].as_str().unwrap()))),
        ("longer proof", "/proof", json!(format!("{}00", good["proof"].as_str().unwrap()))),
        ("upper case", "/proof", json!(good["proof"].as_str().unwrap().to_uppercase())),
        ("public input", "/visibility/input", json!("public")),
        ("secure", "/srs/kind", json!("ceremony")),
        ("no instances", "/instances", json!([])),
    ];
    for (name, pointer, value) in texts {
        let mut with = good.clone();
        *with.pointer_mut(pointer).unwrap() = value;
        changed.push((name.into(), with));
    }
    assert!(changed.len() > 30);
    for (name, receipt) in changed {
        place.write("r.json", receipt.to_string());
        let output = place.run(&VERIFY);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    place.write("r.json", format!("{{\"model\": \"tiny\", {}", &good.to_string()[1..]));
    place.fail(1, &VERIFY, "duplicate field");
    place.write("r.json", &good.to_string()[..100]);
    place.fail(1, &VERIFY, "cannot be read");
    place.write("r.json", "");
    place.fail(1, &VERIFY, "cannot be read");
}

/// The same field element as another number of 32 bytes.
fn plus_modulus(hex: &str) -> String {
    let modulus = hex::decode("30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001").unwrap();
    let mut carry = 0;
    let mut sum: Vec<u8> = hex::decode(hex.trim_start_matches("0x")).unwrap();
    for (digit, addend) in sum.iter_mut().zip(&modulus).rev() {
        let wide = u16::from(*digit) + u16::from(*addend) + carry;
        [_, *digit] = wide.to_be_bytes();
        carry = wide >> 8;
    }
    hex::encode(sum)
}

fn leaves(value: &Value, pointer: String, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, v)| leaves(v, format!("{pointer}/{name}"), out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| leaves(v, format!("{pointer}/{i}"), out)),
        _ => out.push(pointer),
    }
}

#[test]
fn damaged_and_swapped_files_are_refused_by_name() {
    let place = Place::proved();
    place.fail(2, &["verify", "missing.json", "--vk", "tiny.sworn"], "missing.json");
    place.fail(2, &["verify", "r.json", "--vk", "r.json"], "`r.json` is not a verifying key");
    place.fail(2, &["verify", "r.json", "--vk", "tiny.sworn/proving.key"], "is a proving key, expected a verifying key");
    place.fail(1, &["verify", "tiny.sworn/verifying.key", "--vk", "tiny.sworn"], "cannot be read");
    // Another model, of the same shape.
    std::fs::copy(place.path("tiny.onnx"), place.path("other.onnx")).unwrap();
    place.succeed(&["compile", "other.onnx", "--calibrate", "calibration.json", "--bits", "9"]);
    place.fail(1, &["verify", "r.json", "--vk", "other.sworn", "--allow-insecure-srs"], "verifying key");

    let prove = ["prove", "tiny.sworn", "tiny.json"];
    for name in ["proving.key", "verifying.key", "manifest.json"] {
        let path = place.path("tiny.sworn").join(name);
        let good = std::fs::read(&path).unwrap();
        for at in [0, 9, 20, 40, good.len() / 2, good.len() - 1] {
            let mut bytes = good.clone();
            bytes[at] ^= 0x04;
            std::fs::write(&path, &bytes).unwrap();
            place.fail(2, &prove, name);
            std::fs::write(&path, &good[..at]).unwrap();
            place.fail(2, &prove, name);
        }
        std::fs::copy(place.path("other.sworn").join(name), &path).unwrap();
        if name != "manifest.json" {
            place.fail(2, &prove, "does not belong to this model");
        } else {
            place.fail(2, &prove, "verifying.key");
        }
        std::fs::remove_file(&path).unwrap();
        place.fail(2, &prove, name);
        std::fs::write(&path, &good).unwrap();
    }
    let circuit = place.path("tiny.sworn/circuit.bin");
    let good = std::fs::read(&circuit).unwrap();
    std::fs::write(&circuit, &good[..good.len() - 1]).unwrap();
    place.fail(2, &["inspect", "tiny.sworn"], "circuit.bin");
    // From the ONNX file too, and a new folder takes its place only where that is asked for.
    std::fs::write(place.path("tiny.sworn/proving.key"), "").unwrap();
    place.fail(2, &["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json"], "proving.key");
    place.succeed(&["compile", "tiny.onnx", "--calibrate", "calibration.json"]);
    place.succeed(&["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "r.json"]);
    place.succeed(&VERIFY);
}

#[test]
fn an_interrupted_compilation_is_never_used() {
    let place = Place::new();
    // What a killed compilation leaves: a folder under a temporary name, or one without its last file.
    std::fs::create_dir(place.path(".sworn-abc")).unwrap();
    std::fs::create_dir(place.path("tiny.sworn")).unwrap();
    place.write("tiny.sworn/proving.key", "half a key");
    place.fail(2, &["prove", "tiny.sworn", "tiny.json"], "manifest.json");
    place.fail(2, &["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json"], "manifest.json");
    place.succeed(&["compile", "tiny.onnx", "--calibrate", "calibration.json"]);
    place.succeed(&["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "r.json"]);
    place.succeed(&VERIFY);
    let left: Vec<_> = std::fs::read_dir(place.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().filter(|n| n.to_string_lossy().starts_with('.')).count() == 1, "{left:?}");
}

#[test]
fn unwritable_outputs_are_told_before_the_work() {
    let place = Place::new();
    place.fail(2, &["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "no/such/r.json"], "cannot write");
    place.fail(2, &["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "."], "cannot write");
    assert!(!place.path("tiny.sworn").exists(), "nothing was compiled");
    std::fs::create_dir(place.path("full")).unwrap();
    place.write("full/letter.txt", "mine");
    place.fail(2, &["compile", "tiny.onnx", "--calibrate", "calibration.json", "-o", "full"], "letter.txt");
    place.fail(2, &["compile", "tiny.onnx", "--calibrate", "calibration.json", "-o", "no/such/folder"], "cannot write");
    assert_eq!(std::fs::read(place.path("full/letter.txt")).unwrap(), b"mine");
}

/// A limit on the size of a file fails a write in its middle, as a full disk does.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let place = Place::proved();
    let before = std::fs::read(place.path("r.json")).unwrap();
    for arguments in [
        "compile tiny.onnx --calibrate calibration.json -o other.sworn --srs-cache cache",
        "prove tiny.sworn tiny.json -o r.json --srs-cache cache",
    ] {
        let script = format!("trap '' XFSZ; ulimit -f 1; exec \"$0\" {arguments}");
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", &script, env!("CARGO_BIN_EXE_sworn")]).current_dir(place.dir.path()).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}\n{err}");
        assert!(err.contains("cannot write"), "{arguments}\n{err}");
    }
    assert!(!place.path("other.sworn").exists());
    assert_eq!(std::fs::read(place.path("r.json")).unwrap(), before, "the receipt before is whole");
    let left: Vec<_> = std::fs::read_dir(place.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|n| n.to_string_lossy().starts_with('.')), "{left:?}");
}

#[test]
fn an_open_batch_dimension_is_what_is_asked_for() {
    let place = Place::new();
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits");
    std::fs::copy(digits.join("digits.onnx"), place.path("digits.onnx")).unwrap();
    let image = |n: u32| -> Value { serde_json::from_slice(&std::fs::read(digits.join(format!("images/{n}.json"))).unwrap()).unwrap() };
    let pixels: Vec<Value> = [1, 2].iter().flat_map(|&n| image(n)["input_data"][0].as_array().unwrap().clone()).collect();
    place.write("two.json", json!({"input_data": [pixels], "input_shapes": [[2, 1, 8, 8]]}).to_string());
    let pairs: Vec<Value> = [0, 3, 4, 7].iter().flat_map(|&n| image(n)["input_data"][0].as_array().unwrap().clone()).collect();
    place.write("pairs.json", json!({"input_data": [pairs], "input_shapes": [[2, 2, 1, 8, 8]]}).to_string());
    let calibrate = ["--calibrate", "pairs.json", "-o", "r.json"];
    let answer = place.succeed_json(&[&["prove", "digits.onnx", "two.json", "--batch", "2"], &calibrate[..]].concat());
    assert_eq!(answer["outputs"][0]["shape"], json!([2, 10]));
    place.succeed(&["verify", "r.json", "--vk", "digits.sworn", "--allow-insecure-srs"]);
    let reals: Vec<f64> = answer["outputs"][0]["reals"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let top = |row: &[f64]| (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b]));
    assert_eq!((top(&reals[..10]), top(&reals[10..])), (Some(1), Some(2)));
}

#[test]
fn bad_models_and_inputs() {
    let place = Place::new();
    let prove =
        |input: &str| -> Vec<String> { ["prove", "tiny.onnx", input, "--calibrate", "calibration.json"].map(str::to_owned).to_vec() };
    let bad = |name: &str, text: &str, part: &str| {
        place.write(name, text);
        let args = prove(name);
        place.fail(2, &args.iter().map(String::as_str).collect::<Vec<_>>(), part);
    };
    bad("length.json", r#"{"input_data": [[1, 2]]}"#, "2 elements, expected 3");
    bad("count.json", r#"{"input_data": [[1, 2, 3], [4]]}"#, "2 tensors, expected 1");
    bad("samples.json", r#"{"input_data": [[1, 2, 3, 4, 5, 6]]}"#, "2 samples, expected 1");
    bad("type.json", r#"{"input_data": [["a", 2, 3]]}"#, "a string, expected a number");
    bad("nan.json", r#"{"input_data": [[NaN, 2, 3]]}"#, "not finite");
    bad("huge.json", r#"{"input_data": [[1e39, 2, 3]]}"#, "not finite");
    bad("text.json", "hello", "not an input file");
    bad("input.txt", "1 2 3", "not a .json, .npy or .npz file");
    bad("input.npy", "1 2 3", "not a numpy file");
    place.fail(2, &["prove", "tiny.onnx", "missing.json", "--calibrate", "calibration.json"], "missing.json");
    place.write("bad.onnx", "not a model");
    place.fail(2, &["prove", "bad.onnx", "tiny.json", "--calibrate", "calibration.json"], "ONNX");
    place.fail(2, &["prove", "missing.onnx", "tiny.json"], "missing.onnx");
    let whole = std::fs::read(place.path("tiny.onnx")).unwrap();
    place.write("cut.onnx", &whole[..whole.len() / 2]);
    place.fail(2, &["inspect", "cut.onnx"], "");

    place.succeed(&["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "r.json"]);
    bad("far.json", r#"{"input_data": [[100, 2, 3]]}"#, "--calibrate");
    place.fail(2, &["prove", "tiny.sworn", "tiny.json", "--bits", "9"], "`--bits` cannot change a compiled model");
    place.fail(2, &["compile", "tiny.onnx", "--calibrate", "calibration.json", "--bits", "99"], "99 bits");
    // With samples that cover it, the same input is proved.
    place.write("samples.json", r#"{"input_data": [[100, 2, 3, 0.5, -0.25, 0.75]]}"#);
    place.succeed(&["compile", "tiny.onnx", "--calibrate", "samples.json"]);
    place.succeed(&["prove", "tiny.onnx", "far.json", "-o", "r.json", "--calibrate", "samples.json"]);
    place.succeed(&VERIFY);
}

#[test]
fn compile_and_inspect() {
    let place = Place::new();
    place.fail(2, &["compile", "tiny.onnx"], "");
    let compiled = place.succeed_json(&["compile", "tiny.onnx", "--calibrate", "tiny.json", "-o", "out.sworn"]);
    let inspected = place.succeed_json(&["inspect", "out.sworn"]);
    assert_eq!(compiled["layout"], inspected["layout"]);
    assert_eq!(compiled["report"], inspected["report"]);
    assert_eq!(inspected["inputs"][0]["shape"], json!([1, 3]));
    assert!(place.succeed(&["inspect", "tiny.onnx"]).contains("advice"));
    for option in [&["--bits", "8"][..], &["--batch", "1"], &["--dimension", "N=2"], &["--srs", "x"], &["--public-input"]] {
        place.fail(2, &[&["inspect", "out.sworn"], option].concat(), option[0]);
    }
    let compile = ["compile", "tiny.onnx", "--calibrate", "tiny.json", "-o", "out.sworn"];
    assert_eq!(place.succeed(&compile).lines().count(), 5);
    assert!(place.succeed(&[&compile[..], &["--verbose"]].concat()).contains("advice"));
    place.fail(2, &["inspect", "missing.sworn"], "missing.sworn");
}

#[test]
fn proofs_without_vector_instructions_are_as_good() {
    let place = Place::proved();
    let prove = |simd: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sworn"));
        let args = ["prove", "tiny.sworn", "tiny.json", "-o", "r.json", "--srs-cache", "cache"];
        command.args(args).env("SWORN_SIMD", simd).current_dir(place.dir.path()).output().unwrap()
    };
    for simd in ["portable", "adx", "auto", ""] {
        assert!(prove(simd).status.success(), "{simd}");
        place.succeed(&VERIFY);
    }
    let refused = prove("sse2");
    assert_eq!(refused.status.code(), Some(2));
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(["SWORN_SIMD", "sse2", "auto", "adx", "portable"].iter().all(|word| words.contains(word)), "{words}");
}

#[test]
fn too_little_memory_is_an_error_before_the_proof() {
    let place = Place::proved();
    let prove = |memory: &'static str| ["prove", "tiny.sworn", "tiny.json", "-o", "other.json", "--memory", memory];
    place.fail(2, &prove("1000"), "of memory");
    assert!(!place.path("other.json").exists());
    for wrong in ["lots", "0", "1e400GB", "5 parsecs"] {
        place.fail(2, &prove(wrong), "--memory");
    }
}

/// Holds with and without a device.
#[test]
fn a_backend_is_chosen_or_missing() {
    let place = Place::proved();
    let prove = |backend: &'static str| ["prove", "tiny.sworn", "tiny.json", "-o", "r.json", "--backend", backend];
    let devices = place.succeed_json(&["inspect", "--devices"]);
    let is_missing = devices["devices"].as_array().unwrap().is_empty();
    assert_eq!(is_missing, devices["reason"].is_string(), "{devices}");
    for backend in ["cpu", "auto"] {
        place.succeed(&prove(backend));
        place.succeed(&VERIFY);
    }
    if is_missing {
        place.fail(2, &prove("cuda"), "cannot prove on a CUDA device");
    } else {
        place.succeed(&prove("cuda"));
        place.succeed(&VERIFY);
    }
    if devices["icicle"]["reason"].is_string() {
        place.fail(2, &prove("icicle"), "cannot prove with ICICLE");
    } else {
        place.succeed(&prove("icicle"));
        place.succeed(&VERIFY);
    }
    place.fail(2, &prove("abacus"), "abacus");
    place.fail(2, &["prove", "tiny.sworn", "tiny.json", "--device-overhead=-1"], "--device-overhead");
    place.fail(2, &["inspect"], "MODEL");
    place.fail(2, &["inspect", "tiny.sworn", "--devices"], "--devices");
}

/// The emulated device in place of a card: its proof, too little memory for it, and none of it for a small proof.
#[test]
fn a_device_by_its_plugin() {
    let place = Place::proved();
    let prove = ["prove", "tiny.sworn", "tiny.json", "-o", "r.json", "--device-plugin", sworn_gpu_emulated::PLUGIN, "--json"];
    let with = |options: &[&'static str]| [&prove[..], options].concat();
    let answer = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let made = answer(&place.run(&with(&["--backend", "cuda"])));
    assert_eq!((&made["backend"], &made["fallback"]), (&json!("cuda"), &Value::Null));
    place.succeed(&VERIFY);

    let output = place.run(&with(&["--backend", "auto", "--device-overhead", "0", "--device-memory", "1KB"]));
    let (made, err) = (answer(&output), String::from_utf8(output.stderr).unwrap());
    assert!(made["backend"] == "cpu" && made["fallback"].as_str().unwrap().contains("too little memory"), "{made}");
    assert!(err.starts_with("warning: the device has too little memory") && err.contains("proved on the processor\nhint: "), "{err}");
    place.succeed(&VERIFY);

    assert_eq!(answer(&place.run(&with(&["--backend", "auto"])))["backend"], "cpu");
    let output =
        place.run(&["prove", "tiny.sworn", "tiny.json", "--backend", "cuda", "--device-plugin", prove[6], "--device-memory", "1KB"]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && err.contains("too little memory") && err.contains("hint: `--backend cpu`"), "{err}");
}
