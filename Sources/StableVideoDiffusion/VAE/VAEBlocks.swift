// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import TensorCore

/// Self-attention over a feature map with one head as wide as its channels; diffusers' `Attention` as
/// the VAE uses it.
struct VAEAttention: Sendable {
  private let norm: GroupNorm
  private let input: QueryKeyValue
  private let output: Linear

  init(_ weights: Weights, _ channels: Int) throws(WeightsError) {
    norm = try GroupNorm(weights.group_norm, channels, epsilon: 1e-6)
    input = try QueryKeyValue(weights.to_q, weights.to_k, weights.to_v, channels, bias: true)
    output = try Linear(weights.to_out[0], channels, channels)
  }

  /// - Parameter x: `[images, height, width, channels]`.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
    let tokens = Shape([x.shape[0], x.shape[1] * x.shape[2], x.shape[3]])
    let attended = try input(norm(x, silu: false).reshaped(tokens)).tokenAttention(heads: 1)
    return try output(attended, residual: x).reshaped(x.shape)
  }
}

/// From a picture to the parameters of its latents; diffusers' `Encoder`.
struct VAEEncoder: Sendable {
  private struct Level: Sendable {
    let blocks: [ResnetBlock2D]
    let downsampler: Convolution?
  }

  private let input, output, quantization: Convolution
  private let levels: [Level]
  private let first, last: ResnetBlock2D
  private let attention: VAEAttention
  private let norm: GroupNorm

  init(_ weights: Weights, _ configuration: VAEConfiguration) throws(WeightsError) {
    let channels = configuration.blockOutChannels
    let place = weights.encoder
    input = try Convolution(place.conv_in, 3, channels[0])
    var inputs = channels[0]
    levels = try channels.indices.map { index throws(WeightsError) in
      let level = place.down_blocks[index]
      let outputs = channels[index]
      let blocks = try (0..<configuration.layersPerBlock).map { layer throws(WeightsError) in
        defer { inputs = outputs }
        return try ResnetBlock2D(level.resnets[layer], inputs, outputs, time: nil, epsilon: 1e-6)
      }
      // The padding is one-sided here, unlike everywhere else.
      let downsampler =
        index == channels.count - 1
        ? nil
        : try Convolution(
          level.downsamplers[0].conv,
          outputs,
          outputs,
          stride: 2,
          padding: Padding(top: 0, left: 0, bottom: 1, right: 1)
        )
      return Level(blocks: blocks, downsampler: downsampler)
    }
    let middle = place.mid_block
    first = try ResnetBlock2D(middle.resnets[0], inputs, inputs, time: nil, epsilon: 1e-6)
    attention = try VAEAttention(middle.attentions[0], inputs)
    last = try ResnetBlock2D(middle.resnets[1], inputs, inputs, time: nil, epsilon: 1e-6)
    norm = try GroupNorm(place.conv_norm_out, inputs, epsilon: 1e-6)
    let moments = 2 * configuration.latentChannels
    output = try Convolution(place.conv_out, inputs, moments)
    quantization = try Convolution(weights.quant_conv, moments, moments, kernel: 1)
  }

  /// - Parameter x: `[images, height, width, 3]` from -1 to 1.
  /// - Returns: `[images, height', width', 2 · latents]`: means, then log variances.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
    var h = try input(x)
    for level in levels {
      for block in level.blocks { h = try block(consume h) }
      if let downsampler = level.downsampler { h = try downsampler(h) }
    }
    h = try last(attention(first(consume h)))
    h = try norm(h, silu: true)
    return try quantization(output(h))
  }
}

/// From latents to frames, looking along time; diffusers' `TemporalDecoder`.
struct TemporalDecoder: Sendable {
  private struct Level: Sendable {
    let blocks: [SpatioTemporalResBlock]
    let upsampler: UpsamplingConvolution?
  }

  private let input, output: Convolution
  private let first: SpatioTemporalResBlock
  private let attention: VAEAttention
  private let last: SpatioTemporalResBlock?
  private let levels: [Level]
  private let norm: GroupNorm
  private let timeOutput: TemporalConvolution

  init(_ weights: Weights, _ configuration: VAEConfiguration) throws(WeightsError) {
    let channels = Array(configuration.blockOutChannels.reversed())
    func block(
      _ place: Weights,
      _ inputs: Int,
      _ outputs: Int
    ) throws(WeightsError)
      -> SpatioTemporalResBlock
    {
      try SpatioTemporalResBlock(
        place,
        inputs,
        outputs,
        time: nil,
        epsilon: 1e-6,
        temporalEpsilon: 1e-5,
        mix: .temporal
      )
    }
    input = try Convolution(weights.conv_in, configuration.latentChannels, channels[0])
    let middle = weights.mid_block
    first = try block(middle.resnets[0], channels[0], channels[0])
    attention = try VAEAttention(middle.attentions[0], channels[0])
    // The reference pairs the residual blocks behind the first with its single attention: with more
    // layers the rest is never run, with one the attention is not either.
    let runsLast = configuration.layersPerBlock > 1
    last = runsLast ? try block(middle.resnets[1], channels[0], channels[0]) : nil
    for index in 2..<max(configuration.layersPerBlock, 2) {
      middle.resnets[index].skip(because: "the reference never runs it")
    }
    var inputs = channels[0]
    levels = try channels.indices.map { index throws(WeightsError) in
      let place = weights.up_blocks[index]
      let outputs = channels[index]
      let blocks = try (0...configuration.layersPerBlock).map { layer throws(WeightsError) in
        defer { inputs = outputs }
        return try block(place.resnets[layer], inputs, outputs)
      }
      let upsampler =
        index == channels.count - 1
        ? nil : try UpsamplingConvolution(place.upsamplers[0].conv, outputs)
      return Level(blocks: blocks, upsampler: upsampler)
    }
    norm = try GroupNorm(weights.conv_norm_out, inputs, epsilon: 1e-6)
    output = try Convolution(weights.conv_out, inputs, 3)
    timeOutput = try TemporalConvolution(weights.time_conv_out, 3, 3)
  }

  /// - Parameter z: `[frames, height, width, latents]`: one clip.
  /// - Returns: `[frames, height', width', 3]`, from about -1 to 1.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(_ z: Tensor) throws(TensorError) -> Tensor {
    let frames = z.shape[0]
    var x = try first(input(z), frames: frames)
    if let last { x = try last(attention(x), frames: frames) }
    for level in levels {
      for block in level.blocks { x = try block(consume x, frames: frames) }
      if let upsampler = level.upsampler {
        x = try upsampler(x)
      }
    }
    x = try norm(x, silu: true)
    x = try output(x)
    return try timeOutput(x.reshaped(Shape([1, frames, x.shape[1] * x.shape[2], 3])))
      .reshaped(x.shape)
  }
}
