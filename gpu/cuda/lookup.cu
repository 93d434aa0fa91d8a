// The lookup argument's columns: sums of reciprocals, and multiplicities of the table.
#include "operations.cuh"

namespace sworn {
namespace {

// A column of integers with a factor, f and f·R for its values in the field.
struct Summand {
    View view;
    int64_t factor;
    Fr field, field_radix;
};

std::vector<Summand> summands(const Forms& forms) {
    std::vector<Summand> all;
    for (const sworn_summand& s : forms.summands) {
        const Fr factor = Fr::from_integer(s.factor);
        all.push_back(Summand{s.column->view(), s.factor, factor, factor * Fr::radix()});
    }
    return all;
}

// Σ_i 1/d_i as one fraction, d_i = shift + form_i, without the d_i that are 0:  n/d + 1/e = (n·e + d)/(d·e).
struct Fractions {
    Fr *numerator, *denominator;
    const Summand* summands;
    const uint32_t* ends;
    uint32_t first, last;  // forms
    Fr shift;
    uint64_t end;  // rows from here are 0

    SWORN_DEVICE void operator()(uint64_t row, uint32_t) const {
        Fr n = Fr::zero(), d = Fr::one();
        for (uint32_t form = first; row < end && form < last; form++) {
            Fr e = shift;
            for (uint32_t i = form > 0 ? ends[form - 1] : 0; i < ends[form]; i++) {
                e = e + summands[i].view.times(row, summands[i].field, summands[i].field_radix);
            }
            if (e.is_zero()) continue;
            n = n * e + d;
            d = d * e;
        }
        numerator[row] = n;
        denominator[row] = d;
    }
};

// A thread's values in a row are often equal, so it counts them before it adds: a value that most rows have costs one
// addition to its counter for a run of rows, not for each.
struct Count {
    static constexpr uint32_t kThreads = 128;
    struct Shared {};

    uint32_t* counts;
    unsigned long long* wrong;
    const Summand* summands;
    const uint32_t* ends;
    uint32_t num_forms;
    uint64_t rows, size;

    // Exact: up to 2^16 products of 64 bits each.
    SWORN_DEVICE __int128 value(uint32_t form, uint64_t row) const {
        __int128 sum = 0;
        for (uint32_t i = form > 0 ? ends[form - 1] : 0; i < ends[form]; i++) {
            sum += static_cast<__int128>(summands[i].view.integer(row)) * summands[i].factor;
        }
        return sum;
    }

    SWORN_DEVICE void operator()(Block<Count>& block) const {
        block.for_threads([&](uint32_t t) {
            uint64_t last = 0;
            uint32_t run = 0;
            for (uint64_t row = uint64_t{block.x} * kThreads + t; row < rows; row += uint64_t{block.blocks_x} * kThreads) {
                const __int128 found = value(block.y, row);
                if (found < 0 || found >= static_cast<__int128>(size)) {
                    atomic_min(wrong, row * num_forms + block.y);
                    continue;
                }
                if (run > 0 && static_cast<uint64_t>(found) != last) {
                    atomic_add(counts + last, run);
                    run = 0;
                }
                last = static_cast<uint64_t>(found);
                run++;
            }
            if (run > 0) atomic_add(counts + last, run);
        });
    }
};

// The value of one form in one row, by one thread.
struct Look {
    static constexpr uint32_t kThreads = 1;
    struct Shared {};

    Count count;
    int64_t* out;
    uint32_t form;
    uint64_t row;

    SWORN_DEVICE void operator()(Block<Look>& block) const {
        block.for_threads([&](uint32_t) { *out = static_cast<int64_t>(count.value(form, row)); });
    }
};

}  // namespace

std::vector<Column> reciprocals(Context& context, const Fr& shift, uint64_t rows, const Forms& forms,
                                const std::vector<uint32_t>& column_ends) {
    uint64_t tail = 0;
    for (const sworn_summand& s : forms.summands) tail = s.column->tail.count() > tail ? s.column->tail.count() : tail;
    const Array<Summand> uploaded(context, summands(forms));
    const Array<uint32_t> ends(context, forms.ends);
    const Array<Fr> denominator(context, rows);
    std::vector<Column> columns;
    uint32_t first = 0;
    for (const uint32_t last : column_ends) {
        columns.push_back(Column(new sworn_column(context, rows)));
        Fr* numerator = columns.back()->fields.data();
        for_rows(context, rows, 1,
                 Fractions{numerator, denominator.data(), uploaded.data(), ends.data(), first, last, shift, rows - tail});
        divide(context, numerator, denominator.data(), rows);
        first = last;
    }
    return columns;
}

uint64_t multiplicities(Context& context, const Forms& forms, uint64_t rows, uint64_t size, int64_t* counts, int64_t* wrong) {
    constexpr uint64_t kRowsPerThread = 32;
    const Array<Summand> uploaded(context, summands(forms));
    const Array<uint32_t> ends(context, forms.ends);
    Array<uint32_t> table(context, size);
    table.clear();
    const Array<unsigned long long> first(context, std::vector<unsigned long long>{UINT64_MAX});
    const Count count{table.data(), first.data(), uploaded.data(), ends.data(), static_cast<uint32_t>(forms.ends.size()), rows, size};
    context.launch(count, divide_up(rows, Count::kThreads * kRowsPerThread), forms.ends.size());
    const uint64_t index = first.read()[0];
    if (index != UINT64_MAX) {
        const Array<int64_t> value(context, 1);
        context.launch(Look{count, value.data(), static_cast<uint32_t>(index % forms.ends.size()), index / forms.ends.size()}, 1);
        *wrong = value.read()[0];
        return index;
    }
    const std::vector<uint32_t> host = table.read();
    for (uint64_t v = 0; v < size; v++) counts[v] = host[v];
    return UINT64_MAX;
}

}  // namespace sworn
