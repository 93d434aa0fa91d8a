// Uploads on a stream of their own, so that they overlap with kernels.
//
//   host memory -> a slot of pinned memory -> new memory of the device, which kernels read behind an event
//
// What is uploaded is the caller's again at once. A slot is taken anew when its copy is done, and memory is given out by the
// stream of uploads, so no kernel that was launched before reads or writes it.
//
// `Driver` has
//   void* pinned(bytes), void free_pinned(memory)      pinned memory, or null
//   void copy_staged(to, from, bytes)                  on the stream of uploads
//   void record(slot)                                  an event behind all uploads so far
//   void wait(slot)                                    the host waits for the slot's event
//   void order(slot)                                   kernels from now on wait for the slot's event
#pragma once

#include <cstdint>
#include <cstring>

namespace sworn {

constexpr uint32_t kUploadSlots = 8;

template <class Driver>
class Uploads {
public:
    Uploads(Driver& driver, uint64_t slot_bytes) : driver_(driver), slot_bytes_(slot_bytes) {}
    ~Uploads() {
        if (!pinned_) return;
        driver_.free_pinned(pinned_);
    }
    Uploads(const Uploads&) = delete;
    Uploads& operator=(const Uploads&) = delete;

    // False, and nothing was done, if there is no pinned memory.
    bool upload(void* to, const void* from, uint64_t bytes) {
        if (!pinned_ && !(pinned_ = static_cast<uint8_t*>(driver_.pinned(kUploadSlots * slot_bytes_)))) return false;
        for (uint64_t done = 0; done < bytes;) {
            const uint64_t part = bytes - done < slot_bytes_ ? bytes - done : slot_bytes_;
            uint8_t* staging = pinned_ + next_ * slot_bytes_;
            if (is_used_[next_]) driver_.wait(next_);
            std::memcpy(staging, static_cast<const uint8_t*>(from) + done, part);
            driver_.copy_staged(static_cast<uint8_t*>(to) + done, staging, part);
            driver_.record(next_);
            is_used_[next_] = true;
            done += part;
            if (done == bytes) driver_.order(next_);
            next_ = (next_ + 1) % kUploadSlots;
        }
        return true;
    }

private:
    Driver& driver_;
    uint64_t slot_bytes_;
    uint8_t* pinned_ = nullptr;
    uint32_t next_ = 0;
    bool is_used_[kUploadSlots] = {};
};

}  // namespace sworn
