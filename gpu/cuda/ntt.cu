// Transforms between values on ω^r and coefficients.
//
//   interpolate   natural order -> bit-reversed order, by decimation in frequency with ω^−1, levels 2^k, …, 2
//   coset         bit-reversed order -> natural order, by decimation in time with ω, levels 2, …, 2^k
//
//   a butterfly of level 2^l joins rows base + j and base + j + 2^(l−1), j < 2^(l−1), with ω^{±j·2^(k−l)}
//
// A pass does up to 10 levels in shared memory, so that 2^20 rows are read and written twice: a block takes the 2^s rows that s
// levels join, and as many neighbours of them as fit, which keeps reads together. The transforms of a batch are one launch.
#include "operations.cuh"

namespace sworn {
namespace {

// Rows of a block.
constexpr uint32_t kLogTile = 10;

SWORN_DEVICE uint64_t reverse(uint64_t index, uint32_t bits) {
    uint64_t reversed = 0;
    for (uint32_t i = 0; i < bits; i++) reversed |= (index >> i & 1) << (bits - 1 - i);
    return reversed;
}

// Levels top − levels + 1 … top, of columns of 2^log_rows rows, in place.
template <bool kInverse>
struct Pass {
    static constexpr uint32_t kThreads = 256;
    struct Shared {
        Fr tile[1 << kLogTile];
    };

    Fr* const* columns;
    const Fr* powers;
    uint32_t log_rows, top, levels, log_width;  // 2^log_width neighbours

    // The row of an element of this block's tile.
    SWORN_DEVICE uint64_t row(uint32_t block, uint32_t element) const {
        const uint32_t log_low = top - levels, log_chunks = log_low - log_width;
        const uint64_t high = uint64_t{block} >> log_chunks, chunk = block & ((1u << log_chunks) - 1);
        const uint64_t middle = element >> log_width, neighbour = element & ((1u << log_width) - 1);
        return high << top | middle << log_low | chunk << log_width | neighbour;
    }

    SWORN_DEVICE void butterfly(Fr* tile, uint32_t block, uint32_t level, uint32_t b) const {
        const uint32_t log_half = levels - 1 - level, width_mask = (1u << log_width) - 1;
        const uint32_t neighbour = b & width_mask, pair = b >> log_width;
        const uint32_t j = pair & ((1u << log_half) - 1), middle = (pair >> log_half) << (log_half + 1) | j;
        const uint32_t low = middle << log_width | neighbour, high = low + (1u << (log_half + log_width));
        // The position in its half, of 2^(top − level − 1) rows.
        const uint64_t position = row(block, low) & ((uint64_t{1} << (top - level - 1)) - 1);
        const uint64_t exponent = position << (log_rows - top + level), rows = uint64_t{1} << log_rows;
        const Fr twiddle = powers[kInverse ? (rows - exponent) & (rows - 1) : exponent];
        const Fr u = tile[low], v = tile[high];
        if (kInverse) {
            tile[low] = u + v;
            tile[high] = (u - v) * twiddle;
        } else {
            const Fr w = v * twiddle;
            tile[low] = u + w;
            tile[high] = u - w;
        }
    }

    SWORN_DEVICE void operator()(Block<Pass>& block) const {
        Fr* tile = block.shared.tile;
        Fr* column = columns[block.y];
        const uint32_t elements = 1u << (levels + log_width);
        block.for_threads([&](uint32_t t) {
            for (uint32_t e = t; e < elements; e += kThreads) tile[e] = column[row(block.x, e)];
        });
        for (uint32_t i = 0; i < levels; i++) {
            const uint32_t level = kInverse ? i : levels - 1 - i;
            block.for_threads([&](uint32_t t) {
                for (uint32_t b = t; b < elements / 2; b += kThreads) butterfly(tile, block.x, level, b);
            });
        }
        block.for_threads([&](uint32_t t) {
            for (uint32_t e = t; e < elements; e += kThreads) column[row(block.x, e)] = tile[e];
        });
    }
};

// All levels; the last pass of an inverse transform, and the first of a forward one, has as many as fit.
template <bool kInverse>
void transform(Context& context, const Array<Fr*>& columns, const Fr* powers, uint32_t log_rows) {
    std::vector<Pass<kInverse>> passes;
    for (uint32_t top = 0; top < log_rows;) {
        const uint32_t levels = log_rows - top < kLogTile ? log_rows - top : kLogTile;
        const uint32_t room = kLogTile - levels;
        passes.push_back(Pass<kInverse>{columns.data(), powers, log_rows, top + levels, levels, room < top ? room : top});
        top += levels;
    }
    for (size_t i = 0; i < passes.size(); i++) {
        const Pass<kInverse>& pass = passes[kInverse ? passes.size() - 1 - i : i];
        context.launch(pass, uint64_t{1} << (log_rows - pass.levels - pass.log_width), columns.count());
    }
}

// base^i for i < 2^low, and base^(i·2^low), i < 2^high: every power is a product of two.
struct PowerTable {
    Array<Fr> low, high;
    uint32_t log_low;
};

struct FillPowers {
    Fr* out;
    Fr base;

