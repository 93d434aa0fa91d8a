/* The C interface of the plugin `libsworn_cuda`: operations on whole columns that stay on a device.
 *
 *   columns       n = 2^k rows, k ≤ 28. Integers of 1, 2, 4 or 8 bytes with a few field elements at the end, or field elements
 *   scalars       32 bytes: x·2^256 mod r, little-endian, below r
 *   points in     64 bytes: x, y as x·2^256 mod q, little-endian; zeros are the identity
 *   points out    96 bytes: X, Y, Z alike, x = X/Z², y = Y/Z³; Z = 0 is the identity
 *   rotations     the column at rotation d has the value of row r + d, modulo n
 *
 * Every function but the first and the destructors returns a status and, if that is not SWORN_OK, a text in `error`, which
 * may be NULL. Then nothing was made: outputs are untouched. After SWORN_DEVICE_FAILURE a context is of no more use, and only
 * destructors may follow. Functions may be called from any thread; calls of one context wait for each other.
 * What was made by a context must be destroyed before it. Destructors accept NULL.
 */
#ifndef SWORN_CUDA_H
#define SWORN_CUDA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes whenever a function or a layout of this file does. */
#define SWORN_CUDA_ABI_VERSION 2

typedef enum sworn_status {
    SWORN_OK = 0,
    SWORN_OUT_OF_MEMORY = 1,   /* the device, or the budget of the context, has too little memory */
    SWORN_DEVICE_FAILURE = 2,  /* the device or its driver reported an error */
    SWORN_INVALID = 3,         /* arguments that no caller of a right program passes */
    SWORN_OUT_OF_RANGE = 4     /* multiplicities: a value has no place in the table */
} sworn_status;

typedef struct sworn_error {
    char text[240]; /* UTF-8, ends in a zero */
} sworn_error;

typedef struct sworn_context sworn_context;
typedef struct sworn_points sworn_points;
typedef struct sworn_domain sworn_domain;
typedef struct sworn_column sworn_column;
typedef struct sworn_map sworn_map;

typedef struct sworn_device {
    char name[128];         /* UTF-8, ends in a zero */
    uint64_t memory;        /* bytes in all */
    uint32_t major, minor;  /* compute capability */
    uint32_t processors;    /* streaming multiprocessors */
    uint32_t is_emulated;   /* 1 if kernels run on the host */
} sworn_device;

/* What a device was busy with. */
typedef struct sworn_busy {
    uint64_t kernel_ns, copy_ns;  /* time in kernels, and in copies between host and device or on it */
    uint64_t kernels, copies;     /* how many */
} sworn_busy;

/* A column at a rotation. */
typedef struct sworn_slot {
    const sworn_column *column;
    int64_t rotation;
} sworn_slot;

/* A column of integers with a factor. */
typedef struct sworn_summand {
    const sworn_column *column;
    int64_t factor;
} sworn_summand;

#ifndef SWORN_EXPORT
#define SWORN_EXPORT
#endif

SWORN_EXPORT uint32_t sworn_cuda_abi_version(void);

SWORN_EXPORT sworn_status sworn_cuda_device_count(uint32_t *count, sworn_error *error);
SWORN_EXPORT sworn_status sworn_cuda_device(uint32_t index, sworn_device *device, sworn_error *error);

/* `memory`: the most bytes that columns, points and workspace take together. */
SWORN_EXPORT sworn_status sworn_cuda_context_create(uint32_t device, uint64_t memory, sworn_context **out, sworn_error *error);
SWORN_EXPORT void sworn_cuda_context_destroy(sworn_context *context);
/* Bytes that are taken now, and the most that were. */
SWORN_EXPORT sworn_status sworn_cuda_context_memory(sworn_context *context, uint64_t *now, uint64_t *peak, sworn_error *error);
/* Measures from now on, from zero, or no more. It costs a little time itself. */
SWORN_EXPORT sworn_status sworn_cuda_context_measure(sworn_context *context, uint32_t is_measured, sworn_error *error);
/* What was measured so far. */
SWORN_EXPORT sworn_status sworn_cuda_context_busy(sworn_context *context, sworn_busy *busy, sworn_error *error);
/* For tests: the allocation (the launch) after so many more fails, as if the device were full (broken). UINT64_MAX: none. */
SWORN_EXPORT sworn_status sworn_cuda_context_fail_after(sworn_context *context, uint64_t allocations, uint64_t launches,
                                                        sworn_error *error);

SWORN_EXPORT sworn_status sworn_cuda_points_create(sworn_context *context, const uint8_t *points, uint64_t count, sworn_points **out,
                                                   sworn_error *error);
SWORN_EXPORT void sworn_cuda_points_destroy(sworn_points *points);

/* `omega`: a root of unity of order 2^log_rows. */
SWORN_EXPORT sworn_status sworn_cuda_domain_create(sworn_context *context, uint32_t log_rows, const uint8_t *omega, sworn_domain **out,
                                                   sworn_error *error);
SWORN_EXPORT void sworn_cuda_domain_destroy(sworn_domain *domain);

/* Row r reads row source[r] % rows of source source[r] / rows; UINT32_MAX is 0. */
SWORN_EXPORT sworn_status sworn_cuda_map_create(sworn_context *context, const uint32_t *source, uint64_t rows, sworn_map **out,
                                                sworn_error *error);
SWORN_EXPORT void sworn_cuda_map_destroy(sworn_map *map);

/* `length` integers of `width` bytes, the machine's order; rows behind them are 0. */
SWORN_EXPORT sworn_status sworn_cuda_column_integers(sworn_context *context, const void *values, uint32_t width, uint64_t length,
                                                     uint64_t rows, sworn_column **out, sworn_error *error);
