// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import TensorCore

/// Operands for one backend, drawn from a seed: two of these with the same seed and different backends
/// draw the same numbers.
package struct Operands {
  package let backend: any Backend
  private var generator: TorchGenerator
  private let round: (Float) -> Float

  /// - Parameters:
  ///   - backend: Where the operands are to live.
  ///   - seed: Where they come from.
  ///   - round: What is done to each number, so that a backend of fewer bits computes with the same.
  package init(_ backend: any Backend, seed: UInt64, round: @escaping (Float) -> Float = { $0 }) {
    self.backend = backend
    self.round = round
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
    let values = generator.normal(shape.count).map { round(mean + deviation * $0) }
    return try backend.upload(values, shape: shape)
  }

  /// A weight whose products keep the spread of what they are multiplied with.
  package mutating func weight(_ shape: Shape) throws -> any PreparedWeight {
    try backend.prepare(plainWeight(shape))
  }

  /// The weights of a gated feed-forward layer whose hidden layer is four times as wide.
  package mutating func feedForwardWeights(
    _ channels: Int
  ) throws -> (gated: any PreparedWeight, output: any PreparedWeight) {
    try backend.prepareFeedForward(
      gated: plainWeight([8 * channels, channels]),
      output: plainWeight([channels, 4 * channels])
    )
  }

  private mutating func plainWeight(_ shape: Shape) throws -> Tensor {
    let inputs = shape.dimensions.dropFirst().reduce(1, *)
    return try tensor(shape, deviation: 1 / Float(max(inputs, 1)).squareRoot())
  }
}
