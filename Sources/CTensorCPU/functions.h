// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Branch-free functions that the vectoriser can widen. Coefficients were fitted by Chebyshev
// interpolation in float64; errors against float64 are stated with each.

#ifndef ZOETROPE_FUNCTIONS_H
#define ZOETROPE_FUNCTIONS_H

#include <stdint.h>

#define CPU_INLINE static inline __attribute__((always_inline))

CPU_INLINE float cpu_float_of_bits(int32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, 4);
  return value;
}

CPU_INLINE float cpu_minimum(float a, float b) { return a < b ? a : b; }
CPU_INLINE float cpu_maximum(float a, float b) { return a > b ? a : b; }

/// e^x, relative error below 2e-7; clamped to [-87, 88], a NaN stays a NaN.
CPU_INLINE float cpu_exp(float x) {
  float clamped = x > 88.0f ? 88.0f : x;
  clamped = clamped < -87.0f ? -87.0f : clamped;
  // Adding and taking away 1.5 * 2^23 rounds to the nearest whole number.
  float n = (clamped * 1.44269504f + 12582912.0f) - 12582912.0f;
  float r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.394858084e-03f;
  p = p * r + 8.375128891e-03f;
  p = p * r + 4.166621827e-02f;
  p = p * r + 1.666641548e-01f;
  p = p * r + 5.000000108e-01f;
  p = p * r + 1.000000038e+00f;
  p = p * r + 1.0f;
  return p * cpu_float_of_bits((int32_t)(((uint32_t)(int32_t)n + 127u) << 23));
}

/// The error function, absolute error below 1.3e-7.
CPU_INLINE float cpu_erf(float x) {
  float a = x < 0 ? -x : x;
  float u = a * a;
  float s = 7.882497111e-05f;
  s = s * u + -8.018854992e-04f;
  s = s * u + 5.189311943e-03f;
  s = s * u + -2.685432880e-02f;
  s = s * u + 1.128359746e-01f;
  s = s * u + -3.761262690e-01f;
  s = s * u + 1.128379166e+00f;
  float l = a > 4.0f ? 4.0f : a;
  float q = 4.986726290e-08f;
  q = q * l + -2.725838293e-06f;
  q = q * l + 5.634693603e-05f;
  q = q * l + -6.519366019e-04f;
  q = q * l + 4.943775550e-03f;
  q = q * l + -2.681811385e-02f;
  q = q * l + 1.106310160e-01f;
  q = q * l + 6.313521468e-01f;
  q = q * l + 1.130462406e+00f;
  q = q * l + -3.674468717e-04f;
  float large = 1.0f - cpu_exp(-q);
  float magnitude = a < 1.0f ? s * a : large;
  float sign = x < 0 ? -1.0f : 1.0f;
  return x != x ? x : sign * magnitude;
}

CPU_INLINE float cpu_silu(float x) { return x / (1.0f + cpu_exp(-x)); }
CPU_INLINE float cpu_gelu(float x) { return 0.5f * x * (1.0f + cpu_erf(x * 0.707106781f)); }
CPU_INLINE float cpu_quick_gelu(float x) { return x / (1.0f + cpu_exp(-1.702f * x)); }

#endif
