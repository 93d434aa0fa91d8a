// A device with a memory budget, and memory on it that its owner gives back.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#ifdef __CUDACC__
#include "runtime/cuda.cuh"
#else
#include "runtime/host.cuh"
#endif

namespace sworn {

class Context {
public:
    Context(uint32_t device, uint64_t memory) : budget_(memory), runtime_(device) {}

    // Held during a call.
    std::mutex mutex;

    uint64_t used() const { return used_; }
    uint64_t peak() const { return peak_; }
    // Bytes that are left, of which an operation may take a part as workspace.
    uint64_t left() const { return budget_ - used_; }
    uint32_t processors() const { return runtime_.processors(); }

    void fail_after(uint64_t allocations, uint64_t launches) {
        allocations_left_ = allocations;
        launches_left_ = launches;
    }

    void* allocate(uint64_t bytes) {
        const bool is_injected = allocations_left_ == 0;
        if (allocations_left_ != UINT64_MAX && !is_injected) allocations_left_--;
        void* memory = is_injected || bytes > left() ? nullptr : runtime_.allocate(bytes);
        if (!memory) {
            throw Failure(SWORN_OUT_OF_MEMORY, "%llu bytes more were needed, %llu of %llu are in use", static_cast<unsigned long long>(bytes),
                          static_cast<unsigned long long>(used_), static_cast<unsigned long long>(budget_));
        }
        used_ += bytes;
        if (used_ > peak_) peak_ = used_;
        return memory;
    }

    void release(void* memory, uint64_t bytes) {
        runtime_.release(memory);
        used_ -= bytes;
    }

    template <class K>
    void launch(const K& kernel, uint64_t x, uint64_t y = 1) {
        if (x == 0 || y == 0) return;
        require(x < uint64_t{1} << 31 && y < uint64_t{1} << 16, "a kernel has too many blocks");
        if (launches_left_ == 0) throw Failure(SWORN_DEVICE_FAILURE, "a kernel failed: injected by a test");
        if (launches_left_ != UINT64_MAX) launches_left_--;
        runtime_.launch(kernel, static_cast<uint32_t>(x), static_cast<uint32_t>(y));
    }

    Runtime& runtime() { return runtime_; }

private:
    uint64_t budget_, used_ = 0, peak_ = 0;
    uint64_t allocations_left_ = UINT64_MAX, launches_left_ = UINT64_MAX;
    Runtime runtime_;
};

// An array on the device.
template <class T>
class Array {
public:
    Array() = default;
    Array(Context& context, uint64_t count) : context_(&context), count_(count) {
        require(count < uint64_t{1} << 48, "an array is too long");
        if (count) data_ = static_cast<T*>(context.allocate(count * sizeof(T)));
    }
    Array(Context& context, const T* values, uint64_t count) : Array(context, count) {
        if (count) context.runtime().copy_in(data_, values, count * sizeof(T));
    }
    Array(Context& context, const std::vector<T>& values) : Array(context, values.data(), values.size()) {}
    Array(Array&& other) noexcept { swap(other); }
    Array& operator=(Array&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Array() {
        if (data_) context_->release(data_, count_ * sizeof(T));
    }

    T* data() const { return data_; }
    uint64_t count() const { return count_; }

    void clear() {
        if (count_) context_->runtime().clear(data_, count_ * sizeof(T));
    }

    std::vector<T> read() const {
        std::vector<T> values(count_);
        if (count_) context_->runtime().copy_out(values.data(), data_, count_ * sizeof(T));
        return values;
    }

private:
    void swap(Array& other) {
        std::swap(context_, other.context_);
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
    }

    Context* context_ = nullptr;
    T* data_ = nullptr;
    uint64_t count_ = 0;
};

// One thread for each row: calls F(row, block.y).
template <class F>
struct Rows {
    static constexpr uint32_t kThreads = 256;
    struct Shared {};

    F f;
    uint64_t rows;

    SWORN_DEVICE void operator()(Block<Rows>& block) const {
        block.for_threads([&](uint32_t t) {
            const uint64_t row = uint64_t{block.x} * kThreads + t;
            if (row < rows) f(row, block.y);
        });
    }
};

inline uint64_t divide_up(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

template <class F>
void for_rows(Context& context, uint64_t rows, uint64_t y, const F& f) {
    context.launch(Rows<F>{f, rows}, divide_up(rows, Rows<F>::kThreads), y);
}

}  // namespace sworn
