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

// Where a thread stands that takes eight neighbouring channels of every so many rows: blocks of 256
// threads are so many rows as there is room for, side by side.
struct stand {
  // The eight channels, the first row of the block that the thread takes, rows from one to the next.
  integer pack;
  int lane, lanes, wide;
};

DEVICE stand stand_of(integer packs) {
  stand here;
  integer first = (integer)blockIdx.x * 256;
  here.wide = packs - first < 256 ? (int)(packs - first) : 256;
  here.pack = first + threadIdx.x % here.wide;
  here.lane = threadIdx.x / here.wide;
  here.lanes = 256 / here.wide;
  return here;
}

// The same sums, read sixteen bytes at a time.
// Launched as (ceil(channels / 2048), runs, pieces) blocks of 256 threads.
KERNEL(group_norm_sums_8)(const element *x, double *sums, integer rows, integer channels,
                          integer groups, integer run_rows) {
  SHARED double partial[2][256];
  int thread = threadIdx.x;
  integer run = blockIdx.y, piece = blockIdx.z, packs = channels / 8, width = channels / groups;
  stand here = stand_of(packs);
  const element *from = x + piece * rows * channels;
  integer first = run * run_rows, last = first + run_rows < rows ? first + run_rows : rows;
  float zero[8];
  double sum[8], squares[8];
  UNROLL for (int i = 0; i < 8; i++) {
    zero[i] = widened(from[(here.pack * 8 + i) / width * width]);
    sum[i] = squares[i] = 0;
  }
  integer next = here.lane < here.lanes ? first + here.lane : last;
  while (next < last) {
    float s[8] = {0}, q[8] = {0};
    for (int round = 0; round < 8 && next < last; round++, next += 4 * here.lanes) {
      // Four rows are on their way together.
      pack<element, 8> in[4];
      UNROLL for (int k = 0; k < 4; k++) {
        integer row = next + k * here.lanes;
        in[k] = read<8>(from, (row < last ? row : next) * packs + here.pack);
      }
      UNROLL for (int k = 0; k < 4; k++) {
        if (next + k * here.lanes >= last) continue;
        UNROLL for (int i = 0; i < 8; i++) {
          float d = widened(in[k].at[i]) - zero[i];
          s[i] += d;
          q[i] += d * d;
        }
      }
    }
    UNROLL for (int i = 0; i < 8; i++) {
      sum[i] += s[i];
      squares[i] += q[i];
    }
  }
  double *to = sums + (piece * gridDim.y + run) * 2 * channels + here.pack * 8;
  UNROLL for (int i = 0; i < 8; i++) {
    partial[0][thread] = sum[i];
    partial[1][thread] = squares[i];
    __syncthreads();
    if (here.lane == 0) {
      for (int lane = 1; lane < here.lanes; lane++) {
        sum[i] += partial[0][thread + lane * here.wide];
        squares[i] += partial[1][thread + lane * here.wide];
      }
      to[i] = sum[i];
      to[channels + i] = squares[i];
    }
    __syncthreads();
  }
}

