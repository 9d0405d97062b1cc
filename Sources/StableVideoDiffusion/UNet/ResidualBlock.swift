// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import TensorCore

/// Two normalised convolutions around a skip; diffusers' `ResnetBlock2D`.
struct ResnetBlock2D: Sendable {
  private let norm1, norm2: GroupNorm
  private let conv1, conv2: Convolution
  private let shortcut: Convolution?
  /// None in the VAE, which knows no time.
  let timeProjection: TimeProjection?

  init(
    _ weights: Weights,
    _ inputs: Int,
    _ outputs: Int,
    time: Int?,
    epsilon: Float
  )
    throws(WeightsError)
  {
    norm1 = try GroupNorm(weights.norm1, inputs, epsilon: epsilon)
    conv1 = try Convolution(weights.conv1, inputs, outputs)
    norm2 = try GroupNorm(weights.norm2, outputs, epsilon: epsilon)
    conv2 = try Convolution(weights.conv2, outputs, outputs)
    shortcut =
      inputs == outputs
      ? nil : try Convolution(weights.conv_shortcut, inputs, outputs, kernel: 1)
    timeProjection = try TimeProjection(weights, time: time, outputs, conv1.bias)
  }

  /// - Parameters:
  ///   - x: `[images, height, width, inputs]`.
  ///   - bias: What the first convolution adds: its bias and the projected time, `[outputs]`.
  /// - Returns: `[images, height, width, outputs]`.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(_ x: consuming Tensor, bias: Tensor? = nil) throws(TensorError) -> Tensor {
    var h = try conv1(norm1(x, silu: true), bias: bias)
    if let shortcut { x = try shortcut(x) }
    h = try norm2(h, silu: true)
    return try conv2(h, residual: x)
  }
}

/// The same over frames, whose norms span the whole clip; diffusers' `TemporalResnetBlock`.
struct TemporalResnetBlock: Sendable {
  private let norm1, norm2: GroupNorm
  private let conv1, conv2: TemporalConvolution
  let timeProjection: TimeProjection?

  /// Reads the block; what it adds is multiplied by `weight`, folded into its last convolution.
  init(
    _ weights: Weights,
    _ channels: Int,
    time: Int?,
    epsilon: Float,
    weight: Float
  )
    throws(WeightsError)
  {
    norm1 = try GroupNorm(weights.norm1, channels, epsilon: epsilon)
    conv1 = try TemporalConvolution(weights.conv1, channels, channels)
    norm2 = try GroupNorm(weights.norm2, channels, epsilon: epsilon)
    conv2 = try TemporalConvolution(weights.conv2, channels, channels, scale: weight)
    timeProjection = try TimeProjection(weights, time: time, channels, conv1.bias)
  }

  /// - Parameters:
  ///   - x: `[clips, frames, pixels, channels]`.
  ///   - bias: What the first convolution adds: its bias and the projected time, `[channels]`.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(_ x: Tensor, bias: Tensor? = nil) throws(TensorError) -> Tensor {
    var h = try conv1(norm1(x, silu: true), bias: bias)
    h = try norm2(h, silu: true)
    return try conv2(h, residual: x)
  }
}

/// The time embedding's way into a residual block, with the bias of the convolution that it joins.
///
/// All images of a generation share one time, so what the reference adds to every pixel is one vector
/// a step: it becomes the convolution's bias, and costs nothing in the loop.
struct TimeProjection: Sendable {
  private let layer: Linear
  private let bias: Tensor

  /// None where there is no time.
  init?(_ weights: Weights, time: Int?, _ outputs: Int, _ bias: Tensor?) throws(WeightsError) {
    guard let time, let bias else { return nil }
    layer = try Linear(weights.time_emb_proj, time, outputs)
    self.bias = try weights.wrapping { try bias.reshaped([1, outputs]) }
  }

  /// - Parameter embedding: SiLU of the embedded times, `[steps, time]`.
  /// - Returns: The convolution's bias of each step, `[steps, outputs]`.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(_ embedding: Tensor) throws(TensorError) -> Tensor {
    try layer(embedding).addingRows(of: bias, .blocks(of: 1))
  }
}

/// A residual block over each frame, then over frames, blended by one learned number; diffusers'
/// `SpatioTemporalResBlock`.
///
/// The blend `a · s + (1 - a) · (s + r)` is `s + (1 - a) · r`: the factor is folded into the temporal
/// half's last convolution when it is read.
struct SpatioTemporalResBlock: Sendable {
  let spatial: ResnetBlock2D
  let temporal: TemporalResnetBlock

  /// Which way the learned number weighs; diffusers' `switch_spatial_to_temporal_mix`.
  enum Mix {
    /// The UNet: it is the weight of the spatial half.
    case spatial
    /// The VAE's decoder: it is the weight of the temporal half.
    case temporal
  }

  init(
    _ weights: Weights,
    _ inputs: Int,
    _ outputs: Int,
    time: Int?,
    epsilon: Float,
    temporalEpsilon: Float,
    mix: Mix
  ) throws(WeightsError) {
    spatial = try ResnetBlock2D(
      weights.spatial_res_block,
      inputs,
      outputs,
      time: time,
      epsilon: epsilon
    )
    let learned = sigmoid(try weights.time_mixer.mix_factor.number())
    temporal = try TemporalResnetBlock(
      weights.temporal_res_block,
      outputs,
      time: time,
      epsilon: temporalEpsilon,
      weight: mix == .spatial ? 1 - learned : learned
    )
  }

  /// The biases that the two halves' first convolutions have at one step.
  struct Time: Sendable {
    let spatial, temporal: Tensor
  }

  /// - Parameters:
  ///   - x: `[clips · frames, height, width, inputs]`.
  ///   - frames: Frames of each clip.
  ///   - time: The biases of this step; none where the block knows no time.
  /// - Returns: `[clips · frames, height, width, outputs]`.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(
    _ x: consuming Tensor,
    frames: Int,
    time: Time? = nil
  ) throws(TensorError) -> Tensor {
    let s = try spatial(consume x, bias: time?.spatial)
    let shape = s.shape
    let clips = Shape([shape[0] / frames, frames, shape[1] * shape[2], shape[3]])
    return try temporal(s.reshaped(clips), bias: time?.temporal).reshaped(shape)
  }
}
