//! `sworn prove`: a receipt for what a model answers.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use sworn::{check_writable, Backend, Input};

use super::error::CliError;
use super::open::open_or_compile;
use super::progress::Line;
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
    /// Memory that the proof may take, for example 500MB or 4GB; less memory makes it slower [default: what is free]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
    /// Where to prove; auto is the first CUDA device, by the plugin or else by ICICLE, or the processor if there is none
    #[arg(long, value_name = "BACKEND", value_enum, default_value_t)]
    backend: BackendName,
    /// File for a trace of the proof's stages, as chrome://tracing and Perfetto read it
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    compile: CompileArgs,
}

/// [`Backend`] by name.
#[derive(ValueEnum, Clone, Copy, Debug, Default)]
enum BackendName {
    #[default]
    Cpu,
    Cuda,
    Icicle,
    Auto,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Self {
        match name {
            BackendName::Cpu => Self::Cpu,
            BackendName::Cuda => Self::Cuda,
            BackendName::Icicle => Self::Icicle,
            BackendName::Auto => Self::Auto,
        }
    }
}

/// A number of bytes: `1500`, `500MB`, `4GB`, `4GiB`.
fn bytes(text: &str) -> Result<u64, &'static str> {
    const UNITS: [(&str, u64); 7] =
        [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1)];
    let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).unwrap_or((text, 1));
    let value: f64 = number.trim().parse().map_err(|_| "expected a size such as 500MB or 4GB")?;
    if value.is_finite() && value > 0.0 {
        Ok((value * unit as f64) as u64)
    } else {
        Err("the size is a positive number")
    }
}

impl Prove {
    pub(super) fn run(self, context: &Context) -> Result<Answer, CliError> {
        for path in self.output.iter().chain(&self.trace) {
            check_writable(path)?;
        }
        let input = Input::read(&self.input)?;
        let line = Line::new();
        let compiled = open_or_compile(&self.model, &input, &self.compile, context, &line)?;
        let compiled = compiled.with_memory(self.memory).with_backend(self.backend.into());
        let proved = compiled.prove_with(&input, &mut line.callback())?;
        drop(line);
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
            "receipt": path, "model": receipt.model(), "verifying_key": receipt.verifying_key(), "proof_bytes": receipt.proof_bytes(),
            "insecure_dev": receipt.is_insecure_dev(), "outputs": receipt.outputs(),
        });
        let mut text = format!("receipt  {}\n", path.display());
        for output in receipt.outputs() {
            text += &format!("output   {} {:?} = {}\n", output.name, output.shape, excerpt(&output.reals));
        }
        Ok(Answer { text, json })
    }
}

/// The first values.
fn excerpt(values: &[f64]) -> String {
    const SHOWN: usize = 16;
    let shown: Vec<String> = values.iter().take(SHOWN).map(|v| format!("{v:.5}")).collect();
    let more = if values.len() > SHOWN { ", …" } else { "" };
    format!("[{}{more}]", shown.join(", "))
}
