// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Products by what compute capability 9.0 alone has: warpgroups that multiply tiles in shared memory, and a
// copy engine that fills them. Where cuBLASLt and cuDNN fall short: the feed-forward's gate in its product's
// end, and convolutions over frames. Element types of 16 bits.
//
// Common to both kernels: three warpgroups of 128 threads a block. One thread of the first keeps the copy engine
// busy, the other two warpgroups multiply 64 rows each. Tiles are 64 elements of the inner dimension wide, 128
// bytes, whose 16-byte pieces lie exclusive-ored with the row's last three bits, as the tensor maps say. Two
// blocks form a cluster and share the weight's tiles: each has one half copied into the memory of both.
//
// A product's results lie so that neighbouring threads hold neighbouring pairs of columns. Rows of the weight are
// copied in another order (map_of_weight in Hopper.swift): in every 32, row 8 p + 2 n + e becomes row 8 n + 2 p + e.
// So a thread holds eight neighbouring columns, 16 bytes.

struct alignas(64) tensor_map {
  char bytes[128];
};

#if ELEMENT == 0
#define PRODUCT_TYPE "f16.f16"
#else
#define PRODUCT_TYPE "bf16.bf16"
#endif

#define SUM(i) "+f"(d[i])
#define SUMS_8(i) SUM(i), SUM(i + 1), SUM(i + 2), SUM(i + 3), SUM(i + 4), SUM(i + 5), SUM(i + 6), SUM(i + 7)

// d = x w^T (+ d) of tiles with 64 rows of x, 128 or 160 of w and an inner dimension of 16.
DEVICE void multiply(float (&d)[64], word x, word w, int keep) {
  asm volatile(
      "{ .reg .pred keep; setp.ne.b32 keep, %66, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32." PRODUCT_TYPE " {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
      "}, %64, %65, keep, 1, 1, 0, 0; }"
      : SUMS_8(0), SUMS_8(8), SUMS_8(16), SUMS_8(24), SUMS_8(32), SUMS_8(40),
        SUMS_8(48), SUMS_8(56)
      : "l"(x), "l"(w), "r"(keep));
}

DEVICE void multiply(float (&d)[80], word x, word w, int keep) {
  asm volatile(
      "{ .reg .pred keep; setp.ne.b32 keep, %82, 0; wgmma.mma_async.sync.aligned.m64n160k16.f32." PRODUCT_TYPE " {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
      "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
      "}, %80, %81, keep, 1, 1, 0, 0; }"
      : SUMS_8(0), SUMS_8(8), SUMS_8(16), SUMS_8(24), SUMS_8(32), SUMS_8(40),
        SUMS_8(48), SUMS_8(56), SUMS_8(64), SUMS_8(72)
      : "l"(x), "l"(w), "r"(keep));
}

DEVICE unsigned shared_address(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }

// Where a tile lies, as the multiplication wants to be told: rows of 128 bytes, eight of them to a pattern.
DEVICE word tile_at(unsigned address) {
  return (word)((address & 0x3FFFF) >> 4) | 1ull << 16 | 64ull << 32 | 1ull << 62;
}

// Barriers in shared memory count arrivals and bytes that the copy engine brought; phases alternate between 0 and 1.
DEVICE void make_barrier(unsigned barrier, unsigned arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

DEVICE void expect(unsigned barrier, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

DEVICE void wait_for(unsigned barrier, unsigned phase) {
  asm volatile(
      "{ .reg .pred done; AGAIN: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1; @done bra END; bra AGAIN; END: }"
      ::"r"(barrier), "r"(phase)
      : "memory");
}

// Arrives at a block's barrier. Nothing was written that others read, so it is not a release to the cluster: that
// would wait for all memory of the GPU each time, and halve the speed.
DEVICE void arrive(unsigned barrier, unsigned block) {
  asm volatile(
      "{ .reg .b32 there; mapa.shared::cluster.u32 there, %0, %1; mbarrier.arrive.shared::cluster.b64 _, [there]; }"
      ::"r"(barrier), "r"(block)
      : "memory");
}

// Copies 128 rows of x of one frame; zeros for rows and frames that there are not.
DEVICE void copy_rows_in(unsigned to, const tensor_map *map, unsigned barrier, int inner, int row, int frame, int image) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];"
      ::"r"(to), "l"(map), "r"(barrier), "r"(inner), "r"(row), "r"(frame), "r"(image)
      : "memory");
}

