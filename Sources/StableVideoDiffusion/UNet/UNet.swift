// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import NeuralNetwork
public import TensorCore

/// The denoiser: a UNet over space, each block of which also looks along time (Blattmann and
/// others 2023); matches diffusers' `UNetSpatioTemporalConditionModel`.
///
/// What does not change between steps is made once by `prepare`, what depends on the noise level alone
/// once for all steps by `times`; a step then runs only what depends on the sample.
public struct UNetSpatioTemporalConditionModel: Sendable {
  private let configuration: UNetConfiguration
  private let sampleInput, imageInput: Convolution
  private let timeEmbedding, addEmbedding: TimestepEmbedding
  let down: [UNetDownBlock]
  private let middle: (first: UNetLayer, last: SpatioTemporalResBlock)
  let up: [UNetUpBlock]
  let outputNorm: GroupNorm
  let output: Convolution

  /// Builds the model.
  ///
  /// - Parameters:
  ///   - weights: The root of the UNet's checkpoint.
  ///   - configuration: Its configuration.
  /// - Throws: `WeightsError` for a missing, mis-shaped or superfluous tensor.
  public init(_ weights: Weights, _ configuration: UNetConfiguration) throws(WeightsError) {
    self.configuration = configuration
    let channels = configuration.blockOutChannels
    let time = 4 * channels[0]
    (sampleInput, imageInput) = try Self.splitInput(weights.conv_in, configuration)
    timeEmbedding = try TimestepEmbedding(
      weights.time_embedding,
      channels[0],
      hidden: time,
      outputs: time
    )
    addEmbedding = try TimestepEmbedding(
      weights.add_embedding,
      3 * configuration.additionTimeEmbedDim,
      hidden: time,
      outputs: time
    )

    let levels = channels.indices
    func level(_ index: Int, attention: Bool, epsilon: Float) -> UNetLevel {
      UNetLevel(
        channels: channels[index],
        heads: configuration.numAttentionHeads[index],
        transformerLayers: configuration.transformerLayersPerBlock[index],
        context: configuration.crossAttentionDim,
        time: time,
        epsilon: epsilon,
        hasAttention: attention
      )
    }

    var skips = [channels[0]]
    down = try levels.map { index throws(WeightsError) in
      let place = weights.down_blocks[index]
      let attention = configuration.downAttention[index]
      let level = level(index, attention: attention, epsilon: attention ? 1e-6 : 1e-5)
      var inputs = skips[skips.count - 1]
      var layers: [UNetLayer] = []
      for layer in 0..<configuration.layersPerBlock[index] {
        layers.append(try level.layer(place, layer, inputs: inputs))
        inputs = level.channels
        skips.append(inputs)
      }
      guard index < levels.upperBound - 1 else {
        return UNetDownBlock(layers: layers, downsampler: nil)
      }
      skips.append(inputs)
      return UNetDownBlock(
        layers: layers,
        downsampler: try Convolution(place.downsamplers[0].conv, inputs, inputs, stride: 2)
      )
    }

    let deepest = level(levels.upperBound - 1, attention: true, epsilon: 1e-5)
    let place = weights.mid_block
    middle = (
      try deepest.layer(place, 0, inputs: deepest.channels),
      try SpatioTemporalResBlock(
        place.resnets[1],
        deepest.channels,
        deepest.channels,
        time: time,
        epsilon: 1e-5,
        temporalEpsilon: 1e-5,
        mix: .spatial
      )
    )

    var inputs = deepest.channels
    up = try levels.map { index throws(WeightsError) in
      let place = weights.up_blocks[index]
      let mirrored = levels.upperBound - 1 - index
      let level = level(mirrored, attention: configuration.upAttention[index], epsilon: 1e-6)
      var layers: [UNetLayer] = []
      for layer in 0...configuration.layersPerBlock[mirrored] {
        let skip = skips.popLast() ?? 0
        layers.append(try level.layer(place, layer, inputs: inputs + skip))
        inputs = level.channels
      }
      let isLast = index == levels.upperBound - 1
      return UNetUpBlock(
        layers: layers,
        upsampler: isLast ? nil : try Convolution(place.upsamplers[0].conv, inputs, inputs)
      )
    }
    outputNorm = try GroupNorm(weights.conv_norm_out, channels[0], epsilon: 1e-5)
    output = try Convolution(weights.conv_out, channels[0], configuration.outChannels)
    try weights.requireAllRead()
  }

