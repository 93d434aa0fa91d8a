//! Commands of other programs, and what went wrong with them.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Why a step failed, or was left out.
#[derive(Debug)]
pub(crate) struct Failure {
    reason: String,
    is_skipped: bool,
}

impl Failure {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_skipped: false }
    }

    /// Nothing failed, and not everything ran: a program that the step wants is not installed.
    pub(crate) fn skipped(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_skipped: true }
    }

    pub(crate) fn is_skipped(&self) -> bool {
        self.is_skipped
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// `program args` in `folder`, not started yet.
pub(crate) fn command<S: AsRef<OsStr>>(folder: &Path, program: impl AsRef<OsStr>, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    command
}

/// `cargo args` with the cargo that runs this program.
pub(crate) fn cargo<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>) -> Command {
    command(folder, std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args)
}

/// Prints the command, runs it to its end and wants exit status 0.
pub(crate) fn must(command: &mut Command) -> Result<(), Failure> {
    must_exit(command, 0)
}

/// Prints the command, runs it to its end and wants exit status `expected`.
pub(crate) fn must_exit(command: &mut Command, expected: i32) -> Result<(), Failure> {
    let words = words(command);
    eprintln!("$ {words}");
    let status = command.status().map_err(|error| Failure::new(format!("`{words}` did not start: {error}")))?;
    match status.code() {
        Some(code) if code == expected => Ok(()),
        Some(code) => Err(Failure::new(format!("`{words}` ended with exit status {code}, expected {expected}"))),
        None => Err(Failure::new(format!("`{words}` was ended by a signal ({status})"))),
    }
}

/// True if the command starts and ends with exit status 0; prints nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// What the command prints, or `None` if it does not start or ends with another exit status than 0.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The state of the working tree as git tells it, or `None` where there is no git.
pub(crate) fn tree(root: &Path) -> Option<String> {
    let answer = |args: &[&str]| output(&mut command(root, "git", args));
    Some(answer(&["status", "--porcelain"])? + &answer(&["diff", "--stat"])?)
}

fn words(command: &Command) -> String {
    std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
