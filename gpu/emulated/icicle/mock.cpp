// A library with ICICLE's C interface for BN254, whose devices are the host: one file for libicicle_device, libicicle_field_bn254
// and libicicle_curve_bn254. It computes by definitions of its own, and refuses what ICICLE refuses: pointers that are not where
// a configuration says, another thread's device, operations of a device whose library is not loaded.
//
// What its CPU device and its CUDA device do is the same. CUDA is there once backend/cuda/libicicle_backend_cuda_device.so,
// beside this file, is loaded; as in ICICLE, what is not there ends the process by an exception.
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "curve.cuh"
#include "structs.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using sworn::Affine;
using sworn::Fq;
using sworn::Fr;
using sworn::Point;

// What a test asks this library to do otherwise.
enum Mode : uint32_t {
    kNothing,
    kOtherRoots,     // roots of unity of its own, 5^t, whatever it is given
    kJacobian,       // sums as X/Z², Y/Z³
    kMontgomery,     // scalars are taken for Montgomery forms
    kNoLicense,      // operations answer with the code of a license that is not valid
    kBrokenPoint,    // sums of more than 64 points are off the curve
    kBrokenField,    // transforms of more than 64 rows give the modulus
};

struct State {
    std::mutex mutex;
    uint32_t mode = kNothing;
    // Calls that succeed before one answers with the code.
    uint64_t calls_left = ~uint64_t{0};
    int code = kSuccess;
    uint64_t calls = 0;
    // Start, bytes and device of what is allocated.
    std::map<uintptr_t, std::pair<size_t, std::string>> memory;
    std::map<std::string, std::vector<Fr>> roots;
};

State& state() {
    static State state;
    return state;
}

thread_local std::string current = "CPU0";

[[noreturn]] void stop(const std::string& reason) { throw std::runtime_error("mock of ICICLE: " + reason); }

// Whether a library beside this one is loaded.
bool is_loaded(const char* name) {
    Dl_info info;
    if (!dladdr(reinterpret_cast<void*>(&is_loaded), &info)) return false;
    const std::string file = info.dli_fname;
    const std::string path = file.substr(0, file.rfind('/') + 1) + "backend/" + name;
    void* handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (handle) dlclose(handle);
    return handle != nullptr;
}

bool is_available(const Device& device) {
    return !std::strcmp(device.type, "CPU") || (!std::strcmp(device.type, "CUDA") && is_loaded("cuda/libicicle_backend_cuda_device.so"));
}

// Counts a call; the code that it is to answer with.
int count() {
    State& s = state();
    s.calls++;
    if (s.calls_left == 0) return s.code;
    if (s.calls_left != ~uint64_t{0}) s.calls_left--;
    return kSuccess;
}

// An operation of the field's or the curve's library.
int operation(const char* library) {
    if (current[1] == 'U' && !is_loaded((std::string("bn254/cuda/libicicle_backend_cuda_") + library + "_bn254.so").c_str())) {
        stop(std::string(library) + " operation not supported on device CUDA");
    }
    if (state().mode == kNoLicense) return 13;
    return count();
}

// Whether memory lies where a configuration says, with so many bytes.
bool lies(const void* pointer, size_t bytes, bool on_device) {
    const auto start = reinterpret_cast<uintptr_t>(pointer);
    auto& memory = state().memory;
    auto next = memory.upper_bound(start);
    if (next == memory.begin()) return !on_device;
    --next;
    if (start >= next->first + next->second.first) return !on_device;
    return on_device && next->second.second == current && start + bytes <= next->first + next->second.first;
}

// Values from integers and back.
template <class F>
F of(const Limbs& integer) {
    F f;
    std::memcpy(f.limb, integer.limb, sizeof f.limb);
    return f * F::radix();
}

template <class F>
Limbs to(const F& value) {
    const F integer = value.canonical();
    Limbs limbs;
    std::memcpy(limbs.limb, integer.limb, sizeof limbs.limb);
    return limbs;
}

