// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import TensorCore

/// The configuration of `CLIPVisionModelWithProjection`: `image_encoder/config.json`, checked.
public struct CLIPVisionConfiguration: Sendable, Equatable {
  /// The size of a token.
  public let hiddenSize: Int
  /// The size between a layer's two linear maps.
  public let intermediateSize: Int
  /// How many layers there are.
  public let numHiddenLayers: Int
  /// How many heads each layer has.
  public let numAttentionHeads: Int
  /// The side of a patch in pixels.
  public let patchSize: Int
  /// The side of the picture in pixels.
  public let imageSize: Int
  /// The size of the embedding that comes out.
  public let projectionDim: Int
  /// Added to variances.
  public let layerNormEps: Float
  /// The function between a layer's two linear maps.
  public let activation: Activation

  private struct File: Decodable {
    var hiddenSize: Int?
    var intermediateSize: Int?
    var numHiddenLayers: Int?
    var numAttentionHeads: Int?
    var numChannels: Int?
    var patchSize: Int?
    var imageSize: Int?
    var projectionDim: Int?
    var layerNormEps: Float?
    var hiddenAct: String?
  }

  /// Reads and checks a configuration; absent keys take the class's defaults.
  ///
  /// - Parameter path: The JSON file.
  /// - Throws: `ConfigurationError` for a file that cannot be read, or a value that is not supported.
  public init(path: String) throws(ConfigurationError) {
    try self.init(ConfigurationFile(path: path))
  }

  init(_ source: ConfigurationFile) throws(ConfigurationError) {
    let file = try source.decode(File.self)
    hiddenSize = file.hiddenSize ?? 768
    intermediateSize = file.intermediateSize ?? 3072
    numHiddenLayers = file.numHiddenLayers ?? 12
    numAttentionHeads = file.numAttentionHeads ?? 12
    patchSize = file.patchSize ?? 32
    imageSize = file.imageSize ?? 224
    projectionDim = file.projectionDim ?? 512
    layerNormEps = file.layerNormEps ?? 1e-5
    let sizes = [
      ("hidden_size", hiddenSize), ("intermediate_size", intermediateSize),
      ("num_hidden_layers", numHiddenLayers), ("num_attention_heads", numAttentionHeads),
      ("patch_size", patchSize), ("projection_dim", projectionDim),
    ]
    for (key, value) in sizes {
      try source.require((1...1 << 16).contains(value), key, "\(value) is out of range")
    }
    try source.require((file.numChannels ?? 3) == 3, "num_channels", "pictures have 3 channels")
    try source.require(
      hiddenSize % numAttentionHeads == 0,
      "num_attention_heads",
      "\(numAttentionHeads) heads do not divide \(hiddenSize)"
    )
    // The pipeline resizes every picture to this size before the tower sees it.
    try source.require(
      imageSize == 224,
      "image_size",
      "\(imageSize) is not the pipeline's 224"
    )
    try source.require(patchSize <= imageSize, "patch_size", "\(patchSize) exceeds \(imageSize)")
    switch file.hiddenAct ?? "quick_gelu" {
    case "gelu": activation = .gelu
    case "quick_gelu": activation = .quickGelu
    case "silu", "swish": activation = .silu
    case let other:
      throw ConfigurationError(
        source.path,
        "hidden_act",
        "\"\(other)\" is not gelu, quick_gelu or silu"
      )
    }
  }
}

/// The part of `feature_extractor/preprocessor_config.json` that the pipeline uses.
public struct CLIPImageConfiguration: Sendable, Equatable {
  /// What is taken from each channel.
  public let mean: [Float]
  /// What each channel is divided by.
  public let standardDeviation: [Float]

  private struct File: Decodable {
    var imageMean: [Float]?
    var imageStd: [Float]?
  }

  /// Reads and checks a configuration; absent keys take CLIP's own numbers.
  ///
  /// - Parameter path: The JSON file.
  /// - Throws: `ConfigurationError` for a file that cannot be read, or a value that is not supported.
  public init(path: String) throws(ConfigurationError) {
    try self.init(ConfigurationFile(path: path))
  }

  init(_ source: ConfigurationFile) throws(ConfigurationError) {
    let file = try source.decode(File.self)
    mean = file.imageMean ?? [0.48145466, 0.4578275, 0.40821073]
    standardDeviation = file.imageStd ?? [0.26862954, 0.26130258, 0.27577711]
    try source.require(mean.count == 3, "image_mean", "needs 3 numbers")
    try source.require(
      standardDeviation.count == 3 && standardDeviation.allSatisfy { $0 > 0 },
      "image_std",
      "needs 3 numbers above zero"
    )
  }
}
