//! A Foundry package from a verifying key.
//!
//! ```text
//! src/SwornVerifier.sol     the verifier, the same for every key
//! src/SwornErrors.sol       why they revert
//! src/ModelVerifier.sol     the key's public tensors as arguments, and IProofVerifier
//! src/SwornEscrow.sol       an example: money against a proof
//! data/<i>.hex              what deploys data contract i
//! deployment.json           order, sizes, code hashes, schema
//! foundry.toml, deploy.sh, README.md
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use sha3::{Digest, Keccak256};
use sworn_verifier::srs::{identity, origin};
use sworn_verifier::VerifyingKey;

use crate::calldata::typed_size;
use crate::data::{code, init_code, Data, PROOF_IN_CALLDATA};
use crate::error::ExportError;
use crate::key::Key;
use crate::protocol::Protocol;
use crate::reference::Reference;
use crate::wrapper;

/// The Solidity of every package.
pub const SOURCES: [(&str, &str); 4] = [
    ("SwornErrors.sol", include_str!("../solidity/src/SwornErrors.sol")),
    ("SwornVerifier.sol", include_str!("../solidity/src/SwornVerifier.sol")),
    ("IProofVerifier.sol", include_str!("../solidity/src/IProofVerifier.sol")),
    ("SwornEscrow.sol", include_str!("../solidity/src/SwornEscrow.sol")),
];

/// A contract that holds a part of a verifying key.
#[derive(Clone, Debug)]
pub struct DataContract {
    /// What deploys it.
    pub init_code: Vec<u8>,
    /// Code once deployed: STOP and the data.
    pub code: Vec<u8>,
    /// Keccak-256 of the code.
    pub code_hash: [u8; 32],
}

/// Contracts of a verifying key.
#[derive(Clone, Debug)]
pub struct Package {
    /// The data contracts in their order: the first pins the others.
    pub data: Vec<DataContract>,
    /// Source of `ModelVerifier.sol`.
    pub wrapper: String,
    /// Bytes of a call of `ModelVerifier.verify`.
    pub calldata_size: usize,
    /// Gas of that transaction, by [`estimate_gas`].
    pub gas: u64,
    /// Bytes of a call of `SwornVerifier.verify`, on which the other rests.
    pub verifier_calldata_size: usize,
    /// Gas of that transaction.
    pub verifier_gas: u64,
    /// About the gas of deploying the data contracts and `ModelVerifier`, one transaction each.
    pub deployment_gas: u64,
    /// Number of commitments: points that are multiplied.
    pub commitments: usize,
}

impl Package {
    /// Compiles a key.
    ///
    /// # Errors
    /// A key that the contract does not verify.
    pub fn new(key: &VerifyingKey) -> Result<Self, ExportError> {
        let key = Key::new(key);
        if key.tensors.len() > wrapper::MAX_TENSORS {
            return Err(ExportError::TensorCount { actual: key.tensors.len(), limit: wrapper::MAX_TENSORS });
        }
        let protocol = Protocol::new(&key)?;
        let data = Data::new(&key, &protocol)?;
        let contract = |part: &Vec<u8>| {
            let code = code(part);
            DataContract { init_code: init_code(part), code_hash: Keccak256::digest(&code).into(), code }
        };
        let contracts: Vec<DataContract> = data.parts.iter().map(contract).collect();
        let gas = crate::gas::estimate(&key, &protocol, &data);
        let deployments = contracts.iter().map(|data| crate::gas::deployment(&data.init_code, &data.code));
        Ok(Self {
            wrapper: wrapper::source(&key, &data.hash()),
            deployment_gas: deployments.sum::<u64>() + crate::gas::MODEL_DEPLOYMENT,
            calldata_size: typed_size(&key),
            gas: gas.model,
            verifier_calldata_size: PROOF_IN_CALLDATA + 32 * key.num_instances() + protocol.bytes.length,
            verifier_gas: gas.verifier,
            commitments: protocol.multiplications.len(),
            data: contracts,
        })
    }
}

/// Gas of a transaction that calls `ModelVerifier.verify`, from the key alone. About half of the public integers are taken to be negative,
/// whose bytes cost more.
///
/// # Errors
/// A key that the contract does not verify.
pub fn estimate_gas(key: &VerifyingKey) -> Result<u64, ExportError> {
    Package::new(key).map(|package| package.gas)
}

