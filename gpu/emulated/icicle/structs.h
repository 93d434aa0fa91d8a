// Structs and codes of ICICLE's C interface, as its headers of v3.2 to v4 declare them: a C++ compiler lays them out here.
#pragma once

#include <cstdint>

enum Code : int {
    kSuccess,
    kInvalidDevice,
    kOutOfMemory,
    kInvalidPointer,
    kAllocationFailed,
    kDeallocationFailed,
    kCopyFailed,
    kSynchronizationFailed,
    kStreamCreationFailed,
    kStreamDestructionFailed,
    kApiNotImplemented,
    kInvalidArgument,
};

struct Device {
    char type[64];
    int id;
};

// A release that puts one more field into a struct of configuration, for a test.
#ifdef OTHER_LAYOUT
#define OTHER_FIELD int other;
#else
#define OTHER_FIELD
#endif

struct MSMConfig {
    void* stream;
    OTHER_FIELD
    int precompute_factor;
    int c;
    int bitsize;
    int batch_size;
    bool are_points_shared_in_batch;
    bool are_scalars_on_device;
    bool are_scalars_montgomery_form;
    bool are_points_on_device;
    bool are_points_montgomery_form;
    bool are_results_on_device;
    bool is_async;
    void* ext;
};

struct Limbs {
    uint32_t limb[8];
};

enum class Direction : int { kForward, kInverse };
enum class Ordering : int { kNN, kNR, kRN, kRR, kNM, kMN };

struct NTTConfig {
    void* stream;
    Limbs coset_gen;
    OTHER_FIELD
    int batch_size;
    bool columns_batch;
    Ordering ordering;
    bool are_inputs_on_device;
    bool are_outputs_on_device;
    bool is_async;
    void* ext;
};

struct VecOpsConfig {
    void* stream;
    bool is_a_on_device;
    bool is_b_on_device;
    bool is_result_on_device;
    bool is_async;
    OTHER_FIELD
    int batch_size;
    bool columns_batch;
    void* ext;
};

struct NTTInitDomainConfig {
    void* stream;
    bool is_async;
    void* ext;
};

#ifndef OTHER_LAYOUT
static_assert(sizeof(MSMConfig) == 40 && sizeof(NTTConfig) == 64, "as in v3.9");
static_assert(sizeof(VecOpsConfig) == 32 && sizeof(NTTInitDomainConfig) == 24 && sizeof(Device) == 68, "as in v3.9");
#endif
