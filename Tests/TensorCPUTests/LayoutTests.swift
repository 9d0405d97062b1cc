// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

/// Operations that move numbers and change none.
@Suite struct LayoutTests {
  @Test(
    arguments: [
      ([1, 1, 1, 1], 1, 1), ([1, 1, 1, 3], 5, 7), ([2, 3, 4, 5], 6, 8), ([2, 3, 4, 5], 5, 7),
      ([1, 5, 4, 8], 9, 7), ([1, 5, 4, 33], 3, 4), ([1, 9, 16, 64], 17, 31), ([0, 2, 2, 4], 4, 4),
    ] as [(Shape, Int, Int)]
  )
  func `upsampling repeats pixels`(_ x: Shape, _ height: Int, _ width: Int) throws {
    try expectAgreement(of: cpu, within: Tolerance.exact, "\(x) to \(height) by \(width)") {
      operands in
      try operands.tensor(x).upsampled(to: Extent(height, width))
    }
  }

  @Test(
    arguments: [[1, 1, 1, 1], [1, 3, 2, 5], [3, 4, 5, 33], [2, 9, 16, 64], [0, 2, 2, 4]] as [Shape]
  )
  func `interleaving weaves four maps`(_ shape: Shape) throws {
    try expectAgreement(of: cpu, within: Tolerance.exact, "\(shape)") { operands in
      var phases: [Tensor] = []
      for _ in 0..<4 { phases.append(try operands.tensor(shape)) }
      return try Tensor.interleaving(phases)
    }
  }

  @Test(
    arguments: [
      ([1, 1], [1, 1]), ([4, 3], [4, 5]), ([2, 3, 4, 33], [2, 3, 4, 64]), ([5, 0], [5, 3]),
      ([5, 3], [5, 0]), ([0, 3], [0, 2]), ([3000, 8], [3000, 7]), ([3], [5]),
    ] as [(Shape, Shape)]
  )
  func `columns are put side by side`(_ a: Shape, _ b: Shape) throws {
    try expectAgreement(of: cpu, within: Tolerance.exact, "\(a) and \(b)") { operands in
      try operands.tensor(a).concatenatingColumns(operands.tensor(b))
    }
  }

  @Test(
    arguments: [
      [[1]], [[2, 3], [1, 3]], [[0, 3], [4, 3], [0, 3]], [[1, 5, 7], [2, 5, 7], [3, 5, 7]],
      [[70_000], [3], [70_001]],
    ] as [[Shape]]
  )
  func `rows are put one after another`(_ shapes: [Shape]) throws {
    try expectAgreement(of: cpu, within: Tolerance.exact, "\(shapes)") { operands in
      var parts: [Tensor] = []
      for shape in shapes { parts.append(try operands.tensor(shape)) }
      return try Tensor.concatenatingRows(parts)
    }
  }

  /// Every operation with operands that begin in the middle of their memory.
  @Test func `slices are operands like any other`() throws {
    func slice(_ operands: inout Operands, _ shape: Shape) throws -> Tensor {
      let larger = Shape([shape[0] + 5] + shape.dimensions.dropFirst())
      return try operands.tensor(larger).slice(3..<3 + shape[0])
    }
    let operations: [(String, Double, (inout Operands) throws -> Tensor)] = [
      (
        "linear", Tolerance.product,
        {
          try slice(&$0, [6, 5]).linear(
            $0.weight([7, 5]),
            bias: slice(&$0, [2, 7]),
            residual: slice(&$0, [6, 7])
          )
        }
      ),
      (
        "feed-forward", Tolerance.product,
        {
          try slice(&$0, [6, 5]).feedForward(
            gated: $0.weight([16, 5]),
            gatedBias: slice(&$0, [16]),
            output: $0.weight([5, 8]),
            outputBias: slice(&$0, [5]),
            residual: slice(&$0, [6, 5])
          )
        }
      ),
      (
        "convolution", Tolerance.product,
        {
          try slice(&$0, [2, 4, 5, 3]).convolution(
            $0.weight([7, 3, 3, 3]),
            bias: slice(&$0, [7]),
            padding: Padding(1, 1),
            residual: slice(&$0, [2, 4, 5, 7])
          )
        }
      ),
      (
        "temporal convolution", Tolerance.product,
        {
          try slice(&$0, [2, 4, 5, 3]).convolution(
            $0.weight([7, 3, 3, 1]),
            bias: slice(&$0, [7]),
            padding: Padding(1, 0),
            residual: slice(&$0, [2, 4, 5, 7])
          )
        }
      ),
      (
        "group norm", Tolerance.norm,
        {
          try slice(&$0, [2, 9, 8]).groupNorm(
            groups: 2,
            weight: slice(&$0, [8]),
            bias: slice(&$0, [8]),
            epsilon: 1e-5,
            silu: true
          )
        }
      ),
      (
        "layer norm", Tolerance.norm,
        {
          try slice(&$0, [4, 9]).layerNorm(
            weight: slice(&$0, [9]),
            bias: slice(&$0, [9]),
            epsilon: 1e-5
          )
        }
      ),
      ("tokens", Tolerance.attention, { try slice(&$0, [2, 7, 24]).tokenAttention(heads: 2) }),
      ("frames", Tolerance.attention, { try slice(&$0, [2, 3, 4, 24]).frameAttention(heads: 2) }),
      ("activation", Tolerance.function, { try slice(&$0, [4, 5]).activated(.gelu) }),
      (
        "combine", Tolerance.elementwise,
        { try slice(&$0, [4, 5]).combined(0.4, with: slice(&$0, [4, 5]), 0.6) }
      ),
      (
        "add rows", Tolerance.exact,
        { try slice(&$0, [6, 5]).addingRows(of: slice(&$0, [2, 5]), .blocks(of: 2)) }
      ),
      ("upsample", Tolerance.exact, { try slice(&$0, [2, 3, 2, 5]).upsampled(to: Extent(5, 4)) }),
      (
        "interleave", Tolerance.exact,
        {
          let shape: Shape = [2, 3, 2, 5]
          return try Tensor.interleaving([
            slice(&$0, shape), slice(&$0, shape), slice(&$0, shape), slice(&$0, shape),
          ])
        }
      ),
      (
        "columns", Tolerance.exact,
        { try slice(&$0, [3, 4]).concatenatingColumns(slice(&$0, [3, 2])) }
      ),
      (
        "rows", Tolerance.exact,
        { try Tensor.concatenatingRows([slice(&$0, [3, 4]), slice(&$0, [2, 4])]) }
      ),
      (
        "step", Tolerance.exact,
        {
          try slice(&$0, [2, 3, 4]).eulerStep(
            velocity: slice(&$0, [4, 3, 4]),
            guidance: [1, 2, 3],
            step: EulerStep(sigma: 2, next: 1)
          )
        }
      ),
    ]
    for (label, limit, operation) in operations {
      try expectAgreement(of: cpu, within: limit, label, operation)
    }
  }
}
