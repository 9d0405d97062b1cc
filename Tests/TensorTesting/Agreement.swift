// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import TensorCore
package import TensorReference
package import Testing

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
