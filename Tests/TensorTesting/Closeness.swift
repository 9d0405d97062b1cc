// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorReference
package import Testing

/// Expects two arrays to be as long and close.
///
/// - Parameters:
///   - actual: What was computed.
///   - expected: What it should be.
///   - limit: The highest relative root-mean-square difference allowed.
///   - label: What they are, for the report.
///   - sourceLocation: Where to report a failure.
package func expectClose(
  _ actual: [Float],
  _ expected: [Float],
  within limit: Double,
  _ label: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record(
      "\(label): \(actual.count) elements where \(expected.count) are expected",
      sourceLocation: sourceLocation
    )
    return
  }
  let difference = Difference(actual, expected)
  #expect(
    difference.relative <= limit,
    "\(label): \(difference), allowed \(limit)",
    sourceLocation: sourceLocation
  )
}
