// What nvcc adds to C++, and nothing where another compiler builds the kernels for the emulated device.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__
#define SWORN_DEVICE __device__ __forceinline__
#define SWORN_BOTH __host__ __device__ __forceinline__
#define SWORN_UNROLL _Pragma("unroll")
#else
#define SWORN_DEVICE inline
#define SWORN_BOTH inline
#define SWORN_UNROLL
#endif
