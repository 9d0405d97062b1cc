// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import TensorCore

/// A matrix product with an optional bias; torch's `Linear`.
public struct Linear: Sendable {
  /// `[outputs, inputs]`.
  public let weight: any PreparedWeight
  /// `[outputs]`.
  public let bias: Tensor?

  /// Reads a layer.
  ///
  /// - Parameters:
  ///   - weights: The place of `weight` and `bias`.
  ///   - inputs: The innermost size of what it takes.
  ///   - outputs: The innermost size of what it gives.
  ///   - bias: Whether there is a bias.
  /// - Throws: `WeightsError` for a missing or mis-shaped tensor.
  public init(
    _ weights: Weights,
    _ inputs: Int,
    _ outputs: Int,
    bias: Bool = true
  )
    throws(WeightsError)
  {
    weight = try weights.prepare(weights.weight.tensor([outputs, inputs]))
    self.bias = bias ? try weights.bias.tensor([outputs]) : nil
  }

  /// Applies the layer.
  ///
  /// - Parameters:
  ///   - x: `[..., inputs]`.
  ///   - bias: Used in place of the layer's own; `[outputs]` or `[groups, outputs]`.
  ///   - residual: Added to the result.
  /// - Returns: `[..., outputs]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(
    _ x: Tensor,
    bias: Tensor? = nil,
    residual: Tensor? = nil
  )
    throws(TensorError) -> Tensor
  {
    try x.linear(weight, bias: bias ?? self.bias, residual: residual)
  }
}

/// Queries, keys and values by one matrix product.
public struct QueryKeyValue: Sendable {
  private let weight: any PreparedWeight
  private let bias: Tensor?

  /// Reads three layers and stacks them.
  ///
  /// - Parameters:
  ///   - query: The place of the queries' `weight` and `bias`.
  ///   - key: The place of the keys'.
  ///   - value: The place of the values'.
  ///   - channels: The innermost size of what each takes and gives.
  ///   - bias: Whether there are biases.
  /// - Throws: `WeightsError` for a missing or mis-shaped tensor.
  public init(
    _ query: Weights,
    _ key: Weights,
    _ value: Weights,
    _ channels: Int,
    bias: Bool
  )
    throws(WeightsError)
  {
    let square: Shape = [channels, channels]
    weight = try query.prepare(
      query.weight.tensor(square),
      key.weight.tensor(square),
      value.weight.tensor(square)
    )
    guard bias else {
      self.bias = nil
      return
    }
    let biases = try [query, key, value].map { place throws(WeightsError) in
      try place.bias.tensor([channels])
    }
    self.bias = try query.wrapping { try Tensor.concatenatingRows(biases) }
  }

  /// Applies the layers.
  ///
  /// - Parameter x: `[..., channels]`.
  /// - Returns: `[..., 3 · channels]`: queries, keys, values side by side.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
    try x.linear(weight, bias: bias)
  }
}

/// Two layers with SiLU between; diffusers' `TimestepEmbedding`.
public struct TimestepEmbedding: Sendable {
  private let first, second: Linear

  /// Reads the layers `linear_1` and `linear_2`.
  ///
  /// - Parameters:
  ///   - weights: The place of both.
  ///   - inputs: The size of a sinusoid.
  ///   - hidden: The size between.
  ///   - outputs: The size of the embedding.
  /// - Throws: `WeightsError` for a missing or mis-shaped tensor.
  public init(_ weights: Weights, _ inputs: Int, hidden: Int, outputs: Int) throws(WeightsError) {
    first = try Linear(weights.linear_1, inputs, hidden)
    second = try Linear(weights.linear_2, hidden, outputs)
  }

  /// Embeds sinusoids.
  ///
  /// - Parameter x: `[rows, inputs]`.
  /// - Returns: `[rows, outputs]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
    try second(first(x).activated(.silu))
  }
}

/// A gated feed-forward layer; diffusers' `FeedForward` with `geglu`.
public struct FeedForward: Sendable {
  private let gated, output: any PreparedWeight
  private let gatedBias, outputBias: Tensor

  /// Reads the layers `net.0.proj` and `net.2`; the hidden layer is four times as wide.
  ///
  /// - Parameters:
  ///   - weights: The place of `net`.
  ///   - channels: The innermost size of what it takes and gives.
  /// - Throws: `WeightsError` for a missing or mis-shaped tensor.
  public init(_ weights: Weights, _ channels: Int) throws(WeightsError) {
    let (first, second) = (weights.net[0].proj, weights.net[2])
    let gated = try first.weight.tensor([8 * channels, channels])
    let output = try second.weight.tensor([channels, 4 * channels])
    (self.gated, self.output) = try weights.wrapping {
      try weights.backend.prepareFeedForward(gated: gated, output: output)
    }
    gatedBias = try first.bias.tensor([8 * channels])
    outputBias = try second.bias.tensor([channels])
  }

  /// Applies the layer and adds a residual.
  ///
  /// - Parameters:
  ///   - x: `[..., channels]`.
  ///   - residual: Added to the result.
  /// - Returns: `[..., channels]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(_ x: Tensor, residual: Tensor) throws(TensorError) -> Tensor {
    try x.feedForward(
      gated: gated,
      gatedBias: gatedBias,
      output: output,
      outputBias: outputBias,
      residual: residual
    )
  }
}
