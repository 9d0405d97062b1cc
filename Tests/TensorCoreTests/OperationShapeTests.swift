// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

/// Operations whose operands do not fit each other.
@Suite struct OperationShapeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let operation: String
    /// What the message must name.
    let names: [String]
    let run: @Sendable () throws -> Tensor
  }

  private static let backend = ReferenceBackend()

  private static func tensor(_ shape: Shape) throws -> Tensor {
    try backend.upload([Float](repeating: 1, count: shape.count), shape: shape)
  }

  private static func weight(_ shape: Shape) throws -> any PreparedWeight {
    try backend.prepare(tensor(shape))
  }

  static let products: [Case] = [
    Case(
      testDescription: "a weight of other inputs",
      operation: "linear",
      names: ["[4, 6]", "[2, 5]"]
    ) { try tensor([2, 5]).linear(weight([4, 6])) },
    Case(
      testDescription: "a weight of rank 4",
      operation: "linear",
      names: ["[4, 5, 1, 1]", "[2, 5]"]
    ) { try tensor([2, 5]).linear(weight([4, 5, 1, 1])) },
    Case(
      testDescription: "a bias of other outputs",
      operation: "linear",
      names: ["[5]", "[2, 4]"]
    ) { try tensor([2, 5]).linear(weight([4, 5]), bias: tensor([5])) },
    Case(
      testDescription: "groups that do not divide the rows",
      operation: "linear",
      names: ["[2, 4]", "[3, 4]"]
    ) { try tensor([3, 5]).linear(weight([4, 5]), bias: tensor([2, 4])) },
    Case(
      testDescription: "a bias of no groups",
      operation: "linear",
      names: ["[0, 4]", "[3, 4]"]
    ) { try tensor([3, 5]).linear(weight([4, 5]), bias: tensor([0, 4])) },
    Case(
      testDescription: "a linear layer's residual",
      operation: "linear",
      names: ["[2, 5]", "[2, 4]"]
    ) { try tensor([2, 5]).linear(weight([4, 5]), residual: tensor([2, 5])) },
    Case(
      testDescription: "a gate of other inputs",
      operation: "feed-forward",
      names: ["[8, 6]", "[5, 4]", "[2, 5]"]
    ) { try feedForward(gated: [8, 6], gatedBias: [8], output: [5, 4]) },
    Case(
      testDescription: "a gate that is not twice as wide",
      operation: "feed-forward",
      names: ["[6, 5]", "[5, 4]"]
    ) { try feedForward(gated: [6, 5], gatedBias: [6], output: [5, 4]) },
    Case(
      testDescription: "a feed-forward layer's residual",
      operation: "feed-forward",
      names: ["[2, 5]", "[2, 3]"]
    ) {
      try tensor([2, 5]).feedForward(
        gated: weight([8, 5]),
        gatedBias: tensor([8]),
        output: weight([3, 4]),
        outputBias: tensor([3]),
        residual: tensor([2, 5])
      )
    },
    Case(
      testDescription: "a kernel of other inputs",
      operation: "convolution",
      names: ["[4, 3, 3, 3]", "[1, 5, 5, 2]"]
    ) { try tensor([1, 5, 5, 2]).convolution(weight([4, 3, 3, 3]), padding: Padding(1, 1)) },
    Case(
      testDescription: "a convolution of rows",
      operation: "convolution",
      names: ["[4, 2, 3, 3]", "[5, 2]"]
    ) { try tensor([5, 2]).convolution(weight([4, 2, 3, 3]), padding: Padding(1, 1)) },
    Case(
      testDescription: "a kernel that is too large",
      operation: "convolution",
      names: ["[1, 2, 5, 2]", "[4, 2, 3, 3]"]
    ) { try tensor([1, 2, 5, 2]).convolution(weight([4, 2, 3, 3]), padding: Padding(0, 0)) },
    Case(
      testDescription: "padding as wide as the kernel",
      operation: "convolution",
      names: ["left: 3", "[4, 2, 3, 3]"]
    ) { try tensor([1, 5, 5, 2]).convolution(weight([4, 2, 3, 3]), padding: Padding(1, 3)) },
    Case(
      testDescription: "a convolution's residual",
      operation: "convolution",
      names: ["[1, 5, 5, 2]", "[1, 5, 5, 4]"]
    ) {
      try tensor([1, 5, 5, 2]).convolution(
        weight([4, 2, 3, 3]),
        padding: Padding(1, 1),
        residual: tensor([1, 5, 5, 2])
      )
    },
    Case(
      testDescription: "heads that do not divide the channels",
      operation: "attention",
      names: ["5 heads", "[1, 4, 24]"]
    ) { try tensor([1, 4, 24]).tokenAttention(heads: 5) },
    Case(testDescription: "no heads", operation: "attention", names: ["0 heads", "[1, 4, 24]"]) {
      try tensor([1, 4, 24]).tokenAttention(heads: 0)
    },
    Case(
      testDescription: "tokens without images",
      operation: "attention",
      names: ["[4, 24]"]
    ) { try tensor([4, 24]).tokenAttention(heads: 1) },
    Case(
      testDescription: "frames without tokens",
      operation: "attention",
      names: ["[1, 4, 24]"]
    ) { try tensor([1, 4, 24]).frameAttention(heads: 1) },
    Case(
      testDescription: "queries, keys and values of unequal size",
      operation: "attention",
      names: ["[1, 2, 4, 25]"]
    ) { try tensor([1, 2, 4, 25]).frameAttention(heads: 1) },
  ]

  static let others: [Case] = [
    Case(
      testDescription: "groups that do not divide the channels",
      operation: "group norm",
      names: ["3 groups", "[1, 4, 8]"]
    ) { try groupNorm([1, 4, 8], 3, [8], [8]) },
    Case(
      testDescription: "a group norm's weight",
      operation: "group norm",
      names: ["[7]", "[1, 4, 8]"]
    ) { try groupNorm([1, 4, 8], 2, [7], [8]) },
    Case(
      testDescription: "a group norm's bias",
      operation: "group norm",
      names: ["[1, 4, 8]"]
    ) { try groupNorm([1, 4, 8], 2, [8], [7]) },
    Case(testDescription: "a group norm of one row", operation: "group norm", names: ["[8]"]) {
      try groupNorm([8], 2, [8], [8])
    },
    Case(
      testDescription: "a layer norm's weight",
      operation: "layer norm",
      names: ["[7]", "[4, 8]"]
    ) {
      try tensor([4, 8]).layerNorm(weight: tensor([7]), bias: tensor([8]), epsilon: 1e-5)
    },
    Case(testDescription: "a layer norm's bias", operation: "layer norm", names: ["[4, 8]"]) {
      try tensor([4, 8]).layerNorm(weight: tensor([8]), bias: tensor([9]), epsilon: 1e-5)
    },
    Case(testDescription: "unequal sums", operation: "combine", names: ["[2, 3]", "[3, 2]"]) {
      try tensor([2, 3]) + tensor([3, 2])
    },
    Case(
      testDescription: "a table of other columns",
      operation: "add rows",
      names: ["[2, 4]", "[6, 5]"]
    ) { try tensor([6, 5]).addingRows(of: tensor([2, 4]), .blocks(of: 1)) },
    Case(
      testDescription: "a table of no entries",
      operation: "add rows",
      names: ["[0, 5]", "[6, 5]"]
    ) { try tensor([6, 5]).addingRows(of: tensor([0, 5]), .blocks(of: 1)) },
    Case(testDescription: "blocks of no rows", operation: "add rows", names: ["at least one row"]) {
      try tensor([6, 5]).addingRows(of: tensor([2, 5]), .blocks(of: 0))
    },
    Case(
      testDescription: "too few indices",
      operation: "add rows",
      names: ["2 entries", "[3, 5]"]
    ) { try tensor([3, 5]).addingRows(of: tensor([2, 5]), .indices([0, 1])) },
    Case(
      testDescription: "an index behind the table",
      operation: "add rows",
      names: ["2 entries", "[3, 5]"]
    ) { try tensor([3, 5]).addingRows(of: tensor([2, 5]), .indices([0, 1, 2])) },
    Case(
      testDescription: "an index before the table",
      operation: "add rows",
      names: ["2 entries", "[3, 5]"]
    ) { try tensor([3, 5]).addingRows(of: tensor([2, 5]), .indices([0, -1, 1])) },
    Case(
      testDescription: "an upsampling to nothing",
      operation: "upsample",
      names: ["[1, 2, 2, 4]", "0 by 4"]
    ) { try tensor([1, 2, 2, 4]).upsampled(to: Extent(0, 4)) },
    Case(testDescription: "an upsampling of rows", operation: "upsample", names: ["[2, 4]"]) {
      try tensor([2, 4]).upsampled(to: Extent(4, 4))
    },
    Case(
      testDescription: "columns of unequal rows",
      operation: "concatenate",
      names: ["[2, 4]", "[3, 4]"]
    ) { try tensor([2, 4]).concatenatingColumns(tensor([3, 4])) },
    Case(
      testDescription: "a velocity of half the videos",
      operation: "step",
      names: ["[1, 2, 4]"]
    ) {
      try tensor([1, 2, 4]).eulerStep(
        velocity: tensor([1, 2, 4]),
        guidance: [1, 2],
        step: EulerStep(sigma: 1, next: 0)
      )
    },
    Case(
      testDescription: "a velocity of twice the videos",
      operation: "step",
      names: ["[2, 2, 4]", "[1, 2, 4]"]
    ) {
      try tensor([1, 2, 4]).eulerStep(
        velocity: tensor([2, 2, 4]),
        guidance: nil,
        step: EulerStep(sigma: 1, next: 0)
      )
    },
    Case(
      testDescription: "parts that differ",
      operation: "concatenate",
      names: ["[2, 4]", "[2, 3]"]
    ) {
      try Tensor.concatenatingRows([tensor([2, 4]), tensor([2, 3])])
    },
    Case(testDescription: "parts that are numbers", operation: "concatenate", names: ["[]"]) {
      try Tensor.concatenatingRows([tensor([]), tensor([])])
    },
    Case(
      testDescription: "a table that is a number",
      operation: "add rows",
      names: ["[]", "[6, 1]"]
    ) {
      try tensor([6, 1]).addingRows(of: tensor([]), .blocks(of: 1))
    },
    Case(
      testDescription: "a stride of nothing",
      operation: "convolution",
      names: ["0 by 1", "[1, 5, 5, 2]"]
    ) {
      try tensor([1, 5, 5, 2]).convolution(
        weight([4, 2, 3, 3]),
        stride: Extent(0, 1),
        padding: Padding(1, 1)
      )
    },
    Case(testDescription: "no parts", operation: "concatenate", names: []) {
      try Tensor.concatenatingRows([])
    },
    Case(testDescription: "three phases", operation: "interleave", names: ["four"]) {
      try Tensor.interleaving([tensor([1, 2, 2, 4]), tensor([1, 2, 2, 4]), tensor([1, 2, 2, 4])])
    },
    Case(testDescription: "unequal phases", operation: "interleave", names: ["[1, 2, 4, 4]"]) {
      let map = try tensor([1, 2, 2, 4])
      return try Tensor.interleaving([map, map, map, tensor([1, 2, 4, 4])])
    },
    Case(testDescription: "phases that are rows", operation: "interleave", names: ["[2, 4]"]) {
      let rows = try tensor([2, 4])
      return try Tensor.interleaving([rows, rows, rows, rows])
    },
    Case(
      testDescription: "guidance for other frames",
      operation: "step",
      names: ["3 guidance scales", "[1, 2, 4]"]
    ) {
      try tensor([1, 2, 4]).eulerStep(
        velocity: tensor([2, 2, 4]),
        guidance: [1, 2, 3],
        step: EulerStep(sigma: 1, next: 0)
      )
    },
    Case(
      testDescription: "a convolution's bias",
      operation: "convolution",
      names: ["[3]", "[4, 2, 3, 3]"]
    ) {
      try tensor([1, 5, 5, 2]).convolution(
        weight([4, 2, 3, 3]),
        bias: tensor([3]),
        padding: Padding(1, 1)
      )
    },
  ]

  @Test(arguments: products + others)
  func `operands that do not fit are refused with their shapes`(_ test: Case) throws {
    let error = #expect(throws: TensorError.self) { try test.run() }
    #expect(error?.code == .shape)
    #expect(error?.operation == test.operation)
    for name in test.names {
      #expect(
        error?.message.contains(name) == true,
        "\(error?.message ?? "") does not name \(name)"
      )
    }
  }

  private static func feedForward(gated: Shape, gatedBias: Shape, output: Shape) throws -> Tensor {
    try tensor([2, 5]).feedForward(
      gated: weight(gated),
      gatedBias: tensor(gatedBias),
      output: weight(output),
      outputBias: tensor([output[0]]),
      residual: tensor([2, output[0]])
    )
  }

  private static func groupNorm(
    _ x: Shape,
    _ groups: Int,
    _ weight: Shape,
    _ bias: Shape
  ) throws
    -> Tensor
  {
    try tensor(x).groupNorm(
      groups: groups,
      weight: tensor(weight),
      bias: tensor(bias),
      epsilon: 1e-5,
      silu: false
    )
  }
}
