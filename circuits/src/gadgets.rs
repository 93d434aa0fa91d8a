//! Gadgets: what one row of a group may hold.

pub(crate) mod elementwise;
pub(crate) mod max;
pub(crate) mod unit;