// Values at all powers of the root, in natural order: even and odd coefficients apart.
void evaluate(const Fr* in, size_t stride, size_t rows, const Fr* powers, size_t step, Fr* out) {
    if (rows == 1) {
        *out = *in;
        return;
    }
    const size_t half = rows / 2;
    std::vector<Fr> even(half), odd(half);
    evaluate(in, 2 * stride, half, powers, 2 * step, even.data());
    evaluate(in + stride, 2 * stride, half, powers, 2 * step, odd.data());
    for (size_t r = 0; r < half; r++) {
        const Fr term = odd[r] * powers[r * step];
        out[r] = even[r] + term;
        out[r + half] = even[r] - term;
    }
}

size_t reversed(size_t index, size_t rows) {
    size_t out = 0;
    for (; rows > 1; rows /= 2, index /= 2) out = 2 * out + index % 2;
    return out;
}

Fr invert(uint64_t n) { return Fr::from_integer(static_cast<int64_t>(n)).inverse(); }

// Sums by windows of bits, from the highest.
Point sum(const Limbs* scalars, const std::vector<Affine>& points) {
    const int width = points.size() < 512 ? 4 : 8, last = (1 << width) - 1;
    Point total = Point::identity();
    for (int low = 256 - width; low >= 0; low -= width) {
        for (int bit = 0; bit < width; bit++) total = total.doubled();
        std::vector<Point> buckets(last + 1, Point::identity());
        for (size_t i = 0; i < points.size(); i++) buckets[scalars[i].limb[low / 32] >> (low % 32) & last].add(points[i], false);
        Point running = Point::identity();
        for (int bucket = last; bucket > 0; bucket--) {
            running.add(buckets[bucket]);
            total.add(running);
        }
    }
    return total;
}

}  // namespace

// For tests: what this library does otherwise, and after how many more calls it answers with a code.
EXPORT void icicle_mock_set(uint32_t mode, uint64_t calls_left, int code) {
    std::lock_guard<std::mutex> lock(state().mutex);
    state().mode = mode;
    state().calls_left = calls_left;
    state().code = code;
}

// For tests: calls so far, and bytes that are allocated.
EXPORT void icicle_mock_count(uint64_t* calls, uint64_t* bytes) {
    std::lock_guard<std::mutex> lock(state().mutex);
    *calls = state().calls;
    *bytes = 0;
    for (const auto& block : state().memory) *bytes += block.second.first;
}

EXPORT int icicle_is_device_available(const Device& device) { return is_available(device) ? kSuccess : kInvalidDevice; }

EXPORT int icicle_set_device(const Device& device) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (!is_available(device)) stop("Device API not found for type: " + std::string(device.type));
    // A device beyond the last: the CUDA runtime's error is an exception in some releases.
    if (device.id != 0) stop("no such device");
    current = std::string(device.type) + "0";
    return kSuccess;
}

EXPORT int icicle_get_device_count(int& number) {
    number = 1;
    return kSuccess;
}

EXPORT int icicle_get_available_memory(size_t& total, size_t& free) {
    if (current == "CPU0") return kApiNotImplemented;
    total = 1 << 30;
    // Little enough that some columns do not stay.
    free = 1 << 22;
    return kSuccess;
}

EXPORT int icicle_malloc(void** pointer, size_t bytes) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (const int code = count()) return code;
    *pointer = std::malloc(bytes);
    if (!*pointer) return kAllocationFailed;
    // What is read before it is written shows.
    std::memset(*pointer, 0xa5, bytes);
    state().memory[reinterpret_cast<uintptr_t>(*pointer)] = {bytes, current};
    return kSuccess;
}

EXPORT int icicle_free(void* pointer) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (!state().memory.erase(reinterpret_cast<uintptr_t>(pointer))) return kInvalidDevice;
    std::free(pointer);
    return kSuccess;
}

