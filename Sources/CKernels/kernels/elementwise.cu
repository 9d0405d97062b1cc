// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Launched as one thread for each N elements, where N is 8 in kernels named _8 and else 1.

// Between the element's type and float32.
template <int N>
DEVICE void cast_in_body(const float *x, element *y, integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  pack<float, N> in = read<N>(x, index);
  pack<element, N> out;
  for (int i = 0; i < N; i++) out.at[i] = narrowed(in.at[i]);
  write<N>(y, index, out);
}
BOTH(cast_in, (const float *x, element *y, integer count), (x, y, count))

template <int N>
DEVICE void cast_out_body(const element *x, float *y, integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  pack<element, N> in = read<N>(x, index);
  pack<float, N> out;
  for (int i = 0; i < N; i++) out.at[i] = widened(in.at[i]);
  write<N>(y, index, out);
}
BOTH(cast_out, (const element *x, float *y, integer count), (x, y, count))

// [upload] A weight file's numbers, widened and scaled; one thread for each.
KERNEL(widen_float16)(const unsigned short *x, float *y, float scale, integer count) {
  integer index = thread_index();
  if (index < count) y[index] = scale * float16_to_float(x[index]);
}
KERNEL(widen_bfloat16)(const unsigned short *x, float *y, float scale, integer count) {
  integer index = thread_index();
  if (index < count) y[index] = scale * bfloat16_to_float(x[index]);
}
KERNEL(widen_float32)(const float *x, float *y, float scale, integer count) {
  integer index = thread_index();
  if (index < count) y[index] = scale * x[index];
}
KERNEL(widen_float64)(const double *x, float *y, float scale, integer count) {
  integer index = thread_index();
  if (index < count) y[index] = scale * (float)x[index];
}

// [activate] 0 is SiLU, 1 the exact GELU, 2 its quick kin.
template <int N>
DEVICE void activate_body(const element *x, element *y, integer function, integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  pack<element, N> in = read<N>(x, index), out;
  for (int i = 0; i < N; i++) {
    float value = widened(in.at[i]);
    out.at[i] = narrowed(function == 0   ? silu(value)
                         : function == 1 ? gelu(value)
                                         : quick_gelu(value));
  }
  write<N>(y, index, out);
}
BOTH(activate, (const element *x, element *y, integer function, integer count),
     (x, y, function, count))

// [feedForward] y[r, c] = x[r, c] * gelu(x[r, columns + c]).
template <int N>
DEVICE void gate_body(const element *x, element *y, integer columns, integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  integer wide = columns / N, row = index / wide, column = index % wide;
  pack<element, N> value = read<N>(x, 2 * row * wide + column);
  pack<element, N> gate = read<N>(x, (2 * row + 1) * wide + column), out;
  for (int i = 0; i < N; i++)
    out.at[i] = narrowed(widened(value.at[i]) * gelu(widened(gate.at[i])));
  write<N>(y, index, out);
}
BOTH(gate, (const element *x, element *y, integer columns, integer count), (x, y, columns, count))

// [combine] y = alpha a + beta b.
template <int N>
DEVICE void combine_body(const element *a, float alpha, const element *b, float beta, element *y,
                         integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  pack<element, N> first = read<N>(a, index), second = read<N>(b, index), out;
  for (int i = 0; i < N; i++)
    out.at[i] = narrowed(alpha * widened(first.at[i]) + beta * widened(second.at[i]));
  write<N>(y, index, out);
}
BOTH(combine,
     (const element *a, float alpha, const element *b, float beta, element *y, integer count),
     (a, alpha, b, beta, y, count))

// [addRows] y[r] = x[r] + table[t], where t = indices[r], or (r / block) % entries if there are none.
template <int N>
DEVICE void add_rows_body(const element *x, const float *table, const int *indices, element *y,
                          integer columns, integer block, integer entries, integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  integer wide = columns / N, row = index / wide, column = index % wide;
  integer entry = indices ? indices[row] : row / block % entries;
  pack<element, N> in = read<N>(x, index), out;
  pack<float, N> added = read<N>(table, entry * wide + column);
  for (int i = 0; i < N; i++) out.at[i] = narrowed(widened(in.at[i]) + added.at[i]);
  write<N>(y, index, out);
}
BOTH(add_rows,
     (const element *x, const float *table, const int *indices, element *y, integer columns,
      integer block, integer entries, integer count),
     (x, table, indices, y, columns, block, entries, count))

// [eulerStep] Every operation rounded by itself and none fused, so that the processor's results come
// out to the bit. The guided velocity is u + g (c - u); without guidance there is one half. One
// thread for each element; sample and result are float32 whatever the element is.
DEVICE float as_held(float x, integer rounds) {
  return rounds ? float16_to_float(float_to_float16(x)) : x;
}

KERNEL(euler_step)(const float *x, const element *velocity, const float *guidance, float *y,
                   integer piece, integer frames, float sigma, float next, integer rounds,
                   integer count) {
  integer index = thread_index();
  if (index >= count) return;
  float v = widened(velocity[index]);
  if (guidance) {
    float other = widened(velocity[count + index]);
    v = __fadd_rn(v, __fmul_rn(guidance[index / piece % frames], __fsub_rn(other, v)));
  }
  float sample = x[index];
  float variance = __fadd_rn(__fmul_rn(sigma, sigma), 1.0f);
  float factor = __fdiv_rn(-sigma, __fsqrt_rn(variance));
  float denoised = __fadd_rn(as_held(__fmul_rn(v, factor), rounds), __fdiv_rn(sample, variance));
  float derivative = __fdiv_rn(__fsub_rn(sample, denoised), sigma);
  y[index] =
      as_held(__fadd_rn(sample, __fmul_rn(derivative, __fsub_rn(next, sigma))), rounds);
}

// Sets the flag if a number is infinite or none; one thread for each element.
KERNEL(find_not_finite)(const element *x, int *flag, integer count) {
  integer index = thread_index();
  if (index < count && !(fabsf(widened(x[index])) <= 3.4028235e38f)) *flag = 1;
}

// Numbers from a formula, as FormulaWeights makes them: element i is the mean plus the width times
// a number from -1 to 1 that is made of the upper 24 bits of splitmix64's i-th output, rounded to 16
// bits. One thread for each.
KERNEL(make_uniform)(float *y, word key, double mean, double width, integer count) {
  integer index = thread_index();
  if (index >= count) return;
  word z = key + (word)(index + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  z = z ^ (z >> 31);
  double unit = (double)(z >> 40) * 0x1p-24;
  float value = (float)__dadd_rn(__dmul_rn(unit * 2 - 1, width), mean);
  y[index] = float16_to_float(float_to_float16(value));
}
