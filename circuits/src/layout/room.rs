//! Room: what a layout takes in memory, asked for before it is allocated. Shapes in a file of a few bytes may ask for any amount.
//!
//! ```text
//! slots, origins, views      as many as a tensor has elements, and the gaps between them     `demand`, `rows`
//! rows                       at most 2^24 of each group
//! ```

use std::mem::size_of;

use crate::error::LayoutError;
use crate::graph::Node;
use crate::layout::MAX_LOG_ROWS;
use crate::memory::{Budget, MemoryError};
use crate::number::fit;

/// Memory that is left for a layout.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    available: u64,
    taken: u64,
}

impl Room {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { available: budget.remaining(), taken: 0 }
    }

    /// That so many values have room, beside all that was taken.
    ///
    /// # Errors
    /// They have not.
    pub(crate) fn has<T>(&self, count: usize, node: &Node) -> Result<(), LayoutError> {
        self.check(bytes_of::<T>(count), || format!("node `{}`, laid out,", node.name))
    }

    /// That so many bytes have room, beside all that was taken.
    ///
    /// # Errors
    /// They have not.
    pub(crate) fn has_bytes(&self, bytes: u64, what: &str) -> Result<(), LayoutError> {
        self.check(bytes, || what.into())
    }

    fn check(&self, bytes: u64, what: impl Fn() -> String) -> Result<(), LayoutError> {
        let needed = self.taken.saturating_add(bytes);
        match needed <= self.available {
            true => Ok(()),
            false => Err(MemoryError { what: what(), needed, available: self.available }.into()),
        }
    }

    /// Takes room for so many values.
    ///
    /// # Errors
    /// They have none.
    pub(crate) fn take<T>(&mut self, count: usize, node: &Node) -> Result<(), LayoutError> {
        self.has::<T>(count, node)?;
        self.taken = self.taken.saturating_add(bytes_of::<T>(count));
        Ok(())
    }
}

fn bytes_of<T>(count: usize) -> u64 {
    fit::<_, u64>(count).saturating_mul(fit(size_of::<T>()))
}

/// That a group of so many rows can be part of a circuit.
pub(crate) fn check_rows(rows: usize) -> Result<(), LayoutError> {
    match rows <= 1 << MAX_LOG_ROWS {
        true => Ok(()),
        false => Err(LayoutError::TooLarge { max: MAX_LOG_ROWS }),
    }
}
