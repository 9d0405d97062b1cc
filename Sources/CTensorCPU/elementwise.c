// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include <string.h>

#include "CTensorCPU.h"
#include "functions.h"
#include "threads.h"

enum { GRAIN = 1 << 13 };

typedef struct {
  const float *a, *b;
  float *y;
  float alpha, beta;
  ptrdiff_t columns;
} operands;

#define ACTIVATE(name, function)                                                      \
  CPU_CLONES static void name(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {  \
    const operands *o = pointer;                                                      \
    const float *restrict a = o->a;                                                   \
    float *restrict y = o->y;                                                         \
    for (ptrdiff_t i = begin; i < end; i++) y[i] = function(a[i]);                    \
  }

ACTIVATE(silu_run, cpu_silu)
ACTIVATE(gelu_run, cpu_gelu)
ACTIVATE(quick_gelu_run, cpu_quick_gelu)

void cpu_activate(const float *x, float *y, ptrdiff_t count, cpu_activation activation) {
  operands o = {.a = x, .y = y};
  switch (activation) {
    case CPU_ACTIVATION_SILU: cpu_parallel(count, GRAIN, silu_run, &o); break;
    case CPU_ACTIVATION_GELU: cpu_parallel(count, GRAIN, gelu_run, &o); break;
    case CPU_ACTIVATION_QUICK_GELU: cpu_parallel(count, GRAIN, quick_gelu_run, &o); break;
  }
}

CPU_CLONES static void gate_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const operands *o = pointer;
  for (ptrdiff_t r = begin; r < end; r++) {
    const float *restrict value = o->a + r * 2 * o->columns;
    const float *restrict gate = value + o->columns;
    float *restrict y = o->y + r * o->columns;
    for (ptrdiff_t c = 0; c < o->columns; c++) y[c] = value[c] * cpu_gelu(gate[c]);
  }
}

void cpu_gate(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns) {
  operands o = {.a = x, .y = y, .columns = columns};
  cpu_parallel(rows, 1 + GRAIN / (columns + 1), gate_run, &o);
}

CPU_CLONES static void combine_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const operands *o = pointer;
  const float *a = o->a, *b = o->b;
  float *y = o->y, alpha = o->alpha, beta = o->beta;
  for (ptrdiff_t i = begin; i < end; i++) y[i] = alpha * a[i] + beta * b[i];
}

void cpu_combine(const float *a, float alpha, const float *b, float beta, float *y, ptrdiff_t count) {
  operands o = {.a = a, .b = b, .y = y, .alpha = alpha, .beta = beta};
  cpu_parallel(count, GRAIN, combine_run, &o);
}

typedef struct {
  const float *x, *table;
  const int32_t *indices;
  float *y;
  ptrdiff_t columns, block, table_rows;
} row_addition;

CPU_CLONES static void add_rows_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const row_addition *o = pointer;
  for (ptrdiff_t r = begin; r < end; r++) {
    ptrdiff_t t = o->indices ? o->indices[r] : (r / o->block) % o->table_rows;
    const float *restrict x = o->x + r * o->columns, *restrict table = o->table + t * o->columns;
    float *restrict y = o->y + r * o->columns;
    for (ptrdiff_t c = 0; c < o->columns; c++) y[c] = x[c] + table[c];
  }
}

void cpu_add_rows(const float *x, const float *table, const int32_t *indices, float *y,
                  ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t block, ptrdiff_t table_rows) {
  row_addition o = {x, table, indices, y, columns, block, table_rows};
  cpu_parallel(rows, 1 + GRAIN / (columns + 1), add_rows_run, &o);
}

typedef struct {
  const char *in;
  char *out;
  ptrdiff_t in_stride, out_stride, row_bytes;
} row_copy;

static void copy_rows_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const row_copy *o = pointer;
  for (ptrdiff_t r = begin; r < end; r++)
    memcpy(o->out + r * o->out_stride, o->in + r * o->in_stride, (size_t)o->row_bytes);
}

void cpu_copy_rows(const void *in, ptrdiff_t in_stride, void *out, ptrdiff_t out_stride,
                   ptrdiff_t row_bytes, ptrdiff_t rows) {
  row_copy o = {in, out, in_stride, out_stride, row_bytes};
  cpu_parallel(rows, 1 + (1 << 17) / (row_bytes + 1), copy_rows_run, &o);
}

typedef struct {
  const float *x;
  float *y;
  ptrdiff_t height, width, channels, out_height, out_width;
  const int32_t *source_row, *source_column;
} upsampling;

static void upsample_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const upsampling *o = pointer;
  size_t bytes = (size_t)o->channels * sizeof(float);
  for (ptrdiff_t row = begin; row < end; row++) {
    ptrdiff_t image = row / o->out_height, source = o->source_row[row % o->out_height];
    const float *in = o->x + (image * o->height + source) * o->width * o->channels;
    float *out = o->y + row * o->out_width * o->channels;
    for (ptrdiff_t column = 0; column < o->out_width; column++)
      memcpy(out + column * o->channels, in + o->source_column[column] * o->channels, bytes);
  }
}

void cpu_upsample(const float *x, float *y, ptrdiff_t images, ptrdiff_t height, ptrdiff_t width,
                  ptrdiff_t channels, ptrdiff_t out_height, ptrdiff_t out_width,
                  const int32_t *source_row, const int32_t *source_column) {
  upsampling o = {x, y, height, width, channels, out_height, out_width, source_row, source_column};
  cpu_parallel(images * out_height, 1 + GRAIN / (out_width * channels + 1), upsample_run, &o);
}

typedef struct {
  const float *const *phases;
  float *y;
  ptrdiff_t width, channels;
} interleaving;

static void interleave_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const interleaving *o = pointer;
  size_t bytes = (size_t)o->channels * sizeof(float);
  for (ptrdiff_t row = begin; row < end; row++) {
    // Image and source row count as one, since both double in step.
    const float *left = o->phases[row % 2 * 2] + row / 2 * o->width * o->channels;
    const float *right = o->phases[row % 2 * 2 + 1] + row / 2 * o->width * o->channels;
    float *y = o->y + row * 2 * o->width * o->channels;
    for (ptrdiff_t column = 0; column < o->width; column++) {
      memcpy(y + 2 * column * o->channels, left + column * o->channels, bytes);
      memcpy(y + (2 * column + 1) * o->channels, right + column * o->channels, bytes);
    }
  }
}

void cpu_interleave(const float *const phases[4], float *y, ptrdiff_t images, ptrdiff_t height,
                    ptrdiff_t width, ptrdiff_t channels) {
  interleaving o = {phases, y, width, channels};
  cpu_parallel(images * height * 2, 1 + GRAIN / (width * channels + 1), interleave_run, &o);
}
