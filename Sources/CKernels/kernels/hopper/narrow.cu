// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Numbers of 8 bits from wider ones.

#ifdef ONLY_narrow
// The largest magnitude of a weight, into what holds zero before. `count` is a multiple of 8; threads take turns.
extern "C" __global__ void find_largest(const float *x, float *largest, integer count) {
  float most = 0;
  for (integer i = thread_index(); i < count / 8; i += (integer)gridDim.x * blockDim.x) {
    pack<float, 8> v = read<8>(x, i);
    UNROLL for (int j = 0; j < 8; j++) most = fmaxf(most, fabsf(v.at[j]));
  }
  most = warp_max(most);
  // Numbers that are not negative are in the order of their bits.
  if (threadIdx.x % 32 == 0) atomicMax((unsigned *)largest, __float_as_uint(most));
}

// y = x times what makes the largest the largest there is. One thread for each eight.
extern "C" __global__ void narrow_weight(const float *x, const float *largest, float8 *y, integer count) {
  integer i = thread_index();
  if (i >= count / 8) return;
  pack<float, 8> v = read<8>(x, i);
  pack<float8, 8> z;
  float scale = *largest > 0 ? LARGEST_FLOAT8 / *largest : 0;
  UNROLL for (int j = 0; j < 4; j++) put(z, j, v.at[2 * j] * scale, v.at[2 * j + 1] * scale);
  write(y, i, z);
}

// y = x. One thread for each eight.
extern "C" __global__ void narrow_factors(const element *x, float8 *y, integer count) {
  integer i = thread_index();
  if (i >= count / 8) return;
  pack<element, 8> v = read<8>(x, i);
  pack<float8, 8> z;
  UNROLL for (int j = 0; j < 4; j++) put(z, j, widened(v.at[2 * j]), widened(v.at[2 * j + 1]));
  write(y, i, z);
}
#endif
