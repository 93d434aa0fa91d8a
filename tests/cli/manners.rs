//! What commands say: errors as JSON, help, warnings once, options that do not apply.

use serde_json::{json, Value};

use super::{Place, VERIFY};

#[test]
fn errors_are_json_too() {
    let place = Place::new();
    let output = place.run(&["verify", "missing.json", "--vk", "missing.key", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["status"], json!(2));
    assert!(error["error"].as_str().unwrap().contains("missing.key") && error["hint"].is_string());
    for usage in [&["no-such-command"][..], &["verify"], &["prove", "tiny.onnx", "tiny.json", "--no-such-option"], &["inspect"]] {
        let output = place.run(&[usage, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(2));
        let error: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(error["status"] == 2 && error["error"].is_string() && error["hint"].is_string(), "{error}");
        place.fail(2, usage, "");
    }
    let bench: Value = serde_json::from_slice(&place.run(&["bench", "nowhere", "--json"]).stdout).unwrap();
    assert_eq!((&bench["status"], &bench["models"][0]["model"]), (&json!(2), &json!("nowhere")));
}

#[test]
fn help_has_examples() {
    let place = Place::new();
    for command in
        ["", "prove", "compile", "verify", "inspect", "export", "export solidity", "export calldata", "srs", "bench", "completions"]
    {
        let help = place.succeed(&[command.split_whitespace().collect(), vec!["--help"]].concat());
        assert!(help.contains("Example"), "{command}: {help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.succeed(&["completions", shell]).contains("calibrate"), "{shell}");
    }
    place.fail(2, &["completions", "cmd"], "cmd");
}

/// What always holds is said the first time, and nothing with `--quiet`.
#[test]
fn standing_warnings_are_rare() {
    let place = Place::new();
    let words = |args: &[&str]| {
        let output = place.run(args);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let compile = ["compile", "tiny.onnx", "--calibrate", "tiny.json"];
    assert_eq!(words(&[&compile[..], &["--quiet"]].concat()), "");
    assert!(words(&compile).contains("insecure development SRS"));
    assert_eq!(words(&compile), "");
    assert!(place.succeed(&["prove", "tiny.sworn", "tiny.json", "-o", "r.json"]).contains("receipt"));
    assert!(place.succeed(&VERIFY).contains("insecure development SRS"));
}

/// What would not be read is not passed by.
#[test]
fn options_that_do_not_apply_are_errors() {
    let place = Place::proved();
    let prove = |more: &[&'static str]| [&["prove", "tiny.sworn", "tiny.json"], more].concat();
    for option in [&["--batch", "2"][..], &["--dimension", "N=2"], &["--bits", "8"], &["--calibrate", "tiny.json"]] {
        place.fail(2, &prove(option), option[0]);
    }
    for option in [&["--device-memory", "1GB"][..], &["--device-overhead", "1"], &["--device-plugin", "x.so"]] {
        place.fail(2, &prove(option), option[0]);
    }
    place.fail(2, &prove(&["--backend", "cuda", "--device-overhead", "1"]), "--device-overhead");
    place.fail(2, &prove(&["--trace", "-"]), "--trace");
}
