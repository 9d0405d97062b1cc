// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include <dnnl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "CTensorCPU.h"
#include "functions.h"
#include "threads.h"

// Attention over tokens, a block of queries at a time against blocks of keys, with the running
// maximum and sum of "Online normalizer calculation for softmax" (Milakov and Gimelshein, 2018):
// the scores of one block are all that ever exists of the tokens x tokens matrix.
enum { QUERIES = 64, KEYS = 512 };

typedef struct {
  const float *qkv;
  float *y;
  ptrdiff_t tokens, channels, heads, size, blocks;
  int *failed;
} token_attention;

/// Turns a row of scores into e^(score * scale - maximum); returns their sum.
CPU_CLONES static float exponentiate(float *row, ptrdiff_t count, float scale, float maximum) {
#pragma clang fp reassociate(on)
  float sum = 0;
  for (ptrdiff_t k = 0; k < count; k++) {
    float e = cpu_exp(row[k] * scale - maximum);
    row[k] = e;
    sum += e;
  }
  return sum;
}

CPU_CLONES static float row_maximum(const float *row, ptrdiff_t count) {
#pragma clang fp reassociate(on)
  float most = -INFINITY;
  for (ptrdiff_t k = 0; k < count; k++) most = row[k] > most ? row[k] : most;
  return most;
}

CPU_CLONES static void scale_row(float *row, ptrdiff_t count, float factor) {
  for (ptrdiff_t k = 0; k < count; k++) row[k] *= factor;
}

static void token_attention_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
  const token_attention *o = pointer;
  ptrdiff_t size = o->size, stride = 3 * o->channels;
  float *scores = malloc(sizeof(float) * (size_t)(QUERIES * KEYS + QUERIES * size));
  if (!scores) {
    __atomic_store_n(o->failed, 1, __ATOMIC_RELAXED);
    return;
  }
  float *sum = scores + QUERIES * KEYS;
  float scale = 1.0f / sqrtf((float)size);
  for (ptrdiff_t item = begin; item < end; item++) {
    ptrdiff_t block = item % o->blocks, head = item / o->blocks % o->heads;
    ptrdiff_t image = item / o->blocks / o->heads;
    ptrdiff_t first = block * QUERIES;
    ptrdiff_t queries = o->tokens - first < QUERIES ? o->tokens - first : QUERIES;
    const float *base = o->qkv + image * o->tokens * stride + head * size;
    const float *query = base + first * stride;
    float maximum[QUERIES], total[QUERIES];
    for (ptrdiff_t i = 0; i < queries; i++) {
      maximum[i] = -INFINITY;
      total[i] = 0;
    }
    for (ptrdiff_t key = 0; key < o->tokens; key += KEYS) {
      ptrdiff_t keys = o->tokens - key < KEYS ? o->tokens - key : KEYS;
      const float *k = base + o->channels + key * stride, *v = base + 2 * o->channels + key * stride;
      dnnl_status_t status = dnnl_sgemm('N', 'T', queries, keys, size, 1.0f, query, stride, k, stride,
                                        0.0f, scores, keys);
      for (ptrdiff_t i = 0; i < queries; i++) {
        float *row = scores + i * keys;
        float most = scale * row_maximum(row, keys);
        if (most < maximum[i]) most = maximum[i];
        float fade = key == 0 ? 0.0f : expf(maximum[i] - most);
        maximum[i] = most;
        total[i] = total[i] * fade + exponentiate(row, keys, scale, most);
        if (key > 0) scale_row(sum + i * size, size, fade);
      }
      if (status == dnnl_success)
        status = dnnl_sgemm('N', 'N', queries, size, keys, 1.0f, scores, keys, v, stride,
                            key == 0 ? 0.0f : 1.0f, sum, size);
      if (status != dnnl_success) __atomic_store_n(o->failed, 1, __ATOMIC_RELAXED);
    }
    for (ptrdiff_t i = 0; i < queries; i++) {
      float *out = o->y + (image * o->tokens + first + i) * o->channels + head * size;
      scale_row(sum + i * size, size, 1.0f / total[i]);
      memcpy(out, sum + i * size, (size_t)size * sizeof(float));
    }
  }
  free(scores);
}

