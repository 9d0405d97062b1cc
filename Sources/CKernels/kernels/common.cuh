// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// What all kernels share. They are compiled at run time, once for each type of element: ELEMENT is 0
// for float16, 1 for bfloat16 and 2 for float32. Every sum is float32 or wider whatever the element.
//
// Nothing is included, since the machine that runs this has no toolkit. Integers are 64 bits wide:
// feature maps of a clip have more than 2^31 elements. Launch shapes are given with each kernel as
// (blocks, threads); "one thread for each" means ceil(count / 256) blocks of 256 threads. The
// operation that a kernel must agree with is named in brackets: it is a method of ReferenceBackend in
// Tests/TensorTesting, the plain loops that all backends are measured against.

#ifndef EMULATED
#define DEVICE __device__ __forceinline__
#define KERNEL(name) extern "C" __global__ void name
#define SHARED __shared__
#define DYNAMIC_SHARED(name) extern __shared__ float name[]
#endif

typedef long long integer;
typedef unsigned long long word;

#if ELEMENT == 2
typedef float element;
DEVICE float widened(element x) { return x; }
DEVICE element narrowed(float x) { return x; }
#else
struct element {
  unsigned short bits;
};
#if ELEMENT == 0
DEVICE float widened(element x) { return float16_to_float(x.bits); }
DEVICE element narrowed(float x) { return {float_to_float16(x)}; }
DEVICE void multiply_16_by_8(float (&d)[4], const unsigned (&x)[4], const unsigned (&w)[2]) { multiply_float16(d, x, w); }
#else
DEVICE float widened(element x) { return bfloat16_to_float(x.bits); }
DEVICE element narrowed(float x) { return {float_to_bfloat16(x)}; }
DEVICE void multiply_16_by_8(float (&d)[4], const unsigned (&x)[4], const unsigned (&w)[2]) { multiply_bfloat16(d, x, w); }
#endif
#endif

// Several elements that are read or written together; 16 bytes at a time is what memory likes.
template <typename T, int N>
struct alignas(sizeof(T) * N) pack {
  T at[N];
};

template <int N, typename T>
DEVICE pack<T, N> read(const T *x, integer index) {
  return reinterpret_cast<const pack<T, N> *>(x)[index];
}

template <int N, typename T>
DEVICE void write(T *y, integer index, const pack<T, N> &value) {
  reinterpret_cast<pack<T, N> *>(y)[index] = value;
}

// For loops over arrays that are to live in registers, whose indices must be known.
#define UNROLL _Pragma("unroll")

// Below any score.
#define LEAST (-3.4028235e38f)

DEVICE integer thread_index() { return (integer)blockIdx.x * blockDim.x + threadIdx.x; }

// A kernel for any shape, and one whose name ends in _8 for shapes that can be cut into eights.
#define BOTH(name, parameters, arguments)                   \
  KERNEL(name) parameters { name##_body<1> arguments; }     \
  KERNEL(name##_8) parameters { name##_body<8> arguments; }

#if ELEMENT == 2
DEVICE float exponential(float x) { return expf(x); }
DEVICE float quotient(float x, float y) { return x / y; }
#else
// To a few millionths, far below what 16 bits hold, in a third of the instructions: norms and attention over
// frames wait for these and not for memory otherwise.
DEVICE float exponential(float x) { return __expf(x); }
DEVICE float quotient(float x, float y) { return __fdividef(x, y); }
#endif

DEVICE float silu(float x) { return quotient(x, 1.0f + exponential(-x)); }
DEVICE float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f)); }
DEVICE float quick_gelu(float x) { return quotient(x, 1.0f + exponential(-1.702f * x)); }

// The sum and the largest of 32 neighbouring threads' numbers, known to all of them.
DEVICE float warp_sum(float x) {
  for (int mask = 16; mask > 0; mask /= 2) x += __shfl_xor_sync(0xFFFFFFFFu, x, mask);
  return x;
}

DEVICE float warp_max(float x) {
  for (int mask = 16; mask > 0; mask /= 2) x = fmaxf(x, __shfl_xor_sync(0xFFFFFFFFu, x, mask));
  return x;
}
