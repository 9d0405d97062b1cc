// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

@Suite struct ElementwiseTests {
  static let shapes: [Shape] = [[], [0], [1], [3, 5], [2, 3, 4, 33], [20_011]]

  @Test(arguments: Activation.allCases)
  func `activations are their definitions from -100 to 100`(_ activation: Activation) throws {
    let x = (-100_000...100_000).map { Float($0) / 1000 }
    let reference = ReferenceBackend()
    let actual = try cpu.upload(x, shape: [x.count]).activated(activation).values()
    let expected = try reference.upload(x, shape: [x.count]).activated(activation).values()
    expectClose(actual, expected, within: Tolerance.function, "\(activation)")
    let worst = x.indices.first { index in
      abs(actual[index] - expected[index]) > 2e-7 * max(abs(x[index]), 1)
    }
    #expect(worst == nil, "\(activation)(\(x[worst ?? 0])) is \(actual[worst ?? 0])")
  }

  @Test(arguments: Activation.allCases)
  func `an activation never makes an ordinary number of one that is none`(
    _ activation: Activation
  )
    throws
  {
    let values = try cpu.upload([.infinity, -.infinity, .nan, 0, -0.0], shape: [5])
      .activated(activation).values()
    #expect(values[0] == .infinity)
    #expect(!values[1].isFinite)
    #expect(values[2].isNaN)
    #expect(values[3] == 0 && values[4] == 0)
  }

  @Test(arguments: shapes)
  func `a combination is its definition`(_ shape: Shape) throws {
    for (alpha, beta) in [(Float(1), Float(1)), (0.3, -2), (1, 0), (0, 0)] {
      try expectAgreement(of: cpu, within: Tolerance.elementwise, "\(alpha), \(beta)") { operands in
        try operands.tensor(shape).combined(alpha, with: operands.tensor(shape), beta)
      }
    }
    try expectAgreement(of: cpu, within: Tolerance.exact, "sum") { operands in
      try operands.tensor(shape) + operands.tensor(shape)
    }
    try expectAgreement(of: cpu, within: Tolerance.exact, "scaled") { operands in
      try operands.tensor(shape).scaled(by: 0.7)
    }
  }

  @Test(
    arguments: [
      ([12, 5], 3, 1), ([12, 5], 3, 2), ([12, 5], 2, 6), ([12, 5], 3, 4), ([12, 5], 5, 3),
      ([2, 3, 4, 33], 3, 4), ([2, 3, 4, 33], 1, 1), ([5000, 8], 7, 100), ([0, 4], 2, 1),
      ([4, 1], 1, 9),
    ] as [(Shape, Int, Int)]
  )
  func `rows of a table are added block by block`(_ x: Shape, _ entries: Int, _ block: Int) throws {
    try expectAgreement(of: cpu, within: Tolerance.exact, "\(x), \(entries) of \(block)") {
      operands in
      try operands.tensor(x).addingRows(
        of: operands.tensor([entries, x.columns]),
        .blocks(of: block)
      )
    }
  }

  @Test func `rows of a table are added by name`() throws {
    for (rows, columns) in [(9, 5), (3000, 8), (0, 4)] {
      let indices = (0..<rows).map { Int32($0 * 7 % 4) }
      try expectAgreement(of: cpu, within: Tolerance.exact, "\(rows) rows") { operands in
        try operands.tensor([rows, columns]).addingRows(
          of: operands.tensor([4, columns]),
          .indices(indices)
        )
      }
    }
  }

  @Test(arguments: Precision.allCases)
  func `a step moves each frame by its own guidance, to the bit`(_ precision: Precision) throws {
    let shape: Shape = [2, 3, 4, 5, 4]
    for (sigma, next) in [(Float(700), Float(1.6)), (1.6, 0.002), (0.002, 0)] {
      let step = EulerStep(sigma: sigma, next: next, precision: precision)
      try expectAgreement(of: cpu, within: Tolerance.exact, "guided") { operands in
        try operands.tensor(shape, deviation: sigma).eulerStep(
          velocity: operands.tensor([12, 4, 5, 4]),
          guidance: [1, 2.25, 3],
          step: step
        )
      }
      try expectAgreement(of: cpu, within: Tolerance.exact, "not guided") { operands in
        try operands.tensor(shape, deviation: sigma).eulerStep(
          velocity: operands.tensor(shape),
          guidance: nil,
          step: step
        )
      }
    }
    try expectAgreement(of: cpu, within: Tolerance.exact, "nothing") { operands in
      try operands.tensor([0, 3, 4]).eulerStep(
        velocity: operands.tensor([0, 4]),
        guidance: [1, 2, 3],
        step: EulerStep(sigma: 1, next: 0)
      )
    }
  }
}