// Copies rows of the weight, a multiple of 32, into both blocks of the cluster.
DEVICE void copy_weight_in(unsigned to, const tensor_map *map, unsigned barrier, int inner, int row) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, {%3, %5, %5, %5, %4}], [%2], %6;" ::"r"(to), "l"(map), "r"(barrier), "r"(inner), "r"(row / 32), "r"(0),
      "h"((unsigned short)3)
      : "memory");
}

DEVICE void start_multiplying() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEVICE void commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int LEFT>
DEVICE void wait_for_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(LEFT) : "memory");
}

// Keeps the compiler from moving what touches the sums to where they are still being written.
template <int N>
DEVICE void touch(float (&d)[N]) {
  UNROLL for (int i = 0; i < N; i++) asm volatile("" : SUM(i)::"memory");
}

DEVICE unsigned block_of_cluster() {
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

DEVICE void wait_for_cluster() {
  asm volatile("barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;" ::: "memory");
}

// Eight values from one address on. It stays behind the multiplications that it is written after, which go on meanwhile.
DEVICE pack<float, 8> read_eight(const float *from) {
  pack<float, 8> v;
  UNROLL for (int i = 0; i < 8; i += 4)
    asm volatile("ld.global.nc.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(v.at[i]), "=f"(v.at[i + 1]), "=f"(v.at[i + 2]), "=f"(v.at[i + 3])
                 : "l"(from + i)
                 : "memory");
  return v;
}

DEVICE float power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

DEVICE float reciprocal(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// gelu by Abramowitz and Stegun 7.1.26 for the error function: off by 2e-7 |x| at most, far below 16 bits' steps.
DEVICE float short_gelu(float x) {
  float t = reciprocal(fmaf(fabsf(x), 0.3275911f * 0.70710678f, 1.0f));
  float p = fmaf(t, 0.5f * 1.061405429f, 0.5f * -1.453152027f);
  p = fmaf(t, p, 0.5f * 1.421413741f);
  p = fmaf(t, p, 0.5f * -0.284496736f);
  p = fmaf(t, p, 0.5f * 0.254829592f);
  float y = x * 0.84932180f;  // sqrt(log2(e) / 2)
  return fmaf(-fabsf(x), p * t * power_of_two(-y * y), fmaxf(x, 0.0f));
}

// [feedForward] y = (x a^T + a's bias) gelu(x g^T + g's bias), where the weight holds a's rows and then g's, for an
// inner dimension of 64 STEPS that fits into shared memory: 128 rows of x stay there while the weight streams past.
// The gate of one tile is computed while the next is multiplied.
//
// `rows` are x's; y has `hidden` columns, which `parts` blocks of work share. Blocks begin at different columns,
// so that not all ask for the same lines of the cache. Launched as (any even number of) blocks of 384 threads.
template <int STEPS, int STAGES>
DEVICE void gated_rows_body(const tensor_map *xs, const tensor_map *ws, const float *bias, element *y, integer rows,
                            int hidden, int parts, unsigned char *memory) {
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
    auto gate = [&](float(&d)[64], int piece) {
      int block = piece / 2, lower = piece % 2, column = last_column + block * 32 + first;
      integer row = last_row + line + lower * 8;
      pack<element, 8> v;
      UNROLL for (int i = 0; i < 8; i++) {
        int at = (block * 4 + i / 2) * 4 + lower * 2 + i % 2;
        v.at[i] = narrowed((d[at] + a.at[i]) * short_gelu(d[32 + at] + g.at[i]));
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
        if (step < 4) gate(due, step);
        if (step == 1) read_biases(1);
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

// [convolution, feedForward] A product of rows with a weight, or with three weights: the rows of the frame before,
// of the frame itself and of the next, which is a convolution over frames. x is [images, frames, positions,
// 64 STEPS], the weight [outputs, taps, inner] and y [images, frames, positions, outputs]. WIDTH PARTS columns are
// computed at once; if GATED, the second part of them are the gate of the first, and `outputs` is half the weight's rows.
//
// A tap whose frame is outside of the clip is left out. Neighbouring clusters take `GROUP` rows of tiles by turns,
// so that weights and rows meet in the cache.
// Launched as (any even number of) blocks of 384 threads.
template <int WIDTH, int PARTS, bool GATED, int STAGES>
DEVICE void product_body(const tensor_map *xs, const tensor_map *ws, const float *bias, const element *residual, element *y,
                         int inner, int taps, int positions, int frames, int images, int outputs, unsigned char *memory) {
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
  int steps = inner / 64, cluster = blockIdx.x / 2, clusters = gridDim.x / 2;
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
            pack<element, 8> r, z;
            if (residual) r = read<8>(line, block * 4 + lane % 4);
            UNROLL for (int i = 0; i < 8; i++) {
              int k = from + i / 2 * 4 + lower * 2 + i % 2;
              float sum = d[part][k] + b.at[i];
              if (GATED) sum *= short_gelu(d[PARTS - 1][k] + g.at[i]);
              if (residual) sum += widened(r.at[i]);
              z.at[i] = narrowed(sum);
            }
            write(line, block * 4 + lane % 4, z);
          }
        }
        __syncwarp();
        UNROLL for (int i = 0; i < 4; i++) {
          int line = i * 4 + lane / 8;
          pack<element, 8> z = read<8>(piece + line * PITCH, lane % 8);
          if (line < rows) write(y + at + (integer)line * outputs, lane % 8, z);
        }
        __syncwarp();
      }
    }
  }
  wait_for_cluster();
}

