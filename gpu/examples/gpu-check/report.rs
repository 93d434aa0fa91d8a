//! One report of what `check.sh` wrote to a folder.
//!
//! | file | a line |
//! |---|---|
//! | `environment.txt` | `name: value`: the card, its driver, the date |
//! | `steps.jsonl` | `step`, `status` (`ok`, `failed`, `skipped`), `seconds`, `note` |
//! | `kernels-cpu.jsonl`, `kernels-cuda.jsonl` | what `gpu-check kernels` prints |
//! | `models-cpu.jsonl`, `models-cuda.jsonl` | what `sworn bench --again` prints |

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{json, Value};
use sworn_gpu::PREDICTED_OVERHEAD;

/// Where the lines are.
#[derive(Args)]
pub(crate) struct Report {
    folder: PathBuf,
}

/// Cores of the machine that a model's estimate is of.
const ESTIMATED_CORES: f64 = 2.0;
/// Seconds that an H200 should take at most, by operation and log₂ of the rows.
const KERNEL_TARGETS: [(&str, u64, f64); 3] = [("msm", 20, 0.008), ("msm", 24, 0.08), ("ntt", 24, 0.008)];
/// How much faster scalars of 16 bits should be than others.
const SMALL_TARGET: f64 = 5.0;
/// Seconds that an H200 should take for a proof with the key in place.
const MODEL_TARGETS: [(&str, f64); 1] = [("vgg16_cifar", 0.3)];
/// The model that should be no slower than on the processor.
const SMALL_MODEL: &str = "lenet5_max";
/// The part of a proof in which the device may wait for the host.
const HOST_TARGET: f64 = 0.2;

impl Report {
    /// Writes and prints the report; true if nothing failed.
    pub(crate) fn run(self) -> Result<bool, Box<dyn Error>> {
        let lines = |name: &str| lines(&self.folder.join(name));
        let environment = fs::read_to_string(self.folder.join("environment.txt")).unwrap_or_default();
        let environment: Vec<(&str, &str)> = environment.lines().filter_map(|line| line.split_once(": ")).collect();
        let steps = lines("steps.jsonl")?;
        let kernels = kernels(&lines("kernels-cpu.jsonl")?, &lines("kernels-cuda.jsonl")?);
        let models = models(&lines("models-cpu.jsonl")?, &lines("models-cuda.jsonl")?);
        let targets = targets(&kernels, &models);
        let crossover = crossover(&models);
        let is_ok = !steps.is_empty() && steps.iter().all(|step| step["status"] != "failed");
        let all = json!({
            "environment": environment.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>(),
            "ok": is_ok, "steps": steps, "kernels": kernels, "models": models, "targets": targets, "crossover": crossover,
        });
        let mut text = String::from("# Check of the CUDA backend\n\n");
        for (name, value) in environment {
            writeln!(text, "- {name}: {value}")?;
        }
        table(&mut text, "Steps", &["step", "status", "seconds", "note"], &steps)?;
        let columns = ["operation", "log_rows", "cpu_ms", "cuda_ms", "kernel_ms", "copy_ms", "host_ms", "correct"];
        table(&mut text, "Operations on one column", &columns, &kernels)?;
        writeln!(text, "\nThe host takes `host_ms` at least: copies that overlap with kernels are taken off twice. So with `host_share`.")?;
        let columns = [
            "model",
            "log_rows",
            "estimated_s",
            "cpu_s",
            "cpu_again_s",
            "cuda_s",
            "cuda_again_s",
            "kernel_s",
            "copy_s",
            "host_share",
            "host_share_at_most",
            "cpu_mb",
            "device_mb",
        ];
        table(&mut text, "Proofs: by a new process, and again by the same", &columns, &models)?;
        table(&mut text, "Targets, for an H200", &["target", "limit", "measured", "met"], &targets)?;
        writeln!(text, "\nCrossover, in seconds that the processor is estimated to take: `auto` has it at {};", crossover["configured"])?;
        let shown = |value: &Value| value.as_f64().map_or("none".into(), |seconds| format!("{seconds:.3}"));
        writeln!(
            text,
            "the largest proof that was faster on the processor had {}, the smallest that was faster on the device {}.",
            shown(&crossover["largest_on_cpu"]),
            shown(&crossover["smallest_on_cuda"])
        )?;
        fs::write(self.folder.join("report.md"), &text)?;
        fs::write(self.folder.join("report.json"), format!("{all:#}\n"))?;
        print!("{text}");
        Ok(is_ok)
    }
}

/// The JSON objects of a file, none if it is not there.
fn lines(path: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    text.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{}: {error}", path.display()).into())).collect()
}

/// The line of `lines` that agrees with `like` in these fields.
fn same<'a>(lines: &'a [Value], like: &Value, fields: &[&str]) -> Option<&'a Value> {
    lines.iter().find(|line| fields.iter().all(|field| line[field] == like[field]))
}

