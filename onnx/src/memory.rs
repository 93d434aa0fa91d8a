//! Memory of an import: nothing is allocated for a shape before it is known to fit.
//!
//! A small file can state large shapes, each within its own bound: what counts is all of them together. What is taken is the
//! system's to count; what evaluation will take, one value for each element of each tensor, is kept here.

use std::cell::Cell;

use sworn_circuits::memory::{Budget, MemoryError};

/// Small allocations are asked for together: an answer costs some system calls.
const STEP: u64 = 1 << 20;

/// What a model takes while it is imported.
#[derive(Debug)]
pub(crate) struct Memory {
    budget: Budget,
    /// Bytes that were allocated since the last question.
    unasked: Cell<u64>,
    /// Bytes of all tensors of the graph, when it is evaluated.
    tensors: Cell<u64>,
}

impl Memory {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, unasked: Cell::new(0), tensors: Cell::new(0) }
    }

    /// Room for so many values of a type, which are about to be allocated.
    pub(crate) fn allot<T>(&self, count: usize) -> Result<(), MemoryError> {
        self.bytes((count as u64).saturating_mul(size_of::<T>() as u64))
    }

    /// Room for so many bytes.
    pub(crate) fn bytes(&self, bytes: u64) -> Result<(), MemoryError> {
        let unasked = self.unasked.get().saturating_add(bytes);
        self.unasked.set(if unasked < STEP { unasked } else { 0 });
        if unasked < STEP {
            return Ok(());
        }
        self.budget.require(unasked.saturating_add(self.tensors.get()), "the model")
    }

    /// Room for a tensor of the graph, which is not allocated yet.
    pub(crate) fn tensor(&self, elements: usize) -> Result<(), MemoryError> {
        self.tensors.set(self.tensors.get().saturating_add((elements as u64).saturating_mul(size_of::<f32>() as u64)));
        self.allot::<f32>(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ones_add_up() {
        let memory = Memory::new(Budget::limited(0));
        assert_eq!(memory.allot::<u8>(1 << 19), Ok(()));
        assert!(matches!(memory.allot::<u8>(1 << 19), Err(MemoryError { needed, .. }) if needed == STEP));
        assert_eq!(memory.allot::<u8>(1), Ok(()));
        assert!(memory.allot::<u64>(usize::MAX).is_err());
    }

    #[test]
    fn tensors_stay() {
        let memory = Memory::new(Budget::SYSTEM);
        assert_eq!(memory.tensor(1 << 10), Ok(()));
        assert_eq!(memory.tensors.get(), 1 << 12);
    }
}
