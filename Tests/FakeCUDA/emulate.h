// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Just enough of CUDA C++ for our kernels to be ordinary functions. The threads of a block are fibers
// that take turns: at a barrier each waits until all have come. A shuffle is two barriers with a table
// between, which asks that all threads of a block meet it; our kernels see to that.

#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <initializer_list>
#include <vector>

// The GPU rounds each of the operations marked _rn by itself.
#pragma STDC FP_CONTRACT OFF

#define EMULATED
#define DEVICE static inline
#define KERNEL(name) static void name
#define SHARED static
#define DYNAMIC_SHARED(name) float *name = emulated_shared

#pragma GCC visibility push(hidden)

struct dimensions {
  unsigned x, y, z;
};
extern dimensions threadIdx, blockIdx, blockDim, gridDim;
extern float *emulated_shared;

void emulated_barrier();
float emulated_shuffle_xor(float value, int mask);

#define __syncthreads() emulated_barrier()
#define __syncwarp() emulated_barrier()
#define __shfl_xor_sync(members, value, mask) emulated_shuffle_xor(value, mask)
#define __fadd_rn(a, b) ((float)((a) + (b)))
#define __fsub_rn(a, b) ((float)((a) - (b)))
#define __fmul_rn(a, b) ((float)((a) * (b)))
#define __fdiv_rn(a, b) ((float)((a) / (b)))
#define __fsqrt_rn(a) sqrtf(a)
#define __expf(x) expf(x)
#define __fdividef(x, y) ((x) / (y))
#define __dadd_rn(a, b) ((a) + (b))
#define __dmul_rn(a, b) ((a) * (b))

static inline float float16_to_float(unsigned short bits) {
  _Float16 x;
  memcpy(&x, &bits, 2);
  return (float)x;
}
static inline unsigned short float_to_float16(float x) {
  _Float16 half = (_Float16)x;
  unsigned short bits;
  memcpy(&bits, &half, 2);
  return bits;
}
static inline float bfloat16_to_float(unsigned short bits) {
  uint32_t word = (uint32_t)bits << 16;
  float x;
  memcpy(&x, &word, 4);
  return x;
}
static inline unsigned short float_to_bfloat16(float x) {
  uint32_t word;
  memcpy(&word, &x, 4);
  if (isnan(x)) return 0x7FC0;
  return (unsigned short)((word + 0x7FFF + ((word >> 16) & 1)) >> 16);
}

/// d += x wᵀ as the lanes of a warp do together; see numbers.cuh.
void emulated_multiply(float (&d)[4], const unsigned (&x)[4], const unsigned (&w)[2],
                       float (*widened)(unsigned short));
unsigned transposed(unsigned pair);
static inline void multiply_float16(float (&d)[4], const unsigned (&x)[4], const unsigned (&w)[2]) {
  emulated_multiply(d, x, w, float16_to_float);
}
static inline void multiply_bfloat16(float (&d)[4], const unsigned (&x)[4],
                                     const unsigned (&w)[2]) {
  emulated_multiply(d, x, w, bfloat16_to_float);
}

// Of a sign, 4 bits of exponent and 3 behind the point: a 16th of float16's lower exponents, and no infinity.
static inline float float8_to_float(unsigned char bits) {
  int exponent = bits >> 3 & 15, fraction = bits & 7;
  if ((bits & 0x7F) == 0x7F) return NAN;
  float x = exponent ? ldexpf(8 + fraction, exponent - 10) : ldexpf(fraction, -9);
  return bits & 0x80 ? -x : x;
}
static inline unsigned char float_to_float8(float x) {
  unsigned char sign = signbit(x) ? 0x80 : 0;
  if (isnan(x)) return 0x7F;
  x = fabsf(x);
  if (x >= 448) return sign | 0x7E;
  // The numbers beside one another lie so far apart as this; to the nearest of them, of two to the even one.
  int exponent;
  frexpf(x, &exponent);
  if (exponent < -5) exponent = -5;
  int steps = (int)nearbyintf(ldexpf(x, 4 - exponent));
  return sign | (unsigned char)(steps + 8 * (exponent + 5));
}

typedef void (*emulated_call)(void **arguments);
struct emulated_kernel {
  const char *name;
  emulated_call call;
};
/// The kernels of one type of element.
const emulated_kernel *emulated_kernels(int element, size_t *count);

/// Where an element lies that a tensor map finds at a place, along the first dimension and along the others; none
/// if it is outside of the tensor.
const void *element_of_map(const void *map, int64_t inner, std::initializer_list<int64_t> place);

// Calls a kernel with what a launch passes: an array of addresses, one of each argument.
template <size_t... I>
struct index_list {};
template <size_t N, size_t... I>
struct make_index_list : make_index_list<N - 1, N - 1, I...> {};
template <size_t... I>
struct make_index_list<0, I...> {
  typedef index_list<I...> type;
};
template <typename... Parameters, size_t... I>
inline void call_kernel(void (*kernel)(Parameters...), void **arguments, index_list<I...>) {
  kernel(*(Parameters *)arguments[I]...);
}
template <typename... Parameters>
inline void call_kernel(void (*kernel)(Parameters...), void **arguments) {
  call_kernel(kernel, arguments, typename make_index_list<sizeof...(Parameters)>::type());
}

#pragma GCC visibility pop
