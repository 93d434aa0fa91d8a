//! Keys, structured reference strings and proofs.

pub mod srs;
