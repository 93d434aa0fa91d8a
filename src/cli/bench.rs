//! `sworn bench`: figures of a model, one JSON line each, beside those of EZKL.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::{json, Value};

use super::backend::BackendArgs;
use super::bench_step::{folder, Step};
use super::error::CliError;
use super::interrupt::Temporary;
use super::{Answer, Context};

const MODEL: &str = "network.onnx";
const INPUT: &str = "input.json";

/// For `--help`.
const EXAMPLES: &str = "Examples:
  sworn bench models/lenet5 models/mnist
  sworn bench models/lenet5 --runs 10 --again --backend cuda";

/// Measure models, each step in a process of its own
///
/// Prints one JSON line a model, with --json one object of all: rows, columns, cells, lookups, seconds of setup, prove (median) and verify, peak memory of
/// prove, both by stage of the proof, bytes of proof and proving key, largest absolute error against the float model. Input private, output public.
/// The SRS is the development one; times do not depend on it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Bench {
    /// Folders, each with network.onnx and input.json
    #[arg(value_name = "MODEL_DIR", required = true)]
    models: Vec<PathBuf>,
    /// Proofs of each model
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Bits of an activation [default: chosen]
    #[arg(long, value_name = "N")]
    bits: Option<u32>,
    /// Adds prove_again_s, of a second proof by the same process, which has the key in place, and how long a device was busy in it
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

impl Bench {
    /// Prints each line when it is known, or all as one object. A model that fails has a line that says so, and the exit status is 2.
    pub(super) fn run(self, context: &Context) -> Result<Answer, CliError> {
        self.backend.check()?;
        let (mut models, mut failure) = (Vec::new(), None);
        for model in &self.models {
            let name = model.components().next_back().map(|c| c.as_os_str().to_string_lossy().into_owned());
            let mut row = json!({ "model": name });
            if let Err(error) = self.measure(model, &mut row, context) {
                row["failed"] = json!(error.to_string());
                failure = Some(error);
            }
            if !context.json {
                super::print(&(super::terminal::json(&row) + "\n"));
            }
            models.push(row);
        }
        match failure {
            Some(error) => Err(CliError::Bench { error: Box::new(error), models }),
            None => Ok(Answer { text: String::new(), json: json!({ "models": models }) }),
        }
    }

    fn measure(&self, model: &Path, row: &mut Value, context: &Context) -> Result<(), CliError> {
        for file in [MODEL, INPUT] {
            if !model.join(file).is_file() {
                return Err(CliError::BenchFile { folder: model.into(), file });
            }
        }
        let work = tempfile::tempdir().map_err(|source| sworn::FileError::Write { path: std::env::temp_dir(), source })?;
        let _temporary = Temporary::new([work.path()]);
        let setup = self.step(Step::Setup, model, work.path(), context)?;
        let proves = (0..self.runs).map(|_| self.step(Step::Prove, model, work.path(), context)).collect::<Result<Vec<_>, _>>()?;
        let verify = self.step(Step::Verify, model, work.path(), context)?;
        let pk = folder(work.path()).join("proving.key");
        let pk_bytes = std::fs::metadata(&pk).map_err(|source| sworn::FileError::Read { path: pk.clone(), source })?.len();
        let layout = &setup["layout"];
        let count = |name: &str| layout[name].as_u64().unwrap_or_default();
        let figures = [
            ("logrows", layout["log_rows"].clone()),
            ("bits", setup["bits"].clone()),
            ("setup_s", setup["seconds"].clone()),
            ("prove_s", json!(median(&proves, "seconds"))),
            ("prove_mb", json!(proves.iter().filter_map(|p| p["peak_mb"].as_f64()).reduce(f64::max))),
            ("verify_s", verify["seconds"].clone()),
            ("proof_bytes", proves[0]["proof_bytes"].clone()),
            ("pk_bytes", json!(pk_bytes)),
            ("max_abs_err", verify["max_abs_err"].clone()),
            ("columns", json!(count("advice_columns") + count("fixed_columns"))),
            ("cells", layout["cells"].clone()),
            ("lookups", layout["lookups"].clone()),
            ("witness_s", json!(median_of(proves.iter().filter_map(|p| p["stages"]["witness"]["seconds"].as_f64()).collect()))),
            ("stages", stages_of(&proves, "stages")),
            ("backend", proves[0]["backend"].clone()),
            ("estimated_s", layout["prove_seconds"].clone()),
        ];
        for (name, figure) in figures {
            row[name] = figure;
        }
        if self.again {
            row["prove_again_s"] = json!(median(&proves, "again_seconds"));
            row["stages_again"] = stages_of(&proves, "again_stages");
            for (name, figure) in [("kernel_s", "again_kernel_seconds"), ("copy_s", "again_copy_seconds")] {
                if proves[0][figure].is_number() {
                    row[name] = json!(median(&proves, figure));
                }
            }
        }
        if let Some(bytes) = proves.iter().filter_map(|p| p["device_memory"].as_u64()).max() {
            row["device_mb"] = json!(bytes as f64 / 1e6);
        }
        Ok(())
    }

    /// Runs this program again for one step; what it says on stderr is passed on.
    fn step(&self, step: Step, model: &Path, work: &Path, context: &Context) -> Result<Value, CliError> {
        let failed = |_| CliError::BenchStep { step: step.name() };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.args(["bench-step", step.name()]).args([&model.join(MODEL), &model.join(INPUT), work]);
        if let Some(bits) = self.bits {
            command.args(["--bits", &bits.to_string()]);
        }
        command.args(self.backend.to_args());
        if self.again {
            command.arg("--again");
        }
        if context.quiet {
            command.arg("--quiet");
        }
        let output = command.stderr(Stdio::inherit()).output().map_err(failed)?;
        let figures = serde_json::from_slice(&output.stdout).ok();
        figures.filter(|_| output.status.success()).ok_or(CliError::BenchStep { step: step.name() })
    }
}

/// Median seconds and largest peak memory by stage.
fn stages_of(proves: &[Value], list: &str) -> Value {
    let names = proves.first().and_then(|p| p[list].as_object()).into_iter().flat_map(|stages| stages.keys());
    let row = |name: &String| {
        let of = |figure: &'static str| proves.iter().filter_map(move |p| p[list][name][figure].as_f64());
        (name.clone(), json!({ "s": median_of(of("seconds").collect()), "peak_mb": of("peak_bytes").reduce(f64::max).map(|b| b / 1e6) }))
    };
    Value::Object(names.map(row).collect())
}

fn median(rows: &[Value], name: &str) -> f64 {
    median_of(rows.iter().filter_map(|r| r[name].as_f64()).collect())
}

fn median_of(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => f64::NAN,
        0 => (values[middle - 1] + values[middle]) / 2.0,
        _ => values[middle],
    }
}
