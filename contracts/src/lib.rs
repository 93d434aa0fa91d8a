#![doc = include_str!("../README.md")]

mod calldata;
pub mod check;
mod data;
pub mod error;
mod gas;
mod key;
mod openings;
mod package;
mod permutation;
mod program;
mod protocol;
mod reference;
mod slots;
mod wrapper;

pub use calldata::{bound_proof, calldata, encode_tensors, escrow_context, metadata, selector, typed_calldata, word};
pub use check::{check, check_code, CheckError};
pub use data::MAX_CODE;
pub use error::ExportError;
pub use package::{estimate_gas, export, DataContract, Package, SOURCES};
