// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Group norm in three kernels. Distances are taken from the group's first value: a group that hardly
// varies about a large mean would lose its variance otherwise. Short stretches are summed in float32
// and added up in float64, so that a clip of millions of positions loses nothing.

// [groupNorm] Sums of distances and of their squares over runs of rows, for each channel.
// Launched as (ceil(channels / 128), runs, pieces) blocks of 128 threads, one thread for each channel.
KERNEL(group_norm_sums)(const element *x, double *sums, integer rows, integer channels,
                        integer groups, integer run_rows) {
  integer channel = thread_index(), run = blockIdx.y, piece = blockIdx.z;
  if (channel >= channels) return;
  const element *from = x + piece * rows * channels;
  integer width = channels / groups;
  float zero = widened(from[channel / width * width]);
  integer first = run * run_rows, last = first + run_rows < rows ? first + run_rows : rows;
  double sum = 0, squares = 0;
  for (integer row = first; row < last; row += 32) {
    integer stop = row + 32 < last ? row + 32 : last;
    float s = 0, q = 0;
    for (integer r = row; r < stop; r++) {
      float d = widened(from[r * channels + channel]) - zero;
      s += d;
      q += d * d;
    }
    sum += s;
    squares += q;
  }
  double *to = sums + (piece * gridDim.y + run) * 2 * channels + channel;
  to[0] = sum;
  to[channels] = squares;
}

// The mean and the inverse deviation of each group, [pieces, groups, 2].
// Launched as (groups, pieces) blocks of 128 threads.
KERNEL(group_norm_finish)(const element *x, const double *sums, float *statistics, integer rows,
                          integer channels, integer groups, integer runs, float epsilon) {
  SHARED double partial[2][128];
  integer group = blockIdx.x, piece = blockIdx.y, width = channels / groups;
  int thread = threadIdx.x;
  double sum = 0, squares = 0;
  for (integer i = thread; i < runs * width; i += 128) {
    const double *from =
        sums + (piece * runs + i / width) * 2 * channels + group * width + i % width;
    sum += from[0];
    squares += from[channels];
  }
  partial[0][thread] = sum;
  partial[1][thread] = squares;
  __syncthreads();
  for (int half = 64; half > 0; half /= 2) {
    if (thread < half) {
      partial[0][thread] += partial[0][thread + half];
      partial[1][thread] += partial[1][thread + half];
    }
    __syncthreads();
  }
  if (thread == 0) {
    double count = (double)rows * (double)width;
    double away = partial[0][0] / count;
    double variance = partial[1][0] / count - away * away;
    // A NaN must stay one, so that what went wrong upstream is seen.
    if (variance < 0) variance = 0;
    float *to = statistics + (piece * groups + group) * 2;
    to[0] = (float)((double)widened(x[piece * rows * channels + group * width]) + away);
    to[1] = (float)(1.0 / sqrt(variance + (double)epsilon));
  }
}

// y = (x - mean) * deviation^-1 * weight + bias, then SiLU if asked for.
// Launched as one thread for each N elements.
template <int N>
DEVICE void group_norm_apply_body(const element *x, element *y, const float *statistics,
                                  const float *weight, const float *bias, integer rows,
                                  integer channels, integer groups, integer with_silu,
                                  integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  integer channel = index * N % channels, piece = index * N / channels / rows;
  integer width = channels / groups;
  const float *of_piece = statistics + piece * groups * 2;
  pack<element, N> in = read<N>(x, index), out;
  pack<float, N> scale = read<N>(weight, channel / N), shift = read<N>(bias, channel / N);
  for (int i = 0; i < N; i++) {
    const float *of_group = of_piece + (channel + i) / width * 2;
    float value = (widened(in.at[i]) - of_group[0]) * of_group[1] * scale.at[i] + shift.at[i];
    out.at[i] = narrowed(with_silu ? silu(value) : value);
  }
  write<N>(y, index, out);
}
BOTH(group_norm_apply,
     (const element *x, element *y, const float *statistics, const float *weight,
      const float *bias, integer rows, integer channels, integer groups, integer with_silu,
      integer count),
     (x, y, statistics, weight, bias, rows, channels, groups, with_silu, count))

// [layerNorm] A warp for each row, in two passes over it and one to write.
// Launched as ceil(rows / 8) blocks of 256 threads.
KERNEL(layer_norm)(const element *x, element *y, const float *weight, const float *bias,
                   integer columns, integer rows, float epsilon) {
  integer row = (integer)blockIdx.x * 8 + threadIdx.x / 32;
  int lane = threadIdx.x % 32;
  bool writes = row < rows;
  if (!writes) row = rows - 1;
  const element *from = x + row * columns;
  float sum = 0;
  for (integer c = lane; c < columns; c += 32) sum += widened(from[c]);
  float mean = warp_sum(sum) / (float)columns;
  float squares = 0;
  for (integer c = lane; c < columns; c += 32) {
    float d = widened(from[c]) - mean;
    squares += d * d;
  }
  float inverse = 1.0f / sqrtf(warp_sum(squares) / (float)columns + epsilon);
  if (!writes) return;
  for (integer c = lane; c < columns; c += 32)
    y[row * columns + c] = narrowed((widened(from[c]) - mean) * inverse * weight[c] + bias[c]);
}
