//! A package as a user deploys and calls it: its own `deploy.sh`, with Foundry's tools, on a development chain over JSON-RPC.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{json, Value};
use sworn_contracts::{export, selector, typed_calldata};
use sworn_verifier::Context;

use crate::accept::tiny;
use crate::evm::node_modules;
use crate::fixture::Fixture;

/// The first account of every chain that anvil makes: its key is in anvil's documentation.
const ACCOUNT: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const PRIVATE_KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const TOOLS: [&str; 3] = ["anvil", "cast", "forge"];

/// The package of a tool for this platform, as npm names it.
fn package(tool: &str) -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("node_modules/@foundry-rs/{tool}-{os}-{arch}")
}

/// The folders of Foundry's programs; none if the lock file has none for this platform.
fn tools() -> Option<Vec<PathBuf>> {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("package-lock.json")).unwrap();
    let is_locked = |tool: &str| lock.contains(&format!("\"{}\"", package(tool)));
    if !cfg!(unix) || !TOOLS.iter().all(|tool| is_locked(tool)) {
        return None;
    }
    let folders: Vec<PathBuf> = TOOLS.iter().map(|tool| node_modules().join(package(tool)).join("bin")).collect();
    for (tool, folder) in TOOLS.iter().zip(&folders) {
        assert!(folder.join(tool).is_file(), "npm has installed no {tool} in {}", folder.display());
    }
    Some(folders)
}

/// A chain of its own on a free port. It ends with this value, and with this process in whatever way that ends: the shell that has
/// started it waits for the end of its input.
struct Anvil {
    shell: Child,
    url: String,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Anvil {
    fn start(folder: &Path) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", r#""$@" & read -r _; kill "$!"; wait"#, "sh"])
            .arg(folder.join("anvil"))
            .args(["--port", "0", "--hardfork", "osaka"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(shell.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut anvil = Self { shell, url: String::new() };
        let mut output = String::new();
        // What comes after is not read: anvil goes on without a reader.
        for line in lines {
            if let Some(address) = line.strip_prefix("Listening on ") {
                anvil.url = format!("http://{address}");
                return anvil;
            }
            output += &(line + "\n");
        }
        panic!("anvil did not start:\n{output}");
    }

    /// The answer to a request: `result`, or `error`.
    fn request(&self, method: &str, params: Value) -> Result<Value, Value> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let mut answer = ureq::post(&self.url).header("Content-Type", "application/json").send(&body).unwrap();
        let mut answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        match answer.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(answer["result"].take()),
        }
    }

    /// What a call returns, or the data of its revert.
    fn call(&self, to: &str, data: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        let bytes = |value: &Value| hex::decode(value.as_str().unwrap().trim_start_matches("0x")).unwrap();
        let answer = self.request("eth_call", json!([{ "from": ACCOUNT, "to": to, "data": hexed(data) }, "latest"]));
        answer.map(|result| bytes(&result)).map_err(|error| bytes(&error["data"]))
    }

    /// The receipt of a transaction: whether it succeeded, and its gas.
    fn transact(&self, to: &str, data: &[u8]) -> (bool, u64) {
        // A limit, so that it is sent even if it will revert.
        let transaction = json!([{ "from": ACCOUNT, "to": to, "data": hexed(data), "gas": "0xe00000" }]);
        let hash = self.request("eth_sendTransaction", transaction).unwrap();
        let receipt = || self.request("eth_getTransactionReceipt", json!([hash])).unwrap();
        let mined = |_| {
            Some(receipt()).filter(|receipt| !receipt.is_null()).or_else(|| {
                std::thread::sleep(Duration::from_millis(50));
                None
            })
        };
        let receipt = (0..200).find_map(mined).expect("the transaction is not mined");
        let number = |field: &str| u64::from_str_radix(receipt[field].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
        (number("status") == 1, number("gasUsed"))
    }
}

fn hexed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// An executable named `solc` for forge, which is the compiler of the other tests.
fn compiler(folder: &Path) -> PathBuf {
    let path = folder.join("solc");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("solc.js");
    let text = format!("#!/bin/sh\nexec node '{}' '{}' \"$@\"\n", script.display(), node_modules().display());
    fs::write(&path, text).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&path).status().unwrap().success());
    path
}

