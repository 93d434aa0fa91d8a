//! `sworn verify`: accept or reject a receipt.

use std::path::PathBuf;

use clap::Args;

use super::error::CliError;
use super::open::{policy, receipt, verifying_key};
use super::{Answer, Context};

/// For `--help`.
const EXAMPLES: &str = "Examples:
  sworn verify receipt.json --vk model.sworn/verifying.key
  cat receipt.json | sworn verify - --vk verifying.key --json";

/// Check a receipt
///
/// Accepts exactly the receipts whose every field agrees with the verifying key and the proof. Exit status 0 accepted, 1
/// rejected, 2 an error.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    /// Receipt; - is stdin
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// The model's verifying key, or its .sworn folder; get it from whom you trust, not from the prover
    #[arg(long, value_name = "FILE")]
    vk: PathBuf,
    /// Accept receipts made with the development SRS, which anyone can forge
    #[arg(long)]
    allow_insecure_srs: bool,
}

impl Verify {
    pub(super) fn run(self, _: &Context) -> Result<Answer, CliError> {
        let key = verifying_key(self.vk)?;
        let receipt = receipt(&self.receipt)?;
        let json = receipt.accept(&key, policy(self.allow_insecure_srs))?.to_json();
        let note = if receipt.is_insecure_dev() { " (insecure development SRS)" } else { "" };
        Ok(Answer { text: format!("accepted: {}{note}\n", receipt.model()), json })
    }
}
