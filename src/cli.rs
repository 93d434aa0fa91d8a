//! `sworn`: parse, run, exit status. Data go to stdout, words to stderr.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde_json::{json, Value};
use sworn::{Error, InputRange, Instructions, LayoutProfile, LoadOptions, Model, SrsCache};

mod audit;
mod backend;
mod bench;
mod bench_step;
mod compile;
mod devices;
mod error;
mod export;
mod inspect;
mod interrupt;
mod open;
mod policy;
mod progress;
mod prove;
mod run;
mod srs;
mod statement;
mod terminal;
mod verify;
mod warning;

use error::CliError;

const REJECTED: u8 = 1;
const FAILED: u8 = 2;

const EXAMPLES: &str = "Examples:
  sworn compile model.onnx --calibrate samples.npy
  sworn prove model.sworn input.json -o receipt.json
  sworn verify receipt.json --vk model.sworn/verifying.key";

/// Zero-knowledge proofs that an ONNX model computed an output.
///
/// Exit status: 0 accepted or done, 1 rejected, 2 an error.
#[derive(Parser)]
#[command(name = "sworn", version, about, max_term_width = 120, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print the result, or the error, as one JSON object on stdout.
    #[arg(long, global = true)]
    json: bool,
    /// No progress and no warnings
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Folder where structured reference strings are kept [default: sworn/srs in the user's cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    srs_cache: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    Prove(prove::Prove),
    Compile(compile::Compile),
    Verify(verify::Verify),
    Audit(audit::Audit),
    Run(run::Run),
    Inspect(inspect::Inspect),
    #[command(subcommand)]
    Export(export::Export),
    #[command(subcommand)]
    Srs(srs::Srs),
    Bench(bench::Bench),
    /// Print the script that completes commands and options in a shell
    #[command(after_help = "Example:\n  sworn completions bash > ~/.local/share/bash-completion/completions/sworn")]
    Completions {
        /// The shell
        shell: Shell,
    },
    #[command(hide = true)]
    BenchStep(bench_step::BenchStep),
}

/// How a model is compiled.
#[derive(Args, Clone, Debug)]
struct CompileArgs {
    /// Samples that the ranges of all tensors are taken from, a file of inputs or a folder of such files; keys and receipts show
    /// something of them
    #[arg(long, value_name = "SAMPLES", group = "calibration")]
    calibrate: Option<PathBuf>,
    /// In place of samples, what an input holds, for each input; a model with one input needs no NAME. Keys and receipts show it
    #[arg(long = "input-range", value_name = "NAME=LOW..HIGH", group = "calibration", allow_hyphen_values = true)]
    input_ranges: Vec<InputRange>,
    /// Bits of an activation, 4 to 15, or auto: the fewest with an error below 0.3 % over the samples [default: auto]
    #[arg(long, value_name = "N", value_parser = bits)]
    bits: Option<Bits>,
    /// Show the input in receipts; without this flag only the output is public
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    public_input: Option<bool>,
    /// Pack as many public integers into a field element as it holds: a check on chain costs less, receipts show the same tensors
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pack_public: Option<bool>,
    /// What the circuit is to be cheap for [default: fast]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<Profile>,
    /// Structured reference string: .ptau of snarkjs, kzgK.srs of halo2, or a file of `sworn srs` [default: insecure-dev, the
    /// development SRS, whose receipts anyone can forge]
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    /// Size of an open batch dimension [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    batch: Option<u32>,
    /// Size of another open dimension, by its name in the model; may be given several times
    #[arg(long = "dimension", value_name = "NAME=SIZE", value_parser = dimension)]
    dimensions: Vec<(String, usize)>,
}

/// [`LayoutProfile`] by name.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum Profile {
    /// Proving, and then verification
    Fast,
    /// Proving alone: a commitment for each column, as halo2 has it
    Plain,
    /// Verification on chain, and short proofs
    Onchain,
}

impl Profile {
    fn name(self) -> &'static str {
        sworn::profile_name(self.into())
    }
}

impl From<Profile> for LayoutProfile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Fast => Self::Fast,
            Profile::Plain => Self::Plain,
            Profile::Onchain => Self::Onchain,
        }
    }
}

impl CompileArgs {
    /// Reads a model, with the sizes of its open dimensions.
    fn load(&self, path: &Path) -> Result<Model, Error> {
        let batch = self.batch.map(|n| n as usize);
        let dimensions = self.dimensions.iter().cloned().collect();
        Model::load_with(path, &LoadOptions { batch, dimensions, ..LoadOptions::default() })
    }
}

/// A bit width, or the compiler's choice.
#[derive(Clone, Copy, Debug)]
struct Bits(Option<u32>);

fn bits(text: &str) -> Result<Bits, &'static str> {
    match text {
        "auto" => Ok(Bits(None)),
        _ => text.parse().map(|bits| Bits(Some(bits))).map_err(|_| "expected a number of bits, or auto"),
    }
}

