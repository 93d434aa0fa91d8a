//! Receipts and verifying keys, good and bad in every way, with what `sworn verify` answers: what the verifier in the browser is
//! held against.
//!
//! ```text
//! FOLDER/NAME.json, NAME.key     good receipts and their keys
//! FOLDER/cases.jsonl             one case a line: files, an edit of each, options, exit status and JSON of `sworn verify`
//! ```
//!
//! `cargo xtask wasm --test` runs it, with the folder in `SWORN_BROWSER_CASES`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/halo2_params.rs"]
mod halo2_params;

use std::path::{Path, PathBuf};
use std::process::Command;

use halo2_params::halo2_params;
use serde_json::{json, Value};
use sworn::{Digest, FileKind};
use sworn_receipt::{Header, VerifyingKey};

const SWORN: &str = env!("CARGO_BIN_EXE_sworn");

/// A good receipt and its key.
#[derive(Clone)]
struct Good {
    name: &'static str,
    receipt: Vec<u8>,
    key: Vec<u8>,
}

struct Case {
    name: String,
    /// The good files that it is made of.
    receipt_of: usize,
    key_of: usize,
    receipt: Vec<u8>,
    key: Vec<u8>,
    /// As the module takes them.
    options: Value,
}

#[test]
#[ignore = "writes files for the tests of the verifier in the browser"]
fn write_cases() {
    let folder = PathBuf::from(std::env::var_os("SWORN_BROWSER_CASES").expect("SWORN_BROWSER_CASES names a folder"));
    std::fs::create_dir_all(&folder).unwrap();
    let goods = goods();
    for good in &goods {
        std::fs::write(folder.join(format!("{}.json", good.name)), &good.receipt).unwrap();
        std::fs::write(folder.join(format!("{}.key", good.name)), &good.key).unwrap();
    }
    let cases = cases(&goods);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let answers: Vec<Vec<Value>> = std::thread::scope(|scope| {
        let ask = |chunk: &[Case]| {
            let dir = tempfile::tempdir().unwrap();
            chunk.iter().map(|case| line(&goods, case, dir.path())).collect()
        };
        let chunks: Vec<_> = cases.chunks(cases.len().div_ceil(threads)).map(|chunk| scope.spawn(move || ask(chunk))).collect();
        chunks.into_iter().map(|chunk| chunk.join().unwrap()).collect()
    });
    let lines: Vec<String> = answers.iter().flatten().map(|line| format!("{line}\n")).collect();
    let count = |status: i32| answers.iter().flatten().filter(|line| line["status"] == status).count();
    println!("{} cases: {} accepted, {} rejected, {} without a key", lines.len(), count(0), count(1), count(2));
    assert!(count(0) > 5 && count(1) > 500 && count(2) > 100);
    std::fs::write(folder.join("cases.jsonl"), lines.concat()).unwrap();
}

/// What the command answers about a case.
fn line(goods: &[Good], case: &Case, dir: &Path) -> Value {
    std::fs::write(dir.join("receipt.json"), &case.receipt).unwrap();
    std::fs::write(dir.join("verifying.key"), &case.key).unwrap();
    let mut command = Command::new(SWORN);
    command.args(["verify", "receipt.json", "--vk", "verifying.key", "--json"]).args(arguments(&case.options));
    let output = command.current_dir(dir).output().unwrap();
    let status = output.status.code().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (receipt, key) = (&goods[case.receipt_of], &goods[case.key_of]);
    json!({
        "name": case.name, "receipt": format!("{}.json", receipt.name), "key": format!("{}.key", key.name),
        "receipt_edit": edit(&receipt.receipt, &case.receipt), "key_edit": edit(&key.key, &case.key),
        "options": case.options, "status": status, "answer": answer,
    })
}

/// The options of the command that say what those of the module say.
fn arguments(options: &Value) -> Vec<String> {
    let flags = [("allowInsecureSrs", "--allow-insecure-srs"), ("allowUnknownSrs", "--allow-unknown-srs")];
    let flags = flags.into_iter().filter(|(name, _)| options[*name] == true).map(|(_, flag)| flag.to_owned());
    let texts = [("ceremony", "--ceremony"), ("context", "--context")];
    let texts = texts.into_iter().filter_map(|(name, flag)| Some(format!("{flag}={}", options[name].as_str()?)));
    flags.chain(texts).collect()
}