  /// Cuts the first convolution into what it does to the sample and what it does to the image.
  ///
  /// The image's half is the same at every step and every frame; it carries the bias.
  private static func splitInput(
    _ weights: Weights,
    _ configuration: UNetConfiguration
  )
    throws(WeightsError) -> (Convolution, Convolution)
  {
    let outputs = configuration.blockOutChannels[0]
    let inputs = configuration.inChannels
    let half = inputs / 2
    let whole = try weights.weight.tensor([outputs, inputs, 3, 3])
    let values = try weights.wrapping { try whole.values() }
    func part(_ first: Int) throws(WeightsError) -> any PreparedWeight {
      var kernels: [Float] = []
      for output in 0..<outputs {
        let start = (output * inputs + first) * 9
        kernels += values[start..<start + half * 9]
      }
      return try weights.prepare(weights.upload(kernels, [outputs, half, 3, 3]))
    }
    return (
      Convolution(weight: try part(0), bias: nil),
      Convolution(weight: try part(half), bias: try weights.bias.tensor([outputs]))
    )
  }

  /// What does not change between the steps of a generation.
  public struct Conditioning: Sendable {
    let transformers: [SpatioTemporalTransformer.Conditioning]
    /// What each half of the batch adds to the first feature map: `[videos, pixels · channels]`.
    let imageMaps: [Tensor]
    let frames: Int

    /// 2 with guidance, else 1.
    package var halves: Int { imageMaps.count }

    /// What one half of the batch needs, so that it can be run without the other.
    ///
    /// - Parameter half: From zero; with guidance the unconditional half is the first.
    /// - Returns: The same for a batch of that half alone.
    /// - Throws: `TensorError` if there is no such half.
    package func half(_ half: Int) throws(TensorError) -> Conditioning {
      guard imageMaps.indices.contains(half) else {
        throw TensorError(.shape, "unet", "there is no half \(half) of \(halves)")
      }
      let videos = imageMaps[half].shape[0]
      return Conditioning(
        transformers: try transformers.map { transformer throws(TensorError) in
          try transformer.clips(half * videos..<(half + 1) * videos)
        },
        imageMaps: [imageMaps[half]],
        frames: frames
      )
    }
  }

