//! `sworn srs`: structured reference strings.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Subcommand;
use serde_json::{json, Value};
use sworn::{check_output, write_srs, Digest, Error, Srs as Powers, SrsCache, SrsError, SrsOrigin, SrsSource};

use super::error::CliError;
use super::interrupt::uninterrupted;
use super::{Answer, Context};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// For `--help`.
const EXAMPLES: &str = "Examples:
  sworn srs import powersOfTau28_hez_final_16.ptau
  sworn srs check kzg16.srs
  sworn srs list
  sworn srs dev --k 16 -o dev.srs";

/// Import, check, list or make structured reference strings
#[derive(Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum Srs {
    /// Check a .ptau or kzgK.srs file and keep it in the cache
    Import {
        /// .ptau of snarkjs, kzgK.srs of halo2 and EZKL, or a file of ours
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Keep the first 2^K powers only
        #[arg(long, value_name = "K")]
        k: Option<u32>,
        /// Write to this file instead of the cache
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Check a file and print where it is from
    ///
    /// Points are on the curve and in the subgroup, powers are consecutive, the secret is no root of unity of small order, the Lagrange
    /// basis is that of the powers, and somebody contributed to a .ptau file. That nobody knows the secret cannot be checked: only the
    /// identity tells where a file is from.
    Check {
        /// .ptau of snarkjs, kzgK.srs of halo2 and EZKL, or a file of ours
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print what is in the cache
    List,
    /// Remove files from the cache: those of other versions, unless more is asked for
    Clean {
        /// All files
        #[arg(long, conflicts_with = "older_than")]
        all: bool,
        /// Files that were written so many days ago, too
        #[arg(long, value_name = "DAYS")]
        older_than: Option<u32>,
    },
    /// Write the development SRS. Insecure: its secret is public, anyone can forge proofs
    Dev {
        /// 2^K powers
        #[arg(long, value_name = "K")]
        k: u32,
        /// File to write
        #[arg(short, long, value_name = "OUT")]
        output: PathBuf,
    },
}

impl Srs {
    pub(super) fn run(self, context: &Context) -> Result<Answer, CliError> {
        match self {
            Self::Import { file, k, output } => {
                if let Some(output) = &output {
                    check_output(output, &[&file])?;
                }
                let srs = open(&file, k)?;
                // Once, here, and not with every proof.
                srs.g_lagrange();
                let path = match (output, &context.cache) {
                    (Some(path), _) => uninterrupted(|| write_srs(&srs, &path)).map(|()| path)?,
                    (None, Some(cache)) => uninterrupted(|| cache.insert(&srs))?,
                    (None, None) => return Err(CliError::NoCache),
                };
                warn(srs.origin(), Digest(srs.identity()), super::say);
                Ok(answer(&srs, Some(&path)))
            }
            Self::Check { file } => {
                let srs = open(&file, None)?;
                warn(srs.origin(), Digest(srs.identity()), super::say);
                Ok(answer(&srs, None))
            }
            Self::List => list(context.cache.as_ref().ok_or(CliError::NoCache)?),
            Self::Clean { all, older_than } => {
                let cache = context.cache.as_ref().ok_or(CliError::NoCache)?;
                let days_ago = |days: u32| SystemTime::now().checked_sub(DAY * days).unwrap_or(SystemTime::UNIX_EPOCH);
                let before = (!all).then(|| older_than.map_or(SystemTime::UNIX_EPOCH, days_ago));
                let (files, bytes) = cache.clean(before)?;
                let text = format!("removed   {files} files, {:.1} MiB\n", bytes as f64 / f64::from(1 << 20));
                Ok(Answer { text, json: json!({ "files": files, "bytes": bytes }) })
            }
            Self::Dev { k, output } => {
                check_output(&output, &[])?;
                context.line().say("warning: this SRS is insecure: its secret is public\nhint: for real use, import the SRS of a ceremony");
                let srs = Powers::dev(k)?;
                srs.g_lagrange();
                uninterrupted(|| write_srs(&srs, &output))?;
                Ok(answer(&srs, Some(&output)))
            }
        }
    }
}

/// Says which string a model is compiled or opened with, and what that is worth.
pub(super) fn say_origin(source: &SrsSource, say: impl Fn(SrsOrigin, &str)) -> Result<(), CliError> {
    let (identity, origin) = source.origin()?;
    match origin {
        SrsOrigin::Ceremony(ceremony) => say(origin, &format!("reference string {identity}: {}", ceremony.name)),
        _ => warn(origin, identity, |words| say(origin, words)),
    }
    Ok(())
}

fn warn(origin: SrsOrigin, identity: Digest, say: impl Fn(&str)) {
    match origin {
        SrsOrigin::Ceremony(_) => {}
        SrsOrigin::InsecureDev => say(
            "warning: using the insecure development SRS: anyone can forge receipts\nhint: name the SRS of a ceremony with `--srs FILE`",
        ),
        SrsOrigin::Unknown => say(&format!(
            "warning: reference string {identity} is of no known ceremony: whoever made it may be able to forge receipts\n\
             hint: whoever verifies has to know it and name it with `--ceremony {identity}`"
        )),
    }
}

/// What is wrong with the contents is a rejection; what is wrong with the path, or too small, is an error.
fn open(file: &Path, k: Option<u32>) -> Result<Powers, CliError> {
    Powers::open(file, k).map_err(|e| match e {
        SrsError::Io { .. } | SrsError::TooSmall { .. } | SrsError::Memory(_) => Error::Srs(e).into(),
        e => CliError::SrsRejected(e),
    })
}

fn list(cache: &SrsCache) -> Result<Answer, CliError> {
    let (mut text, mut rows) = (String::new(), Vec::new());
    for entry in cache.entries()? {
        let (identity, digest, bytes) = (Digest(entry.identity()), Digest(entry.digest), entry.path.metadata().map_or(0, |m| m.len()));
        let mebibytes = bytes as f64 / f64::from(1 << 20);
        text += &format!("k {:<3} {mebibytes:>9.1} MiB  {identity}  {}\n", entry.k, described(entry.origin()));
        rows.push(json!({
            "k": entry.k, "identity": identity, "kind": entry.origin().kind(), "name": entry.origin().name(),
            "digest": digest, "file": entry.path.display().to_string(), "bytes": bytes,
        }));
    }
    if rows.is_empty() {
        super::say("nothing is cached\nhint: `sworn srs import FILE` checks a file and keeps it");
    }
    Ok(Answer { text, json: Value::Array(rows) })
}

fn described(origin: SrsOrigin) -> String {
    match origin.name() {
        Some(name) => format!("{}: {name}", origin.kind()),
        None => origin.kind().into(),
    }
}

fn answer(srs: &Powers, path: Option<&Path>) -> Answer {
    let (digest, identity, origin) = (Digest(srs.digest()), Digest(srs.identity()), srs.origin());
    let json = json!({
        "k": srs.k(), "identity": identity, "kind": origin.kind(), "name": origin.name(), "digest": digest,
        "file": path.map(|path| path.display().to_string()),
    });
    let mut text = format!("k         {}\nidentity  {identity}\nkind      {}\ndigest    {digest}\n", srs.k(), described(origin));
    if let Some(path) = path {
        text += &format!("file      {}\n", path.display());
    }
    Answer { text, json }
}
