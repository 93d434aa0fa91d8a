//! Progress of a long job, told to a callback that may stop it.

use std::fmt;
use std::ops::ControlFlow;

use crate::Error;

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the model.
    Load,
    /// Choosing scales and bit width.
    Quantize,
    /// Reading or making the structured reference string.
    Srs,
    /// Making the keys.
    Setup,
    /// Writing files.
    Write,
    /// A stage of the prover.
    Prove(sworn_prover::Stage),
    /// A device failed, and the proof begins anew on the processor: [`Proved`](crate::Proved) tells why.
    Fallback,
    /// Checking the proof.
    Verify,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load => f.write_str("load"),
            Self::Quantize => f.write_str("quantize"),
            Self::Srs => f.write_str("srs"),
            Self::Setup => f.write_str("setup"),
            Self::Write => f.write_str("write"),
            Self::Prove(stage) => f.write_str(stage.name()),
            Self::Fallback => f.write_str("the device failed, proving on the processor"),
            Self::Verify => f.write_str("verify"),
        }
    }
}

/// Told the stage and how much of it is done, from 0 to 1; `Break` stops the job with [`Error::Cancelled`].
pub type Progress<'a> = dyn FnMut(Stage, f32) -> ControlFlow<()> + 'a;

/// Progress that nobody looks at.
pub fn silent() -> impl FnMut(Stage, f32) -> ControlFlow<()> {
    |_, _| ControlFlow::Continue(())
}

pub(crate) fn tell(progress: &mut Progress<'_>, stage: Stage, done: f32) -> Result<(), Error> {
    match progress(stage, done) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Cancelled),
    }
}
