// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCore

/// What a model needs of a GPU's memory, estimated before it is loaded.
package struct MemoryNeed: Sendable {
  /// Weights that stay in either mode, and those that stay in the standard one alone.
  private let weights, imageEncoderWeights: Int
  /// Elements of a feature map of the first level, for one half of the guidance.
  private let map: Int
  /// Elements that are alive while two frames are decoded.
  private let decoded: Int

  /// - Parameters:
  ///   - weights: How many the denoiser and the autoencoder have.
  ///   - imageEncoderWeights: How many the image encoder has.
  ///   - map: Elements of a feature map of the denoiser's first level, for one half of the guidance.
  ///   - decoded: Elements that are alive while as many frames are decoded as usual, as
  ///     ``decoding(frames:pixels:channels:)`` tells.
  package init(weights: Int, imageEncoderWeights: Int, map: Int, decoded: Int) {
    self.weights = weights
    self.imageEncoderWeights = imageEncoderWeights
    self.map = map
    self.decoded = decoded
  }

  /// Reads what there is to know of a checkpoint, for a clip of its own size.
  ///
  /// - Parameters:
  ///   - checkpoint: The checkpoint.
  ///   - hasWeights: Whether its files have the weights; otherwise none are counted.
  /// - Throws: As `Checkpoint`.
  package init(_ checkpoint: Checkpoint, hasWeights: Bool = true) throws {
    let configuration = try checkpoint.unetConfiguration()
    let vae = try checkpoint.vaeConfiguration()
    var request = GenerationRequest()
    request.apply(try checkpoint.recommendedSettings())
    let frames = request.frames ?? configuration.numFrames
    let latents = (request.width / vae.scaleFactor) * (request.height / vae.scaleFactor)
    var remarks: [String] = []
    let parts = hasWeights ? try checkpoint.parts(remarks: &remarks) : []
    func count(_ components: ModelComponent...) -> Int {
      parts.reduce(0) { $0 + (components.contains($1.component) ? $1.weights : 0) }
    }
    self.init(
      weights: count(.unet, .vae),
      imageEncoderWeights: count(.imageEncoder),
      map: frames * latents * (configuration.blockOutChannels.first ?? 0),
      decoded: Self.decoding(
        frames: min(2, frames),
        pixels: request.width * request.height,
        channels: vae.blockOutChannels
      )
    )
  }

  /// How many bytes of a hidden layer are made at a time.
  package static func workingBytes(_ mode: MemoryMode) -> Int {
    (mode == .low ? 96 : 384) << 20
  }

  /// Bytes that are needed.
  ///
  /// - Parameters:
  ///   - mode: How memory is used.
  ///   - elementBytes: Bytes of an element.
  /// - Returns: An estimate, with room to spare.
  package func bytes(_ mode: MemoryMode, elementBytes: Int) -> Int {
    // Nine maps of the first level are alive at most, and small ones beside them: skips, operands and
    // results.
    let maps = map * 19 / 2
    let elements =
      switch mode {
      case .standard: weights + imageEncoderWeights + max(2 * maps, decoded)
      case .low: weights + max(maps, decoded, imageEncoderWeights)
      }
    // Hidden layers where maps are small, workspaces and code of libraries.
    return elements * elementBytes + Self.workingBytes(mode) / 2 + 384 << 20
  }

  /// The mode to use.
  ///
  /// - Parameters:
  ///   - wanted: What was asked for; nil for the standard mode where it fits, else the low one.
  ///   - free: Bytes that nobody uses.
  ///   - elementBytes: Bytes of an element.
  /// - Returns: The mode, with a remark where it was not asked for and is not the standard one.
  /// - Throws: ``MemoryShortage`` where that does not fit.
  package func mode(
    _ wanted: MemoryMode?,
    free: Int,
    elementBytes: Int
  ) throws(MemoryShortage) -> (mode: MemoryMode, remark: String?) {
    func needed(_ mode: MemoryMode) -> Int { bytes(mode, elementBytes: elementBytes) }
    func fits(_ mode: MemoryMode) -> Bool { needed(mode) <= free }
    if let wanted, fits(wanted) { return (wanted, nil) }
    if wanted == nil, fits(.standard) { return (.standard, nil) }
    if wanted == nil, fits(.low) {
      return (
        .low,
        "about \(needed(.standard) >> 20) MiB of the GPU's memory are needed, \(free >> 20) are free: "
          + "--memory low is used, which takes about \(needed(.low) >> 20) and a little more time; say "
          + "so, and this remark ends"
      )
    }
    throw MemoryShortage(
      needed: needed(wanted ?? .low),
      isEased: wanted == .standard && fits(.low)
    )
  }

  /// The least that a decoder needs at once, for elements of one byte.
  ///
  /// - Parameters:
  ///   - frames: Frames that are decoded together.
  ///   - pixels: Pixels of each.
  ///   - channels: Channels of the autoencoder's levels, the finest first.
  /// - Returns: Elements that are alive at once.
  package static func decoding(frames: Int, pixels: Int, channels: [Int]) -> Int {
    // At the finest level: what comes from the one below, the same normalised, and the first result.
    let (own, below) = (channels.first ?? 0, channels.dropFirst().first ?? channels.first ?? 0)
    return frames * pixels * (2 * below + own)
  }
}

/// A model does not fit into a GPU's memory.
package struct MemoryShortage: Error, Equatable {
  /// Bytes that are needed.
  package let needed: Int
  /// Whether it would fit in the low mode.
  package let isEased: Bool
}
