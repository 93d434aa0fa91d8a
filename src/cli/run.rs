//! `sworn run`: what a model answers, without a proof.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sworn::{Inspection, Manifest};

use super::error::CliError;
use super::open::{folder_of, Opening};
use super::statement::{excerpt, line as line_of};
use super::{Answer, CompileArgs, Context};

/// Print what a model answers for an input, quantised and float, without a proof
///
/// The quantised answer is the one that `sworn prove` proves. An ONNX file is quantised as by the folder beside it, if there is one of it, or for
/// the given samples; a folder alone has no float answer. No keys are read or made.
#[derive(Args)]
pub(super) struct Run {
    /// ONNX file, or the .sworn folder of a compiled model
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Input, as `sworn prove` takes it
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// Quantise for this input alone, where there are no samples
    #[arg(long, group = "calibration")]
    calibrate_on_input: bool,
    #[command(flatten)]
    compile: CompileArgs,
}

impl Run {
    pub(super) fn run(mut self, context: &Context) -> Result<Answer, CliError> {
        let folder = folder_of(&self.model);
        if let (None, Ok(manifest)) = (self.compile.public_input, Manifest::read(&folder)) {
            // There is no receipt that could show the input.
            self.compile.public_input = Some(manifest.settings.public_input);
        }
        let opening = Opening { path: &self.model, args: &self.compile, on_input: self.calibrate_on_input, memory: None, context };
        opening.check()?;
        let input = super::open::input(&self.input)?;
        let line = context.line();
        let (inspection, float) = if self.model.is_dir() {
            (Inspection::of_folder(&self.model)?, None)
        } else {
            let model = self.compile.load(&self.model)?;
            let inspection = match folder.exists() {
                true => {
                    let manifest = Manifest::read(&folder)?;
                    opening.compare(&model, &manifest)?;
                    let inspection = Inspection::of_folder(&folder)?;
                    model.check_circuit(&manifest, &inspection.graph)?;
                    inspection
                }
                false => {
                    let (options, samples) = opening.calibration(&input)?;
                    Inspection::of_model(&model, &options, Some(&samples))?
                }
            };
            (inspection, Some(model.evaluate(&input)?))
        };
        let outputs = inspection.run(&input)?;
        drop(line);
        let mut text = String::new();
        let mut rows = Vec::new();
        for (index, output) in outputs.iter().enumerate() {
            let float = float.as_ref().and_then(|float| float.get(index));
            let error = float.map(|float| relative_error(&output.reals, float));
            text += &format!("quantised  {}\n", line_of(output));
            if let (Some(float), Some(error)) = (float, error) {
                let reals: Vec<f64> = float.iter().map(|y| f64::from(*y)).collect();
                text += &format!("float      {}\nerror      {:.3} %\n", excerpt(&reals), 100.0 * error);
            }
            rows.push(json!({
                "name": output.name, "shape": output.shape, "scale": output.scale, "integers": output.integers, "reals": output.reals,
                "float": float, "relative_error": error,
            }));
        }
        let json = json!({ "model": inspection.name, "bits": inspection.graph.bits, "outputs": rows });
        Ok(Answer { text, json })
    }
}

/// The largest error of an output, as a fraction of its largest value.
pub(super) fn relative_error(quantised: &[f64], float: &[f32]) -> f64 {
    let pairs = || quantised.iter().zip(float).map(|(q, y)| (*q, f64::from(*y)));
    let largest = pairs().map(|(_, y)| y.abs()).fold(0.0, f64::max);
    let most = pairs().map(|(q, y)| (q - y).abs()).fold(0.0, f64::max);
    if most == 0.0 {
        0.0
    } else {
        most / largest
    }
}
