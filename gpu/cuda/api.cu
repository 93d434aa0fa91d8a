// The interface: arguments are checked, failures become statuses, and nothing is thrown across it.
#define SWORN_EXPORT __attribute__((visibility("default")))
#include "operations.cuh"

#include <cstring>
#include <new>

struct sworn_context {
    sworn::Context inner;
};

using namespace sworn;

namespace {

void report(sworn_error* error, const char* text) {
    if (error) std::snprintf(error->text, sizeof error->text, "%s", text);
}

// Runs a call.
template <class F>
sworn_status guard(sworn_error* error, F f) {
    try {
        f();
        return SWORN_OK;
    } catch (const Failure& failure) {
        report(error, failure.text);
        return failure.status;
    } catch (const std::bad_alloc&) {
        report(error, "the host has no more memory");
        return SWORN_OUT_OF_MEMORY;
    } catch (...) {
        report(error, "an unknown exception");
        return SWORN_DEVICE_FAILURE;
    }
}

// Runs a call that waits for those before it.
template <class F>
sworn_status guard(sworn_context* context, sworn_error* error, F f) {
    return guard(error, [&] {
        require(context != nullptr, "no context");
        const std::lock_guard<std::mutex> lock(context->inner.mutex);
        context->inner.begin_call();
        f(context->inner);
    });
}

template <class T>
void destroy(T* owned) {
    if (!owned) return;
    // The mutex outlives what is deleted: it is the context's.
    const std::lock_guard<std::mutex> lock(owned->context.mutex);
    delete owned;
}

Fr scalar(const uint8_t* bytes) {
    require(bytes != nullptr, "no scalar");
    Fr value;
    std::memcpy(value.limb, bytes, sizeof value);
    Fr less = value;
    const Fr modulus = Fr::modulus();
    require(chains::subtract(less.limb, modulus.limb) != 0, "a scalar is not below r");
    return value;
}

std::vector<Fr> scalars(const uint8_t* bytes, uint64_t count) {
    require(bytes != nullptr || count == 0, "no scalars");
    std::vector<Fr> values;
    values.reserve(count);
    for (uint64_t i = 0; i < count; i++) values.push_back(scalar(bytes + 32 * i));
    return values;
}

// A column that this call uses. Its values are the caller's constants; where they lie is not.
const sworn_column& column(Context& context, const sworn_column* column, uint64_t rows) {
    require(column != nullptr && &column->context == &context, "a column is missing, or of another context");
    require(column->rows == rows, "columns have different numbers of rows");
    context.use(*const_cast<sworn_column*>(column));
    return *column;
}

const sworn_column& column(Context& context, const sworn_column* any) {
    require(any != nullptr, "a column is missing");
    return column(context, any, any->rows);
}

Columns columns(Context& context, const sworn_column* const* all, uint64_t count, uint64_t rows) {
    Columns out;
    for (uint64_t i = 0; i < count; i++) out.push_back(&column(context, all[i], rows));
    return out;
}

uint64_t rows_of(const sworn_column* const* columns, uint64_t count) { return count > 0 && columns[0] ? columns[0]->rows : 1; }

uint64_t domain_rows(const Context& context, const sworn_domain* domain) {
    require(domain != nullptr && &domain->context == &context, "a domain is missing, or of another context");
    return uint64_t{1} << domain->log_rows;
}

std::vector<Term> slots(Context& context, const sworn_slot* all, const Fr* factors, uint64_t count, uint64_t rows) {
    std::vector<Term> terms;
    for (uint64_t i = 0; i < count; i++) {
        terms.push_back(term(column(context, all[i].column, rows).view(), all[i].rotation, factors ? factors[i] : Fr::one()));
    }
    return terms;
}

uint64_t slot_rows(Context& context, const sworn_slot* all, uint64_t count) {
    require(count > 0, "no column");
    return column(context, all[0].column).rows;
}

// Forms `first` to `last` − 1, with their summands alone.
Forms forms(Context& context, const sworn_summand* summands, uint64_t num_summands, const uint32_t* ends, uint64_t first, uint64_t last) {
    Forms forms;
    const uint64_t begin = first > 0 ? ends[first - 1] : 0;
    uint64_t before = begin;
    for (uint64_t i = first; i < last; i++) {
        require(before <= ends[i] && ends[i] <= num_summands, "the ends of forms are not in order");
        before = ends[i];
        forms.ends.push_back(static_cast<uint32_t>(ends[i] - begin));
    }
    unsigned __int128 factors = 0;
    for (uint64_t i = begin; i < before; i++) {
        require(column(context, summands[i].column).width != 0, "a form has a column of field elements");
        const int64_t factor = summands[i].factor;
        factors += factor < 0 ? 0 - static_cast<uint64_t>(factor) : static_cast<uint64_t>(factor);
        forms.summands.push_back(summands[i]);
    }
    // Then a form of 64-bit integers fits 128 bits.
    require(factors < uint64_t{1} << 63, "the factors of forms are too large");
    return forms;
}

void give(std::vector<Column>& columns, sworn_column** out) {
    for (Column& column : columns) *out++ = column.release();
}

// New columns from columns of so many rows, one each, in parts: f makes those of a part.
template <class F>
void give_each(Context& context, const sworn_column* const* all, uint64_t count, uint64_t rows, sworn_column** out, const F& f) {
    std::vector<Column> made;
    in_parts(context, count, 2 * rows * sizeof(Fr), 0, [&](uint64_t first, uint64_t number) {
        for (Column& column : f(columns(context, all + first, number, rows))) made.push_back(std::move(column));
    });
    give(made, out);
}

void write(const Fr& value, uint8_t* out) { std::memcpy(out, value.limb, sizeof value); }

}  // namespace

