// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// How far two arrays are from each other.
package struct Difference: CustomStringConvertible {
  /// The largest absolute difference and where it is.
  package let most: Double
  package let index: Int
  /// The root of the mean squared difference, over the expected values' standard deviation.
  package let relative: Double

  package init(_ actual: [Float], _ expected: [Float]) {
    var most = 0.0
    var index = 0
    var squares = 0.0
    var sum = 0.0
    var sumOfSquares = 0.0
    for (position, (a, b)) in zip(actual, expected).enumerated() {
      let difference = abs(Double(a) - Double(b))
      // A number that is not finite is as far away as can be.
      let distance = difference.isNaN ? .infinity : difference
      if distance > most { (most, index) = (distance, position) }
      squares += distance * distance
      sum += Double(b)
      sumOfSquares += Double(b) * Double(b)
    }
    let count = Double(max(expected.count, 1))
    let variance = max(sumOfSquares / count - (sum / count) * (sum / count), 0)
    // One number, or equal ones, have no spread to measure by; then their size is the measure.
    let scale = variance > 0 ? variance.squareRoot() : (sumOfSquares / count).squareRoot()
    self.most = most
    self.index = index
    relative = (squares / count).squareRoot() / max(scale, 1e-12)
  }

  package var description: String {
    "relative rms \(relative), at most \(most) at \(index)"
  }
}
