// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

@Suite struct LinearTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let x: Shape
    let outputs: Int
    var bias: Shape?
    var residual = false

    var testDescription: String {
      "\(x) to \(outputs)\(bias.map { ", bias \($0)" } ?? "")\(residual ? ", residual" : "")"
    }
  }

  static let sizes: [Case] = [1, 3, 5, 8, 33, 64].flatMap { inputs in
    [1, 3, 8, 33, 64].flatMap { outputs in
      [
        Case(x: [7, inputs], outputs: outputs),
        Case(x: [2, 3, inputs], outputs: outputs, bias: [outputs]),
        Case(x: [1, inputs], outputs: outputs, residual: true),
        Case(x: [65, inputs], outputs: outputs, bias: [outputs], residual: true),
      ]
    }
  }

  static let special: [Case] = [
    Case(x: [12, 20], outputs: 9, bias: [3, 9]),
    Case(x: [2, 6, 5, 20], outputs: 9, bias: [2, 9], residual: true),
    Case(x: [4, 33], outputs: 5, bias: [4, 5], residual: true),
    Case(x: [4, 33], outputs: 5, bias: [1, 5]),
    Case(x: [5], outputs: 3, bias: [3]),
    Case(x: [0, 8], outputs: 4, bias: [4], residual: true),
    Case(x: [2, 0, 8], outputs: 4, bias: [2, 4]),
    Case(x: [513, 320], outputs: 257, bias: [257], residual: true),
    Case(x: [3, 2048], outputs: 40, bias: [40]),
  ]

  @Test(arguments: sizes + special)
  func `a linear layer is its definition`(_ test: Case) throws {
    try expectAgreement(of: cpu, within: Tolerance.product, test.testDescription) { operands in
      let x = try operands.tensor(test.x)
      let weight = try operands.weight([test.outputs, test.x.columns])
      let bias = try test.bias.map { try operands.tensor($0) }
      let residual =
        test.residual ? try operands.tensor(test.x.withColumns(test.outputs)) : nil
      return try x.linear(weight, bias: bias, residual: residual)
    }
  }

  @Test func `one weight serves problems of many sizes and keeps its numbers`() throws {
    let values = TorchGenerator.normals(64 * 96, seed: 3)
    let weight = try cpu.prepare(cpu.upload(values, shape: [64, 96]))
    let reference = ReferenceBackend()
    let expected = try reference.prepare(reference.upload(values, shape: [64, 96]))
    for rows in [1, 2, 300, 17, 1, 64, 5] {
      let x = TorchGenerator.normals(rows * 96, seed: UInt64(rows))
      for hasBias in [false, true] {
        let bias = hasBias ? TorchGenerator.normals(64, seed: 5) : nil
        func product(_ backend: any Backend, _ weight: any PreparedWeight) throws -> [Float] {
          try backend.upload(x, shape: [rows, 96])
            .linear(weight, bias: bias.map { try backend.upload($0, shape: [64]) }).values()
        }
        expectClose(
          try product(cpu, weight),
          try product(reference, expected),
          within: Tolerance.product,
          "\(rows) rows"
        )
      }
    }
  }

  @Test(
    arguments: [(1, 3), (63, 8), (64, 8), (65, 8), (129, 5), (200, 33)])
  func `a gated feed-forward layer is its definition`(_ rows: Int, _ channels: Int) throws {
    try expectAgreement(of: cpu, within: Tolerance.product, "\(rows) rows") { operands in
      try feedForward(&operands, x: [rows, channels], hidden: 4 * channels)
    }
  }

  // As wide as this, the hidden layer is made for 64 rows at a time with two threads.
  @Test(arguments: [63, 64, 65, 127, 128, 129, 193])
  func `a feed-forward layer is the same across the seams of its tiles`(_ rows: Int) throws {
    try expectAgreement(of: cpu, within: Tolerance.product, "\(rows) rows") { operands in
      try feedForward(&operands, x: [1, rows, 6], hidden: 4096)
    }
  }

  @Test func `a feed-forward layer of no rows gives none`() throws {
    try expectAgreement(of: cpu, within: Tolerance.exact, "no rows") { operands in
      try feedForward(&operands, x: [0, 8], hidden: 32)
    }
  }

  private func feedForward(_ operands: inout Operands, x shape: Shape, hidden: Int) throws -> Tensor
  {
    let channels = shape.columns
    return try operands.tensor(shape).feedForward(
      gated: operands.weight([2 * hidden, channels]),
      gatedBias: operands.tensor([2 * hidden]),
      output: operands.weight([channels, hidden]),
      outputBias: operands.tensor([channels]),
      residual: operands.tensor(shape)
    )
  }
}

extension TorchGenerator {
  static func normals(_ count: Int, seed: UInt64) -> [Float] {
    var generator = TorchGenerator(seed: seed)
    return generator.normal(count)
  }
}
