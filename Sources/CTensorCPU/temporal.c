// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include <dnnl.h>
#include <string.h>

#include "CTensorCPU.h"
#include "threads.h"

// A convolution over three neighbouring frames is three matrix products that add up. oneDNN's
// convolution would take it as a picture of `frames` rows, each as wide as a whole frame has pixels:
// its three rows then lie megabytes apart, and it runs at a fifth of the speed. Here a few hundred
// pixels are taken through all frames while they are in the cache.
enum { PIXELS = 256 };

typedef struct {
  const float *x, *weights, *bias, *residual;
  float *y;
  ptrdiff_t frames, pixels, inputs, outputs, blocks;
} convolution;

CPU_CLONES static void start_rows(const float *bias, const float *residual, float *y, ptrdiff_t rows,
                                  ptrdiff_t columns) {
  for (ptrdiff_t r = 0; r < rows; r++) {
    float *restrict out = y + r * columns;
    if (residual && bias) {
      const float *restrict in = residual + r * columns;
      for (ptrdiff_t c = 0; c < columns; c++) out[c] = in[c] + bias[c];
    } else if (residual) {
      memcpy(out, residual + r * columns, (size_t)columns * sizeof(float));
    } else if (bias) {
      memcpy(out, bias, (size_t)columns * sizeof(float));
    } else {
      memset(out, 0, (size_t)columns * sizeof(float));
    }
  }
}

static void run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const convolution *o = pointer;
  for (ptrdiff_t item = begin; item < end; item++) {
    // Frames come fastest, so that one thread takes the same pixels through consecutive frames.
    ptrdiff_t frame = item % o->frames, block = item / o->frames % o->blocks;
    ptrdiff_t clip = item / o->frames / o->blocks;
    ptrdiff_t first = block * PIXELS;
    ptrdiff_t rows = o->pixels - first < PIXELS ? o->pixels - first : PIXELS;
    ptrdiff_t row = (clip * o->frames + frame) * o->pixels + first;
    float *y = o->y + row * o->outputs;
    start_rows(o->bias, o->residual ? o->residual + row * o->outputs : NULL, y, rows, o->outputs);
    for (ptrdiff_t tap = 0; tap < 3; tap++) {
      ptrdiff_t source = frame + tap - 1;
      if (source < 0 || source >= o->frames) continue;
      const float *x = o->x + (row + (tap - 1) * o->pixels) * o->inputs;
      dnnl_sgemm('N', 'T', rows, o->outputs, o->inputs, 1.0f, x, o->inputs,
                 o->weights + tap * o->outputs * o->inputs, o->inputs, 1.0f, y, o->outputs);
    }
  }
}

void cpu_temporal_convolution(const float *x, const float *weights, const float *bias,
                              const float *residual, float *y, ptrdiff_t clips, ptrdiff_t frames,
                              ptrdiff_t pixels, ptrdiff_t inputs, ptrdiff_t outputs) {
  convolution o = {x, weights, bias, residual, y, frames, pixels, inputs, outputs,
                   (pixels + PIXELS - 1) / PIXELS};
  cpu_parallel(clips * o.blocks * frames, 1, run, &o);
}