/// Writes the package of a key to a new folder: all of it, or nothing.
///
/// # Errors
/// A key that the contract does not verify, a folder that is there already, or a file that cannot be written.
pub fn export(key: &VerifyingKey, dir: &Path) -> Result<Package, ExportError> {
    let package = Package::new(key)?;
    if dir.exists() {
        return Err(ExportError::Exists { path: dir.to_path_buf() });
    }
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ExportError::Write { path, source }
    };
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(failed(parent))?;
    // Beside its place, to be moved there as a whole.
    let folder = tempfile::Builder::new().prefix(".sworn-").tempdir_in(parent).map_err(failed(parent))?;
    for (name, contents) in files(key, &package) {
        let path = folder.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        fs::write(&path, contents).map_err(failed(&path))?;
    }
    let script = folder.path().join("deploy.sh");
    permit(&script, 0o755).map_err(failed(&script))?;
    permit(folder.path(), 0o755).map_err(failed(folder.path()))?;
    fs::rename(folder.path(), dir).map_err(failed(dir))?;
    // What it names was moved away.
    drop(folder.keep());
    Ok(package)
}

#[cfg(unix)]
fn permit(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn permit(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// Every file of a package, by its path in there.
pub(crate) fn files(key: &VerifyingKey, package: &Package) -> Vec<(PathBuf, String)> {
    let reference = Reference::new(origin(&key.s_g2));
    let warning = reference.warning.unwrap_or_default();
    let (title, rest) = include_str!("../solidity/README.md").split_once('\n').unwrap_or_default();
    let string = format!("Reference string: {}, identity 0x{}.", reference.text, hex::encode(identity(&key.s_g2)));
    let warned = if warning.is_empty() { String::new() } else { format!("\n> **{warning}**\n") };
    let readme = format!("{title}\n{warned}\n{string}\n{rest}");
    let mut out: Vec<(PathBuf, String)> = SOURCES.iter().map(|(name, text)| (Path::new("src").join(name), (*text).into())).collect();
    out.push(("src/ModelVerifier.sol".into(), package.wrapper.clone()));
    for (index, data) in package.data.iter().enumerate() {
        out.push((format!("data/{index}.hex").into(), format!("0x{}\n", hex::encode(&data.init_code))));
    }
    out.push(("foundry.toml".into(), include_str!("../solidity/foundry.toml").into()));
    out.push(("deploy.sh".into(), include_str!("../solidity/deploy.sh").replace("warning=\"\"", &format!("warning=\"{warning}\""))));
    out.push(("README.md".into(), readme));
    out.push(("deployment.json".into(), format!("{:#}\n", description(key, package))));
    out
}

fn description(key: &VerifyingKey, package: &Package) -> serde_json::Value {
    let data = package.data.iter().enumerate().map(|(index, data)| {
        json!({ "initCode": format!("data/{index}.hex"), "size": data.code.len(), "codeHash": format!("0x{}", hex::encode(data.code_hash)) })
    });
    let tensor = |tensor: &sworn_verifier::PublicTensor| {
        let role = if tensor.role == sworn_verifier::Role::Input { "input" } else { "output" };
        let mut tensor_json = json!({ "name": tensor.name, "role": role, "shape": tensor.shape, "scale": tensor.scale });
        if let Some(features) = &tensor.features {
            tensor_json["features"] = json!(features);
        }
        if let sworn_verifier::Form::Packed(packing) = tensor.form {
            tensor_json["packing"] = json!({ "low": packing.low, "width": packing.width, "elements": packing.digits() });
        }
        tensor_json
    };
    json!({
        "model": key.about.model,
        "keyDigest": format!("0x{}", hex::encode(key.digest())),
        "dataHash": package.data.first().map(|data| format!("0x{}", hex::encode(data.code_hash))),
        "referenceString": Reference::new(origin(&key.s_g2)).to_json(&identity(&key.s_g2)),
        "data": data.collect::<Vec<_>>(),
        "contract": "src/ModelVerifier.sol:ModelVerifier",
        "constructor": "address[]: the data contracts in this order",
        "tensors": key.tensors.iter().map(tensor).collect::<Vec<_>>(),
        "calldataSize": package.calldata_size,
        "estimatedGas": package.gas,
        "verifierCalldataSize": package.verifier_calldata_size,
        "estimatedVerifierGas": package.verifier_gas,
        "estimatedDeploymentGas": package.deployment_gas,
    })
}
