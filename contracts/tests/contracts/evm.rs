//! A real EVM (revm, Osaka) and the real compiler (solc, by node).

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use revm::context::result::ExecutionResult;
use revm::context::{BlockEnv, CfgEnv, Journal, TxEnv};
use revm::database::InMemoryDB;
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Address, Bytes, TxKind, U256};
use revm::state::{AccountInfo, Bytecode};
use revm::{Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm};
use serde_json::{json, Value};
use sha3::{Digest, Keccak256};
use sworn_contracts::{selector, word, Package, SOURCES};

/// The file of a model's own contract.
const WRAPPER: &str = "ModelVerifier.sol";

/// How the compiler is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pipeline {
    Legacy,
    ViaIr,
}

pub const PIPELINES: [Pipeline; 2] = [Pipeline::Legacy, Pipeline::ViaIr];

/// A compiled contract.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub init_code: Vec<u8>,
    pub size: usize,
    /// What it has in its ABI, as JSON.
    pub abi: Vec<Value>,
}

impl Compiled {
    /// Signatures of what its ABI has of a kind: `error` or `function`.
    pub fn signatures(&self, kind: &str) -> Vec<String> {
        let of_kind = self.abi.iter().filter(|entry| entry["type"] == kind);
        let types = |entry: &Value| -> Vec<String> {
            entry["inputs"].as_array().unwrap().iter().map(|input| input["type"].as_str().unwrap().into()).collect()
        };
        of_kind.map(|entry| format!("{}({})", entry["name"].as_str().unwrap(), types(entry).join(","))).collect()
    }
}

fn tmp() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("sworn-contracts")
}

/// Tests may be threads and processes: one at a time does what it holds the lock of.
fn lock(name: &str) -> fs::File {
    fs::create_dir_all(tmp()).unwrap();
    let file = fs::File::create(tmp().join(format!("{name}.lock"))).unwrap();
    file.lock().unwrap();
    file
}

/// The folder with `node_modules`: installed once, from the lock file.
pub fn node_modules() -> PathBuf {
    let _guard = lock("node");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = fs::read(root.join("package-lock.json")).unwrap();
    let folder = tmp().join(format!("node-{}", hex::encode(&Keccak256::digest(&lock)[..8])));
    let done = folder.join("installed");
    if !done.exists() {
        fs::create_dir_all(&folder).unwrap();
        for file in ["package.json", "package-lock.json"] {
            fs::copy(root.join(file), folder.join(file)).unwrap();
        }
        let installed = Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder).status();
        assert!(installed.is_ok_and(|s| s.success()), "`npm ci` failed: the tests need node, npm and the network once");
        fs::write(done, []).unwrap();
    }
    folder
}

/// Compiles the package's sources, with a wrapper or without; results are kept between runs.
pub fn compile(wrapper: Option<&str>, pipeline: Pipeline) -> HashMap<String, Compiled> {
    compile_changed(wrapper, pipeline, "", "")
}

/// The same with a piece of the sources in the place of another.
pub fn compile_changed(wrapper: Option<&str>, pipeline: Pipeline, from: &str, to: &str) -> HashMap<String, Compiled> {
    let changed = |text: &str| if from.is_empty() { text.to_string() } else { text.replace(from, to) };
    let mut sources: serde_json::Map<String, Value> =
        SOURCES.iter().map(|(name, text)| ((*name).to_string(), json!({ "content": changed(text) }))).collect();
    assert!(from.is_empty() || SOURCES.iter().any(|(_, text)| text.contains(from)), "no source has `{from}`");
    let Some(wrapper) = wrapper else { return compile_sources(&sources, "*", pipeline) };
    // The compiler makes only what it is asked for: the rest is the same beside every wrapper.
    let rest = compile_sources(&sources, "*", pipeline);
    sources.insert(WRAPPER.into(), json!({ "content": wrapper }));
    compile_sources(&sources, WRAPPER, pipeline).into_iter().chain(rest).collect()
}

