// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// [tokenAttention] The softmax of each row of scores, which are float32.
// Launched as (rows) blocks of 256 threads.
KERNEL(softmax)(const float *x, element *y, integer columns) {
  SHARED float partial[8];
  const float *from = x + (integer)blockIdx.x * columns;
  element *to = y + (integer)blockIdx.x * columns;
  int thread = threadIdx.x;
  float most = LEAST;
  for (integer c = thread; c < columns; c += 256) most = fmaxf(most, from[c]);
  most = warp_max(most);
  if (thread % 32 == 0) partial[thread / 32] = most;
  __syncthreads();
  for (int i = 0; i < 8; i++) most = fmaxf(most, partial[i]);
  __syncthreads();
  float sum = 0;
  for (integer c = thread; c < columns; c += 256) sum += expf(from[c] - most);
  sum = warp_sum(sum);
  if (thread % 32 == 0) partial[thread / 32] = sum;
  __syncthreads();
  sum = 0;
  for (int i = 0; i < 8; i++) sum += partial[i];
  for (integer c = thread; c < columns; c += 256) to[c] = narrowed(expf(from[c] - most) / sum);
}

// [frameAttention] Each block holds one head of one token in all frames, in shared memory: queries,
// keys and values as [frames, size + 1] each (the odd length keeps lanes on different banks), and a
// row of scores for each warp. A warp takes every fourth query; its lanes share the keys first, the
// channels then.
// Launched as (tokens * heads, clips) blocks of 128 threads with
// 4 * frames * (3 * (size + 1) + 4) bytes of shared memory.
KERNEL(frame_attention)(const element *qkv, element *y, integer frames, integer tokens,
                        integer channels, integer heads, float scale) {
  DYNAMIC_SHARED(memory);
  integer size = channels / heads, stride = size + 1;
  integer token = blockIdx.x / heads, head = blockIdx.x % heads, clip = blockIdx.y;
  int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  float *query = memory, *key = query + frames * stride, *value = key + frames * stride;
  float *scores = value + frames * stride + warp * frames;
  for (integer i = thread; i < frames * size; i += 128) {
    integer frame = i / size, channel = i % size;
    const element *from =
        qkv + ((clip * frames + frame) * tokens + token) * 3 * channels + head * size + channel;
    query[frame * stride + channel] = widened(from[0]) * scale;
    key[frame * stride + channel] = widened(from[channels]);
    value[frame * stride + channel] = widened(from[2 * channels]);
  }
  __syncthreads();
  for (integer first = 0; first < frames; first += 4) {
    // Warps without a query of their own repeat the last, so that all take the same way.
    bool writes = first + warp < frames;
    integer frame = writes ? first + warp : frames - 1;
    float most = LEAST;
    for (integer other = lane; other < frames; other += 32) {
      float score = 0;
      for (integer c = 0; c < size; c++) score += query[frame * stride + c] * key[other * stride + c];
      scores[other] = score;
      most = fmaxf(most, score);
    }
    most = warp_max(most);
    float sum = 0;
    for (integer other = lane; other < frames; other += 32) {
      float power = exponential(scores[other] - most);
      scores[other] = power;
      sum += power;
    }
    sum = warp_sum(sum);
    __syncwarp();
    for (integer c = lane; c < size; c += 32) {
      float total = 0;
      for (integer other = 0; other < frames; other++)
        total += scores[other] * value[other * stride + c];
      if (writes)
        y[((clip * frames + frame) * tokens + token) * channels + head * size + c] =
            narrowed(total / sum);
    }
    __syncwarp();
  }
}

