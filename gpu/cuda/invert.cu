// Inverses of whole columns: each thread inverts the product of its rows and takes it apart [Montgomery].
//
//   prefix_i = v_1 ⋯ v_i        1/v_i = prefix_{i−1} · (1/prefix_i),   1/prefix_{i−1} = v_i · (1/prefix_i)
//
// 3 products a row, and one inversion, of about 360, for a thread's rows.
#include "operations.cuh"

namespace sworn {
namespace {

// Rows of a thread; neighbouring threads have neighbouring rows.
constexpr uint64_t kRun = 32;

// out[row] = factor(row)/value(row); 0 where the value is 0. `out` may be where factors lie, not where values do.
template <class Factor>
struct Invert {
    static constexpr uint32_t kThreads = 128;
    struct Shared {};

    Fr* out;
    Fr* prefixes;
    View column;
    Factor factor;
    uint64_t rows, threads;

    SWORN_DEVICE void operator()(Block<Invert>& block) const {
        block.for_threads([&](uint32_t t) {
            const uint64_t thread = uint64_t{block.x} * kThreads + t;
            if (thread >= threads) return;
            Fr product = Fr::one();
            uint64_t end = thread;
            for (; end < rows; end += threads) {
                const Fr value = column.value(end);
                prefixes[end] = product;
                if (!value.is_zero()) product = product * value;
            }
            Fr inverse = product.inverse();
            while (end > thread) {
                end -= threads;
                const Fr value = column.value(end);
                if (value.is_zero()) {
                    out[end] = Fr::zero();
                } else {
                    out[end] = factor(end, prefixes[end] * inverse);
                    inverse = inverse * value;
                }
            }
        });
    }
};

struct Alone {
    SWORN_DEVICE Fr operator()(uint64_t, const Fr& inverse) const { return inverse; }
};

struct Times {
    const Fr* factors;

    SWORN_DEVICE Fr operator()(uint64_t row, const Fr& inverse) const { return factors[row] * inverse; }
};

template <class Factor>
void run(Context& context, Fr* out, Fr* prefixes, const View& column, const Factor& factor, uint64_t rows) {
    const uint64_t threads = divide_up(rows, kRun);
    context.launch(Invert<Factor>{out, prefixes, column, factor, rows, threads}, divide_up(threads, Invert<Factor>::kThreads));
}

}  // namespace

Column invert(Context& context, const sworn_column& column) {
    Column out(new sworn_column(context, column.rows));
    run(context, out->fields.data(), out->fields.data(), column.view(), Alone{}, column.rows);
    return out;
}

void divide(Context& context, Fr* numerator, const Fr* denominator, uint64_t rows) {
    const Array<Fr> prefixes(context, rows);
    const View column{denominator, nullptr, static_cast<uint32_t>(rows), 0, 0, 0};
    run(context, numerator, prefixes.data(), column, Times{numerator}, rows);
}

}  // namespace sworn