    SWORN_DEVICE void operator()(uint64_t row, uint32_t) const { out[row] = base.power(row); }
};

PowerTable power_table(Context& context, const Fr& base, uint32_t log_rows) {
    const uint32_t log_low = log_rows / 2;
    const uint64_t low = uint64_t{1} << log_low, high = uint64_t{1} << (log_rows - log_low);
    PowerTable table{Array<Fr>(context, low), Array<Fr>(context, high), log_low};
    for_rows(context, low, 1, FillPowers{table.low.data(), base});
    for_rows(context, high, 1, FillPowers{table.high.data(), base.power(low)});
    return table;
}

struct FillRoots {
    Fr* out;
    const Fr *low, *high;
    uint32_t log_low;

    SWORN_DEVICE void operator()(uint64_t row, uint32_t) const {
        out[row] = low[row & ((uint64_t{1} << log_low) - 1)] * high[row >> log_low];
    }
};

// out[row] = factor · column[row].
struct Load {
    Fr* const* out;
    const View* columns;
    Fr factor, factor_radix;

    SWORN_DEVICE void operator()(uint64_t row, uint32_t column) const { out[column][row] = columns[column].times(row, factor, factor_radix); }
};

// out[row] = in[row] · base^reverse(row).
struct Shift {
    Fr* const* out;
    const View* columns;
    const Fr *low, *high;
    uint32_t log_low, log_rows;

    SWORN_DEVICE void operator()(uint64_t row, uint32_t column) const {
        const uint64_t index = reverse(row, log_rows);
        const Fr power = low[index & ((uint64_t{1} << log_low) - 1)] * high[index >> log_low];
        out[column][row] = columns[column].value(row) * power;
    }
};

struct Reorder {
    Fr* const* out;
    const View* columns;
    uint32_t log_rows;

    SWORN_DEVICE void operator()(uint64_t row, uint32_t column) const {
        out[column][row] = columns[column].value(reverse(row, log_rows));
    }
};

// New columns, and where they are.
struct Outputs {
    std::vector<Column> columns;
    Array<Fr*> pointers;

    Outputs(Context& context, size_t count, uint64_t rows) {
        std::vector<Fr*> host;
        for (size_t i = 0; i < count; i++) {
            columns.push_back(Column(new sworn_column(context, rows)));
            host.push_back(columns.back()->fields.data());
        }
        pointers = Array<Fr*>(context, host);
    }
};

Array<View> views(Context& context, const Columns& columns) {
    std::vector<View> host;
    for (const sworn_column* column : columns) host.push_back(column->view());
    return Array<View>(context, host);
}

}  // namespace

Array<Fr> root_powers(Context& context, uint32_t log_rows, const Fr& omega) {
    const uint64_t rows = uint64_t{1} << log_rows;
    const PowerTable table = power_table(context, omega, log_rows);
    Array<Fr> powers(context, rows);
    for_rows(context, rows, 1, FillRoots{powers.data(), table.low.data(), table.high.data(), table.log_low});
    return powers;
}

std::vector<Column> interpolate(const sworn_domain& domain, const Columns& columns) {
    Context& context = domain.context;
    const uint64_t rows = uint64_t{1} << domain.log_rows;
    Outputs out(context, columns.size(), rows);
    const Array<View> in = views(context, columns);
    for_rows(context, rows, columns.size(), Load{out.pointers.data(), in.data(), domain.inverse_rows, domain.inverse_rows * Fr::radix()});
    transform<true>(context, out.pointers, domain.powers.data(), domain.log_rows);
    return std::move(out.columns);
}

std::vector<Column> coset(const sworn_domain& domain, const Columns& columns, const Fr& shift) {
    Context& context = domain.context;
    const uint64_t rows = uint64_t{1} << domain.log_rows;
    Outputs out(context, columns.size(), rows);
    const Array<View> in = views(context, columns);
    const PowerTable table = power_table(context, shift, domain.log_rows);
    for_rows(context, rows, columns.size(),
             Shift{out.pointers.data(), in.data(), table.low.data(), table.high.data(), table.log_low, domain.log_rows});
    transform<false>(context, out.pointers, domain.powers.data(), domain.log_rows);
    return std::move(out.columns);
}

std::vector<Column> limbs(const sworn_domain& domain, const Columns& cosets, const Fr* inverses, const Fr* matrix) {
    Context& context = domain.context;
    const uint64_t rows = uint64_t{1} << domain.log_rows;
    const size_t count = cosets.size();
    std::vector<Column> remainders = interpolate(domain, cosets);
    for (size_t i = 0; i < count; i++) {
        const PowerTable table = power_table(context, inverses[i], domain.log_rows);
        const Array<View> in = views(context, {remainders[i].get()});
        const Array<Fr*> out(context, std::vector<Fr*>{remainders[i]->fields.data()});
        for_rows(context, rows, 1, Shift{out.data(), in.data(), table.low.data(), table.high.data(), table.log_low, domain.log_rows});
    }
    std::vector<Column> made;
    for (size_t i = 0; i < count; i++) {
        std::vector<Term> terms;
        for (size_t j = 0; j < count; j++) terms.push_back(term(remainders[j]->view(), 0, matrix[i * count + j]));
        made.push_back(combine(context, terms, rows));
    }
    return made;
}

std::vector<Column> natural_order(Context& context, const Columns& columns) {
    if (columns.empty()) return {};
    const uint64_t rows = columns[0]->rows;
    Outputs out(context, columns.size(), rows);
    const Array<View> in = views(context, columns);
    for_rows(context, rows, columns.size(), Reorder{out.pointers.data(), in.data(), log2_exact(rows)});
    return std::move(out.columns);
}

}  // namespace sworn
