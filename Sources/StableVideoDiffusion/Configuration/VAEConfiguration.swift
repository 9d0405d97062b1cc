// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The configuration of `AutoencoderKLTemporalDecoder`, or of `AutoencoderKL`: `vae/config.json`, checked.
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
  /// Whether the decoder looks along time; that of `AutoencoderKL` decodes each frame by itself.
  public let isTemporal: Bool

  private struct File: Decodable {
    var className: String?
    var inChannels: Int?
    var outChannels: Int?
    var downBlockTypes: [String]?
    var upBlockTypes: [String]?
    var blockOutChannels: [Int]?
    var layersPerBlock: Int?
    var latentChannels: Int?
    var scalingFactor: Float?
    var shiftFactor: Float?
    var forceUpcast: Bool?
    var midBlockAddAttention, useQuantConv, usePostQuantConv: Bool?

    enum CodingKeys: String, CodingKey {
      case className = "_className"
      case inChannels, outChannels, downBlockTypes, upBlockTypes, blockOutChannels
      case layersPerBlock, latentChannels, scalingFactor, shiftFactor, forceUpcast
      case midBlockAddAttention, useQuantConv, usePostQuantConv
    }
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
    isTemporal = file.className != "AutoencoderKL"
    if !isTemporal { try Self.checkImageDecoder(file, source) }
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

  /// Refuses the choices of `AutoencoderKL` that no Stable Video Diffusion model makes.
  private static func checkImageDecoder(
    _ file: File,
    _ source: ConfigurationFile
  ) throws(ConfigurationError) {
    for type in file.upBlockTypes ?? [] {
      try source.require(
        type == "UpDecoderBlock2D",
        "up_block_types",
        "\"\(type)\" is not UpDecoderBlock2D"
      )
    }
    let flags = [
      ("mid_block_add_attention", file.midBlockAddAttention), ("use_quant_conv", file.useQuantConv),
      ("use_post_quant_conv", file.usePostQuantConv),
    ]
    for (key, flag) in flags { try source.require(flag != false, key, "must be true") }
    try source.require((file.shiftFactor ?? 0) == 0, "shift_factor", "must be zero or null")
  }

  /// How many pixels of a picture one latent spans along each side.
  public var scaleFactor: Int { 1 << (blockOutChannels.count - 1) }
}
