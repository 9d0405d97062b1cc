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
    let to = try place(result, "group norm").0
    let byEights =
      channels % 8 == 0 && [from, to].allSatisfy { $0 % UInt64(8 * element.byteCount) == 0 }
    let across = byEights ? (channels + 2047) / 2048 : (channels + 127) / 128
    // Four blocks for each of a large GPU's processors run at once, and all threads have work to the end.
    let most = byEights ? max(1, 528 / (pieces * across)) : 4096
    let runRows = max(byEights ? 32 : 128, (rows + most - 1) / most)
    let runs = (rows + runRows - 1) / runRows
    // Two float64 for each channel and run: four float32.
    let sums = try engine.storage(pieces * runs * channels * 4, .float32, "group norm")
    let statistics = try engine.storage(pieces * groups * 2, .float32, "group norm")
    defer { withExtendedLifetime((keptScale, keptShift, sums, statistics)) {} }
    try engine.launch(
      byEights ? "group_norm_sums_8" : "group_norm_sums",
      element,
      "group norm",
      grid: (across, runs, pieces),
      block: byEights ? 256 : 128,
      bytes: count * element.byteCount,
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
    let operands: [Module.Argument] = [
      .address(from), .address(to), .address(statistics.address), .address(scale),
      .address(shift), .int(Int64(rows)), .int(Int64(channels)), .int(Int64(groups)),
      .int(silu ? 1 : 0),
    ]
    if byEights {
      try engine.launch(
        "group_norm_apply_8",
        element,
        "group norm",
        grid: (across, runs, pieces),
        block: 256,
        bytes: 2 * count * element.byteCount,
        operands + [.int(Int64(runRows))]
      )
    } else {
      try single(
        "group_norm_apply",
        element,
        "group norm",
        count: count,
        operands + [.int(Int64(count))]
      )
    }
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
    let to = try place(result, "layer norm").0
    let columns = x.shape.columns
    let byEights =
      columns % 8 == 0 && columns <= 1536 && [from, to, scale, shift].allSatisfy { $0 % 32 == 0 }
    if byEights, [320, 640, 1280].contains(columns) {
      try engine.launch(
        "layer_norm_\(columns)",
        element,
        "layer norm",
        grid: ((x.shape.rows * (columns / 40) + 255) / 256, 1, 1),
        block: 256,
        bytes: 2 * x.shape.count * element.byteCount,
        [
          .address(from), .address(to), .address(scale), .address(shift),
          .int(Int64(x.shape.rows)), .float(epsilon),
        ]
      )
      return result
    }
    try engine.launch(
      byEights ? "layer_norm_8" : "layer_norm",
      element,
      "layer norm",
      grid: ((x.shape.rows + 7) / 8, 1, 1),
      block: 256,
      bytes: 2 * x.shape.count * element.byteCount,
      [
        .address(from), .address(to), .address(scale), .address(shift), .int(Int64(columns)),
        .int(Int64(x.shape.rows)),
        .float(epsilon),
      ]
    )
    return result
  }
}
