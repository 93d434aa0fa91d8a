//! Calls of ICICLE: memory has owners here, lengths agree with slices, and codes become errors.
//!
//! One call follows the other. The roots of unity are the whole process's, so a call must not change them under another, and
//! the device is a thread's, so each call names it first.
#![expect(unsafe_code, reason = "calls of another language")]

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use sworn_prover::domain::root_of_unity;

use super::ffi::{self, Functions, InitDomainConfig, MsmConfig, NttConfig, RawDevice, VecOpsConfig, Words, SUCCESS};
use super::library::{Library, Roots};
use super::{words, IcicleDevice};
use crate::error::DeviceError;

/// Bytes of a field element or a coordinate.
const WORDS: usize = size_of::<Words>();

/// A device of ICICLE's that is there.
pub(crate) struct Context {
    library: Arc<Library>,
    device: RawDevice,
    /// Bytes in columns that stay on the device, and the most that may be.
    kept: AtomicUsize,
    most_kept: usize,
    #[cfg(feature = "icicle-cuda-runtime")]
    stream: Option<super::cuda::Stream>,
}

/// Memory of a device.
pub(crate) struct Buffer {
    context: Arc<Context>,
    start: NonNull<c_void>,
    /// Whose memory it is, if it is not ICICLE's.
    #[cfg(feature = "icicle-cuda-runtime")]
    owner: Option<super::cuda::Memory>,
    length: usize,
    is_kept: bool,
}

// SAFETY: memory of a device may be read, written and given back from any thread, one call after the other.
unsafe impl Send for Buffer {}
// SAFETY: as above; nothing is read or written but by calls of the context.
unsafe impl Sync for Buffer {}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.is_kept {
            self.context.kept.fetch_sub(self.length * WORDS, Ordering::Relaxed);
        }
        #[cfg(feature = "icicle-cuda-runtime")]
        if self.owner.is_some() {
            return;
        }
        // What a device does not take back is its own: there is nothing more to do about it.
        let _ = self.context.call("icicle_free", |f, _| {
            // SAFETY: the memory is ICICLE's and is given back once.
            unsafe { (f.free)(self.start.as_ptr()) }
        });
    }
}

impl Buffer {
    /// Elements.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// From now on stays on the device, if there is room for more that does.
    pub(crate) fn kept(mut self) -> Result<Self, Self> {
        let bytes = self.length * WORDS;
        let kept = self.context.kept.fetch_add(bytes, Ordering::Relaxed);
        // Above the most for a moment, if two threads ask at once: never for long, and never for good.
        if kept + bytes > self.context.most_kept {
            self.context.kept.fetch_sub(bytes, Ordering::Relaxed);
            return Err(self);
        }
        self.is_kept = true;
        Ok(self)
    }
}

/// What a code says.
fn failure(call: &'static str, code: c_int) -> DeviceError {
    let reason = match code {
        1 => "the device is invalid",
        2 | 4 => return DeviceError::OutOfMemory { reason: format!("`{call}` answers with code {code}") },
        3 => "a pointer is invalid",
        5 => "memory is not given back",
        6 => "a copy failed",
        7 => "the device does not synchronise",
        10 => "it is not implemented for this device",
        11 => "an argument is invalid",
        13 => "there is no valid license: see the section on ICICLE in the README of sworn-gpu",
        _ => "the reason is unknown",
    };
    DeviceError::Failed { reason: format!("ICICLE's `{call}` answers with code {code}: {reason}") }
}

/// A length as ICICLE takes it.
fn number(length: usize) -> Result<c_int, DeviceError> {
    c_int::try_from(length).map_err(|_| DeviceError::Refused { reason: format!("{length} rows") })
}

/// Whether devices of this kind have announced themselves. To ask for one that has not ends the process.
pub(crate) fn is_available(library: &Library, device: &RawDevice) -> bool {
    let _one_at_a_time = library.roots.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the pointer is to a live object; ICICLE looks for its name.
    unsafe { (library.functions.is_device_available)(device) == SUCCESS }
}

impl Context {
    /// The device must be there. Columns stay on it up to half of the memory that is free now.
    pub(crate) fn new(library: Arc<Library>, device: RawDevice) -> Result<Self, DeviceError> {
        let mut context = Self {
            library,
            device,
            kept: AtomicUsize::new(0),
            most_kept: usize::MAX,
            #[cfg(feature = "icicle-cuda-runtime")]
            stream: None,
        };
        context.call("icicle_set_device", |_, _| SUCCESS)?;
        match context.memory() {
            Ok((_, free)) => context.most_kept = free / 2,
            // It has the memory of the host, and does not tell.
            Err(_) if device.is_of(IcicleDevice::Cpu) => {}
            Err(error) => return Err(error),
        }
        Ok(context)
    }

    /// From now on takes memory from the CUDA runtime, and copies to it on a stream.
    #[cfg(feature = "icicle-cuda-runtime")]
    pub(crate) fn set_stream(&mut self, stream: super::cuda::Stream) {
        self.stream = Some(stream);
    }

