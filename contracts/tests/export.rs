//! A package is written as a whole, with everything that deploys it.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../prover/tests/models/mod.rs"]
mod models;

use std::fs;
use std::path::Path;

use serde_json::Value;
use sha3::{Digest, Keccak256};
use sworn_contracts::{estimate_gas, export, ExportError};
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
        "src/SwornEscrow.sol",
        "src/SwornVerifier.sol",
    ];
    assert_eq!(found, expected);
    assert_eq!(fs::read_dir(dir.parent().unwrap()).unwrap().count(), 1, "nothing is left beside the package");

    let description: Value = serde_json::from_str(&fs::read_to_string(dir.join("deployment.json")).unwrap()).unwrap();
    let hash = format!("0x{}", hex::encode(package.data[0].code_hash));
    assert_eq!(description["data"][0]["codeHash"], hash);
    assert_eq!(description["keyDigest"], format!("0x{}", hex::encode(key.digest())));
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
fn a_key_that_reads_other_instance_rows_is_refused() {
    let keyed = models::two_limbs().keyed();
    let mut parts = KeyParts::clone(keyed.key.verifying_key());
    parts.constraints.instance_queries.push(Query { column: 0, rotation: 1 });
    let key = VerifyingKey::new(&parts).unwrap();
    assert!(matches!(estimate_gas(&key), Err(ExportError::InstanceRotation { rotation: 1 })));
}
