//! `sworn srs`: structured reference strings.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use sworn::{check_output, write_srs, Digest, Error, Srs as Powers, SrsError};

use super::error::CliError;
use super::interrupt::uninterrupted;
use super::{Answer, Context};

/// For `--help`.
const EXAMPLES: &str = "Examples:
  sworn srs import powersOfTau28_hez_final_16.ptau
  sworn srs check kzg16.srs
  sworn srs dev --k 16 -o dev.srs";

/// Import, check or make structured reference strings
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
    /// Check a file: points on the curve and in the subgroup, consecutive powers, Lagrange basis
    Check {
        /// .ptau of snarkjs, kzgK.srs of halo2 and EZKL, or a file of ours
        #[arg(value_name = "FILE")]
        file: PathBuf,
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
                Ok(answer(&srs, Some(&path)))
            }
            Self::Check { file } => Ok(answer(&open(&file, None)?, None)),
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

/// What is wrong with the contents is a rejection; what is wrong with the path, or too small, is an error.
fn open(file: &Path, k: Option<u32>) -> Result<Powers, CliError> {
    Powers::open(file, k).map_err(|e| match e {
        SrsError::Io { .. } | SrsError::TooSmall { .. } => Error::Srs(e).into(),
        e => CliError::SrsRejected(e),
    })
}

fn answer(srs: &Powers, path: Option<&Path>) -> Answer {
    let (digest, ceremony) = (Digest(srs.digest()), Digest(srs.ceremony()));
    let file = path.map(|path| path.display().to_string());
    let json = json!({ "k": srs.k(), "digest": digest, "ceremony": ceremony, "insecure_dev": srs.is_insecure_dev(), "file": file });
    let mut text = format!("k         {}\ndigest    {digest}\nceremony  {ceremony}\n", srs.k());
    if srs.is_insecure_dev() {
        text += "insecure  development SRS, its secret is public\n";
    }
    if let Some(path) = path {
        text += &format!("file      {}\n", path.display());
    }
    Answer { text, json }
}
