// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import NeuralNetwork
public import TensorCore

/// CLIP's vision tower with its projection (Radford and others 2021); matches transformers'
/// `CLIPVisionModelWithProjection`.
public struct CLIPVisionModel: Sendable {
  private let configuration: CLIPVisionConfiguration
  private let patchEmbedding: Convolution
  private let classEmbedding, positions: Tensor
  private let firstNorm, lastNorm: LayerNorm
  private let layers: [CLIPEncoderLayer]
  private let projection: Linear

  /// Builds the tower.
  ///
  /// - Parameters:
  ///   - weights: The root of the image encoder's checkpoint.
  ///   - configuration: Its configuration.
  /// - Throws: `WeightsError` for a missing, mis-shaped or superfluous tensor.
  public init(_ weights: Weights, _ configuration: CLIPVisionConfiguration) throws(WeightsError) {
    self.configuration = configuration
    let size = configuration.hiddenSize
    let epsilon = configuration.layerNormEps
    let side = configuration.imageSize / configuration.patchSize
    let tower = weights.vision_model
    patchEmbedding = try Convolution(
      tower.embeddings.patch_embedding,
      3,
      size,
      kernel: configuration.patchSize,
      stride: configuration.patchSize,
      padding: Padding(0, 0),
      bias: false
    )
    classEmbedding = try tower.embeddings.class_embedding.tensor([size])
    positions = try tower.embeddings.position_embedding.weight.tensor([side * side + 1, size])
    tower.embeddings.position_ids.skip(because: "older files list the positions 0, 1, 2, …")
    firstNorm = try LayerNorm(tower.pre_layrnorm, size, epsilon: epsilon)
    layers = try (0..<configuration.numHiddenLayers).map { index throws(WeightsError) in
      try CLIPEncoderLayer(tower.encoder.layers[index], configuration)
    }
    lastNorm = try LayerNorm(tower.post_layernorm, size, epsilon: epsilon)
    projection = try Linear(
      weights.visual_projection,
      size,
      configuration.projectionDim,
      bias: false
    )
    try weights.requireAllRead()
  }

  /// Embeds pictures.
  ///
  /// - Parameter pixels: `[images, 224, 224, 3]`, normalised.
  /// - Returns: `[images, projection]`, not normalised.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(_ pixels: Tensor) throws(TensorError) -> Tensor {
    let size = configuration.hiddenSize
    let patches = try patchEmbedding(pixels)
    let images = patches.shape[0]
    let count = patches.shape[1] * patches.shape[2]
    let first = try classEmbedding.reshaped([1, size])
    var rows: [Tensor] = []
    for image in 0..<images {
      rows.append(first)
      rows.append(try patches.slice(image..<image + 1).reshaped(Shape([count, size])))
    }
    var x = try Tensor.concatenatingRows(rows).reshaped(Shape([images, count + 1, size]))
    x = try x.addingRows(of: positions, .blocks(of: 1))
    x = try firstNorm(x)
    for layer in layers { x = try layer(x) }
    var tokens: [Tensor] = []
    for image in 0..<images {
      let all = try x.slice(image..<image + 1).reshaped(Shape([count + 1, size]))
      tokens.append(try all.slice(0..<1))
    }
    return try projection(lastNorm(Tensor.concatenatingRows(tokens)))
  }
}

/// One layer of the tower; transformers' `CLIPEncoderLayer`.
struct CLIPEncoderLayer: Sendable {
  private let norm1, norm2: LayerNorm
  private let attention: QueryKeyValue
  private let output, fc1, fc2: Linear
  private let heads: Int
  private let activation: Activation

  init(_ weights: Weights, _ configuration: CLIPVisionConfiguration) throws(WeightsError) {
    let size = configuration.hiddenSize
    norm1 = try LayerNorm(weights.layer_norm1, size, epsilon: configuration.layerNormEps)
    norm2 = try LayerNorm(weights.layer_norm2, size, epsilon: configuration.layerNormEps)
    let own = weights.self_attn
    attention = try QueryKeyValue(own.q_proj, own.k_proj, own.v_proj, size, bias: true)
    output = try Linear(own.out_proj, size, size)
    fc1 = try Linear(weights.mlp.fc1, size, configuration.intermediateSize)
    fc2 = try Linear(weights.mlp.fc2, configuration.intermediateSize, size)
    heads = configuration.numAttentionHeads
    activation = configuration.activation
  }

  func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
    let y = try output(attention(norm1(x)).tokenAttention(heads: heads), residual: x)
    return try fc2(fc1(norm2(y)).activated(activation), residual: y)
  }
}