/// Runs the package's `deploy.sh`: whether it succeeds, and all that it prints.
fn deploy(package: &Path, tools: &[PathBuf], solc: &Path, url: &str) -> (bool, String) {
    let path: Vec<PathBuf> = tools.iter().cloned().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())).collect();
    let path: OsString = std::env::join_paths(path).unwrap();
    let script = Command::new(package.join("deploy.sh"))
        .args(["--private-key", PRIVATE_KEY])
        .envs([("PATH", path), ("RPC_URL", url.into()), ("FOUNDRY_SOLC", solc.into()), ("FOUNDRY_OFFLINE", "true".into())])
        .output()
        .unwrap();
    let output = [script.stdout, script.stderr].concat();
    (script.status.success(), String::from_utf8_lossy(&output).into_owned())
}

#[test]
fn a_package_is_deployed_by_its_script_and_called_over_json_rpc() {
    let Some(tools) = tools() else {
        eprintln!("SKIPPED: no Foundry in contracts/package-lock.json for {}: deploy.sh was not run", package("*"));
        return;
    };
    let fixture = Fixture::new(&tiny());
    let temporary = tempfile::tempdir().unwrap();
    let package = temporary.path().join("package");
    export(&fixture.key, &package).unwrap();
    let description: Value = serde_json::from_slice(&fs::read(package.join("deployment.json")).unwrap()).unwrap();
    let estimate = description["estimatedGas"].as_u64().unwrap();

    let anvil = Anvil::start(&tools[0]);
    let solc = compiler(temporary.path());
    let (succeeded, output) = deploy(&package, &tools, &solc, &anvil.url);
    assert!(output.contains("ANYONE CAN FORGE PROOFS"), "the string is the development one:\n{output}");
    let model = output.lines().find_map(|line| line.strip_prefix("Deployed to: ")).filter(|_| succeeded);
    let model = model.unwrap_or_else(|| panic!("deploy.sh has failed:\n{output}")).trim();

    // The model's contract: public tensors as integers.
    let typed = |tensors: &[Vec<i64>], proof: &[u8]| typed_calldata(&fixture.key, Context::NONE, tensors, proof).unwrap();
    let good = typed(&fixture.tensors, &fixture.proof);
    assert_eq!(anvil.call(model, &good), Ok(vec![]));
    let (accepted, gas_of_model) = anvil.transact(model, &good);
    assert!(accepted);

    // The verifier that it has deployed, pinned to the key, for what the package says.
    let answer = anvil.call(model, &selector("VERIFIER()")).unwrap();
    let verifier = hexed(&answer[12..]);
    assert_eq!(anvil.call(&verifier, &selector("DATA_HASH()")), Ok(fixture.package.data[0].code_hash.to_vec()));
    assert_eq!(anvil.call(&verifier, &fixture.calldata()), Ok(vec![]));
    let (accepted, gas) = anvil.transact(&verifier, &fixture.calldata());
    assert!(accepted);
    println!("{gas_of_model} gas, estimate {estimate}; {gas} by the verifier alone, estimate {}", fixture.package.verifier_gas);
    for (gas, estimate) in [(gas_of_model, estimate), (gas, fixture.package.verifier_gas)] {
        assert!(gas.abs_diff(estimate) * 20 <= gas, "{gas} gas: the estimate {estimate} is off by more than 5 %");
    }

    // Every rejection names its rule in the data of the error.
    let mut wrong_scalar = fixture.proof.clone();
    let scalar = wrong_scalar.len() - 129;
    wrong_scalar[scalar] ^= 1;
    let mut wrong_point = fixture.proof.clone();
    wrong_point[63] ^= 1;
    let mut wrong_output = fixture.tensors.clone();
    wrong_output[0][0] += 1;
    for (what, call, error) in [
        ("another scalar", typed(&fixture.tensors, &wrong_scalar), selector("ProofRejected()").to_vec()),
        ("another output", typed(&wrong_output, &fixture.proof), selector("ProofRejected()").to_vec()),
        ("another point", typed(&fixture.tensors, &wrong_point), selector("PointNotOnCurve()").to_vec()),
    ] {
        let reverted = anvil.call(model, &call).unwrap_err();
        assert!(reverted.starts_with(&error), "{what}: {}", hex::encode(&reverted));
        assert!(!anvil.transact(model, &call).0, "{what}");
    }
    // The script says so if the contract refuses the data: one part too many.
    fs::copy(package.join("data/0.hex"), package.join("data/1.hex")).unwrap();
    let (succeeded, output) = deploy(&package, &tools, &solc, &anvil.url);
    assert!(!succeeded && output.contains("data 1: 0x"), "{output}");
    assert!(output.contains("DataMismatch") || output.contains(&hex::encode(selector("DataMismatch(uint256)"))), "{output}");
}
