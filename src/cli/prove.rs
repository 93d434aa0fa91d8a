//! `sworn prove`: a receipt for what a model answers.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use sworn::{check_output, external_files, Context as Bound, Digest};

use super::backend::{bytes, warning, BackendArgs};
use super::error::CliError;
use super::interrupt::uninterrupted;
use super::open::{self, folder_of, Opened, Opening};
use super::policy::context;
use super::run::relative_error;
use super::statement::line as line_of;
use super::{Answer, CompileArgs, Context, STDIO};

/// For `--help`.
const EXAMPLES: &str = "Examples:
  sworn prove model.onnx input.json --calibrate samples.npy -o receipt.json
  sworn prove model.sworn input.npz -o receipt.json
  cat input.json | sworn prove model.sworn - > receipt.json";

/// The error of an answer that is told.
const FAR_OFF: f64 = 0.05;

/// Prove what a model answers for an input
///
/// Writes the receipt, the output and a proof that exactly this model computed it, after checking the proof. An ONNX model is proved with
/// MODEL.sworn beside it, which must be of that model and the given options; without one it is compiled first, for samples. The input goes
/// into the proof alone, unless --public-input shows it or --calibrate-on-input makes the keys of it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Prove {
    /// ONNX file, or the .sworn folder of a compiled model
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Input: .json as EZKL has it, .npy or .npz; - is stdin
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// File for the receipt; - is stdout, as without this option
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
        self.backend.check()?;
        let output = self.output.as_deref().filter(|path| *path != Path::new(STDIO));
        self.check_outputs(output)?;
        let opening = Opening { path: &self.model, args: &self.compile, on_input: self.calibrate_on_input, memory: self.memory, context };
        opening.check()?;
        let input = open::input(&self.input)?;
        let line = context.line();
        let Opened { compiled, float } = opening.open(&input, &line)?;
        let compiled = self.backend.apply(compiled.with_memory(self.memory), false);
        let proved = compiled.prove_in(self.context.unwrap_or_default(), &input, &mut line.callback())?;
        if let Some(warning) = warning(&proved) {
            line.say(&warning);
        }
        let outputs = proved.receipt.outputs().iter().zip(float.iter().flatten());
        let error = outputs.map(|(output, float)| relative_error(&output.reals, float)).fold(0.0, f64::max);
        // What a key claims is its maker's word; this is the answer at hand.
        if error > FAR_OFF {
            line.say(&format!(
                "warning: the quantised answer is off by {:.1} % of the largest output of the float model\nhint: compile for samples that are more like this input, or with more `--bits`",
                100.0 * error
            ));
        }
        drop(line);
        if let Some(path) = &self.trace {
            uninterrupted(|| proved.write_profile(path))?;
        }
        let receipt = proved.receipt;
        let Some(path) = output else {
            let text = receipt.to_json();
            let json = serde_json::from_str(&text).unwrap_or_default();
            return Ok(Answer { text, json });
        };
        uninterrupted(|| receipt.write(path))?;
        let json = json!({
            "receipt": path.display().to_string(), "id": receipt.id(), "context": Digest(receipt.context().0), "model": receipt.model(), "verifying_key": receipt.verifying_key(), "proof_bytes": receipt.proof_bytes(),
            "insecure_dev": receipt.is_insecure_dev(), "outputs": receipt.outputs(), "backend": proved.backend,
            "device_memory": proved.device.map(|device| device.memory), "fallback": proved.fallback.map(|error| error.to_string()),
        });
        let mut text = format!("receipt  {}\n", path.display());
        receipt.outputs().iter().for_each(|output| text += &format!("output   {}\n", line_of(output)));
        Ok(Answer { text, json })
    }

    /// Whether what is to be written can be, and is nothing that is read.
    fn check_outputs(&self, output: Option<&Path>) -> Result<(), CliError> {
        if self.trace.as_deref() == Some(Path::new(STDIO)) {
            return Err(CliError::TraceToStdout);
        }
        let outputs = || output.into_iter().chain(self.trace.as_deref());
        // Only what is there can be overwritten. A model that cannot be read is told of when it is.
        let external = match outputs().any(Path::exists) && self.model.is_file() {
            true => external_files(&self.model).unwrap_or_default(),
            false => Vec::new(),
        };
        let folder = folder_of(&self.model);
        let reads =
            [&self.model, &self.input, &folder].into_iter().chain(&external).chain(&self.compile.calibrate).chain(&self.compile.srs);
        let mut reads: Vec<&Path> = reads.map(PathBuf::as_path).collect();
        for path in outputs() {
            check_output(path, &reads)?;
            // And neither result overwrites the other.
            reads.push(path);
        }
        Ok(())
    }
}
