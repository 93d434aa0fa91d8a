//! The module's interface: plain C, linear memory.
//!
//! ```text
//! allocate(length) -> pointer                                                room for a file, or for options
//! verify(receipt, receipt length, key, key length, options, options length)  takes all three; options: JSON, see `answer`
//!     -> pointer: length u32, little-endian | JSON, UTF-8
//! ```
//!
//! An instance is made for one call of `verify` and thrown away with its memory after it: nothing is freed one by one, and no
//! call can leave anything behind for the next one.

#![expect(unsafe_code, reason = "the interface of WebAssembly is memory and addresses in it")]

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// No code of ours panics; what would is trapped, which JavaScript sees as an error.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Memory of `length` bytes that the caller fills.
#[no_mangle]
extern "C" fn allocate(length: usize) -> *mut u8 {
    Box::into_raw(vec![0u8; length].into_boxed_slice()).cast()
}

/// The answer about a receipt: its length, 4 bytes, and its text.
///
/// # Safety
/// Each pointer is of a call of [`allocate`] with the length beside it, and is given to this function once.
#[no_mangle]
unsafe extern "C" fn verify(
    receipt: *mut u8,
    receipt_length: usize,
    key: *mut u8,
    key_length: usize,
    options: *mut u8,
    options_length: usize,
) -> *mut u8 {
    // SAFETY: the caller's promise.
    let (receipt, key, options) = unsafe { (take(receipt, receipt_length), take(key, key_length), take(options, options_length)) };
    let text = crate::answer(&receipt, &key, &options);
    let length = u32::try_from(text.len()).unwrap_or(0);
    let answer: Vec<u8> = length.to_le_bytes().into_iter().chain(text.bytes()).collect();
    Box::into_raw(answer.into_boxed_slice()).cast()
}

/// What [`allocate`] made.
///
/// # Safety
/// `pointer` is of a call of [`allocate`] with this length, and is not used again.
unsafe fn take(pointer: *mut u8, length: usize) -> Box<[u8]> {
    // SAFETY: `allocate` leaked a boxed slice of this length, and nobody else owns it.
    unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(pointer, length)) }
}
