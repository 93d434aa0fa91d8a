// Montgomery multiplication by carry chains: 8 limbs of 32 bits, one chain for even and one for odd products.
//
//   even + 2^32·odd'   accumulates a·b_i and m_i·p row by row, where odd' is odd moved by one limb a row;
//   a product a_j·b_i of 64 bits fills limbs j and j+1, so the products of even j are one chain without overlaps,
//   and those of odd j another.
//
// On a device a row is one block of PTX; elsewhere the same instructions are functions on integers, so that tests of the
// portable build are tests of the order and the carries. Only the text of the PTX is not run by them.
#pragma once

#include "qualifiers.cuh"

namespace sworn {
namespace chains {

#ifdef __CUDA_ARCH__

// even += odd[1]; odd = (odd >> 64) + a_odd·b; even += a_even·b; carries go to the top of odd.
SWORN_BOTH void add_row(uint32_t e[8], uint32_t o[8], const uint32_t a[8], uint32_t b) {
    asm("add.cc.u32 %0, %0, %9;\n\t"
        "madc.lo.cc.u32 %8, %17, %24, %10;\n\t"
        "madc.hi.cc.u32 %9, %17, %24, %11;\n\t"
        "madc.lo.cc.u32 %10, %19, %24, %12;\n\t"
        "madc.hi.cc.u32 %11, %19, %24, %13;\n\t"
        "madc.lo.cc.u32 %12, %21, %24, %14;\n\t"
        "madc.hi.cc.u32 %13, %21, %24, %15;\n\t"
        "madc.lo.cc.u32 %14, %23, %24, 0;\n\t"
        "madc.hi.u32 %15, %23, %24, 0;\n\t"
        "mad.lo.cc.u32 %0, %16, %24, %0;\n\t"
        "madc.hi.cc.u32 %1, %16, %24, %1;\n\t"
        "madc.lo.cc.u32 %2, %18, %24, %2;\n\t"
        "madc.hi.cc.u32 %3, %18, %24, %3;\n\t"
        "madc.lo.cc.u32 %4, %20, %24, %4;\n\t"
        "madc.hi.cc.u32 %5, %20, %24, %5;\n\t"
        "madc.lo.cc.u32 %6, %22, %24, %6;\n\t"
        "madc.hi.cc.u32 %7, %22, %24, %7;\n\t"
        "addc.u32 %15, %15, 0;"
        : "+&r"(e[0]), "+&r"(e[1]), "+&r"(e[2]), "+&r"(e[3]), "+&r"(e[4]), "+&r"(e[5]), "+&r"(e[6]), "+&r"(e[7]), "+&r"(o[0]),
          "+&r"(o[1]), "+&r"(o[2]), "+&r"(o[3]), "+&r"(o[4]), "+&r"(o[5]), "+&r"(o[6]), "+&r"(o[7])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(a[4]), "r"(a[5]), "r"(a[6]), "r"(a[7]), "r"(b));
}

// odd += p_odd·m, even += p_even·m, which clears even[0]; the carry goes to the top of odd.
SWORN_BOTH void reduce_row(uint32_t e[8], uint32_t o[8], const uint32_t p[8], uint32_t m) {
    asm("mad.lo.cc.u32 %8, %17, %24, %8;\n\t"
        "madc.hi.cc.u32 %9, %17, %24, %9;\n\t"
        "madc.lo.cc.u32 %10, %19, %24, %10;\n\t"
        "madc.hi.cc.u32 %11, %19, %24, %11;\n\t"
        "madc.lo.cc.u32 %12, %21, %24, %12;\n\t"
        "madc.hi.cc.u32 %13, %21, %24, %13;\n\t"
        "madc.lo.cc.u32 %14, %23, %24, %14;\n\t"
        "madc.hi.u32 %15, %23, %24, %15;\n\t"
        "mad.lo.cc.u32 %0, %16, %24, %0;\n\t"
        "madc.hi.cc.u32 %1, %16, %24, %1;\n\t"
        "madc.lo.cc.u32 %2, %18, %24, %2;\n\t"
        "madc.hi.cc.u32 %3, %18, %24, %3;\n\t"
        "madc.lo.cc.u32 %4, %20, %24, %4;\n\t"
        "madc.hi.cc.u32 %5, %20, %24, %5;\n\t"
        "madc.lo.cc.u32 %6, %22, %24, %6;\n\t"
        "madc.hi.cc.u32 %7, %22, %24, %7;\n\t"
        "addc.u32 %15, %15, 0;"
        : "+&r"(e[0]), "+&r"(e[1]), "+&r"(e[2]), "+&r"(e[3]), "+&r"(e[4]), "+&r"(e[5]), "+&r"(e[6]), "+&r"(e[7]), "+&r"(o[0]),
          "+&r"(o[1]), "+&r"(o[2]), "+&r"(o[3]), "+&r"(o[4]), "+&r"(o[5]), "+&r"(o[6]), "+&r"(o[7])
        : "r"(p[0]), "r"(p[1]), "r"(p[2]), "r"(p[3]), "r"(p[4]), "r"(p[5]), "r"(p[6]), "r"(p[7]), "r"(m));
}

// a += b over 8 limbs; the carry is lost.
SWORN_BOTH void add(uint32_t a[8], const uint32_t b[8]) {
    asm("add.cc.u32 %0, %0, %8;\n\t"
        "addc.cc.u32 %1, %1, %9;\n\t"
        "addc.cc.u32 %2, %2, %10;\n\t"
        "addc.cc.u32 %3, %3, %11;\n\t"
        "addc.cc.u32 %4, %4, %12;\n\t"
        "addc.cc.u32 %5, %5, %13;\n\t"
        "addc.cc.u32 %6, %6, %14;\n\t"
        "addc.u32 %7, %7, %15;"
        : "+&r"(a[0]), "+&r"(a[1]), "+&r"(a[2]), "+&r"(a[3]), "+&r"(a[4]), "+&r"(a[5]), "+&r"(a[6]), "+&r"(a[7])
        : "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(b[4]), "r"(b[5]), "r"(b[6]), "r"(b[7]));
}

// a −= b over 8 limbs; −1 if it borrows, else 0.
SWORN_BOTH uint32_t subtract(uint32_t a[8], const uint32_t b[8]) {
    uint32_t borrow;
    asm("sub.cc.u32 %0, %0, %9;\n\t"
        "subc.cc.u32 %1, %1, %10;\n\t"
        "subc.cc.u32 %2, %2, %11;\n\t"
        "subc.cc.u32 %3, %3, %12;\n\t"
        "subc.cc.u32 %4, %4, %13;\n\t"
        "subc.cc.u32 %5, %5, %14;\n\t"
        "subc.cc.u32 %6, %6, %15;\n\t"
        "subc.cc.u32 %7, %7, %16;\n\t"
        "subc.u32 %8, 0, 0;"
        : "+&r"(a[0]), "+&r"(a[1]), "+&r"(a[2]), "+&r"(a[3]), "+&r"(a[4]), "+&r"(a[5]), "+&r"(a[6]), "+&r"(a[7]), "=&r"(borrow)
        : "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(b[4]), "r"(b[5]), "r"(b[6]), "r"(b[7]));
    return borrow;
}

#else

// The carry flag, and the instructions that read and set it.
struct Flag {
    uint32_t carry = 0;

    uint32_t set(uint64_t sum) {
        carry = static_cast<uint32_t>(sum >> 32);
        return static_cast<uint32_t>(sum);
    }
    uint32_t add(uint32_t a, uint32_t b) { return set(uint64_t{a} + b); }
    uint32_t addc(uint32_t a, uint32_t b) { return set(uint64_t{a} + b + carry); }
    uint32_t madc_lo(uint32_t a, uint32_t b, uint32_t c) { return set(uint64_t{static_cast<uint32_t>(uint64_t{a} * b)} + c + carry); }
    uint32_t madc_hi(uint32_t a, uint32_t b, uint32_t c) { return set((uint64_t{a} * b >> 32) + c + carry); }
};

SWORN_BOTH void add_row(uint32_t e[8], uint32_t o[8], const uint32_t a[8], uint32_t b) {
    Flag flag;
    e[0] = flag.add(e[0], o[1]);
    for (int j = 0; j < 8; j += 2) {
        o[j] = flag.madc_lo(a[j + 1], b, j < 6 ? o[j + 2] : 0);
        o[j + 1] = flag.madc_hi(a[j + 1], b, j < 6 ? o[j + 3] : 0);
    }
    flag.carry = 0;
    for (int j = 0; j < 8; j += 2) {
        e[j] = flag.madc_lo(a[j], b, e[j]);
        e[j + 1] = flag.madc_hi(a[j], b, e[j + 1]);
    }
    o[7] = flag.addc(o[7], 0);
}

SWORN_BOTH void reduce_row(uint32_t e[8], uint32_t o[8], const uint32_t p[8], uint32_t m) {
    Flag flag;
    for (int j = 0; j < 8; j += 2) {
        o[j] = flag.madc_lo(p[j + 1], m, o[j]);
        o[j + 1] = flag.madc_hi(p[j + 1], m, o[j + 1]);
    }
    flag.carry = 0;
    for (int j = 0; j < 8; j += 2) {
        e[j] = flag.madc_lo(p[j], m, e[j]);
        e[j + 1] = flag.madc_hi(p[j], m, e[j + 1]);
    }
    o[7] = flag.addc(o[7], 0);
}

SWORN_BOTH void add(uint32_t a[8], const uint32_t b[8]) {
    Flag flag;
    for (int j = 0; j < 8; j++) a[j] = flag.addc(a[j], b[j]);
}

SWORN_BOTH uint32_t subtract(uint32_t a[8], const uint32_t b[8]) {
    uint32_t borrow = 0;
    for (int j = 0; j < 8; j++) {
        const uint64_t difference = uint64_t{a[j]} - b[j] - borrow;
        a[j] = static_cast<uint32_t>(difference);
        borrow = static_cast<uint32_t>(difference >> 32) & 1;
    }
    return 0u - borrow;
}

#endif

// a −= p if a ≥ p.
SWORN_BOTH void reduce_once(uint32_t a[8], const uint32_t p[8]) {
    uint32_t less[8];
    for (int j = 0; j < 8; j++) less[j] = a[j];
    const uint32_t borrow = subtract(less, p);
    for (int j = 0; j < 8; j++) a[j] = borrow ? a[j] : less[j];
}

// out = a·b·2^−256 mod p, below p, for a, b below p < 2^254; n = −1/p mod 2^32.
SWORN_BOTH void multiply(uint32_t out[8], const uint32_t a[8], const uint32_t b[8], const uint32_t p[8], uint32_t n) {
    uint32_t even[8] = {}, odd[8] = {};
    SWORN_UNROLL
    for (int i = 0; i < 8; i += 2) {
        add_row(even, odd, a, b[i]);
        reduce_row(even, odd, p, even[0] * n);
        add_row(odd, even, a, b[i + 1]);
        reduce_row(odd, even, p, odd[0] * n);
    }
    // The sum is even + (odd >> 32); odd[0] is 0.
    for (int j = 0; j < 7; j++) out[j] = odd[j + 1];
    out[7] = 0;
    add(out, even);
    reduce_once(out, p);
}

}  // namespace chains
}  // namespace sworn
