//! ICICLE's C interface: what of it is called, and how its structs lie in memory.
//!
//! Names, types and layouts are those of the headers of v3.2 to v3.9, which v4 keeps for BN254: `icicle/runtime.h`,
//! `icicle/device.h`, `icicle/msm.h`, `icicle/ntt.h`, `icicle/vec_ops.h` and `icicle/errors.h` of
//! <https://github.com/ingonyama-zk/icicle>. The libraries tell neither their version nor the sizes of their structs: what is
//! written here is checked by [`super::check`] when a device is opened.
//!
//! ICICLE answers most failures with a code, and some with a C++ exception, which ends the process: an operation on a device
//! whose library is not loaded, an unknown device. The functions are declared to unwind, so that this is all that happens.
#![expect(unsafe_code, reason = "functions of another language")]

use std::ffi::{c_char, c_int, c_void};
use std::mem::size_of;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use libloading::Library;

use super::error::NoIcicle;
use crate::ffi::is_truncated;

/// An integer below 2^256 in words of 64 bits, least first: a field element or a coordinate.
pub(crate) type Words = [u64; 4];

pub(crate) const SUCCESS: c_int = 0;

/// A device by its type's name and its index: `icicle::Device`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawDevice {
    name: [c_char; 64],
    index: c_int,
}

impl RawDevice {
    pub(crate) fn new(name: &str, index: u32) -> Self {
        let mut bytes = [0; 64];
        // The last byte ends the name.
        for (to, from) in bytes[..63].iter_mut().zip(name.bytes()) {
            *to = from as c_char;
        }
        Self { name: bytes, index: c_int::try_from(index).unwrap_or(c_int::MAX) }
    }

    /// Whether it is of the kind of `device`.
    pub(crate) fn is_of(&self, device: super::IcicleDevice) -> bool {
        self.name == Self::new(device.kind(), 0).name
    }
}

/// `icicle::MSMConfig`.
#[repr(C)]
pub(crate) struct MsmConfig {
    pub(crate) stream: *mut c_void,
    pub(crate) precompute_factor: c_int,
    pub(crate) window_bits: c_int,
    pub(crate) scalar_bits: c_int,
    pub(crate) batch_size: c_int,
    pub(crate) are_points_shared_in_batch: bool,
    pub(crate) are_scalars_on_device: bool,
    pub(crate) are_scalars_montgomery_form: bool,
    pub(crate) are_points_on_device: bool,
    pub(crate) are_points_montgomery_form: bool,
    pub(crate) are_results_on_device: bool,
    pub(crate) is_async: bool,
    padding: u8,
    pub(crate) extension: *mut c_void,
}

/// `icicle::NTTConfig` of a field of 256 bits.
#[repr(C)]
pub(crate) struct NttConfig {
    pub(crate) stream: *mut c_void,
    /// The shift of the coset, an integer.
    pub(crate) coset_generator: Words,
    pub(crate) batch_size: c_int,
    pub(crate) columns_batch: bool,
    padding: [u8; 3],
    pub(crate) ordering: c_int,
    pub(crate) are_inputs_on_device: bool,
    pub(crate) are_outputs_on_device: bool,
    pub(crate) is_async: bool,
    more_padding: u8,
    pub(crate) extension: *mut c_void,
}

/// `icicle::VecOpsConfig`.
#[repr(C)]
pub(crate) struct VecOpsConfig {
    pub(crate) stream: *mut c_void,
    pub(crate) is_a_on_device: bool,
    pub(crate) is_b_on_device: bool,
    pub(crate) is_result_on_device: bool,
    pub(crate) is_async: bool,
    pub(crate) batch_size: c_int,
    pub(crate) columns_batch: bool,
    padding: [u8; 7],
    pub(crate) extension: *mut c_void,
}

/// `icicle::NTTInitDomainConfig`.
#[repr(C)]
pub(crate) struct InitDomainConfig {
    pub(crate) stream: *mut c_void,
    pub(crate) is_async: bool,
    padding: [u8; 7],
    pub(crate) extension: *mut c_void,
}

// As a C++ compiler lays the structs of v3.9 out for 64 bits.
const _: () = assert!(size_of::<MsmConfig>() == 40 && size_of::<NttConfig>() == 64);
const _: () = assert!(size_of::<VecOpsConfig>() == 32 && size_of::<InitDomainConfig>() == 24);
const _: () = assert!(size_of::<RawDevice>() == 68);

/// `NTTDir`.
pub(crate) const FORWARD: c_int = 0;
pub(crate) const INVERSE: c_int = 1;
/// `Ordering`: natural to natural, natural to bit-reversed.
pub(crate) const NATURAL: c_int = 0;
pub(crate) const BIT_REVERSED: c_int = 1;

impl MsmConfig {
    /// Integers and points as integers, all on the device or all on the host; the sums go to the host.
    pub(crate) fn new(batch_size: c_int, on_device: bool) -> Self {
        Self {
            stream: std::ptr::null_mut(),
            precompute_factor: 1,
            window_bits: 0,
            scalar_bits: 0,
            batch_size,
            are_points_shared_in_batch: true,
            are_scalars_on_device: on_device,
            are_scalars_montgomery_form: false,
            are_points_on_device: on_device,
            are_points_montgomery_form: false,
            are_results_on_device: false,
            is_async: false,
            padding: 0,
            extension: std::ptr::null_mut(),
        }
    }
}

