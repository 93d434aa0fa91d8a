// The emulated device: memory of the host, and kernels that run block by block, thread by thread.
//
// Uploads are done as late as may be: when a kernel or a copy is ordered behind them, or a slot is taken anew.
// New memory is filled with a pattern, so that what is read before it is written shows. Blocks run from the last to the first
// and the threads of every second phase too: a kernel whose results depend on the order of threads between two barriers, or
// on that of blocks, gives other results than a device would in some tests.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>

#include "../failure.cuh"
#include "upload.cuh"

namespace sworn {

inline uint32_t atomic_add(uint32_t* at, uint32_t value) {
    const uint32_t before = *at;
    *at += value;
    return before;
}

inline void atomic_min(unsigned long long* at, unsigned long long value) {
    if (value < *at) *at = value;
}

// A block of threads and what they share.
template <class K>
struct Block {
    typename K::Shared& shared;
    uint32_t x, y;      // which block
    uint32_t blocks_x;  // of how many
    bool descending = false;

    // One phase: f(t) for every thread t. All threads have done it before the next phase begins.
    template <class F>
    void for_threads(F f) {
        for (uint32_t i = 0; i < K::kThreads; i++) f(descending ? K::kThreads - 1 - i : i);
        descending = !descending;
    }
};

class Runtime {
public:
    static uint32_t num_devices() { return 1; }

    static void describe(uint32_t index, sworn_device& device) {
        if (index >= num_devices()) throw Failure(SWORN_INVALID, "there is no device %u", index);
        device = sworn_device{};
        std::snprintf(device.name, sizeof device.name, "emulated device");
        device.memory = uint64_t{1} << 40;
        device.is_emulated = 1;
        device.processors = 1;
    }

    explicit Runtime(uint32_t device) {
        sworn_device unused;
        describe(device, unused);
    }
    uint32_t processors() const { return 1; }

    void* allocate(uint64_t bytes, bool) {
        void* memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
        if (memory) std::memset(memory, 0xa5, bytes);
        return memory;
    }
    void release(void* memory) {
        run_ordered();
        std::free(memory);
    }
    void clear(void* memory, uint64_t bytes) {
        run_ordered();
        timed(busy_.copy_ns, busy_.copies, [&] { std::memset(memory, 0, bytes); });
    }
    void upload(void* to, const void* from, uint64_t bytes) { uploads_.upload(to, from, bytes); }
    void copy_in(void* to, const void* from, uint64_t bytes) { copy(to, from, bytes); }
    void copy_out(void* to, const void* from, uint64_t bytes) { copy(to, from, bytes); }
    void copy(void* to, const void* from, uint64_t bytes) {
        run_ordered();
        timed(busy_.copy_ns, busy_.copies, [&] { std::memcpy(to, from, bytes); });
    }

    void measure(bool is_measured) {
        is_measured_ = is_measured;
        if (is_measured) busy_ = sworn_busy{};
    }
    sworn_busy busy() { return busy_; }

    template <class K>
    void launch(const K& kernel, uint32_t x, uint32_t y) {
        run_ordered();
        timed(busy_.kernel_ns, busy_.kernels, [&] { run(kernel, x, y); });
    }

private:
    friend class Uploads<Runtime>;

    // So small that the columns of tests take several.
    static constexpr uint64_t kSlotBytes = 2048;

    // The stream of uploads: copies that wait, and how many were there before each event.
    struct Copy {
        void* to;
        const void* from;
        uint64_t bytes;
    };

    void* pinned(uint64_t bytes) { return std::malloc(bytes); }
    void free_pinned(void* memory) { std::free(memory); }
    void copy_staged(void* to, const void* from, uint64_t bytes) {
        waiting_.push_back(Copy{to, from, bytes});
        enqueued_++;
    }
    void record(uint32_t slot) { recorded_[slot] = enqueued_; }
    void wait(uint32_t slot) { run_until(recorded_[slot]); }
    void order(uint32_t slot) { ordered_ = recorded_[slot]; }
    void run_ordered() { run_until(ordered_); }
    void run_until(uint64_t count) {
        for (; done_ < count; done_++) {
            const Copy next = waiting_.front();
            waiting_.pop_front();
            timed(busy_.copy_ns, busy_.copies, [&] { std::memcpy(next.to, next.from, next.bytes); });
        }
    }

    template <class F>
    void timed(uint64_t& nanoseconds, uint64_t& count, const F& f) {
        const auto start = std::chrono::steady_clock::now();
        f();
        if (!is_measured_) return;
        const auto time = std::chrono::steady_clock::now() - start;
        nanoseconds += static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
        count++;
    }

    template <class K>
    void run(const K& kernel, uint32_t x, uint32_t y) {
        typename K::Shared shared;
        for (uint32_t j = y; j-- > 0;) {
            for (uint32_t i = x; i-- > 0;) {
                std::memset(static_cast<void*>(&shared), 0xa5, sizeof shared);
                Block<K> block{shared, i, j, x};
                kernel(block);
            }
        }
    }

    bool is_measured_ = false;
    sworn_busy busy_{};
    std::deque<Copy> waiting_;
    uint64_t enqueued_ = 0, done_ = 0, ordered_ = 0, recorded_[kUploadSlots] = {};
    Uploads<Runtime> uploads_{*this, kSlotBytes};
};

}  // namespace sworn