EXPORT int icicle_copy_to_device(void* to, const void* from, size_t bytes) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (const int code = count()) return code;
    if (!lies(to, bytes, true) || !lies(from, bytes, false)) return kInvalidPointer;
    std::memcpy(to, from, bytes);
    return kSuccess;
}

EXPORT int icicle_copy_to_host(void* to, const void* from, size_t bytes) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (const int code = count()) return code;
    if (!lies(to, bytes, false) || !lies(from, bytes, true)) return kInvalidPointer;
    std::memcpy(to, from, bytes);
    return kSuccess;
}

EXPORT int bn254_vector_add(const Limbs* a, const Limbs* b, uint64_t size, const VecOpsConfig* config, Limbs* out) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (const int code = operation("field")) return code;
    const size_t total = size * config->batch_size, bytes = total * sizeof(Limbs);
    if (config->ext || config->is_async || config->columns_batch) return kInvalidArgument;
    if (!lies(a, bytes, config->is_a_on_device) || !lies(b, bytes, config->is_b_on_device)) return kInvalidPointer;
    if (!lies(out, bytes, config->is_result_on_device)) return kInvalidPointer;
    for (size_t i = 0; i < total; i++) out[i] = to(of<Fr>(a[i]) + of<Fr>(b[i]));
    return kSuccess;
}

EXPORT int bn254_scalar_mul_vec(const Limbs* scalar, const Limbs* b, uint64_t size, const VecOpsConfig* config, Limbs* out) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (const int code = operation("field")) return code;
    const size_t total = size * config->batch_size, bytes = total * sizeof(Limbs);
    if (config->ext || config->is_async || config->columns_batch) return kInvalidArgument;
    if (!lies(scalar, config->batch_size * sizeof(Limbs), config->is_a_on_device)) return kInvalidPointer;
    if (!lies(b, bytes, config->is_b_on_device) || !lies(out, bytes, config->is_result_on_device)) return kInvalidPointer;
    for (size_t i = 0; i < total; i++) out[i] = to(of<Fr>(scalar[i / size]) * of<Fr>(b[i]));
    return kSuccess;
}

EXPORT int bn254_ntt_init_domain(const Limbs* root, const NTTInitDomainConfig* config) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (const int code = operation("field")) return code;
    if (config->ext || config->is_async) return kInvalidArgument;
    auto& powers = state().roots[current];
    // As ICICLE: roots that are there stay.
    if (!powers.empty()) return kSuccess;
    Fr omega = of<Fr>(*root);
    size_t order = 1;
    for (Fr power = omega; !(power - Fr::one()).is_zero(); power = power.squared()) {
        if ((order *= 2) > size_t{1} << 28) return kInvalidArgument;
    }
    if (state().mode == kOtherRoots) {
        // 5^((r − 1)/order): another generator of the same group.
        Fr exponent = Fr::modulus();
        omega = Fr::one();
        for (int bit = 253; bit >= 0; bit--) {
            omega = omega.squared();
            size_t shifted = 0;
            for (size_t n = order; n > 1; n /= 2) shifted++;
            const int at = bit + static_cast<int>(shifted);
            if (at < 256 && exponent.limb[at / 32] >> (at % 32) & 1) omega = omega * Fr::from_integer(5);
        }
    }
    powers.resize(order, Fr::one());
    for (size_t i = 1; i < order; i++) powers[i] = powers[i - 1] * omega;
    return kSuccess;
}

EXPORT int bn254_ntt_release_domain() {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (const int code = operation("field")) return code;
    state().roots.erase(current);
    return kSuccess;
}

