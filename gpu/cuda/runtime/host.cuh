// The emulated device: memory of the host, and kernels that run block by block, thread by thread.
//
// New memory is filled with a pattern, so that what is read before it is written shows. Blocks run from the last to the first
// and the threads of every second phase too: a kernel whose results depend on the order of threads between two barriers, or
// on that of blocks, gives other results than a device would in some tests.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../failure.cuh"

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

    void* allocate(uint64_t bytes) {
        void* memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
        if (memory) std::memset(memory, 0xa5, bytes);
        return memory;
    }
    void release(void* memory) { std::free(memory); }
    void clear(void* memory, uint64_t bytes) { std::memset(memory, 0, bytes); }
    void copy_in(void* to, const void* from, uint64_t bytes) { std::memcpy(to, from, bytes); }
    void copy_out(void* to, const void* from, uint64_t bytes) { std::memcpy(to, from, bytes); }
    void copy(void* to, const void* from, uint64_t bytes) { std::memcpy(to, from, bytes); }

    template <class K>
    void launch(const K& kernel, uint32_t x, uint32_t y) {
        typename K::Shared shared;
        for (uint32_t j = y; j-- > 0;) {
            for (uint32_t i = x; i-- > 0;) {
                std::memset(static_cast<void*>(&shared), 0xa5, sizeof shared);
                Block<K> block{shared, i, j, x};
                kernel(block);
            }
        }
    }
};

}  // namespace sworn
