// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import TensorCore

/// Group norm with 32 groups, as every such layer of Stable Video Diffusion has; torch's `GroupNorm`.
public struct GroupNorm: Sendable {
  private let weight, bias: Tensor
  private let epsilon: Float
  private static let groups = 32

  /// Reads a layer.
  ///
  /// - Parameters:
  ///   - weights: The place of `weight` and `bias`.
  ///   - channels: A multiple of 32.
  ///   - epsilon: Added to the variance; diffusers' blocks disagree on it, so there is no default.
  /// - Throws: `WeightsError` for a missing or mis-shaped tensor.
  public init(_ weights: Weights, _ channels: Int, epsilon: Float) throws(WeightsError) {
    weight = try weights.weight.tensor([channels])
    bias = try weights.bias.tensor([channels])
    self.epsilon = epsilon
  }

  /// Normalises each piece of the outermost axis by itself.
  ///
  /// - Parameters:
  ///   - x: `[pieces, ..., channels]`: an image each, or a clip each.
  ///   - silu: Whether SiLU follows.
  /// - Returns: A tensor of the same shape.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(_ x: Tensor, silu: Bool) throws(TensorError) -> Tensor {
    try x.groupNorm(groups: Self.groups, weight: weight, bias: bias, epsilon: epsilon, silu: silu)
  }
}

/// Layer norm over the channels; torch's `LayerNorm`.
public struct LayerNorm: Sendable {
  private let weight, bias: Tensor
  private let epsilon: Float

  /// Reads a layer.
  ///
  /// - Parameters:
  ///   - weights: The place of `weight` and `bias`.
  ///   - channels: The innermost size of what it takes.
  ///   - epsilon: Added to the variance.
  /// - Throws: `WeightsError` for a missing or mis-shaped tensor.
  public init(_ weights: Weights, _ channels: Int, epsilon: Float) throws(WeightsError) {
    weight = try weights.weight.tensor([channels])
    bias = try weights.bias.tensor([channels])
    self.epsilon = epsilon
  }

  /// Normalises each row.
  ///
  /// - Parameter x: `[..., channels]`.
  /// - Returns: A tensor of the same shape.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
    try x.layerNorm(weight: weight, bias: bias, epsilon: epsilon)
  }
}
