// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// The processor's inner loops. Everything is float32, dense and channels last. Each entry point spreads
// its own work over the OpenMP threads that oneDNN uses, so that one pool serves both.

#ifndef ZOETROPE_CTENSORCPU_H
#define ZOETROPE_CTENSORCPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MARK: threads.c

/// The most threads that a parallel region uses.
int cpu_thread_count(void);
/// Sets the number of threads used by regions that the calling thread starts from now on.
void cpu_set_thread_count(int count);

// MARK: convert.c

/// out[i] = scale * in[i], widened to float32.
void cpu_widen_float16(const void *in, float *out, ptrdiff_t count, float scale);
void cpu_widen_bfloat16(const void *in, float *out, ptrdiff_t count, float scale);
void cpu_widen_float32(const void *in, float *out, ptrdiff_t count, float scale);
void cpu_widen_float64(const void *in, float *out, ptrdiff_t count, float scale);

// MARK: elementwise.c

typedef enum {
  CPU_ACTIVATION_SILU,
  CPU_ACTIVATION_GELU,
  CPU_ACTIVATION_QUICK_GELU,
} cpu_activation;

void cpu_activate(const float *x, float *y, ptrdiff_t count, cpu_activation activation);
/// y[r, c] = x[r, c] * gelu(x[r, columns + c]); x has 2 * columns columns.
void cpu_gate(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns);
/// y = alpha * a + beta * b.
void cpu_combine(const float *a, float alpha, const float *b, float beta, float *y, ptrdiff_t count);
/// y[r, :] = x[r, :] + table[t, :] with t = (r / block) % table_rows, or t = indices[r] if given.
void cpu_add_rows(const float *x, const float *table, const int32_t *indices, float *y,
                  ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t block, ptrdiff_t table_rows);
/// Copies rows of `row_bytes` bytes between two strided places.
void cpu_copy_rows(const void *in, ptrdiff_t in_stride, void *out, ptrdiff_t out_stride,
                   ptrdiff_t row_bytes, ptrdiff_t rows);
/// Nearest neighbour; `source_row` and `source_column` give the source index of each output index.
void cpu_upsample(const float *x, float *y, ptrdiff_t images, ptrdiff_t height, ptrdiff_t width,
                  ptrdiff_t channels, ptrdiff_t out_height, ptrdiff_t out_width,
                  const int32_t *source_row, const int32_t *source_column);
/// y[n, 2i + a, 2j + b, :] = phases[2a + b][n, i, j, :].
void cpu_interleave(const float *const phases[4], float *y, ptrdiff_t images, ptrdiff_t height,
                    ptrdiff_t width, ptrdiff_t channels);

// MARK: normalize.c

/// Group norm over `rows` positions of each of `clips` pieces; `scratch` holds
/// cpu_group_norm_scratch() doubles.
void cpu_group_norm(const float *x, float *y, ptrdiff_t clips, ptrdiff_t rows, ptrdiff_t channels,
                    ptrdiff_t groups, const float *weight, const float *bias, float epsilon,
                    bool silu, double *scratch);
ptrdiff_t cpu_group_norm_scratch(ptrdiff_t clips, ptrdiff_t rows, ptrdiff_t channels);
void cpu_layer_norm(const float *x, float *y, ptrdiff_t rows, ptrdiff_t channels,
                    const float *weight, const float *bias, float epsilon);

// MARK: attention.c

/// Attention over the tokens of each image. `qkv` is [images, tokens, 3 * channels]: queries, keys,
/// values side by side; `y` is [images, tokens, channels].
/// Returns 0, or 1 where memory was short.
int cpu_token_attention(const float *qkv, float *y, ptrdiff_t images, ptrdiff_t tokens,
                        ptrdiff_t channels, ptrdiff_t heads);
/// Attention over the frames of each token. `qkv` is [clips, frames, tokens, 3 * channels].
int cpu_frame_attention(const float *qkv, float *y, ptrdiff_t clips, ptrdiff_t frames,
                        ptrdiff_t tokens, ptrdiff_t channels, ptrdiff_t heads);

// MARK: onednn.c

typedef struct cpu_plan cpu_plan;

typedef struct {
  ptrdiff_t images, height, width, inputs;
  ptrdiff_t out_height, out_width, outputs;
  ptrdiff_t kernel_height, kernel_width;
  ptrdiff_t stride_height, stride_width;
  ptrdiff_t top, left, bottom, right;
} cpu_convolution_shape;

/// oneDNN's version, as "2.6.3".
void cpu_onednn_version(char *text, size_t capacity);
/// Plans are made once a shape and kept. All return a dnnl_status_t, 0 for success.
int cpu_plan_convolution(const cpu_convolution_shape *shape, bool bias, bool residual, cpu_plan **out);
/// [rows, inputs] x [outputs, inputs]^T + bias (+ residual).
int cpu_plan_linear(ptrdiff_t rows, ptrdiff_t inputs, ptrdiff_t outputs, bool bias, bool residual,
                    cpu_plan **out);
void cpu_plan_destroy(cpu_plan *plan);
/// Bytes of the weights as this plan wants them, and of the scratch it needs.
size_t cpu_plan_weight_bytes(const cpu_plan *plan);
size_t cpu_plan_scratch_bytes(const cpu_plan *plan);
/// Whether the plan reads weights just as a checkpoint stores them.
bool cpu_plan_reads_plain_weights(const cpu_plan *plan);
/// Whether two plans read weights laid out alike.
bool cpu_plan_shares_layout(const cpu_plan *a, const cpu_plan *b);
/// Turns weights from checkpoint order, [outputs, inputs] or [outputs, inputs, kernel height, kernel
/// width], into the plan's layout, and back.
int cpu_plan_pack(const cpu_plan *plan, const float *plain, float *packed);
int cpu_plan_unpack(const cpu_plan *plan, const float *packed, float *plain);
int cpu_plan_run(cpu_plan *plan, const float *x, const float *weights, const float *bias,
                 const float *residual, float *y, void *scratch);

// MARK: convolution.c

/// A convolution of stride 1; `weights` is [kernel height, kernel width, inputs, outputs]. Bias and
/// residual may be null. Returns 0, or 1 where memory was short.
int cpu_convolution_by_products(const cpu_convolution_shape *shape, const float *x,
                                const float *weights, const float *bias, const float *residual,
                                float *y);
/// From checkpoint order, [outputs, inputs, kernel], to [kernel, inputs, outputs], and back.
void cpu_turn_weights(const float *plain, float *taps, ptrdiff_t outputs, ptrdiff_t inputs,
                      ptrdiff_t kernel);
void cpu_turn_weights_back(const float *taps, float *plain, ptrdiff_t outputs, ptrdiff_t inputs,
                           ptrdiff_t kernel);

#endif
