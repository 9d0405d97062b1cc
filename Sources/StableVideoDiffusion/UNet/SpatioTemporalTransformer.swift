// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import TensorCore

/// Attention inside each frame, then along frames; diffusers' `TransformerSpatioTemporalModel`.
struct SpatioTemporalTransformer: Sendable {
  private let norm: GroupNorm
  private let input, output: Linear
  private let spatial: [TransformerBlock]
  private let temporal: [TemporalTransformerBlock]
  private let framePositions: TimestepEmbedding
  private let spatialWeight: Float
  private let channels: Int

  init(
    _ weights: Weights,
    _ channels: Int,
    heads: Int,
    layers: Int,
    context: Int
  )
    throws(WeightsError)
  {
    self.channels = channels
    norm = try GroupNorm(weights.norm, channels, epsilon: 1e-6)
    input = try Linear(weights.proj_in, channels, channels)
    output = try Linear(weights.proj_out, channels, channels)
    spatial = try (0..<layers).map { index throws(WeightsError) in
      try TransformerBlock(
        weights.transformer_blocks[index],
        channels,
        heads: heads,
        context: context
      )
    }
    temporal = try (0..<layers).map { index throws(WeightsError) in
      try TemporalTransformerBlock(
        weights.temporal_transformer_blocks[index],
        channels,
        heads: heads,
        context: context
      )
    }
    framePositions = try TimestepEmbedding(
      weights.time_pos_embed,
      channels,
      hidden: 4 * channels,
      outputs: channels
    )
    spatialWeight = sigmoid(try weights.time_mixer.mix_factor.number())
  }

  /// What does not change between the steps of a generation.
  struct Conditioning: Sendable {
    /// For each layer what its spatial attention adds to every token of a clip, `[clips, channels]`.
    let spatial: [Tensor]
    /// The same of its temporal attention.
    let temporal: [TemporalTransformerBlock.Conditioning]
    /// The embedded number of each frame, `[frames, channels]`.
    let positions: Tensor

    /// The same for some of the clips.
    func clips(_ range: Range<Int>) throws(TensorError) -> Conditioning {
      Conditioning(
        spatial: try spatial.map { bias throws(TensorError) in try bias.slice(range) },
        temporal: try temporal.map { layer throws(TensorError) in try layer.clips(range) },
        positions: positions
      )
    }
  }

  /// - Parameters:
  ///   - context: The image embedding of each clip, `[clips, context]`.
  ///   - frames: Frames of each clip.
  ///   - order: How the temporal layers pair clips with tokens.
  /// - Returns: What every step of the generation needs.
  /// - Throws: `TensorError` if the backend fails.
  func prepare(
    context: Tensor,
    frames: Int,
    order: TimeContextOrder
  ) throws(TensorError)
    -> Conditioning
  {
    let sinusoids = Sinusoid.embed((0..<frames).map(Float.init), size: channels)
    let positions = try framePositions(
      context.backend.upload(sinusoids, shape: Shape([frames, channels]))
    )
    return Conditioning(
      spatial: try spatial.map { block throws(TensorError) in
        try block.attention.bias(context: context, block.context)
      },
      temporal: try temporal.map { block throws(TensorError) in
        try block.prepare(context: context, order: order)
      },
      positions: positions
    )
  }

  /// - Parameters:
  ///   - x: `[clips · frames, height, width, channels]`.
  ///   - conditioning: From `prepare`.
  ///   - frames: Frames of each clip.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(
    _ x: Tensor,
    _ conditioning: Conditioning,
    frames: Int
  ) throws(TensorError)
    -> Tensor
  {
    let images = x.shape[0]
    let tokens = x.shape[1] * x.shape[2]
    let inside = Shape([images, tokens, channels])
    let along = Shape([images / frames, frames, tokens, channels])
    var y = try input(norm(x, silu: false)).reshaped(inside)
    for layer in spatial.indices {
      y = try spatial[layer](consume y, bias: conditioning.spatial[layer])
      let z = try temporal[layer](
        y.reshaped(along).addingRows(of: conditioning.positions, .blocks(of: tokens)),
        conditioning.temporal[layer]
      ).reshaped(inside)
      y = try y.combined(spatialWeight, with: z, 1 - spatialWeight)
    }
    return try output(y.reshaped(x.shape), residual: x)
  }
}

/// How temporal attention's context rows are ordered when several clips are denoised together.
public enum TimeContextOrder: String, Sendable, CaseIterable {
  /// Each token sees the context of its own clip: diffusers from 0.28 on.
  case perClip
  /// Neighbouring tokens see the contexts of different clips in turn: diffusers up to 0.27.
  case legacy
}

/// Self-attention with its output layer.
struct SelfAttention: Sendable {
  let input: QueryKeyValue
  let output: Linear
  let heads: Int

  init(_ weights: Weights, _ channels: Int, heads: Int) throws(WeightsError) {
    self.heads = heads
    input = try QueryKeyValue(weights.to_q, weights.to_k, weights.to_v, channels, bias: false)
    output = try Linear(weights.to_out[0], channels, channels)
  }

  /// What the output layer adds to every token of a clip once the image's contribution joins it.
  func bias(context: Tensor, _ image: ImageAttention) throws(TensorError) -> Tensor {
    guard let bias = output.bias else {
      throw TensorError(.shape, "attention", "an output bias is missing")
    }
    return try image(context).addingRows(
      of: bias.reshaped(Shape([1, bias.shape.count])),
      .blocks(of: 1)
    )
  }
}

