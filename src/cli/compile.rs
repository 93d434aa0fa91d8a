//! `sworn compile`: a folder that proves.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sworn::{Calibration, Compiled, Manifest};

use super::error::CliError;
use super::open::{compile_to, folder_of};
use super::{Answer, CompileArgs, Context};

/// For `--help`.
const EXAMPLES: &str = "Examples:
  sworn compile model.onnx --calibrate samples.npy
  sworn compile model.onnx --calibrate samples --profile onchain --srs powers.ptau
  sworn compile model.onnx --calibrate samples.npy --batch 4 -o batch.sworn";

/// Quantise a model and make its keys
///
/// Writes MODEL.sworn with manifest, circuit, proving key and verifying key. It needs samples: their ranges decide which
/// inputs can be proved, and keys and receipts show something of them. A folder that is replaced hands its options on: each has a value that switches it off,
/// as --public-input=false.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Compile {
    /// ONNX file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Folder to write [default: MODEL.sworn beside the model]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Print errors by output, and all sizes of the layout
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    compile: CompileArgs,
}

impl Compile {
    pub(super) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let folder = self.output.clone().unwrap_or_else(|| folder_of(&self.model));
        Compiled::check_writable(&folder)?;
        let replaced = Manifest::read(&folder).ok();
        let options = context.asked(&self.compile)?.over(replaced.as_ref());
        let samples = match (self.compile.samples()?, &options.calibration) {
            (Some(samples), _) => samples,
            (None, Calibration::Ranges(_)) => Vec::new(),
            (None, _) => return Err(CliError::NoSamples { model: self.model }),
        };
        let line = context.line();
        if replaced.is_none() && folder.exists() {
            line.say("warning: the options of the folder that is replaced cannot be read: those that are not given are the defaults");
        }
        let model = self.compile.load(&self.model)?;
        let compiled = compile_to(&model, &folder, &options, &samples, (context, &line))?;
        drop(line);
        let estimate = &compiled.layout().estimate;
        let key = compiled.verifying_key().digest();
        let json = json!({
            "folder": folder.display().to_string(), "model": compiled.name(), "verifying_key": key, "bits": compiled.graph().bits,
            "settings": compiled.manifest().settings, "srs": compiled.manifest().srs, "report": compiled.manifest().report, "layout": estimate,
        });
        let mut text = format!("compiled       {}\nverifying key  {key}\n", folder.display());
        text += &summary(&compiled);
        if self.verbose {
            text += &super::inspect::report_text(&compiled.manifest().report);
            text += &super::inspect::layout_text(compiled.graph(), estimate);
        }
        Ok(Answer { text, json })
    }
}

/// What there is to know before the first proof.
fn summary(compiled: &Compiled) -> String {
    let estimate = &compiled.layout().estimate;
    // A key that no contract can hold has none.
    let gas = compiled.verifying_key().estimate_gas().map_or_else(|_| String::new(), |gas| format!(", {gas} gas on chain"));
    format!(
        "accuracy       {} bits; outputs off by at most {:.3} % of the largest, over the samples\n\
         proofs         about {:.2} s on two cores, {:.0} MB of memory{gas}\n\
         receipts show  {}\n",
        compiled.graph().bits,
        100.0 * compiled.manifest().relative_error(),
        estimate.prove_seconds,
        estimate.prove_bytes / 1e6,
        if compiled.shows_input() { "the input and the output" } else { "the output; the input stays private" },
    )
}
