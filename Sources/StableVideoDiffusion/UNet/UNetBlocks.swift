// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import TensorCore

/// A residual block and, at levels that have attention, the transformer behind it.
struct UNetLayer: Sendable {
  let block: SpatioTemporalResBlock
  let transformer: SpatioTemporalTransformer?
}

/// One level of the UNet on its way down; diffusers' `DownBlockSpatioTemporal` and
/// `CrossAttnDownBlockSpatioTemporal`.
struct UNetDownBlock: Sendable {
  let layers: [UNetLayer]
  let downsampler: Convolution?
}

/// One level of the UNet on its way up; diffusers' `UpBlockSpatioTemporal` and
/// `CrossAttnUpBlockSpatioTemporal`.
struct UNetUpBlock: Sendable {
  let layers: [UNetLayer]
  let upsampler: Convolution?
}

/// What a level is made of.
struct UNetLevel: Sendable {
  let channels: Int
  let heads: Int
  /// Of each attention.
  let transformerLayers: [Int]
  let context: Int
  let time: Int
  /// Group norms of the residual blocks; diffusers' blocks disagree.
  let epsilon: Float
  let hasAttention: Bool

  /// Reads layer `index` at `weights`, which takes `inputs` channels.
  func layer(_ weights: Weights, _ index: Int, inputs: Int) throws(WeightsError) -> UNetLayer {
    UNetLayer(
      block: try SpatioTemporalResBlock(
        weights.resnets[index],
        inputs,
        channels,
        time: time,
        epsilon: epsilon,
        temporalEpsilon: epsilon,
        mix: .spatial
      ),
      transformer: hasAttention ? try transformer(weights, index) : nil
    )
  }

  func transformer(
    _ weights: Weights,
    _ index: Int
  ) throws(WeightsError)
    -> SpatioTemporalTransformer
  {
    try SpatioTemporalTransformer(
      weights.attentions[index],
      channels,
      heads: heads,
      layers: transformerLayers[index],
      context: context
    )
  }
}
