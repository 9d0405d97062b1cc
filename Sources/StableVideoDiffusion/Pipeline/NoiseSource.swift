// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCore

/// The random numbers of a generation, drawn as diffusers' `randn_tensor` draws them: from one
/// generator for the whole array, or one slice from each of several.
package struct NoiseSource {
  private var generators: [TorchGenerator]

  package init(seeds: [UInt64]) { generators = seeds.map(TorchGenerator.init(seed:)) }

  /// - Parameters:
  ///   - pieces: The outermost size.
  ///   - size: Elements of each piece.
  ///   - precision: The type of the array.
  /// - Returns: The numbers.
  mutating func draw(pieces: Int, size: Int, _ precision: Precision) -> [Float] {
    if generators.count == 1 { return generators[0].normal(pieces * size, precision) }
    return (0..<pieces).flatMap { generators[$0].normal(size, precision) }
  }
}
