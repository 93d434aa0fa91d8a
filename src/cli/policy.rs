//! What a command takes besides what proves: reference strings and contexts.

use clap::Args;
use sworn::{parse_word, Context, Digest, SrsPolicy};

/// Which reference strings a command takes: by default those of known ceremonies.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct SrsArgs {
    /// Accept the development SRS, with which anyone can forge receipts
    #[arg(long)]
    allow_insecure_srs: bool,
    /// Accept an SRS of unknown origin, with which whoever made it may be able to forge receipts
    #[arg(long)]
    allow_unknown_srs: bool,
    /// Accept one SRS alone: its identity, Keccak-256 of its s·G2, as `sworn verify` prints it
    #[arg(long, value_name = "HEX")]
    ceremony: Option<Digest>,
}

impl From<SrsArgs> for SrsPolicy {
    fn from(args: SrsArgs) -> Self {
        Self {
            allow_insecure_dev: args.allow_insecure_srs,
            allow_unknown: args.allow_unknown_srs,
            ceremony: args.ceremony.map(|digest| digest.0),
        }
    }
}

/// What a proof is bound to.
pub(super) fn context(text: &str) -> Result<Context, &'static str> {
    parse_word(text).map(Context)
}