    #[cfg(feature = "icicle-cuda-runtime")]
    fn owned(self: &Arc<Self>, mut memory: super::cuda::Memory, length: usize) -> Result<Buffer, DeviceError> {
        let start = NonNull::new(memory.start()).ok_or_else(|| DeviceError::OutOfMemory { reason: format!("{length} elements") })?;
        Ok(Buffer { context: self.clone(), start, owner: Some(memory), length, is_kept: false })
    }

    /// Calls a function, on this device.
    pub(crate) fn call(&self, name: &'static str, f: impl FnOnce(&Functions, &mut Roots) -> c_int) -> Result<(), DeviceError> {
        let mut roots = self.library.roots.lock().unwrap_or_else(PoisonError::into_inner);
        let functions = &self.library.functions;
        // SAFETY: the device is there, so ICICLE has devices of its kind; else this ended the process.
        match unsafe { (functions.set_device)(&self.device) } {
            SUCCESS => {}
            code => return Err(failure("icicle_set_device", code)),
        }
        match f(functions, &mut roots) {
            SUCCESS => Ok(()),
            code => Err(failure(name, code)),
        }
    }

    /// Bytes of memory, and how many are free.
    pub(crate) fn memory(&self) -> Result<(usize, usize), DeviceError> {
        let (mut total, mut free) = (0, 0);
        self.call("icicle_get_available_memory", |f, _| {
            // SAFETY: both pointers are to live integers.
            unsafe { (f.available_memory)(&mut total, &mut free) }
        })?;
        Ok((total, free))
    }

    /// Devices of this kind.
    pub(crate) fn count(&self) -> Result<c_int, DeviceError> {
        let mut count = 0;
        // SAFETY: the pointer is to a live integer.
        self.call("icicle_get_device_count", |f, _| unsafe { (f.device_count)(&mut count) })?;
        Ok(count)
    }

    /// Memory for elements, one or more.
    pub(crate) fn allocate(self: &Arc<Self>, length: usize) -> Result<Buffer, DeviceError> {
        #[cfg(feature = "icicle-cuda-runtime")]
        if self.stream.is_some() {
            return self.owned(super::cuda::Memory::new(length.max(1))?, length);
        }
        let mut start = std::ptr::null_mut();
        let bytes = length.max(1) * WORDS;
        // SAFETY: the pointer is to a live pointer.
        self.call("icicle_malloc", |f, _| unsafe { (f.malloc)(&mut start, bytes) })?;
        let start = NonNull::new(start).ok_or_else(|| DeviceError::OutOfMemory { reason: format!("{bytes} bytes") })?;
        Ok(Buffer {
            context: self.clone(),
            start,
            #[cfg(feature = "icicle-cuda-runtime")]
            owner: None,
            length,
            is_kept: false,
        })
    }

    pub(crate) fn upload(self: &Arc<Self>, values: &[Words]) -> Result<Buffer, DeviceError> {
        #[cfg(feature = "icicle-cuda-runtime")]
        if let Some(stream) = self.stream.as_ref().filter(|_| !values.is_empty()) {
            return self.owned(stream.upload(values)?, values.len());
        }
        let buffer = self.allocate(values.len())?;
        // SAFETY: both hold as many bytes.
        self.call("icicle_copy_to_device", |f, _| unsafe {
            (f.copy_to_device)(buffer.start.as_ptr(), values.as_ptr().cast(), size_of_val(values))
        })?;
        Ok(buffer)
    }

    pub(crate) fn download(&self, buffer: &Buffer, rows: Range<usize>) -> Result<Vec<Words>, DeviceError> {
        let mut values = vec![[0; 4]; rows.len()];
        if rows.end > buffer.length {
            return Err(DeviceError::Refused { reason: format!("row {} of {}", rows.end, buffer.length) });
        }
        // SAFETY: the rows are the buffer's, and the vector has room for them.
        self.call("icicle_copy_to_host", |f, _| unsafe {
            let start = buffer.start.as_ptr().cast::<u8>().add(rows.start * WORDS);
            (f.copy_to_host)(values.as_mut_ptr().cast(), start.cast(), size_of_val(values.as_slice()))
        })?;
        Ok(values)
    }

    /// `factor · values`, for an integer; `out` may be `values`.
    pub(crate) fn scale(&self, factor: &Words, values: &Buffer, out: &Buffer) -> Result<(), DeviceError> {
        let (config, length) = (VecOpsConfig::new(false, true, 1), same_length(values, out)?);
        // SAFETY: the factor is on the host and both buffers, of this length, on the device, as the configuration says.
        self.call("bn254_scalar_mul_vec", |f, _| unsafe {
            (f.scalar_mul_vec)(factor.as_ptr().cast(), values.start.as_ptr(), length, &config, out.start.as_ptr())
        })
    }

    /// `sum += values`.
    pub(crate) fn add(&self, sum: &Buffer, values: &Buffer) -> Result<(), DeviceError> {
        let (config, length) = (VecOpsConfig::new(true, true, 1), same_length(sum, values)?);
        // SAFETY: both buffers, of this length, are on the device, as the configuration says.
        self.call("bn254_vector_add", |f, _| unsafe {
            (f.vector_add)(sum.start.as_ptr(), values.start.as_ptr(), length, &config, sum.start.as_ptr())
        })
    }