/// Attention to the image's embedding; diffusers' `attn2`.
///
/// The embedding is one token, so the softmax over it is 1 and the layer is `to_out(to_v(context))`
/// whatever the query: one vector a clip and block, made once a generation. The unconditional half's
/// context is zero, and its vector is the output's bias.
struct ImageAttention: Sendable {
  private let value, output: Linear

  init(_ weights: Weights, norm: Weights, _ channels: Int, context: Int) throws(WeightsError) {
    value = try Linear(weights.to_v, context, channels, bias: false)
    output = try Linear(weights.to_out[0], channels, channels)
    try weights.to_q.weight.ignore([channels, channels], because: "softmax over one token is 1")
    try weights.to_k.weight.ignore([channels, context], because: "softmax over one token is 1")
    try norm.weight.ignore([channels], because: "it feeds the queries alone")
    try norm.bias.ignore([channels], because: "it feeds the queries alone")
  }

  /// - Parameter context: `[clips, context]`.
  /// - Returns: `[clips, channels]`.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(_ context: Tensor) throws(TensorError) -> Tensor {
    try output(value(context))
  }
}

/// One layer inside each frame; diffusers' `BasicTransformerBlock`.
struct TransformerBlock: Sendable {
  let attention: SelfAttention
  let context: ImageAttention
  private let norm1, norm3: LayerNorm
  private let feedForward: FeedForward

  init(_ weights: Weights, _ channels: Int, heads: Int, context: Int) throws(WeightsError) {
    norm1 = try LayerNorm(weights.norm1, channels, epsilon: 1e-5)
    attention = try SelfAttention(weights.attn1, channels, heads: heads)
    self.context = try ImageAttention(
      weights.attn2,
      norm: weights.norm2,
      channels,
      context: context
    )
    norm3 = try LayerNorm(weights.norm3, channels, epsilon: 1e-5)
    feedForward = try FeedForward(weights.ff, channels)
  }

  /// - Parameters:
  ///   - x: `[images, tokens, channels]`.
  ///   - bias: The output bias of each clip, `[clips, channels]`.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(_ x: consuming Tensor, bias: Tensor) throws(TensorError) -> Tensor {
    let y = try attention.output(
      attention.input(norm1(x)).tokenAttention(heads: attention.heads),
      bias: bias,
      residual: x
    )
    // Of the two maps one is enough from here on.
    _ = consume x
    return try feedForward(norm3(y), residual: y)
  }
}

/// One layer along frames; diffusers' `TemporalBasicTransformerBlock`.
struct TemporalTransformerBlock: Sendable {
  private let attention: SelfAttention
  private let context: ImageAttention
  private let inputNorm, norm1, norm3: LayerNorm
  private let inputFeedForward, feedForward: FeedForward

  init(_ weights: Weights, _ channels: Int, heads: Int, context: Int) throws(WeightsError) {
    inputNorm = try LayerNorm(weights.norm_in, channels, epsilon: 1e-5)
    inputFeedForward = try FeedForward(weights.ff_in, channels)
    norm1 = try LayerNorm(weights.norm1, channels, epsilon: 1e-5)
    attention = try SelfAttention(weights.attn1, channels, heads: heads)
    self.context = try ImageAttention(
      weights.attn2,
      norm: weights.norm2,
      channels,
      context: context
    )
    norm3 = try LayerNorm(weights.norm3, channels, epsilon: 1e-5)
    feedForward = try FeedForward(weights.ff, channels)
  }

  /// What the image adds, `[clips, channels]`.
  enum Conditioning: Sendable {
    /// With the output's bias, to every token of its clip.
    case perClip(bias: Tensor)
    /// Alone, to the tokens of all clips in turn, of which these are the ones from `first` on.
    case interleaved(table: Tensor, first: Int)

    /// The same for some of the clips.
    func clips(_ range: Range<Int>) throws(TensorError) -> Conditioning {
      switch self {
      case .perClip(let bias): .perClip(bias: try bias.slice(range))
      case .interleaved(let table, let first):
        .interleaved(table: table, first: first + range.lowerBound)
      }
    }
  }

  func prepare(context: Tensor, order: TimeContextOrder) throws(TensorError) -> Conditioning {
    switch order {
    case .perClip: .perClip(bias: try attention.bias(context: context, self.context))
    case .legacy: .interleaved(table: try self.context(context), first: 0)
    }
  }

  /// - Parameters:
  ///   - x: `[clips, frames, tokens, channels]`.
  ///   - conditioning: From `prepare`.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: `TensorError` if the backend fails.
  func callAsFunction(
    _ x: consuming Tensor,
    _ conditioning: Conditioning
  ) throws(TensorError) -> Tensor {
    let (clips, frames, tokens) = (x.shape[0], x.shape[1], x.shape[2])
    var z = try inputFeedForward(inputNorm(x), residual: x)
    _ = consume x
    var bias: Tensor?
    if case .perClip(let perClip) = conditioning { bias = perClip }
    z = try attention.output(
      attention.input(norm1(z)).frameAttention(heads: attention.heads),
      bias: bias,
      residual: z
    )
    if case .interleaved(let table, let first) = conditioning {
      let indices = (0..<clips * frames * tokens).map { row in
        Int32(((first + row / (frames * tokens)) * tokens + row % tokens) % table.shape[0])
      }
      z = try z.addingRows(of: table, .indices(indices))
    }
    return try feedForward(norm3(z), residual: z)
  }
}
