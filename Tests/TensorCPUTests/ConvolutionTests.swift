// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCPU
internal import TensorCore
internal import TensorReference
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
        x: [2, 5, 7, inputs],
        outputs: outputs,
        bias: (inputs + outputs) % 3 > 0,
        residual: (inputs + outputs) % 2 > 0
      )
    }
  }

  static let sizes: [Case] = [(1, 1), (1, 9), (9, 1), (2, 2), (13, 6)].flatMap { height, width in
    [
      Case(x: [1, height, width, 8], outputs: 16),
      Case(x: [3, height, width, 16], outputs: 8, bias: false, residual: true),
      Case(
        x: [1, height, width, 5],
        outputs: 7,
        kernel: Extent(1, 1),
        padding: Padding(0, 0),
        residual: true
      ),
      Case(x: [2, height, width, 8], outputs: 8, stride: Extent(2, 2)),
      Case(
        x: [1, height, width, 33],
        outputs: 5,
        stride: Extent(2, 2),
        padding: Padding(top: 0, left: 0, bottom: 1, right: 1)
      ),
    ].filter { $0.stride == Extent(1, 1) || min(height, width) > 1 }
  }

  static let kernels: [Case] = [
    Case(
      x: [1, 6, 5, 8],
      outputs: 8,
      kernel: Extent(2, 2),
      padding: Padding(top: 1, left: 1, bottom: 0, right: 0)
    ),
    Case(
      x: [1, 6, 5, 8],
      outputs: 8,
      kernel: Extent(2, 2),
      padding: Padding(top: 0, left: 1, bottom: 1, right: 0)
    ),
    Case(
      x: [2, 6, 5, 3],
      outputs: 4,
      kernel: Extent(2, 2),
      padding: Padding(top: 1, left: 0, bottom: 0, right: 1),
      bias: false
    ),
    Case(
      x: [1, 28, 28, 3],
      outputs: 32,
      kernel: Extent(14, 14),
      stride: Extent(14, 14),
      padding: Padding(0, 0),
      bias: false
    ),
    Case(x: [1, 9, 8, 4], outputs: 6, kernel: Extent(1, 3), padding: Padding(0, 1)),
    Case(
      x: [1, 9, 8, 4],
      outputs: 6,
      kernel: Extent(5, 3),
      stride: Extent(2, 1),
      padding: Padding(2, 1),
      residual: true
    ),
    Case(x: [1, 4, 4, 8], outputs: 8, padding: Padding(2, 1)),
    Case(x: [0, 4, 4, 8], outputs: 8, residual: true),
    Case(x: [2, 18, 32, 64], outputs: 64, residual: true),
  ]

  @Test(arguments: channels + sizes + kernels)
  func `a convolution is its definition`(_ test: Case) throws {
    try expectAgreement(of: cpu, within: Tolerance.product, test.testDescription) { operands in
      try Self.convolution(&operands, test)
    }
  }

  // Long rows and enough channels go another way, which takes 128 pixels of a row at a time.
  static let wide: [Case] = [63, 64, 127, 128, 129, 130, 257].flatMap { width in
    [(16, 16), (17, 33), (15, 16), (64, 40)].map { inputs, outputs in
      Case(
        x: [2, 3, width, inputs],
        outputs: outputs,
        bias: width % 2 > 0,
        residual: outputs != 33
      )
    } + [
      Case(
        x: [1, 4, width, 16],
        outputs: 20,
        kernel: Extent(2, 2),
        padding: Padding(top: 1, left: 0, bottom: 0, right: 1)
      ),
      Case(
        x: [1, 4, width, 16],
        outputs: 20,
        kernel: Extent(2, 2),
        padding: Padding(top: 0, left: 1, bottom: 1, right: 0),
        bias: false
      ),
      Case(x: [1, 2, width, 16], outputs: 16, padding: Padding(2, 2), residual: true),
      Case(x: [1, 1, width, 16], outputs: 16, kernel: Extent(1, 5), padding: Padding(0, 2)),
      Case(x: [1, 5, width, 16], outputs: 16, kernel: Extent(5, 1), padding: Padding(2, 0)),
      Case(x: [1, 5, width, 16], outputs: 16, padding: Padding(0, 0), bias: false),
      Case(x: [1, 6, width, 16], outputs: 16, stride: Extent(2, 2)),
      Case(x: [1, 6, width, 16], outputs: 16, stride: Extent(1, 2), residual: true),
    ]
  }

  @Test(arguments: wide)
  func `a convolution over long rows is its definition`(_ test: Case) throws {
    try expectAgreement(of: cpu, within: Tolerance.product, test.testDescription) { operands in
      try Self.convolution(&operands, test)
    }
  }

  static let temporal: [Case] =
    [1, 2, 7, 25].flatMap { frames in
      [1, 3, 127, 128, 129, 255, 256, 257].flatMap { pixels in
        [(5, 3), (16, 24)].map { inputs, outputs in
          Case(
            x: [frames == 7 ? 2 : 1, frames, pixels, inputs],
            outputs: outputs,
            kernel: Extent(3, 1),
            padding: Padding(1, 0),
            bias: pixels != 3,
            residual: pixels % 2 > 0
          )
        }
      }
    }
    + [1, 3, 8, 33, 64].map { channels in
      Case(
        x: [2, 4, 6, channels],
        outputs: channels,
        kernel: Extent(3, 1),
        padding: Padding(1, 0),
        residual: true
      )
    } + [
      Case(x: [0, 3, 4, 16], outputs: 16, kernel: Extent(3, 1), padding: Padding(1, 0)),
      Case(
        x: [1, 3, 520, 32],
        outputs: 16,
        kernel: Extent(3, 1),
        padding: Padding(1, 0),
        bias: false
      ),
      Case(x: [1, 5, 4, 16], outputs: 16, kernel: Extent(3, 1), padding: Padding(0, 0)),
      Case(
        x: [1, 5, 4, 16],
        outputs: 16,
        kernel: Extent(3, 1),
        stride: Extent(2, 1),
        padding: Padding(1, 0)
      ),
    ]

  @Test(arguments: temporal)
  func `a convolution over frames is its definition`(_ test: Case) throws {
    try expectAgreement(of: cpu, within: Tolerance.product, test.testDescription) { operands in
      try Self.convolution(&operands, test)
    }
  }

  /// The backend lays a weight out anew for each way that it computes, and must not lose it.
  @Test func `one kernel serves maps of many sizes and keeps its numbers`() throws {
    let values = TorchGenerator.normals(24 * 16 * 9, seed: 4)
    let weight = try cpu.prepare(cpu.upload(values, shape: [24, 16, 3, 3]))
    let reference = ReferenceBackend()
    let expected = try reference.prepare(reference.upload(values, shape: [24, 16, 3, 3]))
    for (width, stride) in [(60, 1), (8, 1), (60, 2), (130, 1), (9, 2), (3, 1), (60, 1), (8, 1)] {
      func convolved(_ backend: any Backend, _ weight: any PreparedWeight) throws -> [Float] {
        let x = TorchGenerator.normals(4 * width * 16, seed: UInt64(width))
        return try backend.upload(x, shape: [1, 4, width, 16])
          .convolution(weight, stride: Extent(stride, stride), padding: Padding(1, 1)).values()
      }
      expectClose(
        try convolved(cpu, weight),
        try convolved(reference, expected),
        within: Tolerance.product,
        "rows of \(width), step \(stride)"
      )
    }
  }

  private static func convolution(_ operands: inout Operands, _ test: Case) throws -> Tensor {
    let x = try operands.tensor(test.x)
    let shape: Shape = [test.outputs, test.x[3], test.kernel.height, test.kernel.width]
    let weight = try operands.weight(shape)
    let size = x.convolved(by: shape, stride: test.stride, padding: test.padding)
    return try x.convolution(
      weight,
      bias: test.bias ? operands.tensor([test.outputs]) : nil,
      stride: test.stride,
      padding: test.padding,
      residual: test.residual
        ? operands.tensor([test.x[0], size.height, size.width, test.outputs]) : nil
    )
  }
}