fn dimension(text: &str) -> Result<(String, usize), &'static str> {
    let (name, size) = text.split_once('=').ok_or("expected NAME=SIZE")?;
    let size = size.parse().ok().filter(|&size| size > 0).ok_or("the size is a positive number")?;
    Ok((name.into(), size))
}

/// What every command is given.
struct Context {
    json: bool,
    quiet: bool,
    cache: Option<SrsCache>,
    /// Where it is.
    cache_folder: Option<PathBuf>,
}

/// Stdin as a file that is read, stdout as one that is written.
const STDIO: &str = "-";

/// Set to `adx`, it keeps the prover from vector instructions; to `portable`, from all that not every processor has: to compare, and to
/// tell a faulty processor. `auto` and nothing are everything that the processor has.
const SIMD: &str = "SWORN_SIMD";

/// What a command answers: the same as text and as JSON.
#[derive(Debug)]
struct Answer {
    text: String,
    json: Value,
}

/// Parses the arguments, runs the command and answers the exit status.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    if let Err(error) = limit_instructions() {
        report(&error, cli.json, FAILED);
        return ExitCode::from(FAILED);
    }
    interrupt::handle();
    let folder = cli.srs_cache.or_else(default_cache);
    let context = Context { json: cli.json, quiet: cli.quiet, cache: folder.clone().map(SrsCache::new), cache_folder: folder };
    let result = match cli.command {
        Command::Prove(command) => command.run(&context),
        Command::Compile(command) => command.run(&context),
        Command::Verify(command) => command.run(&context),
        Command::Audit(command) => command.run(&context),
        Command::Run(command) => command.run(&context),
        Command::Inspect(command) => command.run(&context),
        Command::Export(command) => command.run(&context),
        Command::Srs(command) => command.run(&context),
        Command::Bench(command) => command.run(&context),
        Command::Completions { shell } => Ok(completions(shell)),
        Command::BenchStep(command) => command.run(&context),
    };
    match result {
        Ok(answer) => {
            let is_json = context.json && !answer.json.is_null();
            print(&if is_json { terminal::json(&answer.json) + "\n" } else { terminal::shown(&answer.text) })
        }
        Err(error) => {
            let status = if error.is_rejection() { REJECTED } else { FAILED };
            report(&error, context.json, status);
            ExitCode::from(status)
        }
    }
}

/// Follows [`SIMD`].
fn limit_instructions() -> Result<(), CliError> {
    let value = std::env::var_os(SIMD).unwrap_or_default();
    match value.to_str() {
        Some("" | "auto") => {}
        Some("adx") => Instructions::Adx.limit(),
        Some("portable") => Instructions::Portable.limit(),
        _ => return Err(CliError::Simd { value: value.to_string_lossy().into_owned() }),
    }
    Ok(())
}

fn completions(shell: Shell) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sworn", &mut script);
    let text = String::from_utf8_lossy(&script).into_owned();
    Answer { json: json!({ "shell": shell.to_string(), "script": text }), text }
}

/// Help and version are data; anything else that clap says is an error.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if !error.use_stderr() {
        return print(&terminal::shown(&text));
    }
    let message = text.split("\n\nFor more information").next().unwrap_or_default().trim();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    // What was asked for is in the arguments alone, as they were not understood.
    let json = std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    let hint = "`sworn --help` lists the commands, `sworn COMMAND --help` their arguments";
    complain(&json!({ "status": FAILED, "error": message, "hint": hint }), json);
    ExitCode::from(FAILED)
}

/// Writes data to stdout. A reader that went away is no error; a full disk is.
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            say(&format!("error: cannot write the result: {e}\nhint: check the free space"));
            ExitCode::from(FAILED)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Writes words to stderr; where that cannot be written, nobody listens.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr(), "{}", terminal::shown(words));
}

fn report(error: &CliError, json: bool, status: u8) {
    let message = error.to_string();
    // Errors of the model bring a hint of their own.
    let (message, hint) = match message.split_once("\nhint: ") {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (message, error.hint().map(str::to_owned)),
    };
    let hint = hint.unwrap_or_else(|| "`sworn COMMAND --help` has the options and examples".into());
    let mut object = json!({ "status": status, "error": message, "hint": hint });
    match error {
        CliError::Bench { models, .. } => object["models"] = json!(models),
        CliError::Receipts { answer, .. } => {
            object["receipts"] = answer.json["receipts"].clone();
            print(&if json { String::new() } else { terminal::shown(&answer.text) });
        }
        _ => {}
    }
    complain(&object, json);
}

/// Says what is wrong, and prints it where that is asked for.
fn complain(error: &Value, json: bool) {
    let words = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    say(&format!("error: {}\nhint: {}", words("error"), words("hint")));
    if json {
        print(&(terminal::json(error) + "\n"));
    }
}

/// `sworn/srs` in the user's cache folder.
fn default_cache() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache"))).or_else(|| variable("LOCALAPPDATA"));
    base.map(|base| base.join("sworn").join("srs"))
}
