//! Memory of the first CUDA device, and a stream for its copies, by the CUDA runtime: the crate `icicle-cuda-runtime`, which
//! links `libcudart`. Copies to the device wait for no work of ICICLE's on others' streams.
//!
//! The crate names no device: the runtime's is the first one. Its memory is ICICLE's as well, as one process has one context of
//! a device.
#![expect(unsafe_code, reason = "a stream that goes from thread to thread")]

use std::ffi::c_void;

use icicle_cuda_runtime::error::CudaError;
use icicle_cuda_runtime::memory::HostOrDeviceSlice;
use icicle_cuda_runtime::stream::CudaStream;

use super::ffi::Words;
use crate::error::DeviceError;

/// A stream of the first device.
pub(crate) struct Stream(CudaStream);

// SAFETY: CUDA takes a stream's calls from any thread.
unsafe impl Send for Stream {}

/// Memory of the first device; empty for no elements.
pub(crate) struct Memory(HostOrDeviceSlice<'static, Words>);

fn failure(call: &'static str) -> impl Fn(CudaError) -> DeviceError {
    move |error| match error {
        CudaError::cudaErrorMemoryAllocation => DeviceError::OutOfMemory { reason: format!("`{call}`: {error:?}") },
        other => DeviceError::Failed { reason: format!("`{call}`: {other:?}") },
    }
}

impl Stream {
    pub(crate) fn new() -> Result<Self, DeviceError> {
        CudaStream::create().map(Self).map_err(failure("cudaStreamCreate"))
    }

    /// Memory with these values, one or more.
    pub(crate) fn upload(&self, values: &[Words]) -> Result<Memory, DeviceError> {
        let mut memory = Memory::new(values.len())?;
        memory.0.copy_from_host_async(values, &self.0).map_err(failure("cudaMemcpyAsync"))?;
        self.0.synchronize().map_err(failure("cudaStreamSynchronize"))?;
        Ok(memory)
    }
}

impl Memory {
    /// Memory for elements, one or more.
    pub(crate) fn new(length: usize) -> Result<Self, DeviceError> {
        HostOrDeviceSlice::cuda_malloc(length).map(Self).map_err(failure("cudaMalloc"))
    }

    pub(crate) fn start(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let memory = std::mem::replace(&mut self.0, HostOrDeviceSlice::on_host(Vec::new()));
        // The crate panics over memory that the runtime does not take back, after an earlier failure: that one is reported.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(memory)));
    }
}