sworn_column::sworn_column(Context& context, const void* values, uint32_t width, uint64_t length, uint64_t rows)
    : context(context), rows(static_cast<uint32_t>(rows)), length(static_cast<uint32_t>(length)), width(width) {
    log2_exact(rows);
    require(width == 1 || width == 2 || width == 4 || width == 8, "integers have 1, 2, 4 or 8 bytes");
    require(length <= rows && (values || length == 0), "there are more integers than rows");
    const uint8_t* bytes = static_cast<const uint8_t*>(values);
    uint64_t magnitudes = 0;
    bool is_zero = true;
    for (uint64_t i = 0; i < length; i++) {
        uint64_t word = 0;
        std::memcpy(&word, bytes + i * width, width);
        // x fits b bits and a sign if x ⊕ (x < 0 ? −1 : 0) < 2^b.
        const int64_t value = static_cast<int64_t>(word << (64 - 8 * width)) >> (64 - 8 * width);
        magnitudes |= static_cast<uint64_t>(value ^ (value >> 63));
        is_zero = is_zero && value == 0;
    }
    for (bits = is_zero ? 0 : 1; magnitudes != 0; magnitudes >>= 1) bits++;
    integers = TwoPlaces<uint64_t>(Array<uint64_t>::of_bytes(context, values, length * width));
    context.use(*this, true);
}

void sworn_column::move_out() {
    // What fails leaves all where it is.
    integers.copy_out();
    fields.copy_out();
    tail.copy_out();
    integers.drop_device();
    fields.drop_device();
    tail.drop_device();
}

void sworn_column::move_in() {
    integers.move_in(context);
    fields.move_in(context);
    tail.move_in(context);
}

uint64_t sworn_column::bytes() const {
    return integers.count() * sizeof(uint64_t) + (fields.count() + tail.count()) * sizeof(Fr);
}

void sworn_column::write_tail(const Fr* values, uint64_t count) {
    require(count <= rows, "the tail is longer than the column");
    if (count == 0) return;
    if (width == 0) {
        fields.change();
        context.runtime().copy_in(fields.data() + (rows - count), values, count * sizeof(Fr));
        return;
    }
    if (tail.count() < count) {
        tail = TwoPlaces<Fr>(Array<Fr>(context, values, count));
    } else {
        tail.change();
        context.runtime().copy_in(tail.data() + (tail.count() - count), values, count * sizeof(Fr));
    }
}

uint32_t sworn_cuda_abi_version(void) { return SWORN_CUDA_ABI_VERSION; }

sworn_status sworn_cuda_device_count(uint32_t* count, sworn_error* error) {
    return guard(error, [&] { *count = Runtime::num_devices(); });
}

