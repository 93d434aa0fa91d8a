// A stable radix sort of segments of (key, value) pairs, 4 bits a pass.
//
//   count     how many pairs of each tile have each digit
//   offsets   where the pairs of a tile with a digit go: after those of smaller digits, and after those of the tiles before
//   scatter   to there, in the order of the tile
//
// Segment i has `counts[i]` pairs from i·stride on. Equal keys cost what different ones do.
#pragma once

#include "context.cuh"

namespace sworn {
namespace sorting {

constexpr uint32_t kDigitBits = 4, kDigits = 1 << kDigitBits, kSortThreads = 128;
// Consecutive pairs of a thread.
constexpr uint32_t kRun = 16;
constexpr uint64_t kTile = kSortThreads * kRun;

struct Pairs {
    uint32_t *keys, *values;
};

// One pass.
struct Digit {
    Pairs from;
    const uint32_t* counts;
    uint64_t stride;
    uint32_t shift;
    uint32_t tiles;
    uint32_t* offsets;  // [segment][digit][tile]

    SWORN_DEVICE uint32_t of(uint64_t at) const { return from.keys[at] >> shift & (kDigits - 1); }

    SWORN_DEVICE uint64_t first(uint32_t tile, uint32_t thread) const { return tile * kTile + uint64_t{thread} * kRun; }

    SWORN_DEVICE uint64_t end(uint32_t segment, uint32_t tile, uint32_t thread) const {
        const uint64_t end = first(tile, thread) + kRun;
        return end < counts[segment] ? end : counts[segment];
    }

    SWORN_DEVICE uint32_t& offset(uint32_t segment, uint32_t digit, uint32_t tile) const {
        return offsets[(uint64_t{segment} * kDigits + digit) * tiles + tile];
    }
};

struct CountShared {
    uint32_t counts[kDigits][kSortThreads];
};

// counts[d][t]: pairs of thread t with digit d.
template <class B>
SWORN_DEVICE void count_digits(B& block, const Digit& digit) {
    block.for_threads([&](uint32_t t) {
        for (uint32_t d = 0; d < kDigits; d++) block.shared.counts[d][t] = 0;
        for (uint64_t i = digit.first(block.x, t); i < digit.end(block.y, block.x, t); i++) {
            block.shared.counts[digit.of(block.y * digit.stride + i)][t]++;
        }
    });
}

struct CountTiles {
    static constexpr uint32_t kThreads = kSortThreads;
    typedef CountShared Shared;

    Digit digit;

    SWORN_DEVICE void operator()(Block<CountTiles>& block) const {
        count_digits(block, digit);
        block.for_threads([&](uint32_t t) {
            if (t >= kDigits) return;
            uint32_t sum = 0;
            for (uint32_t i = 0; i < kThreads; i++) sum += block.shared.counts[t][i];
            digit.offset(block.y, t, block.x) = sum;
        });
    }
};

// The counts of a segment become the sums of those before, by one block.
struct ScanOffsets {
    static constexpr uint32_t kThreads = 256;
    struct Shared {
        uint32_t sums[kThreads];
    };

    uint32_t* offsets;
    uint64_t count;  // of a segment

    SWORN_DEVICE void operator()(Block<ScanOffsets>& block) const {
        uint32_t* own = offsets + block.y * count;
        const uint64_t run = (count + kThreads - 1) / kThreads;
        block.for_threads([&](uint32_t t) {
            uint32_t sum = 0;
            for (uint64_t i = t * run; i < (t + 1) * run && i < count; i++) sum += own[i];
            block.shared.sums[t] = sum;
        });
        block.for_threads([&](uint32_t t) {
            if (t != 0) return;
            uint32_t sum = 0;
            for (uint32_t i = 0; i < kThreads; i++) {
                const uint32_t one = block.shared.sums[i];
                block.shared.sums[i] = sum;
                sum += one;
            }
        });
        block.for_threads([&](uint32_t t) {
            uint32_t sum = block.shared.sums[t];
            for (uint64_t i = t * run; i < (t + 1) * run && i < count; i++) {
                const uint32_t one = own[i];
                own[i] = sum;
                sum += one;
            }
        });
    }
};

struct Scatter {
    static constexpr uint32_t kThreads = kSortThreads;
    typedef CountShared Shared;

    Digit digit;
    Pairs to;

    SWORN_DEVICE void operator()(Block<Scatter>& block) const {
        count_digits(block, digit);
        block.for_threads([&](uint32_t t) {
            if (t >= kDigits) return;
            uint32_t sum = digit.offset(block.y, t, block.x);
            for (uint32_t i = 0; i < kThreads; i++) {
                const uint32_t own = block.shared.counts[t][i];
                block.shared.counts[t][i] = sum;
                sum += own;
            }
        });
        block.for_threads([&](uint32_t t) {
            const uint64_t base = block.y * digit.stride;
            for (uint64_t i = digit.first(block.x, t); i < digit.end(block.y, block.x, t); i++) {
                const uint64_t place = base + block.shared.counts[digit.of(base + i)][t]++;
                to.keys[place] = digit.from.keys[base + i];
                to.values[place] = digit.from.values[base + i];
            }
        });
    }
};

// Sorts by the lowest `bits` of the keys. The result lies in `pairs` or in `spare`, whichever is returned.
inline Pairs sort(Context& context, Pairs pairs, Pairs spare, const uint32_t* counts, uint64_t segments, uint64_t stride, uint32_t bits) {
    const uint64_t tiles = divide_up(stride, kTile);
    const Array<uint32_t> offsets(context, segments * kDigits * tiles);
    for (uint32_t shift = 0; shift < bits; shift += kDigitBits) {
        const Digit digit{pairs, counts, stride, shift, static_cast<uint32_t>(tiles), offsets.data()};
        context.launch(CountTiles{digit}, tiles, segments);
        context.launch(ScanOffsets{offsets.data(), kDigits * tiles}, 1, segments);
        context.launch(Scatter{digit, spare}, tiles, segments);
        std::swap(pairs, spare);
    }
    return pairs;
}

}  // namespace sorting
}  // namespace sworn
