// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The configuration of `AutoencoderKLTemporalDecoder`: `vae/config.json`, checked.
public struct VAEConfiguration: Sendable, Equatable {
  /// Channels of each level, finest first.
  public let blockOutChannels: [Int]
  /// Residual blocks of each level of the encoder; the decoder has one more.
  public let layersPerBlock: Int
  /// Channels of the latents.
  public let latentChannels: Int
  /// What latents are divided by before they are decoded.
  public let scalingFactor: Float
  /// Whether the encoder overflows in 16 bits and is to be run in float32.
  public let forceUpcast: Bool

  private struct File: Decodable {
    var inChannels: Int?
    var outChannels: Int?
    var downBlockTypes: [String]?
    var blockOutChannels: [Int]?
    var layersPerBlock: Int?
    var latentChannels: Int?
    var scalingFactor: Float?
    var forceUpcast: Bool?
  }

  /// Reads and checks a configuration; absent keys take the class's defaults.
  ///
  /// - Parameter path: The JSON file.
  /// - Throws: `ConfigurationError` for a file that cannot be read, or a value that is not supported.
  public init(path: String) throws(ConfigurationError) {
    let source = ConfigurationFile(path: path)
    let file = try source.decode(File.self)
    try source.require((file.inChannels ?? 3) == 3, "in_channels", "pictures have 3 channels")
    try source.require((file.outChannels ?? 3) == 3, "out_channels", "pictures have 3 channels")
    blockOutChannels = file.blockOutChannels ?? [64]
    let levels = blockOutChannels.count
    try source.require((1...8).contains(levels), "block_out_channels", "has \(levels) levels")
    try source.require(
      blockOutChannels.allSatisfy { $0 > 0 && $0 % 32 == 0 && $0 <= 1 << 16 },
      "block_out_channels",
      "\(blockOutChannels) must be multiples of the 32 groups of group norm"
    )
    let types = file.downBlockTypes ?? ["DownEncoderBlock2D"]
    try source.require(
      types.count == levels,
      "down_block_types",
      "has \(types.count) entries for \(levels) levels"
    )
    for type in types {
      try source.require(
        type == "DownEncoderBlock2D",
        "down_block_types",
        "\"\(type)\" is not DownEncoderBlock2D"
      )
    }
    layersPerBlock = file.layersPerBlock ?? 1
    try source.require(
      (1...64).contains(layersPerBlock),
      "layers_per_block",
      "\(layersPerBlock) is out of range"
    )
    latentChannels = file.latentChannels ?? 4
    try source.require(
      (1...256).contains(latentChannels),
      "latent_channels",
      "\(latentChannels) is out of range"
    )
    forceUpcast = file.forceUpcast ?? true
    scalingFactor = file.scalingFactor ?? 0.18215
    try source.require(
      scalingFactor > 0 && scalingFactor.isFinite,
      "scaling_factor",
      "must be above zero"
    )
  }

  /// How many pixels of a picture one latent spans along each side.
  public var scaleFactor: Int { 1 << (blockOutChannels.count - 1) }
}