/// All reference strings.
fn any() -> Value {
    json!({ "allowInsecureSrs": true, "allowUnknownSrs": true })
}

/// The one stretch in which two texts differ.
fn edit(from: &[u8], to: &[u8]) -> Value {
    let at = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let same = from[at..].iter().rev().zip(to[at..].iter().rev()).take_while(|(a, b)| a == b).count();
    json!({ "at": at, "remove": from.len() - at - same, "insert": hex::encode(&to[at..to.len() - same]) })
}

/// Receipts with private and public input, of the development string and of another one, of packed commitments, of a small and of a
/// real network.
fn goods() -> Vec<Good> {
    let dir = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::write(dir.path().join("kzg.srs"), halo2_params(12)).unwrap();
    let tiny = ["tests/vectors/tiny.onnx", "tests/vectors/tiny.json", "tests/vectors/calibration.json"];
    let digits = ["examples/digits/digits.onnx", "examples/digits/images/0.json", "examples/digits/calibration.npy"];
    let models: [(&'static str, _, &[&str]); 7] = [
        ("private", tiny, &[]),
        ("again", tiny, &[]),
        ("context", tiny, &["--context", "0x0102"]),
        ("public", tiny, &["--public-input"]),
        ("unknown", tiny, &["--srs", "kzg.srs"]),
        ("packed", tiny, &["--profile", "onchain"]),
        ("digits", digits, &[]),
    ];
    let prove = |(name, [model, input, samples], args): (&'static str, [&str; 3], &[&str])| {
        // `again` and `context` are other receipts for the key of `private`.
        let model_name = if ["again", "context"].contains(&name) { "private" } else { name };
        let model_file = format!("{model_name}.onnx");
        std::fs::copy(root.join(model), dir.path().join(&model_file)).unwrap();
        let mut command = Command::new(SWORN);
        command.args(["prove", &model_file]).arg(root.join(input)).arg("--calibrate").arg(root.join(samples));
        command.args(["-o", "receipt.json", "--srs-cache", "cache"]).args(args);
        assert!(command.current_dir(dir.path()).status().unwrap().success());
        let read = |file: &str| std::fs::read(dir.path().join(file)).unwrap();
        Good { name, receipt: read("receipt.json"), key: read(&format!("{model_name}.sworn/verifying.key")) }
    };
    models.map(prove).to_vec()
}

fn cases(goods: &[Good]) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add_with = |name: String, of: (usize, usize), receipt: &[u8], key: &[u8], options: Value| {
        cases.push(Case { name, receipt_of: of.0, key_of: of.1, receipt: receipt.into(), key: key.into(), options });
    };
    let identity = |good: &Good| serde_json::from_slice::<Value>(&good.receipt).unwrap()["srs"]["identity"].clone();
    for (i, good) in goods.iter().enumerate() {
        let Good { name, receipt, key } = good;
        // Each receipt with each key, and both ways round.
        for (j, other) in goods.iter().enumerate() {
            let (insecure, unknown) = (json!({ "allowInsecureSrs": true }), json!({ "allowUnknownSrs": true }));
            let named = json!({ "allowInsecureSrs": true, "ceremony": identity(other) });
            let bound = json!({ "allowInsecureSrs": true, "allowUnknownSrs": true, "context": "0102" });
            for options in [json!({}), insecure, unknown, any(), named, bound] {
                add_with(format!("{name} with the key of {}, {options}", other.name), (i, j), receipt, &other.key, options);
            }
        }
        let another = json!({ "allowInsecureSrs": true, "ceremony": "11".repeat(32) });
        add_with(format!("{name} with another ceremony"), (i, i), receipt, key, another);
        let mut add = |name, of, receipt: &[u8], key: &[u8]| add_with(name, of, receipt, key, any());
        add(format!("{name}: a key for a receipt"), (i, i), key, key);
        add(format!("{name}: a receipt for a key"), (i, i), receipt, receipt);
        for (what, changed) in changed_bytes(receipt, 90).into_iter().chain(changed_text(receipt)) {
            add(format!("{name}: receipt {what}"), (i, i), &changed, key);
        }
        for (what, changed) in changed_proofs(receipt, &goods[(i + 1) % goods.len()].receipt) {
            add(format!("{name}: proof {what}"), (i, i), &changed, key);
        }
        for (what, changed) in changed_bytes(key, 30).into_iter().chain((0..Header::BYTES).map(|at| flipped(key, at, 1))) {
            add(format!("{name}: key {what}"), (i, i), receipt, &changed);
        }
        for (what, changed) in resealed(key) {
            // The receipt may name the changed key: then what the key says must do.
            add(format!("{name}: resealed key {what}"), (i, i), receipt, &changed);
            if let Ok(other) = VerifyingKey::from_bytes(&changed) {
                let mut renamed: Value = serde_json::from_slice(receipt).unwrap();
                renamed["verifying_key"] = json!(other.digest().to_string());
                add(format!("{name}: receipt of the resealed key {what}"), (i, i), renamed.to_string().as_bytes(), &changed);
            }
        }
    }
    cases
}