/// All lines of one list, and those of another that it has not.
fn union<'a>(first: &'a [Value], second: &'a [Value], fields: &'a [&'a str]) -> impl Iterator<Item = &'a Value> {
    first.iter().chain(second.iter().filter(move |line| same(first, line, fields).is_none()))
}

fn milliseconds(seconds: &Value) -> Value {
    json!(seconds.as_f64().map(|seconds| seconds * 1e3))
}

fn kernels(cpu: &[Value], cuda: &[Value]) -> Vec<Value> {
    const KEY: [&str; 2] = ["operation", "log_rows"];
    let row = |line: &Value| {
        let (cpu, cuda) = (same(cpu, line, &KEY), same(cuda, line, &KEY));
        let of = |side: Option<&Value>, field: &str| milliseconds(&side.map_or(Value::Null, |line| line[field].clone()));
        let (total, kernel, copy) = (of(cuda, "seconds"), of(cuda, "kernel_seconds"), of(cuda, "copy_seconds"));
        let host = total.as_f64().zip(kernel.as_f64()).zip(copy.as_f64()).map(|((total, kernel), copy)| (total - kernel - copy).max(0.0));
        let is_correct = [cpu, cuda].into_iter().flatten().all(|line| line["correct"] == true);
        json!({
            "operation": line["operation"], "log_rows": line["log_rows"], "cpu_ms": of(cpu, "seconds"), "cuda_ms": total,
            "kernel_ms": kernel, "copy_ms": copy, "host_ms": host, "correct": is_correct,
        })
    };
    union(cuda, cpu, &KEY).map(row).collect()
}

fn models(cpu: &[Value], cuda: &[Value]) -> Vec<Value> {
    const KEY: [&str; 1] = ["model"];
    let row = |line: &Value| {
        let (cpu, cuda) = (same(cpu, line, &KEY), same(cuda, line, &KEY));
        let of = |side: Option<&Value>, field: &str| side.map_or(Value::Null, |line| line[field].clone());
        let seconds = |field: &str| of(cuda, field).as_f64();
        let busy = seconds("kernel_s").zip(seconds("copy_s")).map(|(kernels, copies)| kernels + copies);
        // Copies overlap with kernels: at least what neither takes, at most what the longer of both leaves.
        let left = |busy: Option<f64>| seconds("prove_again_s").zip(busy).map(|(total, busy)| (1.0 - busy / total).max(0.0));
        let longer = seconds("kernel_s").zip(seconds("copy_s")).map(|(kernels, copies)| kernels.max(copies));
        let (share, most) = (left(busy), left(longer));
        json!({
            "model": line["model"], "log_rows": line["logrows"], "estimated_s": line["estimated_s"],
            "cpu_s": of(cpu, "prove_s"), "cpu_again_s": of(cpu, "prove_again_s"),
            "cuda_s": of(cuda, "prove_s"), "cuda_again_s": of(cuda, "prove_again_s"), "kernel_s": of(cuda, "kernel_s"),
            "copy_s": of(cuda, "copy_s"), "host_share": share, "host_share_at_most": most, "cpu_mb": of(cpu, "prove_mb"), "device_mb": of(cuda, "device_mb"),
        })
    };
    union(cuda, cpu, &KEY).map(row).collect()
}

fn target(name: String, limit: f64, measured: Option<f64>, is_met: impl Fn(f64) -> bool) -> Value {
    let met = measured.map_or("not measured", |value| if is_met(value) { "yes" } else { "no" });
    json!({ "target": name, "limit": limit, "measured": measured, "met": met })
}

fn targets(kernels: &[Value], models: &[Value]) -> Vec<Value> {
    let kernel = |operation: &str, log: u64| {
        let row = kernels.iter().find(|row| row["operation"] == operation && row["log_rows"] == log && row["correct"] == true)?;
        row["cuda_ms"].as_f64().map(|ms| ms / 1e3)
    };
    let model = |name: &str, field: &str| models.iter().find(|row| row["model"] == name).and_then(|row| row[field].as_f64());
    let mut targets: Vec<Value> = KERNEL_TARGETS
        .iter()
        .map(|&(operation, log, limit)| {
            target(format!("{operation} 2^{log}: seconds at most"), limit, kernel(operation, log), |s| s <= limit)
        })
        .collect();
    for log in [20, 24] {
        let ratio = kernel("msm", log).zip(kernel("msm 16-bit", log)).map(|(full, small)| full / small);
        targets.push(target(format!("msm 2^{log}: times faster with 16 bits"), SMALL_TARGET, ratio, |ratio| ratio >= SMALL_TARGET));
    }
    for (name, limit) in MODEL_TARGETS {
        targets.push(target(format!("{name}: seconds at most"), limit, model(name, "cuda_again_s"), |s| s <= limit));
        targets.push(target(format!("{name}: part on the host at most"), HOST_TARGET, model(name, "host_share_at_most"), |part| {
            part <= HOST_TARGET
        }));
    }
    let ratio = model(SMALL_MODEL, "cuda_again_s").zip(model(SMALL_MODEL, "cpu_again_s")).map(|(cuda, cpu)| cuda / cpu);
    targets.push(target(format!("{SMALL_MODEL}: times the processor at most"), 1.0, ratio, |ratio| ratio <= 1.0));
    targets
}

/// Where the device begins to pay, in estimated seconds of this machine's processor.
fn crossover(models: &[Value]) -> Value {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let points: Vec<(f64, bool)> = models
        .iter()
        .filter_map(|row| {
            let estimated = row["estimated_s"].as_f64()? * ESTIMATED_CORES / cores as f64;
            Some((estimated, row["cuda_s"].as_f64()? < row["cpu_s"].as_f64()?))
        })
        .collect();
    let of = |on_device: bool| points.iter().filter(move |point| point.1 == on_device).map(|point| point.0);
    json!({
        "configured": PREDICTED_OVERHEAD, "cores": cores,
        "largest_on_cpu": of(false).reduce(f64::max), "smallest_on_cuda": of(true).reduce(f64::min),
    })
}

/// A heading and a table, or nothing for no rows.
fn table(text: &mut String, title: &str, columns: &[&str], rows: &[Value]) -> std::fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n## {title}\n\n| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()))?;
    for row in rows {
        let cells: Vec<String> = columns.iter().map(|column| cell(&row[column])).collect();
        writeln!(text, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => format!("{:.3}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}
