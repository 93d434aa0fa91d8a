//! Jobs of the Sworn workspace: `cargo xtask test` runs the core of what must pass before a change is merged, `cargo xtask test-AREA`
//! an area that wants programs of its own, the other subcommands are their steps and the jobs beside them. Steps stop at the first
//! command that fails.

mod areas;
mod cuda;
mod gpu_check;
mod python;
mod shell;
mod steps;
mod wasm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

use shell::Failure;

#[derive(Parser)]
#[command(about = "Jobs of the Sworn workspace")]
struct Args {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// The core of what must pass: fmt, clippy, docs, verifier, tests, node-tests, smoke, bench-smoke, kernels, icicle-runtime, the check of devices on the emulated one, and a clean tree after them
    Test,
    /// The verifier in the browser, in Node and in Chromium
    TestBrowser,
    /// Contracts on an EVM, compiled by solc
    TestChain,
    /// The areas with a file that changed since a commit; all areas without one
    TestTouched {
        /// A commit of git
        #[arg(long, value_name = "COMMIT")]
        since: Option<String>,
    },
    /// Formatting is what rustfmt makes
    Fmt,
    /// Clippy finds nothing in any target
    Clippy,
    /// Documentation builds without warnings
    Docs,
    /// The verifier and the receipts build by themselves, and depend on neither halo2 nor the prover
    Verifier,
    /// Unit, integration and documentation tests
    Tests,
    /// The ONNX backend node tests, from the Python package `onnx`, as a table by operator
    NodeTests,
    /// The digits example is proved, verified, and refused where it must be
    Smoke,
    /// The verifier in the browser: the npm package in target/wasm/js and the page in target/wasm/page
    Wasm {
        /// Tests them too, in Node and in Chromium
        #[arg(long)]
        test: bool,
    },
    /// Each benchmark runs once, unoptimised
    BenchSmoke,
    /// The CUDA kernels compile within their budget of registers, and their PTX computes what it should, where nvcc is installed
    Kernels,
    /// The feature `icicle-cuda-runtime` of sworn-gpu compiles, where a CUDA toolkit and libclang are installed
    IcicleRuntime,
    /// Builds target/cuda/libsworn_cuda.so, with the nvcc of PATH or else that of the Python packages in gpu/cuda/requirements.txt
    Cuda,
    /// Builds, tests and measures the CUDA backend on this machine's card, or makes a folder that does so on another machine
    GpuCheck(gpu_check::GpuCheck),
    /// Makes the benchmark models in target/models (no name: all but the large ones)
    Models {
        /// Names, as `benches/models/make_models.py --list` prints them
        names: Vec<String>,
    },
    /// Runs EZKL and Sworn on the same models; the arguments are those of benches/peers/run.py
    Peers {
        /// Passed on
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

/// The workspace's folder and where its artefacts go.
struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

type Step = (&'static str, fn(&Workspace) -> Result<(), Failure>);

const FMT: Step = ("fmt", steps::fmt);
const CLIPPY: Step = ("clippy", steps::clippy);
const DOCS: Step = ("docs", steps::docs);
const VERIFIER: Step = ("verifier", steps::verifier);
const NODE_TESTS: Step = ("node-tests", steps::node_tests);
const TESTS: Step = ("tests", steps::tests);
const SMOKE: Step = ("smoke", steps::smoke);
const BENCH_SMOKE: Step = ("bench-smoke", steps::bench_smoke);
const KERNELS: Step = ("kernels", cuda::kernels);
const ICICLE_RUNTIME: Step = ("icicle-runtime", cuda::icicle_runtime);
const CUDA: Step = ("cuda", cuda::plugin);
const GPU_CHECK: Step = ("gpu-check", gpu_check::emulated);

/// What every change must pass.
const CORE: [Step; 11] = [FMT, CLIPPY, DOCS, VERIFIER, TESTS, NODE_TESTS, SMOKE, BENCH_SMOKE, KERNELS, ICICLE_RUNTIME, GPU_CHECK];

fn main() -> ExitCode {
    let workspace = match Workspace::find() {
        Ok(workspace) => workspace,
        Err(failure) => return fail("start", &failure),
    };
    match Args::parse().job {
        Job::Test => test(&workspace, &CORE),
        Job::TestBrowser => test(&workspace, areas::BROWSER.steps),
        Job::TestChain => test(&workspace, areas::CHAIN.steps),
        Job::TestTouched { since } => test(&workspace, &areas::touched(&workspace, since.as_deref())),
        Job::Fmt => run(&workspace, &[FMT]),
        Job::Clippy => run(&workspace, &[CLIPPY]),
        Job::Docs => run(&workspace, &[DOCS]),
        Job::Verifier => run(&workspace, &[VERIFIER]),
        Job::Tests => run(&workspace, &[TESTS]),
        Job::NodeTests => run(&workspace, &[NODE_TESTS]),
        Job::Smoke => run(&workspace, &[SMOKE]),
        Job::Wasm { test: false } => finish("wasm", wasm::build(&workspace)),
        Job::Wasm { test: true } => finish("wasm", wasm::test(&workspace)),
        Job::BenchSmoke => run(&workspace, &[BENCH_SMOKE]),
        Job::Kernels => run(&workspace, &[KERNELS]),
        Job::IcicleRuntime => run(&workspace, &[ICICLE_RUNTIME]),
        Job::Cuda => run(&workspace, &[CUDA]),
        Job::GpuCheck(args) => finish("gpu-check", gpu_check::run(&workspace, &args)),
        Job::Models { names } => finish("models", steps::models(&workspace, &names)),
        Job::Peers { args } => finish("peers", steps::peers(&workspace, &args)),
    }
}

/// Runs steps, and wants the working tree to be as it was.
fn test(workspace: &Workspace, steps: &[Step]) -> ExitCode {
    let before = shell::tree(&workspace.root);
    let answer = run(workspace, steps);
    if answer != ExitCode::SUCCESS {
        return answer;
    }
    match (before, shell::tree(&workspace.root)) {
        (Some(before), Some(after)) if before != after => {
            fail("clean tree", &Failure::new(format!("the tests changed the working tree; before:\n{before}\nafter:\n{after}")))
        }
        _ => answer,
    }
}

/// Runs the steps in order up to the first that fails, and prints how long each took. What is left out for want of a program is told at
/// the end.
fn run(workspace: &Workspace, steps: &[Step]) -> ExitCode {
    let mut summary = String::new();
    let whole = Instant::now();
    for (name, step) in steps {
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let word = match step(workspace) {
            Ok(()) => "ok".to_owned(),
            Err(failure) if failure.is_skipped() => {
                eprintln!("SKIPPED {name}: {failure}");
                format!("SKIPPED {name}: {failure}\n--")
            }
            Err(failure) => {
                eprint!("{summary}");
                return fail(name, &failure);
            }
        };
        summary += &format!("{word} {name:<12} {:>7.1} s\n", start.elapsed().as_secs_f64());
    }
    eprintln!("\n{summary}ok {:<12} {:>7.1} s", "all", whole.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn finish(name: &str, answer: Result<(), Failure>) -> ExitCode {
    match answer {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(name, &failure),
    }
}

fn fail(step: &str, failure: &Failure) -> ExitCode {
    eprintln!("FAILED {step}: {failure}");
    ExitCode::FAILURE
}

impl Workspace {
    fn find() -> Result<Self, Failure> {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or_else(|| Failure::new("the xtask folder has no parent"))?.to_path_buf();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }
}
