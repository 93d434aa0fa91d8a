//! Pages of 2 MiB for what is read at random addresses.
//!
//! Points of a multi-scalar multiplication are read in the order of their digits. With pages of 4 KiB nearly each of them also waits
//! for its address to be translated, for the processor keeps those of some thousand pages.

use std::mem::MaybeUninit;

use rayon::prelude::*;

/// What Linux calls a huge page on x86-64 and on most of aarch64.
#[cfg(target_os = "linux")]
const PAGE: usize = 2 << 20;

/// The items in memory that lies in large pages, where the system has such and the items fill some.
pub(crate) fn collect<T: Send>(items: impl IndexedParallelIterator<Item = T>) -> Vec<T> {
    let mut to = Vec::with_capacity(items.len());
    advise(to.spare_capacity_mut());
    items.collect_into_vec(&mut to);
    to
}

/// Asks for large pages before memory is written for the first time. Refusals do not matter.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call")]
fn advise<T>(memory: &mut [MaybeUninit<T>]) {
    let start: *mut u8 = memory.as_mut_ptr().cast();
    let offset = start.align_offset(PAGE);
    let len = size_of_val(memory).saturating_sub(offset) / PAGE * PAGE;
    if len > 0 {
        // SAFETY: the pages are within the memory that is borrowed, and keep what is in them.
        unsafe { libc::madvise(start.wrapping_add(offset).cast(), len, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise<T>(_: &mut [MaybeUninit<T>]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order() {
        for len in [0, 1, 1 << 19, (1 << 20) + 7] {
            assert!(collect((0..len).into_par_iter()).into_iter().eq(0..len));
        }
    }
}
