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
}