  /// Prepares a generation.
  ///
  /// - Parameters:
  ///   - context: The image embeddings, `[halves · videos, context]`: with guidance two halves, first
  ///     the unconditional one.
  ///   - imageLatents: `[halves · videos, height, width, latents]`, halves as in `context`.
  ///   - halves: 2 with guidance, else 1.
  ///   - frames: Frames of each video.
  ///   - order: How temporal attention pairs clips with tokens.
  /// - Returns: What every step of the generation needs.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func prepare(
    context: Tensor,
    imageLatents: Tensor,
    halves: Int,
    frames: Int,
    order: TimeContextOrder = .perClip
  ) throws(TensorError) -> Conditioning {
    let map = try imageInput(imageLatents)
    let clips = map.shape[0]
    let rows = try map.reshaped(Shape([clips, map.shape.count / max(clips, 1)]))
    let videos = clips / halves
    return Conditioning(
      transformers: try transformers.map { transformer throws(TensorError) in
        try transformer.prepare(context: context, frames: frames, order: order)
      },
      imageMaps: try (0..<halves).map { half throws(TensorError) in
        try rows.slice(half * videos..<(half + 1) * videos)
      },
      frames: frames
    )
  }

  /// The biases that one step's time gives to the residual blocks, in the order of `blocks`.
  public struct Time: Sendable {
    let biases: [SpatioTemporalResBlock.Time]
  }

  /// Embeds the times of all steps at once.
  ///
  /// - Parameters:
  ///   - timesteps: What the model is told of each step's noise level.
  ///   - ids: The added ids: frames a second less one, motion bucket, noise augmentation.
  ///   - backend: Where the model lives.
  /// - Returns: One set of biases for each step.
  /// - Throws: `TensorError` if the backend fails.
  public func times(
    _ timesteps: [Float],
    ids: [Float],
    backend: any Backend
  ) throws(TensorError)
    -> [Time]
  {
    let size = configuration.blockOutChannels[0]
    let steps = timesteps.count
    let sinusoids = Sinusoid.embed(timesteps, size: size)
    let added = Sinusoid.embed(ids, size: configuration.additionTimeEmbedDim)
    let embedded = try timeEmbedding(backend.upload(sinusoids, shape: Shape([steps, size])))
      .addingRows(
        of: addEmbedding(backend.upload(added, shape: Shape([1, added.count]))),
        .blocks(of: 1)
      ).activated(.silu)
    var times = [[SpatioTemporalResBlock.Time]](repeating: [], count: steps)
    for block in blocks {
      guard let first = block.spatial.timeProjection, let second = block.temporal.timeProjection
      else { throw TensorError(.shape, "time", "a block has no time projection") }
      let (spatial, temporal) = (try first(embedded), try second(embedded))
      for step in 0..<steps {
        times[step].append(
          SpatioTemporalResBlock.Time(
            spatial: try spatial.slice(step..<step + 1).reshaped([spatial.shape[1]]),
            temporal: try temporal.slice(step..<step + 1).reshaped([temporal.shape[1]])
          )
        )
      }
    }
    return times.map(Time.init)
  }

  /// All residual blocks in the order in which a step runs them.
  private var blocks: [SpatioTemporalResBlock] {
    down.flatMap { $0.layers.map(\.block) } + [middle.first.block, middle.last]
      + up.flatMap { $0.layers.map(\.block) }
  }

  /// All transformers in the order in which a step runs them.
  private var transformers: [SpatioTemporalTransformer] {
    down.flatMap { $0.layers.compactMap(\.transformer) }
      + [middle.first.transformer].compactMap(\.self)
      + up.flatMap { $0.layers.compactMap(\.transformer) }
  }

  /// Predicts the velocity of a noisy sample.
  ///
  /// - Parameters:
  ///   - sample: `[videos · frames, height, width, latents]`, divided by `√(σ² + 1)`. The halves of a
  ///     guided batch share it.
  ///   - time: This step's, from `times`.
  ///   - conditioning: From `prepare`.
  ///   - deepFeature: Given what a call with `deepFeature` can go on from.
  /// - Returns: `[halves · videos · frames, height, width, latents]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(
    _ sample: Tensor,
    time: Time,
    _ conditioning: Conditioning,
    keeping deepFeature: (Tensor) -> Void = { _ in }
  )
    throws(TensorError) -> Tensor
  {
    var run = Run(time: time, conditioning: conditioning)
    var x = try enter(sample, conditioning)
    var skips = [x]
    // Maps are handed over rather than lent, so that none outlives its last use: at full size each of
    // the first level's takes hundreds of megabytes.
    for block in down {
      for layer in block.layers {
        x = try run.apply(layer, consume x)
        skips.append(x)
      }
      if let downsampler = block.downsampler {
        x = try downsampler(x)
        skips.append(x)
      }
    }
    x = try run.apply(middle.first, consume x)
    x = try run.apply(UNetLayer(block: middle.last, transformer: nil), consume x)

    // Sizes that do not halve evenly all the way down are met again on the way up by the skips' own.
    let factor = 1 << (down.count - 1)
    let forcesSize = sample.shape[1] % factor != 0 || sample.shape[2] % factor != 0
    for block in up {
      for layer in block.layers {
        if skips.count == Self.outerLayers { deepFeature(x) }
        x = try Self.joined(consume x, skips.popLast())
        x = try run.apply(layer, consume x)
      }
      if let upsampler = block.upsampler {
        var size = Extent(2 * x.shape[1], 2 * x.shape[2])
        if forcesSize, let skip = skips.last { size = Extent(skip.shape[1], skip.shape[2]) }
        x = try x.upsampled(to: size)
        x = try upsampler(x)
      }
    }
    x = try outputNorm(x, silu: true)
    return try output(x)
  }

  private static func joined(
    _ x: consuming Tensor,
    _ skip: consuming Tensor?
  ) throws(TensorError) -> Tensor {
    guard let skip = consume skip else {
      throw TensorError(.shape, "unet", "too few skip connections")
    }
    return try x.concatenatingColumns(skip)
  }

  /// The first convolution: its sample half once for all halves of the batch, its image half from
  /// `prepare`.
  func enter(_ sample: Tensor, _ conditioning: Conditioning) throws(TensorError) -> Tensor {
    let h = try sampleInput(sample)
    let images = h.shape[0]
    let rows = try h.reshaped(Shape([images, h.shape.count / max(images, 1)]))
    let halves = try conditioning.imageMaps.map { map throws(TensorError) in
      try rows.addingRows(of: map, .blocks(of: conditioning.frames))
    }
    return try Tensor.concatenatingRows(halves).reshaped(
      Shape([halves.count * images] + h.shape.dimensions.dropFirst())
    )
  }

  /// Walks through the blocks in order, handing each what was prepared for it.
  struct Run {
    var times: ArraySlice<SpatioTemporalResBlock.Time>
    var transformers: ArraySlice<SpatioTemporalTransformer.Conditioning>
    let frames: Int

    init(time: Time, conditioning: Conditioning) {
      times = time.biases[...]
      transformers = conditioning.transformers[...]
      frames = conditioning.frames
    }

    mutating func apply(
      _ layer: UNetLayer,
      _ x: consuming Tensor
    ) throws(TensorError) -> Tensor {
      guard let time = times.popFirst() else {
        throw TensorError(.shape, "unet", "a block has no time")
      }
      let y = try layer.block(consume x, frames: frames, time: time)
      guard let transformer = layer.transformer else { return y }
      guard let conditioning = transformers.popFirst() else {
        throw TensorError(.shape, "unet", "a transformer has no conditioning")
      }
      return try transformer(y, conditioning, frames: frames)
    }
  }
}