impl NttConfig {
    /// One vector after the other, all on the device or all on the host.
    pub(crate) fn new(coset_generator: Words, batch_size: c_int, ordering: c_int, on_device: bool) -> Self {
        Self {
            stream: std::ptr::null_mut(),
            coset_generator,
            batch_size,
            columns_batch: false,
            padding: [0; 3],
            ordering,
            are_inputs_on_device: on_device,
            are_outputs_on_device: on_device,
            is_async: false,
            more_padding: 0,
            extension: std::ptr::null_mut(),
        }
    }
}

impl VecOpsConfig {
    pub(crate) fn new(is_a_on_device: bool, are_others_on_device: bool, batch_size: c_int) -> Self {
        Self {
            stream: std::ptr::null_mut(),
            is_a_on_device,
            is_b_on_device: are_others_on_device,
            is_result_on_device: are_others_on_device,
            is_async: false,
            batch_size,
            columns_batch: false,
            padding: [0; 7],
            extension: std::ptr::null_mut(),
        }
    }
}

impl InitDomainConfig {
    pub(crate) fn new() -> Self {
        Self { stream: std::ptr::null_mut(), is_async: false, padding: [0; 7], extension: std::ptr::null_mut() }
    }
}

macro_rules! functions {
    ($($library:ident: $symbol:literal $name:ident($($argument:ty),*);)*) => {
        /// The functions that are called, in [`super::context`] and [`super::check`] alone. All answer with a code.
        pub(crate) struct Functions {
            $(pub(crate) $name: unsafe extern "C-unwind" fn($($argument),*) -> c_int,)*
        }

        impl Functions {
            /// Finds every function.
            ///
            /// # Safety
            /// Functions of these names have the types that ICICLE's headers declare.
            unsafe fn find(libraries: &Frontend) -> Result<Self, NoIcicle> {
                $(
                    let (library, path) = &libraries.$library;
                    // SAFETY: the caller's promise.
                    let $name = *unsafe { library.get::<unsafe extern "C-unwind" fn($($argument),*) -> c_int>($symbol.as_bytes()) }
                        .map_err(|_| NoIcicle::Symbol { path: path.clone(), symbol: $symbol })?;
                )*
                Ok(Self { $($name),* })
            }
        }
    };
}

functions! {
    device: "icicle_is_device_available" is_device_available(*const RawDevice);
    device: "icicle_set_device" set_device(*const RawDevice);
    device: "icicle_get_device_count" device_count(*mut c_int);
    device: "icicle_get_available_memory" available_memory(*mut usize, *mut usize);
    device: "icicle_malloc" malloc(*mut *mut c_void, usize);
    device: "icicle_free" free(*mut c_void);
    device: "icicle_copy_to_device" copy_to_device(*mut c_void, *const c_void, usize);
    device: "icicle_copy_to_host" copy_to_host(*mut c_void, *const c_void, usize);
    field: "bn254_vector_add" vector_add(*const c_void, *const c_void, u64, *const VecOpsConfig, *mut c_void);
    field: "bn254_scalar_mul_vec" scalar_mul_vec(*const c_void, *const c_void, u64, *const VecOpsConfig, *mut c_void);
    field: "bn254_ntt_init_domain" init_domain(*const Words, *const InitDomainConfig);
    field: "bn254_ntt_release_domain" release_domain();
    field: "bn254_ntt" ntt(*const c_void, c_int, c_int, *const NttConfig, *mut c_void);
    curve: "bn254_msm" msm(*const c_void, *const c_void, c_int, *const MsmConfig, *mut c_void);
}

/// The three libraries that programs are linked with.
struct Frontend {
    device: (ManuallyDrop<Library>, PathBuf),
    field: (ManuallyDrop<Library>, PathBuf),
    curve: (ManuallyDrop<Library>, PathBuf),
}

/// Loads the three libraries that programs are linked with. They stay for good: they have threads and objects of their own.
pub(crate) fn load([device, field, curve]: [&Path; 3]) -> Result<Functions, NoIcicle> {
    // A field's library refers to names of the first.
    let open = |path: &Path| open(path, true).map(|library| (library, path.to_path_buf()));
    let frontend = Frontend { device: open(device)?, field: open(field)?, curve: open(curve)? };
    // SAFETY: the names are ICICLE's, and the types those of its headers.
    unsafe { Functions::find(&frontend) }
}

/// Loads a library of a device, which announces itself to the libraries that programs are linked with. It stays for good.
pub(crate) fn load_backend(path: &Path, is_global: bool) -> Result<(), NoIcicle> {
    open(path, is_global).map(|_| ())
}

/// Loads a library for good, as ICICLE does: names are bound when they are needed, and those of some are seen by all.
fn open(path: &Path, is_global: bool) -> Result<ManuallyDrop<Library>, NoIcicle> {
    if is_truncated(path) {
        return Err(NoIcicle::Truncated { path: path.to_path_buf() });
    }
    let refused = |source| NoIcicle::Load { path: path.to_path_buf(), source };
    #[cfg(unix)]
    {
        use libloading::os::unix;
        let visibility = if is_global { unix::RTLD_GLOBAL } else { unix::RTLD_LOCAL };
        // SAFETY: the caller names a file whose initialisers it trusts, as with any program that it runs.
        let library = unsafe { unix::Library::open(Some(path), unix::RTLD_LAZY | visibility) };
        library.map(|library| ManuallyDrop::new(library.into())).map_err(refused)
    }
    #[cfg(not(unix))]
    {
        let _ = is_global;
        // SAFETY: as above.
        unsafe { Library::new(path) }.map(ManuallyDrop::new).map_err(refused)
    }
}