fn flipped(bytes: &[u8], at: usize, mask: u8) -> (String, Vec<u8>) {
    let mut out = bytes.to_vec();
    out[at] ^= mask;
    (format!("byte {at} xor {mask}"), out)
}

/// Bytes flipped all over, cut, and more behind the end.
fn changed_bytes(bytes: &[u8], count: usize) -> Vec<(String, Vec<u8>)> {
    let step = bytes.len() / count + 1;
    let masks = [1, 2, 4, 0x20, 0x80].into_iter().cycle();
    let flips = (0..bytes.len()).step_by(step).zip(masks).map(|(at, mask)| flipped(bytes, at, mask));
    let cuts = (0..bytes.len()).step_by(step * 6).chain([bytes.len() - 2, bytes.len() - 1]);
    let cuts = cuts.map(|at| (format!("cut to {at}"), bytes[..at].to_vec()));
    let tails: [&[u8]; 6] = [b" ", b"\n\t", b"x", b"{}", b"\0", b"\xff"];
    let tails = tails.iter().map(|tail| (format!("with {tail:?} behind it"), [bytes, *tail].concat()));
    let heads: [&[u8]; 3] = [b" ", b"\xef\xbb\xbf", b"["];
    let heads = heads.iter().map(|head| (format!("with {head:?} before it"), [*head, bytes].concat()));
    flips.chain(cuts).chain(tails).chain(heads).collect()
}

/// Fields that are missing, double, of other types and of other values.
fn changed_text(receipt: &[u8]) -> Vec<(String, Vec<u8>)> {
    let good: Value = serde_json::from_slice(receipt).unwrap();
    let text = good.to_string();
    let mut out = vec![
        ("in one line".into(), text.clone()),
        ("with a double field".into(), format!("{{\"version\":2,{}", &text[1..])),
        ("with an unknown field".into(), format!("{{\"more\":1,{}", &text[1..])),
        ("of deep arrays".into(), "[".repeat(100_000)),
        ("with deep arrays".into(), format!("{{\"model\":{}1{}}}", "[".repeat(300), "]".repeat(300))),
        ("with an escaped name".into(), text.replace("\"model\":\"", "\"model\":\"\\u0000\\ud83d\\ude00")),
        ("with half a surrogate".into(), text.replace("\"model\":\"", "\"model\":\"\\ud83d")),
        ("with a long name".into(), text.replace("\"model\":\"", &format!("\"model\":\"{}", "é".repeat(70_000)))),
    ];
    let mut set = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value.clone();
        out.push((format!("with {pointer} {value}"), changed.to_string()));
    };
    // Numbers at the edges of 32 and 64 bits: the machine of the browser has 32.
    let numbers = ["-1", "0", "2", "2147483647", "2147483648", "4294967296", "4294967297", "1099511627776", "18446744073709551615"];
    let more = ["18446744073709551616", "-9223372036854775809", "1.5", "1e30", "-0.0", "5e-324", "null", "true", "\"1\"", "[]", "{}"];
    for number in numbers.iter().chain(&more).filter_map(|text| serde_json::from_str::<Value>(text).ok()) {
        for pointer in [
            "/version",
            "/bits",
            "/samples",
            "/relative_error",
            "/outputs/0/shape/0",
            "/outputs/0/shape/1",
            "/outputs/0/scale",
            "/outputs/0/integers/0",
            "/outputs/0/reals/0",
        ] {
            set(pointer, number.clone());
        }
    }
    for pointer in [
        "/format",
        "/model",
        "/srs/kind",
        "/srs/identity",
        "/visibility/output",
        "/verifying_key",
        "/source",
        "/context",
        "/instances/0",
        "/outputs/0/name",
    ] {
        for value in [json!(""), json!("private"), json!("insecure-dev"), json!("0".repeat(64)), json!("F".repeat(64)), json!(null)] {
            set(pointer, value);
        }
    }
    set("/visibility/input", json!("other"));
    for pointer in ["/instances", "/inputs", "/outputs", "/outputs/0/shape", "/outputs/0/integers", "/outputs/0/reals"] {
        set(pointer, json!([]));
    }
    out.push(("with a number too large".into(), text.replace("\"scale\":", "\"scale\":1e400,\"x\":")));
    for field in good.as_object().unwrap().keys() {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(field);
        out.push((format!("without {field}"), without.to_string()));
    }
    out.into_iter().map(|(what, text)| (what, text.into_bytes())).collect()
}

