//! Quantised graphs, their halo2 circuits and witnesses.

#![deny(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]

pub mod circuit;
pub mod column;
pub mod derivation;
pub mod error;
mod evaluate;
pub mod field;
mod gates;
pub use gates::Challenges;
pub mod graph;
pub mod groups;
pub mod layout;
pub mod memory;
mod number;
mod ops;
pub mod shape;
pub mod witness;

/// The graphs of `tests/build` name the crate.
#[cfg(test)]
extern crate self as sworn_circuits;
