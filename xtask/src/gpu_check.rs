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

/// The steps that need no card.
const STEPS: [&str; 7] = ["devices", "conformance", "proofs", "kernels-cuda", "kernels-cpu", "models-cpu", "models-cuda"];
/// A line of `check.sh`, by which a folder of an earlier check is known.
const OURS: &str = "# Checks and measures the CUDA backend on this machine";

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
    let programs: [(&str, &Path); 3] =
        [("cuda-tests", &found(&made, "cuda")?), ("gpu-check", &found(&made, "gpu-check")?), ("sworn", &sworn)];
    fill(workspace, &folder, &programs)?;
    let plugin = output(&mut command(&folder, folder.join("bin/gpu-check"), ["emulated-plugin"]));
    let plugin = plugin.ok_or_else(|| Failure::new("gpu-check names no emulated plugin"))?;
    let vectors = workspace.root.join("tests/vectors");
    copy(&vectors.join("tiny.onnx"), &folder.join("models/tiny/network.onnx"))?;
    copy(&vectors.join("tiny.json"), &folder.join("models/tiny/input.json"))?;
    must(command(&folder, "sh", ["check.sh", "--plugin", plugin.trim()]).args(TINY))?;
    let report = folder.join("results/report.json");
    let text = fs::read_to_string(&report).map_err(|error| Failure::new(format!("{}: {error}", report.display())))?;
    let report: Value = serde_json::from_str(&text).map_err(|error| Failure::new(format!("{}: {error}", report.display())))?;
    is_complete(&report)
}

/// Whether every step that needs no card ran and left its figures.
fn is_complete(report: &Value) -> Result<(), Failure> {
    let rows = |list: &str| report[list].as_array().map(Vec::as_slice).unwrap_or_default();
    let ran = STEPS.iter().filter(|&&name| rows("steps").iter().any(|step| step["step"] == name && step["status"] == "ok")).count();
    let kernels =
        rows("kernels").iter().filter(|row| row["correct"] == true && row["cpu_ms"].is_f64() && row["kernel_ms"].is_f64()).count();
    let models =
        rows("models").iter().filter(|row| row["cpu_again_s"].is_f64() && row["cuda_again_s"].is_f64() && row["host_share"].is_f64());
    // Four operations of two sizes, and one model.
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
    refuse_other(&folder)?;
    cuda::plugin(workspace)?;
    let packages = ["--release", "--package", "sworn", "--package", "sworn-gpu"];
    let build = [&["build"], &packages[..], &["--bin", "sworn", "--example", "gpu-check"]].concat();
    let mut made = executables(workspace, &build)?;
    made.extend(executables(workspace, &[&["test"], &packages[..], &["--no-run", "--test", "cuda"]].concat())?);
    let (tests, check, sworn) = (found(&made, "cuda")?, found(&made, "gpu-check")?, found(&made, "sworn")?);
    let plugin = workspace.target.join("cuda/libsworn_cuda.so");
    fill(workspace, &folder, &[("cuda-tests", &tests), ("gpu-check", &check), ("sworn", &sworn), ("libsworn_cuda.so", &plugin)])?;
    steps::models(workspace, &args.models)?;
    for name in &args.models {
        for file in ["network.onnx", "input.json"] {
            copy(&workspace.target.join("models").join(name).join(file), &folder.join("models").join(name).join(file))?;
        }
    }
    if args.bundle.is_some() {
        eprintln!("made {0}: copy it to the machine with the card and run {0}/check.sh there", folder.display());
        return Ok(());
    }
    must(&mut command(&folder, "sh", ["check.sh"]))
}