#if ELEMENT == 2
// [frameAttention] The same for heads of 64 channels and at most FRAMES frames: a warp for each head of
// a token. First a lane is a key, which it keeps in registers, and queries pass by; their scores take
// their place in shared memory. Then a lane is two channels of all values, and the scores pass by.
// Shared memory of a warp: a row of 64 for each query.
template <int FRAMES>
DEVICE void frame_attention_64(const element *qkv, element *y, integer frames, integer tokens,
                               integer heads, integer count, float scale) {
  DYNAMIC_SHARED(memory);
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, length = (int)frames;
  integer unit = (integer)blockIdx.x * 4 + warp;
  bool writes = unit < count;
  if (!writes) unit = count - 1;
  integer head = unit % heads, token = unit / heads % tokens, clip = unit / heads / tokens;
  integer channels = heads * 64, step = tokens * 3 * channels;
  const element *from = qkv + (clip * frames * tokens + token) * 3 * channels + head * 64;
  float *queries = memory + warp * FRAMES * 64;
  for (int i = lane; i < length * 8; i += 32) {
    pack<element, 8> in = read<8>(from + i / 8 * step, i % 8);
    pack<float, 8> out;
    UNROLL for (int c = 0; c < 8; c++) out.at[c] = widened(in.at[c]) * scale;
    write<8>(queries, i, out);
  }
  float key[64];
  // Lanes without a key of their own repeat the last one's.
  const element *of_lane = from + (lane < length ? lane : length - 1) * step + channels;
  UNROLL for (int i = 0; i < 8; i++) {
    pack<element, 8> in = read<8>(of_lane, i);
    UNROLL for (int c = 0; c < 8; c++) key[i * 8 + c] = widened(in.at[c]);
  }
  __syncwarp();
  for (int frame = 0; frame < length; frame++) {
    float *row = queries + frame * 64;
    float part[4] = {0};
    UNROLL for (int c = 0; c < 16; c++) {
      pack<float, 4> in = read<4>(row, c);
      UNROLL for (int i = 0; i < 4; i++) part[i] += in.at[i] * key[c * 4 + i];
    }
    float score = lane < length ? (part[0] + part[1]) + (part[2] + part[3]) : LEAST;
    float power = exponential(score - warp_max(score));
    float sum = warp_sum(lane < length ? power : 0.0f);
    // All lanes have read the query: they met in the sum.
    if (lane < FRAMES) row[lane] = lane < length ? power / sum : 0.0f;
  }
  __syncwarp();
  float value[FRAMES][2];
  UNROLL for (int other = 0; other < FRAMES; other++) {
    if (other < length) {
      pack<element, 2> in = read<2>(from + other * step + 2 * channels, lane);
      value[other][0] = widened(in.at[0]);
      value[other][1] = widened(in.at[1]);
    } else {
      value[other][0] = value[other][1] = 0;
    }
  }
  if (!writes) return;
  element *to = y + (clip * frames * tokens + token) * channels + head * 64;
  for (int frame = 0; frame < length; frame++) {
    float first = 0, second = 0;
    UNROLL for (int part = 0; part < FRAMES / 4; part++) {
      pack<float, 4> weight = read<4>(queries + frame * 64, part);
      UNROLL for (int i = 0; i < 4; i++) {
        first += weight.at[i] * value[part * 4 + i][0];
        second += weight.at[i] * value[part * 4 + i][1];
      }
    }
    pack<element, 2> out = {narrowed(first), narrowed(second)};
    write<2>(to + frame * tokens * channels, lane, out);
  }
}

#else
// [frameAttention] The same for heads of 64 channels and at most FRAMES frames, by tensor cores: a warp for each head of
// a token, all in registers. Of the tiles that are multiplied a lane holds the row lane / 4 and two columns out of each
// eight. Which channel a column stands for does not matter as long as both factors agree: a lane takes eight neighbouring
// ones, 16 bytes, twice, for its columns of four products.
template <int FRAMES>
DEVICE void frame_attention_64(const element *qkv, element *y, integer frames, integer tokens,
                               integer heads, integer count, float scale) {
  constexpr int TILES = FRAMES / 8;
  int lane = threadIdx.x % 32, line = lane / 4, part = lane % 4, length = (int)frames;
  integer unit = (integer)blockIdx.x * 4 + threadIdx.x / 32;
  bool writes = unit < count;
  if (!writes) unit = count - 1;
  integer head = unit % heads, token = unit / heads % tokens, clip = unit / heads / tokens;
  integer channels = heads * 64, step = tokens * 3 * channels;
  const element *from = qkv + (clip * frames * tokens + token) * 3 * channels + head * 64;
  unsigned keys[TILES][8], values[TILES][8];
  // Rows behind the last frame repeat it: as keys they get no weight, as queries they are not written.
  auto read_row = [&](unsigned(&row)[8], int tile, int which) {
    int frame = tile * 8 + line;
    const unsigned *at = (const unsigned *)(from + (frame < length ? frame : length - 1) * step + which * channels);
    UNROLL for (int half = 0; half < 2; half++) {
      pack<unsigned, 4> in = read<4>(at, part + 4 * half);
      UNROLL for (int i = 0; i < 4; i++) row[4 * half + i] = in.at[i];
    }
  };
  UNROLL for (int tile = 0; tile < TILES; tile++) {
    read_row(keys[tile], tile, 1);
    read_row(values[tile], tile, 2);
  }
  // As second factors values are wanted by columns.
  UNROLL for (int tile = 0; tile < TILES; tile++)
    UNROLL for (int i = 0; i < 8; i++) values[tile][i] = transposed(values[tile][i]);
  element *to = y + (clip * frames * tokens + token) * channels + head * 64;
  UNROLL for (int upper = 0; upper < TILES; upper += 2) {
    unsigned queries[2][8];
    UNROLL for (int i = 0; i < 2; i++) read_row(queries[i], upper + i, 0);
    float scores[TILES][4] = {};
    UNROLL for (int tile = 0; tile < TILES; tile++)
      UNROLL for (int i = 0; i < 8; i += 2) {
        unsigned q[4] = {queries[0][i], queries[1][i], queries[0][i + 1], queries[1][i + 1]};
        unsigned k[2] = {keys[tile][i], keys[tile][i + 1]};
        multiply_16_by_8(scores[tile], q, k);
      }
    // Of two rows, eight apart.
    float sums[2];
    unsigned weights[TILES][2];
    UNROLL for (int lower = 0; lower < 2; lower++) {
      float most = LEAST;
      UNROLL for (int tile = 0; tile < TILES; tile++)
        UNROLL for (int i = 0; i < 2; i++) {
          float &score = scores[tile][2 * lower + i];
          if (tile * 8 + part * 2 + i >= length) score = LEAST;
          most = fmaxf(most, score);
        }
      for (int mask = 1; mask < 4; mask *= 2) most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFFu, most, mask));
      float sum = 0;
      UNROLL for (int tile = 0; tile < TILES; tile++) {
        float powers[2];
        UNROLL for (int i = 0; i < 2; i++) {
          powers[i] = exponential((scores[tile][2 * lower + i] - most) * scale);
          sum += powers[i];
        }
        weights[tile][lower] = narrowed(powers[0]).bits | (unsigned)narrowed(powers[1]).bits << 16;
      }
      for (int mask = 1; mask < 4; mask *= 2) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, mask);
      sums[lower] = sum;
    }
    UNROLL for (int half = 0; half < 2; half++) {
      pack<element, 8> out[2];
      UNROLL for (int i = 0; i < 4; i++) {
        float products[4] = {};
        UNROLL for (int tile = 0; tile < TILES; tile += 2) {
          unsigned w[4] = {weights[tile][0], weights[tile][1], weights[tile + 1][0], weights[tile + 1][1]};
          unsigned v[2] = {values[tile][4 * half + i], values[tile + 1][4 * half + i]};
          multiply_16_by_8(products, w, v);
        }
        UNROLL for (int j = 0; j < 4; j++)
          out[j / 2].at[2 * i + j % 2] = narrowed(quotient(products[j], sums[j / 2]));
      }
      UNROLL for (int lower = 0; lower < 2; lower++) {
        int frame = (upper + lower) * 8 + line;
        if (writes && frame < length) write<8>(to + frame * tokens * channels, part + 4 * half, out[lower]);
      }
    }
  }
}
#endif