#define CLUSTERS_OF_TWO __launch_bounds__(384, 1) __cluster_dims__(2, 1, 1)
#define GATED_ROWS(inner, STEPS, STAGES)                                                                                  \
  extern "C" __global__ void CLUSTERS_OF_TWO gated_rows_##inner(                                                          \
      const __grid_constant__ tensor_map xs, const __grid_constant__ tensor_map ws, const float *bias, element *y,        \
      integer rows, integer hidden, integer parts) {                                                                      \
    extern __shared__ unsigned char memory[];                                                                             \
    gated_rows_body<STEPS, STAGES>(&xs, &ws, bias, y, rows, (int)hidden, (int)parts, memory);                             \
  }
#define PRODUCT(name, WIDTH, PARTS, GATED, STAGES)                                                                        \
  extern "C" __global__ void CLUSTERS_OF_TWO name(                                                                        \
      const __grid_constant__ tensor_map xs, const __grid_constant__ tensor_map ws, const float *bias,                    \
      const element *residual, element *y, integer inner, integer taps, integer positions, integer frames,                \
      integer images, integer outputs) {                                                                                  \
    extern __shared__ unsigned char memory[];                                                                             \
    product_body<WIDTH, PARTS, GATED, STAGES>(&xs, &ws, bias, residual, y, (int)inner, (int)taps, (int)positions,         \
                                              (int)frames, (int)images, (int)outputs, memory);                            \
  }

// Each is compiled by itself, named by ONLY_, since compiling takes as long as everything else before the first step.
// As many stages as 227 KiB of shared memory hold; HopperKernels.swift counts them too.
#ifdef ONLY_gated_rows_320
GATED_ROWS(320, 5, 8)
#endif
#ifdef ONLY_gated_rows_640
GATED_ROWS(640, 10, 4)
#endif
#ifdef ONLY_gated_product
PRODUCT(gated_product, 128, 2, true, 4)
#endif
#ifdef ONLY_product_320
PRODUCT(product_320, 160, 2, false, 3)
#endif
#ifdef ONLY_product_256
PRODUCT(product_256, 128, 2, false, 4)
#endif
#ifdef ONLY_product_128
PRODUCT(product_128, 128, 1, false, 6)
#endif
