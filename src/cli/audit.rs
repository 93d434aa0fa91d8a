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
/// quantisation is, which is measured over samples. Exit status 0 accepted, 1 rejected, 2 an error.
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
    #[command(flatten)]
    compile: CompileArgs,
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
        let json = json!({
            "accepted": true, "model": model.name(), "source": model.source(), "verifying_key": audited.verifying_key, "bits": audited.bits,
            "shows_input": audited.shows_input, "insecure_dev": audited.insecure_dev, "claimed_error": audited.claimed,
            "measured": measured.map(|m| json!({ "error": m.error, "answered": m.answered, "refused": m.refused })),
        });
        let shown = if audited.shows_input { "output and input" } else { "output" };
        let mut text = format!("accepted       {} at {} bits\nverifying key  {}\n", model.name(), audited.bits, audited.verifying_key);
        text += &format!("receipts show  {shown}\nerror          {:.3} % claimed", 100.0 * audited.claimed);
        text += &match measured {
            Some(m) => format!(", {:.3} % measured over {} samples; {} leave the ranges\n", 100.0 * m.error, m.answered, m.refused),
            None => "; `--calibrate SAMPLES` or `--input-range` measures it\n".into(),
        };
        if audited.insecure_dev {
            text += "srs            insecure development string: anyone can forge receipts\n";
        }
        Ok(Answer { text, json })
    }
}