EXPORT int bn254_ntt(const Limbs* input, int size, Direction direction, const NTTConfig* config, Limbs* output) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (const int code = operation("field")) return code;
    const size_t rows = size, total = rows * config->batch_size, bytes = total * sizeof(Limbs);
    const auto& powers = state().roots[current];
    if (config->ext || config->is_async || config->columns_batch || rows > powers.size()) return kInvalidArgument;
    if (config->ordering != Ordering::kNN && config->ordering != Ordering::kNR) return kInvalidArgument;
    if (!lies(input, bytes, config->are_inputs_on_device) || !lies(output, bytes, config->are_outputs_on_device)) return kInvalidPointer;
    const bool is_inverse = direction == Direction::kInverse;
    Fr shift = of<Fr>(config->coset_gen), scale = Fr::one();
    if (is_inverse) {
        shift = shift.inverse();
        scale = invert(rows);
    }
    for (int batch = 0; batch < config->batch_size; batch++) {
        std::vector<Fr> in(rows), out(rows);
        Fr power = Fr::one();
        for (size_t r = 0; r < rows; r++) {
            in[r] = of<Fr>(input[batch * rows + r]);
            if (!is_inverse) in[r] = in[r] * power;
            power = power * shift;
        }
        evaluate(in.data(), 1, rows, powers.data(), powers.size() / rows, out.data());
        power = scale;
        for (size_t r = 0; r < rows; r++) {
            Fr value = out[is_inverse ? (rows - r) % rows : r];
            if (is_inverse) value = value * power;
            power = power * shift;
            output[batch * rows + (config->ordering == Ordering::kNR ? reversed(r, rows) : r)] = to(value);
        }
        if (state().mode == kBrokenField && rows > 64) std::memcpy(output[0].limb, Fr::modulus().limb, sizeof output[0].limb);
    }
    return kSuccess;
}

EXPORT int bn254_msm(const Limbs* scalars, const Limbs* points, int size, const MSMConfig* config, Limbs* results) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (const int code = operation("curve")) return code;
    const size_t rows = size, total = rows * config->batch_size;
    if (config->ext || config->is_async || !config->are_points_shared_in_batch) return kInvalidArgument;
    if (config->precompute_factor != 1 || config->are_results_on_device) return kInvalidArgument;
    if (config->bitsize < 0 || config->bitsize > 254 || config->c < 0) return kInvalidArgument;
    if (!lies(scalars, total * sizeof(Limbs), config->are_scalars_on_device)) return kInvalidPointer;
    if (!lies(points, 2 * rows * sizeof(Limbs), config->are_points_on_device)) return kInvalidPointer;
    if (!lies(results, 3 * config->batch_size * sizeof(Limbs), false)) return kInvalidPointer;
    // As ICICLE's own CPU device, it looks at no flag of Montgomery forms.
    std::vector<Affine> bases(rows);
    for (size_t i = 0; i < rows; i++) bases[i] = Affine{of<Fq>(points[2 * i]), of<Fq>(points[2 * i + 1])};
    for (int batch = 0; batch < config->batch_size; batch++) {
        std::vector<Limbs> multiples(scalars + batch * rows, scalars + (batch + 1) * rows);
        if (state().mode == kMontgomery) {
            for (auto& multiple : multiples) {
                Fr form;
                std::memcpy(form.limb, multiple.limb, sizeof form.limb);
                multiple = to(form);
            }
        }
        const Point total_point = sum(multiples.data(), bases);
        Limbs* out = results + 3 * batch;
        if (total_point.is_identity()) {
            out[0] = to(Fq::zero()), out[1] = to(Fq::from_integer(19 + batch)), out[2] = to(Fq::zero());
            continue;
        }
        // Over a denominator that tells homogeneous coordinates from others.
        const Fq z = Fq::from_integer(static_cast<int64_t>(rows) + 2);
        Fq x = total_point.x * total_point.zz.inverse() * z, y = total_point.y * total_point.zzz.inverse() * z;
        if (state().mode == kJacobian) x = x * z, y = y * z * z;
        if (state().mode == kBrokenPoint && rows > 64) y = y + Fq::one();
        out[0] = to(x), out[1] = to(y), out[2] = to(z);
    }
    return kSuccess;
}
