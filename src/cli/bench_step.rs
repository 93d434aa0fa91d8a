//! One step of `sworn bench`, in a process of its own: it prints its figures as one JSON object.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::{json, Value};
use sworn::{
    peak_bytes, silent, Calibration, Compiled, Input, Model, Options, Profile, ProofStage, Receipt, SrsCache, SrsPolicy, SrsSource,
    VerifyingKey, VERIFYING_KEY,
};

use super::backend::{warning, BackendArgs};
use super::error::CliError;
use super::{Answer, Context};

/// What a benchmark measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Step {
    /// Import, quantise, lay out, make the keys, write them.
    Setup,
    /// Read the keys, make the reference string, prove, write the receipt.
    Prove,
    /// Read verifying key and receipt, verify.
    Verify,
}

impl Step {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Prove => "prove",
            Self::Verify => "verify",
        }
    }
}

/// A step of a benchmark.
#[derive(Args)]
pub(super) struct BenchStep {
    step: Step,
    model: PathBuf,
    input: PathBuf,
    work: PathBuf,
    #[arg(long)]
    bits: Option<u32>,
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

pub(super) fn folder(work: &Path) -> PathBuf {
    work.join("model.sworn")
}

impl BenchStep {
    pub(super) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let start = Instant::now();
        let figures = match self.step {
            Step::Setup => self.setup()?,
            Step::Prove => self.prove(context)?,
            Step::Verify => self.verify()?,
        };
        let mut figures = figures;
        // The error against the float model is worked out after the clock was read.
        if figures["seconds"].is_null() {
            figures["seconds"] = json!(start.elapsed().as_secs_f64());
        }
        figures["peak_mb"] = json!(peak_bytes().map(|bytes| bytes as f64 / f64::from(1 << 20)));
        Ok(Answer { text: format!("{figures}\n"), json: figures })
    }

    /// The development string, which compiling puts into a cache, as it does for `sworn prove`.
    fn srs(&self) -> SrsSource {
        SrsSource { cache: Some(SrsCache::new(self.work.join("srs"))), ..SrsSource::default() }
    }

    fn setup(&self) -> Result<Value, CliError> {
        let options = Options { bits: self.bits, calibration: Calibration::Input, srs: self.srs(), ..Options::default() };
        let compiled = Model::load(&self.model)?.compile(&options, &[Input::read(&self.input)?])?;
        compiled.save(folder(&self.work))?;
        Ok(json!({ "layout": compiled.layout().estimate, "bits": compiled.graph().bits }))
    }

    fn prove(&self, context: &Context) -> Result<Value, CliError> {
        let line = context.line();
        let start = Instant::now();
        let compiled = Compiled::open(folder(&self.work), &self.srs())?;
        let compiled = self.backend.apply(compiled, self.again);
        let input = Input::read(&self.input)?;
        let proved = compiled.prove_unchecked(&input, &mut silent())?;
        proved.receipt.write(self.receipt())?;
        let (seconds, bytes) = (start.elapsed().as_secs_f64(), proved.receipt.proof_bytes());
        if let Some(warning) = warning(&proved) {
            line.say(&warning);
        }
        let mut figures = json!({
            "seconds": seconds, "stages": stages(&proved.profile), "proof_bytes": bytes, "backend": proved.backend,
            "device_memory": proved.device.map(|device| device.memory),
        });
        if self.again {
            let start = Instant::now();
            let proved = compiled.prove_unchecked(&input, &mut silent())?;
            figures["again_seconds"] = json!(start.elapsed().as_secs_f64());
            if let Some(said) = warning(&proved).filter(|_| figures["backend"] != proved.backend) {
                line.say(&said);
            }
            figures["again_backend"] = json!(proved.backend);
            figures["again_stages"] = stages(&proved.profile);
            if let Some(busy) = proved.device.and_then(|device| device.busy) {
                figures["again_kernel_seconds"] = json!(busy.kernel_seconds);
                figures["again_copy_seconds"] = json!(busy.copy_seconds);
            }
        }
        Ok(figures)
    }

    fn verify(&self) -> Result<Value, CliError> {
        let start = Instant::now();
        let receipt = Receipt::read(self.receipt())?;
        receipt.verify(&VerifyingKey::read(folder(&self.work).join(VERIFYING_KEY))?, SrsPolicy::ANY)?;
        let seconds = start.elapsed().as_secs_f64();
        let expected = Model::load(&self.model)?.evaluate(&Input::read(&self.input)?)?;
        let pairs = receipt.outputs().iter().zip(&expected).flat_map(|(tensor, expected)| tensor.reals.iter().zip(expected));
        let error = pairs.map(|(real, float)| (real - f64::from(*float)).abs()).fold(0.0, f64::max);
        Ok(json!({ "seconds": seconds, "max_abs_err": error }))
    }

    fn receipt(&self) -> PathBuf {
        self.work.join("receipt.json")
    }
}

fn stages(profile: &Profile) -> Value {
    let figures =
        |&stage: &ProofStage| (stage.name().into(), json!({ "seconds": profile.seconds(stage), "peak_bytes": profile.peak_bytes(stage) }));
    Value::Object(ProofStage::ALL.iter().map(figures).collect())
}
