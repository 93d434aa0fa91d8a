//! What a key and a receipt may be trusted for: lies about the reference string, the model and its quantisation, in a key or in a text.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::LazyLock;

use serde_json::{json, Value};
use sworn::{silent, Compiled, Context, Field, Input, Model, Options, Receipt, Rejection, SrsKind, SrsPolicy};
use sworn_receipt::{FileKind, FormatError, Header, VerifyingKey};
use sworn_verifier::{KeyError, KeyParts};

const CONTEXT: Context = Context([7; 32]);
const UNKNOWN: SrsPolicy = SrsPolicy { allow_unknown: true, ..SrsPolicy::SECURE };

static PROVED: LazyLock<(Compiled, Receipt)> = LazyLock::new(|| {
    let model = Model::load("tests/vectors/tiny.onnx").unwrap();
    let input = Input::read("tests/vectors/tiny.json").unwrap();
    let compiled = model.compile(&Options { bits: Some(9), ..Options::default() }, std::slice::from_ref(&input)).unwrap();
    let receipt = compiled.prove_in(CONTEXT, &input, &mut silent()).unwrap().receipt;
    (compiled, receipt)
});

fn parts() -> KeyParts {
    KeyParts::clone(PROVED.0.verifying_key().key())
}

/// A key of these parts, as a file brings it.
fn read(parts: &KeyParts) -> Result<VerifyingKey, FormatError> {
    let contents = parts.to_bytes();
    let header = Header { kind: FileKind::VerifyingKey, length: contents.len() as u64 };
    let digest = sworn::Digest(*header.hasher().update(&contents).finalize().as_bytes());
    VerifyingKey::from_bytes(&[header.encode(digest).as_slice(), &contents].concat())
}

fn value() -> Value {
    serde_json::from_str(&PROVED.1.to_json()).unwrap()
}

fn receipt(value: &Value) -> Result<sworn_receipt::Receipt, Rejection> {
    sworn_receipt::Receipt::from_json(value.to_string().as_bytes())
}

/// The receipt, as if it were of another key.
fn of(key: &VerifyingKey, change: impl FnOnce(&mut Value)) -> sworn_receipt::Receipt {
    let mut value = value();
    value["verifying_key"] = json!(key.digest());
    change(&mut value);
    receipt(&value).unwrap()
}

#[test]
fn a_key_of_a_known_secret_is_none() {
    let g2 = parts().g2;
    for s_g2 in [g2, -g2] {
        assert_eq!(read(&KeyParts { s_g2, ..parts() }), Err(FormatError::Key(KeyError::KnownSecret)));
    }
    assert!(read(&KeyParts { s_g2: Default::default(), ..parts() }).is_err());
}

/// A key cannot say of its string what it likes: all that it has of it is the point that proofs are checked with.
#[test]
fn a_key_of_another_string_is_another_key_of_unknown_origin() {
    let honest = parts();
    let liar = read(&KeyParts { s_g2: (honest.s_g2 + honest.g2).into(), ..honest }).unwrap();
    assert_ne!(liar.digest(), PROVED.0.verifying_key().digest());
    assert_eq!(liar.srs().kind, SrsKind::Unknown);
    assert!(matches!(PROVED.1.accept(&liar, SrsPolicy::ANY), Err(Rejection::VerifyingKey { .. })));
    let srs = |field| Rejection::Mismatch { field };
    // Of the development string, as the honest receipt says; of a ceremony; and as it is.
    for lie in [json!("insecure-dev"), json!("ceremony")] {
        let refused = of(&liar, |value| value["srs"]["kind"] = lie.clone()).accept(&liar, SrsPolicy::ANY).unwrap_err();
        assert_eq!(refused.to_string(), srs(Field::Srs).to_string());
    }
    let named = json!({ "identity": liar.srs().identity, "kind": "unknown", "name": "Perpetual Powers of Tau" });
    assert!(of(&liar, |value| value["srs"] = named).accept(&liar, SrsPolicy::ANY).is_err());
    let truth = of(&liar, |value| value["srs"] = json!(liar.srs()));
    assert!(matches!(truth.accept(&liar, SrsPolicy::SECURE), Err(Rejection::UnknownSrs { .. })));
    assert!(matches!(truth.accept(&liar, SrsPolicy::INSECURE), Err(Rejection::UnknownSrs { .. })));
    let other = SrsPolicy { ceremony: Some([1; 32]), ..UNKNOWN };
    assert!(matches!(truth.accept(&liar, other), Err(Rejection::Ceremony { .. })));
    let this = SrsPolicy { ceremony: Some(liar.srs().identity.0), ..SrsPolicy::SECURE };
    for policy in [UNKNOWN, this] {
        assert!(matches!(truth.accept(&liar, policy), Err(Rejection::Proof(_))));
    }
}

