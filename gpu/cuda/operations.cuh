// The operations of the interface, one file of kernels each; arguments are checked by the caller, `api.cu`.
#pragma once

#include <memory>
#include <vector>

#include "column.cuh"

namespace sworn {

typedef std::unique_ptr<sworn_column> Column;
typedef std::vector<const sworn_column*> Columns;

// Σ of the summands of form i, which lie before ends[i] and behind ends[i − 1].
struct Forms {
    std::vector<sworn_summand> summands;
    std::vector<uint32_t> ends;
};

// msm.cu
// The workspace of one column of field elements.
uint64_t commit_bytes(uint64_t rows);
std::vector<Point> commit(Context& context, const sworn_points& points, const Columns& columns);

// ntt.cu
Array<Fr> root_powers(Context& context, uint32_t log_rows, const Fr& omega);
std::vector<Column> interpolate(const sworn_domain& domain, const Columns& columns);
std::vector<Column> coset(const sworn_domain& domain, const Columns& columns, const Fr& shift);
std::vector<Column> limbs(const sworn_domain& domain, const Columns& cosets, const Fr* inverses, const Fr* matrix);
std::vector<Column> natural_order(Context& context, const Columns& columns);

// linear.cu
Column combine(Context& context, const std::vector<Term>& terms, uint64_t rows);
Column powers(const sworn_domain& domain, const Fr& shift);
Column gather(Context& context, const Columns& sources, const Fr* factors, const sworn_map& map);
std::vector<Fr> inner_products(Context& context, const std::vector<Term>& slots, const sworn_column& weights);

// program.cu
// Refuses words that are no program on so many registers, slots and scalars.
void require_program(const std::vector<uint32_t>& words, uint32_t registers, uint64_t slots, uint64_t scalars, uint64_t outputs);
std::vector<Column> evaluate(Context& context, const std::vector<uint32_t>& words, uint32_t registers, const std::vector<Term>& slots,
                             const std::vector<Fr>& scalars, uint64_t outputs, uint64_t rows);

// scan.cu
Column scan(Context& context, const sworn_column* factor, const sworn_column& term);
Column products(Context& context, const sworn_column& factors, const Fr& initial);

// invert.cu
Column invert(Context& context, const sworn_column& column);
// out[r] = numerator[r]/denominator[r] for denominators without zeros; `numerator` is overwritten.
void divide(Context& context, Fr* numerator, const Fr* denominator, uint64_t rows);

// lookup.cu
std::vector<Column> reciprocals(Context& context, const Fr& shift, uint64_t rows, const Forms& forms,
                                const std::vector<uint32_t>& column_ends);
// Index of the first value out of range, row·forms + form, or UINT64_MAX; then `wrong` is that value.
uint64_t multiplicities(Context& context, const Forms& forms, uint64_t rows, uint64_t size, int64_t* counts, int64_t* wrong);

}  // namespace sworn
