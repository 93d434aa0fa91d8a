//! The plugin's C interface, as `cuda/sworn_cuda.h` declares it.
#![expect(unsafe_code, reason = "functions of another language")]

use std::ffi::{c_char, c_int, c_void};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use libloading::Library;

use crate::error::PluginError;

/// The version of the interface that this file declares.
pub(crate) const VERSION: u32 = 2;

pub(crate) const OK: c_int = 0;
pub(crate) const OUT_OF_MEMORY: c_int = 1;
pub(crate) const FAILED: c_int = 2;
pub(crate) const OUT_OF_RANGE: c_int = 4;

/// A text, ended by a zero.
#[repr(C)]
pub(crate) struct ErrorText {
    pub(crate) text: [c_char; 240],
}

/// A device.
#[repr(C)]
pub(crate) struct RawDevice {
    pub(crate) name: [c_char; 128],
    pub(crate) memory: u64,
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) processors: u32,
    pub(crate) is_emulated: u32,
}

/// What a device was busy with.
#[repr(C)]
#[derive(Default)]
pub(crate) struct RawBusy {
    pub(crate) kernel_ns: u64,
    pub(crate) copy_ns: u64,
    pub(crate) kernels: u64,
    pub(crate) copies: u64,
}

/// A column with a rotation, or with a factor.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ColumnWith {
    pub(crate) column: *const c_void,
    pub(crate) number: i64,
}

/// An object of the plugin.
type Raw = *mut c_void;
/// One that is only read.
type Const = *const c_void;
/// Field elements or points.
type Bytes = *const u8;
/// Where new columns go.
type Out = *mut Raw;
/// Where the reason of a failure goes.
type Text = *mut ErrorText;

macro_rules! functions {
    ($($name:ident($($argument:ty),*) $(-> $answer:ty)?;)*) => {
        /// The functions of a plugin that is loaded. They are called in [`crate::context`] alone.
        pub(crate) struct Functions {
            $(pub(crate) $name: unsafe extern "C" fn($($argument),*) $(-> $answer)?,)*
            /// Unloaded when no function can be called any more.
            _library: Library,
        }

        impl Functions {
            /// Finds every function.
            ///
            /// # Safety
            /// Functions of these names have the types that the header of this version declares.
            unsafe fn find(library: Library, path: &Path) -> Result<Self, PluginError> {
                $(
                    let symbol = concat!("sworn_cuda_", stringify!($name));
                    // SAFETY: the caller's promise.
                    let $name = *unsafe { library.get::<unsafe extern "C" fn($($argument),*) $(-> $answer)?>(symbol.as_bytes()) }
                        .map_err(|_| PluginError::Symbol { path: path.to_path_buf(), symbol })?;
                )*
                Ok(Self { $($name,)* _library: library })
            }
        }
    };
}

functions! {
    device_count(*mut u32, Text) -> c_int;
    device(u32, *mut RawDevice, Text) -> c_int;
    context_create(u32, u64, Out, Text) -> c_int;
    context_destroy(Raw);
    context_memory(Raw, *mut u64, *mut u64, Text) -> c_int;
    context_measure(Raw, u32, Text) -> c_int;
    context_busy(Raw, *mut RawBusy, Text) -> c_int;
    context_fail_after(Raw, u64, u64, Text) -> c_int;
    points_create(Raw, Bytes, u64, Out, Text) -> c_int;
    points_destroy(Raw);
    domain_create(Raw, u32, Bytes, Out, Text) -> c_int;
    domain_destroy(Raw);
    map_create(Raw, *const u32, u64, Out, Text) -> c_int;
    map_destroy(Raw);
    column_integers(Raw, Const, u32, u64, u64, Out, Text) -> c_int;
    column_fields(Raw, Bytes, u64, Out, Text) -> c_int;
    column_destroy(Raw);
    column_write_tail(Raw, Raw, Bytes, u64, Text) -> c_int;
    column_read(Raw, Const, u64, u64, *mut u8, Text) -> c_int;
    commit(Raw, Const, *const Const, u64, *mut u8, Text) -> c_int;
    interpolate(Raw, Const, *const Const, u64, Out, Text) -> c_int;
    coset(Raw, Const, *const Const, u64, Bytes, Out, Text) -> c_int;
    limbs(Raw, Const, *const Const, u64, Bytes, Bytes, Out, Text) -> c_int;
    natural_order(Raw, *const Const, u64, Out, Text) -> c_int;
    powers(Raw, Const, Bytes, Out, Text) -> c_int;
    combine(Raw, *const ColumnWith, Bytes, u64, Out, Text) -> c_int;
    evaluate(Raw, *const u32, u64, u32, *const ColumnWith, u64, Bytes, u64, u64, Out, Text) -> c_int;
    invert(Raw, Const, Out, Text) -> c_int;
    reciprocals(Raw, Bytes, u64, *const ColumnWith, u64, *const u32, u64, *const u32, u64, Out, Text) -> c_int;
    scan(Raw, Const, Const, Out, Text) -> c_int;
    products(Raw, Const, Bytes, Out, Text) -> c_int;
    gather(Raw, *const Const, Bytes, u64, Const, Out, Text) -> c_int;
    inner_products(Raw, *const ColumnWith, u64, Const, *mut u8, Text) -> c_int;
    multiplicities(Raw, *const ColumnWith, u64, *const u32, u64, u64, u64, *mut i64, *mut u64, *mut i64, Text) -> c_int;
}

impl Functions {
    /// Loads a plugin and asks for its version before anything else.
    pub(crate) fn load(path: &Path) -> Result<Self, PluginError> {
        if is_truncated(path) {
            return Err(PluginError::Truncated { path: path.to_path_buf() });
        }
        // SAFETY: the caller names a file whose initialisers it trusts, as with any program that it runs.
        let library = unsafe { Library::new(path) }.map_err(|source| PluginError::Load { path: path.to_path_buf(), source })?;
        let symbol = "sworn_cuda_abi_version";
        // SAFETY: the type of this function is the same in all versions.
        let version = *unsafe { library.get::<unsafe extern "C" fn() -> u32>(symbol.as_bytes()) }
            .map_err(|_| PluginError::Symbol { path: path.to_path_buf(), symbol })?;
        // SAFETY: it takes nothing and touches nothing.
        let actual = unsafe { version() };
        if actual != VERSION {
            return Err(PluginError::Version { path: path.to_path_buf(), expected: VERSION, actual });
        }
        // SAFETY: the version is that of the header that the types are from.
        unsafe { Self::find(library, path) }
    }
}

/// Whether a file is an ELF file of 64 bits, least byte first, that ends before its section headers do, which are last. What
/// cannot be read is left to the loader.
pub(crate) fn is_truncated(path: &Path) -> bool {
    let mut header = [0; 64];
    let length = File::open(path).and_then(|mut file| {
        file.read_exact(&mut header)?;
        Ok(file.metadata()?.len())
    });
    let Ok(length) = length else { return false };
    let number = |at: usize, bytes: usize| header[at..at + bytes].iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    let (offset, size, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
    header.starts_with(b"\x7fELF\x02\x01") && offset.saturating_add(size * count) > length
}
