// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// [convolution, feedForward] A product of rows with a weight, or with three weights: the rows of the frame before,
// of the frame itself and of the next, which is a convolution over frames. x is [images, frames, positions,
// inner], the weight [outputs, taps, inner] and y [images, frames, positions, outputs]. WIDTH PARTS columns are
// computed at once; if GATED, the second part of them are the gate of the first, and `outputs` is half the weight's rows.
//
// If SCORES, y = scale x w^T in float32, with neither bias nor residual.
//
// A tap whose frame is outside of the clip is left out. Neighbouring clusters take `GROUP` rows of tiles by turns,
// so that weights and rows meet in the cache.
// Launched as (any even number of) blocks of 384 threads.
template <int WIDTH, int PARTS, bool GATED, bool SCORES, int STAGES, typename result>
DEVICE void product_body(const tensor_map *xs, const tensor_map *ws, const float *bias, float scale, const element *residual,
                         result *y, int inner, int taps, int positions, int frames, int images, int outputs,
                         unsigned char *memory) {
  // A row of 64 columns in shared memory, and 16 bytes more: 8 rows lie on different banks.
  constexpr int COLUMNS = WIDTH * PARTS, KEPT = GATED ? WIDTH : COLUMNS, GROUP = GATED ? 4 : 8, PITCH = 72;
  constexpr unsigned X_TILE = 128 * 128, W_TILE = COLUMNS * 128, STAGE = X_TILE + W_TILE;
  unsigned stages = (shared_address(memory) + 1023) & ~1023u;
  unsigned pieces = stages + STAGES * STAGE, full = pieces + 8 * 16 * PITCH * 2, free = full + 8 * STAGES;
  int group = threadIdx.x / 128;
  unsigned rank = block_of_cluster();
  if (threadIdx.x == 0) {
    for (int i = 0; i < STAGES; i++) make_barrier(full + 8 * i, 1), make_barrier(free + 8 * i, 4);
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  wait_for_cluster();
  int tiles_of_frame = (positions + 127) / 128;
  int pairs = (tiles_of_frame * frames * images + 1) / 2, columns = outputs / KEPT;
  int steps = (inner + 63) / 64, cluster = blockIdx.x / 2, clusters = gridDim.x / 2;
  int image, frame, position, column, first_tap, last_tap, stage = 0;
  auto place = [&](int tile) {
    int span = GROUP * columns, which = tile / span, in = tile % span;
    int height = min(GROUP, pairs - which * GROUP);
    int row = (which * GROUP + in % height) * 2;
    column = in / height * KEPT;
    // Both blocks must take the same taps, as they share the weight.
    int frame_0 = row / tiles_of_frame % frames, frame_1 = (row + 1) / tiles_of_frame % frames;
    first_tap = max(0, taps / 2 - max(frame_0, frame_1));
    last_tap = min(taps, frames + taps / 2 - min(frame_0, frame_1));
    row += (int)rank;
    image = row / (tiles_of_frame * frames);
    frame = rank == 0 ? frame_0 : frame_1;
    position = row % tiles_of_frame * 128;
  };
  if (group == 0) {
    if (GATED) asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
    else asm volatile("setmaxnreg.dec.sync.aligned.u32 56;");
    unsigned phase = 1;
    if (threadIdx.x == 0)
      for (int tile = cluster; tile < pairs * columns; tile += clusters) {
        place(tile);
        int from = GATED ? (int)rank * outputs + column : column + (int)rank * COLUMNS / 2;
        for (int tap = first_tap; tap < last_tap; tap++)
          for (int step = 0; step < steps; step++) {
            unsigned to = stages + stage * STAGE;
            wait_for(free + 8 * stage, phase);
            expect(full + 8 * stage, STAGE);
            copy_rows_in(to, xs, full + 8 * stage, step * 64, position, frame + tap - taps / 2, image);
            copy_weight_in(to + X_TILE + rank * W_TILE / 2, ws, full + 8 * stage, (tap * steps + step) * 64, from);
            if (++stage == STAGES) stage = 0, phase ^= 1;
          }
      }
  } else {
    if (GATED) asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
    else asm volatile("setmaxnreg.inc.sync.aligned.u32 224;");
    int half = group - 1, warp = threadIdx.x / 32 % 4, lane = threadIdx.x % 32, thread = threadIdx.x % 128;
    unsigned phase = 0;
    element *piece = (element *)(memory + (pieces - shared_address(memory))) + (half * 4 + warp) * 16 * PITCH;
    for (int tile = cluster; tile < pairs * columns; tile += clusters) {
      place(tile);
      float d[PARTS][WIDTH / 2];
      int before = 0;
      for (int step = 0; step < steps * (last_tap - first_tap); step++) {
        wait_for(full + 8 * stage, phase);
        unsigned from = stages + stage * STAGE;
        word x = tile_at(from + half * X_TILE / 2), w = tile_at(from + X_TILE);
        UNROLL for (int part = 0; part < PARTS; part++) touch(d[part]);
        start_multiplying();
        UNROLL for (int i = 0; i < 4; i++)
          UNROLL for (int part = 0; part < PARTS; part++)
            multiply(d[part], x + 2 * i, w + 2 * i + part * WIDTH * 128 / 16, step | i);
        commit();
        wait_for_products<1>();
        if (step > 0 && thread < 2) arrive(free + 8 * before, thread);
        before = stage;
        if (++stage == STAGES) stage = 0, phase ^= 1;
      }
      wait_for_products<0>();
      UNROLL for (int part = 0; part < PARTS; part++) touch(d[part]);
      if (thread < 2) arrive(free + 8 * before, thread);
      // The warp's 16 rows, 64 columns at a time by way of shared memory, so that whole lines are read and written.
      int first = position + half * 64 + warp * 16;
      int rows = image < images ? min(16, positions - first) : 0;
      integer row = ((integer)image * frames + frame) * positions + first;
      if (SCORES) {
        // Four threads hold a whole line's columns: nothing is gained by way of shared memory.
        UNROLL for (int lower = 0; lower < 2; lower++) {
          int line = lane / 4 + lower * 8;
          if (line < rows) {
            float *to = (float *)y + (row + line) * outputs + column + lane % 4 * 8;
            UNROLL for (int k = 0; k < COLUMNS / 2; k += 16)
              UNROLL for (int i = 0; i < 2; i++) {
                const float(&part)[WIDTH / 2] = d[k / (WIDTH / 2)];
                int at = k % (WIDTH / 2) + lower * 2 + i * 8;
                pack<float, 4> z = {part[at] * scale, part[at + 1] * scale, part[at + 4] * scale, part[at + 5] * scale};
                write(to + k * 2 + i * 4, 0, z);
              }
          }
        }
        continue;
      }
      UNROLL for (int chunk = 0; chunk < KEPT / 64; chunk++) {
        integer at = row * outputs + column + chunk * 64;
        if (residual) {
          pack<element, 8> r[4];
          UNROLL for (int i = 0; i < 4; i++) {
            int line = i * 4 + lane / 8;
            if (line < rows) r[i] = read<8>(residual + at + (integer)line * outputs, lane % 8);
          }
          UNROLL for (int i = 0; i < 4; i++) write(piece + (i * 4 + lane / 8) * PITCH, lane % 8, r[i]);
          __syncwarp();
        }
        UNROLL for (int block = 0; block < 2; block++) {
          int from = (chunk * 2 + block) % (WIDTH / 32) * 16, part = (chunk * 2 + block) / (WIDTH / 32);
          int to = column + chunk * 64 + block * 32 + lane % 4 * 8;
          pack<float, 8> b = {}, g = {};
          if (bias) b = read<8>(bias + to, 0);
          if (GATED) g = read<8>(bias + outputs + to, 0);
          UNROLL for (int lower = 0; lower < 2; lower++) {
            element *line = piece + (lane / 4 + lower * 8) * PITCH;
            pack<element, 8> r;
            pack<result, 8> z;
            if (residual) r = read<8>(line, block * 4 + lane % 4);
            UNROLL for (int pair = 0; pair < 4; pair++) {
              float sums[2];
              UNROLL for (int i = 0; i < 2; i++) {
                int k = from + pair * 4 + lower * 2 + i, in = 2 * pair + i;
                sums[i] = completed(d[part][k], scale, b.at[in]);
                if (GATED) sums[i] *= short_gelu(completed(d[PARTS - 1][k], scale, g.at[in]));
                if (residual) sums[i] += widened(r.at[in]);
              }
              put(z, pair, sums[0], sums[1]);
            }
            write((result *)line, block * 4 + lane % 4, z);
          }
        }
        __syncwarp();
        UNROLL for (int i = 0; i < 4; i++) {
          int line = i * 4 + lane / 8;
          pack<result, 8> z = read<8>((const result *)(piece + line * PITCH), lane % 8);
          if (line < rows) write(y + at + (integer)line * outputs, lane % 8, z);
        }
        __syncwarp();
      }
    }
  }
  wait_for_cluster();
}

#define PRODUCT(name, WIDTH, PARTS, GATED, STAGES, result)                                                                \
  extern "C" __global__ void CLUSTERS_OF_TWO name(                                                                        \
      const __grid_constant__ tensor_map xs, const __grid_constant__ tensor_map ws, const float *bias,                    \
      const float *largest, const element *residual, result *y, integer inner, integer taps, integer positions,           \
      integer frames, integer images, integer outputs) {                                                                  \
    extern __shared__ unsigned char memory[];                                                                             \
    product_body<WIDTH, PARTS, GATED, false, STAGES>(&xs, &ws, bias, scale_of(largest), residual, y, (int)inner,          \
                                                     (int)taps, (int)positions, (int)frames, (int)images, (int)outputs,   \
                                                     memory);                                                             \
  }

#ifdef ONLY_gated_product
PRODUCT(gated_product, 128, 2, true, 4, gated_number)
#endif
#ifdef ONLY_product_320
PRODUCT(product_320, 160, 2, false, 3, element)
#endif
#ifdef ONLY_product_256
PRODUCT(product_256, 128, 2, false, 4, element)
#endif
#ifdef ONLY_product_128
PRODUCT(product_128, 128, 1, false, 6, element)
#endif
#ifdef ONLY_scores
// [tokenAttention] y = scale x w^T, float32.
extern "C" __global__ void CLUSTERS_OF_TWO scores(
    const __grid_constant__ tensor_map xs, const __grid_constant__ tensor_map ws, float *y, float scale, integer inner,
    integer rows, integer outputs) {
  extern __shared__ unsigned char memory[];
  product_body<128, 2, false, true, 4>(&xs, &ws, nullptr, scale, nullptr, (element *)y, (int)inner, 1, (int)rows, 1, 1,
                                       (int)outputs, memory);
}
#endif
