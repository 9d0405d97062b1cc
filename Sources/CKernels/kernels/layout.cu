// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Numbers that are only moved. Launched as one thread for each N elements of the result, where N is 8
// in kernels named _8 and else 1.

// [concatenateColumns] Copies rows between two places whose rows begin at other distances.
template <int N>
DEVICE void copy_rows_body(const element *x, integer x_stride, element *y, integer y_stride,
                           integer columns, integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  integer wide = columns / N, row = index / wide, column = index % wide;
  write<N>(y, row * (y_stride / N) + column, read<N>(x, row * (x_stride / N) + column));
}
BOTH(copy_rows,
     (const element *x, integer x_stride, element *y, integer y_stride, integer columns,
      integer count),
     (x, x_stride, y, y_stride, columns, count))

// Rows made longer by zeros.
KERNEL(widen_rows)(const element *x, integer columns, element *y, integer wide, integer count) {
  integer index = thread_index();
  if (index >= count) return;
  integer row = index / wide, column = index % wide;
  y[index] = column < columns ? x[row * columns + column] : narrowed(0.0f);
}

// [convolution] The beginnings of rows, with a bias and a residual where they are given.
KERNEL(narrow_rows)(const element *x, integer wide, const float *bias, const element *residual,
                    element *y, integer columns, integer count) {
  integer index = thread_index();
  if (index >= count) return;
  integer row = index / columns, column = index % columns;
  float value = widened(x[row * wide + column]);
  if (bias) value += bias[column];
  if (residual) value += widened(residual[index]);
  y[index] = narrowed(value);
}

// [convolution] The pixels of each patch together: y[n, i, j, k, :] = x[n, i height + k, a run of columns from j times its
// length on]. A run of `run` elements is a patch's row, of which it has `height`; `across` patches lie side by side.
template <int N>
DEVICE void gather_patches_body(const element *x, element *y, integer height, integer across, integer run,
                                integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  integer wide = run / N, at = index % wide, line = index / wide % height, patch = index / wide / height;
  integer from = (patch / across * height + line) * across + patch % across;
  write<N>(y, index, read<N>(x, from * wide + at));
}
BOTH(gather_patches,
     (const element *x, element *y, integer height, integer across, integer run, integer count),
     (x, y, height, across, run, count))

// [upsample] Row i of the result is row floor(i height / out_height) of x, columns alike.
template <int N>
DEVICE void upsample_body(const element *x, element *y, integer height, integer width,
                          integer channels, integer out_height, integer out_width, integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  integer wide = channels / N, pixel = index / wide, channel = index % wide;
  integer column = pixel % out_width * width / out_width;
  integer row = pixel / out_width % out_height * height / out_height;
  integer image = pixel / out_width / out_height;
  write<N>(y, index, read<N>(x, ((image * height + row) * width + column) * wide + channel));
}
BOTH(upsample,
     (const element *x, element *y, integer height, integer width, integer channels,
      integer out_height, integer out_width, integer count),
     (x, y, height, width, channels, out_height, out_width, count))

// [interleave] y[n, 2i + a, 2j + b] = phase 2a + b at [n, i, j].
template <int N>
DEVICE void interleave_body(const element *p0, const element *p1, const element *p2,
                            const element *p3, element *y, integer height, integer width,
                            integer channels, integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  integer wide = channels / N, pixel = index / wide, channel = index % wide;
  integer column = pixel % (2 * width), row = pixel / (2 * width) % (2 * height);
  integer image = pixel / (4 * width * height);
  const element *x = row % 2 == 0 ? (column % 2 == 0 ? p0 : p1) : (column % 2 == 0 ? p2 : p3);
  write<N>(y, index,
           read<N>(x, ((image * height + row / 2) * width + column / 2) * wide + channel));
}
BOTH(interleave,
     (const element *p0, const element *p1, const element *p2, const element *p3, element *y,
      integer height, integer width, integer channels, integer count),
     (p0, p1, p2, p3, y, height, width, channels, count))

// [convolution] Zeros around each image, for engines that pad both sides alike only.
template <int N>
DEVICE void pad_image_body(const element *x, element *y, integer height, integer width,
                           integer channels, integer top, integer left, integer out_height,
                           integer out_width, integer count) {
  integer index = thread_index();
  if (index * N >= count) return;
  integer wide = channels / N, pixel = index / wide, channel = index % wide;
  integer column = pixel % out_width - left, row = pixel / out_width % out_height - top;
  integer image = pixel / out_width / out_height;
  pack<element, N> out;
  if (row >= 0 && row < height && column >= 0 && column < width) {
    out = read<N>(x, ((image * height + row) * width + column) * wide + channel);
  } else {
    for (int i = 0; i < N; i++) out.at[i] = narrowed(0.0f);
  }
  write<N>(y, index, out);
}
BOTH(pad_image,
     (const element *x, element *y, integer height, integer width, integer channels, integer top,
      integer left, integer out_height, integer out_width, integer count),
     (x, y, height, width, channels, top, left, out_height, out_width, count))

// [prepare] From a checkpoint's [outputs, inputs, kernel] to [outputs, kernel, inputs], both channel
// axes made longer by zeros.
KERNEL(turn_weight)(const float *x, element *y, integer outputs, integer inputs, integer kernel,
                    integer wide_inputs, integer count) {
  integer index = thread_index();
  if (index >= count) return;
  integer input = index % wide_inputs, tap = index / wide_inputs % kernel;
  integer output = index / wide_inputs / kernel;
  y[index] = output < outputs && input < inputs
                 ? narrowed(x[(output * inputs + input) * kernel + tap])
                 : narrowed(0.0f);
}

// [convolution] One output element a thread, for what no library has an engine for. The weight is as
// turn_weight leaves it.
KERNEL(convolution)(const element *x, const element *weight, const float *bias,
                    const element *residual, element *y, integer height, integer width,
                    integer inputs, integer wide_inputs, integer out_height, integer out_width,
                    integer outputs, integer kernel_height, integer kernel_width,
                    integer stride_height, integer stride_width, integer top, integer left,
                    integer count) {
  integer index = thread_index();
  if (index >= count) return;
  integer output = index % outputs, pixel = index / outputs;
  integer column = pixel % out_width * stride_width - left;
  integer row = pixel / out_width % out_height * stride_height - top;
  integer image = pixel / out_width / out_height;
  float sum = 0;
  for (integer a = 0; a < kernel_height; a++) {
    if (row + a < 0 || row + a >= height) continue;
    for (integer b = 0; b < kernel_width; b++) {
      if (column + b < 0 || column + b >= width) continue;
      const element *from = x + ((image * height + row + a) * width + column + b) * inputs;
      const element *by = weight + ((output * kernel_height + a) * kernel_width + b) * wide_inputs;
      // A tap at a time, so that long sums keep their small terms.
      float part = 0;
      for (integer i = 0; i < inputs; i++) part += widened(from[i]) * widened(by[i]);
      sum += part;
    }
  }
  if (bias) sum += bias[output];
  if (residual) sum += widened(residual[index]);
  y[index] = narrowed(sum);
}
