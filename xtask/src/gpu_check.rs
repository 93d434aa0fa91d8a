//! The check of the CUDA backend: a folder with all that it needs on the machine with the card, and its run on this one.
//!
//! ```text
//! check.sh            gpu/check.sh: the script that runs the rest
//! bin/                sworn, gpu-check, cuda-tests, libsworn_cuda.so
//! models/             whole models
//! results/            what the script writes
//! ```

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::Args;
use serde_json::Value;

use crate::shell::{cargo, command, must, output, Failure};
use crate::{cuda, steps, Workspace};

/// Models by default: small, middling and large.
const MODELS: [&str; 4] = ["mlp_16", "mnist_cnn4", "lenet5_max", "vgg16_cifar"];
/// What a run on the emulated device leaves out: it is no measurement.
const TINY: [&str; 8] = ["--min-log", "4", "--max-log", "6", "--cpu-max-log", "6", "--runs", "1"];

/// What is checked, and where.
#[derive(Args)]
pub(crate) struct GpuCheck {
    /// Makes this folder, to be copied to a machine with a card, and runs nothing; there, `./check.sh` needs no compiler
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Runs unoptimised programs on the emulated device, with tiny sizes: a test of the check itself
    #[arg(long, conflicts_with = "bundle")]
    emulated: bool,
    /// Models, as `cargo xtask models` knows them
    #[arg(long, value_name = "NAME", num_args = 1.., default_values = MODELS)]
    models: Vec<String>,
}

/// The check of the check, without a card.
pub(crate) fn emulated(workspace: &Workspace) -> Result<(), Failure> {
    let folder = workspace.target.join("gpu-check-emulated");
    // As the tests build them: nothing is compiled again.
    let mut made = executables(workspace, &["test", "--quiet", "--workspace", "--no-run", "--test", "cuda", "--test", "cli"])?;
    // cargo test would make a test of an example that is named.
    made.extend(executables(workspace, &["build", "--quiet", "--workspace", "--example", "gpu-check"])?);
    let sworn = workspace.target.join("debug").join(format!("sworn{}", std::env::consts::EXE_SUFFIX));
    fill(&folder, &[("cuda-tests", &found(&made, "cuda")?), ("gpu-check", &found(&made, "gpu-check")?), ("sworn", &sworn)])?;
    let plugin = output(&mut command(&folder, folder.join("bin/gpu-check"), ["emulated-plugin"]));
    let plugin = plugin.ok_or_else(|| Failure::new("gpu-check names no emulated plugin"))?;
    let vectors = workspace.root.join("tests/vectors");
    copy(&vectors.join("tiny.onnx"), &folder.join("models/tiny/network.onnx"))?;
    copy(&vectors.join("tiny.json"), &folder.join("models/tiny/input.json"))?;
    copy(&workspace.root.join("gpu/check.sh"), &folder.join("check.sh"))?;
    must(command(&folder, "sh", ["check.sh", "--plugin", plugin.trim()]).args(TINY))?;
    let report = folder.join("results/report.json");
    let text = fs::read_to_string(&report).map_err(|error| Failure::new(format!("{}: {error}", report.display())))?;
    let report: Value = serde_json::from_str(&text).map_err(|error| Failure::new(format!("{}: {error}", report.display())))?;
    is_complete(&report)
}

/// Whether every step that needs no card ran and left its figures.
fn is_complete(report: &Value) -> Result<(), Failure> {
    let rows = |list: &str| report[list].as_array().map(Vec::as_slice).unwrap_or_default();
    let ran = rows("steps").iter().filter(|step| step["status"] == "ok").count();
    let kernels =
        rows("kernels").iter().filter(|row| row["correct"] == true && row["cpu_ms"].is_f64() && row["kernel_ms"].is_f64()).count();
    let models =
        rows("models").iter().filter(|row| row["cpu_again_s"].is_f64() && row["cuda_again_s"].is_f64() && row["host_share"].is_f64());
    // Conformance, proofs, devices, and operations and models on both backends; four operations of two sizes; one model.
    match (ran, kernels, models.count()) {
        (7, 8, 1) => Ok(()),
        counts => Err(Failure::new(format!("the report lacks figures: (steps, operations, models) are {counts:?}"))),
    }
}

