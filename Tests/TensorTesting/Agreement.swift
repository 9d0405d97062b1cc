// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import TensorCore
package import Testing

/// Operands for one backend, drawn from a seed: two of these with the same seed and different backends
/// draw the same numbers.
package struct Operands {
  package let backend: any Backend
  private var generator: TorchGenerator

  package init(_ backend: any Backend, seed: UInt64) {
    self.backend = backend
    generator = TorchGenerator(seed: seed)
  }

  /// Normally distributed numbers.
  package mutating func tensor(
    _ shape: Shape,
    mean: Float = 0,
    deviation: Float = 1
  ) throws
    -> Tensor
  {
    let values = generator.normal(shape.count).map { mean + deviation * $0 }
    return try backend.upload(values, shape: shape)
  }

  /// A weight whose products keep the spread of what they are multiplied with.
  package mutating func weight(_ shape: Shape) throws -> any PreparedWeight {
    let inputs = shape.dimensions.dropFirst().reduce(1, *)
    let deviation = 1 / Float(max(inputs, 1)).squareRoot()
    return try backend.prepare(tensor(shape, deviation: deviation))
  }
}

/// Runs an operation on a backend and on the reference, from the same numbers, and expects the same.
///
/// - Parameters:
///   - backend: The backend under test.
///   - limit: The highest relative root-mean-square difference allowed.
///   - label: What was computed, for the report.
///   - seed: Where the operands come from.
///   - sourceLocation: Where to report a failure.
///   - operation: What to compute.
/// - Throws: What the operation throws on either.
package func expectAgreement(
  of backend: any Backend,
  within limit: Double,
  _ label: String,
  seed: UInt64 = 7,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ operation: (inout Operands) throws -> Tensor
) throws {
  var ours = Operands(backend, seed: seed)
  var theirs = Operands(ReferenceBackend(), seed: seed)
  let actual = try operation(&ours)
  let expected = try operation(&theirs)
  #expect(actual.shape == expected.shape, "\(label)", sourceLocation: sourceLocation)
  expectClose(
    try actual.values(),
    try expected.values(),
    within: limit,
    label,
    sourceLocation: sourceLocation
  )
}
