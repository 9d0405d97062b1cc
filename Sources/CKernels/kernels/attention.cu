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
      float power = expf(scores[other] - most);
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
    float shrink = expf(most - larger), power = expf(score - larger);
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