/// Other words beside the same commitments are another key, and a receipt of one is none of the other.
#[test]
fn a_renamed_key_is_another_key() {
    type Change = fn(&mut KeyParts);
    let changes: [(Change, Field); 5] = [
        (|parts| parts.about.model = "Tiny".into(), Field::Model),
        (|parts| parts.about.source[0] ^= 1, Field::Source),
        (|parts| parts.about.bits = 4, Field::Bits),
        (|parts| parts.about.samples = 1000, Field::Samples),
        (|parts| parts.about.relative_error = 0.0, Field::RelativeError),
    ];
    let honest = PROVED.0.verifying_key();
    for (change, field) in changes {
        let mut parts = parts();
        change(&mut parts);
        let key = read(&parts).unwrap();
        assert_ne!(key.digest(), honest.digest(), "{field}");
        assert!(matches!(PROVED.1.accept(&key, SrsPolicy::ANY), Err(Rejection::VerifyingKey { .. })), "{field}");
        let honest_words = of(&key, |_| ());
        assert!(
            matches!(honest_words.accept(&key, SrsPolicy::ANY), Err(Rejection::Mismatch { field: found }) if found == field),
            "{field}"
        );
        // Even with the same words: the digest is where the transcript starts.
        let about = &key.key().about;
        let renamed = of(&key, |value| {
            value["model"] = json!(about.model);
            value["source"] = json!(sworn::Digest(about.source));
            (value["bits"], value["samples"], value["relative_error"]) =
                (json!(about.bits), json!(about.samples), json!(about.relative_error));
        });
        assert!(matches!(renamed.accept(&key, SrsPolicy::ANY), Err(Rejection::Proof(_))), "{field}");
    }
}

/// What a receipt says is what its key says.
#[test]
fn a_receipt_shows_what_its_key_says() {
    let (compiled, receipt) = &*PROVED;
    let key = compiled.verifying_key();
    let about = &key.key().about;
    receipt.verify(key, SrsPolicy::INSECURE).unwrap();
    assert!(matches!(receipt.verify(key, SrsPolicy::SECURE), Err(Rejection::InsecureSrs)));
    assert_eq!((receipt.model(), receipt.source().0, receipt.bits()), ("tiny", about.source, 9));
    assert_eq!((receipt.samples(), receipt.relative_error().to_bits()), (1, about.relative_error.to_bits()));
    assert_eq!(about.input_scales.len(), 1);
    assert!(about.relative_error > 0.0, "nine bits are not exact");
    assert_eq!(about.source, Model::load("tests/vectors/tiny.onnx").unwrap().source().0);
    let json = receipt.accept(key, SrsPolicy::INSECURE).unwrap().to_json();
    for field in ["model", "verifying_key", "source", "bits", "samples", "error", "srs", "visibility", "context", "inputs", "outputs"] {
        assert_eq!(json[field], value()[field], "{field}");
    }
    assert_eq!(json["id"], json!(receipt.id()));
}

#[test]
fn a_receipt_is_for_its_context() {
    let (compiled, receipt) = &*PROVED;
    let key = compiled.verifying_key();
    assert!(receipt.accept_in(CONTEXT, key, SrsPolicy::ANY).is_ok());
    for other in [Context::NONE, Context([8; 32])] {
        assert!(matches!(receipt.accept_in(other, key, SrsPolicy::ANY), Err(Rejection::Context { .. })));
        // The text with the other context: its proof is not.
        let mut value = value();
        value["context"] = json!(sworn::Digest(other.0));
        let renamed = self::receipt(&value).unwrap();
        assert!(matches!(renamed.accept_in(other, key, SrsPolicy::ANY), Err(Rejection::Proof(_))));
    }
}

