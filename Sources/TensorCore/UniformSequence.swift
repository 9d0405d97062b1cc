// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The numbers of `Backend.uniform`, the same everywhere.
public struct UniformSequence: Sendable {
  private let key: UInt64
  private let mean, width: Double

  /// The odd number nearest to 2⁶⁴ over the golden ratio, by which splitmix64 steps.
  public static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// Makes a sequence.
  ///
  /// - Parameters:
  ///   - key: Where it begins.
  ///   - mean: The middle of the numbers.
  ///   - width: How far they lie from it at most.
  public init(key: UInt64, mean: Double, width: Double) {
    self.key = key
    self.mean = mean
    self.width = width
  }

  /// The first numbers, each exact in float16.
  public func elements(_ count: Int) -> [Float] { unrounded(count).map { Float(Float16($0)) } }

  /// The first numbers before they are rounded to float16.
  public func unrounded(_ count: Int) -> [Float] {
    (0..<count).map { index in
      let word = Self.mix(key &+ UInt64(index + 1) &* Self.golden)
      let unit = Double(word >> 40) * 0x1p-24
      return Float((unit * 2 - 1) * width + mean)
    }
  }

  /// splitmix64's output function.
  public static func mix(_ word: UInt64) -> UInt64 {
    var z = word
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