/// Compiles the contracts of a file, or all.
fn compile_sources(sources: &serde_json::Map<String, Value>, file: &str, pipeline: Pipeline) -> HashMap<String, Compiled> {
    let input = json!({
        "language": "Solidity",
        "sources": sources,
        "settings": {
            "evmVersion": "cancun",
            "viaIR": pipeline == Pipeline::ViaIr,
            "optimizer": { "enabled": true, "runs": 100_000 },
            "outputSelection": { file: { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
        },
    })
    .to_string();
    let digest = hex::encode(Keccak256::digest(&input));
    let _guard = lock(&digest);
    let cached = tmp().join(format!("solc-{digest}.json"));
    let output = fs::read(&cached).unwrap_or_else(|_| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("solc.js");
        let mut child = Command::new("node")
            .arg(script)
            .arg(node_modules())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tests need node");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap().stdout;
        let partial = cached.with_extension("partial");
        fs::write(&partial, &output).unwrap();
        fs::rename(partial, &cached).unwrap();
        output
    });
    let output: Value = serde_json::from_slice(&output).unwrap();
    let errors: Vec<&str> = output["errors"].as_array().into_iter().flatten().filter_map(|e| e["formattedMessage"].as_str()).collect();
    assert!(errors.is_empty(), "solc: {}", errors.join("\n"));
    let mut all = HashMap::new();
    for contracts in output["contracts"].as_object().unwrap().values() {
        for (name, contract) in contracts.as_object().unwrap() {
            let code = |which: &str| hex::decode(contract["evm"][which]["object"].as_str().unwrap()).unwrap();
            let abi = contract["abi"].as_array().unwrap().clone();
            all.insert(name.clone(), Compiled { init_code: code("bytecode"), size: code("deployedBytecode").len(), abi });
        }
    }
    all
}

type Chain = MainnetEvm<Context<BlockEnv, TxEnv, CfgEnv, InMemoryDB, Journal<InMemoryDB>, ()>>;

/// A chain with one account that sends everything.
pub struct Evm(Chain);

pub const SENDER: Address = Address::repeat_byte(0xaa);

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Returned(Vec<u8>),
    /// With the selector of an error, and all of its bytes.
    Reverted(Vec<u8>),
    Halted(String),
}

impl Outcome {
    /// Asserts the error, by its signature.
    pub fn assert_error(&self, signature: &str, what: &str) {
        let is_error = matches!(self, Self::Reverted(bytes) if bytes.starts_with(&selector(signature)));
        assert!(is_error, "{what}: expected {signature}, {self:?}");
    }
}

impl Default for Evm {
    fn default() -> Self {
        Self::new()
    }
}

impl Evm {
    pub fn new() -> Self {
        let mut database = InMemoryDB::default();
        database.insert_account_info(SENDER, AccountInfo { balance: U256::from(1u128 << 100), ..Default::default() });
        let context = Context::mainnet().with_db(database).modify_cfg_chained(|cfg| {
            cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
            cfg.disable_nonce_check = true;
            // Wide keys take more than a transaction of the main network may.
            cfg.tx_gas_limit_cap = Some(u64::MAX);
        });
        let context = context.modify_block_chained(|block| block.gas_limit = u64::MAX);
        Self(context.build_mainnet())
    }

    fn send(&mut self, kind: TxKind, data: Vec<u8>, value: u64, keep: bool) -> (Outcome, u64, Option<Address>) {
        self.send_with(kind, data, value, keep, 1_000_000_000)
    }

