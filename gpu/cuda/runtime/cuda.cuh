// A CUDA device: memory of its pool and one stream.
#pragma once

#include <cstdio>
#include <cuda_runtime.h>

#include "../failure.cuh"

namespace sworn {

SWORN_DEVICE uint32_t atomic_add(uint32_t* at, uint32_t value) { return atomicAdd(at, value); }
SWORN_DEVICE void atomic_min(unsigned long long* at, unsigned long long value) { atomicMin(at, value); }

// A block of threads and what they share.
template <class K>
struct Block {
    typename K::Shared& shared;
    uint32_t x, y;      // which block
    uint32_t blocks_x;  // of how many

    // One phase: f(t) for every thread t. All threads have done it before the next phase begins.
    template <class F>
    SWORN_DEVICE void for_threads(F f) {
        f(threadIdx.x);
        __syncthreads();
    }
};

template <class K>
__global__ void __launch_bounds__(K::kThreads) run(const K kernel) {
    __shared__ typename K::Shared shared;
    Block<K> block{shared, blockIdx.x, blockIdx.y, gridDim.x};
    kernel(block);
}

class Runtime {
public:
    static uint32_t num_devices() {
        int count = 0;
        check(cudaGetDeviceCount(&count), "counting devices");
        return static_cast<uint32_t>(count);
    }

    static void describe(uint32_t index, sworn_device& device) {
        if (index >= num_devices()) throw Failure(SWORN_INVALID, "there is no device %u", index);
        cudaDeviceProp properties;
        check(cudaGetDeviceProperties(&properties, static_cast<int>(index)), "describing a device");
        device = sworn_device{};
        std::snprintf(device.name, sizeof device.name, "%s", properties.name);
        device.memory = properties.totalGlobalMem;
        device.major = static_cast<uint32_t>(properties.major);
        device.minor = static_cast<uint32_t>(properties.minor);
        device.processors = static_cast<uint32_t>(properties.multiProcessorCount);
    }

    explicit Runtime(uint32_t device) : device_(static_cast<int>(device)) {
        sworn_device description;
        describe(device, description);
        processors_ = description.processors;
        enter();
        check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
        // Memory that is given back stays with the process: the next column takes it without asking the driver.
        cudaMemPool_t pool;
        uint64_t threshold = UINT64_MAX;
        check(cudaDeviceGetDefaultMemPool(&pool, device_), "finding the memory pool");
        check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold), "setting up the memory pool");
    }
    ~Runtime() {
        cudaSetDevice(device_);
        cudaStreamDestroy(stream_);
    }
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    uint32_t processors() const { return processors_; }

    void* allocate(uint64_t bytes) {
        enter();
        void* memory = nullptr;
        const cudaError_t error = cudaMallocAsync(&memory, bytes, stream_);
        if (error == cudaErrorMemoryAllocation) {
            cudaGetLastError();
            return nullptr;
        }
        check(error, "taking memory");
        return memory;
    }
    // An error here shows again in the next call.
    void release(void* memory) {
        cudaSetDevice(device_);
        cudaFreeAsync(memory, stream_);
    }
    void clear(void* memory, uint64_t bytes) {
        enter();
        check(cudaMemsetAsync(memory, 0, bytes, stream_), "clearing memory");
    }
    void copy_in(void* to, const void* from, uint64_t bytes) {
        enter();
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "an upload");
        check(cudaStreamSynchronize(stream_), "an upload");
    }
    void copy_out(void* to, const void* from, uint64_t bytes) {
        enter();
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "a download");
        check(cudaStreamSynchronize(stream_), "a download");
    }
    void copy(void* to, const void* from, uint64_t bytes) {
        enter();
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "a copy");
    }

    template <class K>
    void launch(const K& kernel, uint32_t x, uint32_t y) {
        enter();
        run<K><<<dim3(x, y), K::kThreads, 0, stream_>>>(kernel);
        check(cudaGetLastError(), "a kernel");
    }

private:
    // The calling thread may have worked on another device.
    void enter() { check(cudaSetDevice(device_), "choosing the device"); }

    static void check(cudaError_t error, const char* what) {
        if (error != cudaSuccess) throw Failure(SWORN_DEVICE_FAILURE, "%s failed: %s", what, cudaGetErrorString(error));
    }

    int device_;
    uint32_t processors_ = 1;
    cudaStream_t stream_ = nullptr;
};

}  // namespace sworn
