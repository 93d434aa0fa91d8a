//! A package is written as a whole, with everything that deploys it.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../prover/tests/models/mod.rs"]
mod models;

use ark_bn254::{Fr, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use std::fs;
use std::path::Path;

use serde_json::Value;
use sha3::{Digest, Keccak256};
use sworn_contracts::{check, estimate_gas, export, CheckError, ExportError};
use sworn_verifier::srs::{identity, CEREMONIES};
use sworn_verifier::{KeyParts, Query, VerifyingKey};

/// Every file below a folder.
fn files(dir: &Path, below: &Path, out: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, below, out);
        } else {
            out.push(path.strip_prefix(below).unwrap().to_str().unwrap().replace('\\', "/"));
        }
    }
}

#[test]
fn a_package_is_complete_and_written_once() {
    let keyed = models::two_limbs().keyed();
    let key = keyed.key.verifying_key();
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("deep/package");
    let package = export(key, &dir).unwrap();
    let mut found = Vec::new();
    files(&dir, &dir, &mut found);
    found.sort();
    let expected = [
        "README.md",
        "data/0.hex",
        "deploy.sh",
        "deployment.json",
        "foundry.toml",
        "src/IProofVerifier.sol",
        "src/ModelVerifier.sol",
        "src/SwornErrors.sol",
        "src/SwornEscrow.sol",
        "src/SwornVerifier.sol",
    ];
    assert_eq!(found, expected);
    assert_eq!(fs::read_dir(dir.parent().unwrap()).unwrap().count(), 1, "nothing is left beside the package");

    let description: Value = serde_json::from_str(&fs::read_to_string(dir.join("deployment.json")).unwrap()).unwrap();
    let hash = format!("0x{}", hex::encode(package.data[0].code_hash));
    assert_eq!(description["data"][0]["codeHash"], hash);
    assert_eq!(description["keyDigest"], format!("0x{}", hex::encode(key.digest())));
    assert_eq!(description["dataHash"], hash);
    assert_eq!(description["estimatedGas"], estimate_gas(key).unwrap());
    assert_eq!(description["tensors"][1]["role"], "output");
    assert_eq!(Keccak256::digest(&package.data[0].code)[..], package.data[0].code_hash);
    assert!(fs::read_to_string(dir.join("src/ModelVerifier.sol")).unwrap().contains(&hash));
    let init_code = fs::read_to_string(dir.join("data/0.hex")).unwrap();
    assert_eq!(init_code.trim_end(), format!("0x{}", hex::encode(&package.data[0].init_code)));

    let before = fs::read(dir.join("deployment.json")).unwrap();
    assert!(matches!(export(key, &dir), Err(ExportError::Exists { .. })));
    assert_eq!(fs::read(dir.join("deployment.json")).unwrap(), before);
    let file = temporary.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = export(key, &file.join("package")).unwrap_err();
    assert!(refused.to_string().contains("cannot be written"), "{refused}");
}

#[test]
fn packages_follow_from_their_key_byte_for_byte() {
    let (keyed, other) = (models::two_limbs().keyed(), models::maxima().keyed());
    let (key, other) = (keyed.key.verifying_key(), other.key.verifying_key());
    let temporary = tempfile::tempdir().unwrap();
    let fresh = |name: &str| {
        let dir = temporary.path().join(name);
        export(key, &dir).unwrap();
        dir
    };
    let dir = fresh("package");
    let package = check(key, &dir).unwrap();
    assert_eq!(package.data[0].code_hash[..], Keccak256::digest(&package.data[0].code)[..]);
    let refused = check(other, &dir).unwrap_err();
    assert!(matches!(refused, CheckError::Differs { .. }) && refused.is_rejection(), "{refused}");

    // Each file changed, longer, missing or a link to its own contents; a file too many, wherever it is.
    let mut names = Vec::new();
    files(&dir, &dir, &mut names);
    for (index, name) in names.iter().enumerate() {
        let dir = fresh(&format!("changed{index}"));
        let path = dir.join(name);
        let good = fs::read(&path).unwrap();
        let mut changed = good.clone();
        let last = changed.len() - 2;
        changed[last] ^= 1;
        for wrong in [changed, [&good[..], b"\n"].concat(), Vec::new()] {
            fs::write(&path, wrong).unwrap();
            assert!(matches!(check(key, &dir), Err(CheckError::Differs { path: found }) if found == path), "{name}");
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(check(key, &dir), Err(CheckError::Missing { path: found }) if found == Path::new(name)), "{name}");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(fresh(&format!("linked{index}")).join(name), &path).unwrap();
            assert!(matches!(check(key, &dir), Err(CheckError::Foreign { path: found }) if found == path), "{name}");
        }
    }
    for (index, foreign) in ["remappings.txt", "data/1.hex", "src/Other.sol", "out/ModelVerifier.json"].iter().enumerate() {
        let path = fresh(&format!("foreign{index}")).join(foreign);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        let dir = temporary.path().join(format!("foreign{index}"));
        assert!(matches!(check(key, &dir), Err(CheckError::Foreign { path: found }) if found == path), "{foreign}");
    }
    let missing = check(key, &temporary.path().join("nowhere")).unwrap_err();
    assert!(matches!(missing, CheckError::Read { .. }) && !missing.is_rejection(), "{missing}");
}

/// What a reference string is worth is said wherever a package is read.
#[test]
fn packages_say_whose_reference_string_they_rest_on() {
    let keyed = models::two_limbs().keyed();
    let dev = keyed.key.verifying_key();
    let with = |s_g2| VerifyingKey::new(&KeyParts { s_g2, ..KeyParts::clone(dev) }).unwrap();
    let unknown = with((G2Affine::generator() * Fr::from(77)).into_affine());
    let ceremony = with(CEREMONIES[0].s_g2);
    let temporary = tempfile::tempdir().unwrap();
    for (key, kind, warning) in [
        (dev, "insecure-dev", Some("ANYONE CAN FORGE")),
        (&unknown, "unknown", Some("UNKNOWN REFERENCE STRING")),
        (&ceremony, "ceremony", None),
    ] {
        let dir = temporary.path().join(kind);
        export(key, &dir).unwrap();
        let text = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
        let identity = format!("0x{}", hex::encode(identity(&key.s_g2)));
        let description: Value = serde_json::from_str(&text("deployment.json")).unwrap();
        let string = &description["referenceString"];
        assert_eq!((string["kind"].as_str(), string["identity"].as_str()), (Some(kind), Some(identity.as_str())));
        assert_eq!(string["name"].as_str(), (kind == "ceremony").then_some(CEREMONIES[0].name));
        assert!(text("README.md").contains(&identity) && text("README.md").contains(&format!("Reference string: {kind}: ")));
        for file in ["deployment.json", "README.md", "deploy.sh", "src/ModelVerifier.sol"] {
            for says in ["ANYONE CAN FORGE", "UNKNOWN REFERENCE STRING"] {
                assert_eq!(text(file).contains(says), warning == Some(says), "{kind}: {file}");
            }
        }
    }
}

#[test]
fn a_key_that_reads_other_instance_rows_is_refused() {
    let keyed = models::two_limbs().keyed();
    let mut parts = KeyParts::clone(keyed.key.verifying_key());
    parts.constraints.instance_queries.push(Query { column: 0, rotation: 1 });
    let key = VerifyingKey::new(&parts).unwrap();
    assert!(matches!(estimate_gas(&key), Err(ExportError::InstanceRotation { rotation: 1 })));
}
