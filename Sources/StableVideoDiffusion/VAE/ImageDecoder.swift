// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import TensorCore

/// From latents to frames, each by itself; diffusers' `Decoder` as `AutoencoderKL` uses it.
struct ImageDecoder: Sendable {
  private struct Level: Sendable {
    let blocks: [ResnetBlock2D]
    let upsampler: UpsamplingConvolution?
  }

  private let quantization, input, output: Convolution
  private let first, last: ResnetBlock2D
  private let attention: VAEAttention
  private let levels: [Level]
  private let norm: GroupNorm

  /// Reads the decoder and what stands before it; `weights` is the autoencoder's root.
  init(_ weights: Weights, _ configuration: VAEConfiguration) throws(WeightsError) {
    let channels = Array(configuration.blockOutChannels.reversed())
    let latents = configuration.latentChannels
    let place = weights.decoder
    func block(
      _ place: Weights,
      _ inputs: Int,
      _ outputs: Int
    ) throws(WeightsError) -> ResnetBlock2D {
      try ResnetBlock2D(place, inputs, outputs, time: nil, epsilon: 1e-6)
    }
    quantization = try Convolution(weights.post_quant_conv, latents, latents, kernel: 1)
    input = try Convolution(place.conv_in, latents, channels[0])
    let middle = place.mid_block
    first = try block(middle.resnets[0], channels[0], channels[0])
    attention = try VAEAttention(middle.attentions[0], channels[0])
    last = try block(middle.resnets[1], channels[0], channels[0])
    var inputs = channels[0]
    levels = try channels.indices.map { index throws(WeightsError) in
      let level = place.up_blocks[index]
      let outputs = channels[index]
      let blocks = try (0...configuration.layersPerBlock).map { layer throws(WeightsError) in
        defer { inputs = outputs }
        return try block(level.resnets[layer], inputs, outputs)
      }
      let upsampler =
        index == channels.count - 1
        ? nil : try UpsamplingConvolution(level.upsamplers[0].conv, outputs)
      return Level(blocks: blocks, upsampler: upsampler)
    }
    norm = try GroupNorm(place.conv_norm_out, inputs, epsilon: 1e-6)
    output = try Convolution(place.conv_out, inputs, 3)
  }

  /// - Parameter z: `[frames, height, width, latents]`.
  /// - Returns: `[frames, height', width', 3]`, from about -1 to 1.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(_ z: Tensor) throws(TensorError) -> Tensor {
    var x = try last(attention(first(input(quantization(z)))))
    for level in levels {
      for block in level.blocks { x = try block(consume x) }
      if let upsampler = level.upsampler { x = try upsampler(x) }
    }
    x = try norm(x, silu: true)
    return try output(x)
  }
}
