//! A backend over ICICLE, from the libraries that a user has installed.
//!
//! | where   | what                                                                                           |
//! |---------|------------------------------------------------------------------------------------------------|
//! | ICICLE  | commitments to columns of field elements; interpolation, cosets and limbs by its transforms    |
//! | the CPU | commitments to columns of integers and table entries, and all that ICICLE has no operation for |
//!
//! Columns are the CPU's. Coefficients of polynomials stay on ICICLE's device as well, up to half of its memory, for the
//! transforms and commitments that follow; on the host they are only once something asks for them. A column of integers is
//! committed to on the CPU, which takes a few bits of a row, while ICICLE takes 32 bytes and has no signs.

mod backend;
mod check;
mod context;
#[cfg(feature = "icicle-cuda-runtime")]
mod cuda;
mod error;
mod ffi;
mod library;
mod words;

pub use backend::{Column, Domain, Icicle, Points};
pub use error::NoIcicle;
pub use library::IcicleLibrary;

/// What ICICLE computes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcicleDevice {
    /// A CUDA device, by index. [`IcicleLibrary::load_cuda`] comes first.
    Cuda(u32),
    /// The processor, by ICICLE's own code, which is slower than [`sworn_prover::Cpu`]: to check an installation.
    Cpu,
}

impl IcicleDevice {
    /// ICICLE's name of the kind.
    fn kind(self) -> &'static str {
        match self {
            Self::Cuda(_) => "CUDA",
            Self::Cpu => "CPU",
        }
    }

    fn index(self) -> u32 {
        match self {
            Self::Cuda(index) => index,
            Self::Cpu => 0,
        }
    }
}