// The mean and the inverse deviation of each group, [pieces, groups, 2].
// Launched as (groups, pieces) blocks of 128 threads.
KERNEL(group_norm_finish)(const element *x, const double *sums, float *statistics, integer rows,
                          integer channels, integer groups, integer runs, float epsilon) {
  SHARED double partial[2][128];
  integer group = blockIdx.x, piece = blockIdx.y;
  int thread = threadIdx.x, width = (int)(channels / groups), count = (int)runs * width;
  double sum = 0, squares = 0;
  const double *own = sums + piece * runs * 2 * channels + group * width;
  for (int first = thread; first < count; first += 8 * 128) {
    // Eight are on their way together.
    double s[8], q[8];
    UNROLL for (int k = 0; k < 8; k++) {
      int i = first + k * 128;
      const double *from = own + (integer)(i / width) * 2 * channels + i % width;
      s[k] = i < count ? from[0] : 0;
      q[k] = i < count ? from[channels] : 0;
    }
    UNROLL for (int k = 0; k < 8; k++) {
      sum += s[k];
      squares += q[k];
    }
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
// Launched as one thread for each element.
KERNEL(group_norm_apply)(const element *x, element *y, const float *statistics,
                         const float *weight, const float *bias, integer rows, integer channels,
                         integer groups, integer with_silu, integer count) {
  integer index = thread_index();
  if (index >= count) return;
  integer channel = index % channels, piece = index / channels / rows;
  const float *of_group = statistics + (piece * groups + channel / (channels / groups)) * 2;
  float value =
      (widened(x[index]) - of_group[0]) * of_group[1] * weight[channel] + bias[channel];
  y[index] = narrowed(with_silu ? silu(value) : value);
}

// The same for whole eights of channels: a thread keeps what it needs of its eight for all its rows.
// Launched as (ceil(channels / 2048), runs, pieces) blocks of 256 threads.
KERNEL(group_norm_apply_8)(const element *x, element *y, const float *statistics,
                           const float *weight, const float *bias, integer rows, integer channels,
                           integer groups, integer with_silu, integer run_rows) {
  integer run = blockIdx.y, piece = blockIdx.z, packs = channels / 8, width = channels / groups;
  stand here = stand_of(packs);
  if (here.lane >= here.lanes) return;
  float mean[8], gain[8], shift[8];
  UNROLL for (int i = 0; i < 8; i++) {
    integer channel = here.pack * 8 + i;
    const float *of_group = statistics + (piece * groups + channel / width) * 2;
    mean[i] = of_group[0];
    gain[i] = of_group[1] * weight[channel];
    shift[i] = bias[channel];
  }
  const element *from = x + piece * rows * channels;
  element *to = y + piece * rows * channels;
  integer first = run * run_rows, last = first + run_rows < rows ? first + run_rows : rows;
  for (integer next = first + here.lane; next < last; next += 4 * here.lanes) {
    pack<element, 8> in[4];
    UNROLL for (int k = 0; k < 4; k++) {
      integer row = next + k * here.lanes;
      in[k] = read<8>(from, (row < last ? row : next) * packs + here.pack);
    }
    UNROLL for (int k = 0; k < 4; k++) {
      integer row = next + k * here.lanes;
      if (row >= last) continue;
      pack<element, 8> out;
      UNROLL for (int i = 0; i < 8; i++) {
        float value = (widened(in[k].at[i]) - mean[i]) * gain[i] + shift[i];
        out.at[i] = narrowed(with_silu ? silu(value) : value);
      }
      write<8>(to, row * packs + here.pack, out);
    }
  }
}

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

// The same for rows of whole eights and at most 1536 channels, which a warp reads once and keeps.
KERNEL(layer_norm_8)(const element *x, element *y, const float *weight, const float *bias,
                     integer columns, integer rows, float epsilon) {
  integer row = (integer)blockIdx.x * 8 + threadIdx.x / 32;
  int lane = threadIdx.x % 32, packs = (int)(columns / 8);
  bool writes = row < rows;
  if (!writes) row = rows - 1;
  pack<element, 8> in[6];
  float sum = 0;
  UNROLL for (int p = 0; p < 6; p++) {
    if (lane + 32 * p >= packs) continue;
    in[p] = read<8>(x, row * packs + lane + 32 * p);
  }
  UNROLL for (int p = 0; p < 6; p++) {
    if (lane + 32 * p >= packs) continue;
    UNROLL for (int i = 0; i < 8; i++) sum += widened(in[p].at[i]);
  }
  float mean = warp_sum(sum) / (float)columns;
  float squares = 0;
  UNROLL for (int p = 0; p < 6; p++) {
    if (lane + 32 * p >= packs) continue;
    UNROLL for (int i = 0; i < 8; i++) {
      float d = widened(in[p].at[i]) - mean;
      squares += d * d;
    }
  }
  float inverse = 1.0f / sqrtf(warp_sum(squares) / (float)columns + epsilon);
  if (!writes) return;
  UNROLL for (int p = 0; p < 6; p++) {
    if (lane + 32 * p >= packs) continue;
    pack<float, 8> scale = read<8>(weight, lane + 32 * p), shift = read<8>(bias, lane + 32 * p);
    pack<element, 8> out;
    UNROLL for (int i = 0; i < 8; i++)
      out.at[i] = narrowed((widened(in[p].at[i]) - mean) * inverse * scale.at[i] + shift.at[i]);
    write<8>(y, row * packs + lane + 32 * p, out);
  }
}

// The same for rows of 40 channels to a lane, as Stable Video Diffusion's are: LANES of a warp share a row, so that
// no lane idles, and rows side by side read the same weights.
template <int LANES>
DEVICE void layer_norm_40(const element *x, element *y, const float *weight, const float *bias,
                          integer rows, float epsilon) {
  integer row = thread_index() / LANES;
  int lane = threadIdx.x % LANES;
  bool writes = row < rows;
  if (!writes) row = rows - 1;
  pack<element, 8> in[5];
  UNROLL for (int p = 0; p < 5; p++) in[p] = read<8>(x, row * LANES * 5 + lane + LANES * p);
  float sum = 0;
  UNROLL for (int p = 0; p < 5; p++)
    UNROLL for (int i = 0; i < 8; i++) sum += widened(in[p].at[i]);
  for (int mask = LANES / 2; mask > 0; mask /= 2) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, mask);
  float mean = sum / (float)(LANES * 40);
  float squares = 0;
  UNROLL for (int p = 0; p < 5; p++)
    UNROLL for (int i = 0; i < 8; i++) {
      float d = widened(in[p].at[i]) - mean;
      squares += d * d;
    }
  for (int mask = LANES / 2; mask > 0; mask /= 2)
    squares += __shfl_xor_sync(0xFFFFFFFFu, squares, mask);
  float inverse = 1.0f / sqrtf(squares / (float)(LANES * 40) + epsilon);
  if (!writes) return;
  UNROLL for (int p = 0; p < 5; p++) {
    int at = lane + LANES * p;
    pack<float, 8> scale = read<8>(weight, at), shift = read<8>(bias, at);
    pack<element, 8> out;
    UNROLL for (int i = 0; i < 8; i++)
      out.at[i] = narrowed((widened(in[p].at[i]) - mean) * inverse * scale.at[i] + shift.at[i]);
    write<8>(y, row * LANES * 5 + at, out);
  }
}

// Launched as ceil(rows * LANES / 256) blocks of 256 threads, where a row has 40 LANES channels.
KERNEL(layer_norm_320)(const element *x, element *y, const float *weight, const float *bias,
                       integer rows, float epsilon) {
  layer_norm_40<8>(x, y, weight, bias, rows, epsilon);
}
KERNEL(layer_norm_640)(const element *x, element *y, const float *weight, const float *bias,
                       integer rows, float epsilon) {
  layer_norm_40<16>(x, y, weight, bias, rows, epsilon);
}
KERNEL(layer_norm_1280)(const element *x, element *y, const float *weight, const float *bias,
                        integer rows, float epsilon) {
  layer_norm_40<32>(x, y, weight, bias, rows, epsilon);
}
