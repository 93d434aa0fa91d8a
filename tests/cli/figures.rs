//! What is measured: the stages of a proof, and benchmarks.

use serde_json::Value;

use super::{Place, VERIFY};

#[test]
fn a_profile_names_every_stage() {
    let place = Place::new();
    place.succeed(&[
        "prove",
        "tiny.onnx",
        "tiny.json",
        "--calibrate",
        "calibration.json",
        "-o",
        "r.json",
        "--trace",
        "trace.json",
        "--memory",
        "1GB",
    ]);
    place.succeed(&VERIFY);
    let trace = place.json("trace.json");
    let events = trace["traceEvents"].as_array().unwrap();
    for stage in ["witness", "first phase", "second phase", "products", "quotient", "openings"] {
        let of_stage = events.iter().filter(|e| e["ph"] == "X" && e["cat"] == stage);
        assert!(of_stage.clone().count() > 0, "{stage}");
        assert!(of_stage.into_iter().all(|e| e["ts"].as_f64().unwrap() >= 0.0 && e["dur"].as_f64().unwrap() >= 0.0), "{stage}");
    }
}

#[test]
fn bench_prints_a_line_a_model() {
    let place = Place::new();
    std::fs::create_dir(place.path("model")).unwrap();
    std::fs::copy(place.path("tiny.onnx"), place.path("model/network.onnx")).unwrap();
    std::fs::copy(place.path("tiny.json"), place.path("model/input.json")).unwrap();
    let row: Value = serde_json::from_str(&place.succeed(&["bench", "model", "--runs", "1"])).unwrap();
    let names = "model logrows setup_s prove_s prove_mb verify_s proof_bytes pk_bytes max_abs_err columns cells lookups witness_s stages";
    for name in names.split(' ') {
        assert!(!row[name].is_null(), "{name} is missing in {row}");
    }
    assert!(row["max_abs_err"].as_f64().unwrap() < 0.05);
    assert_eq!(row["stages"].as_object().unwrap().len(), 6);
    assert!(row["stages"]["quotient"]["s"].as_f64().unwrap() > 0.0);
    assert!(row["backend"] == "cpu" && row["prove_again_s"].is_null() && row["kernel_s"].is_null(), "{row}");
    let device = ["--backend", "cuda", "--device-plugin", sworn_gpu_emulated::PLUGIN];
    let bench = [&["bench", "model", "--runs", "2", "--again"], &device[..]].concat();
    let row: Value = serde_json::from_str(&place.succeed(&bench)).unwrap();
    let seconds = |name: &str| row[name].as_f64().unwrap();
    assert!(row["backend"] == "cuda" && seconds("device_mb") > 0.1 && seconds("estimated_s") > 0.0, "{row}");
    assert!(seconds("kernel_s") > 0.0 && seconds("kernel_s") + seconds("copy_s") < seconds("prove_again_s"), "{row}");
    let output = place.run(&["bench", "nowhere", "model", "--runs", "1"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2);
}
