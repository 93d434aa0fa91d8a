//! `--pack-public`: receipts that show the same tensors in fewer public values, by the library and by the command line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::Command;

use serde_json::{json, Value};
use sworn::{Asked, Call, Compiled, Field, Input, Manifest, Model, Options, Receipt, Rejection, SrsPolicy};
use sworn_verifier::{Form, Packing};

const POLICY: SrsPolicy = SrsPolicy::INSECURE;

fn compile(pack_public: bool) -> (Compiled, Receipt) {
    let model = Model::load("tests/vectors/tiny.onnx").unwrap();
    let input = Input::read("tests/vectors/tiny.json").unwrap();
    let options = Options { public_input: true, pack_public, ..Options::default() };
    let compiled = model.compile(&options, std::slice::from_ref(&input)).unwrap();
    let receipt = compiled.prove(&input).unwrap();
    (compiled, receipt)
}

fn changed(receipt: &Receipt, change: impl FnOnce(&mut Value)) -> Receipt {
    let mut value: Value = serde_json::from_str(&receipt.to_json()).unwrap();
    change(&mut value);
    Receipt::from_json(value.to_string().as_bytes()).unwrap()
}

/// Sets an element, with its real value.
fn set(receipt: &mut Value, tensor: &str, index: usize, integer: i64) {
    let tensor = receipt.pointer_mut(tensor).unwrap();
    let scale = tensor["scale"].as_f64().unwrap();
    tensor["integers"][index] = json!(integer);
    tensor["reals"][index] = json!(integer as f64 * scale + 0.0);
}

#[test]
fn receipts_show_the_same_tensors() {
    let [(plain, before), (packed, after)] = [false, true].map(compile);
    assert_eq!((before.inputs(), before.outputs()), (after.inputs(), after.outputs()));
    let instances = |receipt: &Receipt| serde_json::from_str::<Value>(&receipt.to_json()).unwrap()["instances"].as_array().unwrap().len();
    assert_eq!((instances(&before), instances(&after)), (5, 2));
    let key = packed.verifying_key();
    after.verify(key, POLICY).unwrap();
    assert!(after.verify(plain.verifying_key(), POLICY).is_err() && before.verify(key, POLICY).is_err());

    let Form::Packed(Packing { low, width }) = key.key().tensors[0].form else { panic!("the input is not packed") };
    let integers: Vec<i64> = after.inputs()[0].integers.iter().map(|v| i64::from(*v)).collect();
    let tensor = |change: &dyn Fn(&mut Value)| changed(&after, change).verify(key, POLICY).unwrap_err();
    // The same public value of other digits, and values out of the range.
    let wrapped = tensor(&|r| {
        set(r, "/inputs/0", 0, integers[0] + (1 << width));
        set(r, "/inputs/0", 1, integers[1] - 1);
    });
    assert!(matches!(wrapped, Rejection::Tensor { field: Field::Inputs, .. }), "{wrapped}");
    for wrong in [i64::from(low) - 1, i64::from(low) + (1 << width), i64::from(i32::MAX), i64::from(i32::MIN)] {
        let outside = tensor(&|r| set(r, "/inputs/0", 2, wrong));
        assert!(matches!(outside, Rejection::Tensor { field: Field::Inputs, .. }), "{wrong}: {outside}");
    }
    // Another value in the range, with the field element of the right one.
    let other = tensor(&|r| set(r, "/inputs/0", 2, integers[2] ^ 1));
    assert!(matches!(other, Rejection::Mismatch { field: Field::Instances }), "{other}");
    let longer = tensor(&|r| r["instances"].as_array_mut().unwrap().push(json!("0".repeat(64))));
    assert!(matches!(longer, Rejection::Mismatch { field: Field::Instances }), "{longer}");
    let swapped = tensor(&|r| r["instances"].as_array_mut().unwrap().reverse());
    assert!(matches!(swapped, Rejection::Mismatch { field: Field::Instances }), "{swapped}");
    let calls = [Call::Model, Call::Verifier]
        .map(|call| [(&before, &plain), (&after, &packed)].map(|(r, c)| r.calldata(c.verifying_key(), POLICY, call).unwrap()));
    // The model's contract takes the tensors, the verifier three public values less.
    assert_eq!(calls[0][0].len(), calls[0][1].len());
    assert_eq!(calls[1][0].len(), calls[1][1].len() + 3 * 32);
}

