// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCPU
internal import TensorCore
internal import TensorTesting
import Testing

@Suite struct ConvolutionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let x: Shape
    let outputs: Int
    var kernel = Extent(3, 3)
    var stride = Extent(1, 1)
    var padding = Padding(1, 1)
    var bias = true
    var residual = false

    var testDescription: String {
      "\(x) to \(outputs) by \(kernel.height)x\(kernel.width)"
        + " step \(stride.height),\(stride.width)"
        + " padding \(padding.top),\(padding.left),\(padding.bottom),\(padding.right)"
        + (bias ? " bias" : "") + (residual ? " residual" : "")
    }
  }

  static let channels: [Case] = [1, 3, 5, 8, 33, 64].flatMap { inputs in
    [1, 3, 5, 8, 33, 64].map { outputs in
      Case(
        x: [2, 5, 7, inputs], outputs: outputs, bias: (inputs + outputs) % 3 > 0,
        residual: (inputs + outputs) % 2 > 0)
    }
  }

  static let sizes: [Case] = [(1, 1), (1, 9), (9, 1), (2, 2), (13, 6)].flatMap { height, width in
    [
      Case(x: [1, height, width, 8], outputs: 16),
      Case(x: [3, height, width, 16], outputs: 8, bias: false, residual: true),
      Case(
        x: [1, height, width, 5], outputs: 7, kernel: Extent(1, 1), padding: Padding(0, 0),
        residual: true),
      Case(x: [2, height, width, 8], outputs: 8, stride: Extent(2, 2)),
      Case(
        x: [1, height, width, 33], outputs: 5, stride: Extent(2, 2),
        padding: Padding(top: 0, left: 0, bottom: 1, right: 1)
      ),
    ].filter { $0.stride == Extent(1, 1) || min(height, width) > 1 }
  }

  static let kernels: [Case] = [
    Case(
      x: [1, 6, 5, 8], outputs: 8, kernel: Extent(2, 2),
      padding: Padding(top: 1, left: 1, bottom: 0, right: 0)),
    Case(
      x: [1, 6, 5, 8], outputs: 8, kernel: Extent(2, 2),
      padding: Padding(top: 0, left: 1, bottom: 1, right: 0)),
    Case(
      x: [2, 6, 5, 3], outputs: 4, kernel: Extent(2, 2),
      padding: Padding(top: 1, left: 0, bottom: 0, right: 1), bias: false),
    Case(x: [1, 28, 28, 3], outputs: 32, kernel: Extent(14, 14), stride: Extent(14, 14),
      padding: Padding(0, 0), bias: false),
    Case(x: [1, 9, 8, 4], outputs: 6, kernel: Extent(1, 3), padding: Padding(0, 1)),
    Case(x: [1, 9, 8, 4], outputs: 6, kernel: Extent(5, 3), stride: Extent(2, 1),
      padding: Padding(2, 1), residual: true),
    Case(x: [1, 4, 4, 8], outputs: 8, padding: Padding(3, 2)),
    Case(x: [0, 4, 4, 8], outputs: 8, residual: true),
    Case(x: [2, 18, 32, 64], outputs: 64, residual: true),
  ]

  @Test(arguments: channels + sizes + kernels)
  func `a convolution is its definition`(_ test: Case) throws {
    try expectAgreement(of: cpu, within: Tolerance.product, test.testDescription) { operands in
      try Self.convolution(&operands, test)
    }
  }

  // A kernel of three by one goes another way, which takes 256 pixels at a time through the frames.
  static let temporal: [Case] = [1, 2, 7, 25].flatMap { frames in
    [1, 3, 255, 256, 257].map { pixels in
      Case(
        x: [frames == 7 ? 2 : 1, frames, pixels, 5], outputs: 3, kernel: Extent(3, 1),
        padding: Padding(1, 0), bias: pixels != 3, residual: pixels % 2 > 0)
    }
  } + [1, 3, 8, 33, 64].map { channels in
    Case(
      x: [2, 4, 6, channels], outputs: channels, kernel: Extent(3, 1), padding: Padding(1, 0),
      residual: true)
  } + [
    Case(x: [0, 3, 4, 8], outputs: 8, kernel: Extent(3, 1), padding: Padding(1, 0)),
    Case(
      x: [1, 3, 520, 32], outputs: 16, kernel: Extent(3, 1), padding: Padding(1, 0), bias: false),
  ]

  @Test(arguments: temporal)
  func `a convolution over frames is its definition`(_ test: Case) throws {
    try expectAgreement(of: cpu, within: Tolerance.product, test.testDescription) { operands in
      try Self.convolution(&operands, test)
    }
  }

  @Test func `a convolution over frames that changes its size is refused, not miscomputed`() throws {
    let x = try cpu.upload([Float](repeating: 1, count: 12), shape: [1, 3, 4, 1])
    let weight = try cpu.prepare(cpu.upload([1, 2, 3], shape: [1, 1, 3, 1]))
    for (stride, padding) in [(2, Padding(1, 0)), (1, Padding(0, 0))] {
      #expect(throws: TensorError.self) {
        try x.convolution(weight, stride: Extent(stride, stride), padding: padding)
      }
    }
  }

  private static func convolution(_ operands: inout Operands, _ test: Case) throws -> Tensor {
    let x = try operands.tensor(test.x)
    let shape: Shape = [test.outputs, test.x[3], test.kernel.height, test.kernel.width]
    let weight = try operands.weight(shape)
    let size = x.convolved(by: shape, stride: test.stride, padding: test.padding)
    return try x.convolution(
      weight, bias: test.bias ? operands.tensor([test.outputs]) : nil, stride: test.stride,
      padding: test.padding,
      residual: test.residual
        ? operands.tensor([test.x[0], size.height, size.width, test.outputs]) : nil)
  }
}
