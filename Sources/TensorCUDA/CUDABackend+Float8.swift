// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
package import TensorCore

/// A weight as numbers of 8 bits, e4m3, scaled so that its largest is the largest that there is.
final class Float8Weight: PreparedWeight {
  /// In checkpoint order.
  let shape: Shape
  /// `[outputs, inputs]`.
  let memory: DeviceMemory
  /// The largest magnitude before scaling, a float32.
  let largest: CUDAStorage

  init(shape: Shape, memory: consuming DeviceMemory, largest: CUDAStorage) {
    self.shape = shape
    self.memory = memory
    self.largest = largest
  }
}

/// Feed-forward layers with factors of 8 bits: a weight is scaled as a whole, rows and the hidden layer are not, and
/// what is beyond ±448 becomes that. Sums are the tensor cores' own, which for 8 bits keep fewer digits than float32.
extension CUDABackend {
  /// See `Backend.prepareFeedForward`.
  package func prepareFeedForward(
    gated: Tensor,
    output: Tensor
  ) throws(TensorError) -> (gated: any PreparedWeight, output: any PreparedWeight) {
    let (inner, hidden) = (gated.shape[1], output.shape[1])
    guard computesFeedForwardsInFloat8, let hopper,
      HopperKernels.Kernel.gated(inner: inner, hidden: hidden, .float8) != nil,
      HopperKernels.Kernel.product(inner: hidden, outputs: output.shape[0], .float8) != nil
    else { return (try prepare(gated), try prepare(output)) }
    return (try narrowed(gated, by: hopper), try narrowed(output, by: hopper))
  }

  private func narrowed(
    _ weight: Tensor,
    by hopper: HopperKernels
  ) throws(TensorError) -> Float8Weight {
    let operation = "prepare"
    let (from, kept) = try operand(weight, as: .float32, operation)
    defer { withExtendedLifetime(kept) {} }
    let count = weight.shape.count
    let largest = try storage(upload([0], shape: [1]), operation)
    do throws(CUDAError) {
      let memory = try engine.allocator.allocate(count)
      try hopper.narrow(
        "find_largest",
        element,
        blocks: min(1024, (count / 8 + 255) / 256),
        [.address(from), .address(largest.address), .int(Int64(count))]
      )
      try hopper.narrow(
        "narrow_weight",
        element,
        blocks: (count / 8 + 255) / 256,
        [
          .address(from), .address(largest.address), .address(memory.address),
          .int(Int64(count)),
        ]
      )
      return Float8Weight(shape: weight.shape, memory: memory, largest: largest)
    } catch { throw TensorError(error, operation) }
  }

  /// What `feedForward` does, with weights of 8 bits.
  func feedForward(
    _ x: Tensor,
    _ gated: Float8Weight,
    gatedBias: Tensor,
    _ output: Float8Weight,
    outputBias: Tensor,
    residual: Tensor
  ) throws(TensorError) -> Tensor {
    let operation = "feed-forward in float8"
    let (inner, hidden, outputs) = (gated.shape[1], output.shape[1], output.shape[0])
    let rows = x.shape.rows
    let result = try make(x.shape.withColumns(outputs), element, operation)
    guard rows > 0 else { return result }
    guard let hopper,
      let gate = HopperKernels.Kernel.gated(inner: inner, hidden: hidden, .float8),
      let product = HopperKernels.Kernel.product(inner: hidden, outputs: outputs, .float8)
    else { throw TensorError(.library, operation, "the weights are not this backend's") }
    let (from, kept) = try operand(x, as: element, operation)
    let (bias, keptBias) = try operand(gatedBias, as: .float32, operation)
    let (outerBias, keptOuter) = try operand(outputBias, as: .float32, operation)
    let (rest, keptRest) = try operand(residual, as: element, operation)
    defer { withExtendedLifetime((kept, keptBias, keptOuter, keptRest)) {} }
    let to = try place(result, operation).0
    let rowsAtOnce = Self.rowsAtOnce(rows, bytes: hidden + inner, most: workingBytes / 2 * 3)
    // Two numbers of 8 bits to an element.
    let narrow = try engine.storage(rowsAtOnce * inner / 2, element, operation)
    let hiddenLayer = try engine.storage(rowsAtOnce * hidden / 2, element, operation)
    defer { withExtendedLifetime((narrow, hiddenLayer)) {} }
    for start in stride(from: 0, to: rows, by: rowsAtOnce) {
      let count = min(rowsAtOnce, rows - start)
      let skipped = UInt64(start * element.byteCount)
      do throws(CUDAError) {
        try engine.measured(
          "\(operation): narrow_factors",
          bytes: count * inner * (element.byteCount + 1)
        ) { () throws(CUDAError) in
          try hopper.narrow(
            "narrow_factors",
            element,
            blocks: (count * inner / 8 + 255) / 256,
            [
              .address(from + skipped * UInt64(inner)), .address(narrow.address),
              .int(Int64(count * inner)),
            ]
          )
        }
      } catch { throw TensorError(error, operation) }
      func multiply(
        _ kernel: HopperKernels.Kernel,
        _ x: CUDAStorage,
        _ weight: Float8Weight,
        bias: UInt64,
        residual: UInt64 = 0,
        y: UInt64,
        outputs: Int,
        resultBytes: Int
      ) throws(TensorError) {
        let (columns, inner) = (weight.shape[0], weight.shape[1])
        try run(
          kernel,
          by: hopper,
          HopperKernels.Rows(
            x: x.address,
            factors: .float8,
            images: 1,
            frames: 1,
            positions: count,
            inner: inner,
            weight: weight.memory.address,
            largest: weight.largest.address,
            taps: 1,
            bias: bias,
            residual: residual,
            y: y,
            outputs: outputs
          ),
          "\(operation): \(kernel.rawValue), [\(count), \(inner)] by [\(inner), \(columns)]",
          operations: 2 * Double(count) * Double(inner) * Double(columns),
          bytes: (count + columns) * inner + resultBytes,
          operation
        )
      }
      try multiply(
        gate,
        narrow,
        gated,
        bias: bias,
        y: hiddenLayer.address,
        outputs: hidden,
        resultBytes: count * hidden
      )
      try multiply(
        product,
        hiddenLayer,
        output,
        bias: outerBias,
        residual: rest + skipped * UInt64(outputs),
        y: to + skipped * UInt64(outputs),
        outputs: outputs,
        resultBytes: 2 * count * outputs * element.byteCount
      )
    }
    return result
  }
}