int cpu_token_attention(const float *qkv, float *y, ptrdiff_t images, ptrdiff_t tokens,
                        ptrdiff_t channels, ptrdiff_t heads) {
  int failed = 0;
  token_attention o = {qkv, y, tokens, channels, heads, channels / heads,
                       (tokens + QUERIES - 1) / QUERIES, &failed};
  cpu_parallel(images * heads * o.blocks, 1, token_attention_run, &o);
  return failed;
}

// Attention over frames: tiny matrices, very many of them. A token's queries, keys and values lie
// `tokens` rows apart, so nothing is moved; keys are turned over once so that both products run over
// contiguous memory.
typedef struct {
  const float *qkv;
  float *y;
  ptrdiff_t frames, tokens, channels, heads, size;
  int *failed;
} frame_attention;

CPU_CLONES static void frame_attention_run(const void *pointer, ptrdiff_t begin, ptrdiff_t end) {
#pragma clang fp reassociate(on)
  const frame_attention *o = pointer;
  ptrdiff_t frames = o->frames, size = o->size, channels = o->channels;
  ptrdiff_t padded = (frames + 7) / 8 * 8;
  ptrdiff_t in_stride = o->tokens * 3 * channels, out_stride = o->tokens * channels;
  float *keys = malloc(sizeof(float) * (size_t)(padded * size + padded));
  if (!keys) {
    __atomic_store_n(o->failed, 1, __ATOMIC_RELAXED);
    return;
  }
  float *scores = keys + padded * size;
  float scale = 1.0f / sqrtf((float)size);
  memset(keys, 0, sizeof(float) * (size_t)(padded * size));
  for (ptrdiff_t item = begin; item < end; item++) {
    ptrdiff_t clip = item / o->tokens, token = item % o->tokens;
    const float *base = o->qkv + (clip * frames * o->tokens + token) * 3 * channels;
    float *out = o->y + (clip * frames * o->tokens + token) * channels;
    for (ptrdiff_t head = 0; head < o->heads; head++) {
      const float *q = base + head * size, *k = q + channels, *v = k + channels;
      for (ptrdiff_t f = 0; f < frames; f++)
        for (ptrdiff_t d = 0; d < size; d++) keys[d * padded + f] = k[f * in_stride + d];
      for (ptrdiff_t f = 0; f < frames; f++) {
        const float *restrict query = q + f * in_stride;
        float *restrict s = scores;
        for (ptrdiff_t j = 0; j < padded; j++) s[j] = 0;
        for (ptrdiff_t d = 0; d < size; d++) {
          float value = query[d] * scale;
          const float *restrict row = keys + d * padded;
          for (ptrdiff_t j = 0; j < padded; j++) s[j] += value * row[j];
        }
        float most = s[0], total = 0;
        for (ptrdiff_t j = 1; j < frames; j++) most = s[j] > most ? s[j] : most;
        for (ptrdiff_t j = 0; j < padded; j++) s[j] = cpu_exp(s[j] - most);
        for (ptrdiff_t j = 0; j < frames; j++) total += s[j];
        float *restrict y = out + f * out_stride + head * size;
        float inverse = 1.0f / total;
        for (ptrdiff_t d = 0; d < size; d++) y[d] = 0;
        for (ptrdiff_t j = 0; j < frames; j++) {
          const float *restrict value = v + j * in_stride;
          float weight = s[j] * inverse;
          for (ptrdiff_t d = 0; d < size; d++) y[d] += weight * value[d];
        }
      }
    }
  }
  free(keys);
}

int cpu_frame_attention(const float *qkv, float *y, ptrdiff_t clips, ptrdiff_t frames,
                        ptrdiff_t tokens, ptrdiff_t channels, ptrdiff_t heads) {
  int failed = 0;
  frame_attention o = {qkv, y, frames, tokens, channels, heads, channels / heads, &failed};
  cpu_parallel(clips * tokens, 1, frame_attention_run, &o);
  return failed;
}
