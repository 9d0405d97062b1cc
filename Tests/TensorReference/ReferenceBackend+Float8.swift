// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Safetensors
package import TensorCore

extension ReferenceBackend {
  /// See `Backend.prepareFeedForward`.
  package func prepareFeedForward(
    gated: Tensor,
    output: Tensor
  ) throws(TensorError) -> (gated: any PreparedWeight, output: any PreparedWeight) {
    let weights = try [gated, output].map { weight throws(TensorError) in
      guard computesFeedForwardsInFloat8 else { return try prepare(weight) }
      let values = try self.values(weight)
      let scale = 448 / (values.map(\.magnitude).max() ?? 448)
      let rounded = values.map { Self.roundedToFloat8($0 * scale) / scale }
      return try prepare(tensor(weight.shape, rounded))
    }
    return (weights[0], weights[1])
  }

  /// The tensor as factors of a feed-forward layer's product are.
  func factors(_ x: Tensor) throws(TensorError) -> Tensor {
    guard computesFeedForwardsInFloat8 else { return x }
    return tensor(x.shape, try values(x).map(Self.roundedToFloat8))
  }

  /// The nearest number of 8 bits; the largest for what is beyond.
  private static func roundedToFloat8(_ x: Float) -> Float {
    Float(Float8.numbers[Int(Float8.bits(min(max(x, -448), 448)) ?? 0x7F)])
  }
}