pub(crate) fn run(workspace: &Workspace, args: &GpuCheck) -> Result<(), Failure> {
    if args.emulated {
        return emulated(workspace);
    }
    let folder = args.bundle.clone().unwrap_or_else(|| workspace.target.join("gpu-check"));
    cuda::plugin(workspace)?;
    let packages = ["--release", "--package", "sworn", "--package", "sworn-gpu"];
    let build = [&["build"], &packages[..], &["--bin", "sworn", "--example", "gpu-check"]].concat();
    let mut made = executables(workspace, &build)?;
    made.extend(executables(workspace, &[&["test"], &packages[..], &["--no-run", "--test", "cuda"]].concat())?);
    let (tests, check, sworn) = (found(&made, "cuda")?, found(&made, "gpu-check")?, found(&made, "sworn")?);
    let plugin = workspace.target.join("cuda/libsworn_cuda.so");
    fill(&folder, &[("cuda-tests", &tests), ("gpu-check", &check), ("sworn", &sworn), ("libsworn_cuda.so", &plugin)])?;
    steps::models(workspace, &args.models)?;
    for name in &args.models {
        for file in ["network.onnx", "input.json"] {
            copy(&workspace.target.join("models").join(name).join(file), &folder.join("models").join(name).join(file))?;
        }
    }
    copy(&workspace.root.join("gpu/check.sh"), &folder.join("check.sh"))?;
    if args.bundle.is_some() {
        eprintln!("made {0}: copy it to the machine with the card and run {0}/check.sh there", folder.display());
        return Ok(());
    }
    must(&mut command(&folder, "sh", ["check.sh"]))
}

/// Makes the folder anew, with these programs. What an earlier check found stays.
fn fill(folder: &Path, programs: &[(&str, &Path)]) -> Result<(), Failure> {
    for part in ["bin", "models"] {
        match fs::remove_dir_all(folder.join(part)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::new(format!("{}: {error}", folder.join(part).display())));
            }
            _ => {}
        }
    }
    programs.iter().try_for_each(|(name, from)| copy(from, &folder.join("bin").join(name)))
}

/// The programs that a cargo command makes, by the names of their targets.
fn executables(workspace: &Workspace, args: &[&str]) -> Result<HashMap<String, PathBuf>, Failure> {
    let mut build = cargo(&workspace.root, args);
    build.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    eprintln!("$ cargo {}", args.join(" "));
    let output = build.output().map_err(|error| Failure::new(format!("cargo did not start: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new(format!("`cargo {}` failed", args.join(" "))));
    }
    Ok(artefacts(&String::from_utf8_lossy(&output.stdout)))
}

/// Programs in cargo's messages.
fn artefacts(messages: &str) -> HashMap<String, PathBuf> {
    let artefact = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(message["executable"].as_str()?)))
    };
    messages.lines().filter_map(artefact).collect()
}

fn found(made: &HashMap<String, PathBuf>, name: &str) -> Result<PathBuf, Failure> {
    made.get(name).cloned().ok_or_else(|| Failure::new(format!("cargo made no program `{name}`")))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("{} to {}: {error}", from.display(), to.display()));
    fs::create_dir_all(to.parent().unwrap_or(to)).map_err(failed)?;
    fs::copy(from, to).map(|_| ()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_read_from_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"cuda"},"executable":"/t/cuda-1"}
{"reason":"compiler-artifact","target":{"name":"sworn_gpu"},"executable":null}
{"reason":"build-finished","success":true}
not json"#;
        let made = artefacts(messages);
        assert_eq!(found(&made, "cuda").ok(), Some(PathBuf::from("/t/cuda-1")));
        assert!(found(&made, "sworn_gpu").is_err());
    }

    #[test]
    fn reports_that_lack_figures_are_refused() {
        let step = serde_json::json!({ "status": "ok" });
        let kernel = serde_json::json!({ "correct": true, "cpu_ms": 1.5, "kernel_ms": 0.5 });
        let model = serde_json::json!({ "cpu_again_s": 1.5, "cuda_again_s": 0.5, "host_share": 0.1 });
        let report = |kernels: usize| serde_json::json!({ "steps": vec![&step; 7], "kernels": vec![&kernel; kernels], "models": [&model] });
        assert!(is_complete(&report(8)).is_ok() && is_complete(&report(7)).is_err() && is_complete(&Value::Null).is_err());
    }
}
