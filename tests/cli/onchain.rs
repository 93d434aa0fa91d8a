//! Reference strings, contracts, and what is cheap to check on chain.

use std::path::Path;

use serde_json::json;

use super::halo2_params::halo2_params;
use super::{Place, VERIFY};

#[test]
fn contracts_and_calls_of_them() {
    let place = Place::proved();
    place.fail(2, &["export", "solidity", "tiny.sworn", "-o", "package"], "insecure");
    assert!(!place.path("package").exists());
    let export = ["export", "solidity", "tiny.sworn", "-o", "package", "--allow-insecure-srs"];
    let exported = place.succeed_json(&export);
    for file in ["src/SwornVerifier.sol", "src/ModelVerifier.sol", "data/0.hex", "deploy.sh", "foundry.toml", "README.md"] {
        assert!(place.path("package").join(file).is_file(), "{file}");
    }
    assert_eq!(exported["gas"], place.succeed_json(&["inspect", "tiny.sworn"])["gas"]);
    place.fail(2, &export, "package");

    let call = |contract: &str| {
        let args = ["export", "calldata", "r.json", "--vk", "tiny.sworn", "--allow-insecure-srs", "--contract", contract];
        place.succeed(&args)
    };
    let receipt = place.json("r.json");
    let (proof, model, verifier) = (receipt["proof"].as_str().unwrap(), call("model"), call("verifier"));
    let digits = proof.strip_prefix("0x").unwrap();
    assert!(model.starts_with("0x") && model.contains(digits) && verifier.contains(digits) && model != verifier);
    assert_eq!(exported["calldata"], json!((model.trim().len() - 2) / 2));
    assert_eq!(exported["verifier_calldata"], json!((verifier.trim().len() - 2) / 2));
    place.fail(1, &["export", "calldata", "r.json", "--vk", "tiny.sworn"], "insecure");
    let last = proof.len() - 1;
    let other = if proof.ends_with('0') { "1" } else { "0" };
    place.write("changed.json", receipt.to_string().replace(proof, &format!("{}{other}", &proof[..last])));
    place.fail(1, &["export", "calldata", "changed.json", "--vk", "tiny.sworn", "--allow-insecure-srs"], "rejected");
}

#[test]
fn a_package_is_checked_against_its_key() {
    let place = Place::proved();
    place.succeed(&["export", "solidity", "tiny.sworn", "-o", "package", "--allow-insecure-srs"]);
    let check = |package| ["export", "check", package, "--vk", "tiny.sworn/verifying.key", "--allow-insecure-srs"];
    let checked = place.succeed_json(&check("package"));
    let deployment = place.json("package/deployment.json");
    assert_eq!(format!("0x{}", checked["data_hash"].as_str().unwrap().trim_start_matches("0x")), deployment["dataHash"].as_str().unwrap());
    place.fail(2, &check("package")[..5], "insecure");

    // The code of the data on chain: what deploys it, without its first ten bytes.
    let init_code = std::fs::read_to_string(place.path("package/data/0.hex")).unwrap();
    place.write("code.hex", format!("0x{}", &init_code[22..]));
    assert_eq!(place.succeed_json(&check("code.hex"))["data_contract"], json!(0));
    place.write("code.hex", &init_code);
    place.fail(1, &check("code.hex"), "none of the verifying key's data contracts");
    place.fail(2, &check("missing.hex"), "missing.hex");

    let source = std::fs::read_to_string(place.path("package/src/SwornVerifier.sol")).unwrap();
    place.write("package/src/SwornVerifier.sol", source.replace("if (!good)", "if (false)"));
    place.fail(1, &check("package"), "SwornVerifier.sol");
    place.write("package/src/SwornVerifier.sol", source);
    place.write("package/remappings.txt", "");
    place.fail(1, &check("package"), "remappings.txt");
}

