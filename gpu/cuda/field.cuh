// The fields of BN254: Fr, of scalars, and Fq, of coordinates, in Montgomery form.
//
//   value x is x·R mod p, R = 2^256, in 8 limbs of 32 bits, least first: the bytes that halo2curves keeps in memory.
//   Every value is below p.
#pragma once

#include <cstring>

#include "chains.cuh"

namespace sworn {

// Constants are functions: an array of a class has no address on a device.
struct FrConstants {
    SWORN_BOTH static constexpr uint32_t modulus(int i) {
        constexpr uint32_t v[8] = {0xf0000001, 0x43e1f593, 0x79b97091, 0x2833e848, 0x8181585d, 0xb85045b6, 0xe131a029, 0x30644e72};
        return v[i];
    }
    // R mod p.
    SWORN_BOTH static constexpr uint32_t one(int i) {
        constexpr uint32_t v[8] = {0x4ffffffb, 0xac96341c, 0x9f60cd29, 0x36fc7695, 0x7879462e, 0x666ea36f, 0x9a07df2f, 0x0e0a77c1};
        return v[i];
    }
    // R² mod p.
    SWORN_BOTH static constexpr uint32_t square(int i) {
        constexpr uint32_t v[8] = {0xae216da7, 0x1bb8e645, 0xe35c59e3, 0x53fe3ab1, 0x53bb8085, 0x8c49833d, 0x7f4e44a5, 0x0216d0b1};
        return v[i];
    }
    // −1/p mod 2^64; its low half is that mod 2^32.
    static constexpr uint64_t kInverse = 0xc2e1f593efffffff;
};

struct FqConstants {
    SWORN_BOTH static constexpr uint32_t modulus(int i) {
        constexpr uint32_t v[8] = {0xd87cfd47, 0x3c208c16, 0x6871ca8d, 0x97816a91, 0x8181585d, 0xb85045b6, 0xe131a029, 0x30644e72};
        return v[i];
    }
    SWORN_BOTH static constexpr uint32_t one(int i) {
        constexpr uint32_t v[8] = {0xc58f0d9d, 0xd35d438d, 0xf5c70b3d, 0x0a78eb28, 0x7879462c, 0x666ea36f, 0x9a07df2f, 0x0e0a77c1};
        return v[i];
    }
    SWORN_BOTH static constexpr uint32_t square(int i) {
        constexpr uint32_t v[8] = {0x538afa89, 0xf32cfc5b, 0xd44501fb, 0xb5e71911, 0x0a417ff6, 0x47ab1eff, 0xcab8351f, 0x06d89f71};
        return v[i];
    }
    static constexpr uint64_t kInverse = 0x87d20782e4866389;
};

template <class C>
struct alignas(16) Field {
    uint32_t limb[8];

    SWORN_BOTH static Field zero() { return Field{{0, 0, 0, 0, 0, 0, 0, 0}}; }
    SWORN_BOTH static Field one() {
        Field f;
        for (int i = 0; i < 8; i++) f.limb[i] = C::one(i);
        return f;
    }
    // R: what turns the limbs of an integer into a value.
    SWORN_BOTH static Field radix() {
        Field f;
        for (int i = 0; i < 8; i++) f.limb[i] = C::square(i);
        return f;
    }
    SWORN_BOTH static Field modulus() {
        Field f;
        for (int i = 0; i < 8; i++) f.limb[i] = C::modulus(i);
        return f;
    }

    SWORN_BOTH bool is_zero() const {
        uint32_t bits = 0;
        for (int i = 0; i < 8; i++) bits |= limb[i];
        return bits == 0;
    }

    SWORN_BOTH friend Field operator+(Field a, const Field& b) {
        chains::add(a.limb, b.limb);
        const Field p = modulus();
        chains::reduce_once(a.limb, p.limb);
        return a;
    }

    SWORN_BOTH friend Field operator-(Field a, const Field& b) {
        const uint32_t borrow = chains::subtract(a.limb, b.limb);
        Field p = modulus();
        for (int i = 0; i < 8; i++) p.limb[i] &= borrow;
        chains::add(a.limb, p.limb);
        return a;
    }

    SWORN_BOTH Field negated() const { return zero() - *this; }

    SWORN_BOTH friend Field operator*(const Field& a, const Field& b) {
        Field out;
#ifdef __CUDA_ARCH__
        const Field p = modulus();
        chains::multiply(out.limb, a.limb, b.limb, p.limb, static_cast<uint32_t>(C::kInverse));
#else
        multiply_by_words(out, a, b);
#endif
        return out;
    }

    SWORN_BOTH Field squared() const { return *this * *this; }

    // this^exponent.
    SWORN_BOTH Field power(uint64_t exponent) const {
        Field result = one(), square = *this;
        for (; exponent; exponent >>= 1) {
            if (exponent & 1) result = result * square;
            square = square.squared();
        }
        return result;
    }

    // 1/this, or 0 for 0: this^(p − 2) [Fermat].
    SWORN_BOTH Field inverse() const {
        Field result = one();
        for (int bit = 253; bit >= 0; bit--) {
            result = result.squared();
            // In both fields p − 2 differs from p in the lowest limb alone. Limbs are chosen without an array, which would lie in
            // memory.
            uint32_t word = C::modulus(0) - 2;
            for (int i = 1; i < 8; i++) word = bit / 32 == i ? C::modulus(i) : word;
            if (word >> (bit % 32) & 1) result = result * *this;
        }
        return result;
    }

    // The integer below p, from Montgomery form.
    SWORN_BOTH Field canonical() const {
        Field unit = zero();
        unit.limb[0] = 1;
        return *this * unit;
    }

    // value · factor, for a factor that was multiplied by radix().
    SWORN_BOTH static Field multiply_integer(int64_t value, const Field& factor) {
        const uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
        Field limbs = zero();
        limbs.limb[0] = static_cast<uint32_t>(magnitude);
        limbs.limb[1] = static_cast<uint32_t>(magnitude >> 32);
        const Field product = limbs * factor;
        return value < 0 ? product.negated() : product;
    }

    SWORN_BOTH static Field from_integer(int64_t value) { return multiply_integer(value, radix()); }

private:
#ifndef __CUDA_ARCH__
    // The same product by words of 64 bits [CIOS].
    static void multiply_by_words(Field& out, const Field& a, const Field& b) {
        typedef unsigned __int128 wide;
        uint64_t x[4], y[4], p[4], t[5] = {};
        std::memcpy(x, a.limb, 32);
        std::memcpy(y, b.limb, 32);
        for (int i = 0; i < 4; i++) p[i] = C::modulus(2 * i) | uint64_t{C::modulus(2 * i + 1)} << 32;
        for (int i = 0; i < 4; i++) {
            wide carry = 0;
            for (int j = 0; j < 4; j++) {
                carry += wide{x[j]} * y[i] + t[j];
                t[j] = static_cast<uint64_t>(carry);
                carry >>= 64;
            }
            t[4] = static_cast<uint64_t>(carry);
            const uint64_t m = t[0] * C::kInverse;
            carry = (wide{m} * p[0] + t[0]) >> 64;
            for (int j = 1; j < 4; j++) {
                carry += wide{m} * p[j] + t[j];
                t[j - 1] = static_cast<uint64_t>(carry);
                carry >>= 64;
            }
            t[3] = static_cast<uint64_t>(carry + t[4]);
        }
        std::memcpy(out.limb, t, 32);
        const Field modulus = Field::modulus();
        chains::reduce_once(out.limb, modulus.limb);
    }
#endif
};

typedef Field<FrConstants> Fr;
typedef Field<FqConstants> Fq;

}  // namespace sworn
