// Multi-scalar multiplications, Σ scalar·point, by buckets [Pippenger] that are filled in sorted order.
//
//   scalar s    = Σ_w d_w·2^{cw},  −2^{c−1} ≤ d_w < 2^{c−1}:   s + H = Σ_w (d_w + 2^{c−1})·2^{cw},  H = Σ_w 2^{c−1}·2^{cw}
//   window w    Σ_b b·B_b,         B_b = Σ ±point over |d_w| = b, 1 ≤ b ≤ 2^{c−1}
//   result      Σ_w 2^{cw}·window w
//
// A job is a run of rows of one column, of scalars −2^(bits−1) ≤ s < 2^(bits−1), or of field elements: a column of integers is one job with few windows, and
// one for its tail. A segment is one window of one job. For each segment:
//
//   digits      pairs (|d|, row and sign), sorted by |d|
//   runs        a thread adds up 32 neighbouring pairs. Buckets that begin and end among them are done; the first and the last
//               may go on in a neighbour's pairs and become two pairs (bucket, point) of a list, which is treated alike until
//               it is short. So a bucket that takes all rows, or a few that do, costs what any others do.
//   windows     Σ_b b·B_b by blocks
//
// The few sums of blocks are downloaded, and the host adds them up and doubles.
#include <type_traits>

#include "operations.cuh"
#include "sort.cuh"

namespace sworn {
namespace {

// Pairs of a thread.
constexpr uint32_t kRun = 32;
// Buckets of a thread.
constexpr uint32_t kBuckets = 16;
constexpr uint32_t kSign = 1u << 31;
constexpr uint32_t kFieldBits = 254;

struct Job {
    View view;
    uint32_t first, count;  // rows
    uint32_t is_integer;
};

// The window of a scalar of `windows` windows: s + H is kept in 9 limbs.
struct Scalar {
    uint32_t limb[9];

    SWORN_DEVICE Scalar(const Job& job, uint32_t row, uint32_t width, uint32_t windows) {
        if (job.is_integer) {
            const int64_t value = job.view.integer(row);
            limb[0] = static_cast<uint32_t>(value);
            limb[1] = static_cast<uint32_t>(static_cast<uint64_t>(value) >> 32);
            for (int i = 2; i < 9; i++) limb[i] = value < 0 ? UINT32_MAX : 0;
        } else {
            const Fr value = job.view.value(row).canonical();
            for (int i = 0; i < 8; i++) limb[i] = value.limb[i];
            limb[8] = 0;
        }
        uint64_t carry = 0;
        uint32_t bit = width - 1;
        for (uint32_t i = 0; i < 9; i++) {
            uint32_t half = 0;
            for (; bit < 32 * (i + 1) && bit < width * windows; bit += width) half |= 1u << (bit % 32);
            carry += uint64_t{limb[i]} + half;
            limb[i] = static_cast<uint32_t>(carry);
            carry >>= 32;
        }
    }

    SWORN_DEVICE int32_t digit(uint32_t window, uint32_t width) const {
        const uint32_t bit = window * width, at = bit / 32;
        const uint64_t pair = limb[at] | (at + 1 < 9 ? uint64_t{limb[at + 1]} << 32 : 0);
        const uint32_t value = static_cast<uint32_t>(pair >> (bit % 32)) & ((1u << width) - 1);
        return static_cast<int32_t>(value) - static_cast<int32_t>(1u << (width - 1));
    }
};

// The pairs of all windows of a row.
struct Digits {
    const Job* jobs;
    sorting::Pairs pairs;
    uint64_t stride;
    uint32_t width, windows;