#[test]
fn an_onchain_profile_is_cheap_to_verify() {
    let place = Place::new();
    // Few bits: a table of 2^8 rows, 2^13 or 2^14 powers in packs.
    fn proving<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "r.json", "--bits", "8"], more].concat()
    }
    let compile = |more: &[&str]| {
        place.succeed(&[&["compile", "tiny.onnx", "--calibrate", "calibration.json"], more].concat());
    };
    let verify = [&VERIFY[..4], &["--allow-unknown-srs"]].concat();
    place.succeed(&proving(&[]));
    let gas = |model: &str| place.succeed_json(&["inspect", model])["gas"].as_u64().unwrap();
    let proof = |receipt: &str| place.json(receipt)["proof"].as_str().unwrap().len();
    let (fast, longer) = (gas("tiny.sworn"), proof("r.json"));
    // The folder of another profile stays what it is, until it is compiled again.
    place.write("kzg.srs", halo2_params(14));
    place.fail(2, &proving(&["--profile", "onchain"]), "--profile is fast there, and onchain is asked for");
    place.fail(2, &proving(&["--srs", "kzg.srs"]), "the string of --srs");
    compile(&["--profile", "onchain", "--srs", "kzg.srs"]);
    place.succeed(&proving(&["--profile", "onchain", "--srs", "kzg.srs"]));
    place.succeed(&verify);
    assert!(gas("tiny.sworn") < fast && proof("r.json") < longer, "{} of {fast} gas", gas("tiny.sworn"));
    assert_eq!(place.json("tiny.sworn/manifest.json")["settings"]["profile"], json!("onchain"));
    place.succeed(&["export", "solidity", "tiny.sworn", "-o", "package", "--allow-unknown-srs"]);
    place.succeed(&["export", "calldata", "r.json", "--vk", "tiny.sworn", "--allow-unknown-srs"]);
    // Found in the cache.
    place.succeed(&["prove", "tiny.sworn", "tiny.json", "-o", "r.json"]);
    place.succeed(&verify);
    place.fail(2, &["prove", "tiny.sworn", "tiny.json", "--profile", "fast"], "--profile");
    place.fail(2, &["compile", "tiny.onnx", "--profile", "small"], "onchain");
    assert!(place.succeed(&["inspect", "tiny.onnx", "--profile", "onchain"]).contains("columns in a commitment"));
    // What it was compiled for stays, until another profile is asked for.
    let key = |name: &str| std::fs::read(place.path(name).join("verifying.key")).unwrap();
    let before = key("tiny.sworn");
    place.succeed(&proving(&[]));
    compile(&[]);
    assert_eq!(key("tiny.sworn"), before);
    // From the same file, which has now been cut to both sizes.
    compile(&["--profile", "fast", "--srs", "kzg.srs"]);
    place.succeed(&proving(&["--profile", "fast", "--srs", "kzg.srs"]));
    place.succeed(&verify);
    assert_eq!((gas("tiny.sworn"), proof("r.json")), (fast, longer));
}

