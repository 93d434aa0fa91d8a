//! `sworn verify`: accept or reject receipts.

use std::path::PathBuf;

use clap::Args;
use serde_json::{json, Value};
use sworn::{Context as Bound, Receipt, Rejection, SrsPolicy, VerifyingKey};

use super::error::CliError;
use super::open::{receipt, verifying_key};
use super::policy::{context, SrsArgs};
use super::statement::statement;
use super::terminal::name;
use super::{Answer, Context};

/// For `--help`.
const EXAMPLES: &str = "Examples:
  sworn verify receipt.json --vk model.sworn/verifying.key
  cat receipt.json | sworn verify - --vk verifying.key --json";

/// Check receipts
///
/// Accepts exactly the receipts whose every field agrees with the verifying key and the proof, and prints what they say. Exit status 0
/// accepted, 1 one is rejected, 2 an error.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    /// Receipts of one model; - is stdin
    #[arg(value_name = "RECEIPT", required = true)]
    receipts: Vec<PathBuf>,
    /// The model's verifying key, or its .sworn folder; get it from whom you trust, not from the prover
    #[arg(long, value_name = "FILE")]
    vk: PathBuf,
    /// Accept receipts alone whose proof is bound to this context: up to 32 bytes, as `sworn prove --context` takes them
    #[arg(long, value_name = "HEX", value_parser = context)]
    context: Option<Bound>,
    #[command(flatten)]
    srs: SrsArgs,
}

impl Verify {
    pub(super) fn run(self, _: &Context) -> Result<Answer, CliError> {
        let key = verifying_key(self.vk.clone())?;
        if let [path] = self.receipts.as_slice() {
            let receipt = receipt(path)?;
            let json = self.check(&receipt, &key)?;
            return Ok(Answer { text: statement(&receipt), json });
        }
        let (mut text, mut answers, mut rejected) = (String::new(), Vec::new(), 0);
        for path in &self.receipts {
            let outcome = receipt(path).and_then(|receipt| Ok((self.check(&receipt, &key)?, receipt)));
            let mut answer = match outcome {
                Ok((answer, receipt)) => {
                    text += &format!("{}\n{}", name(&path.to_string_lossy()), statement(&receipt));
                    answer
                }
                Err(sworn::Error::Rejected(rejection)) => {
                    rejected += 1;
                    text += &format!("{}\nrejected: {rejection}\n", name(&path.to_string_lossy()));
                    refusal(&rejection)
                }
                Err(error) => return Err(error.into()),
            };
            answer["receipt"] = json!(path.to_string_lossy());
            answers.push(answer);
        }
        let json = json!({ "accepted": rejected == 0, "receipts": answers });
        match rejected {
            0 => Ok(Answer { text, json }),
            _ => Err(CliError::Receipts { rejected, of: self.receipts.len(), answer: Box::new(Answer { text, json }) }),
        }
    }

    fn check(&self, receipt: &Receipt, key: &VerifyingKey) -> Result<Value, Rejection> {
        let policy = SrsPolicy::from(self.srs);
        let accepted = match self.context {
            Some(context) => receipt.accept_in(context, key, policy),
            None => receipt.accept(key, policy),
        };
        Ok(accepted?.to_json())
    }
}

fn refusal(rejection: &Rejection) -> Value {
    json!({ "accepted": false, "kind": rejection.kind(), "error": rejection.to_string(), "hint": rejection.hint() })
}