    SWORN_DEVICE void operator()(uint64_t index, uint32_t at) const {
        const Job& job = jobs[at];
        if (index >= job.count) return;
        const Scalar scalar(job, job.first + static_cast<uint32_t>(index), width, windows);
        for (uint32_t w = 0; w < windows; w++) {
            const int32_t digit = scalar.digit(w, width);
            const uint64_t place = (uint64_t{at} * windows + w) * stride + index;
            pairs.keys[place] = static_cast<uint32_t>(digit < 0 ? -digit : digit);
            pairs.values[place] = static_cast<uint32_t>(index) | (digit < 0 ? kSign : 0);
        }
    }
};

// The pairs of the first level: points by row.
struct Signed {
    const uint32_t *keys, *values;
    const Job* jobs;
    const Affine* points;
    uint32_t windows;

    SWORN_DEVICE uint32_t key(uint64_t at) const { return keys[at]; }
    SWORN_DEVICE void add_to(Point& sum, uint64_t at, uint32_t segment) const {
        const uint32_t value = values[at];
        sum.add(points[jobs[segment / windows].first + (value & ~kSign)], (value & kSign) != 0);
    }
};

// Those of later levels.
struct Partial {
    const uint32_t* keys;
    const Point* points;

    SWORN_DEVICE uint32_t key(uint64_t at) const { return keys[at]; }
    SWORN_DEVICE void add_to(Point& sum, uint64_t at, uint32_t) const { sum.add(points[at]); }
};

// How many pairs a segment has at a level, or 0 if one thread did it all before.
SWORN_BOTH uint64_t pairs_at(uint64_t count, uint32_t level) {
    for (uint32_t i = 0; i < level; i++) count = count <= kRun ? 0 : (count + kRun - 1) / kRun * 2;
    return count;
}

template <class Source>
struct AddRuns {
    static constexpr uint32_t kThreads = 64;
    struct Shared {};

    Source source;
    const uint32_t* counts;
    uint32_t level;
    uint64_t stride, next_stride, num_buckets;
    Point* buckets;  // [segment][|d| − 1]
    uint32_t* next_keys;
    Point* next_points;

    SWORN_DEVICE void operator()(Block<AddRuns>& block) const {
        block.for_threads([&](uint32_t t) {
            const uint32_t segment = block.y;
            const uint64_t count = pairs_at(counts[segment], level);
            const uint64_t thread = uint64_t{block.x} * kThreads + t, first = thread * kRun;
            if (first >= count) return;
            const uint64_t end = first + kRun < count ? first + kRun : count;
            const bool is_alone = count <= kRun;
            Point* out = buckets + segment * num_buckets;
            const uint64_t next = segment * next_stride + 2 * thread;
            uint64_t begin = first;  // of the run
            uint32_t key = source.key(segment * stride + first);
            Point sum = Point::identity();
            for (uint64_t i = first; i < end; i++) {
                const uint32_t new_key = source.key(segment * stride + i);
                if (new_key != key) {
                    finish(out, next, key, sum, is_alone || begin > first);
                    begin = i;
                    key = new_key;
                    sum = Point::identity();
                }
                if (key != 0) source.add_to(sum, segment * stride + i, segment);
            }
            if (is_alone) {
                finish(out, next, key, sum, true);
            } else {
                // Of a single run the first half of the two pairs is its sum, and the second adds nothing.
                if (begin == first) finish(out, next, key, sum, false);
                next_keys[next + 1] = key;
                next_points[next + 1] = begin == first ? Point::identity() : sum;
            }
        });
    }

    // The end of a run that is a whole bucket, or else the first of this thread.
    SWORN_DEVICE void finish(Point* out, uint64_t next, uint32_t key, const Point& sum, bool is_whole) const {
        if (!is_whole) {
            next_keys[next] = key;
            next_points[next] = sum;
        } else if (key != 0) {
            out[key - 1] = sum;
        }
    }
};

// sums[segment][block] = Σ_b b·B_b over the block's buckets.
struct SumWindows {
    static constexpr uint32_t kThreads = 64;
    struct Shared {
        Point sums[kThreads];
    };

    Point* sums;
    const Point* buckets;
    uint64_t num_buckets;