// Launched as ceil(count / 4) blocks of 128 threads, where count is clips * tokens * heads, and for float32 with
// 4 * 4 * FRAMES * 64 bytes of shared memory.
KERNEL(frame_attention_64_16)(const element *qkv, element *y, integer frames, integer tokens,
                              integer heads, integer count, float scale) {
  frame_attention_64<16>(qkv, y, frames, tokens, heads, count, scale);
}
KERNEL(frame_attention_64_32)(const element *qkv, element *y, integer frames, integer tokens,
                              integer heads, integer count, float scale) {
  frame_attention_64<32>(qkv, y, frames, tokens, heads, count, scale);
}
#if ELEMENT != 2
KERNEL(frame_attention_64_64)(const element *qkv, element *y, integer frames, integer tokens,
                              integer heads, integer count, float scale) {
  frame_attention_64<64>(qkv, y, frames, tokens, heads, count, scale);
}
#endif

// [frameAttention] The same where a block's memory does not hold all frames: a warp for each query,
// which meets one key after another and rescales what it has whenever a larger score comes. A head
// has at most 256 channels.
// Launched as (tokens * heads, clips, ceil(frames / 4)) blocks of 128 threads.
KERNEL(frame_attention_long)(const element *qkv, element *y, integer frames, integer tokens,
                             integer channels, integer heads, float scale) {
  integer size = channels / heads;
  integer token = blockIdx.x / heads, head = blockIdx.x % heads, clip = blockIdx.y;
  integer frame = (integer)blockIdx.z * 4 + threadIdx.x / 32;
  int lane = threadIdx.x % 32;
  bool writes = frame < frames;
  if (!writes) frame = frames - 1;
  const element *base = qkv + (clip * frames * tokens + token) * 3 * channels + head * size;
  integer step = tokens * 3 * channels;
  float query[8], total[8];
  for (int i = 0; i < 8; i++) {
    integer c = lane + 32 * i;
    query[i] = c < size ? widened(base[frame * step + c]) * scale : 0.0f;
    total[i] = 0;
  }
  float most = LEAST, sum = 0;
  for (integer other = 0; other < frames; other++) {
    const element *from = base + other * step;
    float score = 0;
    for (int i = 0; i < 8; i++) {
      integer c = lane + 32 * i;
      if (c < size) score += query[i] * widened(from[channels + c]);
    }
    score = warp_sum(score);
    float larger = fmaxf(most, score);
    float shrink = exponential(most - larger), power = exponential(score - larger);
    sum = sum * shrink + power;
    for (int i = 0; i < 8; i++) {
      integer c = lane + 32 * i;
      if (c < size) total[i] = total[i] * shrink + power * widened(from[2 * channels + c]);
    }
    most = larger;
  }
  if (!writes) return;
  for (int i = 0; i < 8; i++) {
    integer c = lane + 32 * i;
    if (c < size)
      y[((clip * frames + frame) * tokens + token) * channels + head * size + c] =
          narrowed(total[i] / sum);
  }
}
