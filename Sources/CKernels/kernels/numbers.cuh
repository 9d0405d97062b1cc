// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// What the processor's own instructions do: conversions of 16-bit numbers, rounding to nearest even, and products of
// small tiles.

__device__ __forceinline__ float float16_to_float(unsigned short bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}

__device__ __forceinline__ unsigned short float_to_float16(float x) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}

__device__ __forceinline__ float bfloat16_to_float(unsigned short bits) {
  return __int_as_float((int)bits << 16);
}

__device__ __forceinline__ unsigned short float_to_bfloat16(float x) {
  unsigned short bits;
  // Compute capability 8.0 has the instruction for pairs alone; the other half is thrown away.
  unsigned int pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(0.0f), "f"(x));
  bits = (unsigned short)pair;
  return bits;
}

// The instruction for a product of tiles, of 16 rows of x and 8 of w with an inner dimension of 16: d += x w^T. A lane
// holds of x and d the rows lane / 4 and, eight further, of w the row lane / 4; of each eight columns 2 (lane % 4) and
// the next. All lanes of a warp do it together.
#define MULTIPLY_16_BY_8(type)                                                                          \
  asm("mma.sync.aligned.m16n8k16.row.col.f32." type ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, " \
      "{%0, %1, %2, %3};"                                                                               \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                  \
      : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(w[0]), "r"(w[1]))

__device__ __forceinline__ void multiply_float16(float (&d)[4], const unsigned (&x)[4], const unsigned (&w)[2]) {
  MULTIPLY_16_BY_8("f16.f16");
}

__device__ __forceinline__ void multiply_bfloat16(float (&d)[4], const unsigned (&x)[4], const unsigned (&w)[2]) {
  MULTIPLY_16_BY_8("bf16.bf16");
}

// A tile of 8 by 8 numbers of 16 bits, of which a lane holds two neighbours of a row, by columns.
__device__ __forceinline__ unsigned transposed(unsigned pair) {
  unsigned other;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(other) : "r"(pair));
  return other;
}
