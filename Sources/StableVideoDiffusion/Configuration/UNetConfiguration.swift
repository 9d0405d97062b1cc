// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The configuration of `UNetSpatioTemporalConditionModel`: `unet/config.json`, checked.
public struct UNetConfiguration: Sendable, Equatable {
  /// Channels that go in: noisy latents and image latents side by side.
  public let inChannels: Int
  /// Channels that come out.
  public let outChannels: Int
  /// Channels of each level, finest first.
  public let blockOutChannels: [Int]
  /// Whether each level on the way down has attention.
  public let downAttention: [Bool]
  /// Whether each level on the way up has attention, coarsest first.
  public let upAttention: [Bool]
  /// Residual blocks of each level on the way down.
  public let layersPerBlock: [Int]
  /// Transformer layers of each attention of each level; there is one attention more on the way up.
  public let transformerLayersPerBlock: [[Int]]
  /// Heads of each level.
  public let numAttentionHeads: [Int]
  /// The size of the image embedding.
  public let crossAttentionDim: Int
  /// The size of the sinusoid of each added id.
  public let additionTimeEmbedDim: Int
  /// Frames that the model was trained for.
  public let numFrames: Int
  /// Latent size that the model was trained for; null in some checkpoints.
  public let sampleSize: Int?

  private struct File: Decodable {
    var inChannels: Int?
    var outChannels: Int?
    var downBlockTypes: [String]?
    var upBlockTypes: [String]?
    var blockOutChannels: [Int]?
    var additionTimeEmbedDim: Int?
    var projectionClassEmbeddingsInputDim: Int?
    var layersPerBlock: PerLevel?
    var crossAttentionDim: PerLevel?
    var transformerLayersPerBlock: PerAttention?
    var numAttentionHeads: PerLevel?
    var numFrames: Int?
    var sampleSize: Int?
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
    inChannels = file.inChannels ?? 8
    outChannels = file.outChannels ?? 4
    blockOutChannels = file.blockOutChannels ?? [320, 640, 1280, 1280]
    let levels = blockOutChannels.count
    try source.require((1...8).contains(levels), "block_out_channels", "has \(levels) levels")
    try source.require(
      blockOutChannels.allSatisfy { $0 > 0 && $0 % 32 == 0 && $0 <= 1 << 16 },
      "block_out_channels",
      "\(blockOutChannels) must be multiples of the 32 groups of group norm"
    )
    try source.require(
      (2...512).contains(inChannels) && inChannels % 2 == 0,
      "in_channels",
      "\(inChannels) cannot be two equal halves"
    )
    try source.require(
      outChannels == inChannels / 2,
      "out_channels",
      "\(outChannels) is not half of in_channels \(inChannels)"
    )
    let names = ["CrossAttn", ""]
    downAttention = try Self.attention(
      file.downBlockTypes,
      levels,
      names.map { $0 + "DownBlockSpatioTemporal" },
      [true, true, true, false],
      "down_block_types",
      source
    )
    upAttention = try Self.attention(
      file.upBlockTypes,
      levels,
      names.map { $0 + "UpBlockSpatioTemporal" },
      [false, true, true, true],
      "up_block_types",
      source
    )
    layersPerBlock = try (file.layersPerBlock ?? .same(2))
      .expanded(levels, "layers_per_block", source)
    transformerLayersPerBlock = try (file.transformerLayersPerBlock ?? .perLevel(.same(1)))
      .expanded(layersPerBlock.map { $0 + 1 }, "transformer_layers_per_block", source)
    let heads = try (file.numAttentionHeads ?? .each([5, 10, 20, 20]))
      .expanded(levels, "num_attention_heads", source)
    numAttentionHeads = heads
    for (channels, heads) in zip(blockOutChannels, heads) {
      try source.require(
        channels % heads == 0,
        "num_attention_heads",
        "\(heads) heads do not divide \(channels)"
      )
    }
    let context = try (file.crossAttentionDim ?? .same(1024))
      .expanded(levels, "cross_attention_dim", source)
    try source.require(
      Set(context).count == 1,
      "cross_attention_dim",
      "\(context) differ, but there is one image embedding for all levels"
    )
    crossAttentionDim = context[0]
    additionTimeEmbedDim = file.additionTimeEmbedDim ?? 256
    let projected = file.projectionClassEmbeddingsInputDim ?? 768
    try source.require(
      additionTimeEmbedDim > 0 && additionTimeEmbedDim % 2 == 0
        && projected == 3 * additionTimeEmbedDim,
      "projection_class_embeddings_input_dim",
      "\(projected) is not three times addition_time_embed_dim \(additionTimeEmbedDim)"
    )
    numFrames = file.numFrames ?? 25
    try source.require((1...4096).contains(numFrames), "num_frames", "\(numFrames) is out of range")
    sampleSize = file.sampleSize
  }

  private static func attention(
    _ types: [String]?,
    _ levels: Int,
    _ names: [String],
    _ standard: [Bool],
    _ key: String,
    _ source: ConfigurationFile
  ) throws(ConfigurationError) -> [Bool] {
    let types = types ?? standard.map { names[$0 ? 0 : 1] }
    try source.require(
      types.count == levels,
      key,
      "has \(types.count) entries for \(levels) levels"
    )
    for type in types {
      try source.require(
        names.contains(type),
        key,
        "\"\(type)\" is not one of \(names.joined(separator: ", "))"
      )
    }
    return types.map { $0 == names[0] }
  }
}
