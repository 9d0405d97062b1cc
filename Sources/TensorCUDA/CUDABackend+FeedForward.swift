// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
package import TensorCore

extension CUDABackend {
  /// See `Backend.feedForward`.
  ///
  /// The hidden layer is gigabytes at full size: it is made for equally many rows at a time, as many as fit with
  /// what is made of them into one and a half times `workingBytes`. Fewer are slower, although what follows then
  /// reads from the cache.
  package func feedForward(
    _ x: Tensor,
    gated: any PreparedWeight,
    gatedBias: Tensor,
    output outer: any PreparedWeight,
    outputBias: Tensor,
    residual: Tensor
  ) throws(TensorError) -> Tensor {
    let operation = "feed-forward"
    if let gated = gated as? Float8Weight, let outer = outer as? Float8Weight {
      return try feedForward(
        x,
        gated,
        gatedBias: gatedBias,
        outer,
        outputBias: outputBias,
        residual: residual
      )
    }
    let outer = try weight(outer, operation)
    let hidden = outer.shape[1]
    let outputs = outer.shape[0]
    let rows = x.shape.rows
    let result = try make(x.shape.withColumns(outputs), element, operation)
    guard rows > 0 else { return result }
    let (from, kept) = try operand(x, as: element, operation)
    let (outerBias, keptOuter) = try operand(outputBias, as: element, operation)
    let (rest, keptRest) = try operand(residual, as: element, operation)
    let to = try place(result, operation).0
    let hiddenLayer = try HiddenLayer(
      self,
      inner: x.shape.columns,
      hidden: hidden,
      weight: try weight(gated, operation).storage.address,
      bias: gatedBias,
      rows: rows,
      most: workingBytes / 2 * 3
    )
    defer { withExtendedLifetime((kept, keptOuter, keptRest, hiddenLayer)) {} }
    var start = 0
    while start < rows {
      let count = min(hiddenLayer.rowsAtOnce, rows - start)
      let skipped = UInt64(start * element.byteCount)
      try hiddenLayer.compute(from + skipped * UInt64(x.shape.columns), rows: count)
      var problem = MatrixProducts.Problem(rows: count, columns: outputs, inner: hidden, element)
      problem.hasBias = true
      problem.hasResidual = true
      var operands = MatrixProducts.Operands(
        x: hiddenLayer.address,
        weight: outer.storage.address,
        y: to + skipped * UInt64(outputs)
      )
      operands.bias = outerBias
      operands.residual = rest + skipped * UInt64(outputs)
      try multiply(problem, operands, operation)
      start += count
    }
    return result
  }

  /// Into how many rows a hidden layer is cut that takes so many bytes a row: whole tiles of rows, and all pieces
  /// but the last of one size, so that they are planned once.
  static func rowsAtOnce(_ rows: Int, bytes: Int, most: Int) -> Int {
    let pieces = (rows * bytes + most - 1) / most
    return min(rows, ((rows + pieces - 1) / pieces + 255) / 256 * 256)
  }

  /// `(x aᵀ + a's bias) · gelu(x gᵀ + g's bias)` for some rows at a time.
  private struct HiddenLayer {
    private enum Way {
      /// One kernel does everything.
      case atOnce(HopperKernels.Kernel, HopperKernels)
      /// By cuBLASLt both halves of the product side by side, and by a kernel the gate.
      case apart(wide: CUDAStorage)
    }

    private let backend: CUDABackend
    private let way: Way
    private let inner: Int
    private let hidden: Int
    private let weight: UInt64
    private let bias: (address: UInt64, tensor: Tensor)
    private let narrow: CUDAStorage
    let rowsAtOnce: Int

    init(
      _ backend: CUDABackend,
      inner: Int,
      hidden: Int,
      weight: UInt64,
      bias: Tensor,
      rows: Int,
      most: Int
    ) throws(TensorError) {
      let operation = "feed-forward"
      let element = backend.element
      self.backend = backend
      self.inner = inner
      self.hidden = hidden
      self.weight = weight
      let hopper = backend.hopper
      let kernel =
        hopper == nil
        ? nil : HopperKernels.Kernel.gated(inner: inner, hidden: hidden, .elements)
      rowsAtOnce = CUDABackend.rowsAtOnce(
        rows,
        bytes: (kernel == nil ? 3 : 1) * hidden * element.byteCount,
        most: most
      )
      if let hopper, let kernel {
        way = .atOnce(kernel, hopper)
        self.bias = try backend.operand(bias, as: .float32, operation)
      } else {
        way = .apart(wide: try backend.engine.storage(rowsAtOnce * 2 * hidden, element, operation))
        self.bias = try backend.operand(bias, as: element, operation)
      }
      narrow = try backend.engine.storage(rowsAtOnce * hidden, element, operation)
    }

    /// Where the rows lie that were computed last, `[rows, hidden]`.
    var address: UInt64 { narrow.address }

    func compute(_ x: UInt64, rows: Int) throws(TensorError) {
      let operation = "feed-forward"
      let element = backend.element
      var problem = MatrixProducts.Problem(
        rows: rows,
        columns: 2 * hidden,
        inner: inner,
        element
      )
      problem.hasBias = true
      switch way {
      case .atOnce(let kernel, let hopper):
        try backend.run(
          kernel,
          by: hopper,
          HopperKernels.Rows(
            x: x,
            images: 1,
            frames: 1,
            positions: rows,
            inner: inner,
            weight: weight,
            taps: 1,
            bias: bias.address,
            y: narrow.address,
            outputs: hidden
          ),
          "\(operation): \(kernel.rawValue), \(problem)",
          operations: problem.operations,
          bytes: problem.bytes - rows * hidden * element.byteCount,
          operation
        )
      case .apart(let wide):
        var operands = MatrixProducts.Operands(x: x, weight: weight, y: wide.address)
        operands.bias = bias.address
        try backend.multiply(problem, operands, operation)
        try backend.elementwise(
          "gate",
          element,
          operation,
          count: rows * hidden,
          rows: [hidden],
          addresses: [wide.address, narrow.address],
          maps: 3,
          [
            .address(wide.address), .address(narrow.address), .int(Int64(hidden)),
            .int(Int64(rows * hidden)),
          ]
        )
      }
    }
  }
}
