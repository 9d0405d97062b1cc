// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
package import TensorCore

extension CUDABackend {
  /// See `Backend.linear`.
  package func linear(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    residual: Tensor?
  ) throws(TensorError) -> Tensor {
    let weight = try self.weight(weight, "linear")
    return try product(
      x,
      weight.storage.address,
      outputs: weight.shape[0],
      shape: x.shape.withColumns(weight.shape[0]),
      bias: bias,
      residual: residual,
      "linear"
    )
  }

  /// `x wᵀ + bias (+ residual)` with a dense weight.
  func product(
    _ x: Tensor,
    _ weight: UInt64,
    outputs: Int,
    shape: Shape,
    bias: Tensor?,
    residual: Tensor?,
    _ operation: String
  ) throws(TensorError) -> Tensor {
    let result = try make(shape, element, operation)
    let groups = bias.map { $0.shape.rank == 2 ? $0.shape[0] : 1 } ?? 1
    let inputs = x.shape.columns
    let rows = x.shape.rows / groups
    guard rows > 0 else { return result }
    let (from, kept) = try operand(x, as: element, operation)
    let (added, keptBias) = try operand(bias, as: element, operation)
    let (rest, keptResidual) = try operand(residual, as: element, operation)
    defer { withExtendedLifetime((kept, keptBias, keptResidual)) {} }
    let to = try place(result, operation).0
    var problem = MatrixProducts.Problem(rows: rows, columns: outputs, inner: inputs, element)
    problem.hasBias = bias != nil
    problem.hasResidual = residual != nil
    for group in 0..<groups {
      func moved(_ address: UInt64, _ elements: Int) -> UInt64 {
        address + UInt64(group * elements * element.byteCount)
      }
      var operands = MatrixProducts.Operands(
        x: moved(from, rows * inputs),
        weight: weight,
        y: moved(to, rows * outputs)
      )
      operands.bias = bias == nil ? 0 : moved(added, outputs)
      operands.residual = residual == nil ? 0 : moved(rest, rows * outputs)
      try multiply(problem, operands, operation)
    }
    return result
  }

  func multiply(
    _ problem: MatrixProducts.Problem,
    _ operands: MatrixProducts.Operands,
    _ operation: String
  ) throws(TensorError) {
    do throws(CUDAError) {
      try engine.measured(
        "\(operation): \(problem)",
        operations: problem.operations,
        bytes: problem.bytes
      ) { () throws(CUDAError) in try engine.products.multiply(problem, operands) }
    } catch { throw TensorError(error, operation) }
  }

  /// See `Backend.feedForward`.
  ///
  /// The hidden layer is eight times as wide as the input, gigabytes at full size: it is made for equally many
  /// rows at a time, as many as fit into 384 MiB. Fewer are slower, although the gate then reads from the cache.
  package func feedForward(
    _ x: Tensor,
    gated: any PreparedWeight,
    gatedBias: Tensor,
    output outer: any PreparedWeight,
    outputBias: Tensor,
    residual: Tensor
  ) throws(TensorError) -> Tensor {
    let outer = try weight(outer, "feed-forward")
    let hidden = outer.shape[1]
    let outputs = outer.shape[0]
    let rows = x.shape.rows
    let result = try make(x.shape.withColumns(outputs), element, "feed-forward")
    guard rows > 0 else { return result }
    let (from, kept) = try operand(x, as: element, "feed-forward")
    let (innerBias, keptInner) = try operand(gatedBias, as: element, "feed-forward")
    let (outerBias, keptOuter) = try operand(outputBias, as: element, "feed-forward")
    let (rest, keptRest) = try operand(residual, as: element, "feed-forward")
    let inner = try weight(gated, "feed-forward")
    let to = try place(result, "feed-forward").0
    let most = max(256, (384 << 20) / (2 * hidden * element.byteCount))
    let pieces = (rows + most - 1) / most
    // Whole tiles of rows; all pieces but the last are of one size, and planned once.
    let rowsAtOnce = min(rows, ((rows + pieces - 1) / pieces + 127) / 128 * 128)
    let wide = try engine.storage(rowsAtOnce * 2 * hidden, element, "feed-forward")
    let narrow = try engine.storage(rowsAtOnce * hidden, element, "feed-forward")
    defer {
      withExtendedLifetime((kept, keptInner, keptOuter, keptRest)) {}
      withExtendedLifetime((wide, narrow)) {}
    }
    var start = 0
    while start < rows {
      let count = min(rowsAtOnce, rows - start)
      let skipped = UInt64(start * element.byteCount)
      var problem = MatrixProducts.Problem(
        rows: count,
        columns: 2 * hidden,
        inner: x.shape.columns,
        element
      )
      problem.hasBias = true
      var operands = MatrixProducts.Operands(
        x: from + skipped * UInt64(x.shape.columns),
        weight: inner.storage.address,
        y: wide.address
      )
      operands.bias = innerBias
      try multiply(problem, operands, "feed-forward")
      try elementwise(
        "gate",
        element,
        "feed-forward",
        count: count * hidden,
        rows: [hidden],
        addresses: [wide.address, narrow.address],
        maps: 3,
        [
          .address(wide.address), .address(narrow.address), .int(Int64(hidden)),
          .int(Int64(count * hidden)),
        ]
      )
      problem = MatrixProducts.Problem(rows: count, columns: outputs, inner: hidden, element)
      problem.hasBias = true
      problem.hasResidual = true
      operands = MatrixProducts.Operands(
        x: narrow.address,
        weight: outer.storage.address,
        y: to + skipped * UInt64(outputs)
      )
      operands.bias = outerBias
      operands.residual = rest + skipped * UInt64(outputs)
      try multiply(problem, operands, "feed-forward")
      start += count
    }
    return result
  }
}