/// Every other text is refused, or is the same receipt.
#[test]
fn texts_are_refused_or_the_same_receipt() {
    let (compiled, good) = &*PROVED;
    let key = compiled.verifying_key();
    let text = good.to_json();
    let again = Receipt::from_json(text.as_bytes()).unwrap();
    assert_eq!((&again, again.to_json()), (good, text.clone()));
    let one_line = value().to_string();
    let same = [
        text.replace("0x", ""),
        text.replacen("0x", "", 1),
        one_line.clone(),
        text.replace('\n', "\r\n\t"),
        text.replace("\"model\": \"tiny\"", "\"model\": \"\\u0074iny\""),
    ];
    for same in same {
        let read = Receipt::from_json(same.as_bytes()).unwrap();
        assert_eq!((&read, read.to_json(), read.id()), (good, text.clone(), good.id()));
        read.verify(key, SrsPolicy::INSECURE).unwrap();
    }
    let refused =
        |text: &str| Receipt::from_json(text.as_bytes()).and_then(|receipt| receipt.verify(key, SrsPolicy::INSECURE)).unwrap_err();
    let proof = value()["proof"].as_str().unwrap().to_owned();
    let unlike = [
        format!("{text}x"),
        format!("{text}\0"),
        format!("\u{feff}{text}"),
        one_line.replacen('{', "{\"model\":\"evil\",", 1),
        one_line.replacen('{', "{\"note\":1,", 1),
        text.replace(&proof, &format!("{proof}00")),
        text.replace(&proof, &proof[..proof.len() - 1]),
        text.replace(&proof, &proof.to_uppercase()),
        text.replace(&proof, &format!("0x{}", proof[2..].to_uppercase())),
        text.replace(&proof, &format!("0x{proof}")),
        text.replace(&proof, &format!(" {proof}")),
        text.replace("0x", "0X"),
    ];
    unlike.iter().for_each(|text| drop(refused(text)));
    let older = text.replace("\"version\": 2", "\"version\": 1");
    assert!(matches!(refused(&older), Rejection::Version { expected: 2, actual: 1 }));
    let of_version_1 = "{\"format\":\"sworn-receipt\",\"version\":1,\"model\":\"tiny\"}";
    assert!(matches!(refused(of_version_1), Rejection::Version { expected: 2, actual: 1 }));
    // Consistent lies: integers with reals and instances, scale with reals; a value above the modulus.
    let changed = |change: fn(&mut Value)| {
        let mut value = value();
        change(&mut value);
        refused(&value.to_string())
    };
    let lie = changed(|value| {
        let output = &mut value["outputs"][0];
        let (integer, scale) = (output["integers"][0].as_i64().unwrap() + 1, output["scale"].as_f64().unwrap());
        (output["integers"][0], output["reals"][0]) = (json!(integer), json!(integer as f64 * scale));
        value["instances"][0] = json!(sworn::Digest(sworn_verifier::field::encode(&sworn_verifier::embed(integer))));
    });
    assert!(matches!(lie, Rejection::Proof(_)), "{lie}");
    let lie = changed(|value| {
        let output = &mut value["outputs"][0];
        output["scale"] = json!(output["scale"].as_f64().unwrap() * 2.0);
        output["reals"].as_array_mut().unwrap().iter_mut().for_each(|real| *real = json!(real.as_f64().unwrap() * 2.0));
    });
    assert!(matches!(lie, Rejection::Tensor { .. }), "{lie}");
    for lie in [
        changed(|value| value["inputs"] = value["outputs"].clone()),
        changed(|value| value["visibility"]["input"] = json!("public")),
        changed(|value| value["outputs"][0]["shape"] = json!([2])),
        changed(|value| value["outputs"][0]["reals"][0] = json!(0.99)),
        changed(|value| value["relative_error"] = json!(0.0)),
        changed(|value| value["samples"] = json!(32)),
    ] {
        assert!(matches!(lie, Rejection::Mismatch { .. } | Rejection::Tensor { .. }), "{lie}");
    }
}
