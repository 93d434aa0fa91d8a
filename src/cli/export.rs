//! `sworn export`: contracts of a model, and calls of them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use sworn::{Call, Digest, ReceiptSrs};

use super::error::CliError;
use super::interrupt::uninterrupted;
use super::open::{receipt, verifying_key};
use super::policy::SrsArgs;
use super::terminal::name;
use super::{Answer, Context};

/// Contracts that check receipts on an EVM chain
#[derive(Subcommand)]
#[command(after_help = SOLIDITY_EXAMPLE)]
pub(super) enum Export {
    Solidity(Solidity),
    Calldata(Calldata),
    Check(Check),
}

/// For `--help`.
const SOLIDITY_EXAMPLE: &str = "Example:
  sworn export solidity model.sworn -o package";

/// Write the Foundry package of a model's verifier
///
/// The folder gets the sources, the data contracts of the verifying key, a script that deploys them in their order, and a README.
#[derive(Args)]
#[command(after_help = SOLIDITY_EXAMPLE)]
pub(super) struct Solidity {
    /// The model's .sworn folder, or its verifying key
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Folder of the package; must not exist
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    srs: SrsArgs,
}

/// For `--help`.
const CALLDATA_EXAMPLES: &str = "Examples:
  sworn export calldata receipt.json --vk model.sworn
  sworn export calldata receipt.json --vk model.sworn --contract verifier";

/// Print what a transaction sends to check a receipt
///
/// The receipt is checked first, and refused as by `sworn verify`.
#[derive(Args)]
#[command(after_help = CALLDATA_EXAMPLES)]
pub(super) struct Calldata {
    /// Receipt; - is stdin
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// The model's verifying key, or its .sworn folder
    #[arg(long, value_name = "FILE")]
    vk: PathBuf,
    /// The contract that is called
    #[arg(long, value_enum, default_value_t = Contract::Model)]
    contract: Contract,
    #[command(flatten)]
    srs: SrsArgs,
}

/// Check that a package, or the code of a data contract, is what a verifying key makes
///
/// A package names its key, and who wrote it may have written anything: only its key makes it again, byte for byte. Exit
/// status 0 accepted, 1 rejected, 2 an error.
#[derive(Args)]
pub(super) struct Check {
    /// Folder of the package, or a file with the code that a data contract has on chain, as `cast code ADDRESS` prints it
    #[arg(value_name = "PACKAGE")]
    package: PathBuf,
    /// The model's verifying key, or its .sworn folder; get it from whom you trust, not from who deploys
    #[arg(long, value_name = "FILE")]
    vk: PathBuf,
    #[command(flatten)]
    srs: SrsArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Contract {
    /// `ModelVerifier`: public tensors as integers
    Model,
    /// `SwornVerifier`: field elements
    Verifier,
}

impl Export {
    pub(super) fn run(self, _: &Context) -> Result<Answer, CliError> {
        match self {
            Self::Solidity(command) => command.run(),
            Self::Calldata(command) => command.run(),
            Self::Check(command) => command.run(),
        }
    }
}

impl Solidity {
    fn run(self) -> Result<Answer, CliError> {
        let key = verifying_key(self.model)?;
        let package = uninterrupted(|| key.export_solidity(&self.output, self.srs.into()))?;
        let srs = ReceiptSrs::of(&key.key().s_g2);
        let sizes: Vec<usize> = package.data.iter().map(|data| data.code.len()).collect();
        let json = json!({
            "model": key.model(), "verifying_key": key.digest(), "srs": srs, "package": self.output.display().to_string(),
            "gas": package.gas, "deployment_gas": package.deployment_gas, "calldata": package.calldata_size,
            "verifier_gas": package.verifier_gas, "verifier_calldata": package.verifier_calldata_size,
            "commitments": package.commitments, "data": sizes,
            "data_hashes": package.data.iter().map(|data| Digest(data.code_hash)).collect::<Vec<_>>(),
        });
        let text = format!(
            "{}\nSRS            {srs}\ndata contracts {}, {} bytes\ncalldata       {} bytes\ngas            about {} a proof, {} once for the deployment\n",
            self.output.display(),
            sizes.len(),
            sizes.iter().sum::<usize>(),
            package.calldata_size,
            package.gas,
            package.deployment_gas,
        );
        Ok(Answer { text, json })
    }
}

impl Calldata {
    fn run(self) -> Result<Answer, CliError> {
        let key = verifying_key(self.vk)?;
        let call = match self.contract {
            Contract::Model => Call::Model,
            Contract::Verifier => Call::Verifier,
        };
        let calldata = receipt(&self.receipt)?.calldata(&key, self.srs.into(), call)?;
        let text = format!("0x{}", hex::encode(calldata));
        Ok(Answer { json: json!({ "model": key.model(), "calldata": text }), text: text + "\n" })
    }
}

impl Check {
    fn run(self) -> Result<Answer, CliError> {
        let key = verifying_key(self.vk)?;
        let policy = self.srs.into();
        let (index, package) = if self.package.is_dir() {
            (None, key.check_package(&self.package, policy)?)
        } else {
            let (index, package) = key.check_code(&self.package, policy)?;
            (Some(index), package)
        };
        let srs = ReceiptSrs::of(&key.key().s_g2);
        let what = index.map_or("the package".into(), |index| format!("data contract {index}"));
        let data_hash = package.data.first().map(|data| Digest(data.code_hash));
        let text = format!(
            "accepted: {what} of {}\nverifying key  {}\nSRS            {srs}\ndata hash      {}\n",
            name(key.model()),
            key.digest(),
            data_hash.map(|hash| hash.to_string()).unwrap_or_default()
        );
        let json = json!({ "accepted": true, "model": key.model(), "verifying_key": key.digest(), "srs": srs, "data_hash": data_hash, "data_contract": index });
        Ok(Answer { text, json })
    }
}
