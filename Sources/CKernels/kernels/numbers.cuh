// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Conversions of 16-bit numbers by the processor's own instructions, rounding to nearest even.

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
