// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
public import TensorCore

/// A checkpoint, loaded: a folder in diffusers' layout, or one file in that of Stability's own code.
public struct StableVideoDiffusionModel: Sendable {
  /// Where the model lives.
  public let backend: any Backend
  /// Whether memory or time is spared.
  public let memory: MemoryMode
  /// The vision tower, where it stays.
  private let keptImageEncoder: CLIPVisionModel?
  /// The autoencoder.
  public let vae: AutoencoderKLTemporalDecoder
  /// The denoiser.
  public let unet: UNetSpatioTemporalConditionModel
  /// How clips are sampled.
  public let scheduler: Scheduler
  /// How pictures are normalised for the vision tower.
  public let imageConfiguration: CLIPImageConfiguration
  /// The autoencoder's configuration.
  public let vaeConfiguration: VAEConfiguration
  /// The denoiser's configuration.
  public let unetConfiguration: UNetConfiguration
  /// What the model's makers recommend; empty where they say nothing.
  public let recommended: RecommendedSettings
  /// The bytes of all weights as they are stored.
  public let weightBytes: Int
  /// Tells this checkpoint from others: 64 hexadecimal digits.
  ///
  /// A hash over the configuration files and over each tensor's name, type, shape and first 4 KiB, since
  /// hashing gigabytes would take longer than loading them. How tensors are spread over files does not
  /// matter.
  public let digest: String
  /// What a person should know, as "the variant fp16 was used".
  public let remarks: [String]
  /// Loads the vision tower once more.
  private let loadImageEncoder: @Sendable () throws -> CLIPVisionModel
  /// Loads the autoencoder once more, to compute in float32.
  private let loadPreciseVAE: @Sendable () throws -> AutoencoderKLTemporalDecoder

  /// Loads a checkpoint.
  ///
  /// - Parameters:
  ///   - folder: The folder that holds `model_index.json`, or a safetensors file with all parts.
  ///   - variant: The variant of the weight files, as "fp16"; none for the plain files, or, where
  ///     there are none, the fp16 or bf16 ones.
  ///   - randomSeed: Where weights are made up by formula from, in place of the files; none to read
  ///     the files.
  ///   - loras: What is added to the denoiser's weights; nothing to weights that are made up.
  ///   - memory: Whether memory or time is spared.
  ///   - backend: Where the model is to live.
  /// - Throws: `ConfigurationError`, `SafetensorsError` or `WeightsError`, each naming file, key or
  ///   tensor.
  public init(
    folder: String,
    variant: String? = nil,
    randomSeed: UInt64? = nil,
    loras: [LoRA] = [],
    memory: MemoryMode = .standard,
    backend: any Backend
  ) throws {
    let checkpoint = try Checkpoint(path: folder, variant: variant)
    let unetConfiguration = try checkpoint.unetConfiguration()
    let vaeConfiguration = try checkpoint.vaeConfiguration()
    let clip = try checkpoint.imageEncoderConfiguration()
    scheduler = try checkpoint.scheduler()
    imageConfiguration = try CLIPImageConfiguration(
      checkpoint.configuration("feature_extractor/preprocessor_config.json")
    )
    recommended = try checkpoint.recommendedSettings()
    guard clip.projectionDim == unetConfiguration.crossAttentionDim else {
      throw ConfigurationError(
        checkpoint.configuration(ModelComponent.unet.configuration).path,
        "cross_attention_dim",
        "\(unetConfiguration.crossAttentionDim) is not the image encoder's projection_dim "
          + "\(clip.projectionDim)"
      )
    }
    guard vaeConfiguration.latentChannels == unetConfiguration.outChannels else {
      throw ConfigurationError(
        checkpoint.configuration(ModelComponent.unet.configuration).path,
        "out_channels",
        "\(unetConfiguration.outChannels) is not the VAE's latent_channels "
          + "\(vaeConfiguration.latentChannels)"
      )
    }

    var remarks = checkpoint.remarks
    var weightBytes = 0
    var digest = CheckpointDigest()
    var imageEncoderDigest = CheckpointDigest()
    func open(_ component: ModelComponent) throws -> Weights {
      let place = checkpoint.place(of: component)
      if let randomSeed {
        let source = FormulaWeights(component: component.rawValue, seed: randomSeed)
        digest.add("\(component.rawValue) \(randomSeed)")
        return Weights(source, backend: backend, place: place)
      }
      let tensors = try checkpoint.tensors(of: component, remarks: &remarks)
      weightBytes += tensors.totalByteCount
      digest.add(component.rawValue, tensors)
      if component == .imageEncoder { imageEncoderDigest.add(component.rawValue, tensors) }
      guard component == .unet, !loras.isEmpty else {
        return Weights(tensors, backend: backend, place: place)
      }
      let adapted = try checkpoint.adding(loras, to: tensors)
      for file in adapted.files {
        remarks += file.remarks
        digest.add(file)
      }
      return Weights(adapted, backend: backend, place: place)
    }
    // Loaded in either mode, so that what is wrong with its files is known now.
    let imageEncoder = try CLIPVisionModel(open(.imageEncoder), clip)
    keptImageEncoder = memory == .low ? nil : consume imageEncoder
    vae = try AutoencoderKLTemporalDecoder(open(.vae), vaeConfiguration)
    unet = try UNetSpatioTemporalConditionModel(open(.unet), unetConfiguration)
    let imageEncoderText = imageEncoderDigest.finished()
    /// Opens a component once more; if it had a digest, that must be its digest still.
    @Sendable func reopen(
      _ component: ModelComponent,
      _ backend: any Backend,
      digest text: String? = nil
    ) throws -> Weights {
      let place = checkpoint.place(of: component)
      if let randomSeed {
        let source = FormulaWeights(component: component.rawValue, seed: randomSeed)
        return Weights(source, backend: backend, place: place)
      }
      var remarks: [String] = []
      let tensors = try checkpoint.tensors(of: component, remarks: &remarks)
      if let text {
        var digest = CheckpointDigest()
        digest.add(component.rawValue, tensors)
        guard digest.finished() == text else {
          throw ConfigurationError(
            place,
            nil,
            "the image encoder's weights have changed since the model was loaded; load it again"
          )
        }
      }
      return Weights(tensors, backend: backend, place: place)
    }
    loadImageEncoder = {
      try CLIPVisionModel(reopen(.imageEncoder, backend, digest: imageEncoderText), clip)
    }
    loadPreciseVAE = {
      try AutoencoderKLTemporalDecoder(reopen(.vae, backend.inFullPrecision), vaeConfiguration)
    }
    self.backend = backend
    self.memory = memory
    self.digest = digest.finished(checkpoint)
    self.unetConfiguration = unetConfiguration
    self.vaeConfiguration = vaeConfiguration
    self.weightBytes = weightBytes
    self.remarks = remarks
  }

  /// The vision tower; where memory is spared it is loaded anew, and its weights are freed with it.
  ///
  /// - Throws: As `init`, also where its files have changed meanwhile; nothing where it stays.
  public func imageEncoder() throws -> CLIPVisionModel {
    try keptImageEncoder ?? loadImageEncoder()
  }

  /// The autoencoder in float32, loaded anew: for frames that a shorter type cannot hold.
  ///
  /// - Returns: None where the model computes in float32 already.
  /// - Throws: As `init`.
  func preciseVAE() throws -> AutoencoderKLTemporalDecoder? {
    guard backend.inFullPrecision !== backend else { return nil }
    return try loadPreciseVAE()
  }
}
