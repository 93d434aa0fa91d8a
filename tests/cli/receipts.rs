//! Receipts on the command line: what `verify` says of them, several at once, contexts and reference strings.

use serde_json::json;

use super::{Place, VERIFY};

#[test]
fn what_a_receipt_says_is_printed() {
    let place = Place::proved();
    let (text, receipt) = (place.succeed(&VERIFY), place.json("r.json"));
    for line in [
        format!("verifying key  {}", receipt["verifying_key"].as_str().unwrap()),
        format!("ONNX graph     {}", receipt["source"].as_str().unwrap()),
        "SRS            insecure".into(),
        "context        none".into(),
        "shows          output; the input is private".into(),
        format!("quantised      to {} bits, off by up to ", receipt["bits"]),
        "of the largest output over 2 samples\n".into(),
        format!("output         {} [1, 2] = [", receipt["outputs"][0]["name"].as_str().unwrap()),
    ] {
        assert!(text.contains(&line), "{line}: {text}");
    }
    for field in ["verifying_key", "source", "context", "proof"] {
        assert!(receipt[field].as_str().unwrap().starts_with("0x"), "{field}");
    }
    assert_eq!(receipt["srs"]["kind"], json!("insecure-dev"));
}

#[test]
fn a_context_is_bound_shown_and_asked_for() {
    let place = Place::proved();
    let prove = ["prove", "tiny.sworn", "tiny.json", "-o", "c.json", "--context", "0x0102"];
    let word = format!("0x{}0102", "0".repeat(60));
    assert_eq!(place.succeed_json(&prove)["context"], json!(word));
    assert_eq!(place.json("c.json")["context"], json!(word));
    let verify = ["verify", "c.json", "--vk", "tiny.sworn", "--allow-insecure-srs"];
    let with = |more: &[&'static str]| [&verify[..], more].concat();
    assert!(place.succeed(&verify).contains(&format!("context        {word}\n")));
    for same in ["0102", "0x0102", "0x000102"] {
        place.succeed(&with(&["--context", same]));
    }
    place.fail(1, &with(&["--context", "0x0201"]), "the context");
    place.fail(1, &["verify", "r.json", "--vk", "tiny.sworn", "--allow-insecure-srs", "--context", "01"], "the context");
    place.succeed(&["verify", "r.json", "--vk", "tiny.sworn", "--allow-insecure-srs", "--context", "00"]);
    for wrong in ["", "1", "0x", "zz", "-01"] {
        place.fail(2, &["prove", "tiny.sworn", "tiny.json", &format!("--context={wrong}")], "hexadecimal");
    }
    place.fail(2, &["prove", "tiny.sworn", "tiny.json", "--context", &"00".repeat(33)], "32 bytes");
    let mut changed = place.json("c.json");
    changed["context"] = json!(format!("0x{}", "0".repeat(64)));
    place.write("c.json", changed.to_string());
    place.fail(1, &verify, "the proof is rejected");
}

#[test]
fn several_receipts_are_checked_at_once() {
    let place = Place::proved();
    place.succeed(&["prove", "tiny.sworn", "tiny.json", "-o", "s.json"]);
    let verify = |files: &[&'static str]| [&["verify"][..], files, &["--vk", "tiny.sworn", "--allow-insecure-srs"]].concat();
    let text = place.succeed(&verify(&["r.json", "s.json"]));
    assert_eq!(text.matches("accepted: tiny").count(), 2);
    let json = place.succeed_json(&verify(&["r.json", "s.json"]));
    let receipts = json["receipts"].as_array().unwrap();
    assert_eq!((&json["accepted"], receipts.len(), &receipts[1]["receipt"]), (&json!(true), 2, &json!("s.json")));
    assert_ne!(receipts[0]["id"], receipts[1]["id"]);
    let mut changed = place.json("s.json");
    changed["bits"] = json!(3);
    place.write("t.json", changed.to_string());
    let output = place.run(&[verify(&["r.json", "t.json", "s.json"]), vec!["--json"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let accepted: Vec<_> = json["receipts"].as_array().unwrap().iter().map(|r| (&r["receipt"], &r["accepted"])).collect();
    assert_eq!(accepted, [(&json!("r.json"), &json!(true)), (&json!("t.json"), &json!(false)), (&json!("s.json"), &json!(true))]);
    assert_eq!((&json["status"], &json["receipts"][1]["kind"]), (&json!(1), &json!("mismatch")));
    let output = place.run(&verify(&["t.json", "r.json"]));
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1));
    assert!(out.starts_with("t.json\nrejected: the receipt's bits") && out.contains("r.json\naccepted: tiny ("), "{out}");
    assert!(err.contains("1 of 2 receipts are rejected\nhint: "), "{err}");
    place.fail(2, &verify(&["r.json", "missing.json"]), "missing.json");
}

/// The tiny model with other bytes in the place of names of the same length.
fn with_names(place: &Place, names: &[(&[u8], &[u8])]) {
    let mut bytes = std::fs::read(place.path("tiny.onnx")).unwrap();
    for (from, to) in names {
        // As protobuf has a string: its length is before it.
        let [from, to] = [from, to].map(|name| [&[u8::try_from(name.len()).unwrap()], *name].concat());
        let places: Vec<usize> = bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
        assert!(!places.is_empty() && from.len() == to.len());
        places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(&to));
    }
    place.write("names.onnx", bytes);
}

fn assert_printable(output: &std::process::Output) -> (String, String) {
    let texts = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
    for text in &texts {
        assert!(text.chars().all(|c| c == '\n' || sworn::is_printable(c)), "{text:?}");
    }
    let [out, err] = texts;
    (out, err)
}

/// Names of nodes and tensors with sequences that a terminal obeys, and with line breaks: they are shown, and obeyed by nobody.
#[test]
fn names_of_strangers_are_escaped() {
    let place = Place::new();
    let operator: [(&[u8], &[u8]); 2] = [(b"relu", b"r\x1b[J"), (b"Relu", b"Re\nl")];
    with_names(&place, &operator);
    for command in [&["inspect", "names.onnx"][..], &["compile", "names.onnx", "--calibrate", "calibration.json", "--json"]] {
        let output = place.run(command);
        let (_, err) = assert_printable(&output);
        assert_eq!(output.status.code(), Some(2));
        assert!(err.contains("r\\u{1b}[J") && err.contains("Re\\nl"), "{err}");
    }
    // A tensor of the receipt, an input, and a node.
    with_names(&place, &[(b"y", b"\x1b"), (b"x", b"\n"), (b"second", b"\xe2\x80\xae\x1bc\x08")]);
    let prove = place.run(&["prove", "names.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "r.json"]);
    let (out, err) = assert_printable(&prove);
    assert_eq!(prove.status.code(), Some(0), "{err}");
    assert!(out.contains("\noutput   ") && out.contains("\\u{1b}"), "{out}");
    let verify = ["verify", "r.json", "--vk", "names.sworn", "--allow-insecure-srs"];
    for command in [&verify[..], &[&verify[..], &["--json"]].concat(), &["inspect", "names.sworn"], &["inspect", "names.onnx"]] {
        let output = place.run(command);
        let (out, _) = assert_printable(&output);
        assert_eq!(output.status.code(), Some(0));
        assert!(out.contains("u{1b}"), "{out}");
    }
    // What is not in a model but in the text of a receipt, or in the name of a file.
    let mut receipt = place.json("r.json");
    receipt["model"] = json!("\u{1b}]0;accepted\u{7}\naccepted: names\u{9b}");
    place.write("r.json", receipt.to_string());
    let output = place.run(&verify);
    assert_printable(&output);
    assert_eq!(output.status.code(), Some(1));
    for name in ["\u{1b}[2J.json", "a\u{202e}.json", "b\u{9b}.json"] {
        place.write(name, "{}");
        let output = place.run(&["verify", name, "--vk", "names.sworn"]);
        assert_printable(&output);
        assert_eq!(output.status.code(), Some(1));
        let missing = place.run(&["verify", &format!("missing {name}"), "--vk", "names.sworn"]);
        assert_printable(&missing);
        assert_eq!(missing.status.code(), Some(2));
    }
}
