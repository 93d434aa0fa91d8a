// One operation a kernel, for `ptx.py`, which runs their PTX without a device.
#include "../curve.cuh"

using namespace sworn;

#define BINARY(name, type, expression) \
    extern "C" __global__ void name(const type* a, const type* b, type* out) { *out = expression; }

BINARY(fr_multiply, Fr, *a * *b)
BINARY(fr_add, Fr, *a + *b)
BINARY(fr_subtract, Fr, *a - *b)
BINARY(fr_square, Fr, a->squared())
BINARY(fr_negate, Fr, a->negated())
BINARY(fr_canonical, Fr, a->canonical())
BINARY(fr_inverse, Fr, a->inverse())
BINARY(fq_multiply, Fq, *a * *b)
BINARY(fq_add, Fq, *a + *b)
BINARY(fq_subtract, Fq, *a - *b)
BINARY(fq_square, Fq, a->squared())

extern "C" __global__ void fr_integer(const int64_t* a, const Fr* b, Fr* out) { *out = Fr::multiply_integer(*a, *b); }

extern "C" __global__ void point_add(const Point* a, const Point* b, Point* out) {
    Point sum = *a;
    sum.add(*b);
    *out = sum;
}

extern "C" __global__ void point_add_affine(const Point* a, const Affine* b, Point* out) {
    Point sum = *a;
    sum.add(*b, false);
    *out = sum;
}

extern "C" __global__ void point_subtract_affine(const Point* a, const Affine* b, Point* out) {
    Point sum = *a;
    sum.add(*b, true);
    *out = sum;
}