/// Proofs of other lengths, with other points and scalars, of another receipt.
fn changed_proofs(receipt: &[u8], other: &[u8]) -> Vec<(String, Vec<u8>)> {
    let good: Value = serde_json::from_slice(receipt).unwrap();
    let other: Value = serde_json::from_slice(other).unwrap();
    let bytes = |receipt: &Value| hex::decode(&receipt["proof"].as_str().unwrap()[2..]).unwrap();
    let proof = bytes(&good);
    let mut proofs = vec![("of another receipt".to_owned(), bytes(&other))];
    proofs.push(("of nothing".into(), Vec::new()));
    proofs.push(("longer".into(), [&proof[..], &[0]].concat()));
    proofs.push(("shorter".into(), proof[..proof.len() - 1].to_vec()));
    let words = proof.len() / 32;
    // A word is a scalar or a coordinate: its highest bit makes it too large, its lowest makes it another one.
    for word in (0..words).step_by(words / 30 + 1) {
        for (byte, mask) in [(0, 0x80), (31, 1), (16, 0x10)] {
            proofs.push(flipped(&proof, 32 * word + byte, mask));
        }
    }
    for (what, fill) in [("zeros", 0), ("ones", 255)] {
        for word in [0, 2, words - 4, words - 2, words / 2] {
            let mut bytes = proof.clone();
            bytes[32 * word..32 * word + 64].fill(fill);
            proofs.push((format!("{what} in word {word}"), bytes));
        }
    }
    let mut texts: Vec<(String, String)> = proofs.into_iter().map(|(what, bytes)| (what, format!("0x{}", hex::encode(bytes)))).collect();
    texts.push(("without 0x".into(), hex::encode(&proof)));
    texts.push(("with 0x twice".into(), format!("0x0x{}", hex::encode(&proof))));
    texts.push(("in upper case".into(), hex::encode_upper(&proof)));
    texts.push(("of an odd number of digits".into(), format!("{}0", hex::encode(&proof))));
    texts.push(("of other digits".into(), "g".repeat(2 * proof.len())));
    let with = |text: &str| {
        let mut changed = good.clone();
        changed["proof"] = json!(text);
        changed.to_string().into_bytes()
    };
    texts.iter().map(|(what, text)| (what.clone(), with(text))).collect()
}

/// Keys that were changed by someone who can write a digest.
fn resealed(key: &[u8]) -> Vec<(String, Vec<u8>)> {
    let contents = &key[Header::BYTES..];
    let mut changed = changed_bytes(contents, 110);
    changed.push(("as it was".into(), contents.to_vec()));
    let seal = |contents: &[u8]| {
        let header = Header { kind: FileKind::VerifyingKey, length: contents.len() as u64 };
        let digest = Digest(*header.hasher().update(contents).finalize().as_bytes());
        [&header.encode(digest)[..], contents].concat()
    };
    let mut out: Vec<_> = changed.into_iter().map(|(what, contents)| (what, seal(&contents))).collect();
    for kind in [FileKind::Circuit, FileKind::ProvingKey] {
        out.push((format!("as a {kind}"), Header { kind, length: contents.len() as u64 }.encode(Digest([0; 32])).to_vec()));
    }
    out
}