    fn send_with(&mut self, kind: TxKind, data: Vec<u8>, value: u64, keep: bool, limit: u64) -> (Outcome, u64, Option<Address>) {
        let tx = TxEnv::builder()
            .caller(SENDER)
            .kind(kind)
            .data(Bytes::from(data))
            .value(U256::from(value))
            .gas_limit(limit)
            .gas_price(0)
            .build()
            .unwrap();
        let result = if keep { self.0.transact_commit(tx).unwrap() } else { self.0.transact(tx).unwrap().result };
        let (gas, created) = (result.tx_gas_used(), result.created_address());
        let outcome = match result {
            ExecutionResult::Success { output, .. } => Outcome::Returned(output.data().to_vec()),
            ExecutionResult::Revert { output, .. } => Outcome::Reverted(output.to_vec()),
            ExecutionResult::Halt { reason, .. } => Outcome::Halted(format!("{reason:?}")),
        };
        (outcome, gas, created)
    }

    /// Deploys code that must deploy.
    pub fn deploy(&mut self, init_code: &[u8], arguments: &[u8]) -> Address {
        match self.try_deploy(init_code, arguments) {
            Ok(address) => address,
            Err(outcome) => panic!("deployment failed: {outcome:?}"),
        }
    }

    pub fn try_deploy(&mut self, init_code: &[u8], arguments: &[u8]) -> Result<Address, Outcome> {
        let (outcome, _, created) = self.send(TxKind::Create, [init_code, arguments].concat(), 0, true);
        match (&outcome, created) {
            (Outcome::Returned(_), Some(address)) => Ok(address),
            _ => Err(outcome),
        }
    }

    /// Gas of a deployment whose effects are not kept.
    pub fn deployment_gas(&mut self, init_code: &[u8], arguments: &[u8]) -> u64 {
        let (outcome, gas, created) = self.send(TxKind::Create, [init_code, arguments].concat(), 0, false);
        assert!(created.is_some(), "deployment failed: {outcome:?}");
        gas
    }

    /// Deploys the data contracts of a package.
    pub fn deploy_data(&mut self, package: &Package) -> Vec<Address> {
        package.data.iter().map(|data| self.deploy(&data.init_code, &[])).collect()
    }

    /// A transaction whose effects are kept.
    pub fn transact(&mut self, to: Address, data: Vec<u8>, value: u64) -> (Outcome, u64) {
        let (outcome, gas, _) = self.send(TxKind::Call(to), data, value, true);
        (outcome, gas)
    }

    /// A transaction whose effects are not.
    pub fn call(&mut self, to: Address, data: &[u8]) -> (Outcome, u64) {
        let (outcome, gas, _) = self.send(TxKind::Call(to), data.to_vec(), 0, false);
        (outcome, gas)
    }

    /// The same with a limit of gas.
    pub fn call_with(&mut self, to: Address, data: &[u8], limit: u64) -> Outcome {
        self.send_with(TxKind::Call(to), data.to_vec(), 0, false, limit).0
    }

    pub fn balance(&mut self, of: Address) -> U256 {
        use revm::context::ContextTr;
        self.0.ctx.db_mut().load_account(of).unwrap().info.balance
    }

    /// What no transaction does, but two with a destruction between them.
    pub fn replace_code(&mut self, of: Address, code: &[u8]) {
        use revm::context::ContextTr;
        let code = Bytecode::new_raw(Bytes::copy_from_slice(code));
        self.0.ctx.db_mut().insert_account_info(of, AccountInfo::from_bytecode(code));
    }

    pub fn set_time(&mut self, seconds: u64) {
        self.0.ctx.block.timestamp = U256::from(seconds);
    }
}

/// An address as an argument.
pub fn address_word(address: Address) -> [u8; 32] {
    let mut out = [0; 32];
    out[12..].copy_from_slice(address.as_slice());
    out
}

/// `(address[])` of a constructor, or `(address[], bytes32)`.
pub fn constructor(data: &[Address], hash: Option<&[u8; 32]>) -> Vec<u8> {
    let head = if hash.is_some() { 0x40 } else { 0x20 };
    let mut out = word(head).to_vec();
    out.extend(hash.into_iter().flatten());
    out.extend(word(data.len()));
    data.iter().for_each(|a| out.extend(address_word(*a)));
    out
}
