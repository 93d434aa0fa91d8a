//! Quantised graphs, their halo2 circuits and witnesses.

pub mod error;
mod evaluate;
pub mod graph;
