// A device with a memory budget, and memory on it that its owner gives back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <utility>
#include <vector>

#ifdef __CUDACC__
#include "runtime/cuda.cuh"
#else
#include "runtime/host.cuh"
#endif

namespace sworn {

// What can wait on the host while no call needs it.
class Movable {
public:
    virtual ~Movable() = default;

private:
    friend class Context;
    virtual void move_out() = 0;
    virtual void move_in() = 0;
    virtual uint64_t bytes() const = 0;

    bool is_on_device_ = false;
    uint64_t last_call_ = 0;
    std::list<Movable*>::iterator place_;
};

// A call is a call of the interface, or one part of it. What it uses and makes stays on the device until it ends; everything
// else that is movable makes room if it must, least recently used first.
class Context {
public:
    Context(uint32_t device, uint64_t memory) : budget_(memory), runtime_(device) {}

    // Held during a call.
    std::mutex mutex;

    uint64_t used() const { return used_; }
    uint64_t peak() const { return peak_; }
    // Bytes that are left, of which an operation may take a part as workspace.
    uint64_t left() const { return budget_ - used_; }
    // Bytes that are left, and those that could be.
    uint64_t room() const {
        uint64_t bytes = left();
        for (auto i = on_device_.begin(); i != on_device_.end() && (*i)->last_call_ != call_; i++) bytes += (*i)->bytes();
        return bytes;
    }

    void begin_call() { call_++; }

    // Brings an object to the device, or takes over a new one that is there.
    void use(Movable& object, bool is_new = false) {
        if (object.is_on_device_) {
            on_device_.splice(on_device_.end(), on_device_, object.place_);
        } else {
            if (!is_new) object.move_in();
            object.place_ = on_device_.insert(on_device_.end(), &object);
            object.is_on_device_ = true;
        }
        object.last_call_ = call_;
    }

    void forget(Movable& object) {
        if (object.is_on_device_) on_device_.erase(object.place_);
        object.is_on_device_ = false;
    }
    uint32_t processors() const { return runtime_.processors(); }

    void fail_after(uint64_t allocations, uint64_t launches) {
        allocations_left_ = allocations;
        launches_left_ = launches;
    }

    // For kernels, or to be uploaded to.
    void* allocate(uint64_t bytes, bool is_upload = false) {
        const bool is_injected = allocations_left_ == 0;
        if (allocations_left_ != UINT64_MAX && !is_injected) allocations_left_--;
        void* memory = nullptr;
        while (!is_injected && bytes <= budget_ && !memory) {
            if (bytes <= left()) memory = runtime_.allocate(bytes, is_upload);
            if (!memory && !make_room()) break;
        }
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
    // Moves the object to the host that was not used for longest; false if all are in use.
    bool make_room() {
        if (on_device_.empty() || on_device_.front()->last_call_ == call_) return false;
        Movable& object = *on_device_.front();
        object.move_out();
        forget(object);
        return true;
    }

    uint64_t budget_, used_ = 0, peak_ = 0, call_ = 0;
    std::list<Movable*> on_device_;  // least recently used first
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
    // Of values on the host; the last element may have zeros behind theirs.
    static Array of_bytes(Context& context, const void* values, uint64_t bytes) {
        Array array;
        array.context_ = &context;
        array.count_ = (bytes + sizeof(T) - 1) / sizeof(T);
        if (bytes == 0) return array;
        array.data_ = static_cast<T*>(context.allocate(array.count_ * sizeof(T), true));
        const uint64_t rest = bytes % sizeof(T), whole = bytes - rest;
        if (whole) context.runtime().upload(array.data_, values, whole);
        if (rest) {
            uint8_t last[sizeof(T)] = {};
            std::memcpy(last, static_cast<const uint8_t*>(values) + whole, rest);
            context.runtime().upload(array.data_ + array.count_ - 1, last, sizeof last);
        }
        return array;
    }
    Array(Context& context, const T* values, uint64_t count) { *this = of_bytes(context, values, count * sizeof(T)); }
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

// Calls f(first, number) on parts of `count` equal things, so many at a time as there is room for beside a workspace, each part
// a call of its own.
template <class F>
void in_parts(Context& context, uint64_t count, uint64_t bytes, uint64_t workspace, const F& f) {
    for (uint64_t first = 0, number; first < count; first += number) {
        context.begin_call();
        const uint64_t room = std::max(context.left(), context.room() / 4);
        const uint64_t fitting = room < workspace ? 0 : (room - workspace) / std::max<uint64_t>(bytes, 1);
        number = std::min(std::max<uint64_t>(fitting, 1), count - first);
        f(first, number);
    }
}

inline uint64_t divide_up(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

template <class F>
void for_rows(Context& context, uint64_t rows, uint64_t y, const F& f) {
    context.launch(Rows<F>{f, rows}, divide_up(rows, Rows<F>::kThreads), y);
}

}  // namespace sworn
