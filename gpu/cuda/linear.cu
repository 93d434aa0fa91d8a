// Sums over columns and over rows: combinations, inner products, powers, and gathered rows.
#include "operations.cuh"

namespace sworn {
namespace {

// out[row] = Σ_i factor_i · column_i[row + d_i].
struct Combine {
    Fr* out;
    const Term* terms;
    uint64_t count;

    SWORN_DEVICE void operator()(uint64_t row, uint32_t) const {
        Fr sum = Fr::zero();
        for (uint64_t i = 0; i < count; i++) sum = sum + terms[i].value(row);
        out[row] = sum;
    }
};

struct Scale {
    Fr* out;
    const Fr* in;
    Fr factor;

    SWORN_DEVICE void operator()(uint64_t row, uint32_t) const { out[row] = in[row] * factor; }
};

// out[row] = factor_s · source_s[row'] for s·rows + row' = map[row].
struct Gather {
    Fr* out;
    const Term* sources;
    const uint32_t* map;
    uint64_t rows;

    SWORN_DEVICE void operator()(uint64_t row, uint32_t) const {
        const uint32_t from = map[row];
        out[row] = from == UINT32_MAX ? Fr::zero() : sources[from / rows].value(from % rows);
    }
};

// weights[row] and weights[row]·R: what multiplies field elements, and what multiplies integers.
struct Weights {
    Fr *plain, *radix;
    View column;

    SWORN_DEVICE void operator()(uint64_t row, uint32_t) const {
        plain[row] = column.value(row);
        radix[row] = plain[row] * Fr::radix();
    }
};

// The sum of a value for each thread, in the first.
template <class B>
SWORN_DEVICE void sum_block(B& block, Fr* sums, uint32_t threads) {
    for (uint32_t half = threads / 2; half > 0; half /= 2) {
        block.for_threads([&](uint32_t t) {
            if (t < half) sums[t] = sums[t] + sums[t + half];
        });
    }
}

// partial[slot][block] = Σ_r slot[r + d]·weights[r] over the block's rows.
struct Products {
    static constexpr uint32_t kThreads = 128;
    struct Shared {
        Fr sums[kThreads];
    };

    Fr* partial;
    const Term* slots;
    const Fr *plain, *radix;
    uint64_t rows;

    SWORN_DEVICE void operator()(Block<Products>& block) const {
        Fr* sums = block.shared.sums;
        block.for_threads([&](uint32_t t) {
            const Term& slot = slots[block.y];
            Fr sum = Fr::zero();
            for (uint64_t row = uint64_t{block.x} * kThreads + t; row < rows; row += uint64_t{block.blocks_x} * kThreads) {
                sum = sum + slot.view.times(slot.view.rotate(row, slot.rotation), plain[row], radix[row]);
            }
            sums[t] = sum;
        });
        sum_block(block, sums, kThreads);
        block.for_threads([&](uint32_t t) {
            if (t == 0) partial[uint64_t{block.y} * block.blocks_x + block.x] = sums[0];
        });
    }
};

// out[slot] = Σ_b partial[slot][b].
struct SumPartial {
    static constexpr uint32_t kThreads = 128;
    struct Shared {
        Fr sums[kThreads];
    };

    Fr* out;
    const Fr* partial;
    uint64_t blocks;

    SWORN_DEVICE void operator()(Block<SumPartial>& block) const {
        Fr* sums = block.shared.sums;
        block.for_threads([&](uint32_t t) {
            Fr sum = Fr::zero();
            for (uint64_t i = t; i < blocks; i += kThreads) sum = sum + partial[block.x * blocks + i];
            sums[t] = sum;
        });
        sum_block(block, sums, kThreads);
        block.for_threads([&](uint32_t t) {
            if (t == 0) out[block.x] = sums[0];
        });
    }
};

}  // namespace

Column combine(Context& context, const std::vector<Term>& terms, uint64_t rows) {
    Column out(new sworn_column(context, rows));
    const Array<Term> uploaded(context, terms);
    for_rows(context, rows, 1, Combine{out->fields.data(), uploaded.data(), uploaded.count()});
    return out;
}

Column powers(const sworn_domain& domain, const Fr& shift) {
    const uint64_t rows = uint64_t{1} << domain.log_rows;
    Column out(new sworn_column(domain.context, rows));
    for_rows(domain.context, rows, 1, Scale{out->fields.data(), domain.powers.data(), shift});
    return out;
}

Column gather(Context& context, const Columns& sources, const Fr* factors, const sworn_map& map) {
    const uint64_t rows = map.source.count();
    Column out(new sworn_column(context, rows));
    std::vector<Term> terms;
    for (size_t i = 0; i < sources.size(); i++) terms.push_back(term(sources[i]->view(), 0, factors[i]));
    const Array<Term> uploaded(context, terms);
    for_rows(context, rows, 1, Gather{out->fields.data(), uploaded.data(), map.source.data(), rows});
    return out;
}

std::vector<Fr> inner_products(Context& context, const std::vector<Term>& slots, const sworn_column& weights) {
    constexpr uint64_t kRowsPerThread = 16, kSlots = 1 << 10;
    const uint64_t rows = weights.rows;
    const Array<Fr> plain(context, rows), radix(context, rows);
    for_rows(context, rows, 1, Weights{plain.data(), radix.data(), weights.view()});
    const uint64_t blocks = divide_up(rows, Products::kThreads * kRowsPerThread);
    std::vector<Fr> all;
    for (size_t first = 0; first < slots.size(); first += kSlots) {
        const size_t count = slots.size() - first < kSlots ? slots.size() - first : kSlots;
        const Array<Term> uploaded(context, slots.data() + first, count);
        const Array<Fr> partial(context, count * blocks), sums(context, count);
        context.launch(Products{partial.data(), uploaded.data(), plain.data(), radix.data(), rows}, blocks, count);
        context.launch(SumPartial{sums.data(), partial.data(), blocks}, count);
        const std::vector<Fr> values = sums.read();
        all.insert(all.end(), values.begin(), values.end());
    }
    return all;
}

}  // namespace sworn
