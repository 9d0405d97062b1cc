// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include <math.h>

#include "CTensorCPU.h"
#include "functions.h"
#include "threads.h"

// Group norm in two passes. The first sums d and d^2 for each channel over runs of rows, where d is
// the distance from the channel's first value: a group that hardly varies about a large mean would
// lose its variance otherwise. Short stretches are summed in float32 (which vectorises over channels)
// and added up in float64, so that a picture of millions of positions loses nothing. The second pass
// is (x - mean) * scale + bias.
enum { RUN = 2048, STRETCH = 32, MOST_CHANNELS_AT_ONCE = 64 };

typedef struct {
  const float *x, *weight, *bias;
  float *y;
  ptrdiff_t rows, channels, groups, runs;
  double *sums;       // [clips, runs, 2, channels]
  float *mean_scale;  // [clips, 2, channels]
  float epsilon;
  bool silu;
} group_norm;

ptrdiff_t cpu_group_norm_scratch(ptrdiff_t clips, ptrdiff_t rows, ptrdiff_t channels) {
  ptrdiff_t runs = (rows + RUN - 1) / RUN;
  return clips * channels * (2 * runs + 1);
}

CPU_CLONES static void sum_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const group_norm *o = pointer;
  ptrdiff_t channels = o->channels;
  for (ptrdiff_t piece = begin; piece < end; piece++) {
    ptrdiff_t clip = piece / o->runs, run = piece % o->runs;
    ptrdiff_t first = run * RUN, last = first + RUN < o->rows ? first + RUN : o->rows;
    const float *origin = o->x + clip * o->rows * channels;
    double *sum = o->sums + piece * 2 * channels, *squares = sum + channels;
    for (ptrdiff_t c = 0; c < 2 * channels; c++) sum[c] = 0;
    for (ptrdiff_t r = first; r < last; r += STRETCH) {
      ptrdiff_t stop = r + STRETCH < last ? r + STRETCH : last;
      for (ptrdiff_t c0 = 0; c0 < channels; c0 += MOST_CHANNELS_AT_ONCE) {
        ptrdiff_t width = channels - c0 < MOST_CHANNELS_AT_ONCE ? channels - c0 : MOST_CHANNELS_AT_ONCE;
        float s[MOST_CHANNELS_AT_ONCE] = {0}, q[MOST_CHANNELS_AT_ONCE] = {0};
        const float *restrict zero = origin + c0;
        for (ptrdiff_t i = r; i < stop; i++) {
          const float *restrict x = origin + i * channels + c0;
          for (ptrdiff_t c = 0; c < width; c++) {
            float d = x[c] - zero[c];
            s[c] += d;
            q[c] += d * d;
          }
        }
        for (ptrdiff_t c = 0; c < width; c++) {
          sum[c0 + c] += s[c];
          squares[c0 + c] += q[c];
        }
      }
    }
  }
}

static void finish_statistics(const group_norm *o, ptrdiff_t clip) {
  ptrdiff_t channels = o->channels, width = channels / o->groups;
  double rows = (double)o->rows;
  const float *zero = o->x + clip * o->rows * channels;
  float *mean = o->mean_scale + clip * 2 * channels, *scale = mean + channels;
  // The first run's sums become the whole clip's.
  double *sum = o->sums + clip * o->runs * 2 * channels, *squares = sum + channels;
  for (ptrdiff_t run = 1; run < o->runs; run++)
    for (ptrdiff_t c = 0; c < 2 * channels; c++) sum[c] += sum[run * 2 * channels + c];
  for (ptrdiff_t g = 0; g < o->groups; g++) {
    ptrdiff_t first = g * width, last = first + width;
    double total = 0, spread = 0;
    for (ptrdiff_t c = first; c < last; c++) total += zero[c] + sum[c] / rows;
    double group_mean = total / (double)width;
    for (ptrdiff_t c = first; c < last; c++) {
      double own = sum[c] / rows, away = zero[c] + own - group_mean;
      spread += squares[c] / rows - own * own + away * away;
    }
    double variance = spread / (double)width;
    double inverse = 1.0 / sqrt((variance > 0 ? variance : 0) + (double)o->epsilon);
    // A NaN must stay one, so that what went wrong upstream is seen.
    if (variance != variance) inverse = variance;
    for (ptrdiff_t c = first; c < last; c++) {
      mean[c] = (float)group_mean;
      scale[c] = (float)(o->weight[c] * inverse);
    }
  }
}

CPU_CLONES static void apply_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const group_norm *o = pointer;
  ptrdiff_t channels = o->channels;
  const float *restrict bias = o->bias;
  for (ptrdiff_t row = begin; row < end; row++) {
    const float *restrict x = o->x + row * channels;
    const float *restrict mean = o->mean_scale + (row / o->rows) * 2 * channels;
    const float *restrict scale = mean + channels;
    float *restrict y = o->y + row * channels;
    if (o->silu) {
      for (ptrdiff_t c = 0; c < channels; c++) y[c] = cpu_silu((x[c] - mean[c]) * scale[c] + bias[c]);
    } else {
      for (ptrdiff_t c = 0; c < channels; c++) y[c] = (x[c] - mean[c]) * scale[c] + bias[c];
    }
  }
}

void cpu_group_norm(const float *x, float *y, ptrdiff_t clips, ptrdiff_t rows, ptrdiff_t channels,
                    ptrdiff_t groups, const float *weight, const float *bias, float epsilon,
                    bool silu, double *scratch) {
  group_norm o = {x, weight, bias, y, rows, channels, groups, (rows + RUN - 1) / RUN,
                  scratch, NULL, epsilon, silu};
  o.mean_scale = (float *)(scratch + clips * o.runs * 2 * channels);
  cpu_parallel(clips * o.runs, 1 + (1 << 13) / (rows * channels / o.runs + 1), sum_run, &o);
  for (ptrdiff_t clip = 0; clip < clips; clip++) finish_statistics(&o, clip);
  cpu_parallel(clips * rows, 1 + (1 << 12) / channels, apply_run, &o);
}

typedef struct {
  const float *x, *weight, *bias;
  float *y;
  ptrdiff_t channels;
  float epsilon;
} layer_norm;

CPU_CLONES static void layer_norm_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const layer_norm *o = pointer;
  ptrdiff_t channels = o->channels;
  const float *restrict weight = o->weight, *restrict bias = o->bias;
  for (ptrdiff_t row = begin; row < end; row++) {
#pragma clang fp reassociate(on)
    const float *restrict x = o->x + row * channels;
    float *restrict y = o->y + row * channels;
    float sum = 0, squares = 0;
    for (ptrdiff_t c = 0; c < channels; c++) sum += x[c];
    float mean = sum / (float)channels;
    for (ptrdiff_t c = 0; c < channels; c++) squares += (x[c] - mean) * (x[c] - mean);
    float inverse = 1.0f / sqrtf(squares / (float)channels + o->epsilon);
    for (ptrdiff_t c = 0; c < channels; c++) y[c] = (x[c] - mean) * inverse * weight[c] + bias[c];
  }
}

void cpu_layer_norm(const float *x, float *y, ptrdiff_t rows, ptrdiff_t channels,
                    const float *weight, const float *bias, float epsilon) {
  layer_norm o = {x, weight, bias, y, channels, epsilon};
  cpu_parallel(rows, 1 + (1 << 12) / channels, layer_norm_run, &o);
}