#[test]
fn srs_files() {
    let place = Place::new();
    let srs = Path::new(env!("CARGO_MANIFEST_DIR")).join("prover/tests/vectors");
    let (ptau, ezkl) = (srs.join("snarkjs_prepared_4.ptau"), srs.join("ezkl_kzg4.srs"));
    let imported = place.succeed_json(&["srs", "import", ptau.to_str().unwrap()]);
    assert_eq!((&imported["k"], &imported["kind"], &imported["name"]), (&json!(4), &json!("unknown"), &json!(null)));
    let list = place.succeed_json(&["srs", "list"]);
    assert_eq!((&list[0]["identity"], &list[0]["file"], &list[1]), (&imported["identity"], &imported["file"], &json!(null)));
    assert!(place.succeed(&["srs", "list"]).contains(imported["identity"].as_str().unwrap()));
    let checked = place.succeed_json(&["srs", "check", imported["file"].as_str().unwrap()]);
    assert_eq!(checked["digest"], imported["digest"]);
    place.succeed(&["srs", "check", ezkl.to_str().unwrap()]);
    let cut = place.succeed_json(&["srs", "import", ptau.to_str().unwrap(), "--k", "3", "-o", "cut.srs"]);
    assert_eq!(cut["identity"], imported["identity"]);
    assert_ne!(cut["digest"], imported["digest"]);
    place.fail(2, &["srs", "import", ptau.to_str().unwrap(), "--k", "5"], "k = 4, expected at least 5");

    let mut bytes = std::fs::read(&ezkl).unwrap();
    bytes[4 + 64 * 3] ^= 1;
    place.write("bad.srs", &bytes);
    place.fail(1, &["srs", "check", "bad.srs"], "powers of s in G1[3] is not a point of the curve");
    place.write("cut.srs", &bytes[..1000]);
    place.fail(1, &["srs", "check", "cut.srs"], "1000 bytes");
    place.fail(2, &["srs", "check", "missing.srs"], "missing.srs");
    assert_eq!(place.succeed_json(&["srs", "dev", "--k", "5", "-o", "dev.srs"])["kind"], json!("insecure-dev"));
    place.fail(2, &["srs", "dev", "--k", "29", "-o", "dev.srs"], "at most 28");
    // Too small for the model.
    place.fail(
        2,
        &["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "--srs", ptau.to_str().unwrap()],
        "expected at least",
    );
    // Nobody contributed: its secret is 1.
    let new = srs.join("snarkjs_new_1.ptau");
    for command in [&["srs", "check"][..], &["srs", "import"]] {
        place.fail(1, &[command, &[new.to_str().unwrap()]].concat(), "nobody has contributed");
    }
    let prove = ["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "--srs", new.to_str().unwrap()];
    place.fail(2, &prove, "nobody has contributed");
    place.fail(1, &["srs", "check", srs.join("snarkjs_bls12381_1.ptau").to_str().unwrap()], "BLS12-381");
    let cleaned = place.succeed_json(&["srs", "clean"]);
    assert_eq!(cleaned["files"], json!(0));
    assert_eq!(place.succeed_json(&["srs", "clean", "--older-than", "1"])["files"], json!(0));
    assert_ne!(place.succeed_json(&["srs", "clean", "--all"])["files"], json!(0));
    assert_eq!(place.succeed_json(&["srs", "list"]), json!([]));
    place.fail(2, &["srs", "clean", "--all", "--older-than", "1"], "--older-than");
}

#[test]
fn a_string_of_unknown_origin_needs_a_flag_or_its_identity() {
    let place = Place::new();
    let params = halo2_params(12);
    place.write("kzg.srs", params);
    place.succeed(&["prove", "tiny.onnx", "tiny.json", "--calibrate", "calibration.json", "-o", "r.json", "--srs", "kzg.srs"]);
    let (verify, srs) = (&VERIFY[..4], place.json("r.json")["srs"].clone());
    assert_eq!((&srs["kind"], srs.get("name")), (&json!("unknown"), None));
    let identity = srs["identity"].as_str().unwrap();
    place.fail(1, verify, "unknown origin");
    place.fail(1, &VERIFY, "unknown origin");
    for more in [vec!["--allow-unknown-srs"], vec!["--ceremony", identity], vec!["--ceremony", &identity[2..]]] {
        place.succeed(&[verify, more.as_slice()].concat());
    }
    let other = format!("0x{}", "1".repeat(64));
    place.fail(1, &[verify, &["--allow-unknown-srs", "--ceremony", &other][..]].concat(), &other);
    place.fail(2, &[verify, &["--ceremony", "0x01"][..]].concat(), "64 hexadecimal digits");
    let mut named = place.json("r.json");
    named["srs"]["kind"] = json!("ceremony");
    place.write("named.json", named.to_string());
    place.fail(1, &["verify", "named.json", "--vk", "tiny.sworn", "--allow-unknown-srs"], "srs");
    // The reference string is found in the cache, and missed without it.
    place.succeed(&["prove", "tiny.sworn", "tiny.json", "-o", "r.json"]);
    std::fs::remove_dir_all(place.path("cache")).unwrap();
    place.fail(2, &["prove", "tiny.sworn", "tiny.json"], "not in the cache");
    place.fail(2, &["prove", "tiny.sworn", "tiny.json", "--srs", "other.srs"], "other.srs");
    place.succeed(&["srs", "dev", "--k", "12", "-o", "dev.srs"]);
    place.fail(2, &["prove", "tiny.sworn", "tiny.json", "--srs", "dev.srs"], "the SRS has the identity");
    place.succeed(&["prove", "tiny.sworn", "tiny.json", "--srs", "kzg.srs"]);
}