/// Makes the folder anew, with these programs. What an earlier check found stays.
fn fill(workspace: &Workspace, folder: &Path, programs: &[(&str, &Path)]) -> Result<(), Failure> {
    refuse_other(folder)?;
    copy(&workspace.root.join("gpu/check.sh"), &folder.join("check.sh"))?;
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

/// Refuses a folder whose files are not those of a check: some would be removed.
fn refuse_other(folder: &Path) -> Result<(), Failure> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut files) => files.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(Failure::new(format!("{}: {error}", folder.display()))),
    };
    let is_ours = || fs::read_to_string(folder.join("check.sh")).is_ok_and(|text| text.contains(OURS));
    if is_empty || is_ours() {
        return Ok(());
    }
    Err(Failure::new(format!("{} is not empty and holds no check of ours: name another folder, or empty it", folder.display())))
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
        let step = |name: &str| serde_json::json!({ "step": name, "status": "ok" });
        let kernel = serde_json::json!({ "correct": true, "cpu_ms": 1.5, "kernel_ms": 0.5 });
        let model = serde_json::json!({ "cpu_again_s": 1.5, "cuda_again_s": 0.5, "host_share": 0.1 });
        let report = |steps: &[&str], kernels: usize| {
            let steps: Vec<Value> = steps.iter().map(|name| step(name)).collect();
            serde_json::json!({ "steps": steps, "kernels": vec![&kernel; kernels], "models": [&model] })
        };
        let more = [&STEPS[..], &["memcheck"]].concat();
        let other = [&STEPS[1..], &["memcheck"]].concat();
        assert!(is_complete(&report(&STEPS, 8)).is_ok() && is_complete(&report(&more, 8)).is_ok());
        assert!(is_complete(&report(&STEPS, 7)).is_err() && is_complete(&report(&other, 8)).is_err() && is_complete(&Value::Null).is_err());
    }

    /// A new folder of this process.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("sworn-check-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    #[test]
    fn folders_of_others_are_refused() {
        let folder = folder("folders");
        assert!(refuse_other(&folder).is_ok() && refuse_other(&folder.join("new")).is_ok());
        fs::write(folder.join("check.sh"), "#!/bin/sh\n# Checks something else\n").expect("a file");
        assert!(refuse_other(&folder).is_err());
        fs::write(folder.join("check.sh"), include_str!("../../gpu/check.sh")).expect("a file");
        assert!(refuse_other(&folder).is_ok());
        fs::remove_dir_all(&folder).expect("the folder");
    }

    /// The script finds the card, or the reason why there is none, in what `sworn inspect --devices` prints; removes no file but
    /// its own; ends what hangs, and says so.
    #[cfg(unix)]
    #[test]
    fn the_script_without_its_programs() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder("script");
        let program = |name: &str, text: &str| {
            let path = folder.join("bin").join(name);
            fs::create_dir_all(folder.join("bin")).expect("a folder");
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
        };
        fs::write(folder.join("check.sh"), include_str!("../../gpu/check.sh")).expect("a file");
        let run = |args: &[&str]| {
            let output = command(&folder, "sh", [&["check.sh"], args].concat()).output().expect("a shell");
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        program("sworn", "printf 'cpu     always\\ncuda    none: there is no CUDA driver (x)\\nicicle  none: y\\n'");
        let (code, error) = run(&[]);
        assert!(code == Some(1) && error.contains("error: there is no device to check: there is no CUDA driver (x)\n"), "{error}");
        let (code, error) = run(&["--output"]);
        assert!(code == Some(2) && error.contains("--output needs a value"), "{error}");

        program("sworn", "printf 'cpu     always\\ncuda    0: NVIDIA H200, sm_90, 150.1 GB\\nicicle  none: y\\n'");
        program("gpu-check", "exit 0");
        program("cuda-tests", "sleep 9");
        let results = folder.join("results");
        for name in ["mine.jsonl", "mine.log", "report.txt", "report.md"] {
            copy(&folder.join("check.sh"), &results.join(name)).expect("a file");
        }
        run(&["--limit", "1"]);
        let read = |name: &str| fs::read_to_string(results.join(name)).unwrap_or_default();
        assert!(read("environment.txt").starts_with("card: 0: NVIDIA H200, sm_90, 150.1 GB\nplugin: libsworn_cuda.so\n"));
        assert!(["mine.jsonl", "mine.log", "report.txt"].iter().all(|name| results.join(name).is_file()));
        assert!(!results.join("report.md").exists(), "it is of an earlier check");
        let steps = read("steps.jsonl");
        assert!(steps.contains(r#"{"step":"conformance","status":"failed""#) && steps.contains("not done after 1 s"), "{steps}");
        fs::remove_dir_all(&folder).expect("the folder");
    }
}
