//! The steps of `cargo xtask test` and the jobs beside them. All cargo commands share the dev profile and, being
//! about the whole workspace, one choice of features: nothing is compiled twice.

use std::fs;
use std::path::Path;

use crate::python;
use crate::shell::{cargo, command, must, must_exit, output, succeeds, Failure};
use crate::Workspace;

pub(crate) fn fmt(workspace: &Workspace) -> Result<(), Failure> {
    must(&mut cargo(&workspace.root, ["fmt", "--all", "--check"]))
}

pub(crate) fn clippy(workspace: &Workspace) -> Result<(), Failure> {
    must(&mut cargo(&workspace.root, ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
}

pub(crate) fn docs(workspace: &Workspace) -> Result<(), Failure> {
    let mut doc = cargo(&workspace.root, ["doc", "--workspace", "--no-deps", "--quiet"]);
    must(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// What a verifier is made of: crates, and the crates of the workspace that each may depend on.
const VERIFIERS: [(&str, &[&str]); 3] =
    [("sworn-verifier", &[]), ("sworn-receipt", &["sworn-verifier"]), ("sworn-verifier-wasm", &["sworn-receipt", "sworn-verifier"])];

/// Each by itself, so that no other crate turns on the features that it does without.
pub(crate) fn verifier(workspace: &Workspace) -> Result<(), Failure> {
    for (package, ours) in VERIFIERS {
        must(&mut cargo(&workspace.root, ["check", "--quiet", "--package", package]))?;
        let tree = output(&mut cargo(&workspace.root, ["tree", "--package", package, "--edges", "normal", "--prefix", "none"]));
        let tree = tree.ok_or_else(|| Failure::new("cargo tree failed"))?;
        let foreign = |name: &&str| name.starts_with("halo2") || name.starts_with("sworn") && *name != package && !ours.contains(name);
        if let Some(name) = tree.lines().filter_map(|line| line.split(' ').next()).find(foreign) {
            return Err(Failure::new(format!("{package} depends on {name}")));
        }
    }
    Ok(())
}

/// The package whose tests are an area of their own.
const CONTRACTS: &str = "sworn-contracts";

/// All but those of the contracts, with nextest where it is installed; documentation tests always run with cargo.
pub(crate) fn tests(workspace: &Workspace) -> Result<(), Failure> {
    let root = &workspace.root;
    if has_nextest(workspace) {
        let others = format!("not package({CONTRACTS})");
        must(&mut cargo(root, ["nextest", "run", "--workspace", "--no-tests", "pass", "--filterset", &others]))?;
    } else {
        must(&mut cargo(root, ["test", "--workspace", "--exclude", CONTRACTS, "--lib", "--bins", "--tests"]))?;
    }
    must(&mut cargo(root, ["test", "--workspace", "--doc"]))
}

/// The tests of the contracts. The whole workspace is built, as for the other tests, so that nothing is compiled twice.
pub(crate) fn contract_tests(workspace: &Workspace) -> Result<(), Failure> {
    let root = &workspace.root;
    if has_nextest(workspace) {
        let contracts = format!("package({CONTRACTS})");
        return must(&mut cargo(root, ["nextest", "run", "--workspace", "--filterset", &contracts]));
    }
    must(&mut cargo(root, ["test", "--package", CONTRACTS, "--lib", "--tests"]))
}

fn has_nextest(workspace: &Workspace) -> bool {
    succeeds(&mut cargo(&workspace.root, ["nextest", "--version"]))
}

/// Writes the node tests of the `onnx` package to `target/onnx-node-tests`, then runs them and prints their table.
pub(crate) fn node_tests(workspace: &Workspace) -> Result<(), Failure> {
    let vectors = workspace.target.join("onnx-node-tests");
    let python = python::environment(workspace)?;
    let script = workspace.root.join("onnx/tests/node_tests.py");
    must(&mut command(&workspace.root, python, [&script, &vectors]))?;
    let test = ["test", "--workspace", "--test", "import", "--", "--ignored", "--nocapture", "backend_node_tests"];
    must(cargo(&workspace.root, test).env("SWORN_NODE_TESTS", vectors))
}

/// Proves an image with the unoptimised binary; the receipt passes with the development SRS allowed and is refused without.
pub(crate) fn smoke(workspace: &Workspace) -> Result<(), Failure> {
    let folder = workspace.target.join("smoke");
    remove(&folder)?;
    fs::create_dir_all(&folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    let digits = workspace.root.join("examples/digits");
    for (from, to) in [("digits.onnx", "digits.onnx"), ("images/0.json", "0.json"), ("calibration.npy", "calibration.npy")] {
        fs::copy(digits.join(from), folder.join(to)).map_err(|error| Failure::new(format!("{from}: {error}")))?;
    }
    // As the tests build it: without their dependencies' features everything would be compiled again.
    must(&mut cargo(&workspace.root, ["test", "--quiet", "--workspace", "--no-run", "--test", "cli"]))?;
    let sworn = workspace.target.join("debug").join(format!("sworn{}", std::env::consts::EXE_SUFFIX));
    let verify = ["verify", "receipt.json", "--vk", "digits.sworn/verifying.key"];
    must(&mut command(&folder, &sworn, ["prove", "digits.onnx", "0.json", "--calibrate", "calibration.npy", "-o", "receipt.json"]))?;
    must(command(&folder, &sworn, verify).arg("--allow-insecure-srs"))?;
    must_exit(&mut command(&folder, &sworn, verify), 1)
}

/// Criterion runs each benchmark once where cargo builds it as a test.
pub(crate) fn bench_smoke(workspace: &Workspace) -> Result<(), Failure> {
    must(&mut cargo(&workspace.root, ["test", "--quiet", "--workspace", "--bench", "*"]))
}

pub(crate) fn models(workspace: &Workspace, names: &[String]) -> Result<(), Failure> {
    let python = python::environment(workspace)?;
    let mut make = command(&workspace.root, python, ["benches/models/make_models.py"]);
    must(make.arg(workspace.target.join("models")).args(names))
}

pub(crate) fn peers(workspace: &Workspace, args: &[String]) -> Result<(), Failure> {
    must(command(&workspace.root, "python3", ["benches/peers/run.py"]).args(args))
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::new(format!("{}: {error}", folder.display()))),
        _ => Ok(()),
    }
}