#[test]
fn manifests_name_packing() {
    let dir = tempfile::tempdir().unwrap();
    for pack in [false, true] {
        let folder = dir.path().join(format!("{pack}.sworn"));
        let (compiled, _) = compile(pack);
        compiled.save(&folder).unwrap();
        assert_eq!(Manifest::read(&folder).unwrap().settings.pack_public, pack);
        let model = Model::load("tests/vectors/tiny.onnx").unwrap();
        for pack_public in [false, true] {
            let asked = Asked { public_input: Some(true), pack_public: Some(pack_public), ..Asked::default() };
            assert_eq!(model.differences(compiled.manifest(), &asked).unwrap().is_empty(), pack == pack_public);
        }
    }
}

#[test]
fn the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["tiny.onnx", "tiny.json", "calibration.json"] {
        std::fs::copy(Path::new("tests/vectors").join(name), dir.path().join(name)).unwrap();
    }
    let run = |line: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sworn"));
        let output = command.args(line.split(' ')).args(["--srs-cache", "cache"]).current_dir(dir.path()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let succeed = |line: &str| {
        let (status, out, err) = run(line);
        assert_eq!(status, 0, "{line}\n{out}\n{err}");
        out
    };
    let accepted = |receipt: &str, folder: &str| -> Value {
        serde_json::from_str(&succeed(&format!("verify {receipt} --vk {folder} --allow-insecure-srs --json"))).unwrap()
    };
    succeed("compile tiny.onnx --calibrate calibration.json --public-input -o plain.sworn");
    succeed("compile tiny.onnx --calibrate calibration.json --public-input --pack-public -o packed.sworn");
    succeed("prove plain.sworn tiny.json --public-input -o plain.json");
    succeed("prove packed.sworn tiny.json --public-input -o packed.json");
    let (plain, packed) = (accepted("plain.json", "plain.sworn"), accepted("packed.json", "packed.sworn"));
    assert_eq!((&plain["inputs"], &plain["outputs"]), (&packed["inputs"], &packed["outputs"]));
    assert_ne!(plain["verifying_key"], packed["verifying_key"]);
    let (status, _, err) = run("prove packed.sworn tiny.json --public-input --pack-public");
    assert!(status == 2 && err.contains("`--pack-public` cannot change a compiled model"), "{err}");
    // `prove` compiles again for the flag, and inspects the same layout.
    succeed("prove tiny.onnx tiny.json --calibrate calibration.json -o r.json --public-input --pack-public");
    assert_eq!(accepted("r.json", "tiny.sworn")["inputs"], packed["inputs"]);
    let json = |line: &str| serde_json::from_str::<Value>(&succeed(line)).unwrap();
    let (layout, inspected) = (json("inspect tiny.sworn --json"), json("inspect packed.sworn --json"));
    assert_eq!(layout["layout"], inspected["layout"]);
    let exported = json("export solidity packed.sworn -o package --allow-insecure-srs --json");
    let call = succeed("export calldata packed.json --vk packed.sworn --allow-insecure-srs --contract verifier");
    assert_eq!(exported["verifier_calldata"], json!((call.trim().len() - 2) / 2));
    let source = std::fs::read_to_string(dir.path().join("package/src/ModelVerifier.sol")).unwrap();
    assert!(source.contains(" to a public value") && source.contains("_pack("));
    succeed("export calldata packed.json --vk packed.sworn --allow-insecure-srs");
}
