// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc

/// How pixels between the pixels are found when a picture changes size.
public enum ResamplingFilter: Sendable, Hashable, CaseIterable {
  /// The pixel under the centre of the new one.
  case nearest
  /// Cubic convolution with `a = -0.5`, over 4 pixels; over more when shrinking.
  case bicubic
  /// A windowed sinc over 6 pixels; over more when shrinking.
  case lanczos

  /// How far the filter reaches to each side when the size does not shrink, in pixels.
  var support: Double {
    switch self {
    case .nearest: 0
    case .bicubic: 2
    case .lanczos: 3
    }
  }

  /// The filter's value at a distance of `x` pixels.
  func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .nearest:
      return x == 0 ? 1 : 0
    case .bicubic:
      let a = -0.5
      let x = abs(x)
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    case .lanczos:
      return x >= -3 && x < 3 ? Self.sinc(x) * Self.sinc(x / 3) : 0
    }
  }

  private static func sinc(_ x: Double) -> Double {
    guard x != 0 else { return 1 }
    let angle = x * Double.pi
    return sin(angle) / angle
  }
}

/// A stretch of one axis of a picture, in pixels.
///
/// Single precision, because Pillow's `resize(box:)` passes its box that way and the weights
/// depend on it.
struct AxisBox: Hashable {
  var start: Float
  var end: Float

  /// Whether the box is all of an axis of `length` pixels.
  func covers(_ length: Int) -> Bool {
    start == 0 && end == Float(length)
  }
}

/// Which pixels of an axis make each new one, and how much of each.
struct ResamplingWeights {
  /// Fixed-point weights have this many bits below the point, as Pillow's for 8-bit pixels.
  static let precision = 22

  /// The first pixel that counts, for each new pixel.
  let first: [Int]
  /// How many pixels count, for each new pixel; never more than ``stride``.
  let count: [Int]
  /// Where each new pixel's weights begin in the lists below: at its index times this.
  let stride: Int
  /// The weights; those of one new pixel add up to 1.
  let exact: [Double]
  /// The same in fixed point.
  let fixed: [Int32]

  init(inputs: Int, box: AxisBox, outputs: Int, filter: ResamplingFilter) {
    let scale = Double(box.end - box.start) / Double(outputs)
    let filterScale = max(scale, 1)
    let support = filter.support * filterScale
    let step = 1 / filterScale
    let stride = Int(support.rounded(.up)) * 2 + 1

    var first: [Int] = []
    var count: [Int] = []
    var exact = [Double](repeating: 0, count: outputs * stride)
    for output in 0..<outputs {
      let center = Double(box.start) + (Double(output) + 0.5) * scale
      let low = max(0, Int(center - support + 0.5))
      let high = min(inputs, Int(center + support + 0.5))
      let taps = max(0, min(high - low, stride))
      let base = output * stride
      var sum = 0.0
      for tap in 0..<taps {
        let weight = filter((Double(tap + low) - center + 0.5) * step)
        exact[base + tap] = weight
        sum += weight
      }
      if sum != 0 {
        for tap in 0..<taps { exact[base + tap] /= sum }
      }
      first.append(low)
      count.append(taps)
    }
    self.first = first
    self.count = count
    self.stride = stride
    self.exact = exact
    self.fixed = exact.map { weight in
      Int32(weight * Double(1 << Self.precision) + (weight < 0 ? -0.5 : 0.5))
    }
  }
}
