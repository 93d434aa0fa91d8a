// A CUDA device: memory of its pool, a stream of kernels and downloads, and one of uploads.
#pragma once

#include <cstdio>
#include <cuda_runtime.h>
#include <vector>

#include "../failure.cuh"
#include "upload.cuh"

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
        check(cudaStreamCreateWithFlags(&upload_stream_, cudaStreamNonBlocking), "making a stream");
        for (cudaEvent_t& event : uploaded_) check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "making an event");
        // Memory that is given back stays with the process: the next column takes it without asking the driver.
        cudaMemPool_t pool;
        uint64_t threshold = UINT64_MAX;
        check(cudaDeviceGetDefaultMemPool(&pool, device_), "finding the memory pool");
        check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold), "setting up the memory pool");
    }
    ~Runtime() {
        cudaSetDevice(device_);
        cudaStreamSynchronize(upload_stream_);
        for (const Timed& timed : timed_) timed.destroy();
        for (const cudaEvent_t event : uploaded_) cudaEventDestroy(event);
        cudaStreamDestroy(upload_stream_);
        cudaStreamDestroy(stream_);
    }
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    uint32_t processors() const { return processors_; }

    // For kernels, or to be uploaded to.
    void* allocate(uint64_t bytes, bool is_upload) {
        enter();
        void* memory = nullptr;
        const cudaStream_t stream = is_upload ? upload_stream_ : stream_;
        cudaError_t error = cudaMallocAsync(&memory, bytes, stream);
        if (error == cudaErrorMemoryAllocation) {
            // What was given back by the other stream is there when that stream is done.
            cudaGetLastError();
            check(cudaDeviceSynchronize(), "waiting for memory");
            error = cudaMallocAsync(&memory, bytes, stream);
        }
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
        const Span span(*this, stream_, false);
        check(cudaMemsetAsync(memory, 0, bytes, stream_), "clearing memory");
    }
    // To new memory that is there to be uploaded to.
    void upload(void* to, const void* from, uint64_t bytes) {
        enter();
        if (uploads_.upload(to, from, bytes)) return;
        check(cudaStreamSynchronize(upload_stream_), "an upload");
        copy_in(to, from, bytes);
    }
    // Behind all kernels so far.
    void copy_in(void* to, const void* from, uint64_t bytes) {
        enter();
        {
            const Span span(*this, stream_, false);
            check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "an upload");
        }
        check(cudaStreamSynchronize(stream_), "an upload");
    }
    void copy_out(void* to, const void* from, uint64_t bytes) {
        enter();
        {
            const Span span(*this, stream_, false);
            check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "a download");
        }
        check(cudaStreamSynchronize(stream_), "a download");
    }
    void copy(void* to, const void* from, uint64_t bytes) {
        enter();
        const Span span(*this, stream_, false);
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "a copy");
    }

    template <class K>
    void launch(const K& kernel, uint32_t x, uint32_t y) {
        enter();
        const Span span(*this, stream_, true);
        run<K><<<dim3(x, y), K::kThreads, 0, stream_>>>(kernel);
        check(cudaGetLastError(), "a kernel");
    }

    void measure(bool is_measured) {
        collect();
        is_measured_ = is_measured;
        if (!is_measured) return;
        busy_ = sworn_busy{};
        timed_.reserve(kTimed);
    }
    sworn_busy busy() {
        collect();
        return busy_;
    }

private:
    friend class Uploads<Runtime>;

    static constexpr uint64_t kSlotBytes = 4 << 20;

    void* pinned(uint64_t bytes) {
        void* memory = nullptr;
        if (cudaMallocHost(&memory, bytes) == cudaSuccess) return memory;
        cudaGetLastError();
        return nullptr;
    }
    void free_pinned(void* memory) { cudaFreeHost(memory); }
    void copy_staged(void* to, const void* from, uint64_t bytes) {
        const Span span(*this, upload_stream_, false);
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, upload_stream_), "an upload");
    }
    void record(uint32_t slot) { check(cudaEventRecord(uploaded_[slot], upload_stream_), "an upload"); }
    void wait(uint32_t slot) { check(cudaEventSynchronize(uploaded_[slot]), "an upload"); }
    void order(uint32_t slot) { check(cudaStreamWaitEvent(stream_, uploaded_[slot], 0), "an upload"); }

    // Between these events of the stream it was busy.
    struct Timed {
        cudaEvent_t start, end;
        bool is_kernel;

        void destroy() const {
            cudaEventDestroy(start);
            cudaEventDestroy(end);
        }
    };

    // What is enqueued while it lives, if that is measured. What is not measured for want of events is only missing in a figure.
    class Span {
    public:
        Span(Runtime& runtime, cudaStream_t stream, bool is_kernel)
            : runtime_(runtime), stream_(stream), is_measured_(runtime.is_measured_) {
            if (!is_measured_) return;
            if (runtime.timed_.size() >= kTimed) runtime.collect();
            timed_.is_kernel = is_kernel;
            check(cudaEventCreate(&timed_.start), "measuring");
            check(cudaEventCreate(&timed_.end), "measuring");
            check(cudaEventRecord(timed_.start, stream_), "measuring");
        }
        ~Span() {
            if (!is_measured_) return;
            cudaEventRecord(timed_.end, stream_);
            runtime_.timed_.push_back(timed_);
        }

    private:
        Runtime& runtime_;
        cudaStream_t stream_;
        bool is_measured_;
        Timed timed_{};
    };

    static constexpr size_t kTimed = 1 << 12;

    // Adds up what was measured.
    void collect() {
        if (timed_.empty()) return;
        enter();
        check(cudaStreamSynchronize(upload_stream_), "measuring");
        check(cudaStreamSynchronize(stream_), "measuring");
        for (const Timed& timed : timed_) {
            float milliseconds = 0;
            const cudaError_t error = cudaEventElapsedTime(&milliseconds, timed.start, timed.end);
            timed.destroy();
            if (error != cudaSuccess) continue;
            (timed.is_kernel ? busy_.kernel_ns : busy_.copy_ns) += static_cast<uint64_t>(milliseconds * 1e6);
            (timed.is_kernel ? busy_.kernels : busy_.copies)++;
        }
        timed_.clear();
    }

    // The calling thread may have worked on another device.
    void enter() { check(cudaSetDevice(device_), "choosing the device"); }

    static void check(cudaError_t error, const char* what) {
        if (error != cudaSuccess) throw Failure(SWORN_DEVICE_FAILURE, "%s failed: %s", what, cudaGetErrorString(error));
    }

    int device_;
    uint32_t processors_ = 1;
    cudaStream_t stream_ = nullptr, upload_stream_ = nullptr;
    cudaEvent_t uploaded_[kUploadSlots] = {};
    bool is_measured_ = false;
    sworn_busy busy_{};
    std::vector<Timed> timed_;
    Uploads<Runtime> uploads_{*this, kSlotBytes};
};

}  // namespace sworn