    /// Has roots of unity of order `2^log_rows`, and of all lower ones. ICICLE takes the roots that it is given: those of
    /// halo2curves, 7^((r − 1)/2^28) and its squares, where its own are others.
    pub(crate) fn domain(&self, log_rows: u32) -> Result<(), DeviceError> {
        let (root, config) = (words::integer(&root_of_unity(log_rows)), InitDomainConfig::new());
        self.call("bn254_ntt_init_domain", |f, roots| {
            match roots.iter().position(|(device, _)| *device == self.device) {
                Some(at) if roots[at].1 >= log_rows => return SUCCESS,
                Some(at) => {
                    roots.swap_remove(at);
                    // SAFETY: it takes nothing; no transform runs now.
                    match unsafe { (f.release_domain)() } {
                        SUCCESS => {}
                        code => return code,
                    }
                }
                None => {}
            }
            // SAFETY: both pointers are to live objects.
            let code = unsafe { (f.init_domain)(&root, &config) };
            if code == SUCCESS {
                roots.push((self.device, log_rows));
            }
            code
        })
    }

    /// The values on the coset of `shift`, from the coefficients, or the other way round; `out` may be `input`.
    pub(crate) fn transform(&self, input: &Buffer, is_inverse: bool, shift: Words, out: &Buffer) -> Result<(), DeviceError> {
        let rows = number(same_length(input, out)? as usize)?;
        let config = NttConfig::new(shift, 1, ffi::NATURAL, true);
        let direction = if is_inverse { ffi::INVERSE } else { ffi::FORWARD };
        // SAFETY: both buffers, of so many rows, are on the device, as the configuration says.
        self.call("bn254_ntt", |f, _| unsafe { (f.ntt)(input.start.as_ptr(), rows, direction, &config, out.start.as_ptr()) })
    }

    /// `Σ scalar · point`, of integers and of points of two elements each.
    pub(crate) fn sum(&self, points: &Buffer, scalars: &Buffer) -> Result<[Words; 3], DeviceError> {
        if points.length != 2 * scalars.length {
            return Err(DeviceError::Refused { reason: format!("{} scalars for {} coordinates", scalars.length, points.length) });
        }
        let (rows, config, mut sum) = (number(scalars.length)?, MsmConfig::new(1, true), [[0; 4]; 3]);
        // SAFETY: scalars and points, as many, are on the device and the sum on the host, as the configuration says.
        self.call("bn254_msm", |f, _| unsafe {
            (f.msm)(scalars.start.as_ptr(), points.start.as_ptr(), rows, &config, sum.as_mut_ptr().cast())
        })?;
        Ok(sum)
    }
}

fn same_length(a: &Buffer, b: &Buffer) -> Result<u64, DeviceError> {
    if a.length != b.length {
        return Err(DeviceError::Refused { reason: format!("{} and {} rows", a.length, b.length) });
    }
    Ok(a.length as u64)
}

/// Two vectors at once, one behind the other and all on the host: whether ICICLE reads its structs as this crate writes them.
/// Nothing here can lead it to memory that is not there.
pub(crate) mod both {
    use super::*;

    /// Sums.
    pub(crate) fn add(context: &Context, a: &[[Words; 2]; 2], b: &[[Words; 2]; 2]) -> Result<[[Words; 2]; 2], DeviceError> {
        let (config, mut sums) = (VecOpsConfig::new(false, false, 2), [[[0; 4]; 2]; 2]);
        // SAFETY: two vectors of two elements, all on the host.
        context.call("bn254_vector_add", |f, _| unsafe {
            (f.vector_add)(a.as_ptr().cast(), b.as_ptr().cast(), 2, &config, sums.as_mut_ptr().cast())
        })?;
        Ok(sums)
    }

    /// Values on the coset of `shift`, in bit-reversed order, from coefficients.
    pub(crate) fn transform(context: &Context, input: &[[Words; 4]; 2], shift: Words) -> Result<[[Words; 4]; 2], DeviceError> {
        let (config, mut values) = (NttConfig::new(shift, 2, ffi::BIT_REVERSED, false), [[[0; 4]; 4]; 2]);
        // SAFETY: two vectors of four elements, all on the host.
        context
            .call("bn254_ntt", |f, _| unsafe { (f.ntt)(input.as_ptr().cast(), 4, ffi::FORWARD, &config, values.as_mut_ptr().cast()) })?;
        Ok(values)
    }

    /// Sums of multiples of the same points.
    pub(crate) fn sums(context: &Context, scalars: &[[Words; 2]; 2], points: &[[Words; 2]; 2]) -> Result<[[Words; 3]; 2], DeviceError> {
        let (config, mut sums) = (MsmConfig::new(2, false), [[[0; 4]; 3]; 2]);
        // SAFETY: two times two scalars, two points, and two sums, all on the host.
        context.call("bn254_msm", |f, _| unsafe {
            (f.msm)(scalars.as_ptr().cast(), points.as_ptr().cast(), 2, &config, sums.as_mut_ptr().cast())
        })?;
        Ok(sums)
    }
}
