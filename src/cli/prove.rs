//! `sworn prove`: a receipt for what a model answers.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sworn::{check_writable, Context as Bound, Digest, Input};

use super::backend::{bytes, warning, BackendArgs};
use super::error::CliError;
use super::open::Opening;
use super::policy::context;
use super::progress::Line;
use super::run::relative_error;
use super::statement::line as line_of;
use super::{Answer, CompileArgs, Context};

/// The error of an answer that is told.
const FAR_OFF: f64 = 0.05;

/// Prove what a model answers for an input
///
/// Writes the receipt, the output and a proof that exactly this model computed it, after checking the proof. An ONNX model is proved with
/// MODEL.sworn beside it, which must be of that model and the given options; without one it is compiled first, for samples. The input goes
/// into the proof alone, unless --public-input shows it or --calibrate-on-input makes the keys of it.
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
    /// Compile for this input alone, where there are no samples: keys and receipts reveal it
    #[arg(long, group = "calibration")]
    calibrate_on_input: bool,
    #[command(flatten)]
    compile: CompileArgs,
}

impl Prove {
    pub(super) fn run(self, context: &Context) -> Result<Answer, CliError> {
        for path in self.output.iter().chain(&self.trace) {
            check_writable(path)?;
        }
        let opening = Opening { path: &self.model, args: &self.compile, on_input: self.calibrate_on_input, memory: self.memory, context };
        opening.check()?;
        let input = Input::read(&self.input)?;
        let line = Line::new();
        let (compiled, float) = opening.open(&input, &line)?;
        let compiled = self.backend.apply(compiled.with_memory(self.memory), false);
        let proved = compiled.prove_in(self.context.unwrap_or_default(), &input, &mut line.callback())?;
        drop(line);
        if let Some(warning) = warning(&proved) {
            super::say(&warning);
        }
        let outputs = proved.receipt.outputs().iter().zip(float.iter().flatten());
        let error = outputs.map(|(output, float)| relative_error(&output.reals, float)).fold(0.0, f64::max);
        // What a key claims is its maker's word; this is the answer at hand.
        if error > FAR_OFF {
            super::say(&format!(
                "warning: the quantised answer is off by {:.1} % of the largest output of the float model\nhint: compile for samples that are more like this input, or with more `--bits`",
                100.0 * error
            ));
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
