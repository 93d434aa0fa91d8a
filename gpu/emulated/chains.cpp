// The product by carry chains, for a test: the emulated device multiplies by words of 64 bits, a device by chains.
#include "field.cuh"

namespace {

template <class F>
void multiply(const uint8_t* a, const uint8_t* b, uint8_t* out, uint64_t inverse) {
    F x, y, product;
    std::memcpy(x.limb, a, sizeof x);
    std::memcpy(y.limb, b, sizeof y);
    const F p = F::modulus();
    sworn::chains::multiply(product.limb, x.limb, y.limb, p.limb, static_cast<uint32_t>(inverse));
    std::memcpy(out, product.limb, sizeof product);
}

}  // namespace

// 32 bytes each, in Montgomery form; of Fq if `is_fq`, else of Fr.
extern "C" __attribute__((visibility("default"))) void sworn_emulated_multiply(uint32_t is_fq, const uint8_t* a, const uint8_t* b,
                                                                               uint8_t* out) {
    if (is_fq) {
        multiply<sworn::Fq>(a, b, out, sworn::FqConstants::kInverse);
    } else {
        multiply<sworn::Fr>(a, b, out, sworn::FrConstants::kInverse);
    }
}
