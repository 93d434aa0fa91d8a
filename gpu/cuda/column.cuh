// Columns: small integers that stay small, with a tail of field elements, or field elements.
#pragma once

#include "context.cuh"
#include "curve.cuh"

namespace sworn {

// A column as kernels see it.
struct View {
    const void* values;  // integers of `width` bytes, or field elements if that is 0
    const Fr* tail;
    uint32_t rows, length, tail_rows, width;

    // Row r + d, modulo the rows, which are a power of two.
    SWORN_DEVICE uint64_t rotate(uint64_t row, int64_t rotation) const {
        return static_cast<uint64_t>(static_cast<int64_t>(row) + rotation) & (rows - 1);
    }

    // The integer in a row, 0 behind the last.
    SWORN_DEVICE int64_t integer(uint64_t row) const {
        if (row >= length) return 0;
        switch (width) {
            case 1: return static_cast<const int8_t*>(values)[row];
            case 2: return static_cast<const int16_t*>(values)[row];
            case 4: return static_cast<const int32_t*>(values)[row];
            default: return static_cast<const int64_t*>(values)[row];
        }
    }

    // factor · value, from the factor and factor·R.
    SWORN_DEVICE Fr times(uint64_t row, const Fr& factor, const Fr& factor_radix) const {
        if (width == 0) return static_cast<const Fr*>(values)[row] * factor;
        if (row >= rows - tail_rows) return tail[row - (rows - tail_rows)] * factor;
        return Fr::multiply_integer(integer(row), factor_radix);
    }

    SWORN_DEVICE Fr value(uint64_t row) const {
        if (width == 0) return static_cast<const Fr*>(values)[row];
        if (row >= rows - tail_rows) return tail[row - (rows - tail_rows)];
        return Fr::from_integer(integer(row));
    }
};

// A view at a rotation, with a factor.
struct Term {
    View view;
    int64_t rotation;
    Fr factor, factor_radix;

    SWORN_DEVICE Fr value(uint64_t row) const { return view.times(view.rotate(row, rotation), factor, factor_radix); }
};

inline Term term(const View& view, int64_t rotation, const Fr& factor) { return Term{view, rotation, factor, factor * Fr::radix()}; }

inline uint32_t log2_exact(uint64_t rows) {
    uint32_t log = 0;
    while (log < 28 && uint64_t{1} << log < rows) log++;
    require(uint64_t{1} << log == rows, "the number of rows is no power of two up to 2^28");
    return log;
}

// An array that lies on the device, or on the host, or on both alike.
template <class T>
class TwoPlaces {
public:
    TwoPlaces() = default;
    explicit TwoPlaces(Array<T>&& made) : count_(made.count()), device_(std::move(made)) {}

    T* data() const { return device_.data(); }
    uint64_t count() const { return count_; }

    // The copy on the host is no more what lies on the device.
    void change() { host_ = std::vector<T>(); }
    // Has a copy on the host, for which there may be no memory.
    void copy_out() {
        if (host_.size() != count_) host_ = device_.read();
    }
    // Only behind `copy_out`.
    void drop_device() { device_ = Array<T>(); }
    void move_in(Context& context) {
        if (device_.count() != count_) device_ = Array<T>(context, host_);
    }

private:
    uint64_t count_ = 0;
    Array<T> device_;
    std::vector<T> host_;
};

}  // namespace sworn

// The owner of a column's memory.
struct sworn_column final : sworn::Movable {
    sworn::Context& context;
    uint32_t rows, length = 0, width = 0;
    uint32_t bits = 0;  // every integer x has −2^(bits−1) ≤ x < 2^(bits−1), and is 0 for no bits
    sworn::TwoPlaces<uint64_t> integers;
    sworn::TwoPlaces<sworn::Fr> fields, tail;

    // Uninitialised field elements.
    sworn_column(sworn::Context& context, uint64_t rows)
        : context(context), rows(static_cast<uint32_t>(rows)), fields(sworn::Array<sworn::Fr>(context, rows)) {
        sworn::log2_exact(rows);
        context.use(*this, true);
    }

    // Field elements that are there.
    sworn_column(sworn::Context& context, sworn::Array<sworn::Fr>&& values)
        : context(context), rows(static_cast<uint32_t>(values.count())), fields(std::move(values)) {
        sworn::log2_exact(rows);
        context.use(*this, true);
    }

    // Integers.
    sworn_column(sworn::Context& context, const void* values, uint32_t width, uint64_t length, uint64_t rows);

    ~sworn_column() override { context.forget(*this); }

    // Of a column that this call uses.
    sworn::View view() const {
        const void* values = width ? static_cast<const void*>(integers.data()) : fields.data();
        return sworn::View{values, tail.data(), rows, length, static_cast<uint32_t>(tail.count()), width};
    }

    void write_tail(const sworn::Fr* values, uint64_t count);

private:
    void move_out() override;
    void move_in() override;
    uint64_t bytes() const override;
};

struct sworn_points {
    sworn::Context& context;
    sworn::Array<sworn::Affine> points;
};

struct sworn_map {
    sworn::Context& context;
    sworn::Array<uint32_t> source;
    uint32_t largest;  // of the sources, or 0
};

struct sworn_domain {
    sworn::Context& context;
    uint32_t log_rows;
    sworn::Fr inverse_rows;
    sworn::Array<sworn::Fr> powers;  // ω^r, r < n
};
