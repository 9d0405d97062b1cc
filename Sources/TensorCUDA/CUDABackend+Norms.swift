// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
package import TensorCore

extension CUDABackend {
  /// See `Backend.groupNorm`.
  package func groupNorm(
    _ x: Tensor,
    groups: Int,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float,
    silu: Bool
  ) throws(TensorError) -> Tensor {
    let (from, element) = try place(x, "group norm")
    let result = try make(x.shape, self.element, "group norm")
    let count = x.shape.count
    guard count > 0 else { return result }
    guard element == self.element else {
      return try groupNorm(
        cast(x, to: self.element, "group norm"),
        groups: groups,
        weight: weight,
        bias: bias,
        epsilon: epsilon,
        silu: silu
      )
    }
    let (scale, keptScale) = try operand(weight, as: .float32, "group norm")
    let (shift, keptShift) = try operand(bias, as: .float32, "group norm")
    let pieces = x.shape[0]
    let channels = x.shape.columns
    let rows = x.shape.rows / pieces
    let runRows = max(128, (rows + 4095) / 4096)
    let runs = (rows + runRows - 1) / runRows
    // Two float64 for each channel and run: four float32.
    let sums = try engine.storage(pieces * runs * channels * 4, .float32, "group norm")
    let statistics = try engine.storage(pieces * groups * 2, .float32, "group norm")
    defer { withExtendedLifetime((keptScale, keptShift, sums, statistics)) {} }
    try engine.launch(
      "group_norm_sums",
      element,
      "group norm",
      grid: ((channels + 127) / 128, runs, pieces),
      block: 128,
      [
        .address(from), .address(sums.address), .int(Int64(rows)), .int(Int64(channels)),
        .int(Int64(groups)), .int(Int64(runRows)),
      ]
    )
    try engine.launch(
      "group_norm_finish",
      element,
      "group norm",
      grid: (groups, pieces, 1),
      block: 128,
      [
        .address(from), .address(sums.address), .address(statistics.address), .int(Int64(rows)),
        .int(Int64(channels)), .int(Int64(groups)), .int(Int64(runs)), .float(epsilon),
      ]
    )
    let to = try place(result, "group norm").0
    try elementwise(
      "group_norm_apply",
      element,
      "group norm",
      count: count,
      rows: [channels],
      addresses: [from, to, scale, shift],
      [
        .address(from), .address(to), .address(statistics.address), .address(scale),
        .address(shift), .int(Int64(rows)), .int(Int64(channels)), .int(Int64(groups)),
        .int(silu ? 1 : 0), .int(Int64(count)),
      ]
    )
    return result
  }

  /// See `Backend.layerNorm`.
  package func layerNorm(
    _ x: Tensor,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float
  ) throws(TensorError) -> Tensor {
    let result = try make(x.shape, element, "layer norm")
    guard x.shape.count > 0 else { return result }
    let (from, kept) = try operand(x, as: element, "layer norm")
    let (scale, keptScale) = try operand(weight, as: .float32, "layer norm")
    let (shift, keptShift) = try operand(bias, as: .float32, "layer norm")
    defer { withExtendedLifetime((kept, keptScale, keptShift)) {} }
    try engine.launch(
      "layer_norm",
      element,
      "layer norm",
      grid: ((x.shape.rows + 7) / 8, 1, 1),
      block: 256,
      [
        .address(from), .address(try place(result, "layer norm").0), .address(scale),
        .address(shift), .int(Int64(x.shape.columns)), .int(Int64(x.shape.rows)),
        .float(epsilon),
      ]
    )
    return result
  }
}
