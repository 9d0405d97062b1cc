// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include "CTensorCPU.h"
#include "functions.h"
#include "threads.h"

typedef struct {
  const void *in;
  float *out;
  float scale;
} widening;

enum { GRAIN = 1 << 16 };

// The bytes of a tensor inside a safetensors file need not be aligned to their type, so every value
// is copied out; the compiler turns that into an unaligned vector load.
#define WIDEN(name, type, expression)                                                 \
  CPU_CLONES static void name##_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) { \
    const widening *w = pointer;                                                      \
    const char *in = w->in;                                                           \
    for (ptrdiff_t i = begin; i < end; i++) {                                         \
      type value;                                                                     \
      __builtin_memcpy(&value, in + i * (ptrdiff_t)sizeof value, sizeof value);       \
      w->out[i] = w->scale * (expression);                                            \
    }                                                                                 \
  }                                                                                   \
  void name(const void *in, float *out, ptrdiff_t count, float scale) {               \
    widening w = {in, out, scale};                                                    \
    cpu_parallel(count, GRAIN, name##_run, &w);                                       \
  }

WIDEN(cpu_widen_float16, _Float16, (float)value)
WIDEN(cpu_widen_bfloat16, uint16_t, cpu_float_of_bits((int32_t)((uint32_t)value << 16)))
WIDEN(cpu_widen_float32, float, value)
WIDEN(cpu_widen_float64, double, (float)value)
