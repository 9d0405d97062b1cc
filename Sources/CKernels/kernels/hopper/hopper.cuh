// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Products by what compute capability 9.0 alone has: warpgroups that multiply tiles in shared memory, and a
// copy engine that fills them. Where cuBLASLt and cuDNN fall short: the feed-forward's gate in its product's
// end, convolutions over frames, and scores of attention. Element types of 16 bits.
//
// With FLOAT8 the factors of products are numbers of 8 bits, e4m3, and so is what a gate makes; results are elements.
// Two such numbers count as one of `inner`: to the copy engine all are 16 bits, and tiles have equally many bytes.
//
// Common to all kernels: three warpgroups of 128 threads a block. One thread of the first keeps the copy engine
// busy, the other two warpgroups multiply 64 rows each. Tiles are 64 elements of the inner dimension wide, 128
// bytes, whose 16-byte pieces lie exclusive-ored with the row's last three bits, as the tensor maps say. Two
// blocks form a cluster and share the weight's tiles: each has one half copied into the memory of both.
//
// A product's results lie so that neighbouring threads hold neighbouring pairs of columns. Rows of the weight are
// copied in another order (HopperKernels.swift makes the map): in every 32, row 8 p + 2 n + e becomes row 8 n + 2 p + e.
// So a thread holds eight neighbouring columns, 16 bytes.

struct alignas(64) tensor_map {
  char bytes[128];
};

// Of 8 bits: a sign, 4 of exponent and 3 behind the point; up to 448, and no infinity.
struct float8 {
  unsigned char bits;
};

#ifdef FLOAT8
typedef float8 gated_number;
#define PRODUCT_TYPE "k32.f32.e4m3.e4m3"
#define NOT_TRANSPOSED ""
#else
typedef element gated_number;
#if ELEMENT == 0
#define PRODUCT_TYPE "k16.f32.f16.f16"
#else
#define PRODUCT_TYPE "k16.f32.bf16.bf16"
#endif
#define NOT_TRANSPOSED ", 0, 0"
#endif

#define SUM(i) "+f"(d[i])
#define SUMS_8(i) SUM(i), SUM(i + 1), SUM(i + 2), SUM(i + 3), SUM(i + 4), SUM(i + 5), SUM(i + 6), SUM(i + 7)

// d = x w^T (+ d) of tiles with 64 rows of x, 128 or 160 of w and an inner dimension of 32 bytes.
DEVICE void multiply(float (&d)[64], word x, word w, int keep) {
  asm volatile(
      "{ .reg .pred keep; setp.ne.b32 keep, %66, 0; wgmma.mma_async.sync.aligned.m64n128" PRODUCT_TYPE " {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
      "}, %64, %65, keep, 1, 1" NOT_TRANSPOSED "; }"
      : SUMS_8(0), SUMS_8(8), SUMS_8(16), SUMS_8(24), SUMS_8(32), SUMS_8(40),
        SUMS_8(48), SUMS_8(56)
      : "l"(x), "l"(w), "r"(keep));
}

DEVICE void multiply(float (&d)[80], word x, word w, int keep) {
  asm volatile(
      "{ .reg .pred keep; setp.ne.b32 keep, %82, 0; wgmma.mma_async.sync.aligned.m64n160" PRODUCT_TYPE " {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
      "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
      "}, %80, %81, keep, 1, 1" NOT_TRANSPOSED "; }"
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

// Two neighbouring results, rounded to nearest even; of 8 bits what is too large becomes the largest.
DEVICE void put(pack<element, 8> &v, int pair, float x, float y) {
  v.at[2 * pair] = narrowed(x);
  v.at[2 * pair + 1] = narrowed(y);
}

DEVICE void put(pack<float8, 8> &v, int pair, float x, float y) {
  unsigned short both;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(both) : "f"(y), "f"(x));
  v.at[2 * pair].bits = (unsigned char)both;
  v.at[2 * pair + 1].bits = (unsigned char)(both >> 8);
}

// The largest number of 8 bits, to which a weight's largest is scaled.
#define LARGEST_FLOAT8 448.0f

#ifdef FLOAT8
DEVICE float scale_of(const float *largest) { return *largest * (1 / LARGEST_FLOAT8); }
DEVICE float completed(float sum, float scale, float bias) { return fmaf(sum, scale, bias); }
#else
DEVICE float scale_of(const float *) { return 1; }
DEVICE float completed(float sum, float, float bias) { return sum + bias; }
#endif

#define CLUSTERS_OF_TWO __launch_bounds__(384, 1) __cluster_dims__(2, 1, 1)

// Each is compiled by itself, named by ONLY_, since compiling takes as long as everything else before the first step.
// As many stages as 227 KiB of shared memory hold; HopperKernels.swift counts them too.
