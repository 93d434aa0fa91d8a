//! Lookups: one LogUp argument for the range table and all function tables.

pub(crate) mod logup;
