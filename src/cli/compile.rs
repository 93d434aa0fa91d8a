//! `sworn compile`: a folder that proves.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sworn::{Compiled, Input};

use super::error::CliError;
use super::open::{compile_to, folder_of, samples};
use super::progress::Line;
use super::{Answer, CompileArgs, Context};

/// Quantise a model and make its keys
///
/// Writes MODEL.sworn with manifest, circuit, proving key and verifying key. It needs samples: their ranges decide which
/// inputs can be proved.
#[derive(Args)]
pub(super) struct Compile {
    /// ONNX file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// One more sample, as `sworn prove` takes it
    #[arg(value_name = "INPUT", required_unless_present = "calibrate")]
    input: Option<PathBuf>,
    /// Folder to write [default: MODEL.sworn beside the model]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    #[command(flatten)]
    compile: CompileArgs,
}

impl Compile {
    pub(super) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let folder = self.output.clone().unwrap_or_else(|| folder_of(&self.model));
        Compiled::check_writable(&folder)?;
        let mut samples = samples(&self.compile)?.unwrap_or_default();
        if let Some(input) = &self.input {
            samples.push(Input::read(input)?);
        }
        let line = Line::new();
        let model = self.compile.load(&self.model)?;
        let compiled = compile_to(&model, &folder, &context.options(&self.compile), &samples, &line)?;
        drop(line);
        let estimate = &compiled.layout().estimate;
        let key = compiled.verifying_key().digest();
        let json = json!({
            "folder": folder, "model": compiled.name(), "verifying_key": key, "bits": compiled.graph().bits,
            "srs": compiled.manifest().srs, "report": compiled.manifest().report, "layout": estimate,
        });
        let mut text = format!("compiled       {}\nverifying key  {key}\n", folder.display());
        text += &super::inspect::report_text(&compiled.manifest().report);
        text += &super::inspect::layout_text(compiled.graph(), estimate);
        Ok(Answer { text, json })
    }
}
