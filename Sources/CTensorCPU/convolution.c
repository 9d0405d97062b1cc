// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include <dnnl.h>
#include <string.h>

#include "CTensorCPU.h"
#include "threads.h"

// A convolution of stride 1 as one matrix product for each tap of the kernel, added up while a stretch
// of one output row is in the cache.
//
// oneDNN's own kernel for channels-last maps walks whole rows for every eight input channels. That is
// fine for short rows; over long ones its sums leave the first-level cache at every turn. And a
// temporal convolution is to it a picture of `frames` rows, each as wide as a frame has pixels.
// Measured on a Zen 3 core: 42 to 46 GFLOP/s at rows of 64 to 256 pixels and 11 over frames; this way
// 65 to 75.
enum { PIXELS = 128 };

typedef struct {
  const cpu_convolution_shape *shape;
  const float *x, *weights, *bias, *residual;
  float *y;
  ptrdiff_t blocks;
  int *failed;
} convolution;

// Bias and residual come last: a sum that begins with a large residual would round every product's
// contribution to its scale.
CPU_CLONES static void finish_rows(const float *bias, const float *residual, float *y, ptrdiff_t rows,
                                   ptrdiff_t columns) {
  for (ptrdiff_t r = 0; r < rows; r++) {
    float *restrict out = y + r * columns;
    if (bias)
      for (ptrdiff_t c = 0; c < columns; c++) out[c] += bias[c];
    if (residual) {
      const float *restrict in = residual + r * columns;
      for (ptrdiff_t c = 0; c < columns; c++) out[c] += in[c];
    }
  }
}

static void run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const convolution *o = pointer;
  const cpu_convolution_shape *s = o->shape;
  for (ptrdiff_t item = begin; item < end; item++) {
    // Rows come fastest, so that one thread takes the same columns down consecutive rows and finds
    // what the row above has read.
    ptrdiff_t row = item % s->out_height, block = item / s->out_height % o->blocks;
    ptrdiff_t image = item / s->out_height / o->blocks;
    ptrdiff_t first = block * PIXELS;
    ptrdiff_t count = s->out_width - first < PIXELS ? s->out_width - first : PIXELS;
    ptrdiff_t start = ((image * s->out_height + row) * s->out_width + first) * s->outputs;
    float *y = o->y + start;
    memset(y, 0, (size_t)(count * s->outputs) * sizeof(float));
    for (ptrdiff_t ky = 0; ky < s->kernel_height; ky++) {
      ptrdiff_t source_row = row + ky - s->top;
      if (source_row < 0 || source_row >= s->height) continue;
      const float *x = o->x + (image * s->height + source_row) * s->width * s->inputs;
      for (ptrdiff_t kx = 0; kx < s->kernel_width; kx++) {
        // Which of these pixels have this tap inside the picture.
        ptrdiff_t shift = kx - s->left, from = first, to = first + count;
        if (from + shift < 0) from = -shift;
        if (to + shift > s->width) to = s->width - shift;
        if (from >= to) continue;
        const float *taps = o->weights + (ky * s->kernel_width + kx) * s->inputs * s->outputs;
        if (dnnl_sgemm('N', 'N', to - from, s->outputs, s->inputs, 1.0f,
                       x + (from + shift) * s->inputs, s->inputs, taps, s->outputs, 1.0f,
                       y + (from - first) * s->outputs, s->outputs) != dnnl_success)
          __atomic_store_n(o->failed, 1, __ATOMIC_RELAXED);
      }
    }
    finish_rows(o->bias, o->residual ? o->residual + start : NULL, y, count, s->outputs);
  }
}

int cpu_convolution_by_products(const cpu_convolution_shape *shape, const float *x,
                                const float *weights, const float *bias, const float *residual,
                                float *y) {
  int failed = 0;
  convolution o = {shape, x, weights, bias, residual,
                   y, (shape->out_width + PIXELS - 1) / PIXELS, &failed};
  cpu_parallel(shape->images * o.blocks * shape->out_height, 1, run, &o);
  return failed;
}

void cpu_turn_weights(const float *plain, float *taps, ptrdiff_t outputs, ptrdiff_t inputs,
                      ptrdiff_t kernel) {
  for (ptrdiff_t o = 0; o < outputs; o++)
    for (ptrdiff_t i = 0; i < inputs; i++)
      for (ptrdiff_t k = 0; k < kernel; k++)
        taps[(k * inputs + i) * outputs + o] = plain[(o * inputs + i) * kernel + k];
}

void cpu_turn_weights_back(const float *taps, float *plain, ptrdiff_t outputs, ptrdiff_t inputs,
                           ptrdiff_t kernel) {
  for (ptrdiff_t o = 0; o < outputs; o++)
    for (ptrdiff_t i = 0; i < inputs; i++)
      for (ptrdiff_t k = 0; k < kernel; k++)
        plain[(o * inputs + i) * kernel + k] = taps[(k * inputs + i) * outputs + o];
}
