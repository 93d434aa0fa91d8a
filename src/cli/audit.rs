//! `sworn audit`: whether keys are those of a model.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sworn::{AuditOptions, Error};

use super::error::CliError;
use super::open::{folder_of, verifying_key};
use super::{Answer, CompileArgs, Context};

/// Check that a compiled model is the quantisation of an ONNX file, and nothing else
///
/// For whoever gets a .sworn folder or a key from somebody else and has the ONNX file from a source that they trust. The model is quantised again with
/// the scales that the folder records and the keys are made again: both must be equal to those of the folder. That leaves only how coarse the
/// quantisation is, and which inputs it refuses: that is measured over samples, or over inputs drawn from the ranges, and more than --max-error is
/// rejected. Samples that the folder was compiled for, or its ranges, show that its maker chose nothing at all. Exit status 0 accepted, 1 rejected, 2 an
/// error.
#[derive(Args)]
pub(super) struct Audit {
    /// ONNX file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Folder of the compiled model [default: MODEL.sworn beside the model]
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Verifying key that must be the folder's
    #[arg(long, value_name = "FILE")]
    vk: Option<PathBuf>,
    /// The largest error of an output over the samples, in percent of its largest value
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    max_error: f64,
    #[command(flatten)]
    compile: CompileArgs,
}

fn percent(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|percent: &f64| *percent >= 0.0).ok_or("expected a number that is not negative")
}

impl Audit {
    pub(super) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let folder = self.folder.clone().unwrap_or_else(|| folder_of(&self.model));
        let key = self.vk.clone().map(verifying_key).transpose()?;
        let samples = self.compile.samples()?.unwrap_or_default();
        let asked = context.asked(&self.compile)?;
        let calibration = asked.calibration.unwrap_or_default();
        let options = AuditOptions { key: key.as_ref(), samples: &samples, calibration, srs: asked.srs };
        let line = context.line();
        let model = self.compile.load(&self.model)?;
        let audited = model.audit(&folder, &options, &mut line.callback()).map_err(|error| match error {
            Error::Audit(_) | Error::Key(_) => CliError::AuditRejected(Box::new(error)),
            error => error.into(),
        })?;
        drop(line);
        let measured = audited.measured.as_ref();
        match measured {
            // An error that is no number is none that is allowed.
            Some(m) if m.relative_error.is_nan() || 100.0 * m.relative_error > self.max_error => {
                let (error, most) = (100.0 * m.relative_error, self.max_error);
                return Err(CliError::AuditError(format!("an output is off by {error:.3} % of the largest, more than {most} %")));
            }
            None if audited.refused > 0 => return Err(CliError::AuditError("no sample is within the ranges of the model".into())),
            _ => {}
        }
        let json = json!({
            "accepted": true, "model": model.name(), "source": model.source(), "verifying_key": audited.verifying_key, "bits": audited.bits,
            "shows_input": audited.shows_input, "insecure_dev": audited.insecure_dev, "claimed_relative_error": audited.claimed,
            "measured": measured.map(|m| json!({ "relative_error": m.relative_error, "answered": m.answered })),
            "refused": audited.refused, "reproduced": audited.reproduced,
        });
        let shown = if audited.shows_input { "output and input" } else { "output" };
        let mut text = format!("accepted       {} at {} bits\nverifying key  {}\n", model.name(), audited.bits, audited.verifying_key);
        text += &format!("receipts show  {shown}\nerror          {:.3} % claimed", 100.0 * audited.claimed);
        text += &match measured {
            Some(m) => {
                format!(", {:.3} % measured over {} samples; {} leave the ranges\n", 100.0 * m.relative_error, m.answered, audited.refused)
            }
            None => "; `--calibrate SAMPLES` or `--input-range` measures it\n".into(),
        };
        text += match audited.reproduced {
            Some(true) => "scales         those of these samples or ranges: nothing was left to choose\n",
            Some(false) => "scales         not those of these samples or ranges: their maker's choice\n",
            None => "",
        };
        if audited.insecure_dev {
            text += "srs            insecure development string: anyone can forge receipts\n";
        }
        Ok(Answer { text, json })
    }
}
