// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

@Suite struct NormalizationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let x: Shape
    let groups: Int
    var silu = false
    var testDescription: String { "\(x) in \(groups) groups\(silu ? ", silu" : "")" }
  }

  static let cases: [Case] = [
    Case(x: [1, 1, 1, 32], groups: 32), Case(x: [1, 1, 1, 64], groups: 32, silu: true),
    Case(x: [2, 5, 7, 32], groups: 32, silu: true), Case(x: [3, 4, 3, 64], groups: 32),
    Case(x: [1, 9, 11, 96], groups: 32, silu: true), Case(x: [2, 6, 5, 320], groups: 32),
    Case(x: [2, 3, 3, 33], groups: 3), Case(x: [2, 3, 3, 33], groups: 1, silu: true),
    Case(x: [2, 3, 3, 33], groups: 33), Case(x: [4, 5], groups: 5), Case(x: [7, 8], groups: 2),
    Case(x: [1, 1], groups: 1), Case(x: [0, 4, 4, 32], groups: 32),
    Case(x: [2, 0, 4, 32], groups: 32),
    // Statistics are summed over runs of 2048 rows.
    Case(x: [2, 2047, 32], groups: 32), Case(x: [2, 2048, 32], groups: 32, silu: true),
    Case(x: [1, 2049, 64], groups: 32), Case(x: [2, 3, 1700, 32], groups: 32, silu: true),
    Case(x: [1, 6, 1111, 40], groups: 8),
  ]

  @Test(arguments: cases)
  func `group norm is its definition`(_ test: Case) throws {
    // A group of two elements that happen to be alike magnifies the rounding of its mean.
    for (mean, deviation, limit) in [(Float(0), Float(1), Tolerance.norm), (3, 0.5, 1e-5)] {
      try expectAgreement(of: cpu, within: limit, test.testDescription) { operands in
        try Self.groupNorm(
          &operands,
          operands.tensor(test.x, mean: mean, deviation: deviation),
          test
        )
      }
    }
  }

  // The square of such a mean has no digits left for the variance. What remains is the mean's own
  // rounding to float32, by which every element is off.
  @Test(arguments: [(Float(1000), Float(1), 1e-4), (1000, 0.01, 1e-2), (-30_000, 1, 5e-3)])
  func `group norm keeps a small variance beside a large mean`(
    _ mean: Float,
    _ deviation: Float,
    _ limit: Double
  ) throws {
    for shape in [[1, 8, 8, 32], [1, 5000, 32]] as [Shape] {
      try expectAgreement(of: cpu, within: limit, "mean \(mean)") { operands in
        let x = try operands.tensor(shape, mean: mean, deviation: deviation)
        return try Self.groupNorm(&operands, x, Case(x: shape, groups: 32))
      }
    }
  }

  @Test func `group norm of equal numbers is its bias`() throws {
    let x = try cpu.upload([Float](repeating: 12345.678, count: 3000 * 32), shape: [1, 3000, 32])
    let bias = (0..<32).map(Float.init)
    let result = try x.groupNorm(
      groups: 32,
      weight: cpu.upload([Float](repeating: 2, count: 32), shape: [32]),
      bias: cpu.upload(bias, shape: [32]),
      epsilon: 1e-6,
      silu: false
    )
    #expect(try Array(result.values().suffix(32)) == bias)
  }

  @Test func `a number that is not one spoils its group and no other`() throws {
    var values = TorchGenerator.normals(2 * 12 * 8, seed: 2)
    values[12 * 8 + 5] = .nan
    let result = try cpu.upload(values, shape: [2, 12, 8]).groupNorm(
      groups: 4,
      weight: cpu.upload([Float](repeating: 1, count: 8), shape: [8]),
      bias: cpu.upload([Float](repeating: 0, count: 8), shape: [8]),
      epsilon: 1e-5,
      silu: true
    ).values()
    for (index, value) in result.enumerated() {
      #expect(value.isNaN == (index >= 96 && (4..<6).contains(index % 8)), "element \(index)")
    }
  }

  @Test(
    arguments: [
      [7, 1], [7, 3], [1, 5], [3, 2, 8], [65, 33], [5, 64], [4, 1280], [3000, 32], [0, 8],
    ]
      as [Shape]
  )
  func `layer norm is its definition`(_ shape: Shape) throws {
    for (mean, deviation, limit) in [
      (Float(0), Float(1), Tolerance.norm), (3, 0.5, 2e-6), (1000, 1, 5e-4),
    ] where shape.columns > 1 || mean == 0 {
      try expectAgreement(of: cpu, within: limit, "\(shape), mean \(mean)") { operands in
        try operands.tensor(shape, mean: mean, deviation: deviation).layerNorm(
          weight: operands.tensor([shape.columns], mean: 1, deviation: 0.3),
          bias: operands.tensor([shape.columns]),
          epsilon: 1e-5
        )
      }
    }
  }

  private static func groupNorm(
    _ operands: inout Operands,
    _ x: Tensor,
    _ test: Case
  ) throws
    -> Tensor
  {
    let channels = test.x.columns
    return try x.groupNorm(
      groups: test.groups,
      weight: operands.tensor([channels], mean: 1, deviation: 0.3),
      bias: operands.tensor([channels]),
      epsilon: 1e-5,
      silu: test.silu
    )
  }
}