    SWORN_DEVICE void operator()(Block<SumWindows>& block) const {
        Point* own = block.shared.sums;
        block.for_threads([&](uint32_t t) {
            const uint64_t first = (uint64_t{block.x} * kThreads + t) * kBuckets;
            Point sum = Point::identity(), weighted = Point::identity();
            if (first < num_buckets) {
                uint64_t at = first + kBuckets < num_buckets ? first + kBuckets : num_buckets;
                while (at-- > first) {
                    sum.add(buckets[block.y * num_buckets + at]);
                    weighted.add(sum);
                }
                weighted.add(sum.times(static_cast<uint32_t>(first)));
            }
            own[t] = weighted;
        });
        for (uint32_t half = kThreads / 2; half > 0; half /= 2) {
            block.for_threads([&](uint32_t t) {
                if (t < half) own[t].add(own[t + half]);
            });
        }
        block.for_threads([&](uint32_t t) {
            if (t == 0) sums[uint64_t{block.y} * block.blocks_x + block.x] = own[0];
        });
    }
};

// The largest digits give 2^(cW−1)·(1 − 1/(2^c − 1)) or more: enough for integers if cW > bits, and for field elements, which
// are below 0.76·2^254, if cW > 254.
uint32_t num_windows(uint32_t bits, uint32_t width) { return static_cast<uint32_t>(divide_up(bits + 1, width)); }

// Bits of a window, for the fewest additions.
uint32_t window_width(uint64_t rows, uint32_t bits) {
    uint32_t best = 3;
    uint64_t least = UINT64_MAX;
    for (uint32_t width = 3; width <= 16; width++) {
        const uint64_t cost = num_windows(bits, width) * (rows + (uint64_t{3} << (width - 1)));
        if (cost < least) {
            least = cost;
            best = width;
        }
    }
    return best;
}

// The bytes of a segment.
uint64_t segment_bytes(uint64_t rows, uint32_t width) {
    const uint64_t partial = pairs_at(rows, 1) + pairs_at(rows, 2);
    return rows * 16 + partial * (sizeof(Point) + 4) + (sizeof(Point) << (width - 1)) + rows / 16;
}

// Results of jobs of so many bits, added to those of their columns.
void run_jobs(Context& context, const sworn_points& points, const std::vector<Job>& jobs, uint32_t bits, uint32_t width, Point* results) {
    const uint32_t windows = num_windows(bits, width);
    const uint64_t segments = jobs.size() * windows, num_buckets = uint64_t{1} << (width - 1);
    uint64_t stride = 0;
    std::vector<uint32_t> counts;
    for (const Job& job : jobs) {
        counts.insert(counts.end(), windows, job.count);
        stride = job.count > stride ? job.count : stride;
    }
    const Array<Job> uploaded(context, jobs);
    const Array<uint32_t> uploaded_counts(context, counts);
    const Array<uint32_t> keys(context, segments * stride), values(context, segments * stride);
    const Array<uint32_t> spare_keys(context, segments * stride), spare_values(context, segments * stride);
    const sorting::Pairs pairs{keys.data(), values.data()}, spare{spare_keys.data(), spare_values.data()};
    for_rows(context, stride, jobs.size(), Digits{uploaded.data(), pairs, stride, width, windows});
    const sorting::Pairs sorted = sorting::sort(context, pairs, spare, uploaded_counts.data(), segments, stride, width);

    Array<Point> buckets(context, segments * num_buckets);
    buckets.clear();
    Array<uint32_t> from_keys;
    Array<Point> from_points;
    for (uint32_t level = 0; pairs_at(stride, level) > 0; level++) {
        const uint64_t count = pairs_at(stride, level), next = pairs_at(stride, level + 1);
        Array<uint32_t> next_keys(context, segments * next);
        Array<Point> next_points(context, segments * next);
        const uint64_t blocks = divide_up(divide_up(count, kRun), AddRuns<Partial>::kThreads);
        const auto launch = [&](const auto& source) {
            typedef AddRuns<std::decay_t<decltype(source)>> Kernel;
            const Kernel kernel{source, uploaded_counts.data(), level, count, next, num_buckets, buckets.data(), next_keys.data(),
                                next_points.data()};
            context.launch(kernel, blocks, segments);
        };
        if (level == 0) {
            launch(Signed{sorted.keys, sorted.values, uploaded.data(), points.points.data(), windows});
        } else {
            launch(Partial{from_keys.data(), from_points.data()});
        }
        from_keys = std::move(next_keys);
        from_points = std::move(next_points);
    }

    const uint64_t blocks = divide_up(num_buckets, SumWindows::kThreads * kBuckets);
    const Array<Point> sums(context, segments * blocks);
    context.launch(SumWindows{sums.data(), buckets.data(), num_buckets}, blocks, segments);
    const std::vector<Point> host = sums.read();
    for (size_t job = 0; job < jobs.size(); job++) {
        Point sum = Point::identity();
        for (uint32_t w = windows; w-- > 0;) {
            for (uint32_t i = 0; i < width; i++) sum = sum.doubled();
            for (uint64_t b = 0; b < blocks; b++) sum.add(host[(job * windows + w) * blocks + b]);
        }
        results[job] = sum;
    }
}

// Jobs of one kind, with the column of each.
struct Batch {
    uint32_t bits;
    bool is_tail;
    std::vector<Job> jobs;
    std::vector<size_t> columns;
};

// Splits a batch so that its workspace fits, and runs the parts.
void run_batch(Context& context, const sworn_points& points, const Batch& batch, std::vector<Point>& out) {
    uint64_t rows = 0;
    for (const Job& job : batch.jobs) rows = job.count > rows ? job.count : rows;
    const uint32_t width = window_width(rows, batch.bits);
    const uint64_t job_bytes = segment_bytes(rows, width) * num_windows(batch.bits, width);
    // Never more than a part of what is left, nor so many segments that a launch refuses them.
    const uint64_t fitting = context.left() / 2 / job_bytes, launchable = 60000 / num_windows(batch.bits, width);
    const uint64_t most = fitting < 1 ? 1 : fitting < launchable ? fitting : launchable;
    for (size_t first = 0; first < batch.jobs.size(); first += most) {
        const size_t end = first + most < batch.jobs.size() ? first + most : batch.jobs.size();
        const std::vector<Job> jobs(batch.jobs.begin() + first, batch.jobs.begin() + end);
        std::vector<Point> results(jobs.size());
        run_jobs(context, points, jobs, batch.bits, width, results.data());
        for (size_t i = 0; i < jobs.size(); i++) out[batch.columns[first + i]].add(results[i]);
    }
}

}  // namespace

uint64_t commit_bytes(uint64_t rows) {
    const uint32_t width = window_width(rows, kFieldBits);
    return segment_bytes(rows, width) * num_windows(kFieldBits, width);
}

std::vector<Point> commit(Context& context, const sworn_points& points, const Columns& columns) {
    std::vector<Batch> batches;
    // Whole columns and tails have workspaces of different sizes.
    const auto add = [&](size_t column, const Job& job, uint32_t bits, bool is_tail) {
        if (job.count == 0 || bits == 0) return;
        for (Batch& batch : batches) {
            if (batch.bits == bits && batch.is_tail == is_tail) {
                batch.jobs.push_back(job);
                batch.columns.push_back(column);
                return;
            }
        }
        batches.push_back(Batch{bits, is_tail, {job}, {column}});
    };
    for (size_t i = 0; i < columns.size(); i++) {
        const View view = columns[i]->view();
        if (view.width == 0) {
            add(i, Job{view, 0, view.rows, 0}, kFieldBits, false);
            continue;
        }
        const uint32_t end = view.rows - view.tail_rows, length = view.length < end ? view.length : end;
        add(i, Job{view, 0, length, 1}, columns[i]->bits, false);
        add(i, Job{view, end, view.tail_rows, 0}, kFieldBits, true);
    }
    std::vector<Point> out(columns.size(), Point::identity());
    for (const Batch& batch : batches) run_batch(context, points, batch, out);
    return out;
}

}  // namespace sworn
