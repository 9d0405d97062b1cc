// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// [feedForward] y = (x a^T + a's bias) gelu(x g^T + g's bias), where the weight holds a's rows and then g's, for an
// inner dimension of up to 64 STEPS that fits into shared memory: 128 rows of x stay there while the weight streams past.
// The gate of one tile is computed while the next is multiplied.
//
// `rows` are x's; y has `hidden` columns, which `parts` blocks of work share. Blocks begin at different columns,
// so that not all ask for the same lines of the cache. Launched as (any even number of) blocks of 384 threads.
template <int STEPS, int STAGES>
DEVICE void gated_rows_body(const tensor_map *xs, const tensor_map *ws, const float *bias, const float *largest,
                            gated_number *y, integer rows, int hidden, int parts, unsigned char *memory) {
  constexpr unsigned TILE = 128 * 128;
  unsigned x_tiles = (shared_address(memory) + 1023) & ~1023u, w_tiles = x_tiles + STEPS * TILE;
  unsigned w_full = w_tiles + STAGES * TILE, w_free = w_full + 8 * STAGES;
  unsigned x_full = w_free + 8 * STAGES, x_free = x_full + 8 * STEPS;
  int group = threadIdx.x / 128;
  unsigned rank = block_of_cluster();
  if (threadIdx.x == 0) {
    for (int i = 0; i < STAGES; i++) make_barrier(w_full + 8 * i, 1), make_barrier(w_free + 8 * i, 4);
    for (int i = 0; i < STEPS; i++) make_barrier(x_full + 8 * i, 1), make_barrier(x_free + 8 * i, 2);
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  wait_for_cluster();
  int tiles = hidden / 64 / parts;
  int work = (int)((rows + 255) / 256) * parts;
  int cluster = blockIdx.x / 2, clusters = gridDim.x / 2;
  int units = work > cluster ? (work - cluster + clusters - 1) / clusters : 0;
  auto place = [&](int unit, int tile, int &row, int &column) {
    int which = cluster + unit * clusters;
    row = (which / parts * 2 + (int)rank) * 128;
    column = (which % parts * tiles + (tile + cluster) % tiles) * 64;
  };
  if (group == 0) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
    int row, column;
    if (threadIdx.x == 0) {
      int stage = 0;
      unsigned phase = 1;
      for (int unit = 0; unit < units; unit++)
        for (int tile = 0; tile < tiles; tile++) {
          place(unit, tile, row, column);
          for (int step = 0; step < STEPS; step++) {
            wait_for(w_free + 8 * stage, phase);
            expect(w_full + 8 * stage, TILE);
            copy_weight_in(w_tiles + stage * TILE + rank * TILE / 2, ws, w_full + 8 * stage, step * 64,
                           (int)rank * hidden + column);
            if (++stage == STAGES) stage = 0, phase ^= 1;
          }
        }
    } else if (threadIdx.x == 32) {
      for (int unit = 0; unit < units; unit++) {
        place(unit, 0, row, column);
        for (int step = 0; step < STEPS; step++) {
          wait_for(x_free + 8 * step, (unit & 1) ^ 1);
          expect(x_full + 8 * step, TILE);
          copy_rows_in(x_tiles + step * TILE, xs, x_full + 8 * step, step * 64, row, 0, 0);
        }
      }
    }
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
    int half = group - 1, warp = threadIdx.x / 32 % 4, lane = threadIdx.x % 32, thread = threadIdx.x % 128;
    int line = half * 64 + warp * 16 + lane / 4, first = lane % 4 * 8;
    int stage = 0;
    unsigned phase = 0;
    // Of the tile whose gate is due; at first there is none, and no row is written. Biases are asked for a piece ahead.
    integer last_row = rows;
    int last_column = 0;
    pack<float, 8> a = {}, g = {};
    auto read_biases = [&](int block) {
      a = read_eight(bias + last_column + block * 32 + first);
      g = read_eight(bias + hidden + last_column + block * 32 + first);
    };
    float scale = scale_of(largest);
    auto gate = [&](float(&d)[64], int piece) {
      int block = piece / 2, lower = piece % 2, column = last_column + block * 32 + first;
      integer row = last_row + line + lower * 8;
      pack<gated_number, 8> v;
      UNROLL for (int pair = 0; pair < 4; pair++) {
        float z[2];
        UNROLL for (int i = 0; i < 2; i++) {
          int at = (block * 4 + pair) * 4 + lower * 2 + i, in = 2 * pair + i;
          z[i] = completed(d[at], scale, a.at[in]) * short_gelu(completed(d[32 + at], scale, g.at[in]));
        }
        put(v, pair, z[0], z[1]);
      }
      if (row < rows) write(y + row * hidden + column, 0, v);
    };
    auto multiply_tile = [&](float(&d)[64], float(&due)[64], int unit, int tile) {
      int before = 0;
      bool is_last = tile == tiles - 1;
      UNROLL for (int step = 0; step < STEPS; step++) {
        if (tile == 0) wait_for(x_full + 8 * step, unit & 1);
        wait_for(w_full + 8 * stage, phase);
        word x = tile_at(x_tiles + step * TILE + half * TILE / 2), w = tile_at(w_tiles + stage * TILE);
        touch(d);
        start_multiplying();
        UNROLL for (int i = 0; i < 4; i++) multiply(d, x + 2 * i, w + 2 * i, step | i);
        commit();
        UNROLL for (int piece = 0; piece < 4; piece++)
          if (piece * STEPS / 4 == step) {
            gate(due, piece);
            if (piece == 1) read_biases(1);
          }
        wait_for_products<1>();
        if (step > 0) {
          if (thread < 2) arrive(w_free + 8 * before, thread);
          if (is_last && thread == 0) arrive(x_free + 8 * (step - 1), rank);
        }
        before = stage;
        if (++stage == STAGES) stage = 0, phase ^= 1;
      }
      wait_for_products<0>();
      touch(d);
      if (thread < 2) arrive(w_free + 8 * before, thread);
      if (is_last && thread == 0) arrive(x_free + 8 * (STEPS - 1), rank);
      int row;
      place(unit, tile, row, last_column);
      last_row = row;
      read_biases(0);
    };
    float even[64], odd[64];
    UNROLL for (int i = 0; i < 64; i++) even[i] = odd[i] = 0;
    for (int unit = 0; unit < units; unit++)
      for (int tile = 0; tile < tiles; tile += 2) {
        multiply_tile(even, odd, unit, tile);
        multiply_tile(odd, even, unit, tile + 1);
      }
    UNROLL for (int i = 0; i < 4; i++) {
      gate(odd, i);
      if (i == 1) read_biases(1);
    }
  }
  wait_for_cluster();
}

#define GATED_ROWS(STEPS, STAGES)                                                                                         \
  extern "C" __global__ void CLUSTERS_OF_TWO gated_rows_##STEPS(                                                          \
      const __grid_constant__ tensor_map xs, const __grid_constant__ tensor_map ws, const float *bias,                    \
      const float *largest, gated_number *y, integer rows, integer hidden, integer parts) {                               \
    extern __shared__ unsigned char memory[];                                                                             \
    gated_rows_body<STEPS, STAGES>(&xs, &ws, bias, largest, y, rows, (int)hidden, (int)parts, memory);                    \
  }

#ifdef ONLY_gated_rows_3
GATED_ROWS(3, 8)
#endif
#ifdef ONLY_gated_rows_5
GATED_ROWS(5, 8)
#endif
#ifdef ONLY_gated_rows_10
GATED_ROWS(10, 4)
#endif