SWORN_EXPORT sworn_status sworn_cuda_column_fields(sworn_context *context, const uint8_t *scalars, uint64_t rows, sworn_column **out,
                                                   sworn_error *error);
SWORN_EXPORT void sworn_cuda_column_destroy(sworn_column *column);
/* Overwrites the last rows. */
SWORN_EXPORT sworn_status sworn_cuda_column_write_tail(sworn_context *context, sworn_column *column, const uint8_t *scalars,
                                                       uint64_t count, sworn_error *error);
/* `scalars` has room for 32·count bytes. */
SWORN_EXPORT sworn_status sworn_cuda_column_read(sworn_context *context, const sworn_column *column, uint64_t start, uint64_t count,
                                                 uint8_t *scalars, sworn_error *error);

/* Σ_r column[r]·points[r] for each column; `out` has room for 96·count bytes. */
SWORN_EXPORT sworn_status sworn_cuda_commit(sworn_context *context, const sworn_points *points, const sworn_column *const *columns,
                                            uint64_t count, uint8_t *out, sworn_error *error);

/* Values on rows to coefficients, in bit-reversed order. */
SWORN_EXPORT sworn_status sworn_cuda_interpolate(sworn_context *context, const sworn_domain *domain, const sworn_column *const *columns,
                                                 uint64_t count, sworn_column **out, sworn_error *error);
/* Coefficients in bit-reversed order to values on shift·ω^r. */
SWORN_EXPORT sworn_status sworn_cuda_coset(sworn_context *context, const sworn_domain *domain, const sworn_column *const *columns,
                                           uint64_t count, const uint8_t *shift, sworn_column **out, sworn_error *error);
/* Values on `count` cosets to limbs: limb i = Σ_j matrix[i·count + j]·(coefficients of coset j, whose shift's inverse is
 * inverses[j]), in bit-reversed order. */
SWORN_EXPORT sworn_status sworn_cuda_limbs(sworn_context *context, const sworn_domain *domain, const sworn_column *const *cosets,
                                           uint64_t count, const uint8_t *inverses, const uint8_t *matrix, sworn_column **out,
                                           sworn_error *error);
/* Bit-reversed order to natural order. */
SWORN_EXPORT sworn_status sworn_cuda_natural_order(sworn_context *context, const sworn_column *const *columns, uint64_t count,
                                                   sworn_column **out, sworn_error *error);
/* shift·ω^r. */
SWORN_EXPORT sworn_status sworn_cuda_powers(sworn_context *context, const sworn_domain *domain, const uint8_t *shift,
                                            sworn_column **out, sworn_error *error);

/* Σ_i scalars[i]·slots[i], for one slot or more. */
SWORN_EXPORT sworn_status sworn_cuda_combine(sworn_context *context, const sworn_slot *slots, const uint8_t *scalars, uint64_t count,
                                             sworn_column **out, sworn_error *error);
/* A program, as `program.cuh` describes its words, on one slot or more. */
SWORN_EXPORT sworn_status sworn_cuda_evaluate(sworn_context *context, const uint32_t *words, uint64_t num_words, uint32_t registers,
                                              const sworn_slot *slots, uint64_t num_slots, const uint8_t *scalars, uint64_t num_scalars,
                                              uint64_t num_outputs, sworn_column **out, sworn_error *error);
/* 1/value in every row, 0 for 0. */
SWORN_EXPORT sworn_status sworn_cuda_invert(sworn_context *context, const sworn_column *column, sworn_column **out, sworn_error *error);
/* For each column Σ 1/(shift + form), without forms that make it 0; rows of the longest tail are 0. Form i has the summands
 * before form_ends[i] that no form before it has, column j the forms before column_ends[j] that no column before it has. */
SWORN_EXPORT sworn_status sworn_cuda_reciprocals(sworn_context *context, const uint8_t *shift, uint64_t rows,
                                                 const sworn_summand *summands, uint64_t num_summands, const uint32_t *form_ends,
                                                 uint64_t num_forms, const uint32_t *column_ends, uint64_t num_columns,
                                                 sworn_column **out, sworn_error *error);
/* acc[r] = factor[r]·acc[r−1] + term[r]; a running sum without `factor`, which may be NULL. */
SWORN_EXPORT sworn_status sworn_cuda_scan(sworn_context *context, const sworn_column *factor, const sworn_column *term,
                                          sworn_column **out, sworn_error *error);
/* initial·Π_{i<r} factors[i]. */
SWORN_EXPORT sworn_status sworn_cuda_products(sworn_context *context, const sworn_column *factors, const uint8_t *initial,
                                              sworn_column **out, sworn_error *error);
/* Rows of sources by a map, each times the factor of its source. */
SWORN_EXPORT sworn_status sworn_cuda_gather(sworn_context *context, const sworn_column *const *sources, const uint8_t *factors,
                                            uint64_t count, const sworn_map *map, sworn_column **out, sworn_error *error);
/* Σ_r slots[i][r]·weights[r] for each slot; `out` has room for 32·count bytes. */
SWORN_EXPORT sworn_status sworn_cuda_inner_products(sworn_context *context, const sworn_slot *slots, uint64_t count,
                                                    const sworn_column *weights, uint8_t *out, sworn_error *error);
/* How often forms take each value 0 … size − 1 in the first rows. `counts` has room for `size` numbers. If a form takes another
 * value: SWORN_OUT_OF_RANGE, and the first such row, by row and then form, and its value. */
SWORN_EXPORT sworn_status sworn_cuda_multiplicities(sworn_context *context, const sworn_summand *summands, uint64_t num_summands,
                                                    const uint32_t *form_ends, uint64_t num_forms, uint64_t rows, uint64_t size,
                                                    int64_t *counts, uint64_t *wrong_row, int64_t *wrong_value, sworn_error *error);

#ifdef __cplusplus
}
#endif

#endif