sworn_status sworn_cuda_device(uint32_t index, sworn_device* device, sworn_error* error) {
    return guard(error, [&] { Runtime::describe(index, *device); });
}

sworn_status sworn_cuda_context_create(uint32_t device, uint64_t memory, sworn_context** out, sworn_error* error) {
    return guard(error, [&] { *out = new sworn_context{{device, memory}}; });
}

void sworn_cuda_context_destroy(sworn_context* context) { delete context; }

sworn_status sworn_cuda_context_memory(sworn_context* context, uint64_t* now, uint64_t* peak, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        *now = inner.used();
        *peak = inner.peak();
    });
}

sworn_status sworn_cuda_context_measure(sworn_context* context, uint32_t is_measured, sworn_error* error) {
    return guard(context, error, [&](Context& inner) { inner.runtime().measure(is_measured != 0); });
}

sworn_status sworn_cuda_context_busy(sworn_context* context, sworn_busy* busy, sworn_error* error) {
    return guard(context, error, [&](Context& inner) { *busy = inner.runtime().busy(); });
}

sworn_status sworn_cuda_context_fail_after(sworn_context* context, uint64_t allocations, uint64_t launches, sworn_error* error) {
    return guard(context, error, [&](Context& inner) { inner.fail_after(allocations, launches); });
}

sworn_status sworn_cuda_points_create(sworn_context* context, const uint8_t* points, uint64_t count, sworn_points** out,
                                      sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        std::vector<Affine> host(count);
        if (count) std::memcpy(static_cast<void*>(host.data()), points, count * sizeof(Affine));
        *out = new sworn_points{inner, Array<Affine>(inner, host)};
    });
}

void sworn_cuda_points_destroy(sworn_points* points) { destroy(points); }

sworn_status sworn_cuda_domain_create(sworn_context* context, uint32_t log_rows, const uint8_t* omega, sworn_domain** out,
                                      sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        require(log_rows <= 28, "a domain has up to 2^28 rows");
        const Fr root = scalar(omega), inverse_rows = Fr::from_integer(int64_t{1} << log_rows).inverse();
        *out = new sworn_domain{inner, log_rows, inverse_rows, root_powers(inner, log_rows, root)};
    });
}

void sworn_cuda_domain_destroy(sworn_domain* domain) { destroy(domain); }

sworn_status sworn_cuda_map_create(sworn_context* context, const uint32_t* source, uint64_t rows, sworn_map** out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        log2_exact(rows);
        uint32_t largest = 0;
        for (uint64_t i = 0; i < rows; i++) largest = source[i] != UINT32_MAX && source[i] > largest ? source[i] : largest;
        *out = new sworn_map{inner, Array<uint32_t>(inner, source, rows), largest};
    });
}

void sworn_cuda_map_destroy(sworn_map* map) { destroy(map); }

sworn_status sworn_cuda_column_integers(sworn_context* context, const void* values, uint32_t width, uint64_t length, uint64_t rows,
                                        sworn_column** out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) { *out = new sworn_column(inner, values, width, length, rows); });
}

sworn_status sworn_cuda_column_fields(sworn_context* context, const uint8_t* bytes, uint64_t rows, sworn_column** out,
                                      sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        log2_exact(rows);
        *out = new sworn_column(inner, Array<Fr>(inner, scalars(bytes, rows)));
    });
}

void sworn_cuda_column_destroy(sworn_column* column) { destroy(column); }

sworn_status sworn_cuda_column_write_tail(sworn_context* context, sworn_column* of, const uint8_t* bytes, uint64_t count,
                                          sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        column(inner, of);
        of->write_tail(scalars(bytes, count).data(), count);
    });
}

sworn_status sworn_cuda_column_read(sworn_context* context, const sworn_column* of, uint64_t start, uint64_t count, uint8_t* out,
                                    sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        const sworn_column& from = column(inner, of);
        require(start <= from.rows && count <= from.rows - start, "the rows to read are not there");
        if (count == 0) return;
        const View view = from.view();
        if (view.width == 0) {
            inner.runtime().copy_out(out, from.fields.data() + start, count * sizeof(Fr));
            return;
        }
        const Column values = combine(inner, {term(view, 0, Fr::one())}, from.rows);
        inner.runtime().copy_out(out, values->fields.data() + start, count * sizeof(Fr));
    });
}

