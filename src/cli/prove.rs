//! `sworn prove`: a receipt for what a model answers.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sworn::{check_writable, Context as Bound, Digest, Input};

use super::backend::{bytes, warning, BackendArgs};
use super::error::CliError;
use super::open::open_or_compile;
use super::policy::context;
use super::progress::Line;
use super::statement::line as line_of;
use super::{Answer, CompileArgs, Context};

/// Prove what a model answers for an input
///
/// Writes the receipt, the output and a proof that exactly this model computed it, after checking the proof. An ONNX model
/// is compiled first, to MODEL.sworn beside it, unless that is up to date.
#[derive(Args)]
pub(super) struct Prove {
    /// ONNX file, or the .sworn folder of a compiled model
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Input: .json as EZKL has it, .npy or .npz
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// File for the receipt [default: stdout]
    #[arg(short, long, value_name = "RECEIPT")]
    output: Option<PathBuf>,
    /// Bind the proof to a job, a caller or a nonce: up to 32 bytes, padded with zeros on the left; whoever checks the receipt sees it,
    /// and may ask for it
    #[arg(long, value_name = "HEX", value_parser = context)]
    context: Option<Bound>,
    /// Memory that the proof may take, for example 500MB or 4GB; less memory makes it slower [default: what is free]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
    /// File for a trace of the proof's stages, as chrome://tracing and Perfetto read it
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    compile: CompileArgs,
}

impl Prove {
    pub(super) fn run(self, context: &Context) -> Result<Answer, CliError> {
        for path in self.output.iter().chain(&self.trace) {
            check_writable(path)?;
        }
        let input = Input::read(&self.input)?;
        let line = Line::new();
        let compiled = open_or_compile(&self.model, &input, &self.compile, context, &line)?;
        let compiled = self.backend.apply(compiled.with_memory(self.memory), false);
        let proved = compiled.prove_in(self.context.unwrap_or_default(), &input, &mut line.callback())?;
        drop(line);
        if let Some(warning) = warning(&proved) {
            super::say(&warning);
        }
        if let Some(path) = &self.trace {
            proved.write_profile(path)?;
        }
        let receipt = proved.receipt;
        let Some(path) = &self.output else {
            let text = receipt.to_json();
            let json = serde_json::from_str(&text).unwrap_or_default();
            return Ok(Answer { text, json });
        };
        receipt.write(path)?;
        let json = json!({
            "receipt": path, "id": receipt.id(), "context": Digest(receipt.context().0), "model": receipt.model(), "verifying_key": receipt.verifying_key(), "proof_bytes": receipt.proof_bytes(),
            "insecure_dev": receipt.is_insecure_dev(), "outputs": receipt.outputs(), "backend": proved.backend,
            "device_memory": proved.device.map(|device| device.memory), "fallback": proved.fallback.map(|error| error.to_string()),
        });
        let mut text = format!("receipt  {}\n", path.display());
        receipt.outputs().iter().for_each(|output| text += &format!("output   {}\n", line_of(output)));
        Ok(Answer { text, json })
    }
}
