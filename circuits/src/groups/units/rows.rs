//! Rows of units before columns have indices.

/// What is fixed in a row of units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnitRow {
    /// Bit `j`: lane `j` holds a value in `u`.
    pub(crate) mask: u64,
    /// Bit `j`: lane `j` holds a value in `f`.
    pub(crate) table_mask: u64,
    pub(crate) relu: bool,
    pub(crate) signed: bool,
    /// Accumulators go on from the row before.
    pub(crate) keep: bool,
    /// Values do.
    pub(crate) keep_values: bool,
    pub(crate) vector: bool,
    pub(crate) sum: bool,
    /// Values are evaluated in the channel challenge.
    pub(crate) channel: bool,
    pub(crate) d_hold: bool,
    pub(crate) d_step: bool,
    pub(crate) d_step_position: bool,
    pub(crate) d_end: bool,
    /// The row has operands.
    pub(crate) elementwise: bool,
    /// Of the row's table: its index and one more.
    pub(crate) tag: u32,
    pub(crate) cb: i64,
    pub(crate) cm: i64,
    pub(crate) constant: i64,
}