sworn_status sworn_cuda_commit(sworn_context* context, const sworn_points* points, const sworn_column* const* all, uint64_t count,
                               uint8_t* out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        require(points != nullptr && &points->context == &inner, "points are missing, or of another context");
        const uint64_t rows = points->points.count();
        in_parts(inner, count, rows * sizeof(Fr), commit_bytes(rows), [&](uint64_t first, uint64_t number) {
            for (const Point& sum : commit(inner, *points, columns(inner, all + first, number, rows))) {
                // (X·ZZ, Y·ZZZ, ZZ): Z² = ZZ², Z³ = ZZZ².
                const Fq coordinates[3] = {sum.x * sum.zz, sum.y * sum.zzz, sum.zz};
                std::memcpy(out, coordinates, sizeof coordinates);
                out += sizeof coordinates;
            }
        });
    });
}

sworn_status sworn_cuda_interpolate(sworn_context* context, const sworn_domain* domain, const sworn_column* const* all, uint64_t count,
                                    sworn_column** out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        give_each(inner, all, count, domain_rows(inner, domain), out, [&](const Columns& in) { return interpolate(*domain, in); });
    });
}

sworn_status sworn_cuda_coset(sworn_context* context, const sworn_domain* domain, const sworn_column* const* all, uint64_t count,
                              const uint8_t* shift, sworn_column** out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        const Fr by = scalar(shift);
        give_each(inner, all, count, domain_rows(inner, domain), out, [&](const Columns& in) { return coset(*domain, in, by); });
    });
}

sworn_status sworn_cuda_limbs(sworn_context* context, const sworn_domain* domain, const sworn_column* const* all, uint64_t count,
                              const uint8_t* inverses, const uint8_t* matrix, sworn_column** out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        require(count < 1 << 10, "too many cosets");
        const Columns in = columns(inner, all, count, domain_rows(inner, domain));
        std::vector<Column> made = limbs(*domain, in, scalars(inverses, count).data(), scalars(matrix, count * count).data());
        give(made, out);
    });
}

sworn_status sworn_cuda_natural_order(sworn_context* context, const sworn_column* const* all, uint64_t count, sworn_column** out,
                                      sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        give_each(inner, all, count, rows_of(all, count), out, [&](const Columns& in) { return natural_order(inner, in); });
    });
}

sworn_status sworn_cuda_powers(sworn_context* context, const sworn_domain* domain, const uint8_t* shift, sworn_column** out,
                               sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        domain_rows(inner, domain);
        *out = powers(*domain, scalar(shift)).release();
    });
}

sworn_status sworn_cuda_combine(sworn_context* context, const sworn_slot* all, const uint8_t* factors, uint64_t count,
                                sworn_column** out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        const uint64_t rows = slot_rows(inner, all, count);
        const std::vector<Fr> by = scalars(factors, count);
        Column sum;
        in_parts(inner, count, rows * sizeof(Fr), 2 * rows * sizeof(Fr), [&](uint64_t first, uint64_t number) {
            std::vector<Term> terms = slots(inner, all + first, by.data() + first, number, rows);
            if (sum) terms.push_back(term(column(inner, sum.get()).view(), 0, Fr::one()));
            sum = combine(inner, terms, rows);
        });
        *out = sum.release();
    });
}

sworn_status sworn_cuda_evaluate(sworn_context* context, const uint32_t* words, uint64_t num_words, uint32_t registers,
                                 const sworn_slot* all, uint64_t num_slots, const uint8_t* constants, uint64_t num_scalars,
                                 uint64_t num_outputs, sworn_column** out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        const uint64_t rows = slot_rows(inner, all, num_slots);
        const std::vector<uint32_t> program(words, words + num_words);
        require_program(program, registers, num_slots, num_scalars, num_outputs);
        std::vector<Column> made =
            evaluate(inner, program, registers, slots(inner, all, nullptr, num_slots, rows), scalars(constants, num_scalars), num_outputs, rows);
        give(made, out);
    });
}

sworn_status sworn_cuda_invert(sworn_context* context, const sworn_column* of, sworn_column** out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) { *out = invert(inner, column(inner, of)).release(); });
}

sworn_status sworn_cuda_reciprocals(sworn_context* context, const uint8_t* shift, uint64_t rows, const sworn_summand* summands,
                                    uint64_t num_summands, const uint32_t* form_ends, uint64_t num_forms, const uint32_t* column_ends,
                                    uint64_t num_columns, sworn_column** out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        const Fr by = scalar(shift);
        std::vector<Column> made;
        in_parts(inner, num_columns, rows * sizeof(Fr), 2 * rows * sizeof(Fr), [&](uint64_t first, uint64_t number) {
            const auto end_of = [&](uint64_t column) { return column > 0 ? column_ends[column - 1] : 0; };
            std::vector<uint32_t> ends;
            for (uint64_t i = first; i < first + number; i++) {
                require(end_of(i) <= column_ends[i] && column_ends[i] <= num_forms, "the ends of columns are not in order");
                ends.push_back(column_ends[i] - end_of(first));
            }
            const Forms part = forms(inner, summands, num_summands, form_ends, end_of(first), end_of(first + number));
            for (const sworn_summand& summand : part.summands) column(inner, summand.column, rows);
            for (Column& column : reciprocals(inner, by, rows, part, ends)) made.push_back(std::move(column));
        });
        give(made, out);
    });
}

sworn_status sworn_cuda_scan(sworn_context* context, const sworn_column* factor, const sworn_column* of, sworn_column** out,
                             sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        const sworn_column& terms = column(inner, of);
        if (factor) column(inner, factor, terms.rows);
        *out = scan(inner, factor, terms).release();
    });
}

sworn_status sworn_cuda_products(sworn_context* context, const sworn_column* factors, const uint8_t* initial, sworn_column** out,
                                 sworn_error* error) {
    return guard(context, error, [&](Context& inner) { *out = products(inner, column(inner, factors), scalar(initial)).release(); });
}

sworn_status sworn_cuda_gather(sworn_context* context, const sworn_column* const* sources, const uint8_t* factors, uint64_t count,
                               const sworn_map* map, sworn_column** out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        require(map != nullptr && &map->context == &inner, "a map is missing, or of another context");
        const uint64_t rows = map->source.count();
        require(map->largest == 0 || map->largest / rows < count, "a map reads a source that is not there");
        *out = gather(inner, columns(inner, sources, count, rows), scalars(factors, count).data(), *map).release();
    });
}

sworn_status sworn_cuda_inner_products(sworn_context* context, const sworn_slot* all, uint64_t count, const sworn_column* weights,
                                       uint8_t* out, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        const uint64_t rows = column(inner, weights).rows;
        in_parts(inner, count, rows * sizeof(Fr), 4 * rows * sizeof(Fr), [&](uint64_t first, uint64_t number) {
            const sworn_column& of = column(inner, weights, rows);
            for (const Fr& value : inner_products(inner, slots(inner, all + first, nullptr, number, rows), of)) {
                write(value, out);
                out += sizeof value;
            }
        });
    });
}

sworn_status sworn_cuda_multiplicities(sworn_context* context, const sworn_summand* summands, uint64_t num_summands,
                                       const uint32_t* form_ends, uint64_t num_forms, uint64_t rows, uint64_t size, int64_t* counts,
                                       uint64_t* wrong_row, int64_t* wrong_value, sworn_error* error) {
    return guard(context, error, [&](Context& inner) {
        const Forms all = forms(inner, summands, num_summands, form_ends, 0, num_forms);
        require(num_forms == 0 || rows < (uint64_t{1} << 32) / num_forms, "the counts would not fit 32 bits");
        require(size <= uint64_t{1} << 32, "the table is too large");
        int64_t value = 0;
        const uint64_t index = multiplicities(inner, all, rows, size, counts, &value);
        if (index == UINT64_MAX) return;
        *wrong_row = index / num_forms;
        *wrong_value = value;
        throw Failure(SWORN_OUT_OF_RANGE, "the value %lld has no place in the table", static_cast<long long>(value));
    });
}
